"""Kinds: every way in which a script may read its options; the first that does so is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from homeostat.script.options import argparse_options
from homeostat.script.options.option import Option
from homeostat.script.source import Source

Take = Callable[[list[Option]], None]
Finding = Callable[[Sequence[str], Take], AbstractContextManager[None]]

# package that the script imports ("" for always) -> kind, what watches its parser
KINDS: dict[str, tuple[str, Finding]] = {
    "": ("argparse", argparse_options.finding),
}


@contextmanager
def finding_options(
    source: Source, own: Sequence[str], take: Callable[[str, list[Option]], None]
) -> Iterator[None]:
    """While this holds, whatever reads the command line hands its options to `take`, by kind."""
    with ExitStack() as stack:
        for package, (kind, finding) in KINDS.items():
            if package and package not in source.imports:
                continue

            def taken(options: list[Option], kind: str = kind) -> None:
                take(kind, options)

            stack.enter_context(finding(own, taken))
        yield
