"""Counter-based random numbers: each one is computed from its name, none from the one before.

A key names a use: key_of(PELLETS, seed, generation, layout). Number i under a key is a hash of the
two (splitmix64's finaliser), so results do not depend on the order or the thread that asks. Inside
compiled loops a `stream` (one uint64 in an array) walks a key's numbers one after the other.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; Steele et al. 2014.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from homeostat.workloads.evolution.compiled import compiled, compiled_part

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)
_ONE = np.uint64(1)

# Second words of names, far from any small number a name may be made of: what grew from a node,
# what senses something, what split a connection.
GROWN, SENSE, SPLIT = 1 << 40, 1 << 41, 1 << 42

# Uses of randomness, the first word of every key.
PELLETS, HELD_OUT, BIRTH, BREED, SELECT, SAMPLE = range(6)


@compiled_part
def mix(key: Any, number: Any) -> Any:
    """A uint64 that depends on every bit of `key` and `number` (uint64)."""
    z = np.uint64(key) + (np.uint64(number) + _ONE) * GOLDEN
    z = (z ^ (z >> _S30)) * _A
    z = (z ^ (z >> _S27)) * _B
    return z ^ (z >> _S31)


@compiled
def uniform_at(key: Any, number: Any) -> Any:
    """Number `number` (uint64) of `key` as a float32 in [0, 1)."""
    return np.float32(mix(key, number) >> _S40) * np.float32(2.0**-24)


@compiled
def key_at(key: Any, number: int) -> Any:
    """A key below `key`: one for every `number`."""
    return mix(key, np.uint64(number))


def key_of(*words: int) -> np.uint64:
    """The key named by whole numbers, e.g. (PELLETS, seed, generation)."""
    key = np.uint64(len(words))
    for word in words:
        key = np.uint64(key_at(key, word))
    return key


@compiled
def join(a: int, b: int) -> Any:
    """The 64-bit name of what a and b make together, in this order; never negative."""
    return np.int64(mix(np.uint64(a), np.uint64(b)) >> _ONE)


@compiled
def uniform(stream: Any) -> Any:
    """The next float32 in [0, 1)."""
    stream[0] += GOLDEN
    return np.float32(mix(stream[0], np.uint64(0)) >> _S40) * np.float32(2.0**-24)


@compiled_part
def between(stream: Any, low: Any, high: Any) -> Any:
    """The next number in [low, high)."""
    return low + (high - low) * uniform(stream)


@compiled
def below(stream: Any, count: int) -> Any:
    """The next whole number in 0 .. count - 1."""
    return min(int(uniform(stream) * count), count - 1)


@compiled
def normal(stream: Any) -> Any:
    """The next number from a normal distribution of mean 0 and s.d. 1 (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(stream)))
    return radius * math.cos(2.0 * math.pi * uniform(stream))
