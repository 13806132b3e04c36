"""What the search itself costs: per trial on disk, and per ask, against Optuna in the same run.

    python benchmarks/overhead.py [--trials 1000]

1. A trivial objective, random trials in this process, everything durable: ours (run folders,
   curves, the study in SQLite) against `study.optimize` with Optuna's SQLite storage. In turns,
   three times; the median, and the range of ours.
2. The TPE ask with 1,000 trials told: ours, recorded in SQLite, against Optuna's in SQLite and
   against Optuna's in memory, which is lost with its process. In turns.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import warnings
from contextlib import closing
from pathlib import Path

import optuna

import homeostat as hs
from homeostat.record.outcome import Outcome
from homeostat.study.study import Study

ROUNDS = 3
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


def durable(trials: int, folder: Path) -> tuple[list[float], list[float]]:
    """Milliseconds a trial, ours and Optuna's, of each round."""
    hs.search(trivial, 20, method="random", results=folder, study="warm", confirm=False)
    storage = f"sqlite:///{folder}/optuna.db"
    warm = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    warm.optimize(optuna_objective, n_trials=20)
    ours, theirs = [], []
    for number in range(ROUNDS):
        started = time.perf_counter()
        name = f"ours-{number}"
        hs.search(trivial, trials, method="random", results=folder, study=name, confirm=False)
        ours.append(1e3 * (time.perf_counter() - started) / trials)
        sampler = optuna.samplers.RandomSampler(seed=number)
        study = optuna.create_study(storage=storage, sampler=sampler)
        started = time.perf_counter()
        study.optimize(optuna_objective, n_trials=trials)
        theirs.append(1e3 * (time.perf_counter() - started) / trials)
    return ours, theirs


def told_alike(told: int, folder: Path) -> tuple[Study, optuna.Study, optuna.Study]:
    """Ours, and Optuna's in SQLite and in memory, after the same `told` random trials."""
    store = hs.Store(folder / "asks.db")
    # A second driver of the study would be looked after at every ask.
    with closing(Study.open(trivial, "asks", store=store, method="tpe")) as first:
        key = first.row.key
    study = optuna.create_study(
        storage=f"sqlite:///{folder}/asks-optuna.db", sampler=optuna.samplers.TPESampler(seed=0)
    )
    in_memory = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    distributions = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in NAMES}
    rng = random.Random(0)
    for number in range(told):
        params = {name: rng.random() for name in NAMES}
        assert store.add_trial(key, number, params, time.time()) is not None
        value = objective(params)
        for each in (study, in_memory):
            each.add_trial(
                optuna.trial.create_trial(params=params, distributions=distributions, value=value)
            )
    ours = Study.open(trivial, "asks", store=store)
    while ours.has_unfinished:
        spec = ours.ask()
        ours.tell(spec.number, Outcome.COMPLETED, {"loss": [objective(spec.config)]})
    return ours, study, in_memory


def asks(told: int, folder: Path, repeats: int = 60) -> list[float]:
    """Milliseconds an ask (median): ours, Optuna's in SQLite, Optuna's in memory."""
    ours, *theirs = told_alike(told, folder)
    times: list[list[float]] = [[], [], []]
    for _ in range(repeats):
        started = time.perf_counter()
        spec = ours.ask()
        times[0].append(time.perf_counter() - started)
        ours.tell(spec.number, Outcome.COMPLETED, {"loss": [objective(spec.config)]})
        for study, spent in zip(theirs, times[1:], strict=True):
            started = time.perf_counter()
            trial = study.ask()
            value = optuna_objective(trial)
            spent.append(time.perf_counter() - started)
            study.tell(trial, value)
    return [1e3 * statistics.median(spent) for spent in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1_000)
    trials = parser.parse_args().trials
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = durable(trials, Path(folder))
        one, two = statistics.median(ours), statistics.median(theirs)
        print(f"durable trial     ours {one:6.2f} ms ({min(ours):.2f} to {max(ours):.2f})   Optuna,"
              f" SQLite {two:6.2f} ms   ratio {one / two:.2f}   (bar: 2 ms, 0.15)")  # fmt: skip
        one, two, three = asks(trials, Path(folder))
        print(f"TPE ask at {trials:5d}  ours {one:6.2f} ms   Optuna, SQLite {two:6.2f} ms, "
              f"memory {three:6.2f} ms   ratios {one / two:.2f}, {one / three:.2f}"
              "   (bar: 1)")  # fmt: skip


if __name__ == "__main__":
    main()
