"""How a layer ages: its role, its vitality, and what follows from them.

Notation, with L the lifespan, M the maturation period and c the plasticity ceiling:

                 dying ("death")      newborn ("birth")         "mature" and "stable"
    vitality v   max(0, 1 - t / L)    min(1, t / M)             1
    influence a  v                    c + (1 - c) v             1
    temperature  base - v range       base + (1 - v) range      base
    dropout      base + (1 - v) range the same                  base
    rate scale   .5 + .5 v            1 + .5 (1 - v)            1

t counts the steps in the present role. Roles rotate: a dying layer is replaced by a newborn, a
newborn matures, and a mature layer takes the place among the dying that became free. Stable layers
take no part. The documented variant differs by the switches of `Mechanisms`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from homeostat.errors import WorkloadError

Influence = Literal[
    "gate", "stream", "stochastic_depth", "element_dropout", "weight_pruning", "none"
]
INFLUENCES: tuple[Influence, ...] = (
    "gate",
    "stream",
    "stochastic_depth",
    "element_dropout",
    "weight_pruning",
    "none",
)

INFLUENCE_FLOOR = 0.05
"""Below this a gated block gets no gradient worth having, so a dying layer is held here."""

ARCHITECTURES: dict[str, tuple[int, int]] = {"A": (1, 1), "B": (2, 2), "C": (3, 3), "D": (0, 1)}
"""The guide's layouts: how many newborn layers come first and how many dying ones last."""


@dataclass
class LayerState:
    """One layer's condition. `layer_zone` is its role; the other names are the guide's own."""

    layer_zone: str = "stable"
    age: int = 0
    """Steps since this layer's birth."""
    clock: int = 0
    """Steps in its present role."""
    vitality: float = 1.0
    influence_weight: float = 1.0
    temperature: float = 1.0
    dropout_rate: float = 0.1
    learning_rate_scale: float = 1.0
    reborn: bool = False
    """Whether the ceiling of the documented variant holds this layer down for good."""


@dataclass(frozen=True, kw_only=True)
class Mechanisms:
    """Which mechanisms are on, and which of the documented defects are present.

    The defaults are the repaired form.
    """

    apoptosis: bool = True
    """Dying layers are replaced; otherwise they only age."""
    temperature: bool = True
    """Vitality sets the temperature of attention."""
    dropout_scaling: bool = True
    """Vitality sets the dropout rate."""
    lr_scaling: bool = True
    """Vitality scales the layer's learning rate."""
    ageing: bool = True
    """Vitality follows the clock; otherwise it stays 1."""
    static_influence: float = 1.0
    """The influence of the newborn layers while nothing ages (the guide's second experiment)."""

    influence: Influence = "gate"
    """How a weak layer is held back. "stream" scales the whole residual stream, as documented."""
    temperature_on: Literal["logits", "output"] = "logits"
    """What the temperature divides. Dividing the output of attention only rescales it."""
    dropout: Literal["live", "inert"] = "live"
    """Whether the dropout rate that is computed is also applied."""
    roles: Literal["rotating", "one_way"] = "rotating"
    """One way: a reborn layer is a newborn for ever, and dying layers run out."""
    ceiling: Literal["while_immature", "permanent"] = "while_immature"
    """Permanent: a newborn's influence is c v, so it never passes c."""
    start: Literal["mature", "half", "healthy_once"] = "mature"
    """The vitality that newborn layers of a fresh network have before the first step."""

    scope: Literal["layer", "neuron"] = "layer"
    """What dies: whole layers by age, or the least useful neurons inside every layer."""
    birth: Literal["parent", "zero_output", "reinit", "shrink_perturb", "distil"] = "parent"
    """How a replacement is made: see `births`."""
    mutation: Literal["relative", "absolute"] = "relative"
    """Noise in units of each matrix's own s.d., or the same for every number (gains included)."""
    reset_optimizer: bool = True
    """Forget the optimiser's averages of the layer that died."""
    selection: Literal["age", "fitness", "both"] = "age"
    """Which mature layer starts dying next, and whether fitter layers are likelier parents."""
    fitness: Literal["skip", "proxy"] = "skip"
    """Loss increase with the block skipped, or the sum of |gradient x weight|."""


