"""Optimisers and the learning-rate schedule: what the notes used, what they meant, what works.

The notes' HyperbolicAdam overrides a method that Keras has not called since 2.11, so what ran was
plain Adam. `HyperbolicAdam` here has the same unused override, `LiteralHyperbolicAdam` calls it,
and `riemannian_adam` uses geoopt's optimiser for the parameters that are points of the ball, and
for nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import geoopt
import torch
from torch import Tensor, nn

from homeostat.workloads.hyperperturb.model import OnBall


def quantum_annealer(step: int, horizon: int, floor: float = 0.1) -> float:
    """The notes' QuantumAnnealer: exponential times cosine decay to `floor`, restarting.

    Despite its name there is no noise in it. After one step of horizon 30 it is 0.968, the
    9.68e-6 that the notes logged for a rate of 1e-5.
    """
    s = step % horizon
    decay = math.exp(-s / horizon) * 0.5 * (1.0 + math.cos(math.pi * s / horizon))
    return (1.0 - floor) * decay + floor


def cosine(step: int, horizon: int, floor: float = 0.1) -> float:
    """Warm up over the first twentieth, then fall along a cosine to `floor`."""
    warm = max(1, horizon // 20)
    if step < warm:
        return (step + 1) / warm
    done = min(1.0, (step - warm) / max(1, horizon - warm))
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * done))


def constant(step: int, horizon: int, floor: float = 0.1) -> float:
    """The rate as it is given."""
    return 1.0


SCHEDULES: dict[str, Callable[[int, int, float], float]] = {
    "annealer": quantum_annealer,
    "cosine": cosine,
    "constant": constant,
}


class HyperbolicAdam(torch.optim.Adam):
    """Adam with an override that nothing calls, as in the notes; `override_calls` stays 0."""

    override_calls = 0

    def resource_apply_dense(self, weight: Tensor, grad: Tensor) -> Tensor:
        """The gradient scaled as if the weight were a point of the unit ball: (1 - |x|^2)^2 / 4.

        Weights are no such points: a row of norm 20 multiplies its gradient by 4e4.
        """
        self.override_calls += 1
        squares = weight.pow(2).sum(-1, keepdim=True)
        return grad * (1.0 - squares).pow(2) / 4.0


class LiteralHyperbolicAdam(HyperbolicAdam):
    """What the notes' optimiser would have done, had its override been called."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.grad = self.resource_apply_dense(weight, weight.grad)
        return super().step(closure)


class BallAdam(geoopt.optim.RiemannianAdam):  # type: ignore[misc]
    """geoopt's RiemannianAdam, which goes on bit by bit when it is resumed.

    It counts steps in whole numbers, but inherits a `load_state_dict` that turns them into float32,
    and with them the bias correction.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for state in self.state.values():
            if "step" in state:
                state["step"] = int(state["step"])


def build(model: OnBall, config: Mapping[str, Any]) -> dict[str, torch.optim.Optimizer]:
    """The optimisers of a configuration by name; every trained parameter is in exactly one."""
    common: dict[str, Any] = {"lr": config["learning_rate"], "eps": config["adam_eps"]}
    flat, ball = model.flat_parameters(), model.ball_parameters()
    kind = config["optimizer"]
    if kind == "riemannian_adam":
        found: dict[str, torch.optim.Optimizer] = {}
        if ball:
            # First, while the points still lie inside the ball: a step of the curvature, which is
            # flat, can leave them outside, where the metric is not finite. And without decay, which
            # would pull them towards the centre by the wrong metric.
            found["ball_optimizer"] = BallAdam(ball, **common)
        found["optimizer"] = torch.optim.Adam(flat, weight_decay=config["weight_decay"], **common)
        return found
    types = {
        "adam": torch.optim.Adam,
        "hyperbolic_adam": HyperbolicAdam,
        "literal_hyperbolic_adam": LiteralHyperbolicAdam,
    }
    return {"optimizer": types[kind](flat + ball, weight_decay=config["weight_decay"], **common)}


def set_rate(optimizers: Iterable[torch.optim.Optimizer], rate: float) -> None:
    """Give every parameter group this learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def nonfinite_tensors(model: nn.Module) -> list[str]:
    """Names of the parameters whose gradient holds a NaN or an infinity."""
    return [
        name
        for name, p in model.named_parameters()
        if p.grad is not None and not bool(torch.isfinite(p.grad).all())
    ]


def clip_gradients(model: nn.Module, *, total: float, per_layer: float) -> float:
    """Clip each layer's gradient, then all of it; 0 leaves it alone. Returns the norm before.

    The norm is that of the finite gradients; `nonfinite_tensors` names the others.
    """
    parameters = [p for p in model.parameters() if p.grad is not None]
    norms = torch.stack([p.grad.norm() for p in parameters if p.grad is not None])
    before = float(norms[torch.isfinite(norms)].norm())
    if per_layer:
        for layer in model.children():
            torch.nn.utils.clip_grad_norm_(layer.parameters(), per_layer)
    if total:
        torch.nn.utils.clip_grad_norm_(parameters, total)
    return before
