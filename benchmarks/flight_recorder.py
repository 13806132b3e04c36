"""What the flight recorder costs: the time spent copying states, over the time of the run.

    python benchmarks/flight_recorder.py

A network of a million weights with Adam, so that a state is 12 MB. The recorder's own account is
shown beside the ratio of runs with and without it, which a busy machine blurs by some per cent.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

import homeostat as hs
from homeostat.execute.loop.drive import drive
from homeostat.execute.loop.state_ring import FlightRecorder
from homeostat.workload.trial import Trial

NUM_RUNS = 7
SPACE = hs.Space(lr=hs.Float(1e-5, 1e-1, log=True, default=1e-3))


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=400)
def perceptron(config, trial):
    """Least squares with three wide layers."""
    model = nn.Sequential(nn.Linear(64, 900), nn.ReLU(), nn.Linear(900, 900), nn.Linear(900, 64))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    x = torch.randn(64, 64, generator=trial.torch_rng("data"))
    for step in trial.steps():
        loss = (model(x) - x).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)


def wall_s(recorder: FlightRecorder | None) -> float:
    """Wall time of one run."""
    trial = Trial(perceptron.space.resolve(), seed=42, budget=perceptron.budget)
    began = time.perf_counter()
    drive(perceptron, trial, [recorder] if recorder else [])
    return time.perf_counter() - began


def main() -> None:
    torch.set_num_threads(1)
    wall_s(None)  # warm up
    shares, ratios = [], []
    for _ in range(NUM_RUNS):
        recorder = FlightRecorder()
        with_it, without = wall_s(recorder), wall_s(None)
        shares.append(recorder.spent_s / with_it)
        ratios.append(with_it / without)
    print(
        f"share of the time spent copying: {statistics.median(shares):.1%}, most {max(shares):.1%}"
    )
    print(f"with over without: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
