"""Training one network in MLX: a gradient step from several batches, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten, tree_map, tree_unflatten

from homeostat.space import Config
from homeostat.workloads.ncp.on_mlx.model import MLXNetwork
from homeostat.workloads.ncp.on_mlx.parts import Tensor
from homeostat.workloads.ncp.problem import Array, Problem, SequenceSet
from homeostat.workloads.ncp.settings import RMSPROP, is_weight

ROWS_AT_ONCE = 512


class MLXLearner:
    """A network with its optimiser and its own stream of dropout."""

    def __init__(
        self, config: Config, problem: Problem, rng: np.random.Generator, *, seed: int
    ) -> None:
        self.loss, self.clip_norm = problem.loss, config.clip_norm
        self.weight_decay = config.weight_decay
        self.model = MLXNetwork(config, problem.input_size, problem.output_size, rng)
        if config.optimizer == "adamw":
            self.optimizer = optim.Adam(config.learning_rate, bias_correction=True)
        else:
            self.optimizer = optim.RMSprop(config.learning_rate, **RMSPROP)
        self.optimizer.init(self.model.trainable_parameters())
        self.value_and_grad = nn.value_and_grad(self.model, self._summed_loss)
        self.seed, self.num_steps = seed, 0

    def num_parameters(self) -> int:
        return sum(value.size for _, value in tree_flatten(self.model.trainable_parameters()))

    def step(self, batches: Sequence[SequenceSet], rate: float) -> tuple[float, float]:
        """One optimiser step from the mean loss over all batches' targets.

        Returns the loss, and the gradient's norm before clipping.
        """
        # MLX has one stream for the process: a key per step makes each step repeatable.
        mx.random.seed((self.seed + self.num_steps) % 2**32)
        self.num_steps += 1
        self.model.train()
        total_weight = sum(float(batch.weight_ST.sum()) for batch in batches)
        mean, gradients = 0.0, None
        for batch in batches:
            loss, more = self.value_and_grad(batch.trimmed(), total_weight)
            gradients = more if gradients is None else tree_map(mx.add, gradients, more)
            mx.eval(gradients, loss)
            mean += float(loss)
        gradients, norm = optim.clip_grad_norm(gradients, self.clip_norm)
        decayed = [
            (name, value * (1.0 - rate * self.weight_decay) if is_weight(name) else value)
            for name, value in tree_flatten(self.model.trainable_parameters())
        ]
        self.model.update(tree_unflatten(decayed))
        self.optimizer.learning_rate = rate
        self.optimizer.update(self.model, gradients)
        mx.eval(self.model.parameters(), self.optimizer.state)
        return mean, float(norm)

    def _summed_loss(self, part: SequenceSet, total_weight: float) -> Tensor:
        outputs = self.model(mx.array(part.x_STI), mx.array(part.dt_ST))
        target, weight = mx.array(part.target_STO), mx.array(part.weight_ST)
        if self.loss == "squared":
            each = mx.square(outputs - target)
        else:
            each = nn.losses.binary_cross_entropy(outputs, target, reduction="none")
        return (each.mean(axis=2) * weight).sum() / total_weight

    def predict(self, part: SequenceSet) -> Array:
        """Outputs for every step, (S, T, O), with dropout off."""
        self.model.eval()
        made = []
        for start in range(0, len(part), ROWS_AT_ONCE):
            rows = part.take(slice(start, start + ROWS_AT_ONCE))
            made.append(np.array(self.model(mx.array(rows.x_STI), mx.array(rows.dt_ST))))
        return cast(Array, np.concatenate(made))

    def weights(self) -> dict[str, Array]:
        """A copy of every parameter, by name."""
        return {n: np.array(p) for n, p in tree_flatten(self.model.trainable_parameters())}

    def use(self, weights: dict[str, Array]) -> None:
        """Put parameters in place of the present ones."""
        self.model.load_weights([(name, mx.array(value)) for name, value in weights.items()])

    def state_dict(self) -> dict[str, Any]:
        """Weights, the optimiser's memory and the step, as arrays: for snapshots."""
        memory = tree_flatten(self.optimizer.state)
        return {
            "weights": self.weights(),
            "memory": {name: np.array(value) for name, value in memory},
            "num_steps": self.num_steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.use(state["weights"])
        memory = [(name, mx.array(value)) for name, value in state["memory"].items()]
        self.optimizer.state = tree_unflatten(memory)
        self.num_steps = int(state["num_steps"])
