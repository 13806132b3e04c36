"""The runs of a results folder, as the pages show them: its own, and those of studies and designs.

A name that comes from a request is looked up among the names that are there; it never becomes part
of a path.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.dashboard.views import shown
from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.execute.rerun import Place, command, diagnose_run, near, rerun_run
from homeostat.pages import figures
from homeostat.pages.figures.curves import Curve
from homeostat.pages.figures.family import rises
from homeostat.pages.study.trials import curves_of
from homeostat.record.attempt import LOG
from homeostat.record.index import DamagedRun, read_or_tell, run_folders
from homeostat.record.outcome import Outcome
from homeostat.record.runs import FILE, RunRecord, read_run, seed_folder
from homeostat.space.values import same

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE = 50
LONGEST_LOG = 64_000
"""Characters of a log that a page shows, from its end."""
STUDIES = "studies"
REMARKS = "remarks.json"
"""What a reader wrote about a run, in its folder."""


class Runs:
    """The runs of one results folder, each read again only where it has changed."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[int, dict[str, Any]]] = {}

    def lines(self, *, of: str = "", page: int = 0, find: str = "") -> dict[str, Any]:
        """A page of the runs of a group, the newest first: a line each.

        Args:
            of: The results folder's own runs when empty, or a study's or design's, as `groups`
                names them.
            find: Only those whose names have this in them.
        """
        folders = [f for f in reversed(run_folders(self._group(of))) if find in f.name.lower()]
        chosen = folders[page * PAGE : (page + 1) * PAGE]
        with self._lock:
            lines = [self._line(folder) for folder in chosen]
        return {
            "groups": list(self.groups()),
            "runs": [line for line in lines if line is not None],
            "total": len(folders), "page": page, "size": PAGE,
        }  # fmt: skip

    def groups(self) -> dict[str, Path]:
        """Studies and designs that have runs, by the name that a page calls them."""
        found = {}
        for parent, prefix in ((self._results / STUDIES, f"{STUDIES}/"), (self._results, "")):
            for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
                own = (folder / FILE).exists() or folder.name == STUDIES
                if not own and next(folder.glob(f"*/{FILE}"), None) is not None:
                    found[prefix + folder.name] = folder
        return found

    def _group(self, name: str) -> Path:
        if not name:
            return self._results
        groups = self.groups()
        if name not in groups:
            raise UnknownNameError(f"No runs of {name!r}.", hint=did_you_mean(name, groups))
        return groups[name]

    def _line(self, folder: Path) -> dict[str, Any] | None:
        try:
            changed = (folder / FILE).stat().st_mtime_ns
        except OSError:  # removed just now
            return None
        known = self._known.get(folder)
        if known is None or known[0] != changed or known[1]["outcome"] in ("running", "damaged"):
            self._known[folder] = (changed, self._run_line(read_or_tell(folder)))
        return self._known[folder][1] | {"tags": remarks_of(folder)["tags"]}

    def one(self, name: str) -> dict[str, Any]:
        """One run with its configuration, seeds, metrics, artifacts, and what to type about it."""
        record = self.record(name)
        metrics = list(dict.fromkeys(m for c in record.curves().values() for m in c.metrics))
        default = self._default_of(record)
        return self._run_line(record) | remarks_of(record.folder) | {
            "config": [
                {"name": key, "value": value, "set": key in record.given,
                 "default": default.get(key),
                 "differs": key in default and not same(default[key], value)}
                for key, value in record.config.items()
            ],
            "default": bool(default),
            "adjustments": list(record.adjustments),
            "metrics": metrics,
            "families": list(figures.families(metrics)),
            "fingerprint": dict(record.fingerprint),
            "commands": self._commands(record),
            "attempts": [
                {"seed": a.seed, "outcome": a.outcome.value, "reason": a.reason,
                 "step": a.last_step, "seconds": a.wall_s, "values": dict(a.values),
                 "files": files_of(record, a.seed)}
                for a in record.attempts
            ],
        }  # fmt: skip

    def _default_of(self, record: RunRecord) -> Mapping[str, Any]:
        """The starting configuration: of the trial's study, or of the installed workload."""
        from homeostat.workload import load

        if record.folder.parent.parent == self._results / STUDIES:
            for folder in sorted(record.folder.parent.glob("trial_*"))[:1]:
                return read_run(folder).config
        workload = load.installed(record.facts.get("reference") or record.workload)
        return {} if workload is None else dict(workload.space.resolve({}))

    def _commands(self, record: RunRecord) -> list[str]:
        """What to type about a run: once more, and where it failed or stopped, why and on."""
        found = [rerun_run(record, Place.of(self._results))]
        reference = str(record.facts.get("reference") or record.workload)
        if record.outcome in (Outcome.DIVERGED, Outcome.FAILED):
            found.append(diagnose_run(record.folder, reference))
        if record.outcome is Outcome.INTERRUPTED:
            found.append(command("homeostat resume", near(record.folder)))
        return found

    def log(self, name: str, seed: int) -> str:
        """The end of what a seed printed, with the traceback of what it raised."""
        try:
            path = seed_folder(self.record(name).folder, seed) / LOG
            return path.read_text(encoding="utf-8", errors="replace")[-LONGEST_LOG:]
        except OSError:
            return ""

    def file(self, name: str, seed: int, file: str) -> Path:
        """Where one of a seed's files is.

        Raises:
            UnknownNameError: If it has none of that name.
        """
        record = self.record(name)
        names = [kept["name"] for kept in files_of(record, seed)]
        if file not in names:
            raise UnknownNameError(f"No file {file!r}.", hint=did_you_mean(file, names))
        return seed_folder(record.folder, seed) / file

    def curves(self, names: Sequence[str], metric: str | None = None) -> go.Figure:
        """Curves of one metric of some runs, the main one by default."""
        records = {name: self.record(name) for name in names}
        first = next(iter(records.values()))
        chosen = metric or first.metric
        return figures.curves(
            {
                # Within one study their folders tell them apart.
                (name if len({r.folder.parent for r in records.values()}) > 1 else record.name):
                curves_of(record, chosen)
                for name, record in records.items()
            },
            metric=chosen, unit=first.unit,
        )  # fmt: skip

    def family(self, name: str, stem: str, seed: int | None = None) -> go.Figure:
        """The parts of one quantity over time, in one seed, with deaths where they are counted.

        Raises:
            UnknownNameError: If the run has no such quantity.
        """
        record = self.record(name)
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
        return shown(self.record(name), seed)

    def compare(self, names: Sequence[str]) -> dict[str, Any]:
        """The first run against each other, and where their configurations differ."""
        from homeostat.evidence.compare import compare

        records = [self.record(name) for name in names]
        keys = dict.fromkeys(key for record in records for key in record.config)
        differ = [
            {"name": key, "values": [record.config.get(key) for record in records]}
            for key in keys
            if not all(same(records[0].config.get(key), r.config.get(key)) for r in records)
        ]
        return compare(records).to_json() | {"names": list(names), "configuration": differ}

    def record(self, name: str) -> RunRecord:
        """A run by the name that a page calls it: its folder's, after its group's.

        Raises:
            UnknownNameError: If there is none.
        """
        of, _, own = name.rpartition("/")
        folders = {folder.name: folder for folder in run_folders(self._group(of))}
        if own not in folders:
            raise UnknownNameError(f"No run {name!r}.", hint=did_you_mean(own, folders))
        return read_run(folders[own])

    def version(self) -> tuple[object, ...]:
        """Changes whenever a run has begun, reported or ended."""
        marks = [(folder, _changed(folder / FILE)) for folder in run_folders(self._results)]
        curves = map(_changed, self._results.glob("*/seed_*/curves.csv"))
        return (*marks, max(curves, default=0))

    def _run_line(self, record: RunRecord | DamagedRun) -> dict[str, Any]:
        if isinstance(record, DamagedRun):
            nothing = dict.fromkeys(("budget", "unit", "metric", "mean", "sd", "step"))
            return nothing | {
                "name": record.folder.relative_to(self._results).as_posix(), "workload": "",
                "outcome": record.outcome.value, "reason": record.reason, "alive": False,
                "seeds": [],
            }  # fmt: skip
        return {
            "name": record.folder.relative_to(self._results).as_posix(),
            "workload": record.workload,
            "outcome": record.outcome.value,
            "reason": record.reason,
            "alive": record.alive,
            "seeds": list(record.seeds),
            "budget": record.budget,
            "unit": record.unit,
            "metric": record.metric,
            "mean": record.mean,
            "sd": record.sd,
            "step": max((a.last_step or 0 for a in record.attempts), default=0),
        }


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # removed just now
        return 0


def files_of(record: RunRecord, seed: int) -> list[dict[str, Any]]:
    """What a seed kept, with the size of each."""
    folder = seed_folder(record.folder, seed)
    found = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    return [{"name": f.relative_to(folder).as_posix(), "bytes": f.stat().st_size} for f in found]


def remarks_of(folder: Path) -> dict[str, Any]:
    """A reader's note and tags; empty where there are none."""
    try:
        kept = json.loads((folder / REMARKS).read_text(encoding="utf-8"))
        return {"note": str(kept["note"]), "tags": [str(tag) for tag in kept["tags"]]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"note": "", "tags": []}
