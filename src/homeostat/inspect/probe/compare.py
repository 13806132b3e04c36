"""Compare: are two runs the same, bit by bit, do they differ, or has that not been seen?"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from homeostat.inspect.tracer.recording import Recording
from homeostat.wording import plural
from homeostat.workload.report import Report

_CLOCKS = re.compile(
    r"(^|_)(time|seconds|secs?|ms|elapsed|duration|wall|speed|throughput|fps|memory|mb|rss|"
    r"per_sec|per_second|eta)(_|$)|_s$"
)


@dataclass(frozen=True)
class RunComparison:
    """What two runs say about each other.

    Attributes:
        verdict: `differs` if something that acts was seen to differ: a report, a rate, a weight,
            the end. `same` only if both were seen whole. `unseen` otherwise.
        where: Where they first differ, or why it was not seen.
        stored: Something is set differently in an optimiser, a schedule or a clip, although
            nothing was seen to come of it.
    """

    verdict: Literal["same", "differs", "unseen"]
    where: str = ""
    stored: bool = False

    @property
    def differs(self) -> bool:
        return self.verdict == "differs"

    @property
    def same(self) -> bool:
        return self.verdict == "same"


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


def compare(one: Recording, two: Recording, ignore: Collection[str] = ()) -> RunComparison:
    """Whether two runs are the same, bit by bit.

    A run that the clock cut short has shown its first reports only: where these are equal,
    nothing has been seen.
    """
    stored = one.settings != two.settings
    where = _in_reports(one, two, set(ignore))
    if where:
        return RunComparison("differs", where, stored)
    if "time" in (one.cut, two.cut):
        seen = min(len(one.reports), len(two.reports))
        most = max(len(one.reports), len(two.reports))
        told = f"the first {plural(seen, 'report')} are equal" if seen > 1 else "it came too late"
        of = f" of {most}" if most > seen else ""
        return RunComparison("unseen", f"cut by the clock after {seen}{of}; {told}", stored)
    return RunComparison("differs", where, stored) if (where := _at_the_end(one, two)) else (
        RunComparison("same", stored=stored)
    )  # fmt: skip


def _in_reports(one: Recording, two: Recording, skip: set[str]) -> str:
    """Where reports that both have first differ; empty if nowhere."""
    for a, b in zip(one.reports, two.reports, strict=False):
        if a.step != b.step:
            return f"one reports step {a.step} where the other reports {b.step}"
        for name in sorted(a.metrics.keys() | b.metrics.keys()):
            left, right = a.metrics.get(name), b.metrics.get(name)
            if name not in skip and repr(left) != repr(right):
                return f"at step {a.step} {name} is {_show(left)} and {_show(right)}"
    if len(one.reports) != len(two.reports) and "time" not in (one.cut, two.cut):
        return f"one makes {plural(len(one.reports), 'report')}, the other {len(two.reports)}"
    return ""


def _at_the_end(one: Recording, two: Recording) -> str:
    """What acts beside the reports: rates, weights, and how the run ended."""
    if _rates(one) != _rates(two):
        return "their learning rates differ"
    if one.digest != two.digest:
        return "their weights end differently"
    if repr(one.ending.outcome) != repr(two.ending.outcome):
        return f"one ends {one.ending.outcome}, the other {two.ending.outcome}"
    return ""


def _rates(run: Recording) -> list[str]:
    return [repr((o.kind, o.rates)) for o in run.optimizers if o.steps]


def _show(value: float | None) -> str:
    return "missing" if value is None else f"{value:.9g}"
