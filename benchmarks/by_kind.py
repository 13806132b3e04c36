# ruff: noqa: E501
"""Searches on every kind of space: how far from the best is what each method selects?

    python benchmarks/by_kind.py --methods ours,tpe,gp,random --seeds 5 --budgets 30,100
    python benchmarks/by_kind.py --table          # of everything measured so far

Every method gets the same number of runs. Ours spends a part of them on confirming, as
`homeostat search` does; the others select their best result. Regret is 0 at the best configuration
and 1 at a middling one, of the truth without noise. Seconds are the processor's, of the method
alone. SMAC3 needs `pip install smac`; results are appended, one line a study.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kinds import HELD_OUT, PROBLEMS, Kind, Values

FLOOR = 1e-3
"""A regret below this counts as this in geometric means."""
RESULTS = Path("results/by_kind.jsonl")


def ours(problem: Kind, seed: int, budget: int, method: str = "auto") -> Values:
    """As `homeostat search` does: draw, learn, let the best qualify and confirm them."""
    from homeostat.sample.samplers import Setting, make_sampler
    from homeostat.sample.untried import Untried
    from homeostat.search.confirm import effort

    space = problem.search_space
    sampler = make_sampler(method, Setting(space, {"bad": "minimize"}, seed))
    untried = Untried(space, seed)
    sizes = [n for n in range(1, budget) if n + effort(n, True).attempts <= budget]
    tried: list[tuple[float, Values]] = []
    for number in range(max(sizes)):
        proposal = space.draw(sampler.start(number)) if number else space.default()
        drawn = untried.closest(proposal, number)
        if not number:
            sampler.replay(0, drawn)
        elif drawn != proposal:
            sampler.amend(number, drawn)
        untried.add(drawn)
        result = problem.run(drawn, 0)
        sampler.learn(number, None if result is None else (result,))
        tried.append((math.inf if result is None else result, drawn))
    again = effort(len(tried), True)
    chosen = promising(problem, tried)[: again.entrants]

    def mean(values: Values, seeds: range) -> float:
        found = [problem.run(values, s) for s in seeds]
        return math.inf if None in found else float(np.mean(found))

    if again.qualifying:
        chosen.sort(key=lambda values: mean(values, range(1, 2)))
    finalists = [*chosen[: again.finalists], space.default()]
    return min(finalists, key=lambda values: mean(values, range(2, 2 + again.seeds)))


def promising(problem: Kind, tried: list[tuple[float, Values]]) -> list[Values]:
    """As `Study.promising`."""
    from homeostat.sample.portfolio import Portfolio

    done = [(result, n) for n, (result, _) in enumerate(tried) if math.isfinite(result)]
    model = Portfolio(problem.search_space, ["minimize"], 0)
    for result, number in done:
        model.replay(number, tried[number][1])
        model.learn(number, (result,))
    expected = model.expected()
    first, *others = [number for _, number in sorted(done)]
    if expected:
        others.sort(key=lambda number: expected[number])
    return [tried[number][1] for number in [first, *others]]


def optuna_with(make: Callable[[int], Any]) -> Callable[[Kind, int, int], Values]:
    def search(problem: Kind, seed: int, budget: int) -> Values:
        import optuna

        from homeostat.sample.encoding import Encoding

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=make(seed))
        encoding = Encoding(problem.search_space.searched)
        best: tuple[float, Values] = (math.inf, problem.search_space.default())
        for _ in range(budget):
            trial = study.ask()
            drawn = problem.search_space.draw(lambda name, t=trial: encoding.suggest(t, name))
            result = problem.run(drawn, 0)
            if result is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, result)
                best = min(best, (result, drawn), key=lambda pair: pair[0])
        return best[1]

    return search


def _tpe(seed: int) -> Any:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed)


def _gp(seed: int) -> Any:
    import torch
    from optuna.samplers import GPSampler

    torch.set_num_threads(1)
    return GPSampler(seed=seed)


def random(problem: Kind, seed: int, budget: int) -> Values:
    rng, space = np.random.default_rng(seed), problem.search_space
    drawn = [space.draw(lambda n: space.searched[n].from_unit(rng.random())) for _ in range(budget)]
    results = [problem.run(values, 0) for values in drawn]
    return drawn[int(np.argmin([math.inf if r is None else r for r in results]))]


def smac(problem: Kind, seed: int, budget: int) -> Values:
    import tempfile

    from ConfigSpace import (
        Categorical,
        ConfigurationSpace,
        EqualsCondition,
        Float,
        InCondition,
        Integer,
    )
    from smac import HyperparameterOptimizationFacade, Scenario

    from homeostat.space import Bool, Choice
    from homeostat.space import Float as OurFloat

    searched = problem.search_space.searched
    space = ConfigurationSpace(seed=seed)
    knobs: dict[str, Any] = {}
    for name in problem.search_space.names:
        p = searched[name]
        if isinstance(p, Choice | Bool):
            knobs[name] = Categorical(
                name, list(range(len(p.options))), default=p.options.index(p.default)
            )
        elif isinstance(p, OurFloat) and not p.step:
            knobs[name] = Float(name, (p.low, p.high), log=p.log, default=p.default)
        elif p.step not in (None, 1):
            knobs[name] = Integer(name, (0, int(p.count) - 1))
        else:
            knobs[name] = Integer(name, (p.low, p.high), log=p.log, default=p.default)
    space.add(*knobs.values())
    for name, knob in knobs.items():
        for parent, values in problem.space.conditions[name].items():
            places = [searched[parent].options.index(v) for v in values]
            space.add(
                EqualsCondition(knob, knobs[parent], places[0])
                if len(places) == 1
                else InCondition(knob, knobs[parent], places)
            )

    def decode(found: Any) -> Values:
        def value(name: str) -> Any:
            p = searched[name]
            if isinstance(p, Choice | Bool):
                return p.options[int(found[name])]
            return (
                p.nth(int(found[name])) if p.step not in (None, 1) else p.check(float(found[name]))
            )

        return problem.search_space.draw(value)

    def run(config: Any, seed: int = 0) -> float:
        result = problem.run(decode(dict(config)), 0)
        return 1e6 if result is None else result

    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space, n_trials=budget, deterministic=True, seed=seed, output_directory=Path(folder)
        )
        facade = HyperparameterOptimizationFacade(scenario, run, overwrite=True, logging_level=50)
        return decode(dict(facade.optimize()))


METHODS: dict[str, Callable[[Kind, int, int], Values]] = {
    "ours": ours,
    "random": random,
    "tpe": optuna_with(_tpe),
    "gp": optuna_with(_gp),
    "smac": smac,
}


def measure(
    problems: list[Kind], methods: list[str], seeds: range, budgets: list[int], results: Path
) -> None:
    """Makes the studies that are missing."""
    results.parent.mkdir(parents=True, exist_ok=True)
    known = {(r["problem"], r["method"], r["seed"], r["budget"]) for r in rows(results)}
    for budget in budgets:
        for seed in seeds:
            for problem in problems:
                for method in methods:
                    if (problem.name, method, seed, budget) in known:
                        continue
                    began = time.process_time()
                    selected = METHODS[method](problem, seed, budget)
                    line = {
                        "problem": problem.name, "kind": problem.kind, "method": method, "seed": seed,
                        "budget": budget, "regret": round(problem.regret(selected), 5),
                        "s": round(time.process_time() - began, 2),
                    }  # fmt: skip
                    with results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")


def rows(results: Path) -> list[dict[str, Any]]:
    return (
        [json.loads(line) for line in results.read_text("utf-8").splitlines()]
        if results.exists()
        else []
    )


def table(found: list[dict[str, Any]], budget: int, against: str = "ours") -> None:
    """By problem the mean regret; by kind the geometric mean of what others have, in times ours."""
    chosen = [r for r in found if r["budget"] == budget]
    methods = [m for m in METHODS if any(r["method"] == m for r in chosen)]
    methods += sorted({r["method"] for r in chosen} - {*methods})
    names = list(dict.fromkeys(r["problem"] for r in chosen))
    kind = {r["problem"]: r["kind"] for r in chosen}
    got: dict[tuple[str, str], list[float]] = {}
    for r in chosen:
        got.setdefault((r["problem"], r["method"]), []).append(r["regret"])
    print(
        f"\n| {budget} runs: problem | kind | "
        + " | ".join(methods)
        + " |\n|---|---|"
        + "---|" * len(methods)
    )
    for name in names:
        cells = []
        for m in methods:
            v = np.array(got.get((name, m), [np.nan]))
            half = 1.96 * v.std(ddof=1) / math.sqrt(len(v)) if len(v) > 1 else math.nan
            cells.append(f"{v.mean():.3f} ± {half:.3f}")
        print(f"| {name} | {kind[name]} | " + " | ".join(cells) + " |")
    for group in [*dict.fromkeys(kind.values()), "all"]:
        cells, ranks = [], {m: [] for m in methods}
        members = [n for n in names if group in (kind[n], "all")]
        for n in members:
            means = {m: np.mean(got[n, m]) for m in methods if (n, m) in got}
            for m in means:
                ranks[m].append(1 + sum(other < means[m] for other in means.values()))
        for m in methods:
            logs = [
                math.log(max(np.mean(got[n, m]), FLOOR) / max(np.mean(got[n, against]), FLOOR))
                for n in members if (n, m) in got and (n, against) in got
            ]  # fmt: skip
            cells.append(
                f"{math.exp(np.mean(logs)):.2f} (rank {np.mean(ranks[m]):.1f})" if logs else ""
            )
        print(f"| times {against}, geometric mean | {group} | " + " | ".join(cells) + " |")
    seconds = {m: np.mean([r["s"] for r in chosen if r["method"] == m]) for m in methods}
    print("| seconds of a study | | " + " | ".join(f"{seconds[m]:.1f}" for m in methods) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", default="", help="Names; all of them by default.")
    parser.add_argument(
        "--held-out", action="store_true", help="Those that `auto` was not chosen on."
    )
    parser.add_argument("--methods", default="ours,random,tpe")
    parser.add_argument("--seeds", type=int, default=5, help="How many studies of each.")
    parser.add_argument("--first", type=int, default=10, help="The seed of the first.")
    parser.add_argument("--budgets", default="100")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="Only print what was measured.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    budgets = [int(b) for b in given.budgets.split(",")]
    if not given.table:
        problems = [make() for make in (HELD_OUT if given.held_out else PROBLEMS)]
        wanted = [p for p in problems if not given.problems or p.name in given.problems.split(",")]
        seeds = range(given.first, given.first + given.seeds)
        measure(wanted, given.methods.split(","), seeds, budgets, given.results)
    for budget in budgets:
        table(rows(given.results), budget)


if __name__ == "__main__":
    main()
