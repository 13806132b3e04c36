"""Each symptom shows in the record it describes, stays silent in a healthy one, and can be set."""

import pytest

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.space.moves import changes
from homeostat.workload.load import find
from homeostat.workloads.visioncore.symptoms import REMEDIES, SYMPTOMS

HEALTHY = {
    "train_loss": [0.4 - 0.0005 * i for i in range(200)],
    "grad_norm": [0.1 + 0.9 * (i == 50) for i in range(200)],
    "clip_fraction": [0.01] * 200,
    "val_bits_per_spike": [0.2, 0.35, 0.4, 0.402],
    "lambda_fix": [10.0 + 0.02 * i for i in range(200)],
}
SICK = {
    "unstable training: the core's rate": {"train_loss": [0.4] * 60 + [1.5] + [0.4] * 40},
    "unstable training: warm-up": {"train_loss": [0.4] * 60 + [1.5] + [0.4] * 40},
    "unstable training: clipping": {"train_loss": [0.4] * 60 + [1.5] + [0.4] * 40},
    "the core's scale has no effect": {},
    "most steps are clipped": {"clip_fraction": [0.9]},
    "clipping never acts": {"clip_fraction": [0.0], "grad_norm": [0.1, 0.2]},
    "training is too slow": {"val_bits_per_spike": [0.1, 0.2, 0.3, 0.4]},
    "starts far from the neurons' rates": {"train_loss": [0.9] + [0.4] * 100},
    "the time constants hardly move": {"lambda_fix": [10.0] * 200},
}


def seen(changes=None, **config):
    space = find("visioncore").space
    curves = {name: list(enumerate(v)) for name, v in (HEALTHY | (changes or {})).items()}
    return Seen(space.resolve(config), 200, curves, "val_bits_per_spike", "maximize")


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda s: s.name)
def test_it_shows_where_it_should_and_nowhere_else(symptom):
    config = {"lr_scale_order": "rate_first"} if symptom.name.endswith("no effect") else {}
    assert symptom.evidence(seen(SICK[symptom.name], **config))
    assert not symptom.evidence(seen())


def test_the_record_can_contradict_a_cause():
    by_name = {symptom.name: symptom for symptom in SYMPTOMS}
    core = by_name["unstable training: the core's rate"]
    assert core.doubt(seen(lr_scale_order="rate_first"))
    assert not core.doubt(seen())
    start = by_name["starts far from the neurons' rates"]
    assert start.doubt(seen(init="proper"))
    assert not start.doubt(seen(init="default"))


def test_every_remedy_is_a_setting():
    space = find("visioncore").space
    for wanted in [*REMEDIES.values(), *(symptom.remedy for symptom in SYMPTOMS)]:
        config = space.resolve({"init": "default"})
        for name, value in changes(config, space, wanted, steps=5000).items():
            space.check(name, value)
