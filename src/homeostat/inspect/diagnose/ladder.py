"""The counterfactual ladder: one change at a time, then pairs; the smallest sets that cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.inspect.diagnose.health import Health
from homeostat.inspect.diagnose.replay import Case, replay
from homeostat.inspect.symptoms.examine import SymptomFinding
from homeostat.own_time import own_time
from homeostat.record.outcome import Outcome
from homeostat.space import Bool, Choice, Config, Float
from homeostat.space.moves import made
from homeostat.workload.workload import Workload

MOST_REMEDIES = 24
MOST_PAIRS = 28


@dataclass(frozen=True)
class LadderRung:
    """What became of the failure under one change, or two."""

    names: tuple[str, ...]
    changes: Mapping[str, Any]
    cured: bool
    failed_at: int | None = None
    note: str = ""
    """Why it does not count as a cure, or could not be tried."""

    @property
    def label(self) -> str:
        return " + ".join(self.names)

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"names": list(self.names), "changes": dict(self.changes)}


@dataclass(frozen=True)
class Ladder:
    """Every rung that was tried."""

    rungs: tuple[LadderRung, ...]
    from_space: bool = False
    """Whether the remedies were read off the space, for lack of a list by the workload."""
    complete: bool = True
    """False if time ran out before all were tried."""

    @property
    def cures(self) -> tuple[LadderRung, ...]:
        """The smallest sets of changes that cure."""
        return tuple(rung for rung in self.rungs if rung.cured)

    def to_json(self) -> dict[str, Any]:
        return {
            "from_space": self.from_space,
            "complete": self.complete,
            "rungs": [rung.to_json() for rung in self.rungs],
        }


def climb(
    case: Case,
    last_step: int,
    *,
    seconds: float = float("inf"),
    on_rung: Callable[[LadderRung], None] | None = None,
) -> Ladder:
    """Try every remedy alone, and pairs of them if none cures alone.

    A remedy cures if the same steps, and half as many again (at least three), are taken without a
    violation and with real updates: leaving every step out is no cure.
    """
    space = case.workload.space
    remedies = {
        name: made(case.config, space, changes, steps=case.budget)
        for name, changes in case.workload.remedies.items()
    }
    from_space = not remedies
    if from_space:
        remedies = dict(_from_space(case.workload, case.config))
    until = min(case.budget - 1, last_step + max(3, last_step // 2))
    end = own_time() + seconds
    rungs: list[LadderRung] = []
    for size in (1, 2):
        for names in _sets(remedies, size):
            if own_time() > end:
                return Ladder(tuple(rungs), from_space, complete=False)
            changes = {key: value for name in names for key, value in remedies[name].items()}
            rung = _try(case, names, changes, until, end - own_time())
            rungs.append(rung)
            if on_rung is not None:
                on_rung(rung)
        if any(rung.cured for rung in rungs):
            break
    return Ladder(tuple(rungs), from_space)


def _sets(remedies: Mapping[str, Mapping[str, Any]], size: int) -> list[tuple[str, ...]]:
    """Single remedies, or pairs that do not change the same parameter."""
    if size == 1:
        return [(name,) for name in remedies]
    pairs = [
        pair
        for pair in combinations(remedies, 2)
        if not remedies[pair[0]].keys() & remedies[pair[1]].keys()
    ]
    return list(pairs[:MOST_PAIRS])


def changed(workload: Workload, config: Config, changes: Mapping[str, Any]) -> Config:
    """A configuration with some values changed; what they take the effect from is dropped."""
    given = dict(config.given)
    return workload.space.resolve(
        {**given, **changes}, source="remedy", inherited=set(given) - set(changes)
    )


def _try(
    case: Case, names: tuple[str, ...], changes: Mapping[str, Any], until: int, seconds: float
) -> LadderRung:
    try:
        config = changed(case.workload, case.config, changes)
    except HomeostatError as error:
        return LadderRung(names, changes, cured=False, note=f"not possible here: {error.message}")
    if dict(config) == dict(case.config):
        return LadderRung(names, changes, cured=False, note="is set already")
    other = Case(case.workload, config, case.seed, case.budget, case.device)
    health = Health(case.workload.bounds)
    seen = replay(other, [health], until=until, stop=lambda: health.failed, seconds=seconds)
    if health.failed:
        return LadderRung(
            names, changes, cured=False, failed_at=health.failed_at, note=health.reason
        )
    if seen.ending.outcome is Outcome.FAILED:
        return LadderRung(names, changes, cured=False, note=seen.ending.reason)
    if seen.timed_out:
        return LadderRung(names, changes, cured=False, note="no failure, but time ran out")
    if seen.trial.optimizers and health.num_updates == 0:
        return LadderRung(names, changes, cured=False, note="every update is left out")
    return LadderRung(names, changes, cured=True)


def _from_space(workload: Workload, config: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    """Remedies for a workload that lists none: each option, switch and range of its space."""
    found = [
        (f"{name}={value}", {name: value})
        for name, parameter in workload.space.items()
        if name in config.active
        for value in _alternatives(parameter, config[name])
    ]
    yield from found[:MOST_REMEDIES]


def _alternatives(parameter: Any, now: Any) -> list[Any]:
    """Other options; a tenth, a hundredth and ten times a value on a log scale; ends and middle."""
    if isinstance(parameter, (Choice, Bool)):
        return [option for option in parameter.options if option != now]
    if not isinstance(parameter, Float):
        return []
    low, high = parameter.low, parameter.high
    wanted = [now / 10, now / 100, now * 10] if parameter.log else [low, (low + high) / 2, high]
    rounded = [min(max(float(f"{value:.3g}"), low), high) for value in wanted]
    return [value for value in dict.fromkeys(rounded) if value != now]


def not_refuted(findings: Sequence[SymptomFinding], ladder: Ladder) -> Iterator[SymptomFinding]:
    """Findings without remedies that were tried on the ladder and did not cure."""
    failed = [dict(rung.changes) for rung in ladder.rungs if not rung.cured]
    for finding in findings:
        remedy = finding.remedy
        if isinstance(remedy, Mapping) and dict(remedy) in failed:
            yield replace(finding, remedy="What would help as a rule was tried, and does not.")
        else:
            yield finding
