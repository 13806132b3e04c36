"""What evolution costs: the simulator against its scalar twin, NEAT against neat-python, and bars.

    python benchmarks/evolution.py                    the bars, about two minutes
    python benchmarks/evolution.py --plot FILE.png    also cost against population and hidden nodes

Ratios are taken in one run, turn about, by processor time; absolute figures hold for an idle
machine only. One evaluation is one creature for 40 s: 1,200 control steps of two substeps.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from homeostat.workloads.evolution import kernel, scores
from homeostat.workloads.evolution.blocks import pack
from homeostat.workloads.evolution.capacity import FIRST_HIDDEN, STRAIN
from homeostat.workloads.evolution.creatures import Creatures
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.kernel_scalar import new_body, run_all
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.neat.evolve import Settings, evolve
from homeostat.workloads.evolution.neat.tasks import XOR_SOLVED, xor
from homeostat.workloads.evolution.simulate import cores, evaluate
from homeostat.workloads.evolution.space import SPACE

BODIES = {"min_nodes": 3, "max_nodes": 10, "max_muscles": 20}
KEY = np.uint64(1)


def best_of(
    function: Callable[[], object], rounds: int = 3, clock: Callable[[], float] | None = None
) -> float:
    """The least time a call took."""
    clock = clock or time.perf_counter
    times = []
    for _ in range(rounds):
        before = clock()
        function()
        times.append(clock() - before)
    return min(times)


def population(size: int, **parameters: object) -> tuple[Creatures, Lab]:
    """Random creatures; a lab of up to 1,000, repeated as often as needed."""
    settings = {"population_size": min(max(size, 100), 1000), **BODIES, **parameters}
    lab = Lab(SPACE.resolve(settings), 1)
    return lab.creatures(np.arange(size) % settings["population_size"]), lab


def wired(creatures: Creatures, inputs: int, hidden: int) -> Creatures:
    """The same bodies with brains as full as feed-forward brains can be: the dearest NEAT."""
    rng = np.random.default_rng(0)
    columns = [*range(1, min(inputs, 9) + 1), *range(STRAIN, STRAIN + max(0, inputs - 9))]
    row_link = np.zeros_like(creatures.row_link)
    links, first = [], [0]
    for i, muscles in enumerate(creatures.muscles):
        mine: list[int] = []
        for row in range(hidden + muscles):
            row_link[i, row] = len(mine)
            own = [c for c in columns if c < STRAIN or c - STRAIN < muscles]
            mine += [0, *own, *range(FIRST_HIDDEN, FIRST_HIDDEN + min(row, hidden))]
        row_link[i, hidden + muscles :] = len(mine)
        links.append(mine)
        first.append(first[-1] + len(mine))
    flat = np.concatenate([np.array(mine, np.int32) for mine in links])
    return creatures._replace(
        hidden=np.full_like(creatures.hidden, hidden),
        row_link=row_link,
        first_link=np.array(first, np.int64),
        link_from=flat,
        link_weight=rng.uniform(-1, 1, len(flat)).astype(np.float32),
    )


def kernel_bars() -> None:
    """Evaluations a second, on one core and on all, and against the scalar kernel."""
    pure, lab = population(1000, neural_mode="pure", neural_hidden_size=16, time_input="cyclic")
    bodies, clocked = population(1000, neural_mode="neat", time_input="cyclic")
    _, sensing = population(100, neural_mode="neat", time_input="cyclic", use_proprioception=True)
    cases = {
        "pure, 9 inputs, 16 hidden": (pure, lab.world, 40_000),
        "NEAT, 9 inputs, 8 hidden": (wired(bodies, 9, 8), clocked.world, 35_000),
        "NEAT, 29 inputs, 16 hidden": (wired(bodies, 29, 16), sensing.world, 20_000),
    }
    keys = np.full(1000, KEY)
    print(
        f"{'evaluations/s':28}{'one core':>10}{f'{cores()} cores':>10}"
        f"{'bar':>8}{'scalar':>9}{'ratio':>7}"
    )
    for name, (creatures, world, bar) in cases.items():
        blocks, scratch = pack(creatures, world), kernel.new_scratch()
        result = np.zeros((1000, 1, scores.COLUMNS), np.float32)
        tasks = np.arange(len(blocks.nodes))
        few, film, body = 100, new_film(0), new_body()
        slow = np.zeros((1000, 1, scores.COLUMNS), np.float32)

        some = Creatures(*(part[:few] for part in creatures[:9]), *creatures[9:])
        lanes = partial(kernel.run_tasks, tasks, 1, blocks, keys, world, scratch, result)
        scalar = partial(run_all, some, keys[:few], 1, world, body, film, slow)
        every_core = partial(evaluate, creatures, keys, 1, world)
        one_s = best_of(lanes, clock=time.thread_time)
        scalar_s = best_of(scalar, 2, time.thread_time) * 1000 / few
        all_s = best_of(every_core)
        print(
            f"{name:28}{1000 / one_s:10,.0f}{1000 / all_s:10,.0f}{bar:8,}"
            f"{1000 / scalar_s:9,.0f}{scalar_s / one_s:7.1f}"
        )
    print("bar of the ratio: 5\n")


def lab_bars() -> None:
    """Packing, reproduction, and a whole evolution of 1,000 creatures and 100 generations."""
    for mode in ("pure", "neat"):
        config = SPACE.resolve({"neural_mode": mode, "population_size": 1000})
        warm = Lab(config, 0)
        evaluate_labs([warm])
        warm.breed()  # compiled now
        lab = Lab(config, 42)
        creatures = lab.creatures()
        pack_s = best_of(partial(pack, creatures, lab.world), 10, time.thread_time)
        express_s = best_of(lab.creatures, 10, time.thread_time)
        bred_s, start = 0.0, time.perf_counter()
        for _ in range(100):
            evaluate_labs([lab])
            before = time.thread_time()
            lab.breed()
            bred_s += time.thread_time() - before
        whole_s = time.perf_counter() - start
        print(
            f"{mode}: per 1,000: packing {1e3 * pack_s:.1f} ms (bar 2), expressing "
            f"{1e3 * express_s:.1f} ms, breeding {10 * bred_s:.1f} ms (bar 10); "
            f"1,000 x 100 in {whole_s:.1f} s (bar 10)"
        )
    print()


NEAT_PYTHON = """
[NEAT]
fitness_criterion = max
fitness_threshold = 1e9
pop_size = 150
reset_on_extinction = False
no_fitness_termination = True
[DefaultGenome]
num_inputs = 2
num_hidden = 0
num_outputs = 1
initial_connection = full
feed_forward = True
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.5
conn_delete_prob = 0.0
node_add_prob = 0.2
node_delete_prob = 0.0
activation_default = sigmoid
activation_options = sigmoid
activation_mutate_rate = 0.0
aggregation_default = sum
aggregation_options = sum
aggregation_mutate_rate = 0.0
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_replace_rate = 0.1
bias_mutate_rate = 0.7
bias_mutate_power = 0.5
bias_max_value = 30.0
bias_min_value = -30.0
response_init_mean = 1.0
response_init_stdev = 0.0
response_replace_rate = 0.0
response_mutate_rate = 0.0
response_mutate_power = 0.0
response_max_value = 30.0
response_min_value = -30.0
weight_max_value = 30
weight_min_value = -30
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
weight_mutate_power = 0.5
enabled_default = True
enabled_mutate_rate = 0.01
[DefaultSpeciesSet]
compatibility_threshold = 3.0
[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2
[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
"""


def neat_python_rate(generations: int) -> float:
    """Generations of XOR a second by neat-python, population 150."""
    import neat

    cases = [((a, b), float(a != b)) for a in (0.0, 1.0) for b in (0.0, 1.0)]

    def score(genomes: list, config: object) -> None:
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            off = sum(abs(network.activate(x)[0] - y) for x, y in cases)
            genome.fitness = (4.0 - off) ** 2

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "xor.ini"
        path.write_text(NEAT_PYTHON)
        config = neat.Config(
            neat.DefaultGenome,
            neat.DefaultReproduction,
            neat.DefaultSpeciesSet,
            neat.DefaultStagnation,
            str(path),
        )
    peer = neat.Population(config)
    before = time.process_time()
    peer.run(score, generations)
    return generations / (time.process_time() - before)


def neat_bars() -> None:
    """XOR generations a second, population 150, against neat-python in the same run."""
    settings = Settings(generations=60)
    never = {"inputs": 2, "outputs": 1, "settings": settings, "solved": math.inf}
    evolve(xor, seed=0, **never)
    ours, theirs = [], []
    for seed in range(5):
        before = time.process_time()
        evolve(xor, seed=seed, **never)
        ours.append(60 / (time.process_time() - before))
        theirs.append(neat_python_rate(60))
    ratio = np.median(np.array(ours) / np.array(theirs))
    print(
        f"XOR, population 150: {np.median(ours):,.0f} generations/s, neat-python "
        f"{np.median(theirs):,.0f}: ratio {ratio:.1f} (bar 10)"
    )
    results = [
        evolve(xor, inputs=2, outputs=1, seed=s, settings=Settings(), solved=XOR_SOLVED)
        for s in range(100)
    ]
    print(
        f"XOR solved in {sum(r.solved for r in results)} of 100 runs (bar 98), mean "
        f"{np.mean([r.generations for r in results]):.1f} generations, "
        f"{np.mean([r.hidden for r in results]):.2f} hidden\n"
    )


def plot(path: Path) -> None:
    """Draw cost against population and against hidden neurons."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000]
    for mode in ("pure", "neat"):
        rates = []
        for size in sizes:
            creatures, lab = population(size, neural_mode=mode)
            keys = np.full(size, KEY)
            rounds = 3 if size <= 10_000 else 1
            rates.append(size / best_of(partial(evaluate, creatures, keys, 1, lab.world), rounds))
        print(
            f"{mode}: " + ", ".join(f"{s:,}: {r:,.0f}/s" for s, r in zip(sizes, rates, strict=True))
        )
        left.plot(sizes, rates, marker="o", label=mode)
    left.set(xscale="log", xlabel="population", ylabel="evaluations / s", ylim=(0, None))
    left.legend()
    bodies, lab = population(1000, neural_mode="neat", time_input="cyclic")
    keys, counts = np.full(1000, KEY), [0, 2, 4, 8, 16, 24, 32]
    rates = []
    for hidden in counts:
        full = wired(bodies, 9, hidden)
        rates.append(1000 / best_of(partial(evaluate, full, keys, 1, lab.world)))
    print("hidden: " + ", ".join(f"{h}: {r:,.0f}/s" for h, r in zip(counts, rates, strict=True)))
    right.plot(counts, rates, marker="o", color="tab:green")
    right.set(xlabel="hidden neurons, fully wired", ylabel="evaluations / s", ylim=(0, None))
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    kernel_bars()
    lab_bars()
    neat_bars()
    if chosen.plot:
        plot(chosen.plot)


if __name__ == "__main__":
    main()
