"""Whatever a public call runs, it gives the process back as it was."""

import builtins
import contextlib
import gc
import logging
import os
import random
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import threadpoolctl
import torch
from tests.execute.cluster import needs_ray

import homeostat as hs
from homeostat.design.batch_size import find_batch_size
from homeostat.design.designs import grid
from homeostat.design.lr_find import lr_find
from homeostat.design.run_design import run_design
from homeostat.workload import load

HERE = Path(__file__).parent
LOOP = f"{HERE / 'upsetting.py'}:upsetting"


# What PyTorch itself notes for good: which kind of hook for all modules there was first, and which
# of those that are gone had wanted keyword arguments.
FOR_GOOD = ("_global_is_full_backward_hook", "_global_forward_hooks_with_kwargs")


def hooks():
    """Where PyTorch keeps hooks for all modules, optimisers and tensors."""
    places = {
        f"{name}.{key}": value
        for name in ("torch.nn.modules.module", "torch.optim.optimizer")
        for key, value in vars(sys.modules[name]).items()
        if key.startswith("_global_") and key not in FOR_GOOD
    }
    return {key: list(value) if isinstance(value, dict) else value for key, value in places.items()}


def patched():
    """What a tracer may have put something else in the place of."""
    owners = {
        "Tensor": torch.Tensor, "Module": torch.nn.Module, "Optimizer": torch.optim.Optimizer,
        "SGD": torch.optim.SGD, "functional": torch.nn.functional, "clip": torch.nn.utils,
        "autograd": torch.autograd, "builtins": builtins, "random": random, "np.random": np.random,
    }  # fmt: skip
    return {
        f"{name}.{key}": id(value)
        for name, owner in owners.items()
        for key, value in vars(owner).items()
        if callable(value) and key != "_"
    }


def files():
    """What is open, by what it is; the numbers are the kernel's."""
    opened = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            opened.append(str(entry.readlink()).partition(":")[0])
    return sorted(name for name in opened if not name.startswith(("/proc", "/dev/shm")))


def picture(ours):
    """Everything that one part of a process can change for all others."""
    torch_state = {
        "threads": torch.get_num_threads(),
        "interop": torch.get_num_interop_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "anomalies": torch.is_anomaly_enabled(),
        "generator": torch.get_rng_state().numpy().tobytes(),
    }
    pools = {p["filepath"]: p["num_threads"] for p in threadpoolctl.threadpool_info()}
    near = (name for name, m in sys.modules.items() if str(HERE) in str(getattr(m, "__file__", "")))
    return {
        "torch": torch_state,
        "pools": pools,
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),
        "numpy errors": np.geterr(),
        "hooks": hooks(),
        "patched": patched(),
        "python hooks": (sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile()),
        "importers": (list(sys.meta_path), list(sys.path_hooks), list(sys.path)),
        "thread hook": threading.excepthook,
        "streams": (sys.stdout, sys.stderr, sys.stdin, sys.argv[:]),
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "signals": {n: signal.getsignal(n) for n in signal.valid_signals() - {signal.SIGCHLD}},
        "logging": (logging.root.level, list(logging.root.handlers)),
        "garbage": (gc.isenabled(), sys.getrecursionlimit()),
        "modules": sorted(name for name in near if not name.startswith("homeostat_file_")),
        "files": None if ours is None else files(),
        "children": [
            p for p in psutil.Process().children() if "engines.worker" in str(p.cmdline())
        ],
    }


CALLS = {
    "run inline": lambda w, to: hs.run(w, seeds=2, results=to),
    "run that fails": lambda w, to: hs.run(f"{HERE / 'odd_loops.py'}:raises", results=to),
    "run local": lambda w, to: hs.run(w, engine="local", jobs=2, seeds=2, results=to),
    "search": lambda w, to: hs.search(w, 4, method="tpe", results=to, confirm=2),
    "search local": lambda w, to: hs.search(w, 2, method="random", engine="local", results=to),
    "tune": lambda w, to: hs.tune(w, budget="12s", results=to),
    "probe": lambda w, to: hs.probe(w, seconds=3),
    "diagnose": lambda w, to: hs.diagnose(w, config={"lr": 0.5}, results=to),
    "lr-find": lambda w, to: lr_find(w, num_rates=3),
    "batch-size": lambda w, to: find_batch_size(w, sizes=(8, 16)),
    "grid": lambda w, to: run_design(w, grid({"lr": [0.1, 0.2]}), kind="grid", results=to),
    "screen": lambda w, to: hs.screen(w, results=to, runs=7),
}


@pytest.fixture
def busy_process(monkeypatch):
    """A caller with settings of its own, none of which is what a new process has."""
    monkeypatch.setenv("TAKEN_BY_A_LOOP", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    yield
    torch.set_num_threads(before)


def differences(before, after):
    """What changed, as deep down as it has a name."""
    found = {}
    for key in before:
        one, other = before[key], after[key]
        if isinstance(one, dict) and isinstance(other, dict):
            names = sorted({*one, *other}, key=str)
            found |= {
                f"{key}: {n}": (one.get(n), other.get(n))
                for n in names
                if one.get(n) != other.get(n)
            }
        elif one != other:
            found[key] = (one, other)
    return found


SLOW = ("tune", "search local", "batch-size", "screen")


@pytest.mark.parametrize(
    "call", [pytest.param(c, marks=pytest.mark.slow) if c in SLOW else c for c in CALLS]
)
def test_a_call_gives_the_process_back(call, busy_process, tmp_path):
    workload = load.find(LOOP)
    CALLS[call](workload, tmp_path / "warm")  # what is imported and made once stays
    gc.collect()
    before = picture("")
    CALLS[call](workload, tmp_path / "again")
    gc.collect()
    assert differences(before, picture("")) == {}


@needs_ray
def test_ray_gives_the_process_back(busy_process, tmp_path):
    workload = load.find(LOOP)
    hs.run(workload, engine="ray", results=tmp_path / "warm")  # the connection stays
    before = picture(None)
    hs.run(workload, engine="ray", seeds=2, results=tmp_path / "again")
    assert differences(before, picture(None)) == {}
