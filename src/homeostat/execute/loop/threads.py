"""One thread per attempt: two beside another load cost more than they give, and move last digits.

Matrix products split over threads add up in another order, so the same seed would give other
digits inline than in a worker that owns one core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from threadpoolctl import ThreadpoolController

VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""What a worker's environment sets to 1 before any library is loaded."""

# Imports that bring a thread pool of their own.
_OWNERS = ("numpy", "scipy.linalg", "torch", "sklearn", "numba")
_found: dict[tuple[str, ...], ThreadpoolController] = {}


def one_thread() -> Callable[[], None]:
    """Limit the loaded numerical libraries to one thread; returns what undoes it."""
    torch = sys.modules.get("torch")
    if not hasattr(torch, "set_num_threads"):  # not there, or only half imported
        torch = None
    # Read before the pools are limited, or PyTorch tells their size. It is asked to limit itself as
    # well: it carries an MKL inside, which nobody else can reach.
    threads = 1 if torch is None else torch.get_num_threads()
    loaded = tuple(name for name in _OWNERS if name in sys.modules)
    if loaded not in _found:  # looking through the loaded libraries takes a millisecond
        _found[loaded] = ThreadpoolController()
    pools = [pool for pool in _found[loaded].lib_controllers if pool.num_threads != 1]
    before = [(pool, pool.num_threads) for pool in pools]
    for pool, _ in before:
        pool.set_num_threads(1)
    if torch is not None and threads != 1:
        torch.set_num_threads(1)

    def undo() -> None:
        for pool, count in before:
            pool.set_num_threads(count)
        if torch is not None and threads != 1:
            torch.set_num_threads(threads)

    return undo
