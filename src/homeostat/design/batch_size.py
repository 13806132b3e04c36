"""Batch-size search: speed, utilisation and memory of each size, and the one worth using.

Speed grows with the batch until the machine is busy, then stands still while memory goes on
growing. The search tries sizes upwards, stops at the one that does not fit, and recommends the
smallest that is nearly as fast as the fastest.
"""

from __future__ import annotations

import gc
import math
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.design.update_times import UpdateTimes
from homeostat.errors import UnknownNameError, WorkloadError, did_you_mean
from homeostat.execute.loop.deadline import TooLate, interrupted_at
from homeostat.execute.loop.isolation import Isolation
from homeostat.space import Config, Int
from homeostat.wording import plural
from homeostat.workload import load
from homeostat.workload.trial import Trial
from homeostat.workload.workload import Workload

# A size is worth using once it has this share of the best throughput.
NEARLY = 0.9

ACCUMULATION = ("accumulate", "accumulation", "accumulate_grad_batches")


@dataclass(frozen=True)
class SizeTiming:
    """One batch size on this machine.

    Attributes:
        size: Sequences, rows or whatever a batch holds.
        throughput: Relative to the fastest size, which has 1.
        seconds: Of training, per step of the workload; validation and the like left out where
            the loop has an optimiser of PyTorch, whose steps can be told from them.
        utilisation: Share of the time in which one core (or the GPU) was busy.
        memory_mb: Peak of the process so far, or of the device where there is one.
        fits: False when it ran out of memory; the others are then 0.
    """

    size: int
    throughput: float = 0.0
    seconds: float = 0.0
    utilisation: float = 0.0
    memory_mb: float = 0.0
    fits: bool = True


@dataclass(frozen=True)
class BatchSizes:
    """What the search saw, and what it recommends.

    Attributes:
        recommended: The size to use; None when none fits.
        accumulate: Batches per optimiser step that keep the effective batch as configured.
        why: In a sentence.
    """

    sizes: tuple[SizeTiming, ...]
    recommended: int | None
    accumulate: int
    why: str


def find_batch_size(
    workload: Workload | str,
    config: Config | Mapping[str, Any] | None = None,
    *,
    parameter: str = "batch_size",
    sizes: tuple[int, ...] = (),
    steps: int = 3,
    device: str = "cpu",
    seed: int = 42,
    budget_s: float | None = None,
    on_size: Callable[[SizeTiming], None] | None = None,
) -> BatchSizes:
    """Time a few steps at each size, upwards until one does not fit in memory.

    Args:
        workload: A workload, or what `load.find` takes.
        config: Values to set; the rest is at its default.
        parameter: Name of the batch size in the space.
        sizes: Those to try; powers of two over its range by default.
        steps: Steps timed, after one warm-up step.
        budget_s: Seconds for all of it: a size that is being timed then is left out. (Other
            threads than the main one can only begin no other size then.)
        on_size: Called after each size.

    Raises:
        UnknownNameError: If the space has no such parameter.
    """
    workload = load.find(workload)
    space = workload.space.searched()
    given = dict(config.given if isinstance(config, Config) else config or {})
    if not isinstance(space.get(parameter), Int):
        raise UnknownNameError(
            f"{workload.name} has no batch size {parameter!r} that varies. "
            f"{did_you_mean(parameter, space)}",
            hint="Name it:  --param NAME",
        )
    tried: list[SizeTiming] = []
    until_s = math.inf if budget_s is None else time.monotonic() + budget_s
    for size in sizes or _powers(space[parameter]):
        if tried and time.monotonic() > until_s:
            break
        try:
            with interrupted_at(until_s):
                made = _measure(workload, given | {parameter: size}, size, steps, device, seed)
        except TooLate:
            if not tried:
                raise WorkloadError(
                    f"With {parameter}={size} not even {plural(steps, 'step')} ended in the time "
                    "given.",
                    hint="Give more (--budget), or see where it hangs:  homeostat probe",
                ) from None
            break
        tried.append(made)
        if on_size is not None:
            on_size(made)
        if not made.fits:
            break
    top = max((one.throughput for one in tried), default=0.0) or 1.0
    relative = tuple(
        SizeTiming(
            one.size, one.throughput / top, one.seconds, one.utilisation, one.memory_mb, one.fits
        )
        for one in tried
    )
    resolved = workload.space.resolve(given)
    accumulates = next((name for name in ACCUMULATION if name in resolved), None)
    effective = resolved[parameter] * (resolved[accumulates] if accumulates else 1)
    return _recommend(relative, effective, accumulates)


