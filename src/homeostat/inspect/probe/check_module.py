"""A check that is imported when it is first asked: many need PyTorch, and a loop may do without."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks


@dataclass(frozen=True)
class CheckModule:
    """The check in `homeostat.inspect.checks.NAME`.

    CheckModule("knobs")(bench)      its findings

    Where PyTorch is not installed, a check that asks PyTorch has nothing to look at: none.
    """

    name: str

    def __call__(self, bench: ShortRuns) -> Checks:
        try:
            module = importlib.import_module(f"homeostat.inspect.checks.{self.name}")
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            return iter(())
        check: Callable[[ShortRuns], Checks] = module.check
        return check(bench)
