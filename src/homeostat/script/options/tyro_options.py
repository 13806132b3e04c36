"""tyro: options from the types of a function or a dataclass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from homeostat.script.options.option import Option
from homeostat.script.options.signature import fields_of, kind_and_choices, plain

Take = Callable[[list[Option]], None]


@contextmanager
def finding(own: Sequence[str], take: Take) -> Iterator[None]:
    """Watch `tyro.cli`."""
    tyro: Any = import_module("tyro")
    original = tyro.cli
    missing = getattr(tyro, "MISSING", object())

    def cli(f: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("args") is None:
            default = kwargs.get("default")
            start = (
                None
                if default is missing or type(default).__name__.startswith("Missing")
                else default
            )
            take(list(_options(f, start, own)))
        return original(f, *args, **kwargs)

    tyro.cli = cli
    try:
        yield
    finally:
        tyro.cli = original


def _options(thing: Any, default: Any, own: Sequence[str]) -> Iterator[Option]:
    given = {word.partition("=")[0].replace("_", "-") for word in own}
    for name, hint, value in fields_of(thing, default):
        kind, choices = kind_and_choices(hint, value)
        flag = "--" + name.replace("_", "-")
        opposite = "--" + ".".join([*name.split(".")[:-1], "no-" + name.split(".")[-1]]).replace(
            "_", "-"
        )
        common: dict[str, Any] = {
            "name": name,
            "flag": flag,
            "kind": kind,
            "default": plain(value, kind),
            "choices": choices,
            "given": bool(given & {flag, opposite}),
            "required": value is None,
        }
        if kind == "bool":
            yield Option(**common, written="pair", opposite=opposite)
        else:
            yield Option(**common)
