"""From a configuration to the layers' arguments, the same for both backends."""

from __future__ import annotations

import math
from typing import Any

from homeostat.space import Config
from homeostat.workloads.ncp.spec import SMALL_STEP
from homeostat.workloads.ncp.wirings import AutoNCP, Random, WiringRule

# A circuit gives out this share of its neurons: the others are inter and command neurons.
MOTOR_SHARE = 0.3

# Keras's, with which the published figures were made; PyTorch's own are 0.99 and 1e-8.
RMSPROP: dict[str, Any] = {"alpha": 0.9, "eps": 1e-7}


def units(config: Config) -> int | WiringRule:
    """The `hidden_size` argument of a layer: a number of neurons, or the wiring between them."""
    size = int(config.hidden_size)
    if config.wiring == "random":
        return Random(size, sparsity=config.sparsity)
    if config.wiring == "ncp":
        return AutoNCP(size, max(round(MOTOR_SHARE * size), 1), sparsity=config.sparsity)
    return size


def layer_options(config: Config) -> dict[str, Any]:
    """The other arguments of a CfC or LTC layer."""
    shared = {
        "activation": config.activation,
        "backbone_units": config.backbone_units,
        "backbone_layers": config.backbone_layers,
        "backbone_dropout": config.backbone_dropout,
        "mixed_memory": config.mixed_memory,
        "residual": config.residual,
        "share_layers": config.share_layers,
    }
    if config.model == "cfc":
        return shared | {"mode": config.mode, "gate_span": config.gate_span}
    return shared | {"solver": config.solver, "unfolds": config.unfolds}


def is_weight(name: str) -> bool:
    """Whether decay applies to a parameter, by its name: to the matrices of linear maps.

    A bias, a leak or a time constant has no reason to be near 0. Weights shrink by rate times decay
    apart from the gradient's step, whichever the optimiser.
    """
    last = name.rpartition(".")[2]
    maps = ("backbone_weight", "heads_weight", "memory_input_weight", "memory_recurrent_weight")
    return last == "weight" or last.startswith((*maps, "weight_ih", "weight_hh"))


def rate_at(config: Config, epoch: float, epochs: int) -> float:
    """Share of the learning rate at a moment: a straight warm-up, then constant or a cosine.

    `epoch` counts parts of epochs, too. The warm-up starts above 0, so that no step is wasted.
    """
    warm = min(float(config.warmup_epochs), epochs / 2)
    if epoch < warm:
        return max(epoch / warm, 0.01)
    if config.lr_schedule == "constant":
        return 1.0
    if config.lr_schedule == "decay":
        return float(config.lr_decay**epoch)
    done = (epoch - warm) / max(epochs - warm, 1e-9)
    return 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))


# What two networks of one shape may differ in and still be trained side by side.
_FREE = (
    *("learning_rate", "weight_decay", "optimizer", "clip_norm"),
    *("warmup_epochs", "lr_schedule", "lr_decay", "gate_span"),
)
# Multiply-adds of a batch's step above which arithmetic takes most of the time, however many
# networks share the bookkeeping.
_MOST_WORK = 2**20


def shape(config: Config) -> tuple[object, ...] | None:
    """What has to agree for networks to be trained in one pass; None where that does not pay."""
    if config.backend != "torch" or config.model != "cfc" or config.mixed_memory:
        return None
    hidden, units, layers = config.hidden_size, config.backbone_units, config.backbone_layers
    heads = 4 * hidden
    wide = hidden * heads if not layers else units * (hidden + (layers - 1) * units + heads)
    if config.batch_size * heads >= SMALL_STEP or config.batch_size * wide > _MOST_WORK:
        return None
    return tuple((name, value) for name, value in config.items() if name not in _FREE)
