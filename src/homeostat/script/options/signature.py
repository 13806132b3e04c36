"""Signature: the options that a function's arguments, or a dataclass's fields, stand for."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from collections.abc import Iterator
from typing import Any

Field = tuple[str, Any, Any]
"""A dotted name, its type, its default (None for none)."""


def fields_of(thing: Any, default: Any = None) -> Iterator[Field]:
    """Every plain field, those of nested dataclasses by dotted names.

    Args:
        thing: A function, or a dataclass.
        default: An instance whose values are the defaults.
    """
    if dataclasses.is_dataclass(thing):
        yield from _of_class(thing, default, "")
        return
    hints = _hints(thing)
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = None if parameter.default is parameter.empty else parameter.default
        hint = hints.get(name, type(value))
        if dataclasses.is_dataclass(hint):
            yield from _of_class(hint, value, f"{name}.")
        else:
            yield name, hint, value


def _of_class(kind: Any, default: Any, prefix: str) -> Iterator[Field]:
    hints = _hints(kind)
    for field in dataclasses.fields(kind):
        if default is not None and not isinstance(default, type):
            value = getattr(default, field.name, None)
        elif field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        else:
            value = None
        hint = hints.get(field.name, field.type)
        name = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hint):
            yield from _of_class(hint, value, f"{name}.")
        else:
            yield name, hint, value


def _hints(thing: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):  # a type that only a type checker knows
        return dict(getattr(thing, "__annotations__", {}))


def kind_and_choices(hint: Any, default: Any) -> tuple[str, tuple[Any, ...]]:
    """float, int, bool, choice or text, by type, else by default; and the choices."""
    if typing.get_origin(hint) is typing.Literal:
        return "choice", typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "choice", tuple(member.name for member in hint)
    inner = [h for h in typing.get_args(hint) if h is not type(None)]
    if inner and typing.get_origin(hint) is not None and len(inner) == 1:
        hint = inner[0] if typing.get_origin(hint) is not list else hint
    for kind, word in ((bool, "bool"), (int, "int"), (float, "float")):
        if hint is kind:
            return word, ()
    for kind, word in ((bool, "bool"), (int, "int"), (float, "float")):
        if hint in (inspect.Parameter.empty, Any, None) and isinstance(default, kind):
            return word, ()
    return "text", ()


def plain(value: Any, kind: str) -> Any:
    """A default as plain data, in the option's own type."""
    if isinstance(value, enum.Enum):
        return value.name
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, (bool, int, float, str)) else None
