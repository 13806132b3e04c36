"""The wiring's view draws the synapses there are, the states' view the way to an answer."""

import numpy as np
import pytest

import homeostat as hs
from homeostat.space import configs
from homeostat.workload.view import Kept, draw_views
from homeostat.workloads.ncp.learner import TorchLearner
from homeostat.workloads.ncp.portrait import portrait, strengths
from homeostat.workloads.ncp.settings import units
from homeostat.workloads.ncp.tasks import prepare
from homeostat.workloads.ncp.views import FILE
from homeostat.workloads.ncp.workload import ncp, space

SMALL = {"hidden_size": 16, "backbone_units": 32}
CFC = {"hidden_size": 16, "wiring": "ncp"}
LTC = CFC | {"model": "ltc", "backbone_layers": 0}


def trained(options, seed=0):
    config = space.resolve(options)
    problem = prepare(config)
    return config, problem, TorchLearner(config, problem, np.random.default_rng(seed), "cpu")


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return hs.run(ncp, CFC, budget=2, results=tmp_path_factory.mktemp("results"))


@pytest.mark.parametrize("options", [CFC, LTC, CFC | {"mode": "pure"}, CFC | {"wiring": "random"}])
def test_a_strength_is_kept_for_exactly_the_synapses_of_the_wiring(options):
    config, problem, learner = trained(options)
    kept = portrait(config, problem, learner.weights())["wiring"]
    wiring = units(config).build(problem.input_size)
    assert np.array_equal(kept["sensory_IN"] != 0, wiring.sensory_IN != 0)
    assert np.array_equal(kept["synapses_NN"] != 0, wiring.synapses_NN != 0)
    assert [n for layer in kept["layers"] for n in layer] == [n for w in wiring.layers for n in w]


def test_an_untrained_ltc_has_the_signs_of_its_wiring():
    config, problem, learner = trained(LTC)
    kept = portrait(config, problem, learner.weights())["wiring"]
    wiring = units(config).build(problem.input_size)
    assert np.array_equal(np.sign(kept["synapses_NN"]), wiring.synapses_NN)


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_the_sign_of_a_cfc_strength_is_what_the_input_does_to_the_state(mode):
    """One input turned up a little from rest, with the gate half open, as the strength says."""
    import torch

    config, _, learner = trained(CFC | {"mode": mode})
    sensory_IN, _ = strengths(config, learner)
    cell = learner.model.recurrent.depths()[0][0]
    size = cell.spec.hidden_size
    with torch.no_grad():
        cell.get_parameter("heads_bias").zero_()
        if mode != "pure":  # the gate stays at one half
            cell.get_parameter("heads_weight")[2 * size :] = 0.0
        rest = (torch.zeros(1, size),)
        moved = [
            cell.step(torch.full((1, 1), x), torch.full((1, 1), 1e-3), rest)[0][0]
            for x in (-1e-3, 1e-3)
        ]
    effect = (moved[1] - moved[0]).numpy()
    inter = units(config).build(1).layers[0]
    told = (sensory_IN * np.abs(units(config).build(1).sensory_IN))[0, list(inter)]
    assert np.array_equal(np.sign(np.round(effect, 9)), np.sign(told))


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        LTC,
        LTC | {"mixed_memory": True},
        {"hidden_size": 16, "model": "lstm"},
        CFC | {"num_layers": 2},
    ],
)
def test_states_are_the_ones_that_give_the_networks_answers(options):
    config, problem, learner = trained(options)
    told = portrait(config, problem, learner.weights())["states"]
    assert all(np.isfinite(layer).all() for layer in told["layers"])
    assert len(told["layers"]) == (1 if config.model == "lstm" else config.num_layers)
    row, column = told["row"], told["column"]
    expected = learner.predict(problem.validation.take(slice(row, row + 1)))[0, :, column]
    np.testing.assert_allclose(told["output_T"], expected[: len(told["output_T"])], atol=1e-6)
    # The read-out of the last layer's motor neurons is the answer.
    motor = told["layers"][-1][:, -learner.model.recurrent.output_size :]
    if config.model == "ltc":
        cell = learner.model.recurrent.depths()[-1][0]
        scale = cell.get_parameter("output_weight").detach().numpy()
        motor = motor * scale + cell.get_parameter("output_bias").detach().numpy()
    readout = {n: p.detach().numpy() for n, p in learner.model.readout.named_parameters()}
    answered = motor @ readout["weight"].T + readout["bias"]
    np.testing.assert_allclose(answered[:, column], told["output_T"], atol=1e-5)


def test_the_figures_show_what_was_kept(record):
    found, kept = draw_views(ncp.views, record), Kept(record, 42).artifact(FILE)
    wired, states = found["wiring"], found["states"]
    markers = {t.name: t for t in wired.figure.data if t.mode == "markers"}
    assert {name: len(t.x) for name, t in markers.items()} == {
        "input": 1, "inter": 7, "command": 4, "motor": 5,
    }  # fmt: skip
    assert {name: set(t.x) for name, t in markers.items()} == {
        "input": {0.0}, "inter": {1.0}, "command": {2.0}, "motor": {3.0},
    }  # fmt: skip
    drawn = sum(
        int(np.isnan(np.array(t.x, dtype=float)).sum())
        for t in wired.figure.data
        if t.mode == "lines" and t.showlegend is False
    )
    assert drawn == sum(np.count_nonzero(kept["wiring"][n]) for n in ("sensory_IN", "synapses_NN"))
    asked, answered, heat = states.figure.data
    np.testing.assert_allclose(answered.y, kept["states"]["output_T"])
    np.testing.assert_allclose(np.array(heat.z), kept["states"]["layers"][0].T)
    assert np.all(np.diff(asked.x) > 0)


def test_where_everyone_is_connected_there_is_no_wiring_to_see(tmp_path):
    small = configs.load("small", ncp).parameters
    record = hs.run(ncp, {**small, "folds": 2}, budget=1, results=tmp_path)
    assert list(draw_views(ncp.views, record)) == ["states"]
