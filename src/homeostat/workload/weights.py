"""Trained weights in a file that other programs can load: safetensors, with facts beside them.

    write_weights(path, {"readout.weight": array}, {"scale": 2.5})
    weights, facts = read_weights(path)

Any program that reads safetensors has the tensors by name. The facts, what else it takes to use
them, are JSON under the key `homeostat` of the file's metadata. No pickle: a file runs no code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.errors import DataError, MissingExtraError
from homeostat.record.files import plain, write_bytes

FILE = "weights.safetensors"
KEY = "homeostat"
Tensors = dict[str, np.ndarray]


def write_weights(path: Path, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write tensors (arrays, or PyTorch's) and facts (anything JSON can hold), by rename.

    Raises:
        MissingExtraError: Without the package safetensors.
        RecordError: If the disk refuses.
    """
    save = _safetensors().save
    arrays = {name: np.ascontiguousarray(_array(value)) for name, value in tensors.items()}
    write_bytes(path, save(arrays, {KEY: json.dumps(plain(dict(facts)))}))


def read_weights(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors by name, and the facts.

    Raises:
        DataError: If the file is not there, or is not one of these.
    """
    numpy_format = _safetensors()
    try:
        data = path.read_bytes()
        tensors = numpy_format.load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        facts = json.loads(header["__metadata__"][KEY])
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}.", hint="Name a weights.safetensors of a run."
        ) from error
    except Exception as error:  # the package's own error has no public name in older versions
        raise DataError(f"{path} is no file of weights that Homeostat wrote: {error}.") from error
    return tensors, facts


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise MissingExtraError("safetensors", "models", "Keeping weights") from None
    return safetensors.numpy
