"""Training one network in PyTorch: a gradient step from several batches, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from homeostat.space import Config
from homeostat.workloads.ncp.model import CfC
from homeostat.workloads.ncp.network import Network
from homeostat.workloads.ncp.on_torch.cfc import CfCCell
from homeostat.workloads.ncp.problem import Array, Problem, SequenceSet
from homeostat.workloads.ncp.settings import RMSPROP, is_weight
from homeostat.workloads.ncp.together import forward_together

# Rows per forward pass where no gradient is needed: memory stays small whatever the data.
ROWS_AT_ONCE = 512
# Rows up to which predictions are mostly bookkeeping, too.
FEW_ROWS = 128


class TorchLearner:
    """A network with its optimiser."""

    def __init__(
        self,
        config: Config,
        problem: Problem,
        rng: np.random.Generator,
        device: str,
        dropout_rng: np.random.Generator | None = None,
    ) -> None:
        """
        Args:
            rng: Where initial values come from.
            dropout_rng: Where a CfC's dropout draws from; torch's own generator when None.
        """
        self.device, self.loss, self.clip_norm = device, problem.loss, config.clip_norm
        self.model = Network(config, problem.input_size, problem.output_size, rng).to(device)
        for module in self.model.modules():
            if isinstance(module, CfCCell):
                module.dropout_rng = dropout_rng
        self.decayed = [p for name, p in self.model.named_parameters() if is_weight(name)]
        self.weight_decay = config.weight_decay
        self.optimizer: torch.optim.Optimizer
        if config.optimizer == "adamw":
            self.optimizer = torch.optim.Adam(
                self.model.parameters(), config.learning_rate, fused=True
            )
        else:
            self.optimizer = torch.optim.RMSprop(
                self.model.parameters(), config.learning_rate, **RMSPROP
            )

    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def step(self, batches: Sequence[SequenceSet], rate: float) -> tuple[float, float]:
        """One optimiser step from the mean loss over all batches' targets.

        Returns the loss, and the gradient's norm before clipping. Batches pass one after another,
        so that memory is that of one; the step is that of all of them at once.
        """
        self._begin(rate)
        total_weight = sum(float(batch.weight_ST.sum()) for batch in batches)
        mean = 0.0
        for batch in batches:
            loss = self._summed_loss(batch.trimmed()) / total_weight
            loss.backward()
            mean += float(loss.detach())
        return mean, self._update(rate)

    def _begin(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        self.optimizer.zero_grad()

    def _update(self, rate: float) -> float:
        """Clip the gradient, decay the weights, take the step; return the norm before clipping."""
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        with torch.no_grad():
            for weight in self.decayed:
                weight.mul_(1.0 - rate * self.weight_decay)
        self.optimizer.step()
        return float(norm)

    def _summed_loss(self, part: SequenceSet) -> Tensor:
        return self._loss_of(self.model(self._tensor(part.x_STI), self._tensor(part.dt_ST)), part)

    def _loss_of(self, outputs: Tensor, part: SequenceSet) -> Tensor:
        target, weight = self._tensor(part.target_STO), self._tensor(part.weight_ST)
        if self.loss == "squared":
            each = F.mse_loss(outputs, target, reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(outputs, target, reduction="none")
        return (each.mean(dim=2) * weight).sum()

    def predict(self, part: SequenceSet) -> Array:
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


def steps_together(
    learners: Sequence[TorchLearner],
    batches: Sequence[Sequence[SequenceSet]],
    rates: Sequence[float],
) -> list[tuple[float, float]]:
    """A step of each of several CfC networks of one shape: `TorchLearner.step`, to the bit.

    Args:
        learners: Whose step it is.
        batches: Of each, as many for one as for another.
        rates: Learning rate of each.
    """
    for learner, rate in zip(learners, rates, strict=True):
        learner._begin(rate)
    weights = [sum(float(batch.weight_ST.sum()) for batch in own) for own in batches]
    means = [0.0] * len(learners)
    for parts in zip(*([batch.trimmed() for batch in own] for own in batches), strict=True):
        for members in _of_one_length(parts):
            outputs = _outputs([learners[i] for i in members], [parts[i] for i in members])
            losses = [
                learners[i]._loss_of(y, parts[i]) / weights[i]
                for i, y in zip(members, outputs, strict=True)
            ]
            torch.stack(losses).sum().backward()
            for i, loss in zip(members, losses, strict=True):
                means[i] += float(loss.detach())
    norms = [learner._update(rate) for learner, rate in zip(learners, rates, strict=True)]
    return list(zip(means, norms, strict=True))


def predict_together(learners: Sequence[TorchLearner], parts: Sequence[SequenceSet]) -> list[Array]:
    """Predictions of each for a part of its own: `TorchLearner.predict`, to the bit."""
    if any(len(part) > FEW_ROWS for part in parts) or len(_of_one_length(parts)) > 1:
        return [learner.predict(part) for learner, part in zip(learners, parts, strict=True)]
    for learner in learners:
        learner.model.eval()
    with torch.no_grad():
        return [outputs.cpu().numpy() for outputs in _outputs(learners, parts)]


def _of_one_length(parts: Sequence[SequenceSet]) -> list[list[int]]:
    """Which parts have as many sequences and steps as each other."""
    found: dict[tuple[int, ...], list[int]] = {}
    for i, part in enumerate(parts):
        found.setdefault(part.dt_ST.shape, []).append(i)
    return list(found.values())


def _outputs(learners: Sequence[TorchLearner], parts: Sequence[SequenceSet]) -> list[Tensor]:
    networks = [learner.model for learner in learners]
    states_MSTH = forward_together(
        [cast(CfC, network.recurrent) for network in networks],
        learners[0]._tensor(np.stack([part.x_STI for part in parts])),
        learners[0]._tensor(np.stack([part.dt_ST for part in parts])),
    )
    return [n.readout(states) for n, states in zip(networks, states_MSTH.unbind(), strict=True)]
