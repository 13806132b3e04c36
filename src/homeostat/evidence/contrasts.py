"""Contrasts: which two arms each question compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from homeostat.errors import ConfigError
from homeostat.evidence.bench import Arm
from homeostat.evidence.claims import Claim, Claims, Range
from homeostat.space import Config
from homeostat.space.configs import NamedConfig
from homeostat.space.space import Space

KINDS = ("alone", "together", "without")
MATCHES = ("samples", "time", "steps")


@dataclass(frozen=True)
class Contrast:
    """One question: is `changed` better than `against`?

    alone       baseline + one change    against the baseline
    together    all changes              against the baseline
    without     all changes              against all but one: what it adds in company
    """

    name: str
    kind: str
    changed: Arm
    against: Arm
    expected: Range | None
    change: Mapping[str, Any]
    reason: str = ""
    compute: float = 1.0
    """Samples of the changed arm per sample of the other; not 1 where compute is the claim."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What both sides of every contrast share."""

    fidelity: float
    budget: int
    """The baseline's steps, before the fidelity."""
    match: str
    pins: Mapping[str, Any]


def plan_contrasts(
    claims: Claims, base: NamedConfig, space: Space, scale: Scale, kinds: tuple[str, ...]
) -> list[Contrast]:
    """Every question about a group of claims, with the arms resolved and their steps matched."""
    builder = _Builder(claims, base, space, scale)
    whole = [claim for claim in claims.claims if claim.in_total]
    contrasts = []
    if "alone" in kinds:
        contrasts += [builder.alone(claim) for claim in claims.claims]
    if len(whole) > 1 and "together" in kinds:
        contrasts.append(builder.together(whole))
    if len(whole) > 1 and "without" in kinds:
        contrasts += [builder.without(whole, claim) for claim in whole]
    return contrasts


class _Builder:
    def __init__(self, claims: Claims, base: NamedConfig, space: Space, scale: Scale) -> None:
        self.claims, self.base, self.space, self.scale = claims, base, space, scale
        self.reference = self._config({})

    def alone(self, claim: Claim) -> Contrast:
        against = self._arm("baseline", claim.given, 1.0)
        changed = self._arm(claim.name, {**claim.given, **claim.change}, claim.budget)
        return Contrast(
            claim.name, "alone", changed, against, claim.expected, claim.change, claim.reason,
            self._compute(changed, against),
        )  # fmt: skip

    def together(self, claims: list[Claim]) -> Contrast:
        against, changed = self._arm("baseline", {}, 1.0), self._all("all together", claims)
        return Contrast(
            "all together", "together", changed, against, self.claims.total, _changes(claims),
            compute=self._compute(changed, against),
        )  # fmt: skip

    def without(self, claims: list[Claim], left_out: Claim) -> Contrast:
        changed = self._all("all together", claims)
        rest = [claim for claim in claims if claim is not left_out]
        against = self._all(f"all but {left_out.name}", rest)
        return Contrast(
            left_out.name, "without", changed, against, None, left_out.change, left_out.reason,
            self._compute(changed, against),
        )  # fmt: skip

    def _all(self, name: str, claims: list[Claim]) -> Arm:
        budget = 1.0
        for claim in claims:
            budget *= claim.budget
        return self._arm(name, _changes(claims), budget)

    def _arm(self, name: str, changes: Mapping[str, Any], budget: float) -> Arm:
        config = self._config(changes)
        steps = self.scale.budget * self.scale.fidelity * budget
        if self.scale.match != "steps":
            steps *= self._samples(self.reference) / self._samples(config)
        return Arm(name, config, max(1, round(steps)))

    def _config(self, changes: Mapping[str, Any]) -> Config:
        values = {**self.scale.pins, **changes}
        config = self.base.resolve(self.space, values)
        shrunk = {
            name: max(1, round(config[name] * self.scale.fidelity))
            for name in self.claims.scaled_with_budget
        }
        if self.scale.fidelity == 1.0 or not shrunk:
            return config
        return self.base.resolve(self.space, {**values, **shrunk})

    def _samples(self, config: Config) -> float:
        product = 1.0
        for name in self.claims.samples:
            product *= config[name]
        return product

    def _compute(self, changed: Arm, against: Arm) -> float:
        def seen(arm: Arm) -> float:
            return arm.budget * self._samples(arm.config)

        return round(seen(changed) / seen(against), 2)


def _changes(claims: list[Claim]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for claim in claims:
        for name, value in claim.change.items():
            if name in merged and merged[name] != value:
                raise ConfigError(
                    f"{claim.name}: it sets {name} to {value!r}, another claim to "
                    f"{merged[name]!r}; they cannot be tested together.",
                    hint="Set in_total: false for one of them.",
                )
            merged[name] = value
    return merged


def with_arms(contrast: Contrast, changed: Arm, against: Arm) -> Contrast:
    """The same question with other arms (steps matched in time, a rate tuned anew)."""
    return replace(contrast, changed=changed, against=against)
