"""Laws that every model of either family obeys, whatever its switches."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from homeostat.workloads.visioncore.polar import PolarSettings, PolarV1
from homeostat.workloads.visioncore.resnet import ResNetConvGRU, ResNetSettings
from homeostat.workloads.visioncore.training import (
    FreeViewing,
    Stepper,
    VisionTrainSettings,
    parameter_groups,
)

NEURONS = {"ana": 3, "ben": 2}
RESNET = ResNetSettings(channels=(4, 4, 8), hidden=8, dropout=0.0)
POLAR = PolarSettings(pairs=4, kernel=7, gaze_hidden=8)
MODELS = {
    "resnet": RESNET,
    "resnet, no behaviour": replace(RESNET, behaviour="none"),
    "resnet, film": replace(RESNET, behaviour="film"),
    "resnet, cudnn, norm, h0": replace(
        RESNET, candidate="cudnn", gru_norm="groupnorm", h0="learned"
    ),
    "resnet, seed, norm": replace(RESNET, candidate="seed", gru_norm="groupnorm"),
    "resnet, unused": replace(RESNET, candidate="unused", rmsnorm_affine=False),
    "resnet, default start, exp": replace(RESNET, init="default", output="exp"),
    "polar": POLAR,
    "polar, per frame": replace(POLAR, dynamics="per_frame", ema_correction=False),
    "polar, minimal": replace(POLAR, dynamics="none", gaze="none"),
    "polar, gaze without dynamics": replace(POLAR, dynamics="none"),
    "polar, dynamics without gaze": replace(POLAR, gaze="none"),
    "polar, frozen, kaiming, speed": replace(
        POLAR, learn_temporal=False, bank="kaiming", gate="speed"
    ),
}


def build(settings):
    family = ResNetConvGRU if isinstance(settings, ResNetSettings) else PolarV1
    return family(settings, NEURONS, 24)


QUICK = {"resnet", "resnet, cudnn, norm, h0", "polar", "polar, minimal"}
"""Between them they have every part; the others differ in one switch."""


@pytest.fixture(
    params=[n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def model(request):
    return build(MODELS[request.param])


def test_every_trainable_parameter_is_in_the_optimiser_once_and_moves_in_one_step(model, batch):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    stepper = Stepper(FreeViewing(model, VisionTrainSettings(weight_decay=0.0)), "cpu")
    inside = [id(p) for group in stepper.optimizer.param_groups for p in group["params"]]
    trainable = [id(p) for p in model.parameters() if p.requires_grad]
    assert sorted(inside) == sorted(trainable)
    stepper.step([batch])
    after = dict(model.named_parameters())
    assert before.keys() == after.keys(), "a parameter was created after the optimiser"
    still = [n for n, p in after.items() if p.requires_grad and torch.equal(p, before[n])]
    assert not still
    moved = [n for n, p in after.items() if not p.requires_grad and not torch.equal(p, before[n])]
    assert not moved


def test_nothing_looks_ahead(model, batch):
    model.eval()
    rates = model(batch)
    later = 30
    changed = {}
    for name, clip in batch.items():
        stimulus, gaze = clip.stimulus_BTHW.clone(), clip.gaze_BT2.clone()
        stimulus[:, later:] += 1.0
        gaze[:, later:] += 2.0
        changed[name] = replace(clip, stimulus_BTHW=stimulus, gaze_BT2=gaze)
    for name, rates_BTN in model(changed).items():
        assert_close(rates_BTN[:, :later], rates[name][:, :later], rtol=1e-5, atol=1e-6)
        assert not torch.allclose(rates_BTN[:, later:], rates[name][:, later:])


def test_sessions_do_not_change_each_others_predictions(model, batch):
    model.eval()
    together = model(batch)
    for name, clip in batch.items():
        # The sums are the same; their order is the size of the batch's.
        assert_close(model({name: clip})[name], together[name], rtol=1e-4, atol=1e-6)


def test_rates_are_positive_and_finite_for_any_stimulus(model, batch):
    wild = {n: replace(c, stimulus_BTHW=100.0 * c.stimulus_BTHW) for n, c in batch.items()}
    for rates in model(wild).values():
        assert torch.isfinite(rates).all()
        assert (rates > 0).all()


def test_a_model_can_be_run_in_64_bits(model, batch):
    model.eval()
    short = model(batch)
    for name, rates in model.double()(batch).items():
        assert rates.dtype == torch.float64
        assert_close(rates.float(), short[name], rtol=1e-3, atol=1e-5)


def test_the_groups_are_disjoint_and_complete(model):
    groups = parameter_groups(model)
    ids = [id(p) for group in groups.values() for p in group]
    assert len(ids) == len(set(ids)) == sum(p.requires_grad for p in model.parameters())
    assert len(groups["temporal"]) == len(
        [p for p in model.temporal_parameters() if p.requires_grad]
    )


def test_a_dead_image_still_has_gradients(batch):
    model = build(POLAR)
    blank = {n: replace(c, stimulus_BTHW=0.0 * c.stimulus_BTHW) for n, c in batch.items()}
    sum(rates.sum() for rates in model(blank).values()).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name


def test_each_neuron_looks_at_one_place():
    place = build(POLAR).places["ana"][0]
    with torch.no_grad():
        place.mean_N2[0] = torch.tensor([0.5, -0.5])
        place.log_std_N.fill_(-2.0)
    mask = place.mask_NP()
    assert_close(mask.sum(1), torch.ones(3))
    y, x = divmod(int(mask[0].argmax()), 12)
    assert (x, y) in {(8, 2), (8, 3), (9, 2), (9, 3)}  # a quarter from the right, and from the top
