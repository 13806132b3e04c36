"""One training step at a time; with a manager, layers age as it goes.

model = ApoptoticTransformer()
manager = ApoptosisManager(model, max_lifespan=120, maturation_period=40, apoptosis_interval=20)
trainer = Trainer(model, manager)
trainer.train(num_steps=300, eval_interval=50)
trainer.metrics_history[-1].loss, len(manager.apoptosis_events)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from homeostat.workloads.apoptosis.data import Data, SplitText, corpora
from homeostat.workloads.apoptosis.fitness import batch_loss
from homeostat.workloads.apoptosis.influence import AgeingNetwork
from homeostat.workloads.apoptosis.manager import ApoptosisManager

PROBE_SIZE = 16
"""Training windows on which layers are valued."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained and scored. The defaults are the repaired form, for `tiny`."""

    lr: float = 2e-3
    """Learning rate of a healthy layer, the same throughout."""
    batch: int = 8
    """Sequences, or images, per step."""
    clip: float = 1.0
    """The gradient is scaled down to this norm."""
    update_rule: Literal["adamw", "sgd", "sgd_bypass"] = "adamw"
    """The bypass is AdamW until a manager is there, and plain gradient steps from then on."""
    validation: Literal["held_out", "train_text"] = "held_out"
    """What the loss is taken on. The documented code used the text it trains on."""
    reported_loss: Literal["validation", "last_batch"] = "validation"
    """What is called the loss. The documented code reported its last training batch."""


@dataclass(frozen=True)
class StepResult:
    """What one training step showed."""

    loss: float
    """Of the training batch, before the update, in nats."""
    grad_norm: float
    """Before clipping."""
    deaths: int
    """Layers replaced at the end of the step."""
    update_norm: float | None = None
    """How far the update moved the weights, where that was measured."""


@dataclass(frozen=True)
class Metrics:
    """One entry of a trainer's history."""

    step: int
    """Steps done."""
    loss: float
    """What is reported as the loss, by the settings."""
    train_loss: float
    val_loss: float
    """On held-out data, whatever is reported."""
    grad_norm: float
    events: int
    """Deaths so far."""


