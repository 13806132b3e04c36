"""The metric table: every score of simple predictors, to compare any network with.

G genes, P perturbations.

    uniform             every knock-out moves every gene the same; no effect at all
    column mean         each knock-out's average share over genes, the same for every gene
    leave-one-out mean  what the other knock-outs do to the gene
    shrunk              half of what the training cells say, half the column mean
    other half          all of what they say: the noise ceiling for correlations
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from homeostat.workloads.hyperperturb import metrics
from homeostat.workloads.hyperperturb.data import PreparedScreen, Targets
from homeostat.workloads.hyperperturb.screen import FloatArray
from homeostat.workloads.hyperperturb.training import Scores, score


def simple_predictors(train: Targets) -> dict[str, Scores]:
    """The table's rows, as predictions made from the training targets alone."""
    policy_GP, effects_GP = train.policy_GP, train.effects_GP
    even_GP = np.full_like(policy_GP, 1.0 / policy_GP.shape[1])
    column_GP = np.broadcast_to(policy_GP.mean(0), policy_GP.shape)
    others_GP = (policy_GP.sum(1, keepdims=True) - policy_GP) / (policy_GP.shape[1] - 1)
    loo_GP = (effects_GP.sum(1, keepdims=True) - effects_GP) / (effects_GP.shape[1] - 1)
    flat_G = np.full_like(train.value_G, train.value_G.mean())
    return {
        "uniform": Scores(even_GP, flat_G, np.zeros_like(effects_GP)),
        "column mean": Scores(
            column_GP, flat_G, np.broadcast_to(effects_GP.mean(0), effects_GP.shape)
        ),
        "leave-one-out mean": Scores(others_GP, train.value_G, loo_GP),
        "shrunk": Scores(0.5 * (policy_GP + column_GP), train.value_G, 0.5 * effects_GP),
        "other half": Scores(policy_GP, train.value_G, effects_GP),
    }


def metric_table(
    problem: PreparedScreen, networks: Mapping[str, Scores] | None = None
) -> dict[str, dict[str, float]]:
    """Row name -> metric -> value on the held-out cells, the simple predictors first.

    Args:
        networks: Predictions of trained networks, by the name of their row.
    """
    held_out = problem.held_out.targets()
    rows = simple_predictors(problem.train.targets()) | dict(networks or {})
    table = {}
    for name, scores in rows.items():
        table[name] = score(held_out, scores)
        if scores.effects_GP is not None:
            table[name]["val_e_distance"] = e_distance(problem, scores.effects_GP)
    return table


# Which way each score is better.
_HIGHER = ("val_pearson", "val_pearson_specific", "val_rank")
COPY = "other half"


def shown(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The table with the names of its scores as they are read."""
    return {
        who: {name.removeprefix("val_").replace("_", " "): v for name, v in row.items()}
        for who, row in table.items()
    }


def verdict(problem: PreparedScreen, table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What the table says of the networks, and what was found in the data, as sentences."""
    simple = list(simple_predictors(problem.train.targets()))
    sentences = []
    for who in (name for name in table if name not in simple):
        worse = [name for name in table[who] if _better(name, table[COPY], table[who])]
        good = len(table[who]) - len(worse)
        lost = ", ".join(name.removeprefix("val_").replace("_", " ") for name in worse)
        sentences.append(
            f"{who}: at least as good as a copy of the training cells' means in {good} of "
            f"{len(table[who])} scores" + (f"; worse in {lost}." if worse else ".")
        )
    cells = {n: int((problem.train.labels_C == n).sum()) for n in problem.train.perturbations}
    fewest = min(cells, key=lambda name: cells[name])
    sentences.append(
        f"{len(problem.genes)} genes, {len(cells)} perturbations, {len(problem.train.labels_C)} "
        f"training cells; the rarest is {fewest} with {cells[fewest]} of them."
    )
    return [*sentences, *problem.notes]


def _better(name: str, row: Mapping[str, float], other: Mapping[str, float]) -> bool:
    gain = row[name] - other[name]
    return gain > 0 if name in _HIGHER else gain < 0


def e_distance(problem: PreparedScreen, effects_GP: FloatArray, num_cells: int = 200) -> float:
    """Energy distance from held-out controls, moved by the prediction, to held-out cells.

    In standard deviations of the genes, averaged over perturbations; at most `num_cells` of each
    group, chosen the same way every time.
    """
    half = problem.held_out
    rng = np.random.default_rng(0)

    def some(label: str) -> FloatArray:
        members = np.flatnonzero(half.labels_C == label)
        chosen = rng.choice(members, size=min(num_cells, len(members)), replace=False)
        cells_CG: FloatArray = half.expression_CG[chosen] / half.sd_G
        return cells_CG

    controls_CG = some(half.control)
    return float(
        np.mean(
            [
                metrics.energy_distance(controls_CG + effects_GP[:, i], some(name))
                for i, name in enumerate(half.perturbations)
            ]
        )
    )


def write_predictions(path: Path, problem: PreparedScreen, scores: Scores) -> None:
    """One row for each gene and column of the policy, as CSV, for whoever uses the prediction."""
    path.parent.mkdir(parents=True, exist_ok=True)
    effects_GP = scores.effects_GP
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["gene", "perturbation", "share", "response", "effect_sd"])
        for i, gene in enumerate(problem.genes):
            for j, name in enumerate(problem.columns):
                effect = ""
                if effects_GP is not None and name in problem.train.perturbations:
                    k = problem.train.perturbations.index(name)
                    effect = f"{effects_GP[i, k]:.6g}"
                share, response = scores.policy_GP[i, j], scores.value_G[i]
                rows.writerow([gene, name, f"{share:.6g}", f"{response:.6g}", effect])


def render(table: Mapping[str, Mapping[str, float]]) -> str:
    """The table as Markdown, one row a predictor."""
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    heads = [name.removeprefix("val_").replace("_", " ") for name in columns]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'--:|' * len(columns)}"]
    for name, row in table.items():
        cells = [f"{row[c]:.3f}" if c in row else "" for c in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
