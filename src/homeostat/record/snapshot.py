"""Snapshots: a tree of plain values, arrays and tensors in one .npz file, without pickle.

A JSON skeleton keeps the shape of the tree; arrays and tensors lie beside it. What comes back is
what went in: types, dtypes, dictionary keys that are integers, and every bit.

    {"lr": 0.1, "state": {0: tensor}}
    skeleton   ["dict", [["lr", 0.1], ["state", ["dict", [[0, ["tensor", 0, "float32"]]]]]]]
    array_0    the tensor's values
"""

from __future__ import annotations

import json
import os
import struct
import sys
import zlib
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from homeostat.errors import RecordError
from homeostat.record.files import cannot_write

# What may come back instead of a plain dict; a defaultdict loses its factory, a Counter nothing.
_MAPPINGS: dict[str, Any] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_SEQUENCES: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}


def write_snapshot(path: Path, tree: Any) -> None:
    """Write a tree, by rename.

    Raises:
        RecordError: If the tree holds something else than numbers, text, containers, arrays and
            tensors (the message says where), or if the disk refuses.
    """
    arrays: list[np.ndarray] = []
    skeleton = json.dumps(_encode(tree, arrays, "")).encode()
    named: dict[str, Any] = {f"array_{index}": array for index, array in enumerate(arrays)}
    named["skeleton"] = np.frombuffer(skeleton, np.uint8)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            np.savez(file, **named)
            _seal(file)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def can_hold(tree: Any) -> bool:
    """Whether a snapshot can hold a tree."""
    try:
        _encode(tree, [], "")
    except RecordError:
        return False
    return True


def read_snapshot(path: Path) -> Any:
    """Read a tree back.

    Raises:
        RecordError: If there is no such file, or it is damaged or not a snapshot.
    """
    try:
        with path.open("rb") as file:
            if not _is_whole(file):
                raise ValueError("its checksum does not fit")
            with np.load(file, allow_pickle=False) as archive:
                skeleton = json.loads(archive["skeleton"].tobytes())
                return _decode(skeleton, archive)
    except FileNotFoundError:
        raise RecordError(f"No snapshot {path}.") from None
    # What a damaged archive of an earlier version makes its readers raise has no end: zlib's
    # errors, NotImplementedError, MemoryError ...
    except Exception as error:
        raise RecordError(f"Cannot read the snapshot {path}: {error}.") from error


_MARK = b"crc32:"
_COMMENT = len(_MARK) + 8


def _seal(file: BinaryIO) -> None:
    """Put the checksum of a ZIP file behind it, as the comment that such a file may end with."""
    file.seek(-2, os.SEEK_END)  # the length of the comment is the last thing in the file
    file.write(struct.pack("<H", _COMMENT))
    file.write(_MARK + b"%08x" % _checksum(file, file.tell()))


def _is_whole(file: BinaryIO) -> bool:
    """Whether the checksum fits; a file of an earlier version has none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _COMMENT))
    end = file.read()
    fits = _MARK not in end or end == _MARK + b"%08x" % _checksum(file, size - _COMMENT)
    file.seek(0)
    return fits


def _checksum(file: BinaryIO, size: int) -> int:
    file.seek(0)
    checksum = 0
    while size > 0 and (part := file.read(min(size, 1 << 20))):
        checksum = zlib.crc32(part, checksum)
        size -= len(part)
    return checksum


def _encode(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    """The skeleton of a value; its arrays are appended to `arrays`."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (np.ndarray, bytes) or isinstance(value, np.generic):
        return _encode_array(value, arrays, where)
    if isinstance(value, dict) and kind in (*_MAPPINGS.values(), defaultdict):
        name = "dict" if kind is defaultdict else kind.__name__
        pairs = [
            [_encode(key, arrays, where), _encode(item, arrays, f"{where}[{key!r}]")]
            for key, item in value.items()
        ]
        return [name, pairs]
    if kind in _SEQUENCES.values():
        items = [_encode(item, arrays, f"{where}[{i}]") for i, item in enumerate(value)]
        return [kind.__name__, items]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _encode_tensor(value, arrays, where)
    if torch is not None and isinstance(value, (torch.dtype, torch.device)):
        return [kind.__name__, str(value).removeprefix("torch.")]
    raise RecordError(
        f"A snapshot cannot hold state{where}, a {kind.__name__}.",
        hint="Keep numbers, text, lists, dicts, numpy arrays and tensors.",
    )


def _encode_array(value: Any, arrays: list[np.ndarray], where: str) -> list[Any]:
    if isinstance(value, bytes):
        arrays.append(np.frombuffer(value, np.uint8))
        return ["bytes", len(arrays) - 1]
    if value.dtype.hasobject:
        raise RecordError(f"A snapshot cannot hold state{where}, an array of Python objects.")
    arrays.append(np.asarray(value))
    return ["array" if isinstance(value, np.ndarray) else "scalar", len(arrays) - 1]


def _encode_tensor(tensor: Any, arrays: list[np.ndarray], where: str) -> list[Any]:
    if tensor.layout is not sys.modules["torch"].strided:
        raise RecordError(f"A snapshot cannot hold state{where}, a sparse tensor.")
    import torch

    still = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
    try:
        array = still.numpy()
    except TypeError:  # bfloat16 and the 8-bit floats, which numpy lacks: their bytes will do
        array = still.reshape(-1).view(torch.uint8).numpy()
    arrays.append(array)
    name = str(tensor.dtype).removeprefix("torch.")
    return ["tensor", len(arrays) - 1, name, list(tensor.shape)]


def _decode(skeleton: Any, archive: Any) -> Any:
    if not isinstance(skeleton, list):
        return skeleton
    kind, content = skeleton[0], skeleton[1]
    if kind in _MAPPINGS:
        pairs = [(_decode(key, archive), _decode(item, archive)) for key, item in content]
        return _MAPPINGS[kind](dict(pairs)) if kind != "dict" else dict(pairs)
    if kind in _SEQUENCES:
        return _SEQUENCES[kind](_decode(item, archive) for item in content)
    if kind in ("dtype", "device"):
        import torch

        return getattr(torch, content) if kind == "dtype" else torch.device(content)
    array = archive[f"array_{content}"]
    if kind == "array":
        return array
    if kind == "scalar":
        return array[()]
    if kind == "bytes":
        return array.tobytes()
    if kind == "tensor":
        return _decode_tensor(array, *skeleton[2:])
    raise ValueError(f"an unknown kind of value, {kind!r}")


def _decode_tensor(array: np.ndarray, dtype: str, shape: list[int]) -> Any:
    import torch

    wanted = getattr(torch, dtype)
    if 0 in shape:
        return torch.empty(shape, dtype=wanted)
    tensor = torch.from_numpy(np.array(array))
    if tensor.dtype != wanted:
        tensor = tensor.view(wanted)
    return tensor.reshape(shape)
