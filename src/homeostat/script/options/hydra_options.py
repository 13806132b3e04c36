"""hydra: the numbers and switches of the configuration that `hydra.main` composes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from homeostat.script.options.option import Option, type_of

Take = Callable[[list[Option]], None]


@contextmanager
def finding(own: Sequence[str], take: Take) -> Iterator[None]:
    """Watch the moment at which hydra hands the composed configuration to the script."""
    inside: Any = import_module("hydra._internal.hydra")
    original = inside.run_job

    def run_job(*args: Any, **kwargs: Any) -> Any:
        config = kwargs.get("config", args[1] if len(args) > 1 else None)
        take(list(_options(_plain(config), own)))
        return original(*args, **kwargs)

    inside.run_job = run_job
    try:
        yield
    finally:
        inside.run_job = original


def _plain(config: Any) -> Mapping[str, Any]:
    """The script's own part, without what refers to other values: those follow them."""
    omegaconf: Any = import_module("omegaconf")
    content = omegaconf.OmegaConf.to_container(config, resolve=False)
    return {key: value for key, value in content.items() if key != "hydra"}


def _options(config: Mapping[str, Any], own: Sequence[str], prefix: str = "") -> Iterator[Option]:
    given = {word.partition("=")[0].lstrip("+~") for word in own}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _options(value, own, f"{name}.")
        elif type_of(value) and not str(value).startswith("${"):
            yield Option(
                name=name, flag=name, kind=type_of(value), default=value, written="equals",
                given=name in given,
            )  # fmt: skip
