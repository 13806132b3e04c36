"""The runs of a results folder, as the pages show them.

A name that comes from a request is looked up among the names that are there; it never becomes part
of a path.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.dashboard.views import shown
from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.pages import figures
from homeostat.pages.figures.curves import Curve
from homeostat.pages.figures.family import rises
from homeostat.pages.findings.sections import curves_of
from homeostat.record.index import DamagedRun, read_or_tell, run_folders
from homeostat.record.runs import FILE, RunRecord, read_run

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Runs:
    """The runs of one results folder, each read again only where it has changed."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[int, dict[str, Any]]] = {}

    def lines(self) -> list[dict[str, Any]]:
        """A line for each run, the newest first."""
        with self._lock:
            lines = [self._line(folder) for folder in run_folders(self._results)]
        return [line for line in reversed(lines) if line is not None]

    def _line(self, folder: Path) -> dict[str, Any] | None:
        try:
            changed = (folder / FILE).stat().st_mtime_ns
        except OSError:  # removed just now
            return None
        known = self._known.get(folder)
        if known is None or known[0] != changed or known[1]["outcome"] in ("running", "damaged"):
            self._known[folder] = (changed, _run_line(read_or_tell(folder)))
        return self._known[folder][1]

    def one(self, name: str) -> dict[str, Any]:
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

    def curves(self, names: Sequence[str], metric: str | None = None) -> go.Figure:
        """Curves of one metric of some runs, the main one by default."""
        records = [self._record(name) for name in names]
        chosen = metric or records[0].metric
        return figures.curves(
            {record.name: curves_of(record, chosen) for record in records},
            metric=chosen,
            unit=records[0].unit,
        )

    def family(self, name: str, stem: str, seed: int | None = None) -> go.Figure:
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

    def views(self, name: str, seed: int | None = None) -> dict[str, Any]:
        """What only the run's workload knows how to draw, of one seed (the best one's if None)."""
        return shown(self._record(name), seed)

    def compare(self, names: Sequence[str]) -> dict[str, Any]:
        """The first run against each other."""
        from homeostat.evidence.compare import compare

        return compare([self._record(name) for name in names]).to_json()

    def _record(self, name: str) -> RunRecord:
        folders = {folder.name: folder for folder in run_folders(self._results)}
        if name not in folders:
            raise UnknownNameError(f"No run {name!r}.", hint=did_you_mean(name, folders))
        return read_run(folders[name])

    def version(self) -> tuple[object, ...]:
        """Changes whenever a run has begun, reported or ended."""
        marks = [(folder, _changed(folder / FILE)) for folder in run_folders(self._results)]
        curves = map(_changed, self._results.glob("*/seed_*/curves.csv"))
        return (*marks, max(curves, default=0))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # removed just now
        return 0


def _run_line(record: RunRecord | DamagedRun) -> dict[str, Any]:
    if isinstance(record, DamagedRun):
        nothing = dict.fromkeys(("budget", "unit", "metric", "mean", "sd", "step"))
        return nothing | {
            "name": record.name, "workload": "", "outcome": record.outcome.value,
            "alive": False, "seeds": [], "reason": record.reason,
        }  # fmt: skip
    mean = record.mean
    return {
        "name": record.name,
        "reason": record.reason,
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
