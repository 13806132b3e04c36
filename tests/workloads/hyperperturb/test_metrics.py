"""Known answers of the metrics, and of the table of simple predictors."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.hyperperturb import baselines, metrics
from homeostat.workloads.hyperperturb.data import prepare

RNG = np.random.default_rng(0)
EFFECTS = RNG.normal(size=(4, 50)).astype(np.float32)


def test_a_perfect_policy_costs_nothing_and_uniform_costs_the_entropy_gap():
    target = np.array([[0.5, 0.5], [0.9, 0.1]], dtype=np.float32)
    assert metrics.policy_kl(target, target) == pytest.approx(0.0, abs=1e-7)
    gap = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert metrics.policy_kl(target, np.full((2, 2), 0.5, np.float32)) == pytest.approx(
        gap / 2, rel=1e-5
    )


def test_effects_correlate_perfectly_with_themselves_and_with_any_multiple():
    assert metrics.pearson_delta(EFFECTS, EFFECTS) == pytest.approx(1.0)
    assert metrics.pearson_delta(EFFECTS, 3 * EFFECTS) == pytest.approx(1.0)
    assert metrics.pearson_delta(EFFECTS, -EFFECTS) == pytest.approx(-1.0)
    assert metrics.pearson_delta(EFFECTS, np.zeros_like(EFFECTS)) == 0.0


def test_a_shared_response_scores_on_delta_and_nothing_against_the_perturbation_mean():
    shared = 5.0 * RNG.normal(size=50).astype(np.float32)
    observed = EFFECTS + shared
    predicted = np.tile(observed.mean(0), (4, 1))
    assert metrics.pearson_delta(observed, predicted) > 0.9
    assert metrics.pearson_delta(observed, predicted, observed.mean(0)) == 0.0


def test_the_top_error_looks_at_the_most_moved_genes_only():
    observed = np.zeros((1, 50), np.float32)
    observed[0, :20] = 2.0
    predicted = np.zeros_like(observed)
    predicted[0, 20:] = 9.0
    assert metrics.mse_top(observed, predicted, 20) == pytest.approx(4.0)


def test_the_rank_is_one_for_the_truth_half_for_a_constant_and_zero_for_its_opposite():
    assert metrics.discrimination_rank(EFFECTS, EFFECTS) == 1.0
    assert metrics.discrimination_rank(EFFECTS, np.tile(EFFECTS[0] * 0, (4, 1))) == 0.5
    assert metrics.discrimination_rank(EFFECTS, np.tile(EFFECTS.mean(0), (4, 1))) == pytest.approx(
        0.5, abs=0.01
    )
    assert metrics.discrimination_rank(EFFECTS, -EFFECTS) == 0.0


def test_the_energy_distance_is_zero_between_alike_groups_and_grows_with_the_gap():
    x, y = (RNG.normal(size=(400, 3)).astype(np.float32) for _ in range(2))
    assert metrics.energy_distance(x, y) == pytest.approx(0.0, abs=0.02)
    near, far = (metrics.energy_distance(x, y + shift) for shift in (1.0, 3.0))
    assert 0.1 < near < far


def test_the_energy_distance_of_two_points_is_twice_their_gap():
    x, y = np.zeros((5, 1), np.float32), np.full((5, 1), 3.0, np.float32)
    assert metrics.energy_distance(x, y) == pytest.approx(6.0)


def test_the_papalexi_table_is_the_published_one(papalexi, configure):
    # Published, mean of five splits: uniform .284, column mean .258, half shrunk .210; the s.d.
    # between splits is .01.
    config = configure("papalexi")
    tables = [
        baselines.metric_table(prepare(config, np.random.default_rng(seed))) for seed in range(4)
    ]
    for row, kl in (("uniform", 0.284), ("column mean", 0.258), ("shrunk", 0.210)):
        assert np.mean([table[row]["val_kl"] for table in tables]) == pytest.approx(kl, abs=0.012)
    ceiling = np.mean([table["other half"]["val_pearson"] for table in tables])
    assert ceiling > np.mean([table["leave-one-out mean"]["val_pearson"] for table in tables])


def test_the_table_renders_one_line_a_row(configure):
    table = baselines.metric_table(prepare(configure("small"), np.random.default_rng(0)))
    lines = baselines.render(table).splitlines()
    assert len(lines) == 2 + len(table)
    assert "| uniform |" in lines[2]
