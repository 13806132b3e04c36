"""What the best trial's curves say: long enough, overfitting, steady?

The rules are those of `homeostat.inspect.symptoms`; what they find is put into the terms of a
search.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.shapes import LEAST
from homeostat.record.check import Check, Found
from homeostat.search.review.round import Round
from homeostat.study.records import TrialRow

EARLY = 0.1
"""A best report within this share of the run is early."""
APART = 0.1
"""Settings that differ by less than this share of every range are one."""
SEVERAL = 5
"""How many of the best trials are compared with the noise of a curve."""


def length(now: Round) -> Iterator[Check]:
    """Still improving at the end, or at its best in the first tenth?"""
    found = Found("length")
    seen, why = _curve(now)
    if seen is None:
        yield found.skipped(why)
        return
    unit, budget = now.workload.unit, now.definition.budget
    bad_N = np.array(seen.objective)
    step = seen.curves[now.metric][int(bad_N.argmin())][0]
    if "unfinished" in now.symptoms:
        yield found.warning(
            f"{now.symptoms['unfinished'].evidence}: trials of {budget} {unit}s are cut short.",
            "Search at the length at which it levels off; to see where, run trial "
            f"{now.best.number} for longer:  "
            f"{now.rerun(2 * budget)}",
        )
    elif step < EARLY * budget and len(bad_N) >= 1 / EARLY:
        yield found.warning(
            f"{now.metric} was best at {unit} {step} of {budget}, in the first tenth: the rest of "
            "a trial is spent for nothing.",
            f"Search shorter trials, or lower rates:  "
            f"{now.of_length(max(2 * (step + 1), budget // 5))}",
        )
    else:
        yield found.ok(
            f"{now.metric} is best at {unit} {step} of {budget}, and levels off by the end."
        )


def overfitting(now: Round) -> Iterator[Check]:
    """Does what is scored get worse while the training loss still falls?"""
    found = Found("overfitting")
    seen, why = _curve(now)
    if seen is None:
        yield found.skipped(why)
    elif "overfitting" in now.symptoms:
        finding = now.symptoms["overfitting"]
        remedy = finding.remedy if isinstance(finding.remedy, str) else _changes(finding.remedy)
        yield found.warning(f"{finding.evidence}.", f"{remedy} Then:  {now.next_round()}")
    elif not seen.training:
        yield found.skipped("no training loss is reported (train_loss=...) to compare with.")
    else:
        yield found.ok(
            f"{now.metric} does not turn while the training loss goes from "
            f"{seen.training[0]:.4g} to {seen.training[-1]:.4g}."
        )


def steadiness(now: Round) -> Iterator[Check]:
    """Does a curve move more from report to report than the best trials differ?"""
    found = Found("steadiness")
    seen, why = _curve(now)
    if seen is None:
        yield found.skipped(why)
        return
    values = seen.values(now.metric)
    steps = np.diff(values[len(values) // 2 :])
    wobble = float(np.median(np.abs(steps - np.median(steps))))
    best = [trial.values[now.metric] for trial in _distinct(now)]
    spread = max(best) - min(best)
    told = f"in its second half {now.metric} moves by {wobble:.2g} from report to report"
    told += f"; the best {len(best)} different settings lie within {spread:.2g}"
    if "oscillation" in now.symptoms or (len(best) == SEVERAL and wobble > spread > 0):
        yield found.warning(
            f"{told}: which of them is best is decided by the last report.",
            "Let the rate decay to 0, average the weights, or judge by more seeds:  "
            f"{now.next_round(seeds=3)}",
        )
    else:
        yield found.ok(f"{told}.")


def _distinct(now: Round) -> list[TrialRow]:
    """The best trials, less those close to a better one: a search crowds around its best."""
    chosen: dict[int, dict[str, float]] = {}
    found = []
    for trial in now.completed:
        place = {n: now.searched[n].to_unit(v) for n, v in trial.parameters.items()}
        if all(_apart(place, other) for other in chosen.values()):
            chosen[trial.number] = place
            found.append(trial)
        if len(found) == SEVERAL:
            break
    return found


def _apart(a: dict[str, float], b: dict[str, float]) -> bool:
    return a.keys() != b.keys() or any(abs(a[name] - b[name]) > APART for name in a)


def _curve(now: Round) -> tuple[Seen | None, str]:
    """The best trial's first seed with a curve that tells something, or why there is none."""
    if now.run is None:
        return None, f"the run of trial {now.best.number} is not on this disk."
    for seen in now.views.values():
        if len(seen.values(now.metric)) >= LEAST:
            return seen, ""
    return None, f"{now.metric} is reported fewer than {LEAST} times in a run: too few to tell."


def _changes(remedy: object) -> str:
    return f"Try {remedy}."
