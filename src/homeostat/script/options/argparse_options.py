"""argparse, and what is built on it: HfArgumentParser, jsonargparse, simple-parsing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from homeostat.script.options.option import Option, type_of

Take = Callable[[list[Option]], None]
_UNSET = object()


@contextmanager
def finding(own: Sequence[str], take: Take) -> Iterator[None]:
    """While this holds, the first parser that reads the command line hands its options to `take`.

    The script goes on as if nothing had happened.
    """
    # jsonargparse has a parse_args of its own, and comes here in the end as well.
    original = argparse.ArgumentParser._parse_known_args
    taken: list[bool] = []

    def parse(self: Any, args: Any, *rest: Any, **more: Any) -> Any:
        if not taken and list(args) == sys.argv[1:]:
            taken.append(True)
            take(list(options_of(self, own)))
        return original(self, args, *rest, **more)

    argparse.ArgumentParser._parse_known_args = parse  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        argparse.ArgumentParser._parse_known_args = original  # type: ignore[method-assign]


def options_of(parser: argparse.ArgumentParser, own: Sequence[str]) -> Iterator[Option]:
    """Every option of a parser, and of the sub-command that the user's arguments name."""
    levels = list(_levels(parser, own))
    for depth, level in enumerate(levels):
        given = _given(level, own)
        for action in level._actions:
            option = _option(action, given, first=depth < len(levels) - 1)
            if option is not None:
                yield option


def _levels(parser: argparse.ArgumentParser, own: Sequence[str]) -> Iterator[Any]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = next((word for word in own if word in action.choices), None)
            if chosen is not None:
                yield from _levels(action.choices[chosen], own)


def _given(parser: argparse.ArgumentParser, own: Sequence[str]) -> set[str]:
    """The names that the user's own arguments set: any word that this parser takes for a flag."""
    names = set()
    for word in own:
        flag = word.partition("=")[0]
        if not flag or flag[0] not in parser.prefix_chars:
            continue
        exact = parser._option_string_actions.get(flag)
        near = (
            []
            if exact
            else [
                action
                for text, action in parser._option_string_actions.items()
                if text.startswith(flag) and flag.startswith("--")
            ]
        )  # argparse takes an unambiguous beginning as well
        actions = [exact] if exact is not None else near
        names |= {action.dest for action in actions}
    return names


def _option(action: Any, given: set[str], *, first: bool) -> Option | None:
    if not action.option_strings or action.dest in ("help", "version", argparse.SUPPRESS):
        return None
    flag = max(action.option_strings, key=len)
    base: dict[str, Any] = {
        "name": action.dest,
        "flag": flag,
        "given": action.dest in given,
        "required": bool(action.required),
        "first": first,
        "help": " ".join(str(action.help or "").split())[:200],
    }
    default = _plain(action.default)
    if isinstance(action, argparse.BooleanOptionalAction):
        positive = [s for s in action.option_strings if not s.startswith("--no-")]
        base["flag"] = max(positive, key=len)
        opposite = "--no-" + base["flag"].removeprefix("--")
        return Option(**base, kind="bool", default=default, written="pair", opposite=opposite)
    if isinstance(action, argparse._StoreTrueAction):
        return Option(**base, kind="bool", default=bool(default), written="switch")
    if isinstance(action, argparse._StoreFalseAction):
        return Option(**base, kind="bool", default=bool(default), written="negated")
    if action.nargs not in (None, "?") or isinstance(
        action,
        (argparse._CountAction, argparse._AppendAction, argparse._StoreConstAction),
    ):
        return Option(**base, kind="text", default=None)
    if action.choices is not None:
        choices = tuple(_plain(c) for c in action.choices)
        return Option(**base, kind="choice", default=default, choices=choices)
    return Option(**base, kind=_kind(action, default), default=default)


def _kind(action: Any, default: Any) -> str:
    """float, int, bool or text: what the parser makes of what is typed."""
    hint = getattr(action, "_typehint", None)  # jsonargparse
    if hint in (float, int, bool, str):
        return "text" if hint is str else str(hint.__name__)
    if action.type in (float, int):
        return "int" if action.type is int else "float"
    if action.type in (None, str):
        return "text"  # a number as the default stays text when it is typed
    if default is None:
        return "text"
    try:
        back = action.type(str(default))
    except Exception:  # whatever a script's own type may raise
        return "text"
    return type_of(default) if back == default and type(back) is type(default) else "text"


def _plain(value: Any) -> Any:
    """A default as plain data; none if it is something else."""
    if value is argparse.SUPPRESS or value is _UNSET:
        return None
    if isinstance(value, (bool, int, float, str)):
        return value
    inner = getattr(value, "value", None)  # a member of an enumeration
    return inner if isinstance(inner, (bool, int, float, str)) else None
