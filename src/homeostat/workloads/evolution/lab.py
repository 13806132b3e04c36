"""One evolving population: evaluate, select, breed; saved and resumed between generations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.space import Config
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.body import BodyRules
from homeostat.workloads.evolution.chance import BIRTH, BREED, HELD_OUT, PELLETS, key_at, key_of
from homeostat.workloads.evolution.creatures import Creatures
from homeostat.workloads.evolution.distance import between_all, first_fits_of
from homeostat.workloads.evolution.express import express
from homeostat.workloads.evolution.join import joined
from homeostat.workloads.evolution.population import (
    CONNECTIVITIES,
    Population,
    Rules,
    breed,
    empty_population,
    found,
)
from homeostat.workloads.evolution.selection import Plan, Pressure, plan, shared_fitness
from homeostat.workloads.evolution.simulate import evaluate
from homeostat.workloads.evolution.species import Species
from homeostat.workloads.evolution.weights import CROSSOVERS, WeightRules
from homeostat.workloads.evolution.world import World, world_of

from .neat.mutate import Rates

Array = npt.NDArray[Any]

_RESET_SHARE, _RESET_RANGE = 0.1, 0.5  # of NEAT weight mutations; the range of new weights
_BIAS_RATE, _BIAS_SIZE = 0.3, 0.2  # of a neuron's own bias, when it has one


def rules_of(config: Config, world: World) -> Rules:
    """How creatures are born and change under a configuration."""
    neat, bias = config.neural_mode == "neat", config.bias_mode
    return Rules(
        neat=int(neat),
        body=BodyRules(
            min_nodes=config.min_nodes,
            max_nodes=config.max_nodes,
            max_muscles=config.max_muscles,
            rate=config.mutation_rate,
            magnitude=config.mutation_magnitude,
            structure=config.body_structure_rate,
        ),
        weights=WeightRules(
            inputs=7 + world.clock_inputs,
            proprioception=world.proprioception,
            hidden_biased=int(bias == "node"),
            output_biased=int(bias != "none"),
            output_bias=config.neural_output_bias,
            rate=config.weight_mutation_rate,
            size=config.weight_mutation_magnitude,
            crossover=CROSSOVERS.index(config.neural_crossover),
        ),
        brain=Rates(
            add_node=config.neat_add_node_rate,
            add_connection=config.neat_add_connection_rate,
            enable=config.neat_enable_rate,
            disable=config.neat_disable_rate,
            weight=config.weight_mutation_rate,
            weight_size=config.weight_mutation_magnitude,
            reset=_RESET_SHARE,
            reset_range=_RESET_RANGE,
            bias=_BIAS_RATE if bias == "node" else 0.0,
            bias_size=_BIAS_SIZE,
            max_hidden=config.neat_max_hidden_nodes,
        ),
        connectivity=CONNECTIVITIES.index(config.neat_initial_connectivity),
        bias_node=int(bias == "bias_node"),
        clock=world.clock_inputs,
        proprioception=world.proprioception,
        output_bias=config.neural_output_bias,
    )


def pressure_of(config: Config) -> Pressure:
    """How hard selection is under a configuration."""
    return Pressure(
        method=config.selection_method,
        cull=config.cull_percentage,
        elites=config.elite_count if config.honour_elites else 0,
        crossover=config.crossover_rate,
        tournament_size=config.tournament_size,
        min_species_size=config.min_species_size,
    )


@dataclass(frozen=True)
class Generation:
    """What a generation scored."""

    number: int
    scores: Array
    """(N, scores.COLUMNS), means over the layouts; a creature that failed one scores 0."""

    @property
    def fitness(self) -> Array:
        """(N,) in-sample fitness."""
        return np.asarray(self.scores[:, S.FITNESS])


class Lab:
    """A population and its rules.

    lab.keys()        -> (N,) layout keys of this generation
    lab.creatures()   -> its bodies and brains, ready for the kernels
    lab.judge(scores) -> Generation
    lab.breed()       -> on to the next generation
    """

    def __init__(self, config: Config, seed: int) -> None:
        self.config, self.seed = config, seed
        self.world = world_of(config)
        self.rules = rules_of(config, self.world)
        self.pressure = pressure_of(config)
        neat = bool(self.rules.neat)
        size = {
            "hidden": 0 if neat else config.neural_hidden_size,
            "max_hidden": config.neat_max_hidden_nodes if neat else 0,
        }
        self.population = empty_population(config.population_size, **size)
        self._next = empty_population(config.population_size, **size)
        found(self.population, self.rules, key_of(BIRTH, seed))
        self.species = Species()
        self.number = 0
        self.last: Generation | None = None
        self.lineage = [self.population.parents.copy()]

    @classmethod
    def of(cls, config: Config, seed: int, population: Population, number: int) -> Lab:
        """A lab around creatures that exist already, of generation `number`."""
        lab = cls(config, seed)
        lab.population, lab.number = population, number
        return lab

    def creatures(self, chosen: Array | None = None) -> Creatures:
        """The creatures of this generation, or some of them."""
        population = self.population if chosen is None else take(self.population, chosen)
        return express(
            population,
            self.rules,
            friction=self.config.ground_friction,
            per_node=self.config.per_node_friction,
            damping=self.config.muscle_damping_multiplier,
        )

    def keys(self) -> Array:
        """For each creature, the key of its pellet layouts: one for all, unless told otherwise."""
        size = len(self.population.name)
        key = key_of(PELLETS, self.seed, self.number)
        if self.config.common_layouts:
            return np.full(size, key, np.uint64)
        return np.array([key_at(key, i) for i in range(size)], np.uint64)

    def judge(self, scores: Array) -> Generation:
        """Take in the scores of this generation, (N, layouts, columns)."""
        means = scores.mean(axis=1)
        means[:, S.REASON] = scores[:, :, S.REASON].max(axis=1)
        self.last = Generation(self.number, means)
        return self.last

    def breed(self) -> Plan:
        """Select, and put the next generation in place of this one."""
        assert self.last is not None, "judge a generation before breeding from it"
        raw = self.last.fitness.astype(float)
        fitness = raw
        if self.config.use_fitness_sharing:
            apart = between_all(self.population, self.rules)
            fitness = shared_fitness(raw, apart, self.config.sharing_radius)
        may_breed = self._sort_species(raw) if self.pressure.method == "speciation" else None
        rng = np.random.default_rng([self.seed, self.number])
        chosen = plan(fitness, raw, self.pressure, rng, self.species, may_breed)
        if may_breed is not None:
            self.species.follow(chosen.survivors, chosen.mothers)
        self.number += 1
        key = key_of(BREED, self.seed, self.number)
        breed(self.population, self._next, chosen, self.rules, key, self.number)
        self.population, self._next = self._next, self.population
        self.lineage.append(self.population.parents.copy())
        return chosen

    def _sort_species(self, raw: Array) -> Array:
        c = self.config
        weights = (
            c.neat_excess_coefficient,
            c.neat_disjoint_coefficient,
            c.neat_weight_coefficient,
        )
        self.species.sort(
            len(raw),
            self.number,
            first_fits_of(self.population, self.rules),
            c.compatibility_threshold,
            weights,
            c.target_species,
        )
        return self.species.judge(raw, self.number, c.species_patience)

    def top(self, count: int) -> Array:
        """Indices of the best of the generation judged last, best first."""
        assert self.last is not None
        return np.argsort(-self.last.fitness, kind="stable")[:count]

    def ancestors(self, name: int) -> list[int]:
        """The line of mothers of a creature, itself first, back to the first generation."""
        size, line = len(self.population.name), [name]
        while line[-1] >= 0:
            generation, place = divmod(line[-1], size)
            line.append(int(self.lineage[generation][place, 0]))
        return line[:-1]

    def state_dict(self) -> dict[str, Any]:
        """Everything the next generations depend on (but the configuration and the seed)."""
        return {
            "number": self.number,
            "population": compact(self.population),
            "species": self.species.state_dict(),
            "lineage": np.stack(self.lineage),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.number = int(state["number"])
        fill(self.population, state["population"])
        self.species.load_state_dict(state["species"])
        self.lineage = list(state["lineage"])


def flatten(value: Any, prefix: str = "") -> dict[str, Array]:
    """The arrays of nested named tuples, as {"body.nodes": array, ...}."""
    found: dict[str, Array] = {}
    for name, part in value._asdict().items():
        if hasattr(part, "_asdict"):
            found |= flatten(part, f"{prefix}{name}.")
        else:
            found[prefix + name] = part
    return found


def compact(population: Population) -> dict[str, Array]:
    """The arrays of a population, without room that no genome uses."""
    arrays = flatten(population)
    widest = int(population.brain.genes.max(initial=0))
    for name in ("key", "source", "target", "born", "weight", "enabled"):
        arrays[f"brain.{name}"] = arrays[f"brain.{name}"][:, :widest]
    return arrays


def fill(population: Population, arrays: dict[str, Array]) -> None:
    """Put arrays made by `compact` back in place."""
    for name, array in flatten(population).items():
        if array.ndim > 1:
            array[:, : arrays[name].shape[1]] = arrays[name]
        else:
            array[...] = arrays[name]


def take(value: Any, chosen: Array) -> Any:
    """Some rows of nested named tuples of arrays, copied."""
    parts = [take(part, chosen) if hasattr(part, "_asdict") else part[chosen] for part in value]
    return type(value)(*parts)


def evaluate_labs(labs: Sequence[Lab]) -> list[Generation]:
    """Evaluate the generations of several labs in one batch of the kernels."""
    config = labs[0].config
    creatures = joined([lab.creatures() for lab in labs])
    keys = np.concatenate([lab.keys() for lab in labs])
    scores = evaluate(creatures, keys, config.eval_layouts, labs[0].world, fast=config.fast)
    sizes = np.cumsum([len(lab.population.name) for lab in labs])[:-1]
    return [lab.judge(part) for lab, part in zip(labs, np.split(scores, sizes), strict=True)]


def held_out(labs: Sequence[Lab], count: int) -> list[Array]:
    """Scores of each lab's best creatures on the layouts kept from selection.

    Returns:
        For each lab (count, held_out_layouts, columns), best in-sample first.
    """
    config = labs[0].config
    chosen = [lab.top(count) for lab in labs]
    creatures = joined([lab.creatures(top) for lab, top in zip(labs, chosen, strict=True)])
    keys = np.full(len(creatures.nodes), key_of(HELD_OUT, 0), np.uint64)
    layouts = config.held_out_layouts
    scores = evaluate(creatures, keys, layouts, labs[0].world, fast=config.fast)
    return np.split(scores, np.cumsum([len(top) for top in chosen])[:-1])
