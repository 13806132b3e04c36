"""The door: what the numbers of somebody's file are, and which of its genes are read.

C cells, G genes. A sparse matrix is looked at by its stored values and made dense only for the
genes that are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError
from homeostat.wording import some
from homeostat.workloads.hyperperturb.screen import FloatArray

# log1p of counts per ten thousand stays below 9.3, and per million below 13.9.
LARGEST_LOG = 20.0
# Dense numbers of four bytes that are held at once, several times over: 2 GB.
MOST_NUMBERS = 500_000_000
WORDS = {
    "counts": "counts; they are normalised per cell and logged",
    "normalised": "normalised per cell and not logged; they are logged",
    "log": "log-normalised; they are taken as they are",
}


@dataclass(frozen=True)
class ExpressionMatrix:
    """A matrix that may be read: cells x genes, dense or sparse by rows."""

    matrix: Any
    genes: tuple[str, ...]
    kind: str
    """A key of `WORDS`."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GeneSelection:
    """The genes that are kept, dense, and what the cells had over all of them."""

    dense_CG: FloatArray
    genes: tuple[str, ...]
    depth_C: FloatArray
    detected_C: NDArray[np.int64]


def check(matrix: Any, genes: list[str], place: str) -> ExpressionMatrix:
    """Look at every number once.

    Args:
        matrix: Cells x genes, an array or a SciPy sparse matrix.
        place: Where it comes from, for what is said of it.

    Raises:
        DataError: If a number is missing, infinite or negative: how many, of which gene, and where
            the right ones may be.
    """
    if hasattr(matrix, "tocsr"):
        matrix = matrix.tocsr()
        values = matrix.data
    else:
        matrix = np.asarray(matrix)
        values = matrix
    elsewhere = "Name another place:  --set layer=NAME (or raw)"
    if not len(genes) or not matrix.shape[0]:
        raise DataError(f"{place} holds no cells or no genes.", hint=elsewhere)
    if not np.issubdtype(values.dtype, np.number) and values.dtype != np.bool_:
        raise DataError(f"{place} holds {values.dtype}, not numbers.", hint=elsewhere)
    bad = ~np.isfinite(values)
    if bad.any():
        raise DataError(
            f"{place}: {int(bad.sum())} numbers are missing or infinite, the first one in the gene "
            f"{genes[_first(matrix, bad)]}.",
            hint="Leave out those cells or genes, or name another place:  --set layer=NAME",
        )
    negative = values < 0
    if negative.any():
        raise DataError(
            f"{place}: {int(negative.sum())} numbers are negative, the first one in the gene "
            f"{genes[_first(matrix, negative)]}: these are z-scores or residuals, not expression.",
            hint=elsewhere,
        )
    largest = float(values.max()) if values.size else 0.0
    if largest == 0.0:
        raise DataError(f"{place} is 0 everywhere.", hint=elsewhere)
    whole = bool((values == np.rint(values)).all())
    kind = "counts" if whole else "log" if largest <= LARGEST_LOG else "normalised"
    twice = [name for name, count in Counter(genes).items() if count > 1]
    notes = []
    if twice:
        notes.append(
            f"{place}: {some(twice)} name more than one gene each; the later ones are numbered."
        )
        genes = _numbered(genes)
    return ExpressionMatrix(matrix, tuple(genes), kind, tuple(notes))


def choose(found: ExpressionMatrix, *, num_genes: int, min_cells: int) -> GeneSelection:
    """Make the genes that vary most for their mean dense; all of them for 0.

    Raises:
        DataError: If that is more than can be held, with a number of genes that is not.
    """
    matrix = found.matrix
    num_cells, all_genes = matrix.shape
    wanted = num_genes or all_genes
    if num_cells * min(wanted, all_genes) > MOST_NUMBERS:
        fitting = max(MOST_NUMBERS // num_cells // 100 * 100, 100)
        raise DataError(
            f"{num_cells} cells x {min(wanted, all_genes)} genes need "
            f"{4e-9 * num_cells * min(wanted, all_genes):.1f} GB at once.",
            hint=f"Keep the most variable genes:  --set num_genes={fitting}",
        )
    seen_CG = matrix > 0
    depth_C = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    detected_C = np.asarray(seen_CG.sum(axis=1), dtype=np.int64).ravel()
    keep_G = np.arange(all_genes)
    if wanted < all_genes:
        seen_G = np.asarray(seen_CG.sum(axis=0)).ravel()
        spread_G = _spread(matrix, depth_C, found.kind)
        spread_G[seen_G < min_cells] = -1.0
        keep_G = np.sort(np.argsort(-spread_G, kind="stable")[:wanted])
    kept = matrix[:, keep_G]
    dense = kept.toarray() if hasattr(kept, "toarray") else kept
    genes = tuple(found.genes[g] for g in keep_G)
    return GeneSelection(np.ascontiguousarray(dense, dtype=np.float32), genes, depth_C, detected_C)


def _spread(matrix: Any, depth_C: FloatArray, kind: str) -> NDArray[np.float64]:
    """Variance by mean of each gene's log-normalised expression, without a dense copy."""
    from scipy import sparse

    rows = sparse.csr_matrix(matrix, dtype=np.float64)
    if kind == "counts":
        scale_C = 1e4 / np.where(depth_C > 0, depth_C, 1.0)
        rows = sparse.diags(scale_C) @ rows
    if kind != "log":
        rows.data = np.log1p(rows.data)
    mean_G = np.asarray(rows.mean(axis=0)).ravel()
    square_G = np.asarray(rows.multiply(rows).mean(axis=0)).ravel()
    spread_G: NDArray[np.float64] = (square_G - mean_G**2) / np.maximum(mean_G, 1e-6)
    return spread_G


def _first(matrix: Any, bad: NDArray[np.bool_]) -> int:
    """The gene of the first number that is marked."""
    if hasattr(matrix, "indices"):
        return int(matrix.indices[int(np.argmax(bad))])
    return int(np.argwhere(bad)[0][1])


def _numbered(genes: list[str]) -> list[str]:
    """Every name once: A, B, A becomes A, B, A-1, as AnnData does it."""
    taken, numbers, made = set(genes), Counter[str](), []
    for gene in genes:
        name = gene
        if gene in numbers:
            number = numbers[gene]
            while (name := f"{gene}-{number}") in taken:
                number += 1
            numbers[gene] = number
            taken.add(name)
        numbers[gene] += 1
        made.append(name)
    return made
