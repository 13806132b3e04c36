"""Damage to files, as disks, copies and people do it: the same for the same generator."""

from __future__ import annotations

import random
import re

_TOKEN = re.compile(rb"[A-Za-z_]+|[-+.0-9e]+|[{}\[\]\",:]")


def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def cut(data: bytes, rng: random.Random) -> bytes:
    """A part in the middle is gone."""
    first, last = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:first] + data[last:]


def zeros(data: bytes, rng: random.Random) -> bytes:
    """A block that was never written, after a power cut."""
    first = rng.randrange(len(data))
    size = min(rng.choice((1, 8, 64, 512)), len(data) - first)
    return data[:first] + bytes(size) + data[first + size :]


def swap(data: bytes, rng: random.Random) -> bytes:
    """Two words or numbers have changed places."""
    tokens = list(_TOKEN.finditer(data))
    if len(tokens) < 2:
        return flip(data, rng)
    one, other = sorted(rng.sample(tokens, 2), key=re.Match.start)
    return (
        data[: one.start()] + other[0] + data[one.end() : other.start()] + one[0]
        + data[other.end() :]
    )  # fmt: skip


def replace(data: bytes, rng: random.Random) -> bytes:
    """A word or number is another, as by a careless edit."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return flip(data, rng)
    token = rng.choice(tokens)
    other = rng.choice((b"5", b"-1", b"nan", b"null", b"[]", b"{}", b'"x"', b"1e999", b"9" * 401))
    return data[: token.start()] + other + data[token.end() :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """A line stands there twice."""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join((*lines[: at + 1], lines[at], *lines[at + 1 :]))


def leave_out(data: bytes, rng: random.Random) -> bytes:
    """A line is missing."""
    lines = data.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


KINDS = (flip, flip, truncate, cut, zeros, swap, replace, repeat, leave_out)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Damaged somehow, and never the same as before."""
    while True:
        found = rng.choice(KINDS)(data, rng)
        if found != data:
            return found
