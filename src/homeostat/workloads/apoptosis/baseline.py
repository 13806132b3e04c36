"""What the same network reaches without a manager: trained once per configuration and seed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from homeostat.space import Config
from homeostat.workloads.apoptosis.space import ON, SPACE
from homeostat.workloads.apoptosis.training import load_data

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial
    from homeostat.workload.workload import Loop

LONGER = 2.5
"""The guide compared experiments of 2,000 steps with a baseline of 5,000."""


def has_gap(config: Config, steps: int) -> bool:
    """Whether a run reports its gap; a run that is scored at most twice is too short for one."""
    return bool(config.senescence and config.gap and steps > 2 * config.eval_interval)


def baseline(train: Loop, config: Config, trial: Trial) -> dict[str, float]:
    """Final `val_loss` and `test_loss` of the configuration without senescence, in nats.

    Args:
        train: The training loop, called only where the cache has no such loss yet.
        config: A configuration with senescence.
        trial: Gives the seed, the budget and the device.
    """
    from homeostat.workload.trial import Trial

    without = without_senescence(config)
    steps = round(trial.budget * (LONGER if config.baseline_steps == "longer" else 1))
    file = cache_folder() / f"{_key(without, trial, steps)}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {name: float(found[name]) for name in ("val_loss", "test_loss")}
    except (OSError, ValueError, KeyError):
        pass  # not trained yet, or the file is damaged: train it (again)
    alone = Trial(without, seed=trial.seed, budget=steps, device=trial.device)
    loss = [r.metrics["val_loss"] for r in train(without, alone) if "val_loss" in r.metrics][-1]
    losses = {"val_loss": loss, **alone.extra["test"]}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps({**losses, "steps": steps, **without}), encoding="utf-8")
        draft.replace(file)
    except OSError:
        pass  # a cache that cannot be written costs time, not results
    return losses


def without_senescence(config: Config) -> Config:
    """The same network, data and training; nothing ages."""
    belongs = [
        name
        for name in config.given
        if name in config.active and not _needs_senescence(name) and name != "senescence"
    ]
    return SPACE.resolve({name: config[name] for name in belongs} | {"senescence": False})


def _needs_senescence(name: str) -> bool:
    """Whether a parameter has no effect on the baseline."""
    when = SPACE.conditions[name]
    derived = name in SPACE.formulas
    return derived or any(key in (*ON, "gap") or _needs_senescence(key) for key in when)


def cache_folder() -> Path:
    """Where baselines are kept: part of the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "homeostat" / "apoptosis_baselines"


def _key(config: Config, trial: Trial, steps: int) -> str:
    """Names everything that the baseline's loss depends on, this workload's code included."""
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        code.update(file.read_bytes())
    data = load_data(config)[0].sha256  # a file of the same name may have changed
    facts = [config.digest, trial.seed, trial.device, steps, data, torch.__version__]
    return hashlib.sha256(f"{facts}{code.hexdigest()}".encode()).hexdigest()[:24]
