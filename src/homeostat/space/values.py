"""Values: what a parameter may hold, when two are the same, and how one is written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, TypeAlias

from homeostat.errors import SpaceError

Value: TypeAlias = "float | int | bool | str | None"


def plain(value: Any) -> Any:
    """A NumPy or torch scalar as the Python number it holds; anything else unchanged."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def same(a: Any, b: Any) -> bool:
    """Equality in which True is not 1: a switch and a count never match by accident."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def among(value: Any, options: Iterable[Any]) -> bool:
    return any(same(value, option) for option in options)


def show(value: Any) -> str:
    """A value as people write it: 12 and not 12.0, true, none, and text without quotes."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def typed(value: Any) -> str:
    """A value as it is typed after NAME=, so that reading it gives the same value.

    As `show`, but text that could be read as something else, or would lose its blanks, stands in
    double quotes.

    >>> typed(0.1), typed("adam"), typed("none"), typed(None)
    ('0.1', 'adam', '"none"', 'none')
    """
    text = show(value)
    if isinstance(value, str) and (text != text.strip() or _is_ambiguous(text)):
        return json.dumps(text, ensure_ascii=False)
    return text


def quoted(text: str) -> str | None:
    """The text that stands in double quotes; None if `text` is not quoted."""
    if len(text) < 2 or not text.startswith('"'):
        return None
    try:
        inside = json.loads(text)
    except ValueError:
        return None
    return inside if isinstance(inside, str) else None


def _is_ambiguous(text: str) -> bool:
    if text.lower() in ("", "true", "false", "none") or text.startswith('"'):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def show_all(values: Iterable[Any]) -> str:
    """Several values as alternatives: "a, b or c"."""
    words = [show(value) for value in values]
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def finite_json(name: str, value: Any) -> Any:
    """`value` if it can be stored as JSON without loss.

    Raises:
        SpaceError: If it cannot (an object, a NaN, an infinity).
    """
    value = plain(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise SpaceError(
            f"{name}: {value!r} cannot be stored; use finite numbers, text, true or false, none, "
            f"or lists of these."
        ) from None
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
