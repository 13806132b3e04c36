"""Real screens: Papalexi et al. 2021 from its R file, and any AnnData `.h5ad` file."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from homeostat import data
from homeostat.errors import DataError, MissingExtraError
from homeostat.workloads.hyperperturb import door
from homeostat.workloads.hyperperturb.screen import Screen

PERTURBATION_COLUMNS = ("perturbation", "gene", "target", "condition", "guide_target")
CONTROL_LABELS = ("control", "non-targeting", "NT", "ctrl", "nontargeting", "unperturbed")
BATCH_COLUMNS = ("batch", "replicate", "bio_rep")


@lru_cache(maxsize=2)
def read_papalexi(path: Path | None = None) -> Screen:
    """Papalexi 2021: 20,729 THP-1 cells x 299 genes, 25 targets, control "non-targeting".

    A cell's perturbation is the target of its most counted guide.

    Raises:
        DataError: If the file is not here (it names the command that fetches it).
    """
    path = path or data.locate("papalexi")
    tables = _read_r(path)["lowmoi_example_data"]
    guides_CK = _dense(tables["grna_matrix"])
    frame = tables["grna_target_data_frame"]
    target_of = dict(
        zip(frame["grna_id"].astype(str), frame["grna_target"].astype(str), strict=True)
    )
    guide_targets_K = np.asarray(
        [target_of[str(name)] for name in tables["grna_matrix"].Dimnames[0]]
    )
    replicates = tables["extra_covariates"]["bio_rep"].astype(str).to_numpy()
    return Screen(
        counts_CG=_dense(tables["response_matrix"]),
        genes=tuple(str(name) for name in tables["response_matrix"].Dimnames[0]),
        labels_C=guide_targets_K[guides_CK.argmax(1)],
        control="non-targeting",
        batches_C=np.unique(replicates, return_inverse=True)[1].astype(np.int64),
    )


def _read_r(path: Path) -> dict[str, Any]:
    try:
        import rdata
    except ImportError as error:
        raise MissingExtraError("rdata", "bio", "Reading the Papalexi screen") from error
    with warnings.catch_warnings():
        # rdata has no class for R's dgTMatrix and says so; its fields are all we read.
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        tables: dict[str, Any] = rdata.read_rda(path)
    return tables


def _dense(triplets: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A genes-by-cells R triplet matrix as a dense cells-by-genes array."""
    num_rows, num_columns = (int(size) for size in triplets.Dim)
    dense_CG = np.zeros((num_columns, num_rows), dtype=np.float32)
    np.add.at(dense_CG, (triplets.j, triplets.i), triplets.x.astype(np.float32))
    return dense_CG


@lru_cache(maxsize=2)
def read_h5ad(
    path: Path,
    *,
    perturbation_column: str = "",
    control: str = "",
    layer: str = "",
    num_genes: int = 0,
    min_cells: int = 0,
) -> Screen:
    """A screen from an AnnData file: expression in `X`, the perturbation in a column of `obs`.

    Counts, counts per cell and their logarithm are told apart and said; a sparse file stays sparse
    until its genes are chosen.

    Args:
        path: The `.h5ad` file.
        perturbation_column: The column that names each cell's perturbation; the usual names
            are tried when empty.
        control: The label of unperturbed cells; the usual labels are tried when empty.
        layer: A layer of the file, or "raw", in place of `X`.
        num_genes: Keep the genes that vary most for their mean; 0 keeps all.
        min_cells: Cells a gene must be seen in to be among those.

    Raises:
        DataError: If the file, the column or the label is not there (it lists those that are), or
            if its numbers are none that expression can have.
    """
    try:
        import anndata
    except ImportError as error:
        raise MissingExtraError("anndata", "bio", "Reading .h5ad files") from error
    if not path.is_file():
        raise DataError(f"There is no file {path}.", hint="Name one:  --set rna_path=FILE.h5ad")
    try:
        with warnings.catch_warnings():
            # Said by us, in one line, with what is done about it.
            warnings.filterwarnings("ignore", message=".*names are not unique.*")
            table = anndata.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is not a readable .h5ad file: {error}.") from error

    columns = [str(name) for name in table.obs.columns]
    column = _choose(
        perturbation_column,
        PERTURBATION_COLUMNS,
        columns,
        f"{path.name} has no perturbation column",
        "perturbation_column",
    )
    named = table.obs[column]
    labels = named.astype(str).str.strip().to_numpy().astype(np.str_)
    there = ~(named.isna().to_numpy() | np.isin(labels, ("", "nan", "None")))
    label = _choose(
        control,
        CONTROL_LABELS,
        sorted(set(labels[there].tolist())),
        f"No cell of {path.name} is a control in column {column!r}",
        "control_label",
    )
    batch_column = next((name for name in BATCH_COLUMNS if name in columns), None)
    batches = table.obs[batch_column].astype(str).to_numpy() if batch_column else labels == ""
    expression, names, place = _layer(table, layer, path)
    notes = []
    if not there.all():
        notes.append(f"{int((~there).sum())} cells without a label in {column!r} are left out.")
    found = door.check(expression[there], names, f"{path.name}, {place}")
    notes += [*found.notes, f"{path.name}, {place}: {door.WORDS[found.kind]}."]
    chosen = door.choose(found, num_genes=num_genes, min_cells=min_cells)
    return Screen(
        counts_CG=chosen.dense_CG,
        genes=chosen.genes,
        labels_C=labels[there],
        control=label,
        batches_C=np.unique(batches[there], return_inverse=True)[1].astype(np.int64),
        kind=found.kind,
        depth_C=chosen.depth_C,
        detected_C=chosen.detected_C,
        notes=tuple(notes),
    )


def _layer(table: Any, layer: str, path: Path) -> tuple[Any, list[str], str]:
    """The matrix that was asked for, the names of its genes, and where it lies."""
    names = [str(name) for name in table.var_names]
    if not layer:
        if table.X is None:
            others = ", ".join(table.layers) or "none"
            raise DataError(
                f"{path.name} has nothing in X. Layers: {others}.",
                hint="Name one:  --set layer=NAME",
            )
        return table.X, names, "X"
    if layer == "raw" and table.raw is not None:
        return table.raw.X, [str(name) for name in table.raw.var_names], "raw"
    if layer not in table.layers:
        there = [*table.layers, *(["raw"] if table.raw is not None else [])]
        raise DataError(
            f"{path.name} has no layer {layer!r}. There: {', '.join(there) or 'none'}.",
            hint="Leave it out for X.",
        )
    return table.layers[layer], names, f"layer {layer}"


def _choose(
    asked: str, usual: tuple[str, ...], there: list[str], missing: str, parameter: str
) -> str:
    """The name asked for, or the first usual one that exists."""
    found = asked if asked in there else next((name for name in usual if name in there), None)
    if found is None or (asked and asked not in there):
        tried = repr(asked) if asked else " or ".join(repr(name) for name in usual)
        listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
        raise DataError(
            f"{missing} (looked for {tried}). There: {listed or 'none'}.",
            hint=f"Name it:  --set {parameter}=NAME",
        )
    return found
