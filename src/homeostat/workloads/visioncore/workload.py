"""The visioncore workload: its space, and the loop that trains a model of visual cortex."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.space import Bool, Choice, Config, Float, Int, Space, Text
from homeostat.workload.report import Report
from homeostat.workload.workload import workload
from homeostat.workloads.visioncore.baselines import baselines
from homeostat.workloads.visioncore.symptoms import REMEDIES, SYMPTOMS
from homeostat.workloads.visioncore.views import VIEWS

if TYPE_CHECKING:
    from homeostat.workload.prediction import Prediction, Trained
    from homeostat.workload.trial import Trial

HERE = Path(__file__).parent

RESNET = {"family": "resnet"}
POLAR = {"family": "polar"}
GAZED = POLAR | {"gaze": "full"}
MOVING = POLAR | {"dynamics": ("recurrent", "per_frame")}
_COMPARED = "a model to compare, not a setting to search"
_DATA = "it changes the data, and with them what a score means"

space = Space(
    family=Choice(
        ["resnet", "polar"],
        default="resnet",
        fixed=_COMPARED,
        help="ResNet+ConvGRU, or Polar-V1.",
    ),
    # Training
    lr=Float(1e-4, 3e-2, log=True, default=3e-3, tier=1, help="Peak rate of the readouts."),
    core_lr_scale=Float(
        0.1, 10.0, log=True, default=1.0, tier=1, help="The core's rate over the readouts'."
    ),
    temporal_lr_scale=Float(
        0.1,
        100.0,
        log=True,
        default=10.0,
        tier=2,
        when=POLAR | {"learn_temporal": True},
        help="The time constants' rate over the readouts'.",
    ),
    batch_size=Int(
        2,
        64,
        log=True,
        default=8,
        tier=1,
        help="Clips per step over all sessions; each predicts 32 frames.",
    ),
    accumulate=Int(1, 8, default=1, tier=4, help="Batches whose gradients make one step."),
    weight_decay=Float(1e-6, 1e-1, log=True, default=1e-4, tier=1, help="AdamW's weight decay."),
    warmup_epochs=Int(0, 30, default=1, tier=2, help="Warm-up; at most half of the training."),
    steps_per_epoch=Int(
        1,
        4096,
        log=True,
        default=100,
        fixed="how often to validate, and the unit of warm-up",
        help="Optimiser steps from one validation to the next; short ones are taken together.",
    ),
    patience=Int(
        0,
        100,
        default=0,
        fixed="the budget stops a search",
        help="Epochs without a better validation before stopping early; 0 never stops.",
    ),
    gradient_clip=Float(
        1e-3, 100.0, log=True, default=1.0, tier=2, help="Longest gradient that is let through."
    ),
    beta1=Float(0.5, 0.99, default=0.9, tier=4, help="AdamW's beta 1."),
    beta2=Float(0.9, 0.9999, default=0.99, tier=2, help="AdamW's beta 2."),
    eps=Float(1e-10, 1e-4, log=True, default=1e-8, tier=4, help="AdamW's epsilon."),
    lr_scale_order=Choice(
        ["scale_first", "rate_first"],
        default="scale_first",
        fixed="rate_first reproduces a defect of the guide's source",
        help="rate_first assigns core_lr_scale after the rate was computed: it has no effect.",
    ),
    # Both families
    output=Choice(["softplus", "exp"], default="softplus", tier=3, help="Keeps rates positive."),
    init=Choice(["proper", "default"], default="proper", tier=3, help="How weights start."),
    # ResNet+ConvGRU
    behaviour=Choice(
        ["none", "concat", "film"],
        default="concat",
        tier=2,
        when=RESNET,
        help="How the recurrent stage is told about the eyes.",
    ),
    taps=Int(8, 16, default=12, tier=3, when=RESNET, help="Frames the frontend sees."),
    width=Int(4, 32, log=True, default=8, tier=3, when=RESNET, help="Channels of the first stage."),
    map_px=Choice([6, 12], default=6, tier=3, when=RESNET, help="Side of the last feature map."),
    hidden=Int(8, 64, log=True, default=32, tier=3, when=RESNET, help="Channels of the ConvGRU."),
    dropout=Float(0.0, 0.5, default=0.0, tier=2, when=RESNET, help="Dropout of whole channels."),
    rmsnorm_affine=Bool(True, tier=2, when=RESNET, help="A learned scale after normalising."),
    gru_norm=Choice(
        ["none", "groupnorm"],
        default="none",
        tier=2,
        when=RESNET,
        help="Normalise what comes from the hidden state.",
    ),
    h0=Choice(["zero", "learned"], default="zero", tier=2, when=RESNET, help="Initial state."),
    candidate=Choice(
        ["cho", "cudnn", "seed", "unused"],
        default="cho",
        tier=3,
        when=RESNET,
        help="How the reset gate enters the candidate; unused is the guide's form before its fix.",
    ),
    # Polar-V1
    levels=Int(1, 3, default=3, tier=3, when=POLAR, help="Levels of the pyramid."),
    pairs=Int(4, 64, log=True, default=16, tier=3, when=POLAR, help="Quadrature pairs."),
    kernel=Choice([7, 9], default=9, tier=3, when=POLAR, help="Side of the filters, pixels."),
    bank=Choice(
        ["gabor", "kaiming"], default="gabor", tier=2, when=POLAR, help="How filters start."
    ),
    gaze=Choice(
        ["full", "none"],
        default="full",
        tier=2,
        when=POLAR,
        help="What the dynamics are told about the eyes.",
    ),
    gate=Choice(
        ["learned", "speed"],
        default="learned",
        tier=3,
        when=GAZED,
        help="The saccade gate: learned from gaze, or a fixed function of its speed.",
    ),
    dynamics=Choice(
        ["recurrent", "per_frame", "none"],
        default="recurrent",
        tier=2,
        when=POLAR,
        help="How amplitudes relax; per_frame is the guide's form, which has no memory.",
    ),
    lambda_fix=Float(
        1.0,
        100.0,
        log=True,
        default=10.0,
        tier=2,
        when=MOVING,
        help="Relaxation per second in fixation, at the start.",
    ),
    lambda_sac=Float(
        1.0,
        200.0,
        log=True,
        default=40.0,
        tier=2,
        when=MOVING | GAZED,
        help="Relaxation per second in saccades, at the start.",
    ),
    alpha_fast=Float(
        0.3, 0.9, default=0.74, tier=2, when=POLAR, help="Share the fast average keeps per frame."
    ),
    alpha_slow=Float(
        0.8, 0.99, default=0.95, tier=2, when=POLAR, help="Share the slow average keeps per frame."
    ),
    learn_temporal=Bool(
        True, tier=2, when=POLAR, help="Learn these four time constants, or keep them."
    ),
    learn_alphas=Bool(
        True,
        tier=3,
        when=POLAR | {"learn_temporal": True},
        help="The two averages' constants too, or those of the relaxation only.",
    ),
    ema_correction=Bool(
        True,
        when=POLAR,
        fixed="off reproduces a defect of the guide's source",
        help="Correct the averages for their start; without it alpha also changes the gain.",
    ),
    # Data
    sessions=Choice(
        ["three", "one", "dynamics", "all"],
        default="three",
        fixed=_DATA,
        help="Simulated sessions: three of V1, the first of them, one with known time constants.",
    ),
    num_frames=Int(
        7_200,
        480_000,
        log=True,
        default=48_000,
        fixed=_DATA,
        help="Frames of each simulated session, 120 per second.",
    ),
    parts=Choice(
        ["blocks", "pictures"],
        default="blocks",
        fixed=_DATA,
        help="What is dealt to training, validation and test: blocks of 20 s, or whole pictures, "
        "so that no picture of a later part was trained on.",
    ),
    data_seed=Int(0, 9_999, default=0, fixed=_DATA, help="Seed of the simulation."),
    images=Text("", help="A folder of images to look at; empty for those inside packages."),
    recordings=Text("", help="A folder of recorded sessions (HDF5 or NPZ) to use instead."),
)


def predict(trained: Trained, file: Path | None) -> Prediction:
    """Every neuron's rate in every frame of a recording."""
    from homeostat.workloads.visioncore.predicting import predict

    return predict(trained, file)


@workload(
    space=space,
    metric="val_bits_per_spike",
    goal="maximize",
    budget=1_500,
    configs=HERE / "configs",
    claims=HERE / "claims.yaml",
    baselines=baselines,
    predict=predict,
    symptoms=SYMPTOMS,
    remedies=REMEDIES,
    views=VIEWS,
    bounds={"train_loss": (None, 1e3), "grad_norm": (None, 1e4)},
)
def visioncore(config: Config, trial: Trial) -> Iterator[Report]:
    """Models of visual cortex that predict spikes during free viewing, over several sessions."""
    # Imported here, so that reading the space does not wait for torch.
    from homeostat.workloads.visioncore.loop import train

    yield from train(config, trial)
