"""Goal: which of two values of a metric is better; nobody else compares values of a metric.

    Goal.MINIMIZE.better(0.3, 0.4)          True
    Goal("maximize").best([0.3, 0.9, 0.4])  0.9

A goal is also the text "minimize" or "maximize", as files, tables and decorators write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, overload

from homeostat.errors import WorkloadError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

Item = TypeVar("Item")


class Goal(StrEnum):
    """Whether a metric is to be low or high."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @classmethod
    def of(cls, word: object, metric: str) -> Goal:
        """The goal that a word names.

        Raises:
            WorkloadError: If it is neither "minimize" nor "maximize".

        >>> Goal.of("maximize", "accuracy")
        <Goal.MAXIMIZE: 'maximize'>
        """
        try:
            return cls(word)  # type: ignore[arg-type]  # what a user gave, of any type
        except ValueError:
            raise WorkloadError(
                f"The goal of {metric!r} must be 'minimize' or 'maximize', got {word!r}.",
                hint=did_you_mean(str(word), [goal.value for goal in cls]) if word else "",
            ) from None

    @property
    def sign(self) -> float:
        """What a value is multiplied by so that lower is better: 1 or -1."""
        return 1.0 if self is Goal.MINIMIZE else -1.0

    @property
    def minimizes(self) -> bool:
        """Whether the metric is to be low; for what treats the two differently, such as words."""
        return self is Goal.MINIMIZE

    @property
    def opposite(self) -> Goal:
        """The other one."""
        return Goal.MAXIMIZE if self is Goal.MINIMIZE else Goal.MINIMIZE

    @property
    def worst_possible(self) -> float:
        """A value that no other is worse than: infinity, or minus infinity."""
        return self.sign * float("inf")

    def better(self, value: float, than: float) -> bool:
        """Whether `value` is strictly better; never where either is not a number.

        >>> Goal.MAXIMIZE.better(0.9, than=0.8), Goal.MAXIMIZE.better(0.8, than=0.8)
        (True, False)
        """
        return bool(self.sign * value < self.sign * than)

    def worse(self, value: float, than: float) -> bool:
        """Whether `value` is strictly worse; never where either is not a number."""
        return self.better(than, value)

    def gain(self, value: float, over: float) -> float:
        """By how much `value` is better; below 0 where it is worse.

        >>> Goal.MINIMIZE.gain(0.25, over=0.5)
        0.25
        """
        return self.sign * (over - value)

    @overload
    def best(self, items: Iterable[float]) -> float: ...
    @overload
    def best(self, items: Iterable[Item], key: Callable[[Item], float]) -> Item: ...
    def best(self, items: Iterable[Any], key: Callable[[Any], float] = float) -> Any:
        """The item with the best value; the first of those that share it.

        Raises:
            ValueError: If there is none.
        """
        return min(items, key=lambda item: self.sign * key(item))

    @overload
    def worst(self, items: Iterable[float]) -> float: ...
    @overload
    def worst(self, items: Iterable[Item], key: Callable[[Item], float]) -> Item: ...
    def worst(self, items: Iterable[Any], key: Callable[[Any], float] = float) -> Any:
        """The item with the worst value; the first of those that share it.

        Raises:
            ValueError: If there is none.
        """
        return max(items, key=lambda item: self.sign * key(item))

    def ranked(self, items: Iterable[Item], key: Callable[[Item], float]) -> list[Item]:
        """The items, the best first; equal ones stay in their order.

        >>> Goal.MAXIMIZE.ranked(["a", "abc", "ab"], key=len)
        ['abc', 'ab', 'a']
        """
        return sorted(items, key=lambda item: self.sign * key(item))

    def best_so_far(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Of each value and those before it, the best; what is not a number is passed over.

        >>> Goal.MINIMIZE.best_so_far([3.0, 5.0, 1.0])
        array([3., 3., 1.])
        """
        import numpy as np  # here, because `import homeostat` is to be quick

        numbers = np.asarray(values, dtype=float)
        pick = np.fmin if self is Goal.MINIMIZE else np.fmax
        running: np.ndarray = pick.accumulate(numbers)
        return running
