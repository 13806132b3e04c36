"""Update rule: switching a mechanism on changes that mechanism, and not how weights are updated."""

from __future__ import annotations

import re
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Check, Checks, Found
from homeostat.space import Bool, Choice
from homeostat.space.values import show

FOUND = Found("update rule")
TOLERANCE = 1e-6
_ABOUT_UPDATES = re.compile(
    r"opt|solver|momentum|nesterov|amsgrad|sched|(^|_)lr|rate|warm|decay|update|rule|algo|"
    r"beta|anneal|preset|recipe|method|eps|clip|accum|batch|precond|fused|foreach|fast"
)
_OPTIMISERS = re.compile(r"^(sgd|adam\w*|\w*adam|rms_?prop|lion|lbfgs|adagrad|adadelta|muon)")


def check(bench: ShortRuns) -> Checks:
    found = FOUND
    if bench.workload.neutral:
        for name, changes in bench.workload.neutral.items():
            yield at_neutral(bench, name, changes)
        return
    if not bench.num_knobs:
        return
    fine = True
    base = bench.start(bench.config)
    for name, parameter in bench.workload.space.searched().items():
        if not isinstance(parameter, Bool | Choice) or name not in bench.config.active:
            continue
        if bench.left_s < 0 or _ABOUT_UPDATES.search(name.lower()):
            continue
        values: list[Any] = (
            [True, False] if isinstance(parameter, Bool) else list(parameter.options)
        )
        if any(isinstance(v, str) and _OPTIMISERS.match(v.lower()) for v in values):
            continue
        for value in values:
            if value == bench.config[name]:
                continue
            swapped = _swapped(base, bench.start(bench.vary({name: value})))
            if swapped:
                fine = False
                yield found.fault(
                    f"{name} also changes how weights are updated: with {show(value)} in place of "
                    f"{show(bench.config[name])}, {swapped}.",
                    "Give both the same optimiser, or make the optimiser a knob of its own: as it "
                    "is, the two effects cannot be told apart.",
                    knob=name, value=value,
                )  # fmt: skip
                break
    if fine:
        yield found.ok("No switch was found that also changes the optimiser.")


def _swapped(one: Recording, two: Recording) -> str:
    """How the optimisers of two runs differ, in words; empty if only sizes do."""
    kinds = [[(o.kind) for o in run.optimizers if o.steps] for run in (one, two)]
    if not kinds[0] or not kinds[1]:
        return ""
    if kinds[0][0] != kinds[1][0]:
        return f"{kinds[1][0]} takes the place of {kinds[0][0]}"
    rates = [run.optimizers[0].rates[0] for run in (one, two) if run.optimizers[0].rates]
    if len(rates) == 2 and rates[0] and rates[1] and max(rates[0]) != max(rates[1]):
        return f"the rate is {max(rates[1]):g} in place of {max(rates[0]):g}"
    for setting in ("momentum", "weight_decay", "betas", "nesterov", "maximize"):
        values = [run.optimizers[0].thing.param_groups[0].get(setting) for run in (one, two)]
        if values[0] != values[1]:
            return f"{setting} is {values[1]} in place of {values[0]}"
    return ""


def at_neutral(bench: ShortRuns, name: str, changes: Any) -> Check:
    """Whether a mechanism that is on, but neutral, leaves the first update as it is without it."""
    found = FOUND
    try:
        on = bench.vary(changes)
        off = bench.vary({k: _off(bench, k, v) for k, v in changes.items() if v is True})
    except HomeostatError as error:
        return found.skipped(f"{name}: its neutral setting does not fit here: {error.message}")
    one, two = bench.first_update(off), bench.first_update(on)
    swapped = _swapped(one, two)
    told = ", ".join(f"{k}={show(v)}" for k, v in changes.items())
    if swapped:
        return found.fault(
            f"{name} at its neutral setting ({told}) also changes how weights are updated: "
            f"{swapped}.",
            "Leave the optimiser as it is without the mechanism.",
            mechanism=name,
        )
    if one.num_updates and not two.num_updates and any(w.moved for w in two.weights):
        return found.fault(
            f"{name} at its neutral setting ({told}) replaces the update: the weights move, but "
            f"{two.optimizers[0].kind if two.optimizers else 'no optimiser'} is never asked for a "
            "step, as it is without it.",
            "Let the optimiser make every update, with the mechanism as without it.",
            mechanism=name,
        )
    if not one.first_move or not two.first_move:
        return found.skipped(f"{name}: no update was seen to compare.")
    gap = _gap(one.first_move, two.first_move)
    if gap is None:
        return found.skipped(f"{name}: with it the network has other weights.")
    if gap > TOLERANCE:
        return found.fault(
            f"{name} at its neutral setting ({told}) changes the first update of the weights by "
            f"{gap:.2g} of its size; it should change nothing.",
            "Give the mechanism its own random stream, and leave data order, initialisation and "
            "optimiser as they are without it.",
            mechanism=name, gap=gap,
        )  # fmt: skip
    return found.ok(f"{name} at its neutral setting leaves the first update as it is ({gap:.1g}).")


def _off(bench: ShortRuns, name: str, value: Any) -> Any:
    return False if isinstance(value, bool) else bench.config[name]


def _gap(one: dict[str, Any], two: dict[str, Any]) -> float | None:
    names = [n for n in one if n in two and one[n].shape == two[n].shape]
    if not names or len(names) < 0.5 * len(one):
        return None
    apart = sum(float((one[n] - two[n]).double().square().sum()) for n in names)
    size = sum(float(one[n].double().square().sum()) for n in names)
    return float((apart / max(size, 1e-300)) ** 0.5)
