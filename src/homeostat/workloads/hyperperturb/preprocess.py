"""From counts to expression, effects and training targets.

C cells, G genes, P perturbations. Expression is log1p of counts per 10,000, as is usual; `scale`
is what the notes added to it: z-scores over all cells, clipped at 10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError
from homeostat.workloads.hyperperturb.screen import FloatArray

Weights = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Targets are shares: none may be zero, or a logarithm of it would be infinite.
SMALLEST_SHARE = 1e-5


def quality(
    counts_CG: FloatArray,
    *,
    min_genes: int = 0,
    min_cells: int = 0,
    min_detection: float = 0.0,
    detected_C: NDArray[np.int64] | None = None,
) -> tuple[Mask, Mask]:
    """Mark the cells with enough genes, and the genes seen in enough of those cells.

    Args:
        min_genes: Genes a cell must express.
        min_cells: Cells a gene must be seen in.
        min_detection: Share of the cells a gene must be seen in.
        detected_C: Genes that each cell expresses, where not all of them are here.

    Raises:
        DataError: If next to nothing would be left.
    """
    detected_CG = counts_CG > 0
    expressed_C = detected_CG.sum(1) if detected_C is None else detected_C
    keep_C = expressed_C >= max(min_genes, 1)
    num_cells = int(keep_C.sum())
    seen_G = detected_CG[keep_C].sum(0)
    keep_G = (seen_G >= min_cells) & (seen_G >= min_detection * num_cells)
    if keep_G.sum() < 3 or num_cells < 2:
        raise DataError(
            f"Filtering leaves {num_cells} cells x {int(keep_G.sum())} genes of "
            f"{counts_CG.shape[0]} x {counts_CG.shape[1]}.",
            hint="Lower min_genes, min_cells or min_detection.",
        )
    return keep_C, keep_G


def normalise(
    counts_CG: FloatArray,
    *,
    total: float = 1e4,
    log: bool = True,
    depth_C: FloatArray | None = None,
) -> FloatArray:
    """Counts per `total` transcripts of the cell (0: as they are), then log1p if asked for.

    Args:
        depth_C: Transcripts of each cell, where not all of its genes are here.
    """
    expression_CG = counts_CG
    if total:
        depth_C1 = counts_CG.sum(1, keepdims=True) if depth_C is None else depth_C[:, None].copy()
        depth_C1[depth_C1 == 0] = 1.0
        expression_CG = counts_CG / depth_C1 * np.float32(total)
    return np.log1p(expression_CG, dtype=np.float32) if log else expression_CG


def centre_batches(
    expression_CG: FloatArray, batches_C: NDArray[np.int64], is_control_C: Mask
) -> FloatArray:
    """Shift every batch so that the mean of its controls is that of all controls."""
    overall_G = expression_CG[is_control_C].mean(0)
    centred_CG = expression_CG.copy()
    for batch in np.unique(batches_C):
        members_C = batches_C == batch
        if (members_C & is_control_C).any():
            centred_CG[members_C] -= expression_CG[members_C & is_control_C].mean(0) - overall_G
    return centred_CG


def most_variable(expression_CG: FloatArray, among_G: Mask, num_genes: int) -> Mask:
    """Of the marked genes, mark the `num_genes` that vary most for their mean (0: all)."""
    if num_genes == 0 or num_genes >= among_G.sum():
        return among_G
    spread_G = expression_CG.var(0) / np.maximum(expression_CG.mean(0), 1e-6)
    spread_G[~among_G] = -1.0
    keep_G = np.zeros_like(among_G)
    keep_G[np.argsort(-spread_G, kind="stable")[:num_genes]] = True
    return keep_G


def scale(expression_CG: FloatArray, *, largest: float = 10.0) -> FloatArray:
    """Z-scores per gene over all cells, clipped, in float32.

    The mean over cells of what comes back is zero up to rounding: 1e-9 or so, and for some genes
    exactly 0. Using that mean as a feature is what the documented model dies of.
    """
    mean_G = expression_CG.mean(0, dtype=np.float64)
    sd_G = expression_CG.std(0, dtype=np.float64, ddof=1)
    sd_G[sd_G == 0.0] = 1.0
    scaled_CG = ((expression_CG - mean_G) / sd_G).astype(np.float32)
    clipped_CG: FloatArray = np.clip(scaled_CG, -largest, largest)
    return np.ascontiguousarray(clipped_CG)


def effects(
    expression_CG: FloatArray,
    labels_C: NDArray[np.str_],
    perturbations: tuple[str, ...],
    control: str,
    weights_C: Weights | None = None,
) -> FloatArray:
    """Mean expression under each perturbation minus that of the controls, shape (P, G).

    Args:
        weights_C: A weight per cell (bootstrap draws); all 1 unless given.
    """
    names = np.asarray([*perturbations, control])
    member_PC = (labels_C[None, :] == names[:, None]).astype(np.float32)
    if weights_C is not None:
        member_PC *= weights_C.astype(np.float32)
        # A draw that leaves a rare perturbation without a cell counts each of its cells once.
        missed_P = member_PC.sum(1) == 0
        member_PC[missed_P] = labels_C[None, :] == names[missed_P, None]
    total_P1 = member_PC.sum(1, keepdims=True)
    if not (total_P1 > 0).all():
        empty = ", ".join(names[total_P1[:, 0] == 0].tolist())
        raise DataError(f"No cell is left for: {empty}.", hint="Hold out fewer cells.")
    means_PG: FloatArray = (member_PC @ expression_CG) / total_P1
    shift_PG: FloatArray = means_PG[:-1] - means_PG[-1]
    return shift_PG


def hold_out(
    labels_C: NDArray[np.str_], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mark the cells held out: the same share of every perturbation, and at least one on each side.

    Args:
        labels_C: The perturbation of each cell.
        share: Of the cells held out, in (0, 1).
    """
    held_C = np.zeros(len(labels_C), dtype=np.bool_)
    for name in np.unique(labels_C):
        members = rng.permutation(np.flatnonzero(labels_C == name))
        # The odd cell goes to either side, so that the shares are right on average.
        count = int(share * len(members) + rng.random())
        held_C[members[: min(max(count, 1), max(len(members) - 1, 0))]] = True
    return held_C


