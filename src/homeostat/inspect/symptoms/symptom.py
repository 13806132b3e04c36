"""Symptoms: small rules over a record that say what is wrong, why, and what to change.

A rule is an object with `name`, `evidence(seen)` (a sentence, empty where the symptom is absent),
`cause`, `remedy`, and perhaps `doubt(seen)` (what in the record contradicts the cause); or the same
as plain data:

    {"name": "every step is clipped", "sign": {"metric": "clip_fraction", "above": 0.5},
     "cause": "the clip sets the length of every step", "remedies": ("a lower rate",)}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeostat.errors import WorkloadError, did_you_mean
from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.shapes import SHAPES
from homeostat.space.moves import changes
from homeostat.space.values import show

Changes = Mapping[str, Any]
"""Parameter -> a value, or a `Move` from the value that it has now."""
Remedy = Changes | str | tuple[Changes, ...] | Callable[[Seen], Changes | str]
"""Changes, a sentence where no knob is known, alternatives, or what follows from the record."""


def never(_: Seen) -> str:
    """No doubt at all."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """One rule."""

    name: str
    evidence: Callable[[Seen], str]
    """The numbers, as a sentence; empty where the symptom is absent."""
    cause: str
    remedy: Remedy = field(default_factory=dict)
    """What to change, from the values that are set now."""
    doubt: Callable[[Seen], str] = never
    """What in the record contradicts the cause; empty where nothing does."""


def as_symptom(rule: Any, remedies: Mapping[str, Mapping[str, Any]]) -> Any:
    """A rule given as plain data, as an object; objects stay as they are.

    Raises:
        WorkloadError: If its shape is not one that is known.
    """
    if not isinstance(rule, Mapping):
        return rule
    sign = rule["sign"]
    shape = sign.get("shape")
    if shape is not None and shape not in SHAPES:
        raise WorkloadError(
            f"The symptom {rule['name']!r} has an unknown shape {shape!r}.",
            hint=did_you_mean(shape, SHAPES),
        )
    known = [name for name in rule.get("remedies", ()) if name in remedies]
    return Symptom(
        name=rule["name"],
        evidence=lambda seen: _evidence(sign, seen),
        cause=rule["cause"],
        remedy=tuple(remedies[name] for name in known),
    )


def remedy_for(remedy: Remedy, seen: Seen, failed: Sequence[Changes] = ()) -> Changes | str:
    """What a remedy comes to for what was seen: changes that change something, or a sentence.

    Args:
        failed: Changes that were tried and did not help; they are not given again.
    """
    if callable(remedy):
        remedy = remedy(seen)
    if isinstance(remedy, str):
        return remedy
    for wanted in remedy if isinstance(remedy, tuple) else (remedy,):
        if seen.space is None:
            continue
        made = changes(seen.config, seen.space, wanted, steps=seen.steps)
        if made and made not in failed:
            return made
    return {}


def _evidence(sign: Mapping[str, Any], seen: Seen) -> str:
    """What of a sign shows, as a sentence; empty unless all of it does."""
    told: list[str] = []
    for name, wanted in sign.get("config", {}).items():
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        if seen.config.get(name) not in values:
            return ""
        told.append(f"{name} is {show(seen.config[name])}")
    if "outcome" in sign:
        if seen.outcome != sign["outcome"]:
            return ""
        told.append(f"it {seen.outcome}: {seen.reason}")
    if "metric" in sign:
        sentence = _of_metric(sign, seen)
        if not sentence:
            return ""
        told.append(sentence)
    return ", ".join(told)


def _of_metric(sign: Mapping[str, Any], seen: Seen) -> str:
    metric = sign["metric"]
    values = [v for v in seen.values(metric) if math.isfinite(v)]
    if not values:
        return ""
    last = values[-1]
    fits = _limits(sign, values)
    if "shape" in sign:
        fits = fits and SHAPES[sign["shape"]](values)
        return f"{metric} is {sign['shape']} ({values[0]:.4g} to {last:.4g})" if fits else ""
    return f"{metric} is {last:.4g}" if fits else ""


def _limits(sign: Mapping[str, Any], values: Iterable[float]) -> bool:
    *_, last = values
    first = next(iter(values))
    above, below = sign.get("above", -math.inf), sign.get("below", math.inf)
    ratio = sign.get("first_over_last")
    return above < last < below and (ratio is None or (last > 0 and first / last > ratio))
