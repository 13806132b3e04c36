"""The page of a probe: the verdict, what to do, and one line each for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeostat.inspect.probe.result import ProbeResult
from homeostat.inspect.probe.titles import title
from homeostat.inspect.probe.verdict import SETTLED_BY, Candidate
from homeostat.record.check import Check
from homeostat.wording import plural

Line = tuple[str, str]
"""A status, by which a line is coloured, and its text."""


def page(result: ProbeResult, *, everything: bool = False) -> Iterator[Line]:
    """The lines of a probe's page.

    Args:
        everything: Each finding that is in order or was skipped on a line of its own.
    """
    yield "verdict", result.verdict.sentence
    found = result.candidates
    if found:
        asked = result.verdict.word in ("does not learn", "does not run")
        yield "", ""
        yield "head", "What may be the cause, most evidence first" if asked else "What was found"
        for candidate in found:
            yield from _finding(candidate, asked=asked)
    if result.experiments:
        yield "", ""
        yield "head", "What was tried, from the same seed"
        for experiment in result.experiments:
            yield "", f"  {experiment.name}: {_outcome(experiment.outcome)} ({experiment.saw})"
            if experiment.outcome == "cures":
                yield "", f"    -> {experiment.write}"
    yield "", ""
    yield from _rest(result.checks, "ok", "In order", everything)
    yield from _rest(result.checks, "skipped", "Not looked at", everything)


def _finding(candidate: Candidate, *, asked: bool) -> Iterator[Line]:
    check = candidate.check
    yield check.status, f"  {check.status:<8} {title(check.name)}: {check.saw}"
    if check.remedy:
        yield "", f"           -> {check.remedy}"
    if asked and candidate.settled_by != SETTLED_BY:
        yield "", f"           {candidate.settled_by}"


def _outcome(word: str) -> str:
    return {"cures": "cures it", "helps": "helps", "no help": "no help", "unseen": "not tried"}[
        word
    ]


def _rest(checks: Sequence[Check], status: str, head: str, everything: bool) -> Iterator[Line]:
    mine = [check for check in checks if check.status == status]
    if not mine:
        return
    if everything:
        yield "head", head
        for check in mine:
            yield status, f"  {title(check.name)}: {check.saw}"
        return
    names = list(dict.fromkeys(title(check.name) for check in mine))
    more = "" if status == "ok" else "; why: --all"
    yield status, f"{head} ({plural(len(mine), 'finding')}): {', '.join(names)}{more}."
