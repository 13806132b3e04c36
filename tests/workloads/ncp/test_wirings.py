"""Wirings: the published fan-out rules, the reference's very circuits, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.errors import SpaceError
from homeostat.workloads.ncp import NCP, AutoNCP, FullyConnected, Random, draw


@pytest.mark.parametrize(
    ("units", "outputs", "sparsity", "seed", "inputs"),
    [(28, 4, 0.5, 22222, 10), (16, 3, 0.9, 7, 2), (40, 10, 0.2, 3, 1), (64, 1, 0.75, 1, 5)],
)
def test_a_seed_means_the_same_circuit_as_in_the_reference_package(
    need, units, outputs, sparsity, seed, inputs
):
    reference = need("ncps.wirings", "bench").AutoNCP(units, outputs, sparsity, seed)
    reference.build(inputs)
    wiring = AutoNCP(units, outputs, sparsity, seed).build(inputs)
    np.testing.assert_array_equal(wiring.synapses_NN, reference.adjacency_matrix)
    np.testing.assert_array_equal(wiring.sensory_IN, reference.sensory_adjacency_matrix)


def test_full_and_random_circuits_are_the_references_too(need):
    wirings = need("ncps.wirings", "bench")
    for ours, theirs in (
        (FullyConnected(8, 3), wirings.FullyConnected(8, 3)),
        (Random(8, 3, 0.5), wirings.Random(8, 3, 0.5)),
    ):
        theirs.build(4)
        wiring = ours.build(4)
        np.testing.assert_array_equal(wiring.synapses_NN, theirs.adjacency_matrix)
        present = np.abs(wiring.sensory_IN)
        np.testing.assert_array_equal(present, np.abs(theirs.sensory_adjacency_matrix))


@settings(max_examples=40, deadline=None)
@given(
    units=st.integers(6, 60),
    share=st.floats(0.0, 0.8),
    sparsity=st.floats(0.0, 0.95),
    inputs=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_every_neuron_of_a_circuit_has_a_place_in_it(units, share, sparsity, inputs, seed):
    outputs = max(1, min(int(units * share), units - 3))
    wiring = AutoNCP(units, outputs, sparsity, seed).build(inputs)
    inter, command, motor = (list(layer) for layer in wiring.layers)
    assert sorted(inter + command + motor) == list(range(units))
    assert motor == list(range(outputs))
    # Signals pass from layer to layer, and only the command layer talks to itself.
    assert not wiring.sensory_IN[:, command + motor].any()
    assert not wiring.synapses_NN[np.ix_(inter, inter + motor)].any()
    assert not wiring.synapses_NN[np.ix_(command, inter)].any()
    assert not wiring.synapses_NN[motor].any()
    # Nobody is left out: each has a source, and each but the motors a target.
    assert wiring.sensory_IN[:, inter].any(axis=0).all()
    assert wiring.synapses_NN[np.ix_(inter, command)].any(axis=0).all()
    assert wiring.synapses_NN[np.ix_(inter, command)].any(axis=1).all()
    assert wiring.synapses_NN[np.ix_(command, motor)].any(axis=0).all()
    assert wiring.synapses_NN[np.ix_(command, motor)].any(axis=1).all()


def test_the_sizes_of_an_auto_circuit_follow_the_published_rule():
    rule = AutoNCP(28, 4, sparsity=0.5).rule()
    # 24 neurons are not outputs; 0.4 of them command; fans are half of their layer.
    assert (rule.command, rule.inter, rule.motor) == (9, 15, 4)
    assert (rule.sensory_fanout, rule.inter_fanout, rule.motor_fanin) == (7, 4, 4)
    assert rule.recurrent_command_synapses == 9


def test_synapses_are_counted_apart_from_sensory_ones():
    wiring = FullyConnected(5, self_connections=False).build(3)
    assert wiring.num_synapses == 5 * 4
    assert wiring.num_sensory_synapses == 3 * 5
    assert Random(10, sparsity=0.75).build(4).num_synapses == 25
    assert Random(10, sparsity=0.75).build(4).num_sensory_synapses == 10


def test_a_wiring_does_not_change():
    wiring = AutoNCP(10, 2).build(3)
    with pytest.raises(ValueError, match="read-only"):
        wiring.synapses_NN[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        wiring.output_size = 3


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AutoNCP(5, 4), r"4 outputs do not fit a circuit of 5 .* Use AutoNCP\(7, 4\)"),
        (lambda: AutoNCP(10, 2, sparsity=1.0), "sparsity must be from 0 to below 1, got 1.0"),
        (lambda: FullyConnected(3, 4), "4 outputs do not fit 3 neurons"),
        (lambda: Random(0), "units must be 1 or more, got 0"),
        (lambda: NCP(5, 3, 2, 6, 1, 1, 1), "sensory_fanout is 6, but there are 5 inter"),
        (lambda: NCP(5, 3, 2, 1, 1, 1, 4), "motor_fanin is 4, but there are 3 command"),
        (lambda: AutoNCP(10, 2).build(0), "input_size must be 1 or more"),
    ],
)
def test_impossible_circuits_are_refused_with_a_sentence(make, sentence):
    with pytest.raises(SpaceError, match=sentence):
        make()


def test_a_wiring_draws_every_neuron_and_synapse(tmp_path):
    wiring = AutoNCP(16, 3).build(4)
    figure = draw(wiring, tmp_path / "circuit.png")
    (axes,) = figure.axes
    drawn = sum(len(lines.get_segments()) for lines in axes.collections[:2])
    assert drawn == wiring.num_synapses + wiring.num_sensory_synapses
    assert len(axes.collections[2].get_offsets()) == 16 + 4
    assert (tmp_path / "circuit.png").stat().st_size > 5_000