REPAIRED = Mechanisms()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How fast layers age and how far the signs of age go; the guide's names and defaults."""

    max_lifespan: int = 3000
    maturation_period: int = 750
    apoptosis_interval: int = 500
    plasticity_ceiling: float = 0.5
    mutation_strength: float = 0.2
    death_threshold: float = 0.1
    base_temp: float = 1.0
    temp_range: float = 0.5
    base_dropout: float = 0.1
    dropout_range: float = 0.3

    def __post_init__(self) -> None:
        for name in ("max_lifespan", "maturation_period", "apoptosis_interval"):
            if getattr(self, name) < 1:
                raise WorkloadError(f"{name} must be at least 1 step, got {getattr(self, name)}.")
        for name in ("plasticity_ceiling", "death_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise WorkloadError(f"{name} must be from 0 to 1, got {getattr(self, name)}.")
        if not 0 <= self.base_dropout <= self.base_dropout + self.dropout_range < 1:
            raise WorkloadError(
                "base_dropout and dropout_range must be at least 0 and stay below 1 together, "
                f"got {self.base_dropout} and {self.dropout_range}."
            )
        if self.base_temp - self.temp_range <= 0:
            raise WorkloadError(
                "base_temp must be above temp_range, or attention is divided by 0; "
                f"got {self.base_temp} and {self.temp_range}."
            )


def assign_zones(layers: list[LayerState], architecture: str) -> None:
    """Give every layer its first role: newborn ones first, dying ones last, stable between."""
    births, deaths = ARCHITECTURES[architecture]
    if births + deaths > len(layers):
        raise WorkloadError(
            f"Architecture {architecture} cycles {births + deaths} layers; the network has "
            f"{len(layers)}."
        )
    for index, layer in enumerate(layers):
        layer.layer_zone = (
            "birth" if index < births else "death" if index >= len(layers) - deaths else "stable"
        )


def refresh(layer: LayerState, schedule: Schedule, rules: Mechanisms) -> None:
    """Recompute everything that follows from a layer's role and clock."""
    s, zone = schedule, layer.layer_zone
    if not rules.ageing:
        v = 1.0
    elif zone == "death":
        v = max(0.0, 1 - layer.clock / s.max_lifespan)
    elif zone == "birth":
        v = min(1.0, layer.clock / s.maturation_period)
    else:
        v = 1.0
    set_vitality(layer, v, schedule, rules)


def set_vitality(layer: LayerState, v: float, schedule: Schedule, rules: Mechanisms) -> None:
    """Set a layer's vitality and what follows from it."""
    s, zone = schedule, layer.layer_zone
    newborn, dying = zone == "birth", zone == "death"
    layer.vitality = v
    layer.influence_weight = _influence(layer, v, s.plasticity_ceiling, rules)
    layer.temperature = s.base_temp
    if rules.temperature and newborn:
        layer.temperature = s.base_temp + (1 - v) * s.temp_range
    elif rules.temperature and dying:
        layer.temperature = s.base_temp - v * s.temp_range
    layer.dropout_rate = s.base_dropout
    if rules.dropout_scaling and (newborn or dying):
        layer.dropout_rate += (1 - v) * s.dropout_range
    layer.learning_rate_scale = 1.0
    if rules.lr_scaling and newborn:
        layer.learning_rate_scale = 1 + 0.5 * (1 - v)
    elif rules.lr_scaling and dying:
        layer.learning_rate_scale = 0.5 + 0.5 * v


def _influence(layer: LayerState, v: float, c: float, rules: Mechanisms) -> float:
    if rules.influence == "none":
        return 1.0
    if not rules.ageing:
        return rules.static_influence if layer.layer_zone == "birth" else 1.0
    if rules.ceiling == "permanent" and layer.reborn:
        return v * c
    if layer.layer_zone == "birth":
        return c + (1 - c) * v
    # The documented stream scaling does reach 0, and takes the network with it.
    return v if rules.influence == "stream" else max(v, INFLUENCE_FLOOR)


def to_state(layers: list[LayerState]) -> list[dict[str, Any]]:
    return [asdict(layer) for layer in layers]


def from_state(layers: list[LayerState], state: list[dict[str, Any]]) -> None:
    """Put saved conditions back into the very objects the model looks at."""
    for layer, values in zip(layers, state, strict=True):
        for field in fields(LayerState):
            kind = type(getattr(layer, field.name))
            setattr(layer, field.name, kind(values[field.name]))
