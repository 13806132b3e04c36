"""What the search itself costs: per trial on disk, and per ask, against Optuna in the same run.

    python benchmarks/overhead.py [--trials 1000]

1. A trivial objective, random trials in this process, everything durable: ours (run folders,
   curves, the study in SQLite) against `study.optimize` with Optuna's SQLite storage.
2. The TPE ask with 1,000 trials told, ours (recorded in SQLite) against Optuna's in memory, taking
   turns so that both meet the same noise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import optuna

import homeostat as hs
from homeostat.record.outcome import Outcome
from homeostat.search.study import Study

NAMES = [f"x{i}" for i in range(4)]


@hs.workload(
    space=hs.Space(**{name: hs.Float(0.0, 1.0) for name in NAMES}),
    metric="loss",
    goal="minimize",
    budget=1,
)
def trivial(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=objective(config))


def objective(values) -> float:
    return sum((values[name] - 0.3) ** 2 for name in NAMES)


def optuna_objective(trial: optuna.Trial) -> float:
    return objective({name: trial.suggest_float(name, 0.0, 1.0) for name in NAMES})


def durable(trials: int, folder: Path) -> tuple[float, float]:
    """Milliseconds a trial, ours and Optuna's."""
    hs.search(trivial, 20, method="random", results=folder, study="warm", confirm=False)
    started = time.perf_counter()
    hs.search(trivial, trials, method="random", results=folder, study="ours", confirm=False)
    ours_s = time.perf_counter() - started
    storage = f"sqlite:///{folder}/optuna.db"
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(optuna_objective, n_trials=20)
    started = time.perf_counter()
    study.optimize(optuna_objective, n_trials=trials)
    theirs_s = time.perf_counter() - started
    return 1e3 * ours_s / trials, 1e3 * theirs_s / trials


def asks(told: int, folder: Path, repeats: int = 60) -> tuple[float, float]:
    """Milliseconds an ask (median), ours and Optuna's, after `told` trials."""
    ours = Study.open(trivial, "asks", store=hs.Store(folder / "asks.db"), method="random")
    theirs = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    distributions = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in NAMES}
    ours = Study.open(trivial, "asks-tpe", store=hs.Store(folder / "asks.db"), method="tpe")
    quick = Study.open(trivial, "quick", store=hs.Store(folder / "asks.db"), method="random")
    for _ in range(told):
        spec = quick.ask()
        params = {name: spec.config[name] for name in NAMES}
        value = objective(params)
        row = ours.store.add_trial(ours.row.key, spec.number, params, time.time())
        assert row is not None
        quick.tell(spec.number, Outcome.COMPLETED, {"loss": [value]})
        trial = optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        theirs.add_trial(trial)
    ours.close()  # a second driver of the study would be looked after at every ask
    ours = Study.open(trivial, "asks-tpe", store=hs.Store(folder / "asks.db"))
    while ours.has_unfinished:
        spec = ours.ask()
        ours.tell(spec.number, Outcome.COMPLETED, {"loss": [objective(spec.config)]})
    times: tuple[list[float], list[float]] = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        spec = ours.ask()
        times[0].append(time.perf_counter() - started)
        ours.tell(spec.number, Outcome.COMPLETED, {"loss": [objective(spec.config)]})
        started = time.perf_counter()
        trial = theirs.ask()
        value = optuna_objective(trial)
        times[1].append(time.perf_counter() - started)
        theirs.tell(trial, value)
    return 1e3 * statistics.median(times[0]), 1e3 * statistics.median(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1_000)
    trials = parser.parse_args().trials
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = durable(trials, Path(folder))
        print(f"durable trial     ours {ours:6.2f} ms   Optuna, SQLite {theirs:6.2f} ms"
              f"   ratio {ours / theirs:.2f}   (bar: 2 ms, 0.15)")  # fmt: skip
        ours, theirs = asks(trials, Path(folder))
        print(f"TPE ask at {trials:5d}  ours {ours:6.2f} ms   Optuna, memory {theirs:6.2f} ms"
              f"   ratio {ours / theirs:.2f}   (bar: 1)")  # fmt: skip


if __name__ == "__main__":
    main()
