"""Generated screens obey their graph, and the effects they are made with can be found in them."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.hyperperturb import preprocess
from homeostat.workloads.hyperperturb.generator import (
    CONTROL,
    GeneratorSettings,
    generate,
    propagate,
    regulatory_graph,
)

LARGE = GeneratorSettings(num_genes=60, num_perturbations=5, num_cells=12_000)


def estimated_effects(screen):
    log_CG = preprocess.normalise(screen.counts_CG)
    return preprocess.effects(log_CG, screen.labels_C, screen.perturbations, screen.control)


def test_the_graph_has_no_circles_and_every_gene_but_the_first_a_regulator():
    weights = regulatory_graph(50, np.random.default_rng(0))
    assert np.array_equal(weights, np.triu(weights, k=1))
    assert (np.count_nonzero(weights, axis=0)[1:] >= 1).all()


def test_a_knock_out_moves_its_targets_by_the_products_along_the_paths():
    weights = np.array([[0, 0.5, 0.2], [0, 0, -2.0], [0, 0, 0]])
    moved = propagate(weights, np.zeros((2, 3)), np.array([0, 1]), -1.0)
    assert moved[0] == pytest.approx([-1.0, -0.5, -0.2 + 1.0])  # direct 0.2, through gene 1: -1
    assert moved[1] == pytest.approx([0.0, -1.0, 2.0])  # nothing flows upstream


def test_a_knock_out_cuts_the_genes_own_inputs():
    weights = np.array([[0, 0.5], [0, 0]])
    noise = np.array([[3.0, 0.0], [3.0, 0.0]])
    moved = propagate(weights, noise, np.array([-1, 1]), -1.0)
    assert moved[:, 1] == pytest.approx([1.5, -1.0])


def test_the_true_effects_can_be_estimated_from_many_cells():
    screen = generate(LARGE, np.random.default_rng(0))
    estimated_PG = estimated_effects(screen)
    # Log of counts bends small counts, so the scale differs; the pattern must not.
    for truth_G, estimate_G in zip(screen.true_effects_PG, estimated_PG, strict=True):
        assert np.corrcoef(truth_G, estimate_G)[0, 1] > 0.8


def test_a_failed_guide_has_no_effect_and_the_effect_grows_with_the_efficiency():
    sizes = []
    for efficiency in (0.0, 0.5, 1.0):
        settings = GeneratorSettings(
            num_genes=60, num_perturbations=5, num_cells=8_000, guide_efficiency=efficiency
        )
        screen = generate(settings, np.random.default_rng(1))
        targets_P = [screen.genes.index(name) for name in screen.perturbations]
        sizes.append(-estimated_effects(screen)[range(5), targets_P].mean())
    none, half, full = sizes
    assert abs(none) < 0.15 * full
    assert none < half < full


def test_counts_are_overdispersed_and_batches_differ():
    screen = generate(LARGE, np.random.default_rng(0))
    controls = screen.counts_CG[screen.labels_C == CONTROL]
    mean_G, variance_G = controls.mean(0), controls.var(0)
    assert (variance_G > mean_G).mean() > 0.95
    log_CG = preprocess.normalise(screen.counts_CG)
    is_control_C = screen.labels_C == CONTROL

    def gap(expression_CG):
        means = [expression_CG[(screen.batches_C == b) & is_control_C].mean(0) for b in range(2)]
        return np.abs(means[0] - means[1]).max()

    centred_CG = preprocess.centre_batches(log_CG, screen.batches_C, is_control_C)
    assert gap(log_CG) > 0.1
    assert gap(centred_CG) < 1e-3


def test_the_same_seed_gives_the_same_screen():
    settings = GeneratorSettings(num_genes=30, num_cells=200)
    a, b = (generate(settings, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(a.counts_CG, b.counts_CG)
    assert np.array_equal(a.labels_C, b.labels_C)
