"""The metric tables of docs/hyperperturb.md, over three seeds.

    python benchmarks/hyperperturb.py                                    # Papalexi et al. 2021
    python benchmarks/hyperperturb.py --curvature 0.01 0.1 1 4           # a row for each
    python benchmarks/hyperperturb.py --config unseen                    # and unseen_pairs

The first needs the data (homeostat data get papalexi). Each seed has its own random halves of the
cells: the networks are trained on one and everything is scored on the other. With perturbations
held out, the table is that of the test part.
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


def one_seed(
    config_name: str, seed: int, steps: int, changes: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Train with one seed; row -> metric -> value."""
    named = configs.load(config_name, hyperperturb)
    config = named.resolve(hyperperturb.space, changes)
    trial = Trial(config, seed=seed, budget=steps or named.budget or hyperperturb.budget)
    for _ in hyperperturb(config, trial):
        pass
    return trial.extra["table"] if "table" in trial.extra else trial.extra["tables"]["test"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="papalexi")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--curvature", type=float, nargs="*", default=[1.0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables: list[dict[str, dict[str, float]]] = []
    with threadpool_limits(1):
        for seed in SEEDS[: options.seeds]:
            rows: dict[str, dict[str, float]] = {}
            for c in options.curvature:
                found = one_seed(options.config, seed, options.steps, {"curvature": c})
                rows |= {f"{w}, c={c:g}" if w == "hyperbolic" else w: r for w, r in found.items()}
            tables.append(rows)
    mean = {
        row: {metric: float(np.mean([t[row][metric] for t in tables])) for metric in metrics}
        for row, metrics in tables[0].items()
    }
    print(render(mean))
    score = "val_kl" if "val_kl" in next(iter(mean.values())) else "mse"
    print(f"\n{score} by seed:")
    for row in mean:
        values = [table[row][score] for table in tables]
        each = ", ".join(f"{value:.4f}" for value in values)
        print(f"  {row:20s} {np.mean(values):.4f} (s.d. {np.std(values, ddof=1):.4f}): {each}")


if __name__ == "__main__":
    main()
