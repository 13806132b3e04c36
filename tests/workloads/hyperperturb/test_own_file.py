"""One's own .h5ad at the door: what is said of it, what is refused, and rare perturbations."""

from __future__ import annotations

import numpy as np
import pytest

import homeostat as hs
from homeostat.errors import DataError
from homeostat.execute.predict import predict
from homeostat.workload.beside import tables
from homeostat.workloads.hyperperturb import door, preprocess
from homeostat.workloads.hyperperturb.data import prepare
from homeostat.workloads.hyperperturb.generator import GeneratorSettings, generate
from homeostat.workloads.hyperperturb.readers import read_h5ad
from homeostat.workloads.hyperperturb.workload import hyperperturb

SCREEN = generate(
    GeneratorSettings(num_genes=40, num_perturbations=4, num_cells=400), np.random.default_rng(0)
)


@pytest.fixture
def h5ad(tmp_path):
    """h5ad(matrix) -> the path of an AnnData file with the generated screen's labels."""
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")

    def write(matrix=SCREEN.counts_CG, labels=SCREEN.labels_C, genes=SCREEN.genes, **more):
        cells = [f"cell{i}" for i in range(len(matrix if labels is None else labels))]
        obs = pandas.DataFrame({"perturbation": labels}, index=cells)
        var = pandas.DataFrame(index=list(genes))
        table = anndata.AnnData(X=matrix, obs=obs, var=var, **more)
        path = tmp_path / "screen.h5ad"
        table.write_h5ad(path)
        read_h5ad.cache_clear()
        return path

    return write


def configured(path, **more):
    return hyperperturb.space.resolve({"dataset": "h5ad", "rna_path": str(path), **more})


def test_counts_and_their_logarithm_give_the_same_expression(h5ad):
    found = {}
    total = SCREEN.counts_CG.sum(1, keepdims=True)
    for kind, matrix in (
        ("counts", SCREEN.counts_CG),
        ("normalised", SCREEN.counts_CG / total * 1e4),
        ("log", np.log1p(SCREEN.counts_CG / total * 1e4)),
    ):
        problem = prepare(configured(h5ad(matrix.astype(np.float32))), np.random.default_rng(0))
        found[kind] = problem.train.expression_CG
        assert any(door.WORDS[kind] in note for note in problem.notes)
    np.testing.assert_allclose(found["log"], found["counts"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["normalised"], found["counts"], rtol=1e-4, atol=1e-5)


def test_a_sparse_file_gives_what_the_dense_one_gives_and_only_the_genes_kept(h5ad):
    sparse = pytest.importorskip("scipy.sparse")
    whole = read_h5ad(h5ad(), num_genes=10)
    thin = read_h5ad(h5ad(sparse.csr_matrix(SCREEN.counts_CG)), num_genes=10)
    assert thin.genes == whole.genes and len(thin.genes) == 10
    np.testing.assert_array_equal(thin.counts_CG, whole.counts_CG)
    # Depth is that of the whole cell, not of the genes that are kept.
    np.testing.assert_array_equal(thin.depth_C, SCREEN.counts_CG.sum(1))


def bad(value):
    matrix = SCREEN.counts_CG.copy()
    matrix[3, 7] = value
    return matrix


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (bad(np.nan), r"X: 1 numbers are missing or infinite, the first one in the gene gene007"),
        (bad(np.inf), r"1 numbers are missing or infinite"),
        (bad(-1.5), r"X: 1 numbers are negative, .* gene007: these are z-scores .*layer=NAME"),
        (0 * SCREEN.counts_CG, r"X is 0 everywhere"),
    ],
)
def test_numbers_that_are_no_expression_are_refused_by_their_gene(h5ad, matrix, sentence):
    with pytest.raises(DataError, match=sentence) as error:
        read_h5ad(h5ad(matrix))
    assert "\n" not in str(error.value)


