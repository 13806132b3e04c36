"""Rates: the schedule fits the length of training, and a plateau is looked for the right way."""

from __future__ import annotations

import math
from collections.abc import Iterable

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.longest import longest
from homeostat.inspect.tracer.facts import Turn
from homeostat.inspect.tracer.recording import Optimizer, Recording
from homeostat.record.check import Checks, Found

SPENT = 1.5e-2
"""A rate below this share of its peak teaches next to nothing more."""
MOSTLY, LARGELY = 0.75, 0.6
LEAST_UPDATES = 20
LEAST_SPENT = 5
"""Updates at such a rate after which a run that was cut short is taken to go on so."""
MOVED = 0.1
"""A schedule that goes less than this share of its way hardly acts."""
RISING = ("acc", "reward", "score", "auc", "f1", "precision", "recall", "r2", "iou", "map", "bleu")
FALLING = ("loss", "error", "mse", "mae", "rmse", "perplexity", "ppl", "nll", "distance")


def check(bench: ShortRuns) -> Checks:
    found = Found("rate")
    run = longest(bench)
    findings = [
        finding
        for optimizer in run.optimizers if optimizer.scheduler_steps and optimizer.steps
        for finding in _spent(found, bench, run, optimizer)
    ]  # fmt: skip
    findings += [*_plateaus(found, bench), *_short(found, bench)]
    yield from findings
    if not findings and run.facts.turns:
        yield found.ok("The schedule lasts as long as training does.")


def _spent(found: Found, bench: ShortRuns, run: Recording, optimizer: Optimizer) -> Checks:
    """A rate that is next to nothing for most of training."""
    used = [max(r, default=math.nan) for r in optimizer.rates]
    used = [r for r in used if math.isfinite(r)]
    if len(used) < LEAST_UPDATES or max(used) <= 0:
        return
    peak = max(used)
    top = used.index(peak)
    first = next((i for i, r in enumerate(used) if r < SPENT * peak and i > top), None)
    planned = _planned(bench, run, len(used))
    tail = used[first:] if first is not None else []
    steady = len(tail) >= LEAST_SPENT and max(tail) < SPENT * peak
    low = sum(1 for r in used[top:] if r < SPENT * peak) / len(used)
    if planned > len(used):
        low = 1 - first / planned if first is not None and steady else 0.0
    if first is None or low < LARGELY:
        return
    turns = [t for t in run.facts.turns if t.kind == optimizer.scheduler]
    often = len(turns) / max(len({t.report for t in turns}), 1)
    how = (
        f" {optimizer.scheduler} is stepped {often:.3g} times between two reports."
        if often >= 2 else ""
    )  # fmt: skip
    say = found.fault if low >= MOSTLY and planned <= len(used) else found.warning
    yield say(
        f"The rate of {optimizer.name} is spent early: it falls to about 1 % of its peak or less "
        f"({peak:.3g}) at update {first + 1} of {planned}, and stays there for "
        f"{100 * low:.0f} % of training.{how}",
        "Step the scheduler once an epoch if its numbers are epochs, or give it numbers of "
        "updates.",
        spent=low, update=first,
    )  # fmt: skip


def _planned(bench: ShortRuns, run: Recording, count: int) -> int:
    """How many of something a whole attempt makes, if it goes on as it began."""
    if (bench.whole and not run.cut) or not run.reports:
        return count
    return max(count, count * bench.workload.budget // len(run.reports))


def _plateaus(found: Found, bench: ShortRuns) -> Checks:
    """A plateau scheduler that waits for a metric to go the wrong way."""
    run = longest(bench)
    told: set[int] = set()
    for turn in run.facts.turns:
        if turn.metric is None or id(turn.thing) in told:
            continue
        told.add(id(turn.thing))
        mine = [t for t in run.facts.turns if t.thing is turn.thing]
        name = _metric(bench, mine)
        up = _rises(bench, name)
        mode = getattr(turn.thing, "mode", "min")
        if up is None or (mode == "max") == up:
            continue
        yield found.fault(
            f"{turn.kind} has mode={mode!r} and is given {name}, which is better when it is "
            f"{'higher' if up else 'lower'}: it cuts the rate while training improves.",
            f"Make it with mode={'max' if up else 'min'!r}.",
            metric=name,
        )


def _metric(bench: ShortRuns, turns: list[Turn]) -> str:
    """The name under which what a plateau scheduler is given is reported."""
    reports = longest(bench).reports
    votes: dict[str, int] = {}
    for turn in turns:
        near: Iterable[int] = (turn.report, turn.report - 1)
        for place in near:
            if 0 <= place < len(reports) and turn.metric is not None:
                for name, value in reports[place].metrics.items():
                    if math.isclose(value, turn.metric, rel_tol=1e-6):
                        votes[name] = votes.get(name, 0) + 1
    return max(votes, key=lambda n: votes[n]) if votes else ""


def _rises(bench: ShortRuns, name: str) -> bool | None:
    objectives = bench.workload.objectives
    if name in objectives:
        return not objectives[name].minimizes
    low = name.lower()
    rising, falling = any(w in low for w in RISING), any(w in low for w in FALLING)
    return rising if rising != falling else None


def _short(found: Found, bench: ShortRuns) -> Checks:
    """A schedule for many more steps than it is given."""
    run = longest(bench)
    if not run.reports:
        return
    things = {id(turn.thing): turn for turn in run.facts.turns}
    for turn in things.values():
        planned = getattr(turn.thing, "T_max", None) or getattr(turn.thing, "total_steps", None)
        mine = [t for t in run.facts.turns if t.thing is turn.thing]
        made = _planned(bench, run, len(mine))
        if isinstance(planned, int | float) and planned > 0 and made < MOVED * planned:
            yield found.warning(
                f"{turn.kind} is made for {planned:g} steps and makes {made}: training ends "
                f"{100 * made / planned:.0f} % into the schedule.",
                "Step it after each update if its length is in updates, or give it the number of "
                "epochs.",
                planned=planned, made=made,
            )  # fmt: skip
    yield from _never_there(found, bench, run)


def _never_there(found: Found, bench: ShortRuns, run: Recording) -> Checks:
    """A rate that rises to the end, and ends far below what its optimiser was made with."""
    for optimizer in run.optimizers:
        base = max((float(g.get("initial_lr", 0)) for g in optimizer.thing.param_groups), default=0)
        used = [max(r, default=math.nan) for r in optimizer.rates]
        if not optimizer.scheduler_steps or len(used) < LEAST_UPDATES or base <= 0:
            continue
        rising = used[-1] >= max(used) and used[-1] > used[0]
        end = used[-1] * _planned(bench, run, len(used)) / len(used)  # if it goes on as it began
        if rising and end < 2 * MOVED * base:
            yield found.warning(
                f"The rate of {optimizer.name} rises to {end:.3g} by the end, "
                f"{100 * end / base:.0f} % of the {base:.3g} it was made with: its warm-up lasts "
                "longer than training.",
                f"Step {optimizer.scheduler} after each update if its numbers are updates, or "
                "shorten the warm-up.",
                share=end / base,
            )
