"""The rule "further trials would gain less than the noise": how often is it wrong?

    python benchmarks/enough.py --seeds 2 --trials 100

On problems whose optimum is known, each study goes on to the end; where the rule would have stopped
it, what was still to gain is compared with the noise of seeds: to the optimum, and to what the
same study had found at its end.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import pairwise

from kinds import HELD_OUT, PROBLEMS, Kind

from homeostat.sample.portfolio import Portfolio
from homeostat.sample.untried import Untried


def study(problem: Kind, seed: int, trials: int, every: int) -> list[tuple[int, float, float]]:
    """(trials, chance of gain, regret of what is believed best, in units of the noise)."""
    space, found = problem.search_space, []
    sampler, untried = Portfolio(space, ["minimize"], seed), Untried(space, seed)
    drawn_by: dict[int, dict] = {}
    results: dict[int, float] = {}
    for number in range(trials):
        proposal = space.draw(sampler.start(number)) if number else space.default()
        drawn = drawn_by[number] = untried.closest(proposal, number)
        if not number:
            sampler.replay(0, drawn)
        elif drawn != proposal:
            sampler.amend(number, drawn)
        untried.add(drawn)
        result = problem.run(drawn, 0)
        sampler.learn(number, None if result is None else (result,))
        if result is not None:
            results[number] = result
        count = number + 1
        if count % every == 0 and count >= 20:
            expected = sampler.expected() or results
            best = min(expected, key=expected.__getitem__)
            found.append((count, sampler.chance_of_gain(),
                          problem.regret(drawn_by[best]) / problem.noise))  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--problems", default="", help="Names; all of them by default.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    wanted = given.problems.split(",") if given.problems else []
    for make in HELD_OUT if given.held_out else PROBLEMS:
        problem = make()
        if not problem.noise or (wanted and problem.name not in wanted):
            continue
        for seed in range(given.first, given.first + given.seeds):
            seen = study(problem, seed, given.trials, given.every)
            end = seen[-1][2]
            told = " ".join(f"{n}:{chance:.2f}/{regret:.1f}" for n, chance, regret in seen)
            twice = [b for a, b in pairwise(seen) if max(a[1], b[1]) < 0.05]
            stop = twice[0] if twice else None
            says = "never" if stop is None else (
                f"at {stop[0]}, to the optimum {stop[2]:.2f}, to the end {stop[2] - end:.2f} noises"
            )  # fmt: skip
            print(f"{problem.name} {seed}: stops {says} | {told}", flush=True)


if __name__ == "__main__":
    main()
