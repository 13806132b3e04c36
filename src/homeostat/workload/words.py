"""Vocabulary: how findings speak of a workload's loop and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vocabulary:
    """The words of whoever wrote the loop.

    Vocabulary().knob("lr")                                      "lr"
    Vocabulary("the script", {"lr": "--lr"}).knob("lr")          "--lr"
    """

    loop: str = "the loop"
    """What runs: the loop, the script."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> what is typed for it, in a script."""

    def in_a_loop(self, text: str) -> str:
        """Advice that only helps where there is a `trial`: nothing for a script."""
        return "" if self.is_script else text

    @property
    def space(self) -> str:
        """Where parameters are declared."""
        return "the options" if self.is_script else "the space"

    @property
    def is_script(self) -> bool:
        """Whether advice has to be for a script: there is no `config` and no `trial` in it."""
        return bool(self.flags) or self.loop == "the script"

    def knob(self, name: str) -> str:
        """What a parameter is called."""
        return self.flags.get(name, name)

    def value(self, name: str) -> str:
        """What stands in the code where a parameter's value is used."""
        return f"the value of {self.flags[name]}" if name in self.flags else f"config.{name}"
