"""The studies of a results folder, as the pages show them."""

from __future__ import annotations

import math
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.dashboard.views import shown
from homeostat.errors import HomeostatError, StudyError, UnknownNameError, did_you_mean
from homeostat.pages import figures
from homeostat.pages.findings.facts import Facts, gather
from homeostat.pages.findings.sections import curves_of
from homeostat.search.review.checklist import checklist as check_round
from homeostat.search.search import look_store
from homeostat.search.standing import figures_of, state_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow
    from homeostat.study.store import Store

PAGE = 50
TOP = 5
"""How many of the best trials a page lists and draws."""
MOST_LINES = 600
"""Most trials that parallel coordinates draw; with more the lines merge and the page is slow."""


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
        """One study: its line, what made it, its best trials, its phases."""
        facts = self._gathered(name)
        return self._study_line(facts) | {
            "objectives": facts.objectives,
            "parameters": list(dict.fromkeys(n for t in facts.trials for n in t.parameters)),
            # What was carried over from other studies may be thousands of trials.
            "definition": {k: v for k, v in facts.row.definition.items() if k != "carried"},
            "top": [_trial_line(t) | {"command": facts.command(t)} for t in facts.best_first[:TOP]],
            "phases": [
                {key: phase[key] for key in ("name", "status", "sentences", "decisions")}
                for phase in facts.phases
            ],
            "checks": [
                check for phase in facts.phases if phase["name"] == "probe"
                for check in phase["facts"].get("checks", ())
            ],
        }  # fmt: skip

    def checklist(self, name: str) -> list[dict[str, Any]]:
        """What to look at before the next round; nothing while no trial has completed."""
        now = self._gathered(name).round
        return [check.to_json() for check in check_round(now)] if now is not None else []

    def views(self, name: str, seed: int | None = None) -> dict[str, Any]:
        """What only the workload knows how to draw, of the trial to take, or its best seed."""
        facts = self._gathered(name)
        trial = facts.to_take
        record = facts.run(trial.number) if trial is not None else None
        return shown(record, seed)

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

    def figure(self, name: str, kind: str) -> go.Figure | None:
        """One figure of a study; None where there is nothing to draw."""
        facts = self._gathered(name)
        if kind == "history" and facts.trials:
            return figures.history(facts.trials, metric=facts.metric, goal=facts.goal)
        if kind == "parallel" and len(facts.ranked) > 2:
            # The best, and the rest evenly thinned.
            rest = facts.ranked[MOST_LINES // 2 :]
            thin = rest[:: max(1, math.ceil(len(rest) / (MOST_LINES // 2)))]
            return figures.parallel(
                [*facts.ranked[: MOST_LINES // 2], *thin], metric=facts.metric, goal=facts.goal,
                space=facts.workload.space,
            )  # fmt: skip
        if kind == "pareto" and len(facts.objectives) > 1 and facts.ranked:
            return figures.pareto(facts.ranked, objectives=facts.objectives)
        if kind == "importance":
            try:
                ranking = facts.importance()
            except StudyError:  # too few trials yet
                return None
            return figures.ranking(ranking.bars, title=ranking.title, floor=ranking.chance)
        if kind == "curves" and facts.ranked:
            return figures.curves(
                {f"trial {t.number}": curves_of(facts.run(t.number), facts.metric)
                 for t in facts.best_first[:TOP]},
                metric=facts.metric, unit=facts.unit,
            )  # fmt: skip
        return None

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
        verdict = facts.verdict
        return {
            "verdict": verdict.to_json(),
            "name": facts.row.name,
            "workload": facts.row.workload,
            "state": state_of(facts.row, verdict),
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
