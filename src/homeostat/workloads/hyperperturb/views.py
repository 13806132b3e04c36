"""What a finished run shows: its genes as points of the Poincaré disc.

N genes, D dimensions of the ball.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.workload.view import Kept, View

if TYPE_CHECKING:
    from homeostat.workloads.hyperperturb.data import PreparedScreen
    from homeostat.workloads.hyperperturb.training import EffectLearner

FILE = "disc.npz"
MOST = 3_000
"""Genes kept: those knocked out, then those moved most. More would cover each other."""


def points(problem: PreparedScreen, learner: EffectLearner) -> dict[str, Any] | None:
    """The learned point of each gene with what is shown of it; None without points on a ball."""
    model = learner.model
    if model.points is None or model.settings.geometry != "hyperbolic":
        return None
    moved_N = learner.predict().value_G
    knocked_N = np.isin(problem.genes, problem.train.perturbations)
    kept = np.argsort(-(moved_N + np.where(knocked_N, np.inf, 0.0)), kind="stable")[:MOST]
    return {
        "points_ND": model.points.detach().cpu().numpy()[kept],
        "curvature": float(model.ball.c.detach()),
        "genes": [problem.genes[i] for i in kept],
        "moved_N": moved_N[kept],
        "knocked_N": knocked_N[kept],
        "genes_in_all": len(problem.genes),
    }


def disc(kept: Kept) -> View | None:
    """The genes on the disc."""
    from homeostat.pages import figures

    found = kept.artifact(FILE)
    if found is None:
        return None
    dimensions, curvature = found["points_ND"].shape[1], found["curvature"]
    flat = figures.flatten(found["points_ND"], curvature)
    drawn = figures.disc(
        flat, names=found["genes"], values=found["moved_N"].tolist(),
        marked=found["knocked_N"].tolist(), value="how strongly it is moved",
        marks="knocked out", curvature=curvature,
    )  # fmt: skip
    return View("Genes on the Poincaré disc", drawn, _caption(found, dimensions, flat.share))


def _caption(found: dict[str, Any], dimensions: int, share: float) -> str:
    knocked, genes = int(found["knocked_N"].sum()), len(found["genes"])
    flattened = (
        f", flattened from {dimensions} dimensions to the two that hold {share:.0%} of their spread"
        if dimensions > 2
        else ""
    )
    left = found["genes_in_all"] - genes
    rest = f"; {left} genes that are moved less are left out" if left else ""
    return (
        f"The learned point of each of {genes} genes inside the boundary of the ball{flattened}; "
        f"diamonds are the {knocked} of them that were knocked out, circles lie at whole distances "
        f"from the centre{rest}."
    )


VIEWS = (disc,)
