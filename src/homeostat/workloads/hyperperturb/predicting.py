"""What a trained network says of every knock-out and gene, beside new cells where there are some.

G genes, P perturbations, C cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from homeostat.errors import DataError
from homeostat.workload.prediction import Prediction, Trained
from homeostat.workload.trial import Trial
from homeostat.workloads.hyperperturb import metrics, preprocess
from homeostat.workloads.hyperperturb.data import PreparedScreen
from homeostat.workloads.hyperperturb.readers import read_h5ad
from homeostat.workloads.hyperperturb.screen import FloatArray
from homeostat.workloads.hyperperturb.training import EffectLearner

NETWORK = "network."
"""How the names of the network's own tensors begin."""


def keep(trial: Trial, problem: PreparedScreen, learner: EffectLearner) -> None:
    """Keep the network and what it says: of a graph of genes, the answers are one table."""
    said = learner.predict()
    tensors: dict[str, Any] = {
        f"{NETWORK}{name}": w for name, w in learner.model.state_dict().items()
    }
    tensors |= {"shares_GP": said.policy_GP, "response_G": said.value_G}
    if said.effects_GP is not None:
        tensors["effects_GP"] = said.effects_GP
    trial.keep_weights(
        tensors | {"sd_G": problem.train.sd_G},
        genes=list(problem.genes),
        columns=list(problem.columns),
        perturbations=list(problem.train.perturbations),
    )


def predict(trained: Trained, file: Path | None) -> Prediction:
    """One row for each gene and knock-out: the effect, and what the cells of a file say of it.

    Effects are differences of mean log-normalised expression from the controls. The scores are over
    the genes and knock-outs that the file has too.

    Raises:
        DataError: If the network has no effects, or the file shares too little with it.
    """
    facts, weights = trained.facts, trained.weights
    if "effects_GP" not in weights:
        raise DataError(
            "This network says no signed effects.", hint="Train one with  --set effect_weight=0.5"
        )
    genes, names = list(facts["genes"]), list(facts["perturbations"])
    effects_GP = weights["effects_GP"] * weights["sd_G"][:, None]
    columns: dict[str, Any] = {
        "gene": np.repeat(genes, len(names)),
        "knock-out": np.tile(names, len(genes)),
        "effect": effects_GP.ravel(),
    }
    remarks = [
        f"{len(genes)} genes, {len(names)} knock-outs; effects on log-normalised expression."
    ]
    scores: dict[str, float] = {}
    if file is not None:
        observed_GP = _observed(trained, file, genes, names)
        columns["observed"] = [float(v) if np.isfinite(v) else None for v in observed_GP.ravel()]
        there_G = np.isfinite(observed_GP).any(axis=1)
        there_P = np.isfinite(observed_GP).any(axis=0)
        sd_G1 = weights["sd_G"][there_G][:, None]
        both = [(x[there_G][:, there_P] / sd_G1).T for x in (observed_GP, effects_GP)]
        scores["pearson"] = metrics.pearson_delta(*both)
        if there_P.sum() > 1:
            scores["rank"] = metrics.discrimination_rank(*both)
        remarks.append(
            f"{int(there_G.sum())} genes and {int(there_P.sum())} knock-outs are in {file}."
        )
    return Prediction(columns, tuple(remarks), scores)


def _observed(trained: Trained, file: Path, genes: list[str], names: list[str]) -> FloatArray:
    """Effects in the cells of a file, (G, P); NaN for what it has not."""
    config = trained.config
    screen = read_h5ad(
        file, perturbation_column=config.perturbation_column, control=config.control_label,
        layer=config.layer,
    )  # fmt: skip
    expression_CG = preprocess.normalise(
        screen.counts_CG,
        total=config.normalise_total if screen.kind == "counts" else 0.0,
        log=config.log1p and screen.kind != "log",
        depth_C=screen.depth_C,
    )
    places = {gene: place for place, gene in enumerate(screen.genes)}
    rows = [row for row, gene in enumerate(genes) if gene in places]
    own = [name for name in names if name in screen.perturbations]
    if len(rows) < 3 or not own:
        raise DataError(
            f"{file} shares {len(rows)} genes and {len(own)} knock-outs with the network.",
            hint=f"It was trained on {genes[0]}, ... and {names[0]}, ...",
        )
    found_GP = np.full((len(genes), len(names)), np.nan, dtype=np.float32)
    shift_PG = preprocess.effects(expression_CG, screen.labels_C, tuple(own), screen.control)
    columns = [names.index(name) for name in own]
    taken = [places[genes[row]] for row in rows]
    found_GP[np.ix_(rows, columns)] = shift_PG[:, taken].T
    return found_GP
