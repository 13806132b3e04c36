"""What to try when it does not train: the guide's guidelines as rules over a record."""

from __future__ import annotations

from typing import Any

from homeostat.space.moves import down, up

REMEDIES: dict[str, dict[str, Any]] = {
    "a bounded solver": {"solver": "semi_implicit"},
    "a gated cell": {"mode": "default"},
    "a lower rate": {"learning_rate": down(times=1 / 3)},
    "a longer warm-up": {
        # A warm-up takes half of the training at most; a longer one is cut.
        "warmup_epochs": up(times=2, by=1, at_least=5, limit=lambda config, steps: steps // 2)
    },
    "shorter gradients": {"clip_norm": down(times=0.3)},
    "log time": {"time_scaling": "log"},
    "more dropout": {"backbone_dropout": up(by=0.1, at_least=0.3)},
    "a smaller network": {"hidden_size": down(times=0.5)},
    "a larger network": {"hidden_size": up(times=2)},
    "another layer": {"num_layers": up(by=1)},
    "a skip over each layer": {"residual": True},
    "a memory cell": {"mixed_memory": True},
}

SYMPTOMS: tuple[dict[str, Any], ...] = (
    {
        "name": "overfitting",
        "sign": {"metric": "val_loss", "shape": "rising"},
        "cause": "the network learns its training sequences by heart",
        "remedies": ("more dropout", "a smaller network"),
        "source": "the guide, dropout rate and hidden size: increase dropout if overfitting",
    },
    {
        "name": "underfitting",
        "sign": {"metric": "train_loss", "shape": "flat"},
        "cause": "the network is too small, or its rate too low, for what there is to learn",
        "remedies": ("another layer", "a larger network"),
        "source": "the guide, layers and backbone: add layers, increase complexity if underfitting",
    },
    {
        "name": "training too slow",
        "sign": {"metric": "val_loss", "shape": "still falling"},
        "cause": "the budget ends before the curve does",
        "remedies": (),
        "source": "the deep learning tuning playbook: raise the budget before the rate",
    },
    {
        "name": "unstable training",
        "sign": {"metric": "train_loss", "shape": "spikes"},
        "cause": "the rate is too high for the length of its gradients",
        "remedies": ("a lower rate", "a longer warm-up", "shorter gradients"),
        "source": "the guide, learning rate: start with 1e-3, use warm-up, consider scheduling",
    },
    {
        "name": "clipping always acts",
        "sign": {"metric": "clip_fraction", "above": 0.5},
        "cause": "the clip sets the length of every step, so the rate is not what it seems",
        "remedies": ("a lower rate", "log time"),
        "source": "measured here: Adam hides it, so watch the share of clipped steps",
    },
    {
        "name": "an explicit solver runs away",
        "sign": {"config": {"solver": ("explicit", "rk4")}, "outcome": "diverged"},
        "cause": "a time step is long against a neuron's time constant",
        "remedies": ("a bounded solver", "log time"),
        "source": "the guide, LTC: consider stability constraints; Hasani et al. 2021, section 3",
    },
    {
        "name": "the pure mode lags behind",
        "sign": {"config": {"mode": "pure"}},
        "cause": "its state has no gate: it forgets at a rate it cannot choose",
        "remedies": ("a gated cell",),
        "source": "the guide, modes; Hasani et al. 2022, table 2: 85 % against 99 % on event XOR",
    },
    {
        "name": "a deep stack without skips",
        "sign": {"config": {"num_layers": 3, "residual": False}},
        "cause": "three recurrent layers pass gradients poorly",
        "remedies": ("a skip over each layer",),
        "source": "the guide, layers: use residual connections for deeper networks",
    },
)
"""Rules over a run's record; remedies are names in `REMEDIES`."""
