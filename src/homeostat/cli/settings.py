"""What `WORKLOAD --config C --set k=v` stands for: one workload and one configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class RunRequest:
    """A workload, what was set of its parameters, and how long and how often to run it."""

    workload: Workload
    overrides: dict[str, Any]
    """What the configuration file and the command line set; the latter wins."""
    typed: frozenset[str]
    """Those of them that the command line set."""
    config: Config
    name: str
    """The name for run folders: the configuration's, else the workload's."""
    budget: int
    seeds: int


def choose(
    reference: str,
    config: str | None = None,
    settings: Sequence[str] | None = None,
    *,
    budget: int | None = None,
    seeds: int | None = None,
    default_seeds: int = 1,
) -> RunRequest:
    """Find the workload, read the configuration, apply what was typed.

    Raises:
        UnknownNameError: If the workload, the configuration or a parameter does not exist.
        SpaceError: If a value is out of range or has no effect.
        ConfigError: If the configuration file cannot be read.
    """
    from homeostat.space.configs import load
    from homeostat.workload.load import find

    workload = find(reference)
    for remark in workload.remarks:
        sys.stderr.write(f"{remark}\n")
    named = load(config, workload) if config is not None else None
    overrides = dict(named.parameters) if named else {}
    typed = workload.space.parse(settings or (), workload.name)
    inherited = overrides.keys() - typed.keys()
    overrides |= typed
    source = named.name if named else ""
    resolved = workload.space.resolve(overrides, source=source, inherited=inherited)
    return RunRequest(
        workload=workload,
        overrides={name: resolved[name] for name in resolved.given},
        typed=frozenset(typed),
        config=resolved,
        name=named.name if named else workload.name,
        budget=_first(budget, named.budget if named else None, workload.budget),
        seeds=_first(seeds, named.seeds if named else None, default_seeds),
    )


def _first(*amounts: int | None) -> int:
    """The first amount that was given; 0 is one, which whoever uses it refuses."""
    return next(amount for amount in amounts if amount is not None)
