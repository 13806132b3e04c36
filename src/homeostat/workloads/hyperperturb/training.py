"""One network in training: its losses, its guarded step, and its scores on held-out cells.

N genes, P perturbations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from homeostat.workloads.hyperperturb import metrics, optimisers
from homeostat.workloads.hyperperturb.data import PreparedScreen, Targets
from homeostat.workloads.hyperperturb.model import (
    Base,
    GeneOutputs,
    HyperPerturbNet,
    ModelSettings,
)
from homeostat.workloads.hyperperturb.screen import FloatArray


@dataclass(frozen=True)
class Scores:
    """A prediction in plain numbers, on the scales of the targets."""

    policy_GP: FloatArray
    value_G: FloatArray
    effects_GP: FloatArray | None


def model_settings(config: Mapping[str, Any]) -> ModelSettings:
    """The part of a configuration that describes the network."""
    same_name = {
        name: config[name]
        for name in ModelSettings.__dataclass_fields__
        if name not in ("effect_head",)
    }
    return ModelSettings(effect_head=config["effect_weight"] > 0, **same_name)


class EffectLearner:
    """A network, its optimisers and its data, advanced one step at a time.

    Args:
        generator: The stream of the first weights.
        dropout_generator: The stream of the dropout masks.
    """

    def __init__(
        self,
        problem: PreparedScreen,
        config: Mapping[str, Any],
        settings: ModelSettings,
        generator: torch.Generator,
        dropout_generator: torch.Generator,
        device: str = "cpu",
    ) -> None:
        self.config = config
        self.features_NF = torch.from_numpy(problem.features_GF).to(device)
        self.adjacency_NN = torch.from_numpy(problem.adjacency_GG).to(device)
        num_nodes, num_features = problem.features_GF.shape
        self.model = HyperPerturbNet(
            num_nodes=num_nodes,
            num_features=num_features,
            num_columns=len(problem.columns),
            num_effects=len(problem.train.perturbations),
            settings=settings,
            generator=generator,
            dropout_generator=dropout_generator,
        ).to(device)
        self.optimizers = optimisers.build(self.model, config)
        self.skipped_steps = 0
        measured = config["base"] == "measured"
        self.base = self._base(problem.train.targets()) if measured else None

    def _base(self, targets: Targets) -> Base:
        """What some cells say, as the network takes it."""
        value_G = targets.value_G
        if self.config["value_scale"] == "log1p":
            value_G = np.log1p(value_G)
        arrays = (targets.effects_GP, targets.policy_GP, value_G)
        like = self.features_NF
        return Base(*(torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in arrays))

    def losses(self, prediction: GeneOutputs, targets: Targets) -> dict[str, Tensor]:
        """Each part of the loss, unweighted."""
        config = self.config
        like = prediction.value_N
        policy_NP = torch.as_tensor(targets.policy_GP, device=like.device)
        if config["label_smoothing"]:
            policy_NP = torch.lerp(
                policy_NP,
                torch.full_like(policy_NP, 1 / policy_NP.shape[1]),
                config["label_smoothing"],
            )
        value_N = torch.as_tensor(targets.value_G, device=like.device)
        if config["value_scale"] == "log1p":
            value_N = value_N.log1p()
        parts = {
            "policy": (policy_NP * (policy_NP.log() - prediction.log_policy_NP)).sum(-1).mean(),
            "value": (prediction.value_N - value_N).pow(2).mean(),
        }
        if prediction.effects_NP is not None:
            effects_NP = torch.as_tensor(targets.effects_GP, device=like.device)
            parts["effect"] = (prediction.effects_NP - effects_NP).pow(2).mean()
        return parts

    def step(self, targets: Targets, rate: float, seen: Targets | None = None) -> dict[str, float]:
        """One step of training on the whole graph; returns what there is to report of it.

        Args:
            seen: What other cells than those of `targets` say, where the network corrects that;
                what all training cells say when left out.
        """
        config, model = self.config, self.model
        model.train()
        optimisers.set_rate(self.optimizers.values(), rate)
        prediction = self._forward(self.base if seen is None else self._base(seen))
        parts = self.losses(prediction, targets)
        loss = parts["policy"] + config["value_weight"] * parts["value"]
        if "effect" in parts:
            loss = loss + config["effect_weight"] * parts["effect"]
        model.zero_grad(set_to_none=True)
        loss.backward()

        # A step that is not finite is left out before clipping, which would spread it.
        bad = optimisers.nonfinite_tensors(model)
        grad_norm = optimisers.clip_gradients(
            model, total=config["clip_norm"], per_layer=config["clip_layer"]
        )
        if bad and config["skip_nonfinite"]:
            self.skipped_steps += 1
        else:
            for optimizer in self.optimizers.values():
                optimizer.step()
            model.pull_points_inside()
        convolutions = model.convolutions
        return {
            "train_loss": float(loss.detach()),
            "policy_kl": float(parts["policy"].detach()),
            "policy_mae": self._policy_mae(prediction, targets),
            "value_mae": float(np.abs(self._value(prediction) - targets.value_G).mean()),
            "value_mse": float(parts["value"].detach()),
            "curvature": float(model.ball.c.detach()),
            "grad_norm": grad_norm,
            "nonfinite_gradients": len(bad),
            "skipped_steps": self.skipped_steps,
            "zero_rows": sum(layer.zero_rows for layer in convolutions),
            "min_norm": min(layer.min_norm for layer in convolutions),
            "saturated": max(layer.saturated for layer in convolutions),
            "dead_outputs": model.dead_outputs,
        }

    def audit(self) -> dict[str, Any]:
        """Whether the optimiser does what its name says, for the summary."""
        steps = {name: _steps(optimizer) for name, optimizer in self.optimizers.items()}
        overrides = [
            optimizer.override_calls
            for optimizer in self.optimizers.values()
            if isinstance(optimizer, optimisers.HyperbolicAdam)
        ]
        return {
            "optimizer_steps": steps,
            "override_calls": sum(overrides) if overrides else None,
            "ball_parameters": len(self.model.ball_parameters()),
            "points_inside": self.model.points_inside(),
        }

    def _forward(self, base: Base | None) -> GeneOutputs:
        made: GeneOutputs = self.model(self.features_NF, self.adjacency_NN, base)
        return made

    @staticmethod
    def _policy_mae(prediction: GeneOutputs, targets: Targets) -> float:
        said_NP: FloatArray = prediction.log_policy_NP.detach().exp().cpu().numpy()
        return float(np.abs(said_NP - targets.policy_GP).mean())

    def _value(self, prediction: GeneOutputs) -> FloatArray:
        value_G: FloatArray = prediction.value_N.detach().cpu().numpy()
        return np.expm1(value_G) if self.config["value_scale"] == "log1p" else value_G

    @torch.no_grad()
    def predict(self) -> Scores:
        """What the network says now, without dropout."""
        self.model.eval()
        prediction = self._forward(self.base)
        effects_NP = prediction.effects_NP
        return Scores(
            policy_GP=prediction.log_policy_NP.exp().cpu().numpy(),
            value_G=self._value(prediction),
            effects_GP=None if effects_NP is None else effects_NP.cpu().numpy(),
        )


def _steps(optimizer: torch.optim.Optimizer) -> int:
    counts = [int(state["step"]) for state in optimizer.state.values() if "step" in state]
    return max(counts, default=0)


def score(targets: Targets, scores: Scores, prefix: str = "val_") -> dict[str, float]:
    """Every metric of a prediction against targets, named with `prefix`."""
    found = {
        "kl": metrics.policy_kl(targets.policy_GP, scores.policy_GP),
        "value_mae": metrics.value_mae(targets.value_G, scores.value_G),
    }
    if scores.effects_GP is not None:
        observed_PG, predicted_PG = targets.effects_GP.T, scores.effects_GP.T
        found |= {
            "pearson": metrics.pearson_delta(observed_PG, predicted_PG),
            "pearson_specific": metrics.pearson_delta(
                observed_PG, predicted_PG, observed_PG.mean(0)
            ),
            "mse_top20": metrics.mse_top(observed_PG, predicted_PG),
            "rank": metrics.discrimination_rank(observed_PG, predicted_PG),
        }
    return {f"{prefix}{name}": value for name, value in found.items()}
