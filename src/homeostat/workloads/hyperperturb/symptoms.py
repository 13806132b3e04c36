"""What to try when it does not train: the ladder of remedies, and the signs of each defect."""

from __future__ import annotations

from typing import Any

from homeostat.space.moves import down

REMEDIES: dict[str, dict[str, Any]] = {
    "safe norm": {"norm": "safe"},
    "log-normalised features": {"features": "log_mean"},
    "co-expression graph": {"graph": "coexpression"},
    "softmax head": {"head": "softmax_clip"},
    "log-softmax head": {"head": "log_softmax"},
    "clipped features": {"feature_radius": down(times=0.5, at_most=1.5, off=0.0)},
    "gradient clipping": {"clip_norm": down(times=0.3, at_most=1.0, off=0.0)},
    "plain Adam": {"optimizer": "adam"},
    "lower learning rate": {"learning_rate": down(times=1e-3)},
}

NEUTRAL: dict[str, dict[str, Any]] = {
    # Where every gradient is finite, leaving out those that are not may change nothing.
    "leaving out non-finite steps": {"skip_nonfinite": True},
}

SYMPTOMS: tuple[dict[str, Any], ...] = (
    {
        "name": "rows of norm zero",
        "sign": {"metric": "zero_rows", "above": 0.5},
        "cause": "features that are zero but for rounding are shrunk quadratically by each map; a "
        "norm without eps has no finite gradient there",
        "remedies": ("safe norm", "log-normalised features"),
        "source": "measured: 6 of 14 gradients, whatever the learning rate",
    },
    {
        "name": "gradients that are not finite",
        "sign": {"metric": "nonfinite_gradients", "above": 0.5},
        "cause": "the backward pass fails although the loss is finite: no step size helps",
        "remedies": ("safe norm", "log-normalised features"),
        "source": "measured: at rates 5e-4, 1e-5 and 1e-9 alike",
    },
    {
        "name": "points at the boundary",
        "sign": {"metric": "saturated", "above": 0.5},
        "cause": "most points sit at the edge of the ball, where the radius carries no information "
        "and no gradient",
        "remedies": ("clipped features",),
        "source": "Guo et al. 2022, arXiv:2107.11472: clip the features before the map",
    },
    {
        "name": "dead outputs",
        "sign": {"metric": "dead_outputs", "above": 0.05},
        "cause": "policy outputs at or below 1e-6 are clipped and get no gradient",
        "remedies": ("log-softmax head",),
        "source": "measured: 60 to 80 % of the documented head's outputs",
    },
    {
        "name": "steps left out",
        "sign": {"metric": "skipped_steps", "above": 0.5},
        "cause": "updates are left out because their gradient is not finite; the cause is still "
        "there",
        "remedies": ("safe norm",),
        "source": "a count that only grows: the network stays where it was",
    },
)
