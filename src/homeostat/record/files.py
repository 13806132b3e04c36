"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError

_REASONS = {
    errno.ENOSPC: ("no space left on the device", "Free some space, then resume the run."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, then resume the run."),
    errno.EFBIG: ("the file would pass the size limit", "Raise the limit (ulimit -f)."),
    errno.EMFILE: ("too many files are open", "Raise the limit:  ulimit -n 1024"),
    errno.EROFS: (
        "the file system is read-only",
        "Choose another folder:  --results FOLDER",
    ),
    errno.EACCES: (
        "permission denied",
        "Choose another folder:  --results FOLDER",
    ),
    errno.EPERM: (
        "permission denied",
        "Choose another folder:  --results FOLDER",
    ),
    errno.ENOTDIR: (
        "a part of the path is a file",
        "Choose another folder:  --results FOLDER",
    ),
}


def cannot_write(path: str | Path, error: OSError) -> RecordError:
    """The one line a user reads when the disk refuses."""
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
    return RecordError(f"Cannot write {path}: {reason}.", hint=hint)


def make_folder(path: Path, *, new: bool = False) -> None:
    """Create a folder and its parents; with `new`, FileExistsError when it is there already."""
    try:
        path.mkdir(parents=True, exist_ok=not new)
    except FileExistsError:
        if new and path.is_dir():
            raise
        raise RecordError(
            f"Cannot write {path}: there is a file of that name.",
            hint="Choose another folder:  --results FOLDER",
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from error


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replace a file in one rename: a reader sees the old or the new one, never a part."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 (pathlib's doubles the cost of a small file)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what writers that were killed left beside the files of a folder that is ours now."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 (hot path)
            if name.endswith(".tmp") and name.split(".")[-2].isdecimal():
                os.unlink(folder / name)  # noqa: PTH108 (hot path)


def write_all(descriptor: int, data: bytes) -> None:
    """`os.write` until nothing is left: one call may write a part only."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def write_json(path: str | Path, data: Mapping[str, Any]) -> None:
    """Write a JSON document by rename; numbers JSON lacks (nan, inf) become strings."""
    write_bytes(path, to_json(data).encode())


def to_json(data: Mapping[str, Any]) -> str:
    """One item a line, so that a person can read it; without indentation, which is slow."""
    try:
        text = _dumps(data, allow_nan=False)
    except ValueError:
        text = _dumps(plain(data))
    return text + "\n"


def _dumps(data: Any, *, allow_nan: bool = True) -> str:
    separators = (",\n ", ": ")
    return json.dumps(data, separators=separators, default=plain, allow_nan=allow_nan)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object, or say in one line why not."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (hot path)
            data = json.load(file)
    except FileNotFoundError:
        raise RecordError(f"No file {path}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"Cannot read {path}: {error}.") from error
    if not isinstance(data, dict):
        raise RecordError(f"Cannot read {path}: it holds {type(data).__name__}, not an object.")
    return data


def plain(value: Any, *, null: bool = False) -> Any:
    """The nearest thing JSON can hold: results as dictionaries, arrays as lists, others as text.

    Args:
        value: Anything; an object with `to_json`, or a dataclass, as what it holds.
        null: Whether nan and infinities become null, which every reader of JSON takes. As text,
            which is the default, they can be read back.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return None if null else repr(float(value))
    if hasattr(value, "to_json"):
        return plain(value.to_json(), null=null)
    if isinstance(value, Mapping):
        return {str(key): plain(item, null=null) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item, null=null) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item, null=null) for item in value]
    if hasattr(value, "tolist"):  # numpy arrays and scalars, tensors
        return plain(value.tolist(), null=null)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), null=null) for f in fields(value)}
    return str(value)
