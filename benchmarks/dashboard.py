"""How long the dashboard's pages wait for their data, with 20,000 trials and 200 runs,
and how long the report, `homeostat status` and `homeostat best` take.

python benchmarks/dashboard.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

import homeostat as hs
from homeostat.dashboard.app import make_app
from homeostat.record.outcome import Outcome
from homeostat.search.search import open_store
from homeostat.study.study import Study

TRIALS, RUNS, PARAMETERS = 20_000, 200, 12
BAR_S = 1.0

SPACE = hs.Space(**{f"p{i}": hs.Float(0.0, 1.0, default=0.5) for i in range(PARAMETERS)})


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=20)
def noise(config, trial):
    """Nothing but noise."""
    rng = trial.rng("noise")
    for step in trial.steps():
        yield hs.Report(step, val_loss=rng.random())


def fill(results: Path) -> None:
    """A study told its values without running, and short runs."""
    rng = np.random.default_rng(0)
    store = open_store(results)
    with Study.open(noise, "large", store=store, method="random") as study:
        for _ in range(TRIALS):
            trial = study.ask()
            study.tell(trial.number, Outcome.COMPLETED, {"val_loss": [float(rng.random())]})
    for number in range(RUNS):
        hs.run(noise, results=results, name=f"run{number}", flight=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        fill(results)
        client = TestClient(make_app(results), base_url="http://localhost")
        study = "/api/studies/large"
        paths = ("/", "/api/studies", study, f"{study}/trials?sort=val_loss",
                 f"{study}/trials?find=p0", f"{study}/figures/history",
                 f"{study}/figures/parallel", "/api/runs")  # fmt: skip
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


if __name__ == "__main__":
    main()
