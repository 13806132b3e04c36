"""Described: ranges and spaces as the plain data that a study's definition keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from homeostat.space import Bool, Choice, Float, Int, Range, Space
from homeostat.space.values import show

RULES = "rules between parameters"
"""The key under which a described space has its rules; no parameter can be named so."""


def describe(searched: Mapping[str, Range]) -> dict[str, dict[str, Any]]:
    """The part of each range that a search depends on."""
    return {name: _described(parameter) for name, parameter in searched.items()}


def _described(parameter: Range) -> dict[str, Any]:
    if isinstance(parameter, Choice | Bool):
        return {"kind": parameter.kind, "options": list(parameter.options)}
    ends = {"low": parameter.low, "high": parameter.high, "log": parameter.log}
    usual = 1 if isinstance(parameter, Int) else None
    step = {"step": parameter.step} if parameter.step != usual else {}
    return {"kind": parameter.kind, **ends, **step}


def ranges(searched: Mapping[str, Mapping[str, Any]]) -> dict[str, Range]:
    """The ranges that were searched, even if the space has changed since; undoes `describe`."""
    return {name: _rebuilt(described) for name, described in searched.items()}


def _rebuilt(described: Mapping[str, Any]) -> Range:
    kind = described["kind"]
    if kind == "bool":
        return Bool()
    if kind == "choice":
        return Choice(list(described["options"]))
    low, high, log = described["low"], described["high"], described["log"]
    if kind == "float":
        return Float(low, high, log=log, step=described.get("step"))
    return Int(low, high, log=log, step=described.get("step", 1))


def same_range(a: Range, b: Range) -> bool:
    """Whether a search over two ranges is the same; of the options, 1 is not True."""
    return are_alike(_described(a), _described(b))


def are_alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """The same of two described ranges: to Python, [1] would equal [True]."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def range_text(parameter: Range) -> str:
    """A range in words."""
    return in_words(_described(parameter))


def in_words(described: Mapping[str, Any]) -> str:
    """A described range in words."""
    if "options" in described:
        return " or ".join(show(option) for option in described["options"])
    scale = " on a log scale" if described["log"] else ""
    if "step" in described:
        scale = f" in steps of {show(described['step'])}"
    return f"{show(described['low'])}..{show(described['high'])}{scale}"


def describe_space(space: Space) -> dict[str, Any]:
    """What a study keeps of its space besides the ranges, to tell later what has changed."""
    found: dict[str, Any] = {
        row["name"]: {"default": row["default"], "when": row["when"]} for row in space.rows()
    }
    for name in space.formulas:
        found[name]["default"] = None  # it follows from others, which are told themselves
    return found | ({RULES: [rule.label for rule in space.rules]} if space.rules else {})
