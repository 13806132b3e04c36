"""Definition: what a study searches and how; settled when it is made, checked when it is reopened.

Everything on which the sequence of trials depends is here, so that two studies with the same
definition and the same results go the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from homeostat.errors import SpaceError, StudyError
from homeostat.prune.rules import NONE
from homeostat.record.seeds import SEEDS
from homeostat.space import Bool, Choice, Float, Int, Range, Space
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import settable
from homeostat.space.values import show
from homeostat.study.constraint import parsed
from homeostat.study.described import are_alike, describe, describe_space, in_words, ranges
from homeostat.study.transferred_trial import TransferredTrial
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

_WORDS = {
    "method": "the method",
    "seed": "the seed of the search",
    "seeds": "the seeds of a trial",
    "budget": "the budget of a trial",
    "wave": "the wave width",
    "start": "the starting configuration",
    "pins": "the pinned parameters",
    "objectives": "the objectives",
    "prune": "the pruning rule",
    "prune_at": "the steps at which trials are pruned",
    "constraints": "the constraints",
}
_TUPLES = ("seeds", "prune_at", "narrowed", "constraints", "changes")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a study searches and how."""

    method: str
    seed: int
    """Of the samplers."""
    seeds: tuple[int, ...]
    """Every trial runs once with each of these, so that trials differ in their parameters only."""
    budget: int
    """Steps of each run."""
    wave: int
    """Trials per wave: an ask learns from whole earlier waves only."""
    objectives: Mapping[str, Goal]
    """Metric -> its goal; the first is the main one."""
    searched: Mapping[str, Mapping[str, Any]]
    """Name -> kind and range of what is varied."""
    start: Mapping[str, Any]
    """Trial 0, and the value of what is not varied."""
    pins: Mapping[str, Any]
    """Held at these values in every trial."""
    space: Mapping[str, Any] = field(default_factory=dict)
    """The rest of the space as it was, to tell later what has changed; empty in older studies."""
    prune: str = NONE
    """The rule that stops trials early."""
    prune_at: tuple[int, ...] = ()
    """The steps at which it is asked; its own choice if there are none."""
    constraints: tuple[str, ...] = ()
    """Bounds that a trial must keep to win, such as "latency <= 5"."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Of `searched`, what further trials hold at a value."""
    changes: tuple[str, ...] = ()
    """What was changed since it was made, a sentence each."""
    narrowed: tuple[str, ...] = ()
    """Those of `searched` that had some of their parameter's options only."""
    carried: tuple[TransferredTrial, ...] = ()
    """Trials of earlier studies, from which the sampler learns before its own."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Those studies, each with a sentence about what was carried over and what was not."""

    @property
    def told(self) -> tuple[str, ...]:
        """What of its story is worth reading: earlier studies, and changes."""
        return (*self.sources.values(), *self.changes)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {name: list(getattr(self, name)) for name in _TUPLES}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}
        chosen = {name: value for name, value in document.items() if name in known}
        tuples = {name: tuple(document.get(name, ())) for name in _TUPLES}
        carried = tuple(TransferredTrial(**trial) for trial in document.get("carried", ()))
        objectives = {name: Goal.of(word, name) for name, word in document["objectives"].items()}
        return cls(**chosen | tuples | {"carried": carried, "objectives": objectives})


