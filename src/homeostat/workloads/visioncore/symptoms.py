"""What to try when it does not train: the guide's troubleshooting, and what we add to it."""

from __future__ import annotations

from typing import Any

REMEDIES: dict[str, dict[str, Any]] = {
    "half the core's rate": {"core_lr_scale": 0.5},
    "a longer warm-up": {"warmup_epochs": 5},
    "shorter gradients": {"gradient_clip": 0.1},
    "a lower rate": {"lr": 1e-3},
    "normalised recurrence": {"gru_norm": "groupnorm"},
    "proper initialisation": {"init": "proper"},
    "frozen time constants": {"learn_temporal": False},
    "two batches a step": {"accumulate": 2},
}

SYMPTOMS: tuple[dict[str, Any], ...] = (
    {
        "name": "unstable training",
        "sign": {"metric": "train_loss", "shape": "spikes"},
        "cause": "the core's rate is too high for the state of its gradients",
        "remedies": ("half the core's rate", "a longer warm-up", "shorter gradients"),
        "source": "seed 003, section 9: reduce the core's scale, warm up longer, clip more",
    },
    {
        "name": "every step is clipped",
        "sign": {"metric": "clip_fraction", "above": 0.5},
        "cause": "the clip sets the length of every step, so the rate is not what it seems",
        "remedies": ("a lower rate", "normalised recurrence"),
        "source": "seed 003, section 7: clipping should rarely be active",
    },
    {
        "name": "clipping never acts",
        "sign": {"metric": "clip_fraction", "below": 1e-9},
        "cause": "no gradient is as long as the clip: changing it changes nothing",
        "remedies": (),
        "source": "measured here: gradients of this loss are about 0.1 long",
    },
    {
        "name": "training too slow",
        "sign": {"metric": "val_bits_per_spike", "shape": "still rising"},
        "cause": "the budget ends before the curve does",
        "remedies": ("two batches a step",),
        "source": "seed 003, section 9: a larger batch, fewer steps an epoch, or accumulation",
    },
    {
        "name": "the core's scale has no effect",
        "sign": {"config": {"lr_scale_order": "rate_first"}},
        "cause": "core_lr_scale is assigned after the rate was computed from it",
        "remedies": (),
        "source": "the source of seed 003",
    },
    {
        "name": "starts far above the neurons' rates",
        "sign": {"metric": "train_loss", "first_over_last": 1.5},
        "cause": "biases start at 0, which softplus makes 0.7 spikes a frame",
        "remedies": ("proper initialisation",),
        "source": "the source of seed 003 never calls its initialisation",
    },
)
"""Rules over a run's record; remedies are names in `REMEDIES`."""
