"""Data: what a network is trained and scored on, as declared to `watch` or as seen in its calls."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.inspect.tracer.recording import Call, Recording

Array = NDArray[Any]
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Table:
    """Rows of inputs, and their targets if they are known."""

    inputs: Array
    """(rows, features)."""
    targets: Array | None
    """(rows,) or (rows, outputs)."""
    declared: bool
    """Given to `trial.watch`; else seen on its way through the model."""
    made: bool = False
    """Targets were themselves computed from a model's output (rewards, pseudo labels)."""
    models: frozenset[str] = frozenset()
    """Whose predictions the targets met."""

    def hashes(self) -> list[bytes]:
        return [hashlib.blake2b(row.tobytes(), digest_size=12).digest() for row in self.inputs]


def declared(data: Any) -> Table | None:
    """What `watch(train=...)` was given, if it can be read as rows."""
    data = _unwrapped(data)
    if isinstance(data, dict):
        names = {name.lower(): value for name, value in data.items() if isinstance(name, str)}
        inputs = next((names[n] for n in ("x", "inputs", "input", "features") if n in names), None)
        targets = next((names[n] for n in ("y", "targets", "target", "labels") if n in names), None)
        data = (inputs, targets) if inputs is not None else None
    if isinstance(data, tuple | list) and 1 <= len(data) <= 2:
        arrays = [as_array(part) for part in data]
        inputs, targets = arrays[0], arrays[1] if len(arrays) > 1 else None
    else:
        inputs, targets = as_array(data), None
    if inputs is None or inputs.ndim == 0 or len(inputs) < 2:
        return None
    if targets is not None and (targets.ndim == 0 or len(targets) != len(inputs)):
        targets = None
    return Table(_flat(inputs), _limited(targets), True)


def _unwrapped(data: Any) -> Any:
    """The tensors inside a DataLoader, a TensorDataset or a Subset of one."""
    for _ in range(4):
        if hasattr(data, "dataset") and hasattr(data, "indices"):
            inner = _unwrapped(data.dataset)
            if not isinstance(inner, tuple | list):
                return None
            arrays = [as_array(part) for part in inner]
            return [a[list(data.indices)] for a in arrays if a is not None]
        if hasattr(data, "dataset"):
            data = data.dataset
        elif hasattr(data, "tensors"):
            return list(data.tensors)
    return data


def as_array(data: Any) -> Array | None:
    """A tensor or an array as an array; None of anything else."""
    if hasattr(data, "detach"):
        data = data.detach().cpu()
        data = data.float() if str(data.dtype) == "torch.bfloat16" else data
        found: Array = data.to_dense().numpy() if data.is_sparse else data.numpy()
        return found
    if isinstance(data, np.ndarray) and data.dtype != object:
        return data
    return None


def _flat(inputs: Array) -> Array:
    return np.ascontiguousarray(inputs[:MOST_ROWS].reshape(min(len(inputs), MOST_ROWS), -1))


def _limited(targets: Array | None) -> Array | None:
    return None if targets is None else np.ascontiguousarray(targets[:MOST_ROWS])


def passed(calls: list[Call]) -> Table | None:
    """The first batches that calls were given, with the targets their outputs met."""
    inputs: list[Array] = []
    targets: list[Array] = []
    made = False
    models: set[str] = set()
    met = Counter(id(call.module) for call in calls if call.pairs and call.inputs)
    main = met.most_common(1)[0][0] if met else None
    for call in [c for c in calls if id(c.module) == main]:
        if not call.inputs:
            continue
        array = as_array(call.inputs[0])
        met_by = next((p for p in call.pairs if p.target.ndim), None)
        pair = as_array(met_by.target) if met_by is not None else None
        if array is None or array.ndim < 1 or pair is None or len(pair) != len(array):
            continue
        if np.array_equal(pair.reshape(-1), np.arange(pair.size)):
            continue  # each row's place in its batch, as contrastive losses have it
        if inputs and array.shape[1:] != inputs[0].shape[1:]:
            continue
        if targets and pair.shape[1:] != targets[0].shape[1:]:
            continue
        inputs.append(array)
        targets.append(pair)
        if met_by is not None:
            made |= met_by.made
            models.add(call.model)
    if not inputs:
        return None
    table, wanted = _flat(np.concatenate(inputs)), _limited(np.concatenate(targets))
    # Once each: a row that passed in every epoch would be its own nearest neighbour.
    once = list({row.tobytes(): i for i, row in reversed(list(enumerate(table)))}.values())[::-1]
    return Table(
        table[once], None if wanted is None else wanted[once], False, made, frozenset(models)
    )


def training(run: Recording) -> Table | None:
    """What the network learns from: as seen in its calls if there is enough, else as declared."""
    told = declared(run.train_data)
    seen = passed([c for c in run.calls if c.learnt_from])
    if seen is not None and (told is None or told.targets is None or len(seen.inputs) >= 100):
        return seen
    return told or seen


def validation(run: Recording) -> Table | None:
    """What it is scored on."""
    told = declared(run.validation_data)
    if told is not None and told.targets is not None:
        return told
    return passed([c for c in run.calls if c.evaluation]) or told
