"""Which genes listen to which: the adjacency over genes, and an embedding of it.

G genes. Every builder returns a symmetric, non-negative (G, G) matrix with an empty diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from homeostat.errors import DataError
from homeostat.workloads.hyperperturb.screen import FloatArray


def coexpression(expression_CG: FloatArray, neighbours: int) -> FloatArray:
    """Link each gene to the `neighbours` genes it correlates with most, in absolute value."""
    num_genes = expression_CG.shape[1]
    neighbours = min(neighbours, num_genes - 1)
    centred_CG = expression_CG - expression_CG.mean(0)
    length_G = np.sqrt((centred_CG**2).sum(0, dtype=np.float64))
    length_G[length_G == 0.0] = 1.0
    strength_GG = np.abs(centred_CG.T @ centred_CG) / np.outer(length_G, length_G)
    np.fill_diagonal(strength_GG, -1.0)
    nearest_GK = np.argsort(-strength_GG, axis=1, kind="stable")[:, :neighbours]
    adjacency_GG = np.zeros((num_genes, num_genes), dtype=np.float32)
    np.put_along_axis(
        adjacency_GG, nearest_GK, np.take_along_axis(strength_GG, nearest_GK, 1), axis=1
    )
    return np.maximum(adjacency_GG, adjacency_GG.T)


def gene_sets(path: Path, genes: Sequence[str]) -> FloatArray:
    """Link genes that share a set of a GMT file (name, description, genes, by tabs).

    A set of n of our genes adds 1 / (n - 1) to each of its pairs, so that large sets do not
    drown small ones.
    """
    index = {gene: i for i, gene in enumerate(genes)}
    adjacency_GG = np.zeros((len(genes), len(genes)), dtype=np.float32)
    for line in _lines(path, "gene_sets_path"):
        members = sorted({index[gene] for gene in line.split("\t")[2:] if gene in index})
        if len(members) > 1:
            adjacency_GG[np.ix_(members, members)] += 1.0 / (len(members) - 1)
    np.fill_diagonal(adjacency_GG, 0.0)
    return _not_empty(adjacency_GG, path, genes)


def network(path: Path, genes: Sequence[str], *, threshold: float = 700.0) -> FloatArray:
    """Links from an edge list (gene, gene, score by white space), as STRING publishes them.

    Scores run to 1,000; those up to `threshold` are left out and the rest divided by 1,000.
    """
    index = {gene: i for i, gene in enumerate(genes)}
    adjacency_GG = np.zeros((len(genes), len(genes)), dtype=np.float32)
    for number, line in enumerate(_lines(path, "network_path"), start=1):
        fields = line.split()
        if len(fields) < 3 or fields[0] not in index or fields[1] not in index:
            continue
        try:
            score = float(fields[2])
        except ValueError:
            raise DataError(
                f"{path}, line {number}: {fields[2]!r} is not a score.",
                hint="Each line is: GENE GENE SCORE (0 to 1000).",
            ) from None
        if score > threshold and fields[0] != fields[1]:
            a, b = index[fields[0]], index[fields[1]]
            adjacency_GG[a, b] = adjacency_GG[b, a] = score / 1_000.0
    return _not_empty(adjacency_GG, path, genes)


def normalised(adjacency_GG: FloatArray) -> FloatArray:
    """D^-1/2 (A + I) D^-1/2: aggregation neither grows nor shrinks what it passes on.

    Source: Kipf and Welling 2017, arXiv:1609.02907.
    """
    looped_GG = adjacency_GG + np.eye(len(adjacency_GG), dtype=np.float32)
    scale_G = 1.0 / np.sqrt(looped_GG.sum(1))
    smoothing_GG: FloatArray = looped_GG * scale_G[:, None] * scale_G[None, :]
    return smoothing_GG


def spectral_embedding(adjacency_GG: FloatArray, num_dims: int) -> FloatArray:
    """The smoothest functions on the graph but the constant one, shape (G, num_dims).

    Each column has unit variance or so, and a sign that makes its largest entry positive.
    """
    _, vectors_GG = np.linalg.eigh(normalised(adjacency_GG).astype(np.float64))
    smooth_GD = vectors_GG[:, ::-1][:, 1 : num_dims + 1]
    largest_D = np.take_along_axis(smooth_GD, np.abs(smooth_GD).argmax(0)[None], 0)[0]
    signed_GD = smooth_GD * np.where(largest_D < 0, -1.0, 1.0)
    embedding: FloatArray = (signed_GD * np.sqrt(len(adjacency_GG))).astype(np.float32)
    return embedding


def _lines(path: Path, parameter: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {path}: {error}.", hint=f"Name a text file:  --set {parameter}=FILE"
        ) from error


def _not_empty(adjacency_GG: FloatArray, path: Path, genes: Sequence[str]) -> FloatArray:
    if not adjacency_GG.any():
        raise DataError(
            f"{path} links none of the {len(genes)} genes (the first are "
            f"{', '.join(genes[:3])}): the graph would silently be the identity.",
            hint="Gene names must match; or say so:  --set graph=identity",
        )
    return adjacency_GG
