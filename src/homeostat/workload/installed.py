"""Installed workloads and checks: what packages announce by entry points, found by name.

A package of yours joins in by a few lines of its pyproject.toml:

    [project.entry-points."homeostat.workloads"]
    spiking = "my_package.training:spiking"

    [project.entry-points."homeostat.checks"]
    silent_neurons = "my_package.audit:check"

Homeostat's own five are found in the same way. Nothing is imported until it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from homeostat.errors import WorkloadError

WORKLOADS, CHECKS, FILMS = "homeostat.workloads", "homeostat.checks", "homeostat.films"


@dataclass(frozen=True)
class Films:
    """What the dashboard can play: films that a workload keeps in a results folder."""

    find: Callable[[Path], dict[str, Path]]
    """Results folder -> name of each film -> its folder; reads names of files only."""
    read: Callable[[Path], dict[str, Any]]
    """Folder of a film -> what the player shows, as JSON."""


@cache
def installed_workloads() -> dict[str, str]:
    """Name -> "module:variable" of every workload that an installed package announces.

    installed_workloads()["ncp"]    "homeostat.workloads.ncp.workload:ncp"

    Of two of one name Homeostat's own is meant; the other has its module for a name.
    """
    found = {entry.name: entry.value for entry in _announced(WORKLOADS)}
    return {name: found[name] for name in sorted(found)}


@cache
def installed_checks() -> dict[str, Callable[..., Any]]:
    """Name -> check of every check that an installed package announces for the probe.

    Raises:
        WorkloadError: If one cannot be imported, or is no function.
    """
    return {entry.name: _loaded(entry) for entry in _announced(CHECKS)}


@cache
def installed_films() -> tuple[Films, ...]:
    """The films of every installed package, by the entry point `homeostat.films`."""
    return tuple(entry.load() for entry in _announced(FILMS))


def _announced(group: str) -> list[EntryPoint]:
    """Entry points of a group, Homeostat's own last."""
    entries = list(entry_points(group=group))
    return sorted(entries, key=lambda entry: (entry.value.startswith("homeostat."), entry.value))


def _loaded(entry: EntryPoint) -> Callable[..., Any]:
    try:
        check = entry.load()
    except Exception as error:  # whatever a package may raise while it is imported
        raise WorkloadError(
            f"The check {entry.name} of {entry.value} cannot be loaded: "
            f"{type(error).__name__}: {error}."
        ) from error
    if not callable(check):
        raise WorkloadError(f"The check {entry.name} ({entry.value}) must be a function.")
    found: Callable[..., Any] = check
    return found
