"""Earlier: a study of a space that has changed since can still be read.

A parameter that was removed, settled, narrowed or given other options is taken as the study had it,
beside today's; what differs is said. To go on with such a study is another matter, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from homeostat.errors import HomeostatError, SpaceError
from homeostat.space import Bool, Choice, Float, Int, Range, Space
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import AnyParameter, Derived, settable
from homeostat.space.values import among, same, show
from homeostat.study.definition import Definition
from homeostat.study.described import RULES, describe_space, range_text, ranges, same_range
from homeostat.study.records import TrialRow
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class AsSearched:
    """A workload with the space in which a study's trials can be read."""

    workload: Workload
    search_space: SearchSpace
    differences: tuple[str, ...]
    """What has changed since, a sentence for each."""
    exact: bool
    """Whether the trials' parameters are those that acted, as they were drawn."""

    def read(self, trials: Sequence[TrialRow]) -> list[TrialRow]:
        """The trials, each with those parameters that act, in the order of the space."""
        return [replace(trial, parameters=self._acting(trial.parameters)) for trial in trials]

    def _acting(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        names = self.search_space.names
        if not self.exact:
            try:
                return self.search_space.acting(drawn)
            except HomeostatError:  # what it was drawn in is gone: all that is known is this
                pass
        return {name: drawn[name] for name in names if name in drawn}


def as_searched(workload: Workload, definition: Definition) -> AsSearched:
    """A workload as a study of it needs it to be read."""
    then = ranges(definition.searched)
    held = {**definition.start, **definition.pins}
    space = workload.space
    narrowed = {name: then[name] for name in definition.narrowed if _has(space, name, then[name])}
    whole = {name: range_ for name, range_ in then.items() if name not in narrowed}
    differences = [*_of_ranges(space, whole), *_of_held(space, held)]
    others = _of_others(space, definition)
    if differences:
        space = _widened(space, then, held)
        workload = replace(workload, space=space)
    searched = {name: p for name in then if (p := _range(space[name])) is not None} | narrowed
    return AsSearched(
        workload,
        SearchSpace(space, searched, held, definition.fixed),
        (*differences, *others),
        exact=bool(definition.space),
    )


def _range(parameter: AnyParameter | None) -> Range | None:
    range_ = settable(parameter) if parameter is not None else None
    return range_ if isinstance(range_, Float | Int | Choice | Bool) else None


def _has(space: Space, name: str, narrowed: Range) -> bool:
    """Whether a parameter still has every option that a study narrowed it to."""
    now = _range(space.get(name))
    if not isinstance(now, Choice) or not isinstance(narrowed, Choice):
        return False
    return all(among(option, now.options) for option in narrowed.options)


def _of_ranges(space: Space, then: Mapping[str, Range]) -> list[str]:
    told = []
    for name, was in then.items():
        now = _range(space.get(name))
        if name not in space:
            told.append(f"{name} was searched, and is no longer a parameter")
        elif now is None:
            told.append(f"{name} was searched, and cannot be set any more")
        elif not same_range(was, now):
            told.append(f"{name} was {range_text(was)} and is now {range_text(now)}")
    return told


def _of_held(space: Space, held: Mapping[str, Any]) -> list[str]:
    told = []
    for name, value in held.items():
        if name not in space:
            told.append(f"{name} was held at {show(value)}, and is no longer a parameter")
            continue
        try:
            space.check(name, value)
        except SpaceError:
            told.append(f"{name} was held at {show(value)}, which is no longer possible")
    return told


def _of_others(space: Space, definition: Definition) -> list[str]:
    """What else is known of the space as it was; of older studies that is nothing."""
    then, now = dict(definition.space), describe_space(space)
    if not then:
        return []
    rules = set(then.pop(RULES, ())) ^ set(now.pop(RULES, ()))
    told = [f"{name} is new" for name in now if name not in then]
    for name, was in then.items():
        if name in definition.searched or name in definition.start or name in definition.pins:
            facts = {"when": "active"}
        else:
            facts = {"default": "by default", "when": "active"}
        if name not in now:
            told += [] if "default" not in facts else [f"{name} is no longer a parameter"]
            continue
        for fact, words in facts.items():
            if not same(was[fact], now[name][fact]):
                before, after = (_fact(fact, each[fact]) for each in (was, now[name]))
                told.append(f"{name} was {words} {before}, and is now {after}")
    return told + (["the rules between parameters were others"] if rules else [])


def _fact(kind: str, value: Any) -> str:
    if kind == "default":
        return show(value)
    return f"when {value}" if value else "always"


def _widened(space: Space, then: Mapping[str, Range], held: Mapping[str, Any]) -> Space:
    """Today's space with room for what the study had."""
    parameters: dict[str, Any] = dict(space)
    for name, was in then.items():
        now = _range(parameters.get(name))
        if now is None or not same_range(now, was):
            parameters[name] = _with_room(parameters.get(name), was)
    for name, value in held.items():
        try:
            settled = _range(parameters.get(name))
            if settled is None and name in parameters:
                continue
            if settled is None or not _accepts(settled, value):
                parameters[name] = _with_room(parameters.get(name), Choice([value]))
        except SpaceError:
            continue
    try:
        return Space(**parameters, rules=space.rules)
    except SpaceError:  # conditions, rules or formulas that do not fit what was
        flat: dict[str, Any] = {name: replace(p, when={}) for name, p in then.items()}
        flat |= {name: Choice([value]) for name, value in held.items() if name not in flat}
        return Space(**flat)


def _accepts(parameter: Range, value: Any) -> bool:
    try:
        parameter.check(value)
    except SpaceError:
        return False
    return True


def _with_room(now: AnyParameter | None, was: Range) -> AnyParameter:
    """A parameter that can be all that it can be now and all that it could be then."""
    today = _range(now)
    joined = _joined(today, was) if today is not None else None
    if today is None or joined is None:
        return was
    facts: dict[str, Any] = {"tier": today.tier, "fixed": today.fixed, "help": today.help}
    if _accepts(joined, today.default):
        facts["default"] = today.default
    if isinstance(now, Derived):
        return replace(now, of=replace(joined, **facts))
    return replace(joined, when=today.when, **facts)


def _joined(now: Range, was: Range) -> Range | None:
    """Both ranges as one; none where one is of numbers and the other of options."""
    if isinstance(now, Choice | Bool) and isinstance(was, Choice | Bool):
        if isinstance(now, Bool) and isinstance(was, Bool):
            return now
        more = [option for option in now.options if not among(option, was.options)]
        return Choice([*was.options, *more])
    if isinstance(now, Choice | Bool) or isinstance(was, Choice | Bool):
        numbers, options = (was, now) if isinstance(now, Choice | Bool) else (now, was)
        if isinstance(numbers, Float | Int) and isinstance(options, Choice):
            return _stretched(numbers, options)
        return None
    low, high = min(now.low, was.low), max(now.high, was.high)
    log = was.log and low > 0
    if isinstance(now, Int) and isinstance(was, Int):
        step = was.step if (now.low, now.high, now.step) == (was.low, was.high, was.step) else 1
        return Int(int(low), int(high), log=log, step=step)
    return Float(low, high, log=log)


def _stretched(numbers: Float | Int, options: Choice) -> Range | None:
    """A range of numbers that also holds some options, if these are numbers."""
    values = [v for v in options.options if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(values) < len(options.options):
        return None
    low, high = min([numbers.low, *values]), max([numbers.high, *values])
    whole = isinstance(numbers, Int) and all(value == int(value) for value in values)
    if whole:
        return Int(int(low), int(high), log=numbers.log and low > 0)
    return Float(low, high, log=numbers.log and low > 0)
