"""What the pages show, as plain data: runs, studies and notes of one results folder.

A name that comes from a request is looked up among the names that are there; it never becomes part
of a path.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.errors import RecordError, UnknownNameError, did_you_mean
from homeostat.record.index import run_folders
from homeostat.record.runs import FILE, RunRecord, read_run
from homeostat.report import figures
from homeostat.report.figures.curves import Curve
from homeostat.report.figures.family import rises
from homeostat.report.findings.facts import Facts, gather
from homeostat.report.findings.sections import curves_of
from homeostat.search.importance import FEWEST, importance
from homeostat.search.rounds.checklist import checklist
from homeostat.search.search import open_store
from homeostat.web.replay import film_data, find_replays
from homeostat.web.views import shown, workload_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.search.rows import TrialRow
    from homeostat.search.store import Store

PAGE = 50
MOST_LINES = 600
"""Most trials that parallel coordinates draw; with more the lines merge and the page is slow."""
NOTES = "NOTES.md"


class Library:
    """One results folder, read again only where something has changed."""

    def __init__(self, results: str | Path, store: str | Path | None = None) -> None:
        self.results = Path(results)
        self._store_at = store
        self._lock = threading.Lock()
        self._runs: dict[Path, tuple[int, dict[str, Any]]] = {}
        self._facts: dict[str, tuple[Any, Facts]] = {}

    @property
    def store(self) -> Store:
        return open_store(self.results, self._store_at)

    # Runs

    def runs(self) -> list[dict[str, Any]]:
        """A line for each run, the newest first."""
        with self._lock:
            lines = [self._line(folder) for folder in run_folders(self.results)]
        return [line for line in reversed(lines) if line is not None]

    def _line(self, folder: Path) -> dict[str, Any] | None:
        try:
            changed = (folder / FILE).stat().st_mtime_ns
            known = self._runs.get(folder)
            if known is None or known[0] != changed or known[1]["outcome"] == "running":
                self._runs[folder] = (changed, _run_line(read_run(folder)))
        except (OSError, RecordError):
            return None
        return self._runs[folder][1]

    def run(self, name: str) -> dict[str, Any]:
        """One run with its configuration, seeds and metrics."""
        record = self._record(name)
        metrics = list(dict.fromkeys(m for c in record.curves().values() for m in c.metrics))
        return _run_line(record) | {
            "config": record.config,
            "given": record.given,
            "adjustments": list(record.adjustments),
            "metrics": metrics,
            "families": list(figures.families(metrics)),
            "fingerprint": dict(record.fingerprint),
            "attempts": [
                {"seed": a.seed, "outcome": a.outcome.value, "reason": a.reason,
                 "step": a.last_step, "seconds": a.wall_s, "values": dict(a.values)}
                for a in record.attempts
            ],
        }  # fmt: skip

    def run_curves(self, names: Sequence[str], metric: str | None = None) -> go.Figure:
        """Curves of one metric of some runs, the main one by default."""
        records = [self._record(name) for name in names]
        chosen = metric or records[0].metric
        return figures.curves(
            {record.name: curves_of(record, chosen) for record in records},
            metric=chosen,
            unit=records[0].unit,
        )

    def run_family(self, name: str, stem: str, seed: int | None = None) -> go.Figure:
        """The parts of one quantity over time, in one seed, with deaths where they are counted.

        Raises:
            UnknownNameError: If the run has no such quantity.
        """
        record = self._record(name)
        seeds = record.curves()
        curves = seeds[seed] if seed in seeds else next(iter(seeds.values()))
        known = figures.families(curves.metrics)
        if stem not in known:
            raise UnknownNameError(f"No parts of {stem!r}.", hint=did_you_mean(stem, known))

        def told(metric: str) -> Curve:
            steps, values = curves.of(metric)
            return steps.tolist(), values.tolist()

        deaths = rises(told("deaths"), "deaths:") if "deaths" in curves.metrics else []
        return figures.family(
            [told(metric) for metric in known[stem]], stem=stem, unit=record.unit,
            events=deaths,
        )  # fmt: skip

    def run_views(self, name: str, seed: int | None = None) -> dict[str, Any]:
        """What only the run's workload knows how to draw, of one seed (the best one's if None)."""
        record = self._record(name)
        return shown(workload_of(record), record, seed)

    def compare(self, names: Sequence[str]) -> dict[str, Any]:
        """The first run against each other."""
        from homeostat.evidence.compare import compare

        return compare([self._record(name) for name in names]).to_json()

    def _record(self, name: str) -> RunRecord:
        folders = {folder.name: folder for folder in run_folders(self.results)}
        if name not in folders:
            raise UnknownNameError(f"No run {name!r}.", hint=did_you_mean(name, folders))
        return read_run(folders[name])

    # Studies

    def studies(self) -> list[dict[str, Any]]:
        """A line for each study."""
        store = self.store
        return [self._study_line(self._gathered(name)) for name in store.names()]

    def study(self, name: str) -> dict[str, Any]:
        """One study: its line, what made it, its best trials, its phases."""
        facts = self._gathered(name)
        return self._study_line(facts) | {
            "objectives": facts.objectives,
            "parameters": list(dict.fromkeys(n for t in facts.trials for n in t.parameters)),
            # What was carried over from other studies may be thousands of trials.
            "definition": {k: v for k, v in facts.row.definition.items() if k != "carried"},
            "top": [_trial_line(t) | {"command": facts.command(t)} for t in facts.ranked[:5]],
            "phases": [
                {key: phase[key] for key in ("name", "status", "sentences", "decisions")}
                for phase in facts.phases
            ],
            "checks": [
                check for phase in facts.phases if phase["name"] == "probe"
                for check in phase["facts"].get("checks", ())
            ],
        }  # fmt: skip

    def study_checklist(self, name: str) -> list[dict[str, Any]]:
        """What to look at before the next round; nothing while no trial has completed."""
        now = self._gathered(name).round
        return [check.to_json() for check in checklist(now)] if now is not None else []

    def study_views(self, name: str, seed: int | None = None) -> dict[str, Any]:
        """The same of the best trial of a study."""
        facts = self._gathered(name)
        record = facts.run(facts.ranked[0].number) if facts.ranked else None
        return shown(facts.workload, record, seed)

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

    def study_figure(self, name: str, kind: str) -> go.Figure | None:
        """One figure of a study; None where there is nothing to draw."""
        facts = self._gathered(name)
        if kind == "history" and facts.trials:
            return figures.history(facts.trials, metric=facts.metric, goal=facts.goal)
        if kind == "parallel" and len(facts.ranked) > 2 and facts.workload is not None:
            # The best, and the rest evenly thinned.
            rest = facts.ranked[MOST_LINES // 2 :]
            thin = rest[:: max(1, math.ceil(len(rest) / (MOST_LINES // 2)))]
            return figures.parallel(
                [*facts.ranked[: MOST_LINES // 2], *thin], metric=facts.metric, goal=facts.goal,
                space=facts.workload.space,
            )  # fmt: skip
        if kind == "pareto" and len(facts.objectives) > 1 and facts.ranked:
            return figures.pareto(facts.ranked, objectives=facts.objectives)
        if kind == "importance" and facts.workload is not None and len(facts.ranked) >= FEWEST:
            found = importance(
                facts.trials, facts.workload.space, metric=facts.metric, goal=facts.goal,
                method="ped-anova",
            )  # fmt: skip
            bars = [(row.name, row.share, row.low, row.high) for row in found.rows]
            weak = " (weak)" if found.weak else ""
            return figures.ranking(bars, title=f"share of {facts.metric} explained{weak}")
        if kind == "curves" and facts.ranked:
            return figures.curves(
                {f"trial {t.number}": curves_of(facts.run(t.number), facts.metric)
                 for t in facts.ranked[:5]},
                metric=facts.metric, unit=facts.unit,
            )  # fmt: skip
        return None

    def _gathered(self, name: str) -> Facts:
        store = self.store
        if name not in store.names():
            raise UnknownNameError(f"No study {name!r}.", hint=did_you_mean(name, store.names()))
        version = self._version(store, name)
        with self._lock:
            known = self._facts.get(name)
            if known is None or known[0] != version:
                self._facts[name] = (version, gather(name, store=store, results=self.results))
            return self._facts[name][1]

    def _version(self, store: Store, name: str) -> tuple[Any, ...]:
        row = store.study(name)
        plan = self.results / "studies" / name / "plan.json"
        return (
            *store.counts(row.key), row.driven, str(row.confirmation),
            plan.stat().st_mtime_ns if plan.exists() else 0,
        )  # fmt: skip

    @staticmethod
    def _study_line(facts: Facts) -> dict[str, Any]:
        counts = Counter(trial.outcome.value for trial in facts.trials)
        best = facts.ranked[0] if facts.ranked else None
        return {
            "name": facts.row.name,
            "workload": facts.row.workload,
            "running": facts.row.driven,
            "metric": facts.metric,
            "goal": facts.goal,
            "trials": len(facts.trials),
            "outcomes": dict(counts),
            "best": best.values[facts.metric] if best is not None else None,
            "best_trial": best.number if best is not None else None,
        }

    # Replays

    def replays(self) -> list[str]:
        """What can be played."""
        return list(find_replays(self.results))

    def replay(self, name: str) -> dict[str, Any]:
        """One film of creatures."""
        found = find_replays(self.results)
        if name not in found:
            raise UnknownNameError(f"No replay {name!r}.", hint=did_you_mean(name, found))
        return film_data(found[name])

    # The rest

    def version(self) -> str:
        """Changes whenever a page would show something else."""
        marks = [str(folder) + str((folder / FILE).stat().st_mtime_ns)
                 for folder in run_folders(self.results)]  # fmt: skip
        store = self.store
        marks += [str(self._version(store, name)) for name in store.names()]
        newest = max((p.stat().st_mtime_ns for p in self.results.glob("*/seed_*/curves.csv")),
                     default=0)  # fmt: skip
        return str(hash((*marks, newest)))

    def notes(self) -> str:
        """The running log beside the results, or in them; empty if there is none."""
        for place in (self.results / NOTES, self.results.parent / NOTES):
            if place.is_file():
                return place.read_text(encoding="utf-8", errors="replace")
        return ""

    @staticmethod
    def workloads() -> list[dict[str, Any]]:
        """The built-in workloads with their configurations and parameters."""
        from homeostat.space import configs
        from homeostat.workload.builtin import BUILTIN
        from homeostat.workload.load import find

        found = []
        for name in BUILTIN:
            workload = find(name)
            found.append(
                {
                    "name": name,
                    "what": workload.doc.partition("\n")[0],
                    "configs": configs.names(workload),
                    "parameters": workload.space.rows(),
                }
            )
        return found


def _run_line(record: RunRecord) -> dict[str, Any]:
    mean = record.mean
    return {
        "name": record.name,
        "workload": record.workload,
        "outcome": record.outcome.value,
        "alive": record.alive,
        "seeds": list(record.seeds),
        "budget": record.budget,
        "unit": record.unit,
        "metric": record.metric,
        "mean": mean,
        "sd": record.sd,
        "step": max((a.last_step or 0 for a in record.attempts), default=0),
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
