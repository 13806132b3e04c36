"""fire: the arguments of the function that is given to `fire.Fire`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from homeostat.script.options.option import Option
from homeostat.script.options.signature import fields_of, kind_and_choices, plain

Take = Callable[[list[Option]], None]


@contextmanager
def finding(own: Sequence[str], take: Take) -> Iterator[None]:
    """Watch `fire.Fire`."""
    fire: Any = import_module("fire")
    original = fire.Fire

    def watched(component: Any = None, command: Any = None, *args: Any, **kwargs: Any) -> Any:
        function = _function(component, own)
        if command is None and function is not None:
            take(list(_options(function, own)))
        return original(component, command, *args, **kwargs)

    fire.Fire = watched
    try:
        yield
    finally:
        fire.Fire = original


def _function(component: Any, own: Sequence[str]) -> Any:
    """The function that the command line leads to; None if it cannot be told."""
    if inspect.isfunction(component):
        return component
    if isinstance(component, dict) and own:
        return _function(component.get(own[0]), own[1:])
    return None


def _options(function: Any, own: Sequence[str]) -> Iterator[Option]:
    given = {word.partition("=")[0].lstrip("-").replace("-", "_") for word in own}
    for name, hint, value in fields_of(function):
        kind, choices = kind_and_choices(hint, value)
        if kind == "text":
            kind, choices = kind_and_choices(inspect.Parameter.empty, value)
        yield Option(
            name=name, flag=f"--{name}", kind=kind, choices=choices, default=plain(value, kind),
            written="equals", given=name in given, required=value is None,
        )  # fmt: skip
