"""A Perturb-seq-like screen made from a known regulatory network, so that true effects are known.

G genes, P perturbed genes, C cells. Log expression follows a directed acyclic graph: each gene
is pushed by its regulators, in every cell, by their deviation from baseline. A knock-out cuts the
gene's own inputs and pins it low; what reaches the other genes is the true effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homeostat.workloads.hyperperturb.screen import Screen

CONTROL = "control"


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings:
    """What kind of screen to make."""

    num_genes: int = 120
    """Genes counted."""
    num_perturbations: int = 10
    """Genes knocked out, all of them regulators near the top of the graph."""
    num_cells: int = 1_500
    """Cells in all; a fifth of them are controls."""
    guide_efficiency: float = 0.8
    """Share of the guided cells in which the knock-out worked; the others are like controls."""
    num_batches: int = 2
    """Replicates, each with its own shift per gene."""
    num_pairs: int = 0
    """Pairs of those genes that are knocked out together, besides each alone."""
    knockout: float = 2.5
    """How far a knocked-out gene falls, in natural-log units."""


def regulatory_graph(num_genes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights W[i, j] of regulator i on gene j, zero unless i comes before j.

    A quarter of the genes are regulators; each gene listens to one to three of those before it.
    """
    weights_GG = np.zeros((num_genes, num_genes))
    num_regulators = max(2, num_genes // 4)
    for gene in range(1, num_genes):
        upstream = min(gene, num_regulators)
        size = min(upstream, int(rng.integers(1, 4)))
        regulators = rng.choice(upstream, size=size, replace=False)
        weights_GG[regulators, gene] = rng.normal(0.0, 0.6, size=size)
    return weights_GG


def propagate(
    weights_GG: NDArray[np.float64],
    noise_CG: NDArray[np.float64],
    pinned_C: NDArray[np.int64],
    level: float,
) -> NDArray[np.float64]:
    """Deviation from baseline of every gene in every cell, in the order of the graph.

    Args:
        weights_GG: Regulator-to-gene weights, upper triangular.
        noise_CG: Each cell's own push on each gene.
        pinned_C: The gene knocked out in each cell, or -1; a row of them where there are several.
        level: Where a knocked-out gene is pinned.
    """
    deviation_CG = np.zeros_like(noise_CG)
    pinned_CK = pinned_C.reshape(len(noise_CG), -1)
    for gene in range(weights_GG.shape[0]):
        pushed_C = noise_CG[:, gene] + deviation_CG[:, :gene] @ weights_GG[:gene, gene]
        deviation_CG[:, gene] = np.where((pinned_CK == gene).any(1), level, pushed_C)
    return deviation_CG


def generate(settings: GeneratorSettings, rng: np.random.Generator) -> Screen:
    """Draw one screen: graph, knock-outs, cells, negative-binomial counts."""
    num_genes, num_cells = settings.num_genes, settings.num_cells
    weights_GG = regulatory_graph(num_genes, rng)

    # 1) knock out the regulators with the largest reach, so that there is something to learn
    alone_PG = propagate(
        weights_GG, np.zeros((num_genes, num_genes)), np.arange(num_genes), -settings.knockout
    )
    reach_G = np.abs(alone_PG).sum(1)
    targets_P = np.sort(np.argsort(-reach_G)[: settings.num_perturbations])
    knocked_PK = np.repeat(targets_P[:, None], 2, axis=1)
    if settings.num_pairs:
        knocked_PK = np.concatenate([knocked_PK, _pairs(targets_P, settings.num_pairs, rng)])

    # 2) hand each cell a guide, and let some guides fail
    num_controls = num_cells // 5
    guide_C = np.concatenate(
        [np.full(num_controls, -1), rng.choice(len(knocked_PK), size=num_cells - num_controls)]
    )
    rng.shuffle(guide_C)
    worked_C = rng.random(num_cells) < settings.guide_efficiency
    given_C = worked_C & (guide_C >= 0)
    pinned_CK = np.where(given_C[:, None], knocked_PK[guide_C], -1)

    # 3) expression, batch shifts and depth, then counts
    noise_CG = rng.normal(0.0, 0.25, size=(num_cells, num_genes))
    deviation_CG = propagate(weights_GG, noise_CG, pinned_CK, -settings.knockout)
    baseline_G = rng.normal(0.0, 1.2, size=num_genes)
    batches_C = rng.integers(settings.num_batches, size=num_cells)
    shifts_BG = rng.normal(0.0, 0.1, size=(settings.num_batches, num_genes))
    depth_C = rng.lognormal(0.0, 0.3, size=num_cells)
    mean_CG = depth_C[:, None] * np.exp(baseline_G + deviation_CG + shifts_BG[batches_C])
    dispersion = 2.0  # variance = mean + mean^2 / dispersion
    counts_CG = rng.negative_binomial(dispersion, dispersion / (dispersion + mean_CG))

    genes = tuple(f"gene{i:03d}" for i in range(num_genes))
    labels = ["+".join(genes[g] for g in dict.fromkeys(pair)) for pair in knocked_PK.tolist()]
    names = np.asarray([*labels, CONTROL])  # index -1 is the control
    order = np.argsort(labels)
    still_PG = np.zeros((len(labels), num_genes))
    return Screen(
        counts_CG=counts_CG.astype(np.float32),
        genes=genes,
        labels_C=names[guide_C],
        control=CONTROL,
        batches_C=batches_C.astype(np.int64),
        true_effects_PG=propagate(weights_GG, still_PG, knocked_PK, -settings.knockout)[order],
    )


def _pairs(targets_P: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many different pairs of these genes, shape (pairs, 2); all there are if fewer."""
    first, second = np.triu_indices(len(targets_P), k=1)
    chosen = rng.permutation(len(first))[:count]
    return np.stack([targets_P[first[chosen]], targets_P[second[chosen]]], axis=1)
