"""Schema: what a kind of JSON file holds, checked once where it is read.

    RUN = Kind("run", {"workload": str, "seeds": list[int]}, {"reference": str | None})
    RUN.write(path, facts)
    RUN.read(path)

A file says which format it has, and its first line carries a checksum (CRC-32) of the lines after
it, so that what a disk or a copy has damaged is told from what was measured:

    {"crc32": "8d2f01ac",
     "format": 1,
     "workload": "mlp", ...

Files of earlier versions have neither, and are read. Keys that the schema does not know stay.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from homeostat.errors import RecordError
from homeostat.record.files import to_json, write_bytes

FORMAT = 1
_SEAL = re.compile(rb'\{"crc32": "([0-9a-f]{8})",\n')
_NOT_FINITE = ("nan", "inf", "-inf")
"""How numbers that JSON lacks are written (`files.plain`)."""

Fields = Mapping[str, Any]
"""Key -> a type, a function that says whether a value is right, or the fields of an object."""


class Kind:
    """One kind of file.

    Args:
        name: What it is about, for its messages.
        needs: The keys it must have, with what each holds.
        may_have: The keys it may have.
    """

    def __init__(self, name: str, needs: Fields, may_have: Fields | None = None) -> None:
        self.name = name
        self._needs = needs
        self._may_have = dict(may_have or {})

    def write(self, path: str | Path, facts: Mapping[str, Any]) -> None:
        """Write facts by rename, with the format and the checksum."""
        known = {key: value for key, value in facts.items() if key not in ("crc32", "format")}
        write_bytes(path, sealed(to_json({"format": FORMAT, **known}).encode()))

    def read(self, path: str | Path) -> dict[str, Any]:
        """What is in a file.

        Raises:
            RecordError: If it cannot be read, was damaged, is of a later version, or holds
                something else than this kind does; the message has the file, the line and the key.
        """
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise RecordError(f"No file {path}.") from None
        except OSError as error:
            raise RecordError(f"Cannot read {path}: {error.strerror}.") from error
        facts = parse(data, path)
        if "format" not in facts and self._needs and next(iter(facts), "") not in self._needs:
            raise RecordError(f"Cannot read {path}, line 1: it is damaged.")
        wrong = self.problem(facts)
        if wrong is not None:
            key, told = wrong
            raise RecordError(f"Cannot read {_place(path, data, key)}: {told}.")
        return facts

    def problem(self, facts: Mapping[str, Any]) -> tuple[str, str] | None:
        """The first key that is missing or holds something else, and a sentence about it."""
        for key, wanted in self._needs.items():
            if key not in facts:
                return key, f"it has no {key!r}, {_words(wanted)}"
        for key, wanted in (*self._needs.items(), *self._may_have.items()):
            if key in facts and not _fits(facts[key], wanted):
                shown = repr(facts[key])
                shown = shown if len(shown) < 60 else f"{shown[:60]}..."
                return key, f"{key!r} must be {_words(wanted)}, and is {shown}"
        return None


def sealed(text: bytes) -> bytes:
    """The text of a JSON object with the checksum of what follows on a first line of its own."""
    rest = b" " + text[1:]
    return b'{"crc32": "%08x",\n' % zlib.crc32(rest) + rest


def parse(data: bytes, path: str | Path) -> dict[str, Any]:
    """The object in a file's bytes, if they are as they were written.

    Raises:
        RecordError: If they are not.
    """
    seal = _SEAL.match(data)
    if seal is not None and int(seal[1], 16) != zlib.crc32(data[seal.end() :]):
        raise changed(path, f'set "crc32" in {Path(path).name} to null')
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"Cannot read {path}: {error}.") from None
    if not isinstance(facts, dict):
        raise RecordError(f"Cannot read {path}: it holds {type(facts).__name__}, not an object.")
    if "format" in facts:
        written = facts["format"]
        if isinstance(written, int) and written > FORMAT:
            raise RecordError(
                f"Cannot read {path}: it has format {written}, and this version knows {FORMAT}.",
                hint="Upgrade:  pip install --upgrade homeostat",
            )
        if seal is None and facts.get("crc32", "") is not None:
            raise RecordError(f'Cannot read {path}, line 1: it has no "crc32" of eight digits.')
    return facts


def changed(path: str | Path, accept: str) -> RecordError:
    """The one line about a file whose checksum does not fit."""
    return RecordError(
        f"{path} is not as it was written: its checksum does not fit.",
        hint=f"If you changed it on purpose, {accept}.",
    )


def _place(path: str | Path, data: bytes, key: str) -> str:
    """The file, and the line of a key in it."""
    at = data.find(json.dumps(key).encode() + b":")
    return f"{path}, line {data.count(10, 0, at) + 1}" if at >= 0 else str(path)


def _fits(value: Any, wanted: Any) -> bool:
    # Most by far; a study of 20,000 trials has half a million of them. (The type of True is bool.)
    if type(value) is wanted or wanted is Any:
        return True
    if isinstance(wanted, Mapping):
        return isinstance(value, dict) and all(
            key in value and _fits(value[key], inner) for key, inner in wanted.items()
        )
    if isinstance(wanted, UnionType):
        return any(_fits(value, each) for each in get_args(wanted))
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    if wanted is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number or (isinstance(value, str) and value in _NOT_FINITE)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(wanted, type):
        return bool(wanted(value))
    if issubclass(wanted, StrEnum):
        return isinstance(value, str) and value in wanted._value2member_map_
    return isinstance(value, wanted)


_NAMES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
    Any: "anything",
}


def _words(wanted: Any) -> str:
    """What is wanted, for a sentence."""
    if isinstance(wanted, Mapping):
        return f"an object with {', '.join(wanted)}"
    if isinstance(wanted, UnionType):
        return " or ".join(_words(each) for each in get_args(wanted))
    if get_origin(wanted) is not None:
        plural = {"a whole number": "whole numbers", "a number": "numbers", "a text": "texts"}
        words = _words(get_args(wanted)[-1])
        return f"{_words(get_origin(wanted))} of {plural.get(words, words)}"
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return f"one of {', '.join(wanted)}"
    return _NAMES.get(wanted) or " ".join((wanted.__doc__ or "").split()).rstrip(".")


def objectives(value: Any) -> bool:
    """an object of metrics, each with "minimize" or "maximize"."""
    goals = ("minimize", "maximize")
    return isinstance(value, dict) and bool(value) and all(v in goals for v in value.values())


def seeds(value: Any) -> bool:
    """a list of different whole numbers from 0."""
    good = isinstance(value, list) and all(_fits(seed, int) and seed >= 0 for seed in value)
    return good and len(set(value)) == len(value)
