"""Eight attempts side by side in one process, against the same eight one after another.

    python benchmarks/side_by_side.py

Whole attempts (data, training, evaluation, record) of eight seeds, through the inline engine on one
thread, timed by the processor time they take. Every round makes both; printed are medians over the
rounds of the ratio within a round, and whether every curve is the same to the byte. Bar: 1.7.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from homeostat.execute import Finished, Job
from homeostat.execute.engines.inline import Inline
from homeostat.record import Outcome
from homeostat.workload import load
from homeostat.workload.workload import Workload

ROUNDS, SEEDS = 5, 8
CASES: list[tuple[str, dict[str, Any], int]] = [
    ("ncp", {"hidden_size": 16}, 40),
    ("ncp", {}, 40),
    ("ncp", {"hidden_size": 48}, 20),
    ("ncp", {"task": "anomaly"}, 8),
]


def seconds(workload: Workload, given: dict[str, Any], budget: int, folder: Path) -> float:
    config = workload.space.resolve(given)
    started = time.process_time()
    with Inline() as engine:
        for seed in range(SEEDS):
            place = folder / str(seed)
            engine.submit(
                Job(workload=workload, config=config, seed=seed, budget=budget, folder=place)
            )
        for event in engine.events():
            if isinstance(event, Finished):
                assert event.attempt.outcome is Outcome.COMPLETED, event.attempt.reason
    return time.process_time() - started


def main() -> None:
    for name, given, budget in CASES:
        workload = load.find(name)
        alone = dataclasses.replace(workload, batch=None)
        with tempfile.TemporaryDirectory() as folder:
            one, all_ = Path(folder, "one"), Path(folder, "all")
            seconds(workload, given, 2, all_)
            times = [
                (seconds(alone, given, budget, one), seconds(workload, given, budget, all_))
                for _ in range(ROUNDS)
            ]
            same = all(
                (one / str(seed) / "curves.csv").read_bytes()
                == (all_ / str(seed) / "curves.csv").read_bytes()
                for seed in range(SEEDS)
            )
        ratio = statistics.median(apart / together for apart, together in times)
        apart_s, together_s = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"{name} {given or 'at its defaults'}, {budget} {workload.unit}s: {apart_s:.2f} s one "
            f"after another, {together_s:.2f} s side by side, ratio {ratio:.2f} (bar 1.7), "
            f"curves {'the same' if same else 'differ'}",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
