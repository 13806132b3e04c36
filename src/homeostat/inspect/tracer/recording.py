"""What one short run did, as plain facts; every check reads these and nothing else.

Times are the recorder's own count of events, so that their order is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from homeostat.execute.loop.drive import Ending
from homeostat.inspect.tracer.facts import TraceFacts
from homeostat.workload.report import Report

LEAST_LATE = 3
"""Looks that make an end."""


@dataclass(eq=False)
class Weight:
    """One trainable (or frozen) tensor."""

    tensor: Any
    name: str
    owner: Any = None
    """The module that holds it; None if it is held by no module that was seen."""
    registered: bool = False
    """Among the `named_parameters` of a watched model when the loop began."""
    late: bool = False
    """Not there yet when the loop showed its model, but now part of it."""
    start: Any = None
    """Its values when first seen."""
    reached: bool = False
    """A backward pass led to it."""
    called_with_grad: bool = False
    """Its module was called while gradients were recorded."""
    largest_grad: float | None = None
    """Largest finite gradient norm at any update; None if it never had a gradient."""
    nonfinite_at: int | None = None
    """The first update with a gradient that is not finite."""
    moved: bool = False
    move: float = 0.0
    """Largest |change| / |value| in one update."""
    optimizers: list[tuple[int, int]] = field(default_factory=list)
    """(optimiser, group) for each time it is listed."""

    @property
    def trainable(self) -> bool:
        return bool(self.tensor.requires_grad)


@dataclass
class Optimizer:
    """One optimiser and how it is set."""

    thing: Any
    name: str
    kind: str
    shown: bool = False
    """It was given to `trial.watch`."""
    steps: int = 0
    scheduler_steps: int = 0
    scheduler: str = ""
    rates: list[tuple[float, ...]] = field(default_factory=list)
    """Every group's rate at each step."""
    leftovers: int = 0
    """Steps whose gradients still held those of an earlier step."""
    without_grad: int = 0
    """Steps at which no parameter had a gradient that is not zero."""
    wiped: int = 0
    """Of those, the ones where a backward pass had come before the gradients were cleared."""
    repeats: int = 0
    """Steps on a gradient that another optimiser had used for the same parameters."""
    stale: int = 0
    """Steps between a forward pass of its own model and the backward pass of it."""


@dataclass
class Update:
    """One call of an optimiser's `step`."""

    number: int
    optimizer: int
    time: int
    report: int
    """How many reports there were before it."""
    grad_norm: float
    nonfinite: list[str]
    """Weights whose gradient was not finite."""
    weight_norm: float
    layers: dict[str, tuple[float, float]]
    """Weight -> (gradient norm, its own norm)."""
    descent: float | None = None
    """Inner product of gradient and change; negative goes downhill."""
    loss: float | None = None
    """What the last backward pass before it started from."""


@dataclass
class HandStep:
    """A change of weights that no optimiser made."""

    slope: float
    """Inner product of gradient and change; negative goes downhill."""
    cleared: bool
    """The gradients were cleared before the next backward pass."""


@dataclass
class BackwardPass:
    """One backward pass."""

    time: int
    report: int
    loss: float
    dtype: str
    walked: bool = False
    """Everything that its gradient reaches was looked at."""
    start: float = 1.0
    """The gradient that the loop gave a scalar loss to start from."""
    slopes: list[tuple[str, float]] = field(default_factory=list)
    """How it changes with each known loss function it was made of."""


@dataclass
class ClipCall:
    """One call of `clip_grad_norm_`."""

    time: int
    total: float
    limit: float
    backward_since_step: bool
    scaled: bool = False
    """A GradScaler was at work, and had not unscaled."""