def _recommend(
    sizes: tuple[SizeTiming, ...], effective: int, accumulates: str | None
) -> BatchSizes:
    fitting = [one for one in sizes if one.fits]
    if not fitting:
        return BatchSizes(sizes, None, 1, f"Not even {sizes[0].size} fits in memory.")
    chosen = next(one for one in fitting if one.throughput >= NEARLY)
    share = f"{chosen.throughput:.0%} of the best throughput"
    batches = max(round(effective / chosen.size), 1)
    if accumulates is None:
        return BatchSizes(sizes, chosen.size, 1, f"The smallest size with {share}.")
    whole = batches * chosen.size
    keeps = f"{accumulates}={batches} keeps {whole} to an optimiser step"
    if whole != effective:
        keeps = (
            f"{accumulates}={batches} makes {whole} to an optimiser step, where it is {effective}"
        )
    return BatchSizes(sizes, chosen.size, batches, f"The smallest size with {share}; {keeps}.")


def _measure(
    workload: Workload, changes: dict[str, Any], size: int, steps: int, device: str, seed: int
) -> SizeTiming:
    """Drive the loop itself for a few steps, on one thread as an attempt has.

    The first step, which warms caches, is not timed.
    """
    trial = Trial(workload.space.resolve(changes), seed=seed, budget=steps + 1, device=device)
    _forget_peak(device)
    reports = workload(trial.config, trial)
    updates = UpdateTimes()
    isolation = Isolation(seed, loop=workload.loop)
    isolation.enter()
    try:
        first = next(reports)
        updates.watch()
        started, worked = time.perf_counter(), time.process_time()
        rest = list(reports)
        wall, work = time.perf_counter() - started, time.process_time() - worked
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        return SizeTiming(size, fits=False)
    except StopIteration:
        raise WorkloadError(f"{workload.name} ended without a report.") from None
    finally:
        updates.forget()
        reports.close()  # type: ignore[attr-defined]  # a loop is a generator
        isolation.leave()
        gc.collect()
    if not rest:
        raise WorkloadError(
            f"{workload.name} gave one report in {steps + 1} steps; time needs two."
        )
    done = max(rest[-1].step - first.step, 1)
    # A step is one batch, or one epoch, which passes all data whatever the batch.
    rate = (size if workload.unit == "step" else 1) * done / max(wall, 1e-9)
    seconds = wall / done
    if updates.typical_s is not None:
        accumulates = next((name for name in ACCUMULATION if name in trial.config), None)
        batches = trial.config[accumulates] if accumulates else 1
        rate = size * batches / max(updates.typical_s, 1e-9)
        seconds = updates.typical_s * updates.count / done
    memory, busy = _peak(device)
    return SizeTiming(
        size,
        throughput=rate,
        seconds=seconds,
        utilisation=busy if busy is not None else work / max(wall, 1e-9),
        memory_mb=memory,
    )


def _out_of_memory(error: BaseException) -> bool:
    """PyTorch says so in a RuntimeError, on the processor as on a GPU."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate" in text


def _forget_peak(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: str) -> tuple[float, float | None]:
    """Peak memory in MB, and the device's utilisation where it can tell."""
    if device.startswith("cuda"):
        import torch

        memory = torch.cuda.max_memory_allocated(device) / 2**20
        try:
            return memory, torch.cuda.utilization(device) / 100
        except (ModuleNotFoundError, RuntimeError):  # the driver's own library is not there
            return memory, None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on a Mac.
    return peak / (2**20 if sys.platform == "darwin" else 2**10), None


def _powers(size: Any) -> tuple[int, ...]:
    powers = [2**k for k in range(0, 21)]
    inside = [power for power in powers if size.low <= power <= size.high]
    return tuple(inside or (size.low, size.high))
