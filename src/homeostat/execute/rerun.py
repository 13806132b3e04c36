"""Rerun: the one way to write a command that runs a configuration again, exactly.

    rerun("mlp.py:mlp", {"lr": 0.01}, budget=200, seeds=(42, 123))
    homeostat run mlp.py:mlp --set lr=0.01 --steps 200 --seeds 2

Budget and seeds are always written, because a workload's own may change. What is not the shell's to
read is quoted, and a value is written so that reading it gives the same value, bit for bit.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.execute.device import choose_device
from homeostat.record import seeds as seed_list
from homeostat.record.runs import RunRecord
from homeostat.space.values import typed
from homeostat.workload.installed import installed_workloads

RESULTS = "results"
"""The folder in which results are kept where nothing else is said."""
FILES = (".py", ".yaml", ".yml")
"""What a file that holds a workload ends in."""
STORAGE_VARIABLE = "HOMEOSTAT_STORAGE"
"""The environment variable that names the database of studies."""


@dataclass(frozen=True)
class Place:
    """Where results and studies are, as far as a command has to say so."""

    results: str = ""
    """The folder; empty where it is the usual one."""
    store: str = ""
    """The database; empty where it is the usual one."""

    @classmethod
    def of(cls, results: str | Path = RESULTS, store: str | Path | None = None) -> Place:
        """Of a results folder, and of a database (a file or a URL) in place of its own.

        >>> Place.of("results"), Place.of("other")
        (Place(results='', store=''), Place(results='other', store=''))
        """
        folder = "" if Path(results).absolute() == Path(RESULTS).absolute() else near(results)
        asked = "" if store is None else str(store)
        if asked == os.environ.get(STORAGE_VARIABLE, ""):
            asked = ""  # it is in the environment, with its password
        elif "://" in asked:
            asked = _without_password(asked)
        elif asked:
            asked = near(asked)
        return cls(folder, asked)

    @property
    def for_runs(self) -> list[str]:
        """The options of a command that makes or reads runs."""
        return ["--results", self.results] if self.results else []

    @property
    def for_studies(self) -> list[str]:
        """The options of a command that opens a study."""
        return [*self.for_runs, *(["--storage", self.store] if self.store else [])]


def command(*words: str | Iterable[str]) -> str:
    """A line for the shell; words and lists of words, quoted where they have to be.

    >>> command("homeostat run", "my file.py", ["--set", "act=relu"])
    "homeostat run 'my file.py' --set act=relu"
    """
    first, *rest = words
    assert isinstance(first, str)
    flat = [word for part in rest for word in ([part] if isinstance(part, str) else part)]
    return " ".join([first, *map(shlex.quote, flat)])


def diagnose_run(folder: str | Path, reference: str) -> str:
    """How to ask what failed first in a run; its workload's file is named, as a look runs none.

    >>> diagnose_run("results/a", "ncp")
    'homeostat diagnose results/a'
    """
    unknown = can_be_found(reference) and reference not in installed_workloads()
    named = ["--workload", spoken(reference)] if unknown else []
    return command("homeostat diagnose", near(folder), named)


def rerun(
    reference: str,
    given: Mapping[str, Any],
    *,
    budget: int,
    seeds: Sequence[int],
    device: str = "",
    place: Place | None = None,
) -> str:
    """What to type to run a configuration again as it was run.

    A command; or a Python call, where only the process that made the workload can find it, as with
    a notebook's.

    Args:
        reference: What `load.find` takes.
        given: What was set: `Config.given`, the values that have an effect.
        budget: Steps of each attempt.
        seeds: Which, in their order.
        device: On which it ran; written where this machine would choose another.
        place: Where results are kept, if not in the usual folder.
    """
    if not can_be_found(reference):
        call = f"{dict(given)!r}, seeds={list(seeds)!r}, budget={budget}"
        return f"hs.run({reference}, {call})"
    return command(
        "homeostat run", spoken(reference), set_options(given), ["--steps", str(budget)],
        seed_options(seeds), device_options(device), (place or Place()).for_runs,
    )  # fmt: skip


def rerun_run(run: RunRecord, place: Place | None = None) -> str:
    """What to type to run a recorded run again."""
    device = str(run.facts.get("limits", {}).get("device", ""))
    return rerun(
        run.facts.get("reference") or run.workload, run.given, budget=run.budget, seeds=run.seeds,
        device=device, place=place,
    )  # fmt: skip


def can_be_found(reference: str) -> bool:
    """Whether another process can find a workload by this: a built-in name, a file or a module."""
    named = reference.partition(" -- ")[0]  # what follows are a script's own arguments
    return named in installed_workloads() or ":" in named or Path(named).suffix in FILES


def set_options(values: Mapping[str, Any]) -> list[str]:
    """`--set NAME=VALUE` for each."""
    return [word for name, value in values.items() for word in ("--set", f"{name}={typed(value)}")]


def seed_options(seeds: Sequence[int]) -> list[str]:
    """The seeds by their number where they are the usual ones, else each by itself."""
    if tuple(seeds) == seed_list.first(len(seeds)):
        return ["--seeds", str(len(seeds))]
    return [word for seed in seeds for word in ("--seed", str(seed))]


def device_options(device: str) -> list[str]:
    """The device, where this machine would choose another by itself."""
    return ["--device", device] if device and device != choose_device("auto") else []


def spoken(reference: str) -> str:
    """A reference as one types it: a file below this folder without the way to it."""
    script, mark, own = reference.partition(" -- ")
    if mark:
        return f"{spoken(script)}{mark}{own}"
    path, colon, name = reference.rpartition(":")
    if colon and path.endswith(".py"):
        return f"{near(path)}:{name}"
    return near(reference) if Path(reference).suffix in FILES else reference


def near(path: str | Path) -> str:
    """A path from here, if it leads down from here; else the whole path."""
    whole = Path(path).absolute()
    here = Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def _without_password(url: str) -> str:
    """A database's URL without its password, which belongs into the environment."""
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}"
