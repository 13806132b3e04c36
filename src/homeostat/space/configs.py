"""Named configurations: YAML files that set some parameters, and may extend one another.

extends: neat_baseline          # or a list; later ones win, this file wins over all
description: Few connections, long runs.
budget: 200
seeds: 5
parameters:
  compatibility_threshold: 1.5
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from homeostat.errors import ConfigError, SpaceError, UnknownNameError, did_you_mean
from homeostat.space.config import Config
from homeostat.space.space import Space
from homeostat.space.yaml_file import read

KEYS = ("extends", "description", "budget", "seeds", "parameters")
SUFFIXES = (".yaml", ".yml")


class HasConfigs(Protocol):
    """What a workload must have so that its configurations can be found."""

    @property
    def name(self) -> str: ...
    @property
    def space(self) -> Space: ...
    @property
    def configs(self) -> Path | None: ...


@dataclass(frozen=True)
class NamedConfig:
    """A configuration file with everything it extends."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """What it and its parents set; the rest are defaults."""
    budget: int | None
    seeds: int | None
    lineage: tuple[str, ...]
    """The names that were read, furthest ancestor first, itself last."""
    inherited: frozenset[str]
    """The parameters that only a parent sets."""
    path: Path

    def resolve(self, space: Space, overrides: Mapping[str, Any] | None = None) -> Config:
        """The whole configuration, with some values set on top.

        What a parent sets is dropped, with a sentence, where it has no effect; so is what the file
        itself sets where `overrides` took its effect away.
        """
        overrides = overrides or {}
        dropped = set(self.parameters) if overrides else set(self.inherited)
        return space.resolve(
            {**self.parameters, **overrides},
            source=self.name,
            inherited=dropped - overrides.keys(),
        )


def names(workload: HasConfigs) -> list[str]:
    """The configurations that come with a workload."""
    if workload.configs is None or not workload.configs.is_dir():
        return []
    return sorted(p.stem for p in workload.configs.iterdir() if p.suffix in SUFFIXES)


def load(reference: str | Path, workload: HasConfigs) -> NamedConfig:
    """A configuration by its name among the workload's own, or by its path.

    Raises:
        UnknownNameError: If there is no such configuration, or it sets an unknown parameter.
        ConfigError: If a file cannot be read, has unknown keys, or extends itself.
        SpaceError: If a value is refused by the workload's space.
    """
    path = _find(str(reference), workload, None)
    config = _read(path, workload, ())
    try:
        config.resolve(workload.space)
    except (SpaceError, UnknownNameError) as error:
        raise type(error)(f"{path.name}: {error.message}", hint=error.hint) from None
    return config


def _find(reference: str, workload: HasConfigs, beside: Path | None) -> Path:
    """The file a name or path means: beside the file that extends it, then the workload's own."""
    folders = [folder for folder in (beside, workload.configs) if folder is not None]
    candidates = [folder / f"{reference}{suffix}" for folder in folders for suffix in SUFFIXES]
    candidates += [folder / reference for folder in folders] if beside is not None else []
    for path in [*candidates, Path(reference)]:
        # pathlib raises for a name that is too long for the system; such a file is not there.
        if path.suffix in SUFFIXES and os.path.isfile(path):  # noqa: PTH113 (see above)
            return path
    if Path(reference).suffix in SUFFIXES:
        raise UnknownNameError(f"No file {reference!r}.")
    known = names(workload)
    hint = did_you_mean(reference, known) if known else "It has none of its own; give a YAML file."
    raise UnknownNameError(f"No config {reference!r} for {workload.name}.", hint=hint)


def _read(path: Path, workload: HasConfigs, children: tuple[Path, ...]) -> NamedConfig:
    path = path.resolve()
    if path in children:
        circle = " -> ".join(p.stem for p in (*children[children.index(path) :], path))
        raise ConfigError(f"{path.name}: extends goes round in a circle: {circle}.")
    content = read(path)
    _check_keys(content, path)
    own = _own_parameters(content, path, workload.space)
    parents = [
        _read(_find(name, workload, path.parent), workload, (*children, path))
        for name in _extended(content, path)
    ]
    merged: dict[str, Any] = {}
    lineage: dict[str, None] = {}
    budget, seeds = None, None
    for parent in parents:
        merged |= parent.parameters
        lineage |= dict.fromkeys(parent.lineage)
        budget = parent.budget if parent.budget is not None else budget
        seeds = parent.seeds if parent.seeds is not None else seeds
    return NamedConfig(
        name=path.stem,
        description=str(content.get("description", "")),
        parameters=merged | own,
        budget=_count(content, "budget", path, budget),
        seeds=_count(content, "seeds", path, seeds),
        lineage=(*lineage, path.stem),
        inherited=frozenset(merged.keys() - own.keys()),
        path=path,
    )


def _check_keys(content: Mapping[str, Any], path: Path) -> None:
    for key in content:
        if key not in KEYS:
            raise ConfigError(f"{path.name}: no key {key!r} here.", hint=did_you_mean(key, KEYS))


def _own_parameters(content: Mapping[str, Any], path: Path, space: Space) -> dict[str, Any]:
    own = content.get("parameters")
    own = {} if own is None else own
    if not isinstance(own, dict):
        raise ConfigError(f"{path.name}: parameters must be names with values, got {own!r}.")
    try:
        return {name: space.check(name, value) for name, value in own.items()}
    except (SpaceError, UnknownNameError) as error:
        raise type(error)(f"{path.name}: {error.message}", hint=error.hint) from None


def _extended(content: Mapping[str, Any], path: Path) -> list[str]:
    extends = content.get("extends", [])
    extends = [extends] if isinstance(extends, str) else extends
    if not isinstance(extends, list) or not all(isinstance(name, str) for name in extends):
        raise ConfigError(f"{path.name}: extends must be a name or a list of names.")
    return extends


def _count(content: Mapping[str, Any], key: str, path: Path, default: int | None) -> int | None:
    value = content.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{path.name}: {key} must be a whole number from 1, got {value!r}.")
    return value
