"""Longest: of the plain run and the one that is looked into, the one that went further.

Looking slows a run down, so that it may be cut where the plain one is not. What both note, such as
what is made, stepped and loaded, is best read off the longer one.
"""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording


def longest(bench: ShortRuns) -> Recording:
    """The longer of two runs of the same configuration."""
    plain, anatomy = bench.plain(), bench.anatomy
    return plain if len(plain.reports) > len(anatomy.reports) else anatomy
