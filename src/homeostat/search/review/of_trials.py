"""What a round's trials say: is the best at an edge, what was lost, were there enough of them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.evidence.best_of import best_of
from homeostat.record.check import Check, Found
from homeostat.record.outcome import Outcome
from homeostat.search.review.round import Round, short
from homeostat.space import Float, Int
from homeostat.space.edges import at_an_end
from homeostat.space.values import show
from homeostat.study.records import TrialRow
from homeostat.wording import some

TOP = 3
CROWDED = 0.1
"""If the best few all lie this close to the same end of a range, better may lie beyond it."""
STEP = 0.15
"""Trials this close to the best, as a share of a range, are next to it."""
WASTEFUL = 0.3
"""A larger share of lost trials is worth a narrower range."""
FEWEST = 10
ENOUGH = 0.1
"""If half of the trials would have come this close to the best, more will hardly do better. It is a
share of the distance from the typical trial to the best."""
REMEDIES = ("warm", "clip")
"""Matches the names of parameters that keep training stable."""


def edges(now: Round) -> Iterator[Check]:
    """Is the best at an end of a range?"""
    found = Found("range")
    ends = {end.name: end for end in at_an_end(now.searched, now.best.parameters)}
    crowd = [at_an_end(now.searched, t.parameters, CROWDED) for t in now.completed[:TOP]]
    if len(crowd) == TOP:
        for end in crowd[0]:
            everywhere = all(
                any(e.name == end.name and e.side == end.side for e in other) for other in crowd
            )
            if everywhere and isinstance(now.searched[end.name], Float):
                ends.setdefault(end.name, end)
    # Of a workload that came with Homeostat a range is all that it can do.
    open_ = [end for end in ends.values() if end.wider and not now.workload.builtin]
    if open_:
        told = ", ".join(
            f"{end.name} = {short(end.value)} (the {end.side} end of {end.range_text})"
            for end in open_
        )
        wider = ", ".join(f"{end.name} to {end.wider}" for end in open_)
        yield found.warning(
            f"trial {now.best.number} is at the end of a range: {told}; better may lie beyond.",
            f"Widen {wider} in the workload, then:  {now.next_round()}",
            ends=[vars(end) for end in open_],
        )
        return
    numbers = {n: p for n, p in now.searched.items() if isinstance(p, Float | Int)}
    places = [
        f"{n} at {100 * p.to_unit(now.best.parameters[n]):.0f} %"
        for n, p in numbers.items() if n in now.best.parameters and n not in ends
    ]  # fmt: skip
    beyond = (
        "the end of what it can do" if now.workload.builtin else "beyond which there is nothing"
    )
    closed = [f"{e.name} = {show(e.value)}, {beyond}" for e in ends.values()]
    if places or closed:
        yield found.ok(
            f"trial {now.best.number} is inside the ranges: {some([*places, *closed], 6)}."
        )
    else:
        yield found.skipped("no number was searched.")


@dataclass(frozen=True)
class _Brink:
    """A parameter in which the best is next to where training diverges."""

    name: str
    word: str
    lost: int
    beyond: int
    sign: TrialRow
    """A trial that was lost there."""


def divergence(now: Round) -> Iterator[Check]:
    """How many trials diverged, and is the best at the edge of divergence?"""
    found = Found("divergence")
    lost = [t for t in now.ended if t.outcome is Outcome.DIVERGED]
    broken = [t for t in now.ended if t.outcome in (Outcome.FAILED, Outcome.TIMEOUT)]
    share = len(lost) / len(now.ended)
    told = f"{len(lost)} of {len(now.ended)} trials diverged ({100 * share:.0f} %)"
    if broken:
        told += f", {len(broken)} raised an error or ran out of time"
    brink = _brink(now, lost)
    if brink is not None:
        yield found.warning(
            f"{told}, and trial {now.best.number} is at that edge: just {brink.word} its "
            f"{brink.name} {short(now.best.parameters[brink.name])}, {brink.lost} of "
            f"{brink.beyond} are lost. What limits it is stability, not the rate.",
            f"Warm up or clip the gradient{_by_which(now)}; what fails first there:  "
            f"{now.diagnose(brink.sign)}",
        )
    elif share > WASTEFUL:
        where = _where_all_is_lost(now, lost)
        yield found.warning(
            told + (f"; {where}" if where else "; nothing that was searched tells where") + ".",
            (f"End the range there, then:  {now.next_round()}" if where
             else f"What fails first:  {now.diagnose(lost[0])}"),
        )  # fmt: skip
    else:
        yield found.ok(told + (f", none next to trial {now.best.number}." if lost else "."))


def trials(now: Round) -> Iterator[Check]:
    """Were there enough? The best of half as many, by the bootstrap, against the best there is."""
    found = Found("trials")
    values = [trial.values[now.metric] for trial in now.completed]
    count = len(values)
    if count < FEWEST:
        yield found.warning(
            f"{count} completed trials are few: which of them is best is mostly chance.",
            f"Go on:  {now.more(max(3 * FEWEST, 2 * len(now.trials)))}",
        )
        return
    half = best_of(values, count // 2, goal=now.goal)
    best, middle = values[0], float(np.median(values))
    missed = max(abs(half.low - best), abs(half.high - best))
    share = missed / abs(middle - best) if middle != best else 0.0
    last = _last_improvement(now)
    told = (
        f"the best of {count} in the search is {best:.4g}; of {count // 2} it would have been "
        f"{half.mean:.4g} ({half.low:.4g} .. {half.high:.4g}), the typical trial is {middle:.4g}; "
        f"the last improvement was trial {last}"
    )
    gained = abs(half.mean - best)
    if now.noise is not None and share > ENOUGH and gained < now.noise:
        told += f", and {gained:.2g} is less than the noise of a trial, {now.noise:.2g}"
        share = 0.0
    evidence = {"best": best, "half": vars(half), "median": middle, "last_improvement": last}
    if share <= ENOUGH:
        yield found.ok(f"{told}: more of the same would bring little.", **evidence)
    else:
        missing = (
            f"half as many could have missed {100 * share:.0f} % of the way from the typical to "
            "the best"
            if share < 1
            else "the best of half as many could have been no better than the typical trial"
        )
        yield found.warning(
            f"{told}: {missing}.",
            f"Go on:  {now.more(2 * len(now.trials))}",
            **evidence,
        )


def _brink(now: Round, lost: Sequence[TrialRow]) -> _Brink | None:
    """Where at least half of the trials next to the best, on one side of it, are lost."""
    for name, parameter in now.searched.items():
        if not isinstance(parameter, Float | Int) or name not in now.best.parameters:
            continue
        here = parameter.to_unit(now.best.parameters[name])
        near: dict[str, list[TrialRow]] = {"above": [], "below": []}
        for trial in (*lost, *now.completed):
            if name in trial.parameters:
                away = parameter.to_unit(trial.parameters[name]) - here
                if 0 < abs(away) <= STEP:
                    near["above" if away > 0 else "below"].append(trial)
        gone = {w: [t for t in ts if t.outcome is Outcome.DIVERGED] for w, ts in near.items()}
        for word, other in (("above", "below"), ("below", "above")):
            count, beyond = len(gone[word]), len(near[word])
            safe = 4 * len(gone[other]) <= len(near[other])
            if count >= 2 and 2 * count >= beyond and safe:
                return _Brink(name, word, count, beyond, gone[word][0])
    return None


def _where_all_is_lost(now: Round, lost: Sequence[TrialRow]) -> str:
    """The end of a range beyond which no trial completed, with most of the lost ones."""
    for name, parameter in now.searched.items():
        if not isinstance(parameter, Float | Int):
            continue
        kept = [t.parameters[name] for t in now.completed if name in t.parameters]
        values = [t.parameters[name] for t in lost if name in t.parameters]
        if not kept or not values:
            continue
        for word, limit, beyond in (
            ("above", max(kept), [v for v in values if v > max(kept)]),
            ("below", min(kept), [v for v in values if v < min(kept)]),
        ):
            if 2 * len(beyond) >= len(lost):
                return f"{len(beyond)} of them with {name} {word} {short(limit)}"
    return ""


def _by_which(now: Round) -> str:
    """The workload's own parameters for that, if it has some."""
    names = [n for n in now.workload.space if any(word in n.lower() for word in REMEDIES)]
    return f" ({some(names)})" if names else ""


def _last_improvement(now: Round) -> int:
    number, best = now.completed[0].number, np.inf
    for trial in sorted(now.completed, key=lambda t: t.number):
        if now.badness(trial) < best:
            number, best = trial.number, now.badness(trial)
    return number
