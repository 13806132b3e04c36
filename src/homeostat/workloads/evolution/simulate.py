"""Evaluate creatures on layouts on every core: the entry to the kernels."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import kernel, scores
from homeostat.workloads.evolution.blocks import pack
from homeostat.workloads.evolution.compiled import compiled_fast
from homeostat.workloads.evolution.creatures import Creatures
from homeostat.workloads.evolution.world import World

Array = npt.NDArray[Any]

_GROUPS_PER_THREAD = 4  # many small groups balance the load; few large ones cost less Python

_fast: list[Any] = []


def cores() -> int:
    """How many cores this process may use: one in a worker, whose environment says so."""
    affinity = getattr(os, "sched_getaffinity", None)
    mine = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(mine, int(os.environ.get("NUMBA_NUM_THREADS", mine)))


def evaluate(
    creatures: Creatures,
    keys: Array,
    layouts: int,
    world: World,
    *,
    threads: int | None = None,
    fast: bool = False,
    order: Array | None = None,
) -> Array:
    """Score every creature on every layout.

    Args:
        creatures: N creatures.
        keys: (N,) uint64, for each creature the key its pellet layouts come from.
        layouts: How many of those layouts.
        world: The rules.
        threads: How many to use; all cores by default. Results do not depend on it.
        fast: Let the compiler reorder sums: a little faster, and the last bits then differ.
        order: How to fill the lanes; results do not depend on it (in strict arithmetic).

    Returns:
        (N, layouts, scores.COLUMNS) float32.
    """
    blocks = pack(creatures, world, order)
    result = np.zeros((len(keys), layouts, scores.COLUMNS), np.float32)
    run = _fast_kernel() if fast else kernel.run_tasks
    tasks = np.arange(len(blocks.nodes) * layouts)
    threads = min(threads or cores(), len(tasks))
    if threads == 1:
        run(tasks, layouts, blocks, keys, world, kernel.new_scratch(), result)
        return result
    # Blocks are sorted by size: every group takes some of each. (Whole arrays, not views with gaps,
    # for which the kernel would be compiled once more.)
    groups = min(len(tasks), threads * _GROUPS_PER_THREAD)
    shares = [np.ascontiguousarray(tasks[g::groups]) for g in range(groups)]
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(run, share, layouts, blocks, keys, world, kernel.new_scratch(), result)
            for share in shares
        ]
        for job in jobs:
            job.result()
    return result


def _fast_kernel() -> Any:
    if not _fast:
        _fast.append(compiled_fast(kernel.run_tasks))
    return _fast[0]
