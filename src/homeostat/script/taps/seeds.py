"""Seeds: a script that seeds itself with a constant gets other random numbers for other trials.

Without that several seeds were one seed several times. The usual seed leaves the script as it is.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer

LARGEST = 2**32
"""Seeds of NumPy are below it."""


def attach_numpy(run: Hearer, stack: ExitStack, numpy: Any) -> None:
    """Until the stack is closed, `numpy.random.seed` is given a trial's own seed."""
    shift(run, stack, numpy.random, "seed")


def attach_random(run: Hearer, stack: ExitStack, random: ModuleType) -> None:
    """The same for `random.seed`."""
    shift(run, stack, random, "seed")


def shift(run: Hearer, stack: ExitStack, owner: Any, name: str) -> None:
    """The same for any function that seeds a generator of the process."""

    def around(original: Any) -> Any:
        def seed(*args: Any, **kwargs: Any) -> Any:
            given = args[0] if args else kwargs.get("seed")
            if type(given) is int and run.listening:
                run.seeds.append(given)
                if run.shift:
                    args, kwargs = ((given + run.shift) % LARGEST, *args[1:]), {}
            return original(*args, **kwargs)

        return seed

    replace(stack, owner, name, around)