@dataclass
class Call:
    """One call of a model from the loop itself."""

    time: int
    report: int
    model: str
    module: Any
    grad: bool
    """Gradients were being recorded."""
    training: bool
    gain: float | None = None
    """Size of what came out over size of what went in; of the output, when tokens went in."""
    derived: bool = False
    """What it was given was itself computed by a model."""
    coordinates: bool = False
    """Gradients were wanted with respect to its input itself."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    """What it was called with, kept for the first few calls only."""
    output: Any = None
    """Kept with the inputs; detached."""
    rows: tuple[int, ...] = ()
    """A hash of each row of the first argument."""
    dropouts: set[tuple[str, bool]] = field(default_factory=set)
    """(module, in training mode) of every dropout that was passed."""
    norms: set[tuple[str, bool]] = field(default_factory=set)
    """(module, uses the batch's statistics) of every batch norm that was passed."""
    functional_dropouts: int = 0
    node: Any = None
    pointer: int = 0
    """Where its output lies in memory, by which a view of it is known."""
    shape: tuple[int, ...] = ()
    """Of its output."""
    learnt_from: bool = False
    """A backward pass went through it."""
    followed_by_backward: bool = False
    """A backward pass came between it and the next report."""
    stepped_over: list[int] = field(default_factory=list)
    """Optimisers of its weights that stepped after it and before its backward pass."""
    pairs: list[Pair] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The tensors it was called with, those by place first."""
        import torch

        return tuple(t for t in (*self.args, *self.kwargs.values()) if isinstance(t, torch.Tensor))

    def again(self, instead: Any) -> Any:
        """What its module says to another first tensor, all else as it was."""
        first = self.inputs[0]
        args = [instead if a is first else a for a in self.args]
        kwargs = {name: instead if a is first else a for name, a in self.kwargs.items()}
        return self.module(*args, **kwargs)

    @property
    def evaluation(self) -> bool:
        """What it gave went into a report, and taught nothing."""
        return not self.learnt_from and not self.followed_by_backward


@dataclass
class Pair:
    """A prediction met a target."""

    function: str
    """The loss function; `difference` or `equality` where it was written by hand."""
    target: Any
    predicted: Any = None
    """Kept for the last pairs only."""
    made: bool = False
    """The target was itself computed from a model's output: it is no label."""
    call: int = 0
    """The time of the call that predicted it."""
    report: int = 0
    """How many reports there were before it."""


@dataclass(frozen=True)
class Misuse:
    """A loss function was given something else than it expects."""

    function: str
    kind: Literal["softmax", "sigmoid", "logits", "probabilities", "broadcast"]
    shapes: tuple[tuple[int, ...], ...] = ()
    """Of prediction and target, where these are what is wrong."""


@dataclass
class Trouble:
    """An operation that made something not finite, or whose gradient will not be."""

    operation: str
    where: str
    dtype: str
    bad: int
    total: int
    update: int
    backward: bool
    report: int
    time: int
    why: str = ""


@dataclass
class ActivationLook:
    """One look at what came out of a non-linearity."""

    update: int
    alive: Any = None
    """Which units were above zero for some row (relu)."""
    saturated: float = 0.0
    """The share of values at a flat end."""
    rows: int = 0


@dataclass
class Activation:
    """What came out of one non-linearity."""

    kind: str
    where: str
    order: int
    looks: list[ActivationLook] = field(default_factory=list)
    """The first ones, and the last ones."""

    def late(self, updates: int) -> list[ActivationLook]:
        """The looks in the last fifth of a run of so many updates, and a few at least."""
        last = [look for look in self.looks if look.update >= 0.8 * updates]
        return last if len(last) >= LEAST_LATE else self.looks[-LEAST_LATE:]

    def alive(self, looks: list[ActivationLook]) -> Any:
        """Which units were above zero in any of some looks; None if they had different units."""
        masks = [look.alive for look in looks]
        if not masks or any(m is None or m.shape != masks[0].shape for m in masks):
            return None
        import torch

        return torch.stack(masks).any(0)


@dataclass
class Recording:
    """What one short run did."""

    config: Any
    seed: int
    budget: int
    reports: list[Report] = field(default_factory=list)
    report_times: list[int] = field(default_factory=list)
    ending: Ending = field(default_factory=Ending)
    cut: str = ""
    """Why it was stopped before its end, if it was."""
    seconds: float = 0.0
    start_s: float = math.inf
    """Of that, until the first update or report."""
    read: frozenset[str] = frozenset()
    """The parameters the loop looked at."""
    compared: bool = False
    """Whether the parameter that was followed was compared with something."""
    watched: bool = False
    anatomy: bool = False
    """Whether operations, calls and weights were noted, or only reports and optimisers."""
    weights: list[Weight] = field(default_factory=list)
    optimizers: list[Optimizer] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    hand_steps: list[HandStep] = field(default_factory=list)
    backwards: list[BackwardPass] = field(default_factory=list)
    clips: list[ClipCall] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    last_trained: list[Pair] = field(default_factory=list)
    """The last predictions that a gradient could flow through, with their targets."""
    last_scored: list[Pair] = field(default_factory=list)
    """The last predictions without a gradient, with their targets."""
    losses: set[str] = field(default_factory=set)
    """Names of the loss functions that were given a prediction."""
    misuses: list[Misuse] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)
    models: dict[str, Any] = field(default_factory=dict)
    first_move: dict[str, Any] = field(default_factory=dict)
    """How the first update changed each weight."""
    settings: tuple[Any, ...] = ()
    """Optimisers, schedulers and clips as they were set."""
    digest: str = ""
    """Of every weight at the end."""
    drew: bool = False
    """Whether it drew random numbers."""
    seeded: list[str] = field(default_factory=list)
    """Calls by which the loop itself seeded a generator."""
    scaler: bool = False
    facts: TraceFacts = field(default_factory=TraceFacts)
    """What the questions that need no pattern look at."""
    train_data: Any = None
    validation_data: Any = None
    warnings: list[str] = field(default_factory=list)

    @property
    def num_updates(self) -> int:
        return sum(optimizer.steps for optimizer in self.optimizers)

    def curve(self, metric: str) -> list[float]:
        return [r.metrics[metric] for r in self.reports if metric in r.metrics]
