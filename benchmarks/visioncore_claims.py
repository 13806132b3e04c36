"""All of visioncore's claims over several simulated experiments: the table of docs/visioncore.md.

    python benchmarks/visioncore_claims.py                        # small: what fits into minutes
    python benchmarks/visioncore_claims.py --experiments 20 --fidelity 0.02   # overnight

Every pair of a claim has an experiment of its own (`data_seed`: observers, neurons, spikes) and a
training seed of its own, so that the interval is over experiments. Runs are kept under --results:
the same command goes on where it was stopped, and with more experiments it goes further. The table
is made of what is there, and says what it cost. --budget stops it after so many seconds.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from homeostat.evidence.claims import load_claims
from homeostat.evidence.contrasts import Contrast, Scale, plan_contrasts
from homeostat.evidence.divergence import PairOutcomes, judge_pairs
from homeostat.evidence.findings import Finding, Verification
from homeostat.evidence.verify import verify
from homeostat.record.runs import RunRecord, read_run
from homeostat.space import configs
from homeostat.workloads.visioncore.workload import visioncore

GROUPS = ("resnet", "polar")
# Set on both sides: a small network on one session of 100 s, whose rate and filters are such
# that so few steps explain something that per cent can be taken of.
SMALL: dict[str, dict[str, Any]] = {
    "resnet": {
        "sessions": "one", "num_frames": 12_000, "lr": 1e-2, "init": "proper", "width": 4,
        "hidden": 8, "taps": 8,
    },
    "polar": {
        "sessions": "one", "num_frames": 12_000, "lr": 1e-2, "init": "proper", "pairs": 4,
        "levels": 2, "kernel": 7,
    },
}  # fmt: skip
STEPS = 30
"""Of a baseline, unless the fidelity is given."""


def tested(group: str, experiment: int, options: argparse.Namespace) -> Verification:
    """One experiment: a pair of every claim alone, and of all together."""
    base = configs.load(f"{group}_original", visioncore)
    assert base.budget is not None
    return verify(
        visioncore, group=group, kinds=("alone", "together"), max_pairs=1,
        fidelity=options.fidelity or STEPS / base.budget,
        pins={**SMALL[group], "data_seed": experiment},
        results=options.results / f"experiment_{experiment}", engine="inline",
    )  # fmt: skip


def row(found: list[Finding]) -> tuple[str, ...]:
    """One claim over its experiments, as cells."""
    first = found[0]
    effects = [f.effect for f in found if math.isfinite(f.effect)]
    claimed = "some" if first.expected is None else "{:g} to {:g} %".format(
        *(100 * v for v in first.expected)
    )  # fmt: skip
    each = ", ".join(f"{100 * e + 0.0:+.0f}".replace("-0", "0") for e in effects)
    if all(f.verdict.value == "inert" for f in found):
        return first.name, claimed, each, "0, every report the same", "inert"
    lost = sum(f.diverged for f in found)
    judged = judge_pairs(PairOutcomes(tuple(effects), lost=lost), first.expected, last=True)
    assert judged is not None
    low, high = judged.interval.low, judged.interval.high
    reach = f" [{100 * low:+.0f}, {100 * high:+.0f}]" if math.isfinite(low) else ""
    mean = f"{100 * statistics.fmean(effects):+.1f} %{reach}" if effects else "nothing"
    note = f", {lost} diverged" if lost else ""
    more = f"; {first.compute:g} times the samples" if first.compute != 1.0 else ""
    return first.name, claimed + more, each, mean + note, judged.verdict.value


def qualities(group: str, found: list[Verification]) -> list[str]:
    """What the guide says without numbers, measured on the baseline and on all changes together."""
    told: dict[str, list[tuple[float, float]]] = {}
    for verification in found:
        contrast = _together(group, verification)
        both = [_run(verification.folder, arm.key) for arm in (contrast.against, contrast.changed)]
        if None in both:
            continue
        pairs = [_measured(run) for run in both if run is not None]
        for name in pairs[0]:
            told.setdefault(name, []).append((pairs[0][name], pairs[1][name]))
    lines = []
    for name, values in told.items():
        before, after = (statistics.fmean(v[i] for v in values) for i in (0, 1))
        held = sum(b > a for b, a in values)
        lines.append(f"| {name} | {before:.3g} | {after:.3g} | {held} of {len(values)} |")
    return lines


def _together(group: str, verification: Verification) -> Contrast:
    base = configs.load(verification.baseline, visioncore)
    assert visioncore.claims is not None
    claims = load_claims(visioncore.claims, visioncore.space)[group]
    scale = Scale(
        fidelity=verification.fidelity, budget=base.budget or 1, match=verification.match,
        pins=verification.pins,
    )  # fmt: skip
    return plan_contrasts(claims, base, visioncore.space, scale, ("together",))[0]


def _run(folder: Path, key: str) -> RunRecord | None:
    places = sorted(folder.glob(f"runs/*_{key}"))
    return read_run(places[-1]) if places else None


def _measured(run: RunRecord) -> dict[str, float]:
    """Of one run: lower is what the guide promises, in each of them."""
    (curve,) = run.curves().values()
    loss = np.asarray([v for v in curve["train_loss"] if math.isfinite(v)])
    third = max(len(loss) // 3, 2)
    trend = np.polyval(np.polyfit(np.arange(len(loss)), loss, 2), np.arange(len(loss)))
    return {
        "share of steps that were clipped": float(curve.last("clip_fraction")),
        "roughness: s.d. of the loss about its trend": float((loss - trend).std()),
        "loss after a third of the steps": float(loss[third - max(third // 3, 1) : third].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=3)
    parser.add_argument("--fidelity", type=float, default=0.0)
    parser.add_argument("--group", choices=GROUPS, action="append")
    parser.add_argument("--budget", type=float, default=math.inf)
    parser.add_argument("--results", type=Path, default=Path("results/visioncore_claims"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.monotonic()
    found: dict[str, list[Verification]] = {group: [] for group in options.group or GROUPS}
    for experiment in range(options.experiments):
        for group, verifications in found.items():
            if time.monotonic() - start < options.budget:
                verifications.append(tested(group, experiment, options))
                passed = f"{time.monotonic() - start:.0f} s"
                print(f"{group}, experiment {experiment}: done after {passed}", flush=True)
    for group, verifications in found.items():
        if not verifications:
            continue
        print(f"\n{group}: {len(verifications)} experiments\n")
        print("| claim | claimed | each experiment, % | mean [95 %] | verdict |")
        print("|---|---|---|---|---|")
        for findings in zip(*(v.findings for v in verifications), strict=True):
            print(f"| {' | '.join(row(list(findings)))} |")
        print("\n| promised to be lower | baseline | all changes | lower in |\n|---|--:|--:|--:|")
        print("\n".join(qualities(group, verifications)))
    print(f"\n{_cost(options.results)}")


def _cost(results: Path) -> str:
    runs = [read_run(place.parent) for place in results.glob("*/verify_*/runs/*/run.json")]
    seconds = sum(a.wall_s for run in runs for a in run.attempts)
    count = sum(len(run.attempts) for run in runs)
    return f"{count} runs, {seconds / 60:.0f} minutes of one core in all."


if __name__ == "__main__":
    main()
