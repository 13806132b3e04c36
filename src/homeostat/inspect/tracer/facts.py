"""Facts for the questions that need no pattern: what happened beside calls and updates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Birth:
    """An optimiser or a scheduler was made."""

    kind: str
    thing: Any
    """Held, so that its identity stays its own."""
    scheduler: bool
    time: int
    report: int
    passes: int
    """How many backward passes there had been."""
    parameters: frozenset[int] = frozenset()
    """Identities of what an optimiser updates, or a scheduler's optimiser does."""
    stateful: bool = False
    """An optimiser that keeps something from step to step."""


@dataclass
class Turn:
    """One step of a scheduler that the loop made."""

    kind: str
    thing: Any
    report: int
    update: int
    metric: float | None = None
    """What a plateau scheduler was given."""


@dataclass
class Load:
    """One call of a model's `load_state_dict`."""

    model: str
    report: int
    tensors: int
    changed: int
    """Tensors whose values it changed."""
    own: int
    """Tensors that lie in the memory into which they were loaded."""
    missing: int
    unexpected: int
    example: str = ""
    """The first name that met none."""
    held: list[tuple[Any, Any]] = field(default_factory=list)
    """Weights with some of their values as loaded, until the first step."""
    held_count: int = 0
    lost: int = 0
    """Of these, the ones that had other values by the first step."""


@dataclass
class Term:
    """A summand of a loss: what its gradient leads to."""

    operation: str
    models: tuple[str, ...] = ()
    """Where the weights lie that it reaches."""
    passes: int = 0
    lost: int = 0
    """Passes after which no weight that it reached was stepped with its gradient."""
    used: int = 0


@dataclass
class Constant:
    """A summand of a loss that has no gradient."""

    where: str
    values: list[float] = field(default_factory=list)
    function: str = ""
    """The loss function of PyTorch that made it."""


@dataclass
class Outer:
    """(N, 1) met (N,) and every pair was made."""

    function: str
    shapes: tuple[tuple[int, ...], ...]
    where: str
    grad: bool
    """Gradients were being recorded."""
    times: int = 0


@dataclass
class Meeting:
    """A prediction met its target in a loss."""

    function: str
    origin: str
    """The operation that made the prediction's values."""
    scrambled: tuple[int, ...]
    """The output's shape, if a view made classes of what lies along another axis of it."""
    single: bool
    """A softmax over one unit made it, or cross entropy was given one class."""
    shape: tuple[int, ...]
    low: float
    high: float
    """Of the targets."""
    outside: float
    """Share of the targets that no prediction can reach."""
    gap: float
    """How far these lie outside, over the targets' standard deviation."""
    ignored: int | None
    """The value of `ignore_index`."""
    loss: float
    update: int
    model: str
    target: Any = None


@dataclass
class Equal:
    """Whole numbers were compared place by place: the usual heart of an accuracy."""

    call: Any
    left: Any
    right: Any
    report: int


@dataclass
class Count:
    """Something was divided by a count."""

    where: str
    sizes: list[int] = field(default_factory=list)


@dataclass
class Tiny:
    """A positive number that is 0 in the type of the tensor to which it is added."""

    value: float
    where: str


@dataclass
class Softmax:
    """A softmax outside any module."""

    axis: int
    shape: tuple[int, ...]
    where: str
    grad: bool


@dataclass
class Overwritten:
    """A module wrote into what it was given, and that was used again afterwards."""

    module: str
    function: str
    where: str


@dataclass
class Squashed:
    """A sigmoid or softmax was taken of what one of these had made."""

    inner: str
    outer: str
    where: str


@dataclass
class Gap:
    """What lay between two steps of one optimiser."""

    optimizer: int
    crossing: bool
    """A report lay between them."""
    moved: float
    """Largest |change| / |value| of a weight that something else than the optimiser moved."""


@dataclass
class TraceFacts:
    """Everything of these kinds from one run."""

    births: list[Birth] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    outers: dict[str, Outer] = field(default_factory=dict)
    meetings: list[Meeting] = field(default_factory=list)
    equals: list[Equal] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)
    tinies: dict[str, Tiny] = field(default_factory=dict)
    softmaxes: dict[str, Softmax] = field(default_factory=dict)
    overwritten: dict[str, Overwritten] = field(default_factory=dict)
    squashed: dict[str, Squashed] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    seedings: dict[str, set[int]] = field(default_factory=dict)
    """How the loop seeded a generator -> before which reports."""
    passes: int = 0
    """Backward passes."""
    frozen_moves: dict[str, int] = field(default_factory=dict)
    """Weight that needs no gradient -> steps in which its optimiser moved it all the same."""
    leaf_passes: int = 0
    """Backward passes from a tensor that no operation made."""
    per_step: dict[int, list[int]] = field(default_factory=dict)
    """Optimiser -> for each of its steps, how many passes had reached its weights."""
    foreign: dict[int, dict[int, int]] = field(default_factory=dict)
    """Optimiser -> other optimiser -> steps on a gradient that also holds that one's pass."""
