"""A results folder with a study, two runs and notes, and a dashboard over it."""

import numpy as np
import plotly.graph_objects as go
import pytest

import homeostat as hs

SPACE = hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True, default=0.5),
    kind=hs.Choice(["plain", "<script>alert(1)</script>"]),
)


def way(kept):
    """What the loop kept of its losses; a title that could be taken for a tag."""
    found = kept.artifact("way.npz")
    if found is None:
        return None
    return hs.View("<b>The way down</b>", go.Figure(go.Scatter(y=found["losses"])), "As it went.")


def broken(kept):
    """A view whose artifact is not what it should be."""
    return kept.artifact("way.npz")["nothing"]


@hs.workload(
    space=SPACE, objectives={"val_loss": "minimize", "size": "minimize"}, budget=6,
    views=(way, broken),
)  # fmt: skip
def bowl(config, trial):
    """A bowl with a size."""
    offset = 0.02 * trial.rng("noise").standard_normal()
    losses = []
    for step in trial.steps():
        loss = abs(np.log10(config.lr) + 2) + 1 / (step + 1) + offset
        parts = {f"part_{k}": float(k * step) for k in range(3)}
        losses.append(float(loss))
        yield hs.Report(step, val_loss=loss, size=1 / config.lr, **parts)
    trial.write("way.npz", lambda: {"losses": losses})


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard") / "results"
    hs.search(bowl, 12, study="first", method="random", results=folder, confirm=False)
    hs.run(bowl, seeds=3, results=folder, name="one")
    hs.run(bowl, {"lr": 0.01}, seeds=3, results=folder, name="two")
    (folder / "NOTES.md").write_text("# Notes\n\n<img src=x onerror=alert(1)>\n")
    return folder
