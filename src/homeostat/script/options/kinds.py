"""Kinds: every way in which a script may read its options; the first that does so is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec

from homeostat.script.options import (
    absl_options,
    argparse_options,
    click_options,
    fire_options,
    hydra_options,
    tyro_options,
)
from homeostat.script.options.option import Option
from homeostat.script.source import Source

Take = Callable[[list[Option]], None]
Finding = Callable[[Sequence[str], Take], AbstractContextManager[None]]

# package that the script imports ("" for always) -> kind, what watches its parser
KINDS: dict[str, tuple[str, Finding]] = {
    "click": ("click", click_options.finding_click),
    "typer": ("typer", click_options.finding_typer),
    "tyro": ("tyro", tyro_options.finding),
    "absl": ("absl", absl_options.finding),
    "fire": ("fire", fire_options.finding),
    "hydra": ("hydra", hydra_options.finding),
    "": ("argparse", argparse_options.finding),
}


@contextmanager
def finding_options(
    source: Source, own: Sequence[str], take: Callable[[str, list[Option]], None]
) -> Iterator[None]:
    """While this holds, whatever reads the command line hands its options to `take`, by kind."""
    with ExitStack() as stack:
        for package, (kind, finding) in KINDS.items():
            if package and (package not in source.imports or find_spec(package) is None):
                continue

            def taken(options: list[Option], kind: str = kind) -> None:
                take(kind, options)

            stack.enter_context(finding(own, taken))
        yield
