"""The workload as a whole: it runs, resumes, learns, and its configurations are the guide's."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from homeostat.execute import run
from homeostat.space import configs
from homeostat.workload.load import find
from homeostat.workload.trial import Trial
from homeostat.workloads.visioncore import loop
from homeostat.workloads.visioncore.resnet import ResNetConvGRU, ResNetSettings
from homeostat.workloads.visioncore.training import (
    FreeViewing,
    Stepper,
    VisionTrainSettings,
    poisson_loss,
    warmup_cosine,
)

SMOKE = {
    "num_frames": 7_200,
    "sessions": "one",
    "batch_size": 2,
    "width": 4,
    "hidden": 8,
    "steps_per_epoch": 3,
}


@pytest.fixture(scope="module")
def visioncore():
    return find("visioncore")


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(loop, "STEPS_APART", 1)
        yield


def _reports(workload, config, budget, trial=None):
    trial = trial or Trial(workload.space.resolve(config), seed=1, budget=budget)
    torch.manual_seed(trial.seed)
    return list(workload(trial.config, trial))


def test_a_run_reports_every_step_and_ends_with_an_untouched_test(visioncore, tmp_path):
    record = run(visioncore, SMOKE, budget=4, results=tmp_path)
    assert str(record.outcome) == "completed"
    (attempt,) = record.attempts
    assert attempt.extra["parameters"]["core"] > 0
    reports = _reports(visioncore, SMOKE, 4)
    assert [r.step for r in reports] == [0, 1, 2, 3]
    assert "val_bits_per_spike" in reports[2].metrics
    assert "test_bits_per_spike" not in reports[2].metrics
    assert {"test_bits_per_spike", "test_of_oracle", "test_ccnorm"} <= reports[3].metrics.keys()
    assert {"lr_core", "lr_readout", "grad_norm", "clip_fraction"} <= reports[0].metrics.keys()


@pytest.mark.slow
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(visioncore):
    config = visioncore.space.resolve(SMOKE | {"dropout": 0.0})
    whole = _reports(visioncore, config, 4, Trial(config, seed=1, budget=4))
    first = Trial(config, seed=1, budget=4)
    torch.manual_seed(1)
    states = {}
    first.between_steps.append(lambda step: states.update({step: deepcopy(first.state(step))}))
    stream = visioncore(config, first)
    for _ in range(3):  # the state is taken when the step after it is asked for
        next(stream)
    second = Trial(config, seed=1, budget=4)
    second.resume_from(states[2])
    rest = _reports(visioncore, config, 4, second)
    assert rest == whole[2:]


def test_polar_reports_its_time_constants(visioncore):
    polar = {k: v for k, v in SMOKE.items() if k not in ("width", "hidden")}
    polar |= {"family": "polar", "pairs": 4, "lambda_fix": 7.0}
    (report,) = _reports(visioncore, polar, 1)
    assert report.metrics["lambda_fix"] == pytest.approx(7.0, rel=0.05)
    assert report.metrics["tau_slow_ms"] == pytest.approx(162.5, rel=0.05)
    assert report.metrics["lr_temporal"] == pytest.approx(10 * report.metrics["lr_core"])


def test_training_stops_early_when_validation_no_longer_improves(visioncore):
    config = SMOKE | {"steps_per_epoch": 1, "patience": 1, "lr": 0.03, "core_lr_scale": 10.0}
    reports = _reports(visioncore, config, 40)
    bits = [r.metrics["val_bits_per_spike"] for r in reports]
    assert len(reports) < 40
    assert bits[-1] <= max(bits[:-1])
    assert "test_bits_per_spike" in reports[-1].metrics


def test_the_oracle_is_above_that_of_the_image_alone_and_both_above_a_flat_guess(visioncore):
    trial = Trial(visioncore.space.resolve(SMOKE))
    known = visioncore.baselines(trial.config, trial)
    assert known["flat guess"] == 0.0
    assert 0.3 < known["oracle of the image"] < 0.9 * known["oracle"]
    assert known["oracle"] < 1.0


def test_the_clip_fraction_counts_the_steps_that_were_shortened(visioncore):
    always = _reports(visioncore, SMOKE | {"gradient_clip": 1e-3}, 2)[-1]
    never = _reports(visioncore, SMOKE | {"gradient_clip": 100.0}, 2)[-1]
    assert always.metrics["clip_fraction"] == 1.0
    assert never.metrics["clip_fraction"] == 0.0


def test_accumulated_batches_make_the_step_of_one_large_batch(batch):
    def stepped(batches):
        torch.manual_seed(0)
        model = ResNetConvGRU(
            ResNetSettings(channels=(4, 4, 8), hidden=8, dropout=0.0), {"ana": 3, "ben": 2}, 24
        )
        result = Stepper(FreeViewing(model, VisionTrainSettings()), "cpu").step(batches)
        return result, torch.cat([p.detach().ravel() for p in model.parameters()])

    once, weights = stepped([batch])
    twice, same = stepped([batch, batch])
    assert twice.grad_norm == pytest.approx(once.grad_norm, rel=1e-5)
    assert_close(weights, same, rtol=1e-4, atol=1e-6)


def test_a_step_through_lightning_is_the_step_of_a_plain_loop(batch):
    # In 64 bits: early AdamW steps turn the last digit of a gradient near 0 into a whole step.
    batch = {
        name: replace(
            clip,
            stimulus_BTHW=clip.stimulus_BTHW.double(),
            gaze_BT2=clip.gaze_BT2.double(),
            spikes_BTN=clip.spikes_BTN.double(),
        )
        for name, clip in batch.items()
    }
    settings = VisionTrainSettings(clip=0.05, warmup_steps=2, num_steps=4, core_lr_scale=0.5)
    modules = []
    for _ in range(2):
        torch.manual_seed(0)
        small = ResNetSettings(channels=(4, 4, 8), hidden=8, dropout=0.0)
        modules.append(FreeViewing(ResNetConvGRU(small, {"ana": 3, "ben": 2}, 24), settings))
    stepper = Stepper(modules[0].double(), "cpu")
    plain = modules[1].double().model
    optimizer = modules[1].configure_optimizers()["optimizer"]
    peaks = [group["initial_lr"] for group in optimizer.param_groups]
    for step in range(4):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * warmup_cosine(step, 2, 4)
        optimizer.zero_grad()
        loss = poisson_loss(plain(batch), batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.05)
        optimizer.step()
        result = stepper.step([batch])
        assert result.loss == pytest.approx(loss.item(), rel=1e-10)
        assert result.grad_norm == pytest.approx(norm.item(), rel=1e-8)


def test_the_configurations_hold_the_guides_tables(visioncore):
    rows = {
        # batch of 32 predicted frames, core scale, warm-up, decay, steps an epoch, clip, epochs
        "resnet_original": (256, 0.5, 5, 1e-4, 512, 1.0, 100),
        "resnet_optimised": (384, 2.0, 10, 5e-5, 1024, 10.0, 100),
        "polar_original": (256, 0.5, 5, 1e-4, 512, 1.0, 50),
        "polar_optimised": (384, 1.5, 15, 5e-5, 1024, 5.0, 100),
    }
    for name, row in rows.items():
        named = configs.load(name, visioncore)
        c = named.resolve(visioncore.space)
        epochs = named.budget / c.steps_per_epoch
        assert row == (
            32 * c.batch_size,
            c.core_lr_scale,
            c.warmup_epochs,
            c.weight_decay,
            c.steps_per_epoch,
            c.gradient_clip,
            epochs,
        )
        assert c.lr == 1e-3
    relaxed = configs.load("polar_v1_relaxed", visioncore).resolve(visioncore.space)
    assert (relaxed.lambda_fix, relaxed.lambda_sac) == (5.0, 20.0)
    assert (relaxed.alpha_fast, relaxed.alpha_slow) == (0.80, 0.90)


def test_every_configuration_builds_a_model(visioncore):
    from homeostat.workloads.visioncore.build import build_module, load_clips

    small = {"num_frames": 7_200, "sessions": "one"}
    clips = load_clips(visioncore.space.resolve(small), "cpu")
    for name in configs.names(visioncore):
        config = configs.load(name, visioncore).resolve(visioncore.space, small)
        module = build_module(config, clips, budget=10)
        assert sum(p.numel() for p in module.parameters()) > 1_000


@pytest.mark.slow
def test_a_few_hundred_steps_explain_a_quarter_of_what_can_be(visioncore):
    reports = _reports(visioncore, {"sessions": "one", "num_frames": 24_000}, 250)
    assert reports[-1].metrics["val_of_oracle"] > 0.25
    losses = np.array([r.metrics["train_loss"] for r in reports])
    assert losses[-50:].mean() < losses[:50].mean()
