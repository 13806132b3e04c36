"""Seeds, and the tree of random streams that grows from one seed.

    SeedSequence(seed) -> one child per use ("data", "init", ...)

A stream depends on its seed and the name of its use alone: not on the order of calls, on other
streams, or on the process it runs in.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

SEEDS = (42, 123, 456, 789, 1337)
"""The seeds everyone starts with, in this order."""

# All seeds fit a signed 32-bit integer: some programs (awk, C) take a larger one for the largest
# they know, and then every seed is the same.
_HALF = 2**30


@lru_cache(maxsize=256)
def _words(use: str) -> tuple[int, ...]:
    """Four 32-bit words of a hash that does not change between processes, unlike `hash`."""
    digest = hashlib.blake2b(use.encode(), digest_size=16).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))


def sequence(seed: int, use: str) -> np.random.SeedSequence:
    """The root of the stream for one use, from which any generator can be made."""
    return np.random.SeedSequence([abs(seed), int(seed < 0), *_words(use)])


def generator(seed: int, use: str) -> np.random.Generator:
    """A numpy generator for one use."""
    return np.random.Generator(np.random.PCG64(sequence(seed, use)))


def number(seed: int, use: str) -> int:
    """A 63-bit seed for generators that want a single number, such as PyTorch's."""
    high, low = sequence(seed, use).generate_state(2, np.uint32)
    return (int(high) << 31) ^ int(low)


def first(count: int) -> tuple[int, ...]:
    """The first `count` seeds: `SEEDS`, then more drawn below 2^30, all different."""
    return _distinct(count, SEEDS, "seeds", offset=0)


def fresh(count: int, *, use: str = "confirm") -> tuple[int, ...]:
    """Seeds that `first` never gives (from 2^30 to 2^31), for confirming what was selected.

    `use` names the purpose; different purposes draw different seeds.
    """
    return _distinct(count, (), f"fresh {use}", offset=_HALF)


def _distinct(count: int, start: tuple[int, ...], use: str, *, offset: int) -> tuple[int, ...]:
    """The same sequence whatever the count, so that more seeds extend fewer."""
    if count <= len(start):
        return start[:count]
    rng = generator(0, use)
    seeds = dict.fromkeys(start)
    while len(seeds) < count:
        seeds[offset + int(rng.integers(_HALF))] = None
    return tuple(seeds)
