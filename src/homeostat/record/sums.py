"""Sums: the size and the checksum (CRC-32) of files, kept when nobody writes them any more."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

Sums = Mapping[str, list[int]]
"""A file's name -> its size in bytes and its checksum."""


def add_up(folder: Path, names: Iterable[str]) -> dict[str, list[int]]:
    """Those of the files that are there."""
    sums = {}
    for name in names:
        try:
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 (hot path)
                data = file.read()
        except OSError:
            continue
        sums[name] = [len(data), zlib.crc32(data)]
    return sums


def fits(data: bytes, kept: list[int] | None, *, grows: bool = False) -> bool:
    """Whether a file is as it was; with nothing kept, nobody knows better.

    Args:
        data: What is in it.
        kept: Its size and checksum.
        grows: Whether it may have become longer since.
    """
    if kept is None:
        return True
    part = data[: kept[0]] if grows and kept else data
    return [len(part), zlib.crc32(part)] == kept
