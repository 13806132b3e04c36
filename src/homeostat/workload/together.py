"""Together: work that attempts made side by side share, done in one call for all of them.

    def loop(config, trial):
        model = Model(config, trial.rng("init"))
        for step in trial.steps():
            loss = yield from trial.batch(steps_together, model)
            yield hs.Report(step, loss=loss)

    def steps_together(models):
        return [...]            a result for each, in their order

Each attempt keeps its own loop, random streams and folder, and ends on its own; the next call is
then made without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from homeostat.errors import WorkloadError

Function = Callable[[Sequence[Any]], Sequence[Any]]


class Together:
    """One attempt's part in shared work, from when it asks until the result is there."""

    def __init__(self, function: Function, member: Any) -> None:
        self.function = function
        self._member = member
        self._result: Any = None
        self._error: Exception | None = None

    @property
    def result(self) -> Any:
        """The result for this attempt; raises what went wrong instead, if anything did."""
        if self._error is not None:
            raise self._error
        return self._result

    @staticmethod
    def do(parts: Sequence[Together]) -> None:
        """Call the parts' function once; an error in one part is raised by its `result`."""
        function = parts[0].function
        try:
            results = list(function([part._member for part in parts]))
            if len(results) != len(parts):
                raise WorkloadError(
                    f"{function.__name__} gave {len(results)} results for {len(parts)} members."
                )
        except Exception as error:
            if len(parts) > 1:
                raise
            parts[0]._error = error
            return
        for part, result in zip(parts, results, strict=True):
            part._result = result
