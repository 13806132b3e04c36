"""A configuration that remembers which of its values were read."""

from __future__ import annotations

import sys
from typing import Any

from homeostat.space import Config


class TracedConfig(Config):
    """Equal to the configuration it was made from; `read` names what was looked at.

    Args:
        followed: A parameter whose number notes when it is compared: `compared` is then true.
    """

    def __init__(self, config: Config, followed: str = "") -> None:
        super().__init__(
            dict(config),
            given=config.given,
            active=config.active,
            enforced=config.enforced,
            adjustments=config.adjustments,
            source=config.source,
        )
        self.__dict__.update(read=set(), followed=followed, compared=[])

    def __getitem__(self, name: str) -> Any:
        self.__dict__["read"].add(name)
        return self._handed_out(name, super().__getitem__(name))

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "read" in self.__dict__:
            self.__dict__["read"].add(name)
        return self._handed_out(name, super().__getattr__(name))

    def _handed_out(self, name: str, value: Any) -> Any:
        if name != self.__dict__.get("followed") or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return _compared(int)(value, self.__dict__["compared"])
        return (
            _compared(float)(value, self.__dict__["compared"])
            if isinstance(value, float)
            else value
        )


def _compared(kind: type) -> Any:
    """A number that notes when the loop compares it with something."""

    def noting(method: str) -> Any:
        original = getattr(kind, method)

        def compare(self: Any, other: Any) -> Any:
            # PyTorch compares each setting with its own limits: that is no use of it.
            if "torch" not in sys._getframe(1).f_globals.get("__name__", ""):
                self.notes.append(True)
            return original(self, other)

        return compare

    def make(cls: Any, value: Any, notes: list[bool]) -> Any:
        number: Any = kind.__new__(cls, value)
        number.notes = notes
        return number

    methods = {name: noting(name) for name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__")}
    return type("Compared", (kind,), {"__new__": make, "__hash__": kind.__hash__, **methods})
