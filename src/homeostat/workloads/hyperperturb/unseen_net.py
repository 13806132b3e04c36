"""The network for unseen perturbations: what is known of a pair, corrected by where the two lie.

N nodes (genes), D dimensions, Q perturbations, R numbers known of a gene and a perturbation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geoopt
import numpy as np
import torch
from torch import Tensor, nn

from homeostat.workloads.hyperperturb import optimisers
from homeostat.workloads.hyperperturb.ball import MAPS, clip_norm, project
from homeostat.workloads.hyperperturb.model import (
    GraphConv,
    ModelSettings,
    OnBall,
    nearness,
)
from homeostat.workloads.hyperperturb.screen import FloatArray
from homeostat.workloads.hyperperturb.unseen import PerturbationSet, UnseenProblem


class UnseenNet(OnBall):
    """Effects of perturbations from the genes that they knock out; at first the base, unchanged.

    The graph's layers place every gene. A perturbation is the sum of the genes it knocks out, in
    the tangent space, whatever their order; its pull on a gene is how much nearer that gene lies
    to one point made of it than to another, on the ball.
    """

    def __init__(
        self,
        num_features: int,
        num_known: int,
        settings: ModelSettings,
        generator: torch.Generator,
        dropout_generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.ball = geoopt.PoincareBall(settings.curvature, learnable=settings.learn_curvature)
        self._dropout_generator = dropout_generator

        def conv(num_in: int, num_out: int) -> GraphConv:
            return GraphConv(num_in, num_out, settings, self.ball, generator)

        self.gcn1 = conv(num_features, settings.hidden_dim)
        self.norm = nn.LayerNorm(settings.hidden_dim, eps=1e-3)
        self.gcn2 = conv(settings.hidden_dim, settings.embedding_dim)
        self.gene_gcn = conv(settings.embedding_dim, settings.head_dim)
        wide = settings.embedding_dim
        self.near = nn.Parameter(torch.zeros(wide, settings.head_dim))
        self.far = nn.Parameter(torch.zeros(wide, settings.head_dim))
        self.gain = nn.Parameter(torch.ones(()))
        self.known_R = nn.Parameter(torch.zeros(num_known))
        self.strength_DR = nn.Parameter(torch.zeros(wide, num_known))
        """How much each thing known counts, by where the perturbation lies."""

    def forward(
        self,
        features_NF: Tensor,
        adjacency_NN: Tensor,
        knocked_QN: Tensor,
        base_NQ: Tensor,
        known_NQR: Tensor,
    ) -> Tensor:
        h_ND = torch.tanh(self.norm(self.gcn1(features_NF, adjacency_NN)))
        h_ND = self._drop(torch.tanh(self.gcn2(h_ND, adjacency_NN)))
        x_ND = torch.tanh(self.gene_gcn(h_ND, adjacency_NN))
        z_QD = knocked_QN @ h_ND
        pulled_NQ = nearness(
            x_ND, self._point(z_QD @ self.near), self._point(z_QD @ self.far),
            self.settings, self.ball.c,
        )  # fmt: skip
        weights_QR = self.known_R + z_QD @ self.strength_DR
        response_NQ = (known_NQR * weights_QR).sum(-1)
        return self.gain * base_NQ + response_NQ + pulled_NQ

    def _point(self, v_QD: Tensor) -> Tensor:
        if self.settings.feature_radius:
            v_QD = clip_norm(v_QD, self.settings.feature_radius)
        if self.settings.geometry == "euclidean":
            return v_QD
        y_QD = MAPS[self.settings.norm].exp0(v_QD, self.ball.c)
        return project(y_QD, self.ball.c) if self.settings.projection else y_QD

    def _drop(self, x_ND: Tensor) -> Tensor:
        if not self.training or not self.settings.dropout:
            return x_ND
        keep = 1.0 - self.settings.dropout
        kept_ND = torch.rand(x_ND.shape, generator=self._dropout_generator) < keep
        return x_ND * kept_ND.to(x_ND) / keep

    @property
    def convolutions(self) -> tuple[GraphConv, ...]:
        """The three convolutions, input side first."""
        return self.gcn1, self.gcn2, self.gene_gcn


class UnseenLearner:
    """The network with its data and optimisers, advanced one step at a time."""

    def __init__(
        self,
        problem: UnseenProblem,
        config: Mapping[str, Any],
        settings: ModelSettings,
        generator: torch.Generator,
        dropout_generator: torch.Generator,
        device: str = "cpu",
    ) -> None:
        self.problem, self.config, self.device = problem, config, device
        self.features_NF = self._tensor(problem.features_GF)
        self.adjacency_NN = self._tensor(problem.adjacency_GG)
        num_known = problem.parts["train"].known_GQR.shape[2]
        self.model = UnseenNet(
            problem.features_GF.shape[1], num_known, settings, generator, dropout_generator
        ).to(device)
        self.optimizers = optimisers.build(self.model, config)
        self.skipped_steps = 0
        self.taught = self._inputs(problem.parts["train"])
        targets = problem.parts["train"].targets
        assert targets is not None
        self.wanted_NQ = self._tensor(targets.effects_GP)

    def step(self, rate: float) -> dict[str, float]:
        """One step of training on all training perturbations; what there is to report of it."""
        config, model = self.config, self.model
        model.train()
        optimisers.set_rate(self.optimizers.values(), rate)
        loss = (self._forward(self.taught) - self.wanted_NQ).pow(2).mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
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
        layers = model.convolutions
        return {
            "train_loss": float(loss.detach()),
            "grad_norm": grad_norm,
            "curvature": float(model.ball.c.detach()),
            "nonfinite_gradients": len(bad),
            "skipped_steps": self.skipped_steps,
            "zero_rows": sum(layer.zero_rows for layer in layers),
            "min_norm": min(layer.min_norm for layer in layers),
            "saturated": max(layer.saturated for layer in layers),
        }

    @torch.no_grad()
    def effects(self, part: PerturbationSet) -> FloatArray:
        """What the network says of a part's perturbations, (G, Q), without dropout."""
        self.model.eval()
        said: FloatArray = self._forward(self._inputs(part)).cpu().numpy()
        return said

    def _forward(self, inputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        made: Tensor = self.model(self.features_NF, self.adjacency_NN, *inputs)
        return made

    def _inputs(self, part: PerturbationSet) -> tuple[Tensor, Tensor, Tensor]:
        known_GQR = part.known_GQR
        return self._tensor(part.knocked_QG), self._tensor(part.base_GQ), self._tensor(known_GQR)

    def _tensor(self, array: FloatArray) -> Tensor:
        return torch.as_tensor(np.asarray(array, dtype=np.float32), device=self.device)
