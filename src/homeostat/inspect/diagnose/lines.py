"""Each part of a diagnosis, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from homeostat.inspect.diagnose.confound import Confound
from homeostat.inspect.diagnose.first_fault import FirstFault
from homeostat.inspect.diagnose.fix import Fix
from homeostat.inspect.diagnose.gauges import Gauge
from homeostat.inspect.diagnose.ladder import Ladder, LadderRung
from homeostat.inspect.diagnose.rate import RateTest
from homeostat.inspect.symptoms.examine import SymptomFinding
from homeostat.space.values import show
from homeostat.wording import plural

_SHORT_ROW = 1e-12
"""A row shorter than this is as good as zero."""
_LARGE = 1e4
"""A value larger than this is worth a remark."""


def offence_lines(offence: FirstFault, unit: str = "step") -> Iterator[str]:
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


def _rows(offence: FirstFault) -> str:
    shown = []
    for i, name in enumerate(offence.row_names):
        norm = f" (norm {offence.row_norms[i]:.3g})" if i < len(offence.row_norms) else ""
        shown.append(f"{name}{norm}")
    more = len(offence.rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def rate_lines(rates: RateTest, unit: str) -> Iterator[str]:
    """How the run went at each learning rate tried, and what that says."""
    for trial in rates.trials:
        rate = f"{trial.rate:.3g}" if trial.rate is not None else "unknown"
        how = "healthy" if trial.failed_at is None else f"fails at {unit} {trial.failed_at}"
        yield f"x {trial.factor:<6g} rate {rate:<9} {how}"
    yield rates.sentence


def ladder_lines(ladder: Ladder, unit: str) -> Iterator[str]:
    """Every remedy tried, the cures first."""
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
        yield "Time ran out before all were tried."


def _verdict(rung: LadderRung, unit: str) -> str:
    if rung.cured:
        return f"cures        ({_changes(rung.changes)})"
    if rung.failed_at is not None:
        return f"still fails, at {unit} {rung.failed_at}"
    return rung.note


def gauge_lines(gauges: Iterable[Gauge]) -> Iterator[str]:
    """The modules whose last healthy pass already looked wrong, a line each."""
    for gauge in gauges:
        remarks = []
        if gauge.zero_rows:
            remarks.append(f"{plural(gauge.zero_rows, 'row')} of norm 0")
        elif 0 < gauge.shortest_row < _SHORT_ROW:
            remarks.append(f"shortest row {gauge.shortest_row:.2g}")
        if gauge.is_saturated:
            remarks.append(f"{gauge.saturated:.0%} saturated")
        if gauge.largest > _LARGE or not math.isfinite(gauge.largest):
            remarks.append(f"largest value {gauge.largest:.2g}")
        if gauge.is_dead:
            remarks.append(f"{gauge.no_gradient:.0%} of the output gets no gradient")
        if remarks:
            yield f"{gauge.module}: {', '.join(remarks)}"


def confound_lines(c: Confound, unit: str) -> Iterator[str]:
    """The mechanism and the update it changes, told apart in a table of two by two."""
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


def finding_lines(finding: SymptomFinding) -> Iterator[str]:
    """A symptom, its cause and what to change."""
    mark = "" if finding.status == "found" else "  (contradicted)"
    yield f"{finding.symptom}{mark}: {finding.evidence}"
    if finding.cause:
        yield f"   cause: {finding.cause}"
    remedy = finding.remedy
    if remedy and finding.status == "found":
        yield f"   change: {remedy if isinstance(remedy, str) else _changes(remedy)}"


def _changes(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in changes.items())


def fix_lines(fix: Fix) -> Iterator[str]:
    """What was changed, and how the run went then."""
    if not fix.cures:
        yield "Nothing on the ladder cures it; nothing was changed."
        return
    yield f"applied: {', '.join(fix.cures)}"
    yield f"{fix.outcome}" + (f", {fix.value:.6g}" if fix.value is not None else "")
    if fix.run is not None:
        yield f"recorded in {fix.run}"
