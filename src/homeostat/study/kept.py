"""Kept: a study's workload as the study itself describes it, for looking without running its code.

The space has the ranges that were searched and the values that were held; the loop, the views and
the remedies are the workload's own, and are had only from it (`--workload FILE`), or from an
installed workload of that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError, StudyError, WorkloadError
from homeostat.space import Choice, Config, Space
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import AnyParameter
from homeostat.study.definition import Definition
from homeostat.study.described import RULES, ranges
from homeostat.study.earlier import AsSearched, as_searched
from homeostat.study.records import StudyRow
from homeostat.workload import load
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial
from homeostat.workload.workload import Workload


def for_reading(row: StudyRow, given: Workload | str | Path | None = None) -> AsSearched:
    """A study's workload, and the space in which its trials can be read.

    Args:
        row: The study.
        given: Its workload, or what `load.find` takes, where whoever looks has named it.

    Raises:
        StudyError: If what the study keeps of its space makes none.
    """
    definition = Definition.from_json(row.definition)
    known = load.find(given) if given is not None else _installed(row)
    if known is not None:
        return as_searched(known, definition)
    try:
        kept = _kept(row, definition)
    except (HomeostatError, KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"What study {row.name!r} keeps of its space cannot be read: {error}.",
            hint="Name its workload:  --workload FILE",
        ) from error
    searched = SearchSpace(kept.space, ranges(definition.searched), {}, definition.fixed)
    return AsSearched(kept, searched, (), exact=True)


def _installed(row: StudyRow) -> Workload | None:
    return load.installed(row.settings.get("reference") or row.workload)


def _kept(row: StudyRow, definition: Definition) -> Workload:
    parameters: dict[str, AnyParameter] = dict(ranges(definition.searched))
    held = {name: facts["default"] for name, facts in definition.space.items() if name != RULES}
    for name, value in {**held, **definition.start, **definition.pins}.items():
        if name not in parameters:
            parameters[name] = Choice([value])
    return Workload(
        name=row.workload,
        loop=_no_loop,
        space=Space(**parameters),  # type: ignore[arg-type]  # none of them is called rules
        objectives=dict(definition.objectives),
        budget=definition.budget,
    )


def _no_loop(config: Config | Mapping[str, Any], trial: Trial) -> Iterator[Report]:
    raise WorkloadError(
        "This workload was read from a study, and has no loop.",
        hint="Name its workload:  --workload FILE",
    )
