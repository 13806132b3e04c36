"""Opening a study: find or make its row and definition, and check them against what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from homeostat.errors import StudyError
from homeostat.execute.run import checked_budget, checked_seeds
from homeostat.prune.rules import make_rule
from homeostat.record.names import checked_name
from homeostat.space.order import SearchSpace
from homeostat.study.ask import Proposals
from homeostat.study.definition import Definition, define, refuse_changes
from homeostat.study.described import ranges
from homeostat.study.records import StudyRow
from homeostat.study.scientific import check_scientific
from homeostat.study.store import Store
from homeostat.study.transfer import warmed
from homeostat.workload.workload import Workload


def find_or_make(
    store: Store,
    workload: Workload,
    name: str,
    *,
    settings: Mapping[str, Any] | None,
    seeds: Any,
    budget: int | None,
    carry_from: Sequence[str],
    **asked: Any,
) -> tuple[StudyRow, Definition]:
    """A study's row, made if absent; what is not asked for stays as it was.

    Raises:
        StudyError: If the name cannot be one, or the study was made for something else.
    """
    checked_name(name, "a study", StudyError)
    row = store.find(name)
    definition = define(
        workload,
        Definition.from_json(row.definition) if row is not None else None,
        seeds=checked_seeds(seeds) if seeds is not None else None,
        budget=checked_budget(workload, budget) if budget is not None else None,
        **asked,
    )
    check_scientific(definition, (settings or {}).get("scientific", ()))
    make_rule(definition.prune, definition.prune_at, definition.budget)  # refuses a wrong one
    if definition.prune == "seeds" and len(definition.seeds) == 1:
        raise StudyError(
            "The rule seeds leaves out the other seeds of a trial, and there is one.",
            hint="Add:  --seeds 3",
        )
    if row is None:
        searched = search_space_of(workload, definition)
        definition = warmed(store, workload, definition, searched, carry_from)
        Proposals(searched, definition, [])  # refuses what does not fit
        row = store.create(name, workload.name, definition.to_json(), settings or {})
    if row.workload != workload.name:
        raise StudyError(
            f"Study {row.name!r} is of {row.workload}, not of {workload.name}.",
            hint="Choose another study name.",
        )
    kept = Definition.from_json(row.definition)
    refuse_changes(row.name, kept, definition)
    if carry_from and list(kept.sources) != list(carry_from):
        began = f"from {', '.join(kept.sources)}" if kept.sources else "without earlier studies"
        raise StudyError(
            f"Study {row.name!r} began {began}: that is settled when it is made.",
            hint="Choose another study name.",
        )
    return row, kept


def search_space_of(workload: Workload, definition: Definition) -> SearchSpace:
    """What the study varies, in the order in which it is drawn."""
    space = workload.space
    then = ranges(definition.searched)
    searched = space.searched(names=list(then)) | {name: then[name] for name in definition.narrowed}
    held = {**definition.start, **definition.pins}
    return SearchSpace(space, searched, held, definition.fixed)