def halves(labels_C: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark a random half of the cells of every perturbation; either half has one of each pair."""
    _, group_C = np.unique(labels_C, return_inverse=True)
    order = np.lexsort((rng.random(len(labels_C)), group_C))
    starts = np.searchsorted(group_C[order], np.arange(group_C.max() + 1))
    place_C = np.empty(len(order), dtype=np.int64)
    place_C[order] = np.arange(len(order)) - starts[group_C[order]]
    odd_C: NDArray[np.bool_] = place_C % 2 == rng.integers(0, 2, len(starts))[group_C]
    return odd_C


def mean_abs_shift(
    scaled_CG: FloatArray, labels_C: NDArray[np.str_], groups: tuple[str, ...], control: str
) -> FloatArray:
    """The notes' reward: mean over a group's cells of |z - mean control z|, shape (P, G).

    It averages after taking the absolute value, so the noise of single cells dominates, and it
    is nearly the same for every group.
    """
    shift_CG = np.abs(scaled_CG - scaled_CG[labels_C == control].mean(0))
    return np.stack([shift_CG[labels_C == group].mean(0) for group in groups])


def shares(reward_PG: FloatArray, *, temperature: float = 1.0, log: bool = False) -> FloatArray:
    """Each gene's distribution over perturbations, shape (G, P): rows sum to one.

    Args:
        reward_PG: How strongly each perturbation moves each gene, not negative.
        temperature: Above 1 flattens the shares, below 1 sharpens them.
        log: Whether to compress the rewards by log1p (in units of their mean) first.
    """
    reward_GP: Weights = reward_PG.T.astype(np.float64)
    if log:
        reward_GP = np.log1p(reward_GP / max(float(reward_GP.mean()), 1e-12))
    if temperature != 1.0:
        reward_GP = reward_GP ** (1.0 / temperature)
    total_G1 = reward_GP.sum(1, keepdims=True)
    even = 1.0 / reward_GP.shape[1]
    share_GP = np.where(total_G1 > 0, reward_GP / np.where(total_G1 > 0, total_G1, 1.0), even)
    share_GP = np.maximum(share_GP, SMALLEST_SHARE)
    whole_GP: FloatArray = (share_GP / share_GP.sum(1, keepdims=True)).astype(np.float32)
    return whole_GP
