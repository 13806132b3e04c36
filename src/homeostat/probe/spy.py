"""Spy: a configuration that remembers which of its values were read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeostat.space import Config


class Spy(Config):
    """Equal to the configuration it was made from; `read` names what was looked at."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            dict(config),
            given=config.given,
            active=config.active,
            adjustments=config.adjustments,
            source=config.source,
        )
        self.__dict__["read"] = set()

    def __getitem__(self, name: str) -> Any:
        self.__dict__["read"].add(name)
        return super().__getitem__(name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "read" in self.__dict__:
            self.__dict__["read"].add(name)
        return super().__getattr__(name)

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()
