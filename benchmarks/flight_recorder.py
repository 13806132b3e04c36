"""What the flight recorder costs: the time of a run with it, over the time without.

    python benchmarks/flight_recorder.py

A network of a million weights with Adam, so that a state is 12 MB; runs alternate, and medians are
compared, so that the machine's other work hits both alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time

import torch
from torch import nn

import homeostat as hs
from homeostat.execute.run import run

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


def seconds(flight: bool) -> float:
    """Processor time of one run: the wall clock would measure the other users of the machine."""
    with tempfile.TemporaryDirectory() as results:
        began = time.process_time()
        run(perceptron, results=results, flight=flight, snapshot_s=1e9)
        return time.process_time() - began


def main() -> None:
    seconds(True)  # warm up
    pairs = [(seconds(True), seconds(False)) for _ in range(NUM_RUNS)]
    ratio = statistics.median(with_it / without for with_it, without in pairs)
    without = statistics.median(without for _, without in pairs)
    print(f"without: {without:.2f} s; with the flight recorder: x {ratio:.3f}")


if __name__ == "__main__":
    main()
