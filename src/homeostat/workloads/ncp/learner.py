"""Training one network in PyTorch: a gradient step from several batches, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from homeostat.space import Config
from homeostat.workloads.ncp.network import Network
from homeostat.workloads.ncp.problem import Array, Part, Problem
from homeostat.workloads.ncp.settings import RMSPROP, is_weight

# Rows per forward pass where no gradient is needed: memory stays small whatever the data.
ROWS_AT_ONCE = 512


class TorchLearner:
    """A network with its optimiser."""

    def __init__(
        self, config: Config, problem: Problem, rng: np.random.Generator, device: str
    ) -> None:
        self.device, self.loss, self.clip_norm = device, problem.loss, config.clip_norm
        self.model = Network(config, problem.input_size, problem.output_size, rng).to(device)
        self.decayed = [p for name, p in self.model.named_parameters() if is_weight(name)]
        self.weight_decay = config.weight_decay
        self.optimizer: torch.optim.Optimizer
        if config.optimizer == "adamw":
            self.optimizer = torch.optim.Adam(self.model.parameters(), config.learning_rate)
        else:
            self.optimizer = torch.optim.RMSprop(
                self.model.parameters(), config.learning_rate, **RMSPROP
            )

    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def step(self, batches: Sequence[Part], rate: float) -> tuple[float, float]:
        """One optimiser step from the mean loss over all batches' targets.

        Returns the loss, and the gradient's norm before clipping. Batches pass one after another,
        so that memory is that of one; the step is that of all of them at once.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        self.optimizer.zero_grad()
        total_weight = sum(float(batch.weight_ST.sum()) for batch in batches)
        mean = 0.0
        for batch in batches:
            loss = self._summed_loss(batch.trimmed()) / total_weight
            loss.backward()
            mean += float(loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        with torch.no_grad():
            for weight in self.decayed:
                weight.mul_(1.0 - rate * self.weight_decay)
        self.optimizer.step()
        return mean, float(norm)

    def _summed_loss(self, part: Part) -> Tensor:
        outputs = self.model(self._tensor(part.x_STI), self._tensor(part.dt_ST))
        target, weight = self._tensor(part.target_STO), self._tensor(part.weight_ST)
        if self.loss == "squared":
            each = F.mse_loss(outputs, target, reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(outputs, target, reduction="none")
        return (each.mean(dim=2) * weight).sum()

    def predict(self, part: Part) -> Array:
        """Outputs for every step, (S, T, O), with dropout off."""
        self.model.eval()
        made = []
        with torch.no_grad():
            for start in range(0, len(part), ROWS_AT_ONCE):
                rows = part.take(slice(start, start + ROWS_AT_ONCE))
                outputs = self.model(self._tensor(rows.x_STI), self._tensor(rows.dt_ST))
                made.append(outputs.cpu().numpy())
        return cast(Array, np.concatenate(made))

    def weights(self) -> dict[str, Array]:
        """A copy of every parameter, by name."""
        return {n: p.detach().cpu().numpy().copy() for n, p in self.model.named_parameters()}

    def use(self, weights: dict[str, Array]) -> None:
        """Put parameters in place of the present ones."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(torch.from_numpy(weights[name]))

    def _tensor(self, values: Array) -> Tensor:
        return torch.from_numpy(values).to(self.device)
