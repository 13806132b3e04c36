"""Modes: dropout and batch norm do in training what belongs there, and the same in evaluation."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.record.check import Checks, Found
from homeostat.wording import some


def check(bench: ShortRuns) -> Checks:
    found = Found("modes")
    run = bench.anatomy
    if not run.calls:
        yield found.skipped("No call of a PyTorch model was seen.")
        return
    problems = [*_in_evaluation(found, run), *_in_training(found, run)]
    yield from problems
    if not problems:
        scored = sum(1 for call in run.calls if call.evaluation)
        yield found.ok(
            "Dropout and batch norm are as they should be in the calls that were seen: "
            f"{len(run.calls) - scored} in training, {scored} in evaluation."
        )


def evaluations(run: Recording) -> list[Call]:
    """Calls of trained models that led to a report only, not to a step."""
    trained = {id(call.module) for call in run.calls if call.learnt_from}
    last = run.report_times[-1] if run.report_times else 0
    return [
        call
        for call in run.calls
        if call.evaluation and call.time < last and (not trained or id(call.module) in trained)
    ]


def _in_evaluation(found: Found, run: Recording) -> Checks:
    scored = evaluations(run)
    learnt = {row for call in run.calls if call.learnt_from for row in call.rows}
    # Scores on the batch just learnt from are sometimes taken in passing; they mislead nobody.
    scored = [c for c in scored if not (c.rows and all(row in learnt for row in c.rows))] or scored
    active = sorted({name for call in scored for name, on in call.dropouts if on})
    if active:
        yield found.fault(
            f"Dropout is on in evaluation: {some(active)} drop units in "
            f"{sum(any(on for _, on in c.dropouts) for c in scored)} of {len(scored)} scoring "
            "passes.",
            "Call model.eval() before scoring, and model.train() after.",
            modules=active,
        )
    loose = [c for c in scored if c.functional_dropouts and not any(on for _, on in c.dropouts)]
    if loose:
        yield found.fault(
            f"Dropout is on in evaluation: {loose[0].model} drops units in {len(loose)} of "
            f"{len(scored)} scoring passes, by a function and not by a module.",
            "Write F.dropout(x, p, training=self.training), or use nn.Dropout.",
            calls=len(loose),
        )
    norms = sorted({name for call in scored for name, on in call.norms if on})
    if norms:
        yield found.fault(
            f"Batch norm is in training mode in evaluation: {some(norms)} use the statistics of "
            "the scored batch, and move their running ones with it.",
            "Call model.eval() before scoring, and model.train() after.",
            modules=norms,
        )


def _in_training(found: Found, run: Recording) -> Checks:
    learnt = [call for call in run.calls if call.learnt_from]
    asleep = [
        call for call in learnt
        if not call.training
        and (
            any(not on for _, on in call.dropouts)
            or any(not on for _, on in call.norms)
        )
    ]  # fmt: skip
    if not asleep:
        return
    what = sorted({name for call in asleep for name, _ in call.dropouts | call.norms})
    awake = len(learnt) - len(asleep)
    since = f" after {awake} in training mode" if awake else ""
    yield found.fault(
        f"{asleep[0].model} is in evaluation mode in {len(asleep)} training passes{since}: "
        f"{some(what)} do nothing, or use frozen statistics.",
        "Call model.train() at the start of each step, after every evaluation.",
        modules=what,
    )
