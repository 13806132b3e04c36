"""absl: the flags that the script's own files define."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from homeostat.script.options.option import Option

Take = Callable[[list[Option]], None]
_KINDS = {"float": "float", "int": "int", "bool": "bool"}


@contextmanager
def finding(own: Sequence[str], take: Take) -> Iterator[None]:
    """Watch the moment at which absl reads the command line."""
    flags: Any = import_module("absl.flags")
    original = flags.FlagValues.__call__

    def parse(self: Any, argv: Any, known_only: bool = False) -> Any:
        if list(argv)[1:] == sys.argv[1:]:
            take(list(_options(self, own)))
        return original(self, argv, known_only)

    flags.FlagValues.__call__ = parse
    try:
        yield
    finally:
        flags.FlagValues.__call__ = original


def _options(values: Any, own: Sequence[str]) -> Iterator[Option]:
    given = {word.partition("=")[0].lstrip("-") for word in own}
    for module, flags in values.flags_by_module_dict().items():
        if module.partition(".")[0] in ("absl", "jax", "tensorflow", "ml_collections"):
            continue
        for flag in flags:
            choices = tuple(getattr(flag.parser, "enum_values", None) or ())
            kind = "choice" if choices else _KINDS.get(flag.flag_type(), "text")
            default = flag.default
            if kind == "float" and isinstance(default, int):
                default = float(default)
            plain = default if isinstance(default, (bool, int, float, str)) else None
            yield Option(
                name=flag.name, flag=f"--{flag.name}", kind=kind, default=plain, choices=choices,
                written="equals", given=bool({flag.name, f"no{flag.name}"} & given),
                help=" ".join(str(flag.help or "").split())[:200],
            )  # fmt: skip
