"""Perturbations never trained on, and pairs: what may be known of them, and what a run says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import homeostat as hs
from homeostat.errors import ConfigError, DataError
from homeostat.execute.predict import predict
from homeostat.workload.beside import tables
from homeostat.workloads.hyperperturb import data, unseen
from homeostat.workloads.hyperperturb.generator import GeneratorSettings, generate
from homeostat.workloads.hyperperturb.unseen import prepare_unseen, simple_answers
from homeostat.workloads.hyperperturb.workload import hyperperturb

TINY = {
    "hidden_dim": 8, "embedding_dim": 4, "head_dim": 4, "spectral_dims": 4, "generated_genes": 60,
    "generated_perturbations": 12, "generated_cells": 1500, "twin": False,
}  # fmt: skip
SINGLES = {**TINY, "unseen": "perturbations"}
PAIRS = {**TINY, "unseen": "pairs", "generated_perturbations": 6, "generated_pairs": 12}


def problem_of(changes, seed=0):
    config = hyperperturb.space.resolve(changes)
    return prepare_unseen(config, np.random.default_rng(seed))


@pytest.mark.parametrize("changes", [SINGLES, PAIRS], ids=["perturbations", "pairs"])
def test_cells_of_the_held_out_change_nothing_that_is_known_beforehand(monkeypatch, changes):
    found = problem_of(changes)
    hidden = [n for who in ("validation", "test") for n in found.parts[who].names]
    config = hyperperturb.space.resolve(changes)
    screen = data.load_screen(config)
    counts_CG = screen.counts_CG.copy()
    theirs_C = np.isin(screen.labels_C, hidden)
    # Other counts of the same genes and depth: every cell's genes are read backwards.
    counts_CG[theirs_C] = counts_CG[theirs_C][:, ::-1]
    monkeypatch.setattr(data, "load_screen", lambda _: replace(screen, counts_CG=counts_CG))
    again = problem_of(changes)
    assert again.parts["test"].names == found.parts["test"].names
    np.testing.assert_array_equal(again.features_GF, found.features_GF)
    np.testing.assert_array_equal(again.adjacency_GG, found.adjacency_GG)
    for who, part in found.parts.items():
        np.testing.assert_array_equal(again.parts[who].base_GQ, part.base_GQ)
        np.testing.assert_array_equal(again.parts[who].known_GQR, part.known_GQR)
    for name, answer_GQ in simple_answers(found, "test").items():
        np.testing.assert_array_equal(simple_answers(again, "test")[name], answer_GQ)
    now, before = again.parts["test"].targets.effects_GP, found.parts["test"].targets.effects_GP
    assert not np.allclose(now, before)


def test_parts_share_no_perturbation_and_pairs_were_all_measured_alone():
    for changes in (SINGLES, PAIRS):
        names = [set(part.names) for part in problem_of(changes).parts.values()]
        assert not set.intersection(*names) and len(set.union(*names)) == 12
    for part in problem_of(PAIRS).parts.values():
        assert (part.knocked_QG.sum(1) == 2).all()


def test_the_base_of_a_pair_is_the_sum_of_its_two_and_of_one_the_mean_of_the_others():
    found = problem_of(PAIRS)
    part, seen = found.parts["test"], found.seen
    effect = dict(zip(seen.columns, seen.targets().effects_GP.T, strict=True))
    one, other = part.names[0].split("+")
    np.testing.assert_allclose(part.base_GQ[:, 0], effect[one] + effect[other], atol=1e-6)
    found = problem_of(SINGLES)
    train = found.parts["train"]
    effects_GQ = train.targets.effects_GP
    np.testing.assert_allclose(train.base_GQ[:, 0], effects_GQ[:, 1:].mean(1), atol=1e-6)
    np.testing.assert_allclose(found.parts["test"].base_GQ[:, 0], effects_GQ.mean(1), atol=1e-6)


def test_a_pair_that_only_adds_up_is_foreseen_by_the_sum():
    screen = generate(
        GeneratorSettings(num_genes=40, num_perturbations=4, num_cells=9000, num_pairs=6),
        np.random.default_rng(3),
    )
    assert sum("+" in name for name in screen.perturbations) == 6
    truth = dict(zip(screen.perturbations, screen.true_effects_PG, strict=True))
    # A gene of no other's path: effects in the logarithm add up, but where one feeds the other.
    whole = [truth[p] - sum(truth[g] for g in p.split("+")) for p in truth if "+" in p]
    alone = [np.abs(truth[p]).max() for p in truth if "+" not in p]
    assert min(np.abs(apart).max() for apart in whole) < 0.5 * min(alone)


@pytest.mark.parametrize("changes", [SINGLES, PAIRS], ids=["perturbations", "pairs"])
def test_a_run_ends_with_both_tables_and_predicts_what_was_asked(tmp_path, changes):
    genes = data.load_screen(hyperperturb.space.resolve(changes)).perturbations
    singles = [g for g in genes if "+" not in g]
    asked = "gene059" if changes is SINGLES else f"{singles[0]}+{singles[1]}"
    config = hyperperturb.space.resolve({**changes, "asked": asked})
    record = hs.run(hyperperturb, config, budget=5, results=tmp_path)
    assert record.outcome == "completed", record.reason
    shown = tables(attempt.extra for attempt in record.attempts)
    assert [table.title.partition(":")[0] for table in shown] == ["Validation", "Test"]
    who = [row[0] for row in shown[1].rows]
    base = "mean of the training ones" if changes is SINGLES else "sum of the two alone"
    assert {"no effect", base, "linear response", "hyperbolic", "its own other cells"} <= set(who)
    made = predict(record.folder, None).prediction
    assert asked in set(made.columns["knock-out"])
    assert "test_kl" in record.attempts[0].extra["test"]


def test_a_network_that_has_learnt_nothing_says_the_base_and_the_order_of_a_pair_is_nothing():
    from homeostat.workload.trial import Trial
    from homeostat.workloads.hyperperturb.training import model_settings
    from homeostat.workloads.hyperperturb.unseen_net import UnseenLearner

    found = problem_of(PAIRS)
    config = hyperperturb.space.resolve(PAIRS)
    trial = Trial(config, seed=0, budget=3)
    streams = trial.torch_rng("init"), trial.torch_rng("dropout")
    learner = UnseenLearner(found, config, model_settings(config), *streams)
    part = found.parts["test"]
    np.testing.assert_allclose(learner.effects(part), part.base_GQ, atol=1e-6)
    for _ in range(3):
        learner.step(0.01)
    assert not np.allclose(learner.effects(part), part.base_GQ, atol=1e-4)
    assert data.members("A+B", "AB") == ("A", "B") and data.members("A_ctrl", "AB") == ("A",)
    assert data.members("A+C", "AB") == ()


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({**SINGLES, "generated_perturbations": 5}, DataError, "5 perturbations, and 7 are needed"),
        ({**SINGLES, "asked": "geneX"}, DataError, "'geneX' is no gene among the 60"),
        ({**PAIRS, "asked": "gene059"}, DataError, "no pair of perturbations"),
        ({**PAIRS, "generated_pairs": 3}, DataError, "3 pairs of perturbations that were measured"),
        ({**SINGLES, "target": "mean_abs_z"}, ConfigError, "needs target=abs_mean_effect"),
    ],
)
def test_what_cannot_be_done_is_one_line(changes, error, sentence):
    with pytest.raises(error, match=sentence) as raised:
        problem_of(changes)
    assert "\n" not in str(raised.value.message)


def test_few_perturbations_are_told_without_an_interval():
    found = problem_of(SINGLES)
    part = found.parts["test"]
    said = unseen.against(found, part.base_GQ)
    assert len(part.names) == 2 and "too few for an interval" in said[0]
