"""The first run on a machine compiles once, whoever else starts at the same time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUN = """
from numba.core import event

from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.warm import compile_all

said = []
compile_all(said.append)
late = []


class Listener(event.Listener):
    def on_start(self, compiling):
        late.append(compiling.data["dispatcher"].py_func.__qualname__)

    def on_end(self, compiling):
        pass


event.register("numba:compile", Listener())
for mode in ("pure", "hybrid", "neat"):
    settings = {"neural_mode": mode, "population_size": 100, "simulation_duration": 1.0}
    lab = Lab(SPACE.resolve(settings), 0)
    evaluate_labs([lab])
    lab.breed()
print(sum("Compiling the simulator" in sentence for sentence in said), late)
"""


@pytest.mark.slow
def test_two_processes_on_a_fresh_machine_compile_once_and_a_run_then_compiles_nothing(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, encoding="utf-8"
        )
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0].strip() for process in both)
    assert said == ["0 []", "1 []"]