class Trainer:
    """Trains an ageing network on random batches of some data.

    Args:
        model: The network; it is trained in place.
        manager: Ages its layers. None trains the baseline.
        data: Texts or digits; Python's own help topics when left out.
        settings: Rates, sizes and the documented defects of training.
        rng: Draws the batches.
    """

    def __init__(
        self,
        model: AgeingNetwork,
        manager: ApoptosisManager | None = None,
        data: Data | EllipsisType = ...,
        *,
        settings: TrainSettings = TrainSettings(),
        rng: np.random.Generator | None = None,
    ) -> None:
        self.model, self.manager, self.settings = model, manager, settings
        self.data = default_data(model) if isinstance(data, EllipsisType) else data
        self.rng = rng or np.random.default_rng()
        self.optimizer = make_optimizer(model, settings)
        self.device = next(model.parameters()).device
        self.metrics_history: list[Metrics] = []
        self.steps = 0
        self._weights = [p for p in model.parameters() if p.requires_grad]
        if manager is not None:
            inputs, targets = self.data.seen
            manager.begin(self.optimizer, self._here(inputs[:PROBE_SIZE], targets[:PROBE_SIZE]))
        model.train()

    def step(self, data: Data | None = None, *, measure: bool = False) -> StepResult:
        """Learn from one random batch, and grow one step older.

        Args:
            data: What to learn from, if not the trainer's own.
            measure: Also measure how far the update moves the weights.
        """
        return replace(self.learn(data, measure=measure), deaths=self.age())

    def learn(self, data: Data | None = None, *, measure: bool = False) -> StepResult:
        """The first half of a step: one update, after which nothing has died yet."""
        batch = self._here(*(data or self.data).draw(self.rng, self.settings.batch))
        loss = batch_loss(self.model, batch)
        self.optimizer.zero_grad()
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(self._weights, self.settings.clip)
        before = [p.detach().clone() for p in self._weights] if measure else []
        if self.settings.update_rule == "sgd_bypass" and self.manager is not None:
            self._bypass()
        else:
            self.optimizer.step()
        moved = self._distance(before) if measure else None
        self.steps += 1
        return StepResult(loss.item(), grad_norm.item(), 0, moved)

    def age(self) -> int:
        """The other half: layers grow older; how many died and were replaced."""
        return self.manager.step() if self.manager is not None else 0

    @torch.no_grad()
    def _bypass(self) -> None:
        """The documented update when a manager is there: the optimiser is never asked."""
        for group in self.optimizer.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    weights.sub_(weights.grad, alpha=group["lr"])

    @torch.no_grad()
    def _distance(self, before: list[Tensor]) -> float:
        moved = [(p - q).norm() for p, q in zip(self._weights, before, strict=True)]
        whole: float = torch.stack(moved).norm().item()
        return whole

    @property
    def scored_on(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets of what the settings call validation."""
        return self.data.seen if self.settings.validation == "train_text" else self.data.held_out

    @torch.no_grad()
    def evaluate(self, data: Data | None = None) -> float:
        """The loss on held-out data, in nats."""
        return self._score((data or self.data).held_out)

    @torch.no_grad()
    def test(self, data: Data | None = None) -> float:
        """The loss on the test part, which nothing is chosen by, in nats."""
        return self._score((data or self.data).test)

    @torch.no_grad()
    def reported(self, last_batch: float, held_out: float, data: Data | None = None) -> float:
        """What the settings call the loss."""
        if self.settings.reported_loss == "last_batch":
            return last_batch
        if self.settings.validation == "train_text":
            return self._score((data or self.data).seen)
        return held_out

    @torch.no_grad()
    def accuracy(self, data: Data | None = None) -> float:
        """Share of held-out targets that the network's first choice meets."""
        inputs, targets = self._here(*(data or self.data).held_out)
        self.model.eval()
        right: float = (self.model(inputs).argmax(-1) == targets).float().mean().item()
        self.model.train()
        return right

    def train(self, num_steps: int, eval_interval: int) -> list[Metrics]:
        """Train, and add to `metrics_history` every `eval_interval` steps and at the end."""
        for step in range(1, num_steps + 1):
            result = self.step()
            if step % eval_interval == 0 or step == num_steps:
                held_out = self.evaluate()
                self.metrics_history.append(
                    Metrics(
                        step=self.steps,
                        loss=self.reported(result.loss, held_out),
                        train_loss=result.loss,
                        val_loss=held_out,
                        grad_norm=result.grad_norm,
                        events=len(self.manager.apoptosis_events) if self.manager else 0,
                    )
                )
        return self.metrics_history

    def _score(self, batch: tuple[Tensor, Tensor]) -> float:
        self.model.eval()
        loss = batch_loss(self.model, self._here(*batch)).item()
        self.model.train()
        return loss

    def _here(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return inputs.to(self.device), targets.to(self.device)


def make_optimizer(model: AgeingNetwork, settings: TrainSettings) -> Optimizer:
    """One group of parameters per layer, so that each layer can have its rate."""
    groups = model.parameter_groups()
    if settings.update_rule == "sgd":
        return SGD(groups, lr=settings.lr)
    # Fused: one pass over each weight instead of ten; the same numbers to rounding.
    return AdamW(groups, lr=settings.lr, fused=True)


def default_data(model: AgeingNetwork) -> SplitText:
    """Python's help topics, cut for this model's context."""
    shape = getattr(model, "shape", None)
    context = shape.context if shape is not None else 64
    (text,) = corpora(("pydoc_topics",), context=context, windows=32)
    return text


def bits(nats: float) -> float:
    """Nats per character as bits per character."""
    return nats / math.log(2)
