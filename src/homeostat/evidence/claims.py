"""Claims: changes somebody expects to help, by how much and why, read from YAML.

description: What these claims are.
metric: test_loss              # what they are judged by; the workload's own if left out
goal: minimize                 # whether it is to be low or high, unless it is an objective
samples: [batch_size]          # parameters whose product is the samples of one step
scaled_with_budget: [warmup]   # lengths in steps that shrink with the fidelity
groups:                        # or baseline, total and claims at the top, for a single group
  small:
    baseline: small            # a configuration
    total: {expected: [30, 50]}
    claims:
      higher rate:
        change: {lr: 1.0e-2}
        expected: [2, 5]       # per cent of the metric; left out: helps, by any amount
        reason: Why it should.
        budget: 2.0            # times the steps: a change of compute
        given: {clip: 1.0}     # set on both sides
        in_total: false        # not part of "all together"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from homeostat.errors import ConfigError, SpaceError, UnknownNameError, WorkloadError, did_you_mean
from homeostat.space.space import Space
from homeostat.space.yaml_file import read
from homeostat.workload.goal import Goal

_TOP = ("description", "goal", "metric", "samples", "scaled_with_budget", "groups")
_GROUP = ("baseline", "total", "claims")
_CLAIM = ("change", "expected", "reason", "budget", "given", "in_total")
_TOTAL = ("expected", "source")

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One change, and what somebody expects of it."""

    name: str
    change: Mapping[str, Any]
    expected: Range | None = None
    """Least and most improvement, as parts of the baseline; None: any."""
    reason: str = ""
    budget: float = 1.0
    """Times the baseline's steps."""
    given: Mapping[str, Any] = field(default_factory=dict)
    in_total: bool = True


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims about one baseline."""

    group: str
    baseline: str
    claims: tuple[Claim, ...]
    total: Range | None = None
    """What all of them together are expected to bring."""
    metric: str | None = None
    goal: Goal | None = None
    """Of the metric, where that is no objective of the workload."""
    samples: tuple[str, ...] = ()
    scaled_with_budget: tuple[str, ...] = ()
    description: str = ""

    def only(self, names: tuple[str, ...]) -> Claims:
        """The same with some of the claims.

        Raises:
            UnknownNameError: If one is not there.
        """
        known = {claim.name: claim for claim in self.claims}
        for name in names:
            if name not in known:
                raise UnknownNameError(
                    f"No claim {name!r} in {self.group}.", hint=did_you_mean(name, known)
                )
        kept = tuple(known[name] for name in names)
        whole = self.total if len(kept) == len(self.claims) else None
        return replace(self, claims=kept, total=whole)


def load_claims(path: Path, space: Space) -> dict[str, Claims]:
    """Every group of claims in a file, by name.

    Raises:
        ConfigError: If the file cannot be read, or a key or value in it makes no sense.
        UnknownNameError, SpaceError: If a change names an unknown parameter or value.
    """
    content = read(path)
    if "groups" not in content:
        alone = {key: content.pop(key) for key in _GROUP if key in content}
        content["groups"] = {path.stem: alone}
    _check_keys(content, _TOP, path.name)
    groups = _mapping(content["groups"], f"{path.name}: groups")
    shared = {
        "metric": content.get("metric"),
        "goal": _goal(content, path.name),
        "samples": _names(content, "samples", space, path.name),
        "scaled_with_budget": _names(content, "scaled_with_budget", space, path.name),
        "description": str(content.get("description", "")),
    }
    return {
        str(name): _group(str(name), _mapping(group, f"{path.name}: {name}"), shared, space, path)
        for name, group in groups.items()
    }


def _goal(content: dict[str, Any], where: str) -> Goal | None:
    if content.get("goal") is None:
        return None
    try:
        return Goal.of(content["goal"], str(content.get("metric", "the metric")))
    except WorkloadError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None


def _group(
    name: str, content: dict[str, Any], shared: dict[str, Any], space: Space, path: Path
) -> Claims:
    where = f"{path.name}: {name}"
    _check_keys(content, _GROUP, where)
    if "baseline" not in content:
        raise ConfigError(f"{where}: say which configuration is the baseline.")
    total = _mapping(content.get("total") or {}, f"{where}: total")
    _check_keys(total, _TOTAL, f"{where}: total")
    claims = _mapping(content.get("claims") or {}, f"{where}: claims")
    if not claims:
        raise ConfigError(f"{where}: there are no claims.")
    return Claims(
        group=name,
        baseline=str(content["baseline"]),
        claims=tuple(
            _claim(str(key), _mapping(value, f"{where}: {key}"), space, where)
            for key, value in claims.items()
        ),
        total=_range(total.get("expected"), f"{where}: total"),
        **shared,
    )


def _claim(name: str, content: dict[str, Any], space: Space, where: str) -> Claim:
    where = f"{where}: {name}"
    _check_keys(content, _CLAIM, where)
    budget = content.get("budget", 1.0)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or budget <= 0:
        raise ConfigError(f"{where}: budget must be a number above 0, got {budget!r}.")
    change = _values(content, "change", space, where)
    if not change and budget == 1.0:
        raise ConfigError(f"{where}: it changes nothing; give change: or budget:.")
    return Claim(
        name=name,
        change=change,
        expected=_range(content.get("expected"), where),
        reason=str(content.get("reason", "")),
        budget=float(budget),
        given=_values(content, "given", space, where),
        in_total=bool(content.get("in_total", True)),
    )


def _values(content: dict[str, Any], key: str, space: Space, where: str) -> dict[str, Any]:
    values = _mapping(content.get(key) or {}, f"{where}: {key}")
    try:
        return {name: space.check(name, value) for name, value in values.items()}
    except (SpaceError, UnknownNameError) as error:
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from None


def _range(value: Any, where: str) -> Range | None:
    """Per cent in the file, parts in the program."""
    if value is None:
        return None
    numbers = isinstance(value, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in value
    )
    if not numbers or len(value) != 2 or value[0] > value[1]:
        raise ConfigError(
            f"{where}: expected must be two numbers in per cent, low then high, got {value!r}."
        )
    return value[0] / 100.0, value[1] / 100.0


def _names(content: dict[str, Any], key: str, space: Space, where: str) -> tuple[str, ...]:
    names = content.get(key) or []
    if not isinstance(names, list):
        raise ConfigError(f"{where}: {key} must be a list of parameters, got {names!r}.")
    known = list(space)
    for name in names:
        if name not in known:
            raise UnknownNameError(
                f"{where}: {key} names {name!r}, which is not a parameter.",
                hint=did_you_mean(str(name), known),
            )
    return tuple(names)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be names with values, got {value!r}.")
    return dict(value)


def _check_keys(content: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in content:
        if key not in known:
            raise ConfigError(f"{where}: no key {key!r} here.", hint=did_you_mean(key, known))
