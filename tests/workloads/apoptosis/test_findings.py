"""What really happened: the guide's loss came from the optimiser, not from senescence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homeostat.inspect.diagnose import diagnose
from homeostat.inspect.probe.audit import probe
from homeostat.space import configs
from homeostat.workload.trial import Trial
from homeostat.workloads.apoptosis.data import corpora
from homeostat.workloads.apoptosis.fitness import batch_loss
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, tiny
from homeostat.workloads.apoptosis.senescence import Mechanisms
from homeostat.workloads.apoptosis.trainer import Trainer, TrainSettings
from homeostat.workloads.apoptosis.workload import apoptosis


def final(name: str, steps: int, **changes) -> dict[str, float]:
    changes |= {"gap": False} if changes.get("senescence", True) else {}
    config = configs.load(name, apoptosis).resolve(apoptosis.space, changes)
    *_, last = apoptosis(config, Trial(config, seed=42, budget=steps))
    return last.metrics


@pytest.mark.slow
def test_the_probe_finds_the_optimiser_that_is_never_asked():
    documented = configs.load("as_documented", apoptosis).resolve(apoptosis.space)
    (found,) = probe(apoptosis, config=documented, only=["update rule"]).checks
    assert found.status == "fault"
    assert "AdamW is never asked" in found.saw
    (repaired,) = probe(apoptosis, only=["update rule"]).checks
    assert repaired.status == "ok"


@pytest.mark.slow
def test_the_optimiser_explains_ten_times_what_senescence_does():
    table = {
        (rule, senescence): final("as_documented", 300, update_rule=rule, senescence=senescence)[
            "held_out_loss"
        ]
        for rule in ("adamw", "sgd")
        for senescence in (False, True)
    }
    adamw_off, adamw_on = table["adamw", False], table["adamw", True]
    sgd_off, sgd_on = table["sgd", False], table["sgd", True]
    optimiser = ((sgd_off - adamw_off) + (sgd_on - adamw_on)) / 2
    senescence = ((adamw_on - adamw_off) + (sgd_on - sgd_off)) / 2
    assert optimiser > 1
    assert optimiser > 10 * abs(senescence)
    # The bypass is plain SGD exactly when there is a manager, and AdamW when there is none.
    swapped = final("as_documented", 300)
    assert swapped["held_out_loss"] == pytest.approx(sgd_on, abs=0.01)


@pytest.mark.slow
def test_a_diagnosis_finds_that_by_itself():
    (confound,) = diagnose(apoptosis, config="as_documented", seconds=60).confounds
    assert confound.mechanism == "senescence"
    assert "AdamW is never asked" in confound.saw
    assert confound.changes == {"update_rule": "adamw"} and confound.swap == {"update_rule": "sgd"}
    assert confound.of_update > 1
    assert confound.of_update > 10 * abs(confound.of_mechanism)


@pytest.mark.slow
def test_scaling_the_stream_silences_the_network_at_the_end_of_life_and_a_gate_does_not():
    """D5: a trained network, never trained further, with its last layer fading."""
    (text,) = corpora(("pydoc_topics",), context=64, windows=32)
    model = ApoptoticTransformer(
        tiny(text.classes),
        rng=torch.Generator().manual_seed(0),
        dropout_rng=torch.Generator().manual_seed(1),
    )
    settings = TrainSettings(lr=1e-3)
    Trainer(model, None, text, settings=settings, rng=np.random.default_rng(0)).train(150, 150)
    model.eval()
    losses = {}
    for influence in ("stream", "gate"):
        model.rules = Mechanisms(influence=influence)
        losses[influence] = []
        for a in (1.0, 0.5, 0.2, 0.1, 0.05, 0.0):
            model.senescence[5].influence_weight = a
            losses[influence].append(batch_loss(model, text.held_out).item())
    assert losses["stream"][-1] > losses["stream"][0] + 0.8
    assert losses["gate"][-1] < losses["gate"][0] + 0.4


def test_a_silenced_stream_starves_every_earlier_layer_of_gradient():
    def earliest_gradient(influence: str) -> float:
        model = ApoptoticTransformer(
            tiny(11), rules=Mechanisms(influence=influence), rng=torch.Generator().manual_seed(0)
        )
        ApoptosisManager(model).begin()
        model.senescence[5].influence_weight = 0.01
        tokens = torch.randint(0, 11, (4, 33), generator=torch.Generator().manual_seed(1))
        batch_loss(model, (tokens[:, :-1], tokens[:, 1:])).backward()
        return model.blocks[0].incoming.weight.grad.norm().item()

    assert earliest_gradient("stream") < 0.1 * earliest_gradient("gate")
