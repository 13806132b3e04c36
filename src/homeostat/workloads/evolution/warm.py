"""Compile everything once for this machine, before workers start.

What is compiled stands on disk for the next process, until a compiled file here changes. A process
that finds another one compiling waits for it. Numba compiles one function at a time in a process,
so a second process does half of it.
"""

from __future__ import annotations

import fcntl
import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from homeostat.workloads.evolution import express, kernel, kernel_scalar, population, scores
from homeostat.workloads.evolution.compiled import cache_folder, is_compiled
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.space import SPACE


def _nothing(sentence: str) -> None:
    """Whom nobody tells."""


def is_ready() -> bool:
    """Whether nothing that a run needs is left to compile: it is on disk, or in this process."""
    wired, evolved = population._breed_weights, population._breed_brains
    needed = (kernel.run_tasks, express._express_all_brains, wired, evolved)
    return all(map(is_compiled, needed))


def compile_all(tell: Callable[[str], object] = _nothing) -> None:
    """Compile what a run needs, unless it is there.

    Args:
        tell: Given a sentence before each part.
    """
    if is_ready():
        return
    with _alone(tell):
        if is_ready():
            return
        tell("Compiling the simulator for this machine, once (some 20 s) ...")
        helper = subprocess.Popen(  # noqa: S603  this Python, and this file
            [sys.executable, "-c", f"from {__name__} import compile_evolved; compile_evolved()"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            compile_fixed()
            tell("Compiling: simulator and fixed brains are ready, evolved brains to come ...")
            helper.wait()
        finally:
            helper.kill()
            helper.wait()
        compile_evolved()  # from disk; all of it where the helper could not do its part


def compile_fixed() -> None:
    """The simulator, and creatures with fixed brains."""
    lab = _lab("pure")
    evaluate_labs([lab])
    lab.breed()


def compile_evolved() -> None:
    """Founding, expressing and breeding creatures with evolved brains."""
    lab = _lab("neat")
    lab.creatures()
    size = len(lab.population.name)
    lab._sort_species(np.zeros(size))
    old, new, one = lab.population, lab._next, np.zeros(1, np.int64)
    bodies = (old.body, old.body)  # breeding bodies is among what fixed brains need, too
    chosen = (one, one, one, np.zeros(1, np.bool_))
    population._breed_brains(old.brain, new.brain, *bodies, *chosen, lab.rules, np.uint64(1), 1)


def compile_film() -> None:
    """The scalar kernel, which films creatures and is what the lanes are held to."""
    if is_compiled(kernel_scalar.run_all):
        return
    with _alone():
        lab = _lab("pure")
        result = np.zeros((1, 1, scores.COLUMNS), np.float32)
        body, film = kernel_scalar.new_body(), new_film(0)
        creatures = lab.creatures(np.arange(1))
        kernel_scalar.run_all(creatures, lab.keys()[:1], 1, lab.world, body, film, result)


def _lab(mode: str) -> Lab:
    given = {"neural_mode": mode, "population_size": 100, "simulation_duration": 1.0}
    return Lab(SPACE.resolve(given), 0)


@contextmanager
def _alone(tell: Callable[[str], object] = _nothing) -> Iterator[None]:
    """Hold the right to compile on this machine; collect no garbage meanwhile (a sixth faster)."""
    folder = cache_folder(kernel.run_tasks)
    folder.mkdir(parents=True, exist_ok=True)
    collects = gc.isenabled()
    with (folder / "compiling.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Another process compiles the simulator for this machine; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()
