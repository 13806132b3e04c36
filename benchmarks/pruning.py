"""What pruning saves on real learning curves, and what it costs.

    python benchmarks/pruning.py [--curves FILE]

Trains the digits network of `digits.py` with 400 Sobol configurations to the end (about a minute;
kept in FILE if given), then plays 100 studies of 100 random trials each on these curves under every
rule: the share of the steps saved, and how much worse the best that is left ends.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from digits import EPOCHS, SPACE, digits

from homeostat.execute.loop.drive import pull
from homeostat.prune.curve import Curve, PruningRule
from homeostat.prune.rules import RULES, make_rule
from homeostat.sample.quasirandom import Sobol
from homeostat.workload.trial import Trial

CONFIGS, STUDIES, TRIALS = 400, 100, 100
METRICS = {"accuracy": -1.0, "val_loss": 1.0}
"""And the sign that makes it the lower the better."""


def record() -> np.ndarray:
    """Curves of (configuration, epoch, metric); nan from where one diverged."""
    searched = SPACE.searched()
    sobol = Sobol(searched, 7)
    curves = np.full((CONFIGS, EPOCHS, len(METRICS)), np.nan)
    for number in range(CONFIGS):
        draw = sobol.start(number)
        config = SPACE.resolve({name: draw(name) for name in searched})
        trial = Trial(config, seed=42, budget=EPOCHS, folder=Path())
        with np.errstate(all="ignore"):
            for epoch, report in enumerate(pull(digits, trial)):
                curves[number, epoch] = [report.metrics[name] for name in METRICS]
    return curves


def play(rule: PruningRule, bad_CN: np.ndarray) -> tuple[float, float]:
    """One study on known curves: the share of steps saved, and how much worse its best is."""
    past: list[Curve] = []
    used = whole = 0
    finals = []
    for number, bad_N in enumerate(bad_CN):
        healthy_N = np.isfinite(bad_N)
        length = len(bad_N) if healthy_N.all() else int(healthy_N.argmin())
        stop = next(
            (
                rung + 1
                for rung in sorted(rule.rungs(number))
                if rung < length
                and rule.reason(Curve(number, np.arange(rung + 1), bad_N[: rung + 1, None]), past)
            ),
            length,
        )
        whole, used = whole + length, used + stop
        completed = stop == len(bad_N)
        if completed:
            finals.append(bad_N[-1])
        if stop:
            past.append(Curve(number, np.arange(stop), bad_N[:stop, None], completed))
    return 1 - used / whole, min(finals) - np.nanmin(bad_CN[:, -1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=Path, help="Where the curves are kept (.npy).")
    parser.add_argument("--studies", type=int, default=STUDIES)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.curves and given.curves.exists():
        curves = np.load(given.curves)
    else:
        curves = record()
        if given.curves:
            np.save(given.curves, curves)
    for m, (metric, sign) in enumerate(METRICS.items()):
        print(f"{metric}: best {np.nanmin(sign * curves[:, -1, m]) * sign:.4g}")
        for name in RULES:
            started = time.perf_counter()
            played = []
            for study in range(given.studies):
                chosen = np.random.default_rng(study).permutation(CONFIGS)[:TRIALS]
                played.append(play(make_rule(name, (), EPOCHS), sign * curves[chosen, :, m]))
            saved, lost = np.array(played).T
            spent_ms = 1e3 * (time.perf_counter() - started) / given.studies / TRIALS
            # Half a point of accuracy; of the loss, what half a point is worth near the best.
            limit = 0.5 if sign < 0 else 0.02
            print(
                f"  {name:9s} saves {saved.mean():4.0%} of the steps, costs {lost.mean():.3f}, "
                f"more than {limit:g} in {(lost > limit).mean():3.0%} of studies "
                f"({spent_ms:.1f} ms a trial)"
            )


if __name__ == "__main__":
    main()