def test_a_layer_is_read_where_it_is_named(h5ad):
    path = h5ad(SCREEN.counts_CG - 1.0, layers={"counts": SCREEN.counts_CG})
    assert read_h5ad(path, layer="counts").kind == "counts"
    with pytest.raises(DataError, match=r"no layer 'count'. There: counts"):
        read_h5ad(path, layer="count")


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_genes_of_one_name_are_numbered_and_said(h5ad):
    genes = ["gene000", "gene000", *SCREEN.genes[2:]]
    screen = read_h5ad(h5ad(genes=genes))
    assert screen.genes[:3] == ("gene000", "gene000-1", "gene002")
    assert "gene000 name more than one gene" in screen.notes[0]


def test_cells_without_a_label_are_left_out_and_counted(h5ad):
    labels = SCREEN.labels_C.astype(object)
    labels[:5] = None
    screen = read_h5ad(h5ad(labels=labels))
    assert len(screen.labels_C) == len(SCREEN.labels_C) - 5
    assert "5 cells without a label" in screen.notes[0]


def test_more_than_memory_holds_is_refused_with_what_fits(monkeypatch):
    monkeypatch.setattr(door, "MOST_NUMBERS", 400 * 20)
    found = door.check(SCREEN.counts_CG, list(SCREEN.genes), "X")
    with pytest.raises(DataError, match=r"400 cells x 40 genes need .* GB.*num_genes="):
        door.choose(found, num_genes=0, min_cells=0)
    assert door.choose(found, num_genes=20, min_cells=0).dense_CG.shape == (400, 20)


def rare(number):
    """Labels in which one perturbation has only so many cells."""
    labels = SCREEN.labels_C.copy()
    members = np.flatnonzero(labels == SCREEN.perturbations[0])
    labels[members[number:]] = SCREEN.control
    return labels


@pytest.mark.parametrize("number", [2, 3, 6])
def test_a_rare_perturbation_is_learnt_from_or_left_out_and_said(h5ad, tmp_path, number):
    config = configured(h5ad(labels=rare(number)), hidden_dim=8, embedding_dim=8, twin=False)
    run = hs.run(hyperperturb, config, budget=6, results=tmp_path)
    assert run.outcome == "completed", run.reason
    (table,) = tables(a.extra for a in run.attempts)
    said = " ".join(table.notes)
    assert (f"Left out, with fewer than 4 cells: gene000 ({number})" in said) == (number < 4)
    assert ("the rarest is gene000 with 3" in said) == (number == 6)


def test_what_a_network_says_is_scored_on_the_cells_of_another_file(h5ad, tmp_path):
    config = configured(h5ad(), hidden_dim=8, embedding_dim=8, twin=False)
    record = hs.run(hyperperturb, config, budget=6, results=tmp_path)
    other = generate(
        GeneratorSettings(num_genes=40, num_perturbations=4, num_cells=300),
        np.random.default_rng(0),
    )
    made = predict(record.folder, h5ad(other.counts_CG, other.labels_C)).prediction
    assert len(made.columns["effect"]) == 40 * 4 and set(made.columns["knock-out"]) == set(
        SCREEN.perturbations
    )
    assert made.scores["pearson"] > 0.5 and made.scores["rank"] > 0.7
    with pytest.raises(DataError, match="shares 0 genes"):
        predict(record.folder, h5ad(genes=[f"other{i}" for i in range(40)]))


def test_too_few_perturbations_with_enough_cells_is_one_line(h5ad):
    labels = SCREEN.labels_C.copy()
    for name in SCREEN.perturbations[1:]:
        labels[np.flatnonzero(labels == name)[10:]] = SCREEN.control
    config = configured(h5ad(labels=labels), least_cells=20)
    with pytest.raises(DataError, match=r"Only 1 perturbations have 20 cells.*least_cells=2"):
        prepare(config, np.random.default_rng(0))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_every_perturbation_has_cells_on_both_sides_and_the_share_is_kept(share):
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], [2, 7, 400])
    held = preprocess.hold_out(labels, share, rng)
    for name in "abc":
        assert 0 < held[labels == name].sum() < (labels == name).sum()
    assert held[labels == "c"].mean() == pytest.approx(share, abs=0.01)
    half = preprocess.halves(labels, rng)
    for name, count in zip("abc", (2, 7, 400), strict=True):
        assert abs(int(half[labels == name].sum()) - count / 2) <= 0.5
