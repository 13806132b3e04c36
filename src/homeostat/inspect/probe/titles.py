"""Titles: what a check is called on a page; machines and `only=` know it by its name."""

from __future__ import annotations

TITLES = {
    "runs": "runs through",
    "learning": "learning",
    "repeats": "same seed, same numbers",
    "seed": "another seed, other numbers",
    "coverage": "parameters in the optimiser",
    "gradient flow": "gradient flow",
    "movement": "parameters move",
    "order": "optimiser order",
    "gradients": "gradient size",
    "precision": "numeric precision",
    "activations": "activations",
    "losses": "loss inputs",
    "descent": "course of the loss",
    "modes": "train/eval mode",
    "clipping": "gradient clipping",
    "schedule": "learning rate schedule",
    "weight decay": "weight decay",
    "overlap": "train/validation overlap",
    "labels": "labels",
    "target leak": "target leak",
    "causality": "causality",
    "time order": "order in time",
    "reach": "reachable targets",
    "baselines": "baselines",
    "units": "units that stay alike",
    "rate": "learning rate over time",
    "inputs": "effect of each input",
    "answers": "different answers",
    "rows": "rows are independent",
    "loading": "loaded weights",
    "update rule": "update rule",
    "knobs": "knobs",
    "noise": "noise between seeds",
}


def title(name: str) -> str:
    """The title of a check; its name where it has no other."""
    return TITLES.get(name, name)
