"""Symptoms: each shows in the curves it is about, and in no healthy ones."""

import math

import numpy as np
import pytest

import homeostat as hs
from homeostat.errors import WorkloadError
from homeostat.inspect.symptoms.examine import examine
from homeostat.inspect.symptoms.generic import GENERIC
from homeostat.inspect.symptoms.symptom import Symptom, as_symptom
from homeostat.workload import load

T = np.arange(40)
DECAY = 2 * np.exp(-T / 8) + 0.3
SPACE = hs.Space(lr=hs.Float(1e-3, 1.0, log=True, default=0.1))


def examined(tmp_path, curves, *, symptoms=(), remedies=None, goal="minimize", seeds=1, given=None):
    """What is found in a run whose metrics go as given: an array, or a function of the seed."""

    @hs.workload(
        space=SPACE, metric="val_loss", goal=goal, budget=40, symptoms=symptoms, remedies=remedies
    )
    def planned(config, trial):
        told = {n: c(trial.seed) if callable(c) else c for n, c in curves.items()}
        if "floor" in told:
            trial.extra["noise_floor"] = float(told.pop("floor"))
        for step in trial.steps():
            yield hs.Report(step, **{name: values[step] for name, values in told.items()})

    record = hs.run(planned, given, seeds=seeds, results=tmp_path)
    return examine(record, planned)


def late_rise(start=15):
    return np.where(start > T, DECAY, DECAY[start] + 0.03 * (T - start))


SHOWN = {
    "divergence": {"val_loss": np.where(T < 9, DECAY, math.inf)},
    "the score never changes": {"val_loss": np.full(40, 0.7)},
    "plateau from the start": {"val_loss": 2.3 + 0.002 * np.sin(T)},
    "overfitting": {"val_loss": late_rise(), "train_loss": DECAY},
    "unfinished": {"val_loss": 3 - 0.05 * T},
    "oscillation": {"val_loss": 1 + 0.3 * (T % 2)},
    "spikes": {"val_loss": DECAY, "train_loss": DECAY + 5.0 * (T == 25)},
    "exploding gradients": {"val_loss": DECAY, "grad_norm": 0.1 * 10.0 ** (T / 4)},
    "vanishing gradients": {"val_loss": DECAY, "grad_norm": np.full(40, 1e-9)},
    "clipping always acts": {"val_loss": DECAY, "clip_fraction": np.ones(40)},
    "clipping never acts": {"val_loss": DECAY, "clip_fraction": np.zeros(40)},
    "dead units": {"val_loss": DECAY, "dead_share": np.full(40, 0.8)},
    "better than the noise permits": {"val_loss": DECAY, "floor": 0.5},
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_symptom_shows_where_it_is(name, tmp_path):
    findings = {f.symptom: f for f in examined(tmp_path, SHOWN[name])}
    assert name in findings
    assert findings[name].status == "found" and findings[name].evidence and findings[name].remedy


def test_a_healthy_run_has_no_symptom(tmp_path):
    rng = np.random.default_rng(0)
    noise = 0.005 * rng.standard_normal(40)
    curves = {"val_loss": DECAY + noise, "train_loss": DECAY - 0.1 - noise, "grad_norm": DECAY}
    assert examined(tmp_path, curves) == []


def test_one_seed_that_does_not_train_is_told(tmp_path):
    def curve(seed):
        return DECAY + 0.001 * (seed % 7) + (2.0 if seed == 123 else 0.0)

    found = examined(tmp_path, {"val_loss": curve}, seeds=5)
    assert "seeds disagree" in {f.symptom for f in found}


def test_a_value_at_the_end_of_its_range_is_told(tmp_path):
    found = examined(tmp_path, {"val_loss": DECAY}, given={"lr": 1.0})
    assert [f.symptom for f in found] == ["at the edge of a range"]


def test_a_rising_score_that_is_maximised_is_no_overfitting(tmp_path):
    found = examined(tmp_path, {"val_loss": -DECAY, "train_loss": DECAY}, goal="maximize")
    assert found == []


def test_a_rule_as_plain_data_gives_the_change_that_its_remedy_names(tmp_path):
    rule = {
        "name": "long steps",
        "sign": {"metric": "clip_fraction", "above": 0.5, "config": {"lr": 0.1}},
        "cause": "the rate",
        "remedies": ("a lower rate",),
    }
    curves = {"val_loss": DECAY, "clip_fraction": np.full(40, 0.7)}
    remedies = {"a lower rate": {"lr": 0.01}}
    (found,) = examined(tmp_path, curves, symptoms=(rule,), remedies=remedies)
    assert found.remedy == {"lr": 0.01}
    assert "clip_fraction is 0.7" in found.evidence and "lr is 0.1" in found.evidence


def test_a_doubt_makes_a_contradicted_finding(tmp_path):
    rule = Symptom(
        name="few deaths",
        evidence=lambda seen: f"{seen.last('deaths'):g} deaths",
        cause="the lifespan",
        doubt=lambda seen: "no lifespan gives more",
    )
    curves = {"val_loss": DECAY, "deaths": np.ones(40)}
    (found,) = examined(tmp_path, curves, symptoms=(rule,))
    assert found.status == "contradicted" and "no lifespan" in found.evidence


def test_an_unknown_shape_is_refused():
    rule = {"name": "odd", "sign": {"metric": "x", "shape": "spike"}, "cause": "", "remedies": ()}
    with pytest.raises(WorkloadError, match="spikes"):
        as_symptom(rule, {})


@pytest.mark.parametrize("name", ["apoptosis", "hyperperturb", "visioncore"])
def test_the_rules_of_the_workloads_that_come_with_it_can_be_read(name):
    workload = load.find(name)
    for rule in workload.symptoms:
        symptom = as_symptom(rule, workload.remedies)
        assert symptom.name and symptom.cause and callable(symptom.evidence)


def test_names_are_their_own():
    assert len({rule.name for rule in GENERIC}) == len(GENERIC)
