"""The lives of the layers are drawn as they were lived, thinned and resumed without a trace."""

import copy

import numpy as np
import pytest

import homeostat as hs
from homeostat.workload.trial import Trial
from homeostat.workload.view import Kept, draw_views
from homeostat.workloads.apoptosis import lifelines as kept_lines
from homeostat.workloads.apoptosis.lifelines import ZONES, Lifelines
from homeostat.workloads.apoptosis.senescence import LayerState
from homeostat.workloads.apoptosis.views import FILE
from homeostat.workloads.apoptosis.workload import apoptosis

SMALL = {"width": 16, "heads": 2, "context": 16, "eval_windows": 8, "eval_interval": 10}
SMALL |= {"text": "python_source", "gap": False}
AGEING = SMALL | {"max_lifespan": 20}


def test_layers_deaths_and_parents_are_those_of_the_run(tmp_path):
    record = hs.run(apoptosis, AGEING, budget=25, results=tmp_path)
    heat, parents, deaths = draw_views(apoptosis.views, record)["lifelines"].figure.data
    curves = record.curves()[42]
    shown = np.array(heat.z)
    assert shown.shape == (6, 25) and list(heat.x) == list(range(1, 26))
    for layer in range(6):
        steps, values = curves.of(f"vitality_{layer}")
        # A step's scores are those before it ages: what was shown after the step before it.
        np.testing.assert_allclose(shown[layer, steps - 1], values, atol=1e-6)
    events = record.attempts[0].extra["events"]
    assert list(deaths.x) == [e["step"] for e in events]
    assert list(deaths.y) == [e["layer"] for e in events]
    born = [e for e in events if e["parent"] not in (-1, e["layer"])]
    assert list(parents.y)[:2] == [born[0]["parent"], born[0]["layer"]]


def test_a_network_that_does_not_age_has_no_lives_to_show(tmp_path):
    config = {**SMALL, "senescence": False}
    del config["gap"]
    record = hs.run(apoptosis, config, budget=2, results=tmp_path)
    assert draw_views(apoptosis.views, record) == {}


def test_a_long_life_is_thinned_to_moments_and_keeps_its_last():
    lines, layer = Lifelines(1_001), LayerState()
    for steps in range(1, 1_002):
        layer.vitality = steps / 1_001
        lines.see(steps, [layer])
    tree = lines.tree([])
    assert len(tree["steps"]) <= kept_lines.MOST_MOMENTS + 1
    assert tree["steps"][:2] == [3, 6] and tree["steps"][-1] == 1_001
    np.testing.assert_allclose(tree["vitality_SL"][:, 0] * 1_001, tree["steps"], rtol=1e-5)


def test_a_resumed_run_keeps_the_lives_it_had(tmp_path):
    config = apoptosis.space.resolve(AGEING)

    def live(folder, state=None):
        trial, states = Trial(config, seed=1, budget=12, folder=tmp_path / folder), {}
        trial.between_steps.append(lambda s: states.update({s: copy.deepcopy(trial.state(s))}))
        if state is not None:
            trial.resume_from(state)
        for _ in apoptosis(config, trial):
            pass
        return states, (tmp_path / folder / "artifacts" / FILE).read_bytes()

    states, whole = live("whole")
    _, resumed = live("resumed", states[5])
    assert resumed == whole


def test_neurons_that_die_are_told_as_neurons(tmp_path):
    config = SMALL | {"scope": "neuron", "apoptosis_interval": 3}
    record = hs.run(apoptosis, config, budget=6, results=tmp_path)
    view = draw_views(apoptosis.views, record)["lifelines"]
    assert "neurons died" in view.caption
    assert all("neurons of layer" in text for text in view.figure.data[-1].text)
    zones = Kept(record, 42).artifact(FILE)["zones_SL"]
    assert zones.max() < len(ZONES)


@pytest.mark.parametrize("zone", ZONES)
def test_every_role_of_a_layer_has_its_name(zone):
    lines = Lifelines(1)
    lines.see(1, [LayerState(layer_zone=zone)])
    assert ZONES[lines.tree([])["zones_SL"][0, 0]] == zone
