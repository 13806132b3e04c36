"""Ages the layers of a network, and replaces those whose time has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from homeostat.errors import WorkloadError
from homeostat.workloads.apoptosis import births, events, fitness, neurons, senescence
from homeostat.workloads.apoptosis.influence import AgeingNetwork, Block
from homeostat.workloads.apoptosis.senescence import LayerState, Mechanisms, Schedule

HEALTHY = 0.5
"""Above this vitality a layer may be a parent."""
NOBODY = -1
"""Stands for a parent where there is none: the newborn has fresh weights."""


@dataclass(frozen=True)
class ApoptosisEvent:
    """One death: when, which layer, whose weights replaced it, and how many neurons."""

    step: int
    layer: int
    parent: int = NOBODY
    vitality: float = 0.0
    neurons: int = 0
    """How many neurons were replaced; 0 when the whole layer was."""


class ApoptosisManager:
    """Call `step()` after every optimiser step; `apoptosis_events` lists the deaths so far.

    Args:
        model: Any network of ageing blocks; the manager writes its `senescence`.
        max_lifespan: Steps from starting to die to vitality 0, L.
        maturation_period: Steps from birth to vitality 1, M.
        apoptosis_interval: Deaths happen at multiples of this many steps, I.
        plasticity_ceiling: Influence of a layer at birth, c.
        mutation_strength: Noise on inherited weights, in units of each matrix's s.d.
        death_threshold: Vitality at which a layer is due to be replaced.
        base_temp, temp_range: Temperature of a healthy layer, and how far ageing moves it.
        base_dropout, dropout_range: The same for dropout.
        rules: Mechanisms and documented defects; the model's own when left out.
        rng: Where parents and noise are drawn from.
    """

    def __init__(
        self,
        model: AgeingNetwork,
        max_lifespan: int = 3000,
        maturation_period: int = 750,
        apoptosis_interval: int = 500,
        plasticity_ceiling: float = 0.5,
        mutation_strength: float = 0.2,
        death_threshold: float = 0.1,
        base_temp: float = 1.0,
        temp_range: float = 0.5,
        base_dropout: float = 0.1,
        dropout_range: float = 0.3,
        *,
        rules: Mechanisms | None = None,
        rng: Generator | None = None,
    ) -> None:
        self.schedule = Schedule(
            max_lifespan=max_lifespan,
            maturation_period=maturation_period,
            apoptosis_interval=apoptosis_interval,
            plasticity_ceiling=plasticity_ceiling,
            mutation_strength=mutation_strength,
            death_threshold=death_threshold,
            base_temp=base_temp,
            temp_range=temp_range,
            base_dropout=base_dropout,
            dropout_range=dropout_range,
        )
        self.rules = rules or model.rules
        if self.rules.scope == "neuron" and self.rules.birth == "distil":
            raise WorkloadError("birth='distil' teaches whole layers; neurons have no such birth.")
        self.model = model
        self.layers: list[LayerState] = model.senescence
        self.rng = rng or Generator()
        self.steps = 0
        self.apoptosis_events: list[ApoptosisEvent] = []
        self.optimizer: Optimizer | None = None
        self.base_lr = 0.0
        self.probe: tuple[Tensor, Tensor] | None = None
        self._places = -1

    def begin(
        self, optimizer: Optimizer | None = None, probe: tuple[Tensor, Tensor] | None = None
    ) -> None:
        """Give every layer its first condition. The zones are read here, so set them before.

        Args:
            optimizer: Made from `model.parameter_groups()`; the manager sets each layer's rate.
            probe: A fixed batch on which layers and neurons are valued.
        """
        self.optimizer, self.probe = optimizer, probe
        if optimizer is not None:
            self.base_lr = optimizer.param_groups[0]["lr"]
        schedule, rules = self.schedule, self.rules
        dying = [layer for layer in self.layers if layer.layer_zone == "death"]
        self._places = len(dying)
        for place, layer in enumerate(dying):
            layer.clock = events.first_clock(place, len(dying), schedule, rules)
        for layer in self.layers:
            newborn = layer.layer_zone == "birth"
            layer.reborn = newborn and rules.ceiling == "permanent"
            if newborn and self._ages and rules.start == "mature":
                layer.clock = schedule.maturation_period
                if rules.roles == "rotating":
                    layer.layer_zone, layer.clock = "mature", 0
            senescence.refresh(layer, schedule, rules)
            if newborn and self._ages and rules.start != "mature":
                # Undone by the first step, which sets vitality to age / M: as documented.
                first = 0.5 if rules.start == "half" else 1.0
                senescence.set_vitality(layer, first, schedule, rules)
        self._apply_rates()

    def step(self) -> int:
        """One step older; returns how many layers (or layers' worst neurons) just died."""
        if self._places < 0:
            self.begin()
        self.steps += 1
        before = len(self.apoptosis_events)
        due = self.rules.apoptosis and self.steps % self.schedule.apoptosis_interval == 0
        if self.rules.scope == "neuron":
            if due:
                self._replace_neurons()
        elif self._ages:
            self._age(due)
        return len(self.apoptosis_events) - before

    @property
    def _ages(self) -> bool:
        return self.rules.ageing and self.rules.scope == "layer"

    def _age(self, due: bool) -> None:
        rotating = self.rules.roles == "rotating"
        for layer in self.layers:
            layer.age += 1
            layer.clock += 1
            grown = layer.clock >= self.schedule.maturation_period
            if rotating and layer.layer_zone == "birth" and grown:
                layer.layer_zone, layer.clock = "mature", 0
        if due:
            self._replace_dead()
        if rotating and self.rules.apoptosis:
            self._fill_places()
        for layer in self.layers:
            senescence.refresh(layer, self.schedule, self.rules)
        self._apply_rates()

    def _replace_dead(self) -> None:
        limit = events.due_after(self.schedule)
        dead = [
            index
            for index, layer in enumerate(self.layers)
            if layer.layer_zone == "death" and layer.clock >= limit
        ]
        for index in dead:
            parent = self._choose_parent(dead)
            self._bear(index, parent)
            layer = self.layers[index]
            self.apoptosis_events.append(
                ApoptosisEvent(self.steps, index, parent, vitality=layer.vitality)
            )
            layer.layer_zone, layer.age, layer.clock = "birth", 0, 0
            layer.reborn = self.rules.ceiling == "permanent"

    def _choose_parent(self, dead: list[int]) -> int:
        healthy = [
            index
            for index, layer in enumerate(self.layers)
            if layer.vitality > HEALTHY and index not in dead
        ]
        if not healthy:
            return NOBODY
        chances = torch.ones(len(healthy))
        if self.rules.selection != "age":
            worth = self.fitness()
            # A layer that the loss would rather be without keeps a small chance.
            chances = torch.tensor([max(worth[index], 1e-6) for index in healthy])
        return healthy[int(torch.multinomial(chances, 1, generator=self.rng))]

    def _bear(self, index: int, parent: int) -> None:
        block, birth, strength = self._block(index), self.rules.birth, self._strength
        if birth == "distil":
            births.distil(block, self._reaching(index), self.rng)
        elif birth == "shrink_perturb":
            births.shrink_and_perturb(block, strength, self.rng)
        elif birth == "reinit" or parent == NOBODY:
            births.reinit(block, self.rng)
        else:
            births.inherit(block, self._block(parent), strength, self.rules.mutation, self.rng)
        if birth == "zero_output":
            births.silence(block)
        if self.rules.reset_optimizer and self.optimizer is not None:
            for weights in block.parameters():
                self.optimizer.state.pop(weights, None)

    def _fill_places(self) -> None:
        """Mature layers take the places of the dead: the oldest, the least fit, or both."""
        waiting = [i for i, layer in enumerate(self.layers) if layer.layer_zone == "mature"]
        dying = sum(layer.layer_zone == "death" for layer in self.layers)
        free = min(self._places - dying, len(waiting))
        if free <= 0:
            return
        by_age = sorted(waiting, key=lambda index: -self.layers[index].age)
        order = by_age
        if self.rules.selection != "age":
            worth = self.fitness()
            order = by_fitness = sorted(waiting, key=lambda index: worth[index])
            if self.rules.selection == "both":
                order = sorted(waiting, key=lambda i: by_age.index(i) + by_fitness.index(i))
        for index in order[:free]:
            self.layers[index].layer_zone, self.layers[index].clock = "death", 0

    def _replace_neurons(self) -> None:
        blocks = [self._block(index) for index in range(len(self.layers))]
        hidden = [block.activation for block in blocks]
        with fitness.evaluating(self.model):
            worths = fitness.of_neurons(self.model, self._probe, hidden)
        for index, (block, worth_N) in enumerate(zip(blocks, worths, strict=True)):
            replaced = neurons.replace_weakest(
                block,
                worth_N,
                birth=self.rules.birth,
                strength=self._strength,
                rng=self.rng,
                optimizer=self.optimizer if self.rules.reset_optimizer else None,
            )
            if replaced:
                self.apoptosis_events.append(
                    ApoptosisEvent(self.steps, index, parent=index, neurons=replaced)
                )

    def fitness(self) -> list[float]:
        """What each layer is worth on the probe batch; more is better."""
        with fitness.evaluating(self.model):
            if self.rules.fitness == "proxy":
                return fitness.by_gradient(self.model, self._probe, self.model.blocks)
            return fitness.by_skipping(self.model, self._probe, len(self.layers))

    def _reaching(self, index: int) -> Tensor:
        """What flows into a layer for the probe batch."""
        caught: list[Tensor] = []
        hook = self._block(index).register_forward_pre_hook(lambda _, args: caught.append(args[0]))
        with torch.no_grad(), fitness.evaluating(self.model):
            self.model(self._probe[0])
        hook.remove()
        return caught[0]

    def _apply_rates(self) -> None:
        if self.optimizer is not None:
            for group, layer in zip(self.optimizer.param_groups, self.layers, strict=False):
                group["lr"] = self.base_lr * layer.learning_rate_scale

    @property
    def _strength(self) -> float:
        return self.schedule.mutation_strength

    @property
    def _probe(self) -> tuple[Tensor, Tensor]:
        if self.probe is None:
            raise WorkloadError(
                "Valuing layers or neurons needs a fixed batch.", hint="begin(optimizer, probe)"
            )
        return self.probe

    def _block(self, index: int) -> Block:
        block = self.model.blocks[index]
        assert isinstance(block, Block)
        return block

    def state_dict(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "places": self._places,
            "layers": senescence.to_state(self.layers),
            "events": [asdict(event) for event in self.apoptosis_events],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self._places = int(state["steps"]), int(state["places"])
        senescence.from_state(self.layers, state["layers"])
        self.apoptosis_events = [
            ApoptosisEvent(
                int(e["step"]),
                int(e["layer"]),
                int(e["parent"]),
                float(e["vitality"]),
                int(e["neurons"]),
            )
            for e in state["events"]
        ]
