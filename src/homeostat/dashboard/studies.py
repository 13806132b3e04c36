"""The studies of a results folder, as the pages show them."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.errors import HomeostatError, UnknownNameError, did_you_mean
from homeostat.pages.study.facts import Facts, gather
from homeostat.pages.study.html import as_json
from homeostat.pages.study.sections import SECTIONS
from homeostat.search.search import look_store
from homeostat.search.standing import figures_of, state_of

if TYPE_CHECKING:
    from homeostat.study.records import StudyRow, TrialRow
    from homeostat.study.store import Store

PAGE = 50


class Studies:
    """The studies of one store, each read again only where it has changed."""

    def __init__(self, results: Path, store: str | Path | None) -> None:
        self._results = results
        self._store_at = store
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Any, Facts]] = {}

    @property
    def _store(self) -> Store:
        return look_store(self._results, self._store_at)

    def lines(self) -> list[dict[str, Any]]:
        """A line for each study."""
        return [self._line(name) for name in self._store.names()]

    def _line(self, name: str) -> dict[str, Any]:
        """A study's line; of one that cannot be read, the reason."""
        try:
            return self._study_line(self._gathered(name))
        except HomeostatError as error:
            nothing = ("verdict", "metric", "goal", "winner", "on_fresh_seeds", "best_in_search",
                       "in_search", "to_take")  # fmt: skip
            told = {"name": name, "workload": "", "state": "damaged", "reason": str(error)}
            return dict.fromkeys(nothing) | told | {"trials": 0, "outcomes": {}}

    def one(self, name: str) -> dict[str, Any]:
        """One study: its line, and which sections its page has."""
        facts = self._gathered(name)
        return self._study_line(facts) | {
            "objectives": facts.objectives,
            "parameters": facts.names,
            "sections": list(SECTIONS),
        }

    def section(self, name: str, section: str) -> list[dict[str, Any]]:
        """A section of a study's page, as the report has it.

        Raises:
            UnknownNameError: If a page has no such section.
        """
        if section not in SECTIONS:
            raise UnknownNameError(f"No section {section!r}.", hint=did_you_mean(section, SECTIONS))
        return as_json(SECTIONS[section](self._gathered(name)))

    def row(self, name: str) -> StudyRow:
        """The study as stored, for who drives it."""
        return self._store.study(name)

    def trial(self, name: str, number: int) -> dict[str, Any]:
        """One trial: its line, what the default has, what runs it again, and its run's name.

        Raises:
            UnknownNameError: If the study has no trial of that number.
        """
        facts = self._gathered(name)
        if number not in [trial.number for trial in facts.trials]:
            raise UnknownNameError(f"Study {name} has no trial {number}.")
        trial = facts.trial(number)
        default = facts.verdict.default if facts.verdict is not None else None
        return _trial_line(trial) | {
            "study": name,
            "metrics": list(facts.objectives),
            "default": {} if default is None else dict(default.parameters),
            "default_number": None if default is None else default.number,
            "command": facts.command(trial),
            "run": f"studies/{name}/trial_{number:04d}" if facts.run(number) else None,
        }

    def trials(
        self, name: str, *, page: int = 0, sort: str = "number", down: bool = False, find: str = ""
    ) -> dict[str, Any]:
        """A page of a study's trials, sorted by anything they have, those that match `find`."""
        facts = self._gathered(name)
        chosen = [t for t in facts.trials if find.lower() in _words(t)]
        with_key = [t for t in chosen if _key(t, sort) is not None]
        without = [t for t in chosen if _key(t, sort) is None]
        numeric = all(isinstance(_key(t, sort), int | float) for t in with_key)
        ordered = sorted(
            with_key, key=lambda t: _key(t, sort) if numeric else str(_key(t, sort)), reverse=down
        )
        lines = [*ordered, *without][page * PAGE : (page + 1) * PAGE]
        return {"total": len(chosen), "page": page, "size": PAGE,
                "trials": [_trial_line(t) for t in lines]}  # fmt: skip

    def version(self) -> tuple[object, ...]:
        """Changes whenever a study has changed."""
        store = self._store
        return tuple(self._version_or_none(store, name) for name in store.names())

    def _version_or_none(self, store: Store, name: str) -> tuple[Any, ...] | None:
        try:
            return self._version(store, name)
        except HomeostatError:  # listed as damaged
            return None

    def _gathered(self, name: str) -> Facts:
        store = self._store
        if name not in store.names():
            raise UnknownNameError(f"No study {name!r}.", hint=did_you_mean(name, store.names()))
        version = self._version(store, name)
        with self._lock:
            known = self._known.get(name)
            if known is None or known[0] != version:
                self._known[name] = (version, gather(name, store=store, results=self._results))
            return self._known[name][1]

    def _version(self, store: Store, name: str) -> tuple[Any, ...]:
        row = store.study(name)
        plan = self._results / "studies" / name / "plan.json"
        return (
            *store.counts(row.key), row.driven, str(row.confirmation),
            plan.stat().st_mtime_ns if plan.exists() else 0,
        )  # fmt: skip

    @staticmethod
    def _study_line(facts: Facts) -> dict[str, Any]:
        counts = Counter(trial.outcome.value for trial in facts.trials)
        verdict, row = facts.verdict, facts.row
        assert verdict is not None and row is not None, "it is in the store"
        return {
            "verdict": verdict.to_json(),
            "name": facts.name,
            "workload": row.workload,
            "state": state_of(row, verdict),
            "metric": facts.metric,
            "goal": facts.goal,
            "trials": len(facts.trials),
            "outcomes": dict(counts),
            **figures_of(verdict),
            "to_take": None if verdict.trial is None else verdict.trial.number,
        }


def _trial_line(trial: TrialRow) -> dict[str, Any]:
    return {
        "number": trial.number,
        "outcome": trial.outcome.value,
        "reason": trial.reason,
        "values": dict(trial.values),
        "sds": dict(trial.sds),
        "parameters": dict(trial.parameters),
        "seconds": trial.wall_s,
    }


def _key(trial: TrialRow, name: str) -> Any:
    if name in trial.values:
        value = trial.values[name]
        return None if np.isnan(value) else value
    if name in ("number", "outcome", "seconds"):
        return {"number": trial.number, "outcome": trial.outcome.value, "seconds": trial.wall_s}[
            name
        ]
    return trial.parameters.get(name)


def _words(trial: TrialRow) -> str:
    settings = " ".join(f"{name}={value}" for name, value in trial.parameters.items())
    return f"trial {trial.number} {trial.outcome.value} {trial.reason} {settings}".lower()
