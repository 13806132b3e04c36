"""From a configuration to the sessions, the model and the Lightning module it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from homeostat.workloads.visioncore.clips import Clips
from homeostat.workloads.visioncore.data import deal_pictures, simulated_sessions
from homeostat.workloads.visioncore.layers import NeuronWeights
from homeostat.workloads.visioncore.neurons import WINDOW_PX
from homeostat.workloads.visioncore.polar import PolarSettings, PolarV1
from homeostat.workloads.visioncore.recorded import recorded_sessions
from homeostat.workloads.visioncore.resnet import ResNetConvGRU, ResNetSettings
from homeostat.workloads.visioncore.training import FreeViewing, Model, VisionTrainSettings

if TYPE_CHECKING:
    from homeostat.space import Config

SESSIONS = {
    "three": ("ana", "ben", "cleo"),
    "one": ("ana",),
    "dynamics": ("dynamics",),
    "all": ("ana", "ben", "cleo", "dynamics"),
}


def load_clips(config: Config, device: str) -> dict[str, Clips]:
    """The sessions a configuration names, as tensors on the device."""
    if config.recordings:
        sessions = recorded_sessions(Path(config.recordings))
    else:
        sessions = simulated_sessions(
            SESSIONS[config.sessions],
            seed=config.data_seed,
            num_frames=config.num_frames,
            folder=Path(config.images) if config.images else None,
        )
    owners: Sequence[Any] = [None] * len(sessions)
    if config.parts == "pictures":
        owners = deal_pictures(sessions)
    return {
        session.name: Clips(session, torch.device(device), owner_T=owner_T)
        for session, owner_T in zip(sessions, owners, strict=True)
    }


def build_model(config: Config, clips: dict[str, Clips]) -> Model:
    """The model of a configuration, whole: nothing is created later."""
    neurons = {name: session.session.num_neurons for name, session in clips.items()}
    model: Model
    if config.family == "resnet":
        model = ResNetConvGRU(_resnet(config), neurons, WINDOW_PX)
    else:
        model = PolarV1(_polar(config), neurons, WINDOW_PX)
    if config.init == "proper":
        # Without it every neuron starts at softplus(0) = 0.7 spikes a frame, seven times too many.
        for name, session in clips.items():
            weights = cast(NeuronWeights, model.weights[name])
            weights.start_at(torch.as_tensor(session.null_N, dtype=torch.float32))
    return model


def _resnet(config: Config) -> ResNetSettings:
    return ResNetSettings(
        taps=config.taps,
        channels=(config.width, 2 * config.width, 4 * config.width),
        strides=(2, 2, 1) if config.map_px == 6 else (2, 1, 1),
        rmsnorm_affine=config.rmsnorm_affine,
        dropout=config.dropout,
        hidden=config.hidden,
        candidate=config.candidate,
        gru_norm=config.gru_norm,
        h0=config.h0,
        behaviour=config.behaviour,
        output=config.output,
        init=config.init,
    )


def _polar(config: Config) -> PolarSettings:
    return PolarSettings(
        levels=config.levels,
        pairs=config.pairs,
        kernel=config.kernel,
        bank=config.bank,
        gaze=config.gaze,
        gate=config.gate,
        dynamics=config.dynamics,
        lambda_fix=config.lambda_fix,
        lambda_sac=config.lambda_sac,
        alpha_fast=config.alpha_fast,
        alpha_slow=config.alpha_slow,
        learn_temporal=config.learn_temporal,
        learn_alphas=config.learn_alphas,
        ema_correction=config.ema_correction,
        output=config.output,
    )


def build_module(config: Config, clips: dict[str, Clips], budget: int) -> FreeViewing:
    """Model, rates and schedule for `budget` steps."""
    settings = VisionTrainSettings(
        lr=config.lr,
        core_lr_scale=config.core_lr_scale,
        temporal_lr_scale=config.temporal_lr_scale,
        weight_decay=config.weight_decay,
        beta1=config.beta1,
        beta2=config.beta2,
        eps=config.eps,
        # A short run keeps half of its steps for the cosine.
        warmup_steps=min(config.warmup_epochs * config.steps_per_epoch, budget // 2),
        num_steps=budget,
        clip=config.gradient_clip,
    )
    model = build_model(config, clips)
    null = {name: session.null_N.tolist() for name, session in clips.items()}
    if config.lr_scale_order == "rate_first":
        module = FreeViewing(model, settings, core_lr_scale=1.0, null_rates=null)
        module.core_lr_scale = config.core_lr_scale
        return module
    return FreeViewing(model, settings, null_rates=null)
