"""click and typer: the options of the command that the command line names, and of its groups."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from homeostat.script.options.option import Option
from homeostat.script.options.signature import kind_and_choices

Take = Callable[[list[Option]], None]
_NOT_THE_SCRIPTS = (None, "help", "install_completion", "show_completion")
_KINDS = {
    "integer": "int",
    "integer range": "int",
    "float": "float",
    "float range": "float",
    "boolean": "bool",
}


def finding_click(own: Sequence[str], take: Take) -> Any:
    """Watch click's commands."""
    return _finding("click.core", own, take)


def finding_typer(own: Sequence[str], take: Take) -> Any:
    """Watch typer's commands, which are click's, or those of a copy of click that it brings."""
    import_module("typer")
    brought = "typer._click.core"
    return _finding(brought if brought in sys.modules else "click.core", own, take)


@contextmanager
def _finding(module: str, own: Sequence[str], take: Take) -> Iterator[None]:
    core = import_module(module)
    kind: Any = getattr(core, "BaseCommand", core.Command)
    kind = core.Command if "parse_args" in vars(core.Command) else kind
    original = kind.parse_args
    before: list[Option] = []

    def parse_args(self: Any, ctx: Any, args: list[str]) -> Any:
        is_group = hasattr(self, "commands")
        options = list(_options(self, own, first=is_group))
        if is_group:
            before.extend(options)
        else:
            take([*before, *options])
        return original(self, ctx, args)

    with ExitStack() as stack:
        kind.parse_args = parse_args
        stack.callback(setattr, kind, "parse_args", original)
        yield


def _options(command: Any, own: Sequence[str], *, first: bool) -> Iterator[Option]:
    given = {word.partition("=")[0] for word in own}
    for parameter in command.params:
        flags = [flag for flag in getattr(parameter, "opts", ()) if flag.startswith("-")]
        if not flags or parameter.name in _NOT_THE_SCRIPTS:
            continue
        flag = max(flags, key=len)
        opposites = [f for f in parameter.secondary_opts if f.startswith("-")]
        default = _plain(parameter.default)
        base: dict[str, Any] = {
            "name": str(parameter.name),
            "flag": flag,
            "given": bool(given & {*flags, *opposites}),
            "required": bool(parameter.required),
            "first": first,
            "help": " ".join(str(getattr(parameter, "help", "") or "").split())[:200],
        }
        kind, choices = _kind(parameter)
        many = getattr(parameter, "multiple", False) or getattr(parameter, "nargs", 1) != 1
        if getattr(parameter, "is_flag", False):
            yield _switch(base, bool(default), opposites)
        elif many:
            yield Option(**base, kind="text")
        else:
            if kind == "float" and isinstance(default, int):
                default = float(default)
            yield Option(**base, kind=kind, default=default, choices=choices)


def _kind(parameter: Any) -> tuple[str, tuple[Any, ...]]:
    """float, int, bool, choice or text, with the choices, by type or (typer) by annotation."""
    own = getattr(parameter, "type", None)
    if own is None:
        annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            return "choice", tuple(member.value for member in annotation)
        return kind_and_choices(annotation, None)
    if getattr(own, "choices", None):
        return "choice", tuple(_plain(choice) for choice in own.choices)
    return _KINDS.get(str(getattr(own, "name", "")), "text"), ()


def _switch(base: dict[str, Any], default: bool, opposites: list[str]) -> Option:
    if opposites:
        opposite = max(opposites, key=len)
        return Option(**base, kind="bool", default=default, written="pair", opposite=opposite)
    return Option(**base, kind="bool", default=default, written="negated" if default else "switch")


def _plain(value: Any) -> Any:
    inner = getattr(value, "value", value)  # a member of an enumeration
    return inner if isinstance(inner, (bool, int, float, str)) else None
