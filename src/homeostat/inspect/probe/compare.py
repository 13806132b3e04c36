"""Compare: are two runs the same, bit by bit, and if not, where do they first differ?"""

from __future__ import annotations

import re
from collections.abc import Collection

from homeostat.inspect.tracer.recording import Recording
from homeostat.wording import plural
from homeostat.workload.report import Report

_CLOCKS = re.compile(
    r"(^|_)(time|seconds|secs?|ms|elapsed|duration|wall|speed|throughput|fps|memory|mb|rss|"
    r"per_sec|per_second|eta)(_|$)|_s$"
)


def noisy_metrics(first: Recording, second: Recording) -> frozenset[str]:
    """Metrics that measure the machine: they differ between equal runs, and are named like it."""
    return frozenset(
        name
        for one, two in zip(first.reports, second.reports, strict=False)
        for name, value in one.metrics.items()
        if repr(value) != repr(two.metrics.get(name)) and _CLOCKS.search(name.lower())
    )


def same(one: Report, two: Report, ignore: Collection[str] = ()) -> bool:
    """Whether two reports are the same, bit by bit; nan is the same as nan."""
    names = (one.metrics.keys() | two.metrics.keys()) - set(ignore)
    return one.step == two.step and all(
        repr(one.metrics.get(name)) == repr(two.metrics.get(name)) for name in names
    )


def difference(one: Recording, two: Recording, ignore: Collection[str] = ()) -> str:
    """Where two runs first differ, in words; empty if they are the same."""
    skip = set(ignore)
    for a, b in zip(one.reports, two.reports, strict=False):
        if a.step != b.step:
            return f"one reports step {a.step} where the other reports {b.step}"
        for name in sorted(a.metrics.keys() | b.metrics.keys()):
            left, right = a.metrics.get(name), b.metrics.get(name)
            if name not in skip and repr(left) != repr(right):
                return f"at step {a.step} {name} is {_show(left)} and {_show(right)}"
    cut = one.cut in ("time", "differs") or two.cut in ("time", "differs")
    if len(one.reports) != len(two.reports) and not cut:
        return f"one makes {plural(len(one.reports), 'report')}, the other {len(two.reports)}"
    if one.settings != two.settings and not cut:
        return "their optimisers are set differently"
    if one.digest != two.digest and not cut:
        return "their weights end differently"
    if repr(one.ending.outcome) != repr(two.ending.outcome) and not cut:
        return f"one ends {one.ending.outcome}, the other {two.ending.outcome}"
    return ""


def _show(value: float | None) -> str:
    return "missing" if value is None else f"{value:.9g}"
