"""The metric table of HyperPerturb on Papalexi et al. 2021, over three seeds.

    python benchmarks/hyperperturb.py

Needs the data (homeostat data get papalexi). Each seed has its own random halves of the cells: the
networks are trained on one and everything is scored on the other.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from homeostat.record.seeds import SEEDS
from homeostat.space import configs
from homeostat.workload.trial import Trial
from homeostat.workloads.hyperperturb.baselines import render
from homeostat.workloads.hyperperturb.workload import hyperperturb


def one_seed(config_name: str, seed: int) -> dict[str, dict[str, float]]:
    """Train with one seed; row -> metric -> value."""
    named = configs.load(config_name, hyperperturb)
    config = named.resolve(hyperperturb.space)
    trial = Trial(config, seed=seed, budget=named.budget or hyperperturb.budget)
    for _ in hyperperturb(config, trial):
        pass
    return trial.extra["table"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="papalexi")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        tables = [one_seed(options.config, seed) for seed in SEEDS[: options.seeds]]
    mean = {
        row: {metric: float(np.mean([t[row][metric] for t in tables])) for metric in metrics}
        for row, metrics in tables[0].items()
    }
    print(render(mean))
    print("\nval_kl by seed:")
    for row in mean:
        values = [table[row]["val_kl"] for table in tables]
        each = ", ".join(f"{value:.4f}" for value in values)
        print(f"  {row:20s} {np.mean(values):.4f} (s.d. {np.std(values, ddof=1):.4f}): {each}")


if __name__ == "__main__":
    main()
