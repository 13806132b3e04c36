"""The three-phase experiment: text, Python source, the text again; ageing networks and one that
does not age, from the same seeds.

    python benchmarks/apoptosis_phases.py [--seeds 3] [--results results/phases] [arm ...]

Trains the arms that are named (all, when none is) and not yet in the results folder, going on with
what was interrupted; then prints the table of docs/apoptosis.md from what is there. About half a
minute per arm and seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from homeostat.evidence.differences import interval
from homeostat.evidence.statistics import mean_interval
from homeostat.execute.run import resume, run
from homeostat.record.runs import RunRecord, read_run
from homeostat.space import configs
from homeostat.workloads.apoptosis.workload import apoptosis

ARMS = {
    "baseline": {"senescence": False},
    "repaired": {},
    "slow": {"max_lifespan": 480},
    "slow and silent": {"max_lifespan": 480, "birth": "zero_output", "selection": "both"},
}
METRICS = {
    "adaptation": "mean loss on B while it is read",
    "forgetting": "loss on A, end of B minus end of A",
    "recovery": "loss on A, very end minus end of A",
    "held_out_loss": "loss on A at the very end",
    "deaths": "layers that died",
}


def train(arm: str, results: Path, seeds: int) -> None:
    started = find(arm, results)
    if started is not None:
        if not started.outcome.final:
            resume(started.folder)
        return
    named = configs.load("three_phases", apoptosis)
    changes = ARMS[arm] if "senescence" in ARMS[arm] else {**ARMS[arm], "gap": False}
    run(
        apoptosis,
        named.resolve(apoptosis.space, changes),
        seeds=seeds,
        budget=named.budget,
        results=results,
        name=arm.replace(" ", "_"),
    )


def find(arm: str, results: Path) -> RunRecord | None:
    folders = sorted(results.glob(f"{arm.replace(' ', '_')}_2*"))
    return read_run(folders[-1]) if folders else None


def table(runs: dict[str, RunRecord]) -> str:
    lines = [f"| | {' | '.join(runs)} |", f"|---|{'---|' * len(runs)}"]
    for metric, meaning in METRICS.items():
        cells = [cell(run, runs["baseline"], metric) for run in runs.values()]
        lines.append(f"| {metric}: {meaning} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(run: RunRecord, baseline: RunRecord, metric: str) -> str:
    values = run.values(metric)
    mean = sum(values.values()) / len(values)
    if metric == "deaths":
        return f"{mean:.0f}"
    if run is baseline:
        reach = mean_interval(list(values.values()))
        return f"{mean:.3f} [{reach.low:.3f}, {reach.high:.3f}]"
    shared = sorted(values.keys() & baseline.values(metric).keys())
    theirs = baseline.values(metric)
    apart = [values[seed] - theirs[seed] for seed in shared]
    reach = interval(apart)
    return f"{mean:.3f}, {sum(apart) / len(apart):+.3f} [{reach.low:+.3f}, {reach.high:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("arms", nargs="*", default=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("results/phases"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for arm in options.arms:
        train(arm, options.results, options.seeds)
    runs = {arm: found for arm in ARMS if (found := find(arm, options.results)) is not None}
    if "baseline" in runs:
        print(table(runs))


if __name__ == "__main__":
    main()
