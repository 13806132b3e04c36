"""A perturbation screen: the cells read, the gene knocked out in each, and what was counted.

C cells, G genes, P perturbations (the control is not one of them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Screen:
    """Counts of a CRISPR screen read by single-cell sequencing.

    Attributes:
        counts_CG: Transcripts counted per cell and gene.
        genes: Names of the G genes.
        labels_C: The perturbation of each cell, or `control`.
        control: The label of unperturbed cells.
        batches_C: The replicate each cell belongs to.
        true_effects_PG: Log fold change of each knock-out, where it is known (generated data),
            in the order of `perturbations`.
        kind: What `counts_CG` holds: "counts", "normalised" (per cell, not logged) or "log".
        depth_C: What was counted in each cell over all genes, where only some were read.
        detected_C: In how many genes, likewise.
        notes: What was found and done while reading, as sentences.
    """

    counts_CG: FloatArray
    genes: tuple[str, ...]
    labels_C: NDArray[np.str_]
    control: str
    batches_C: NDArray[np.int64]
    true_effects_PG: NDArray[np.float64] | None = None
    kind: str = "counts"
    depth_C: FloatArray | None = None
    detected_C: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        num_cells, num_genes = self.counts_CG.shape
        if len(self.genes) != num_genes or len(self.labels_C) != num_cells:
            raise DataError(
                f"A screen of {num_cells} cells x {num_genes} genes came with "
                f"{len(self.labels_C)} labels and {len(self.genes)} gene names."
            )
        if not np.any(self.labels_C == self.control):
            known = ", ".join(sorted(set(self.labels_C.tolist()))[:12])
            raise DataError(f"No cell is labelled {self.control!r} (control). Labels: {known}.")
        if len(self.perturbations) < 2:
            raise DataError("A screen needs at least two perturbations besides the control.")

    @property
    def perturbations(self) -> tuple[str, ...]:
        """Names of the perturbations, sorted, without the control."""
        return tuple(sorted(set(self.labels_C.tolist()) - {self.control}))
