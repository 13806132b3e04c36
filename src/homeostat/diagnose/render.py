"""A diagnosis in words: conclusion first, then the evidence, section by section."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from homeostat.diagnose.confound import Confound
from homeostat.diagnose.diagnosis import Diagnosis
from homeostat.diagnose.ladder import Ladder, Rung
from homeostat.diagnose.offence import Offence
from homeostat.diagnose.rate import RateTest
from homeostat.space.values import show
from homeostat.symptoms.symptoms import Finding


def render(diagnosis: Diagnosis) -> str:
    """The whole diagnosis as plain text."""
    return "\n".join(_lines(diagnosis)) + "\n"


def _lines(d: Diagnosis) -> Iterator[str]:
    yield f"{d.workload}, seed {d.seed}: {_headline(d)}"
    if d.offence is not None:
        yield from ("", "First offender")
        yield from _indented(offence_lines(d.offence, d.unit))
    if d.rates is not None:
        yield from ("", "Learning rate")
        yield from _indented(_rate_lines(d.rates, d.unit))
    if d.precision is not None:
        yield from ("", "Precision", f"  {d.precision.sentence}")
    if d.ladder is not None:
        yield from ("", "What cures it")
        yield from _indented(_ladder_lines(d.ladder, d.unit))
    gauges = list(_gauge_lines(d))
    if gauges:
        yield from ("", "Gauges, in the last pass before it broke")
        yield from _indented(gauges)
    if d.audits:
        yield from ("", "Optimisers")
        yield from _indented(audit.sentence for audit in d.audits)
    for confound in d.confounds:
        yield from ("", "Two effects in one")
        yield from _indented(_confound_lines(confound, d.unit))
    if d.findings:
        yield from ("", "Symptoms")
        yield from _indented(line for finding in d.findings for line in _finding_lines(finding))
    if d.fix is not None:
        yield from ("", "Fix")
        yield from _indented(_fix_lines(d))
    yield from ("", f"Next: {_next(d)}")


def _headline(d: Diagnosis) -> str:
    if not d.failed:
        return f"{d.outcome}, no failure in {d.steps_seen} {d.unit}s. {d.reason}".rstrip()
    at = f" at {d.unit} {d.failed_at}" if d.failed_at is not None else ""
    return f"{d.outcome}{at}. {d.reason}"


def offence_lines(offence: Offence, unit: str = "step") -> Iterator[str]:
    """The offence in a few lines: where, what, which rows, why, and what it spoiled."""
    where = f" in {offence.module}" if offence.module else ""
    what = offence.operation or offence.tensor
    yield f"{unit} {offence.step}, {offence.phase}{where}: {what}"
    if offence.source:
        yield f"written at {offence.source}"
    if offence.num_entries:
        yield (
            f"{offence.num_bad:,} of {offence.num_entries:,} entries are not finite "
            f"(shape {offence.tensor})"
            if offence.operation
            else f"{offence.num_bad:,} of {offence.num_entries:,} entries are not finite"
        )
    if offence.row_names:
        yield f"rows: {_rows(offence)}"
    if offence.why:
        yield f"why: {offence.why}"
    if offence.advice:
        yield f"instead: {offence.advice}"
    if offence.bad_gradients:
        names = ", ".join(offence.bad_gradients)
        yield (
            f"not finite after it: {len(offence.bad_gradients)} of {offence.num_parameters} "
            f"gradients ({names})"
        )
    if offence.loss is not None and math.isfinite(offence.loss) and offence.phase == "backward":
        yield f"the loss itself was finite: {offence.loss:.6g}"


def _rows(offence: Offence) -> str:
    shown = []
    for i, name in enumerate(offence.row_names):
        norm = f" (norm {offence.row_norms[i]:.3g})" if i < len(offence.row_norms) else ""
        shown.append(f"{name}{norm}")
    more = len(offence.rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _rate_lines(rates: RateTest, unit: str) -> Iterator[str]:
    for trial in rates.trials:
        rate = f"{trial.rate:.3g}" if trial.rate is not None else "unknown"
        how = "healthy" if trial.failed_at is None else f"fails at {unit} {trial.failed_at}"
        yield f"x {trial.factor:<6g} rate {rate:<9} {how}"
    yield rates.sentence


def _ladder_lines(ladder: Ladder, unit: str) -> Iterator[str]:
    if ladder.from_space:
        yield "(the workload lists no remedies; these are read off its space)"
    pairs = [rung for rung in ladder.rungs if len(rung.names) > 1]
    shown = [rung for rung in ladder.rungs if len(rung.names) == 1 or rung.cured]
    width = max((len(rung.label) for rung in shown), default=0)
    for rung in sorted(shown, key=lambda rung: not rung.cured):
        yield f"{rung.label:<{width}}  {_verdict(rung, unit)}"
    if pairs and not ladder.cures:
        yield f"and {len(pairs)} pairs of them: none cures it"
    if not ladder.rungs:
        yield "nothing to try"
    elif not ladder.cures:
        yield "No single change or pair cures it: it is in the code, or in the data."
    if not ladder.complete:
        yield "The time was over before all were tried."


def _verdict(rung: Rung, unit: str) -> str:
    if rung.cured:
        return f"cures        ({_changes(rung.changes)})"
    if rung.failed_at is not None:
        return f"fails still, at {unit} {rung.failed_at}"
    return rung.note


def _gauge_lines(d: Diagnosis) -> Iterator[str]:
    for gauge in d.gauges:
        remarks = []
        if gauge.zero_rows:
            remarks.append(f"{gauge.zero_rows} rows of norm 0")
        elif 0 < gauge.shortest_row < 1e-12:
            remarks.append(f"shortest row {gauge.shortest_row:.2g}")
        if gauge.saturated > 0.5:
            remarks.append(f"{gauge.saturated:.0%} saturated")
        if gauge.largest > 1e4 or not math.isfinite(gauge.largest):
            remarks.append(f"largest value {gauge.largest:.2g}")
        if gauge.no_gradient >= 0.5:
            remarks.append(f"{gauge.no_gradient:.0%} of the output gets no gradient")
        if remarks:
            yield f"{gauge.module}: {', '.join(remarks)}"


def _confound_lines(c: Confound, unit: str) -> Iterator[str]:
    yield c.saw
    yield f"{c.metric} after {c.steps} {unit}s, mean of {len(c.seeds)} seeds:"
    head = ("", f"without {c.mechanism}", f"with {c.mechanism}")
    rows = [
        (f"update as {'with' if swapped else 'without'} it",
         *(_number(c.mean(on, swapped)) for on in (False, True)))
        for swapped in (False, True)
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(3)]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    update, mechanism = abs(c.of_update), abs(c.of_mechanism)
    if math.isfinite(update) and math.isfinite(mechanism):
        times = f" ({update / mechanism:.0f} times as much)" if mechanism and update else ""
        yield f"The update explains {update:.3g}{times}, {c.mechanism} {mechanism:.3g}."
    if c.cure:
        yield f"It ends with {c.cure} ({_changes(c.changes)})."


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"


def _finding_lines(finding: Finding) -> Iterator[str]:
    mark = "" if finding.status == "found" else "  (contradicted)"
    yield f"{finding.symptom}{mark}: {finding.evidence}"
    if finding.cause:
        yield f"   cause: {finding.cause}"
    remedy = finding.remedy
    if remedy and finding.status == "found":
        yield f"   change: {remedy if isinstance(remedy, str) else _changes(remedy)}"


def _changes(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in changes.items())


def _fix_lines(d: Diagnosis) -> Iterator[str]:
    fix = d.fix
    if fix is None:
        return
    if not fix.cures:
        yield "Nothing on the ladder cures it; nothing was changed."
        return
    yield f"applied: {', '.join(fix.cures)}"
    yield f"{fix.outcome}" + (f", {fix.value:.6g}" if fix.value is not None else "")
    if fix.run is not None:
        yield f"recorded in {fix.run}"


def _next(d: Diagnosis) -> str:
    what = " ".join(part for part in (d.workload, d.settings) if part)
    if d.fix is not None and d.fix.stable:
        return f"search from there:  homeostat search {what} {_sets(d.fix.changes)}"
    if d.next_cure is not None:
        return f"homeostat run {what} {_sets(d.next_cure.changes)}   (or let --fix do it)"
    if d.offence is not None and d.offence.advice:
        where = ":".join(d.offence.source.split(":")[:2]) or d.offence.operation
        return f"change the code at {where}: {d.offence.advice}."
    return f"homeostat probe {what}"


def _sets(changes: Mapping[str, Any]) -> str:
    return " ".join(f"--set {name}={show(value)}" for name, value in changes.items())


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
