"""The table of rules that prune."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.prune.auto import Auto
from homeostat.prune.curve import PruningRule
from homeostat.prune.halving import Halving, halving_steps
from homeostat.prune.hyperband import Hyperband
from homeostat.prune.median import Median
from homeostat.prune.seedwise import Seedwise

# When a trial is asked about, as shares of its budget, in percent.
_SHARES = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90)


def _even(budget: int) -> tuple[int, ...]:
    """The last step of each share; those that fall together are one."""
    steps = {-(-budget * share // 100) - 1 for share in _SHARES}
    return tuple(sorted(step for step in steps if step < budget - 1))


def _auto(steps: Sequence[int] | None, budget: int) -> PruningRule:
    return Auto(frozenset(steps or _even(budget)), budget - 1)


def _median(steps: Sequence[int] | None, budget: int) -> PruningRule:
    return Median(frozenset(steps or _even(budget)))


def _halving(steps: Sequence[int] | None, budget: int) -> PruningRule:
    return Halving(frozenset(steps or halving_steps(budget)))


def _hyperband(steps: Sequence[int] | None, budget: int) -> PruningRule:
    return Hyperband(tuple(sorted(steps or halving_steps(budget))))


def _seeds(steps: Sequence[int] | None, budget: int) -> PruningRule:
    if steps:
        raise StudyError("The rule seeds stops no run on its way, at whichever step.")
    return Seedwise()


NONE = "none"
RULES: dict[str, Callable[[Sequence[int] | None, int], PruningRule]] = {
    "auto": _auto,
    "median": _median,
    "halving": _halving,
    "hyperband": _hyperband,
    "seeds": _seeds,
}


def make_rule(name: str, steps: Sequence[int], budget: int) -> PruningRule | None:
    """A rule by its name; none for "none".

    Args:
        steps: When trials are asked about; the rule's own choice if there are none.
        budget: Steps of a whole trial.

    Raises:
        UnknownNameError: If there is none of that name.
        StudyError: If a step is not within the budget.
    """
    if name != NONE and name not in RULES:
        raise UnknownNameError(
            f"No pruning rule {name!r}.", hint=did_you_mean(name, [*RULES, NONE])
        )
    outside = [step for step in steps if not 0 <= step < budget]
    if outside:
        raise StudyError(f"Cannot prune at step {outside[0]} of a trial of {budget} steps.")
    return None if name == NONE else RULES[name](tuple(steps) or None, budget)
