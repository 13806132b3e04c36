"""Seeds and streams: the same everywhere, different from each other."""

import subprocess
import sys

import numpy as np

from homeostat.record import seeds


def test_the_usual_seeds_come_first_and_more_extend_fewer():
    assert seeds.first(3) == (42, 123, 456)
    assert seeds.first(5) == seeds.SEEDS == (42, 123, 456, 789, 1337)
    assert seeds.first(40)[:12] == seeds.first(12)
    assert len(set(seeds.first(200))) == 200


def test_fresh_seeds_are_never_among_the_first_ones():
    assert not set(seeds.fresh(200)) & set(seeds.first(200))
    assert seeds.fresh(3) != seeds.fresh(3, use="verify")
    # A program that keeps its seed in a signed 32-bit integer must see them all as different.
    assert all(0 <= seed < 2**31 for seed in (*seeds.fresh(50), *seeds.first(50)))


def test_streams_differ_between_uses_and_seeds_and_repeat_for_the_same():
    def draw(seed, use):
        return tuple(seeds.generator(seed, use).random(4))

    assert draw(42, "data") == draw(42, "data")
    assert len({draw(42, "data"), draw(42, "init"), draw(43, "data"), draw(-42, "data")}) == 4


def test_streams_are_independent():
    a = seeds.generator(42, "a").standard_normal(100_000)
    b = seeds.generator(42, "b").standard_normal(100_000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(100_000)  # four standard errors


def test_a_stream_is_the_same_in_another_process():
    code = "from homeostat.record import seeds; print(seeds.number(42, 'données'))"
    # Python's own hash of a string changes from process to process.
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(out.stdout) == seeds.number(42, "données")
