"""The demonstration in four acts: diagnose, repair, probe, search; every figure in it is measured.

It takes numbers of steps, trials and seeds, never a time, so it ends the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from homeostat.demo.script import (
    KNOB_UNCONNECTED,
    ROOT_AT_ZERO,
    ROWS_IN_BOTH,
    Repair,
    repair,
    write_first,
)
from homeostat.extras import missing_extra
from homeostat.search.verdict import StudyVerdict

STUDY = "demo"
TRIALS, FRESH_SEEDS, JOBS = 24, 10, 2
PATIENCE_S = 600.0
"""How long probe and diagnosis may take; they end long before, by their steps."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoResult:
    """What came of a demonstration."""

    script: Path
    cause: str
    """What the diagnosis named."""
    faults: tuple[str, ...]
    """What the probe named."""
    verdict: StudyVerdict
    page: Path | None
    """The study's page; None where the extra that draws it is not installed."""


def tell(folder: Path, say: Say, title: Say) -> DemoResult:
    """Play the demonstration in a folder: write a script, find its faults, repair it, tune it.

    Args:
        folder: A new folder, or that of an earlier demonstration.
        say: Called with each line.
        title: Called with the title of each act.

    Raises:
        RecordError: If the folder holds something else.
    """
    script = write_first(folder)
    say(f"{script}: an ordinary script, handwritten digits in PyTorch. It has three faults.")
    cause = _diagnose(script, say, title)
    _edit(script, say, ROOT_AT_ZERO)
    faults = _probe(script, say, title)
    _edit(script, say, ROWS_IN_BOTH, KNOB_UNCONNECTED)
    verdict, page = _search(script, say, title)
    return DemoResult(script, cause, faults, verdict, page)


def in_words(verdict: StudyVerdict) -> str:
    """The gain of a study in one sentence for somebody in a hurry.

    For example: val_loss 2.15 -> 0.3, 7.2 times lower, on 10 seeds that it never saw.
    """
    winner = verdict.on_fresh_seeds(verdict.winner)
    default = verdict.on_fresh_seeds(verdict.default)
    if winner is None or default is None or verdict.default_won:
        return f"Nothing did better than the default: {verdict.lines[0]}"
    ratio = max(default.mean, winner.mean) / min(default.mean, winner.mean)
    way = "lower" if verdict.goal.minimizes else "higher"
    sure = verdict.gain.conclusion if verdict.gain is not None else "undecided"
    return (
        f"{verdict.metric} {default.mean:.3g} -> {winner.mean:.3g}, {ratio:.2g} times {way}, on "
        f"{winner.n} seeds that it never saw: {sure}."
    )


def _diagnose(script: Path, say: Say, title: Say) -> str:
    from homeostat.inspect.diagnose import lines
    from homeostat.inspect.diagnose.examine import diagnose

    title(f"homeostat diagnose {script}")
    found = diagnose(str(script), seconds=PATIENCE_S)
    say(f"{found.outcome} at step {found.failed_at}: {found.reason}")
    if found.offence is None:
        return ""
    for line in lines.offence_lines(found.offence, found.unit):
        say(line)
    if found.rates is not None:
        say(list(lines.rate_lines(found.rates, found.unit))[-1])
    if found.precision is not None:
        say(found.precision.sentence)
    return found.offence.operation


def _probe(script: Path, say: Say, title: Say) -> tuple[str, ...]:
    from homeostat.inspect.probe.audit import probe

    title(f"homeostat probe {script}")
    found = probe(str(script), steps=60, seconds=PATIENCE_S)
    for check in found.faults:
        say(f"{check.status}  {check.name}: {check.saw}")
        if check.remedy:
            say(f"       -> {check.remedy}")
    others = len(found.checks) - len(found.faults)
    say(f"{others} other findings: in order, warnings, or without an answer.")
    return tuple(check.saw for check in found.faults)


def _search(script: Path, say: Say, title: Say) -> tuple[StudyVerdict, Path | None]:
    from homeostat.search.search import search

    title(f"homeostat search {script} --trials {TRIALS}")
    found = search(
        str(script), TRIALS, study=STUDY, results=script.parent / "results",
        confirm=FRESH_SEEDS, engine="local", jobs=JOBS, deterministic=True,
    )  # fmt: skip
    for line in found.verdict.lines:
        say(line)
    return found.verdict, _page(script.parent / "results", say)


def _page(results: Path, say: Say) -> Path | None:
    from homeostat.search.search import open_store

    try:
        from homeostat.pages.study import write_report

        written = write_report(
            STUDY, store=open_store(results), results=results, with_notebook=False
        )
    except ModuleNotFoundError as error:
        # What was found is said all the same; only its page cannot be drawn here.
        extra = missing_extra(error, "The page of the study")
        if extra is None:
            raise
        say(str(extra))
        return None
    return written.page


def _edit(script: Path, say: Say, *edits: Repair) -> None:
    text = script.read_text(encoding="utf-8")
    for edit in edits:
        say(f"{script.name}:{edit.line_of(text)}")
        say(f"  - {edit.old}")
        say(f"  + {edit.new}")
    repair(script, *edits)