def define(
    workload: Workload,
    before: Definition | None,
    *,
    seeds: Sequence[int] | None,
    tiers: Collection[int] | None,
    names: Collection[str] | None,
    start: Mapping[str, Any] | None,
    pins: Mapping[str, Any] | None,
    among: Mapping[str, Collection[Any]] | None = None,
    **others: Any,
) -> Definition:
    """A definition of what was asked for; what was not asked for is as in the one `before`.

    Raises:
        SpaceError: If nothing is left to search, or a starting value or a pin is not possible.
        UnknownNameError: If a name is not a parameter.
    """
    space = workload.space
    kept: dict[str, Any] = {"method": "auto", "seed": 0, "budget": workload.budget, "wave": 1}
    kept |= {"seeds": (SEEDS[0],), "start": {}, "pins": {}, "prune": NONE, "prune_at": ()}
    kept |= {"narrowed": tuple(among or ()), "constraints": ()}
    if before is not None:
        kept |= {f.name: getattr(before, f.name) for f in fields(before)}
    if others.get("constraints") is not None:
        others["constraints"] = tuple(map(str, parsed(others["constraints"])))
    given = {"seeds": seeds, "start": start, "pins": pins, **others}
    kept |= {name: value for name, value in given.items() if value is not None}
    start, pins = dict(kept["start"]), dict(kept["pins"])
    first = {**start, **pins}
    space.resolve(first, inherited=first)  # what has no effect in trial 0 may have one in others
    if before is not None and tiers is None and names is None:
        searched = _remaining(space, before.searched)
        then = ranges(before.searched)
        searched |= {name: then[name] for name in before.narrowed if name in searched}
    else:
        searched = _searched(space, first, pins, tiers, names)
        for name, options in (among or {}).items():
            searched[name] = _some_of(name, searched.get(name), options)
    kept |= {name: tuple(kept[name]) for name in ("seeds", "prune_at")}
    kept |= {"start": start, "pins": pins}
    kept |= {"objectives": dict(workload.objectives), "searched": describe(searched)}
    if before is None:
        kept |= {"space": describe_space(space)}
    return Definition(**kept)


def _remaining(space: Space, names: Collection[str]) -> dict[str, Range]:
    """Those of `names` that can still be set in this space."""
    found = {name: settable(space[name]) for name in names if name in space}
    return {name: p for name, p in found.items() if isinstance(p, Float | Int | Choice | Bool)}


def _searched(
    space: Space,
    given: Mapping[str, Any],
    pins: Collection[str],
    tiers: Collection[int] | None,
    names: Collection[str] | None,
) -> dict[str, Range]:
    """The parameters a study varies: those asked for, less those that are pinned or never act."""
    searched = {
        name: parameter
        for name, parameter in space.searched(tiers=tiers, names=names).items()
        if name not in pins
    }
    for name in SearchSpace(space, searched, given).never:
        del searched[name]
    if not searched:
        raise SpaceError(
            "There is nothing left to search: every parameter is pinned, inactive or set by a rule."
        )
    return searched


def _some_of(name: str, parameter: Range | None, options: Collection[Any]) -> Choice:
    """A choice with some of its options.

    Raises:
        SpaceError: If it is not searched, has no such options, or fewer than two are left.
    """
    if not isinstance(parameter, Choice):
        raise SpaceError(f"{name} is not a choice that is searched, so none of it can be left out.")
    left = [parameter.check(option, name) for option in options]
    if len(left) < 2:
        raise SpaceError(f"{name}: to hold it at one value, pin it.")
    return replace(parameter, options=left, default=left[0])


def refuse_changes(study: str, before: Definition, now: Definition) -> None:
    """Refuse to go on with a study under another definition, and say what differs.

    Raises:
        StudyError: With the first difference.
    """
    difference = _searched_difference(before.searched, now.searched)
    for name, words in _WORDS.items():
        old, new = getattr(before, name), getattr(now, name)
        if old != new and not difference:
            difference = f"{words} was {_text(old)} and is now {_text(new)}"
    if difference:
        raise StudyError(
            f"Study {study!r} was made for something else: {difference}.",
            hint="Choose another study name, undo the change, or change the study:  homeostat "
            f"change --study {study} --help",
        )


def _searched_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for name, parameter in before.items():
        if name not in now:
            return f"{name} was searched and is no longer"
        if not are_alike(now[name], parameter):
            return f"{name} was {in_words(parameter)} and is now {in_words(now[name])}"
    added = [name for name in now if name not in before]
    return f"{added[0]} was not searched and is now" if added else ""


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={show(item)}" for name, item in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
