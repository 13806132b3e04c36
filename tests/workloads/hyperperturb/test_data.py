"""From files and counts to targets: what is kept, what is refused, what never leaks."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.errors import ConfigError, DataError
from homeostat.workloads.hyperperturb import graph, preprocess, readers
from homeostat.workloads.hyperperturb.data import prepare
from homeostat.workloads.hyperperturb.workload import hyperperturb


def counts(num_cells=40, num_genes=6, seed=0):
    return np.random.default_rng(seed).poisson(3.0, (num_cells, num_genes)).astype(np.float32)


def test_papalexi_has_its_published_size(papalexi):
    screen = readers.read_papalexi()
    assert screen.counts_CG.shape == (20_729, 299)
    assert len(screen.perturbations) == 25
    assert {"STAT1", "JAK2", "IFNGR1"} < set(screen.perturbations)
    assert np.bincount(screen.batches_C).tolist() == [9_428, 6_001, 5_300]
    assert int((screen.labels_C == "non-targeting").sum()) == 2_386


@pytest.fixture
def h5ad(tmp_path):
    """h5ad(column, labels) -> the path of a small AnnData file."""
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")

    def write(column="perturbation", labels=("control", "A", "B", "A")):
        names = [f"cell{i}" for i in range(40)]
        obs = pandas.DataFrame({column: (list(labels) * 20)[:40]}, index=names)
        var = pandas.DataFrame(index=[f"g{i}" for i in range(6)])
        path = tmp_path / "screen.h5ad"
        anndata.AnnData(X=counts(), obs=obs, var=var).write_h5ad(path)
        readers.read_h5ad.cache_clear()
        return path

    return write


def test_an_h5ad_file_is_read_with_its_usual_column(h5ad):
    screen = readers.read_h5ad(h5ad())
    assert screen.perturbations == ("A", "B")
    assert screen.genes[0] == "g0"
    assert np.array_equal(screen.counts_CG, counts())


def test_a_missing_column_is_named_with_those_that_are_there(h5ad):
    with pytest.raises(
        DataError, match=r"no perturbation column.*There: treatment.*perturbation_column="
    ):
        readers.read_h5ad(h5ad(column="treatment"))
    assert readers.read_h5ad(h5ad(column="treatment"), perturbation_column="treatment").genes


def test_a_missing_control_is_named_with_the_labels_that_are_there(h5ad):
    with pytest.raises(DataError, match=r"control.*There: A, B.*control_label="):
        readers.read_h5ad(h5ad(labels=("A", "B")))


def test_what_is_not_an_h5ad_file_is_one_clear_line(tmp_path):
    path = tmp_path / "screen.h5ad"
    with pytest.raises(DataError, match="no file"):
        readers.read_h5ad(path)
    path.write_text("not a table")
    with pytest.raises(DataError, match="not a readable"):
        readers.read_h5ad(path)


def test_normalised_cells_hold_ten_thousand_counts():
    normal_CG = preprocess.normalise(counts(), log=False)
    assert normal_CG.sum(1) == pytest.approx(np.full(40, 1e4), rel=1e-5)
    assert np.array_equal(preprocess.normalise(counts(), total=0, log=False), counts())
    empty = np.zeros((2, 6), np.float32)
    assert np.array_equal(preprocess.normalise(empty), empty)


def test_scaled_genes_have_mean_zero_and_unit_variance_up_to_rounding():
    scaled_CG = preprocess.scale(preprocess.normalise(counts(400)))
    assert np.abs(scaled_CG.mean(0)).max() < 1e-6
    assert scaled_CG.std(0, ddof=1) == pytest.approx(np.ones(6), rel=1e-4)


def test_filters_say_when_they_leave_nothing():
    with pytest.raises(DataError, match=r"leaves 40 cells x 0 genes.*min_cells"):
        preprocess.quality(counts(), min_cells=41)


def test_shares_sum_to_one_and_temperature_sharpens_or_flattens():
    reward_PG = np.abs(np.random.default_rng(0).normal(size=(5, 8))).astype(np.float32)
    tops = []
    for temperature in (0.5, 1.0, 4.0):
        share_GP = preprocess.shares(reward_PG, temperature=temperature)
        assert share_GP.sum(1) == pytest.approx(np.ones(8), rel=1e-5)
        tops.append(share_GP.max(1).mean())
    assert tops == sorted(tops, reverse=True)
    unmoved = preprocess.shares(np.zeros((4, 2), np.float32))
    assert unmoved == pytest.approx(np.full((2, 4), 0.25))


def test_training_targets_do_not_change_with_the_held_out_cells(configure):
    config = configure("small")
    whole = prepare(config, np.random.default_rng(0))
    rows = {row.tobytes() for row in whole.held_out.expression_CG}
    assert not any(row.tobytes() in rows for row in whole.train.expression_CG)
    total = len(whole.train.labels_C) + len(whole.held_out.labels_C)
    assert total == config.generated_cells


def test_a_bootstrap_has_the_plain_targets_as_its_mean(configure):
    train = prepare(configure("small"), np.random.default_rng(0)).train
    rng = np.random.default_rng(1)
    draws = np.stack([train.drawn(rng).effects_GP for _ in range(200)])
    error = draws.std(0) / np.sqrt(200)
    assert (np.abs(draws.mean(0) - train.targets().effects_GP) < 5 * error + 1e-3).mean() > 0.99


def test_holding_nothing_out_is_refused_with_the_way_out(configure):
    with pytest.raises(ConfigError, match=r"none is left.*val_split=0.5"):
        prepare(configure("small", val_split=0.0), np.random.default_rng(0))


def test_an_unknown_perturbation_gets_the_nearest_name(configure):
    with pytest.raises(DataError, match=r"Known|Did you mean"):
        prepare(configure("small", perturbations="gene000,nonsense"), np.random.default_rng(0))


def test_a_graph_that_needs_a_file_asks_for_it(configure):
    with pytest.raises(ConfigError, match="gene_sets_path"):
        prepare(configure("small", graph_file="gene_sets"), np.random.default_rng(0))


def test_a_graph_from_a_file_takes_the_place_of_the_other(configure, tmp_path):
    path = tmp_path / "sets.gmt"
    path.write_text("pair\t-\tgene000\tgene001\n")
    config = configure("small", graph_file="gene_sets", gene_sets_path=str(path))
    adjacency = prepare(config, np.random.default_rng(0)).adjacency_GG
    assert np.count_nonzero(adjacency) == config.generated_genes + 2


def test_nothing_that_needs_a_file_is_ever_searched(configure):
    searched = hyperperturb.space.searched()
    rng = np.random.default_rng(0)
    for _ in range(30):
        drawn = {name: p.from_unit(rng.random()) for name, p in searched.items()}
        config = hyperperturb.space.resolve(drawn, inherited=set(drawn))
        assert config.graph_file == "none"
        assert config.dataset == "generated"


def test_gene_sets_link_their_members_by_size(tmp_path):
    path = tmp_path / "sets.gmt"
    path.write_text("pair\t-\ta\tb\ntriple\t-\ta\tb\tc\telsewhere\n")
    links = graph.gene_sets(path, ["a", "b", "c", "d"])
    assert links[0, 1] == pytest.approx(1 + 1 / 2)
    assert links[1, 2] == links[2, 1] == pytest.approx(1 / 2)
    assert links[3].sum() == 0
    with pytest.raises(DataError, match="identity"):
        graph.gene_sets(path, ["x", "y"])


def test_a_network_keeps_the_confident_edges(tmp_path):
    path = tmp_path / "string.tsv"
    path.write_text("gene1 gene2 score\na b 900\na c 300\nb b 999\n".replace("score", "0"))
    links = graph.network(path, ["a", "b", "c"])
    assert links[0, 1] == links[1, 0] == pytest.approx(0.9)
    assert links[0, 2] == 0
    assert links[1, 1] == 0
    path.write_text("a b high\n")
    with pytest.raises(DataError, match=r"line 1.*high"):
        graph.network(path, ["a", "b"])


def test_coexpression_finds_the_genes_that_move_together():
    rng = np.random.default_rng(0)
    programme_C1 = rng.normal(size=(300, 1))
    expression_CG = rng.normal(size=(300, 8)).astype(np.float32)
    expression_CG[:, :3] += 3 * programme_C1
    links = graph.coexpression(expression_CG, neighbours=2)
    assert (links[0, 1:3] > 0.7).all()
    assert np.array_equal(links, links.T)
    assert not links.diagonal().any()


def test_the_normalised_graph_neither_grows_nor_shrinks():
    links = graph.coexpression(counts(200, 12), neighbours=3)
    largest = np.linalg.eigvalsh(graph.normalised(links))[-1]
    assert largest == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(graph.normalised(np.zeros((3, 3), np.float32)), np.eye(3))


def test_the_spectral_embedding_separates_two_clusters():
    links = np.zeros((8, 8), np.float32)
    links[:4, :4] = links[4:, 4:] = 1.0
    links[3, 4] = links[4, 3] = 0.1
    np.fill_diagonal(links, 0)
    first = graph.spectral_embedding(links, 1)[:, 0]
    assert len(set(np.sign(first[:4]))) == len(set(np.sign(first[4:]))) == 1
    assert np.sign(first[0]) != np.sign(first[-1])
