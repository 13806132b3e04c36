"""How long the dashboard's pages wait for their data, with 20,000 trials and 200 runs,
and how long the report, `homeostat status` and `homeostat best` take.

python benchmarks/dashboard.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from fastapi.testclient import TestClient

import homeostat as hs
from homeostat.dashboard.app import make_app
from homeostat.search.search import open_store
from homeostat.study import tables
from homeostat.study.folder import folder_of
from homeostat.study.study import Study

TRIALS, RUNS, PARAMETERS, REPORTS = 20_000, 200, 12, 10
BAR_S = 1.0

SPACE = hs.Space(**{f"p{i}": hs.Float(0.0, 1.0, default=0.5) for i in range(PARAMETERS)})


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=20)
def noise(config, trial):
    """Nothing but noise."""
    rng = trial.rng("noise")
    for step in trial.steps():
        yield hs.Report(step, val_loss=rng.random())


def fill(results: Path, trials: int = TRIALS, runs: int = RUNS) -> None:
    """A study as trials leave it, its rows written at once, and short runs."""
    store = open_store(results)
    with Study.open(noise, "large", store=store, method="random") as study:
        key = study.row.key
        folder_of(results, "large").mkdir(parents=True)
    store.close()
    rng = np.random.default_rng(0)
    drawn = rng.random((trials, PARAMETERS))
    drawn[0] = 0.5
    values = np.abs(drawn[:, 0] - 0.7) + 0.3 * drawn[:, 1] ** 2 + 0.05 * rng.random(trials)
    numbers = range(1, trials + 1)
    began = time.time() - trials
    engine = sa.create_engine(f"sqlite:///{results / 'studies.db'}")
    with engine.begin() as connection:
        connection.execute(tables.trials.insert(), [
            {"id": n, "study_id": key, "number": n - 1, "outcome": "completed", "reason": "",
             "started": began + n, "finished": began + n + 1, "wall_s": 1.0} for n in numbers
        ])  # fmt: skip
        connection.execute(tables.parameters.insert(), [
            {"trial_id": n, "name": f"p{i}", "value": float(drawn[n - 1, i])}
            for n in numbers for i in range(PARAMETERS)
        ])  # fmt: skip
        connection.execute(tables.objectives.insert(), [
            {"trial_id": n, "name": "val_loss", "value": v, "per_seed": [v]}
            for n, v in zip(numbers, map(float, values), strict=True)
        ])  # fmt: skip
        connection.execute(tables.reports.insert(), [
            {"trial_id": n, "seed": "42", "name": "val_loss", "step": step,
             "value": float(values[n - 1]) * (1 + 1 / (1 + step))}
            for n in numbers for step in range(REPORTS)
        ])  # fmt: skip
    engine.dispose()
    for number in range(runs):
        hs.run(noise, results=results, name=f"run{number}", flight=False)


def command(results: Path, *words: str) -> float:
    """Seconds that a command takes, the start of Python included."""
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "homeostat", *words, "--results", str(results)], check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - before


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        fill(results)
        client = TestClient(make_app(results), base_url="http://localhost")
        study = "/api/studies/large"
        paths = ("/", "/api/studies", study, f"{study}/trials?sort=val_loss",
                 f"{study}/trials?find=p0", f"{study}/sections/trials",
                 f"{study}/sections/parallel",
                 f"{study}/sections/mattered", "/api/runs")  # fmt: skip
        for path in paths:
            waits = []
            for _ in range(3):
                before = time.perf_counter()
                reply = client.get(path)
                waits.append(time.perf_counter() - before)
                assert reply.status_code == 200, reply.text
            print(
                f"{path:45} first {waits[0]:.3f} s, then {min(waits):.3f} s   (bar {BAR_S:g} s)  "
                f"{len(reply.content) / 1e3:,.0f} kB"
            )
        for words in (("status", "--study", "large"), ("best", "--study", "large"),
                      ("importance", "--study", "large"),
                      ("report", "--study", "large", "--no-execute")):  # fmt: skip
            print(f"homeostat {' '.join(words):35} {command(results, *words):.1f} s")
        page = folder_of(results, "large") / "report.html"
        print(f"report.html has {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
