"""Damaged files: every kind of file of a results folder, damaged in every way, and read by
everything that reads it. Nothing raises what is not ours, nothing else is harmed, and where a
checksum is kept no damage is silent.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.torture.crash import Table
from tests.torture.damage import damage
from tests.torture.loops import walk

import homeostat as hs
from homeostat.dashboard.runs import Runs
from homeostat.dashboard.studies import Studies
from homeostat.design.designs import DesignPoint
from homeostat.design.run_design import KIND as DESIGN
from homeostat.design.run_design import run_design
from homeostat.errors import HomeostatError
from homeostat.execute import run
from homeostat.pages.study.facts import gather
from homeostat.record.attempt import read_attempt
from homeostat.record.curves import CurveWriter, read_curves
from homeostat.record.index import list_runs
from homeostat.record.outcome import Outcome
from homeostat.record.plan_file import FILE as PLAN
from homeostat.record.plan_file import KIND as PLAN_KIND
from homeostat.record.runs import read_run
from homeostat.record.snapshot import read_snapshot
from homeostat.search.decide import verdict_of
from homeostat.search.search import look_store
from homeostat.study.folder import KIND as STUDY
from homeostat.workload.kept_views import FILE as VIEWS
from homeostat.workload.kept_views import KIND as VIEWS_KIND
from homeostat.workload.kept_views import views_of


def make(results: Path) -> None:
    """A small folder with every kind of file."""
    run(walk, {"lr": 0.3}, seeds=2, results=results, name="one", snapshot_s=0.0)
    run(walk, {"lr": 0.2}, seeds=1, results=results, name="other")
    points = [DesignPoint(f"lr={lr}", {"lr": lr}) for lr in (0.1, 0.2)]
    run_design(walk, points, kind="sweep", name="lr", results=results)
    hs.search(walk, 4, method="random", study="s", results=results, confirm=False)
    hs.search(walk, 2, method="random", study="second", results=results, confirm=False)
    phase = {"name": "probe", "status": "done", "sentences": ["It learns."], "decisions": []}
    plan = {"workload": "walk", "pins": {}, "settled": {}, "steps": 6, "budget_s": 5.0}
    phases = [phase | {"facts": {"mean": 0.1}, "seconds": 0.5}]
    PLAN_KIND.write(results / "studies/s" / PLAN, plan | {"spent_s": 1.0, "phases": phases})
    views = {"way": {"wrong": "nothing to see"}}
    VIEWS_KIND.write(next(results.glob("one_*")) / "seed_42" / VIEWS, {"views": views})


Reader = Callable[[Path], Any]
"""Reads a file; what it gives is the same for the same content."""


def _run_file(path: Path) -> Any:
    return read_run(path).to_json()


def _attempt(path: Path) -> Any:
    attempt = read_attempt(path.parent)
    return None if attempt is None or attempt.outcome is Outcome.DAMAGED else vars(attempt)


def _curves(path: Path) -> Any:
    attempt = read_attempt(path.parent)
    assert attempt is not None
    return attempt.curves.rows


def _views(path: Path) -> Any:
    told = views_of(read_run(path.parents[1]), 42, ())
    return None if VIEWS in told else told


def _writer(path: Path) -> Any:
    """A writer goes on after what is good."""
    CurveWriter(path).close()
    good = read_curves(path)
    steps = [step for step, _ in good.rows]
    assert steps == sorted(set(steps))


def _store(path: Path) -> Any:
    store = look_store(path.parent)
    for name in store.names():
        try:
            row = store.study(name)
            trials = store.trials(row.key)
            verdict_of(row, trials)
            store.points(row.key)
            gather(name, store=store, results=path.parent)
        except HomeostatError:
            pass


def everybody(results: Path) -> None:
    """Every list of the folder is still given."""
    runs, studies = Runs(results), Studies(results, None)
    lines = runs.lines()["runs"]
    assert len(list_runs(results)) == len(lines)
    runs.version(), studies.version()
    for line in lines:
        if line["outcome"] != "damaged":
            _ours(runs.one, line["name"])
            _ours(runs.curves, [line["name"]])
            _ours(runs.views, line["name"])
    for line in studies.lines():
        if line["state"] != "damaged":
            for section in _ours(studies.one, line["name"])["sections"]:
                _ours(studies.section, line["name"], section)
            _ours(studies.trials, line["name"])


def _ours(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except HomeostatError:
        return None


KINDS: dict[str, tuple[str, Reader, bool]] = {
    "run.json": ("one_*/run.json", _run_file, True),
    "attempt.json": ("one_*/seed_42/attempt.json", _attempt, True),
    "curves.csv": ("one_*/seed_42/curves.csv", _curves, True),
    "curves.csv, going on": ("one_*/seed_42/curves.csv", _writer, False),
    "snapshot.npz": ("one_*/seed_42/snapshot.npz", read_snapshot, True),
    "views.json": ("one_*/seed_42/views.json", _views, True),
    "design.json": ("sweep_lr/design.json", DESIGN.read, True),
    "plan.json": ("studies/s/plan.json", PLAN_KIND.read, True),
    "study.json": ("studies/s/study.json", STUDY.read, True),
    "studies.db": ("studies.db", _store, False),
}
"""Kind -> where it is, who reads it, and whether damage must not be silent."""


def damaged_files(kind: str, count: int, table: Table, seed: int = 0) -> None:
    """Damage a kind of file so many times; now and then, everything else is read too."""
    place, reader, has_checksum = KINDS[kind]
    rng = random.Random(f"{kind} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        make(results)
        [path] = results.glob(place)
        whole = path.read_bytes()
        good = _text(reader(path))
        path.write_bytes(whole)
        label = f"damaged: {kind}"
        for number in range(count):
            data = damage(whole, rng)
            _put(path, data)
            table.tried[label] += 1
            try:
                found = reader(path)
                if has_checksum and found is not None and _text(found) != good:
                    table.note(label, "wrong", _difference(whole, data))
                if number % 100 == 0:
                    everybody(results)
            except HomeostatError as error:
                if "\n" in str(error):
                    table.note(label, "tracebacks", str(error))
            except Exception as error:
                table.note(label, "tracebacks", f"{error!r} {_difference(whole, data)}")
            for leftover in path.parent.glob("studies.db-*"):
                leftover.unlink()
        _put(path, whole)
        shutil.rmtree(results)


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))  # as after a copy; and no cache may trust the time alone


def _text(value: Any) -> str:
    return json.dumps(value, default=repr, sort_keys=True)


def _difference(whole: bytes, data: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(whole, data, strict=False)) if a != b), -1)
    return f"at {at} of {len(whole)} -> {len(data)}: {data[max(0, at - 20) : at + 30]!r}"
