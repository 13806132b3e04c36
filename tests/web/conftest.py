"""A results folder with a study, two runs and notes, and a dashboard over it."""

import numpy as np
import pytest

import homeostat as hs

SPACE = hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True, default=0.5),
    kind=hs.Choice(["plain", "<script>alert(1)</script>"]),
)


@hs.workload(space=SPACE, objectives={"val_loss": "minimize", "size": "minimize"}, budget=6)
def bowl(config, trial):
    """A bowl with a size."""
    offset = 0.02 * trial.rng("noise").standard_normal()
    for step in trial.steps():
        loss = abs(np.log10(config.lr) + 2) + 1 / (step + 1) + offset
        parts = {f"part_{k}": float(k * step) for k in range(3)}
        yield hs.Report(step, val_loss=loss, size=1 / config.lr, **parts)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard") / "results"
    hs.search(bowl, 12, study="first", method="random", results=folder, confirm=False)
    hs.run(bowl, seeds=3, results=folder, name="one")
    hs.run(bowl, {"lr": 0.01}, seeds=3, results=folder, name="two")
    (folder / "NOTES.md").write_text("# Notes\n\n<img src=x onerror=alert(1)>\n")
    return folder
