"""The network: graph convolutions through the Poincaré ball, with a policy, a value and an effect.

N nodes (genes), D dimensions, P columns of the policy. Every defect of the documented network is a
field of `ModelSettings`; `configs/as_documented.yaml` has all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import geoopt
import torch
from torch import Tensor, nn

from homeostat.workloads.hyperperturb.ball import (
    MAPS,
    clip_norm,
    midpoints,
    project,
    squared_distances,
)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What the network is made of; the defaults are the repaired network."""

    hidden_dim: int = 64
    """Width after the first convolution."""
    embedding_dim: int = 32
    """Width after the second."""
    head_dim: int = 32
    """Width inside the policy and value heads."""
    node_dims: int = 8
    """Size of a learned point on the ball for each gene, added to its features; 0 for none."""
    geometry: Literal["hyperbolic", "euclidean"] = "hyperbolic"
    """euclidean drops the maps and keeps every parameter: the twin."""
    curvature: float = 1.0
    learn_curvature: bool = False
    norm: Literal["singular", "safe"] = "safe"
    """singular is sqrt(sum x^2), whose gradient at 0 is not finite."""
    projection: bool = True
    """Whether points are pulled back inside the boundary."""
    aggregation: Literal["ball", "tangent", "midpoint"] = "midpoint"
    """ball adds up points of the ball as if they were vectors; tangent averages at the centre,
    where the maps cancel and curvature does next to nothing."""
    decoder: Literal["distance", "dense"] = "distance"
    """distance reads shares and effects from the distances between genes and learned points of
    the ball; dense multiplies by a matrix, which knows no curvature."""
    bias: Literal["vector", "ball"] = "ball"
    """ball moves points by Möbius addition of a learned point."""
    feature_radius: float = 1.5
    """Longest vector allowed onto the ball; 0 for no limit."""
    activation: Literal["none", "relu", "tanh"] = "tanh"
    dropout: float = 0.1
    head: Literal["logits", "softmax_clip", "log_softmax"] = "log_softmax"
    """How the policy is read from its logits; the first two clip at 1e-6 and renormalise."""
    temperature: float = 1.0
    """Divides the policy's logits."""
    effect_head: bool = True
    """Whether to predict signed effects too."""
    init: Literal["unit_columns", "glorot"] = "glorot"
    base: Literal["none", "measured"] = "measured"
    """measured gives the network what some cells say and has it correct that; it is what a copy
    of the measured effects would say until it has learnt."""


class Base(NamedTuple):
    """What some cells say, which the network corrects."""

    effects_NP: Tensor
    """Signed effects."""
    policy_NP: Tensor
    """Share of each perturbation in what moves the gene."""
    value_N: Tensor
    """How strongly the gene is moved, on the scale it is trained on."""


class GeneOutputs(NamedTuple):
    """What the network says about each gene."""

    log_policy_NP: Tensor
    """Logarithm of the share of each perturbation; rows of exp sum to one."""
    value_N: Tensor
    """How strongly the gene is moved, on the scale it is trained on."""
    effects_NP: Tensor | None
    """Signed effects, if there is a head for them."""


class GraphConv(nn.Module):
    """One convolution: onto the ball, aggregate over neighbours, back, multiply, add a bias."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        settings: ModelSettings,
        ball: geoopt.PoincareBall,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.settings, self.ball = settings, ball
        self.maps = MAPS[settings.norm]
        weight = torch.empty(num_in, num_out)
        if settings.init == "unit_columns":
            weight.normal_(generator=generator)
            weight /= weight.norm(dim=0)
        else:
            nn.init.xavier_uniform_(weight, generator=generator)
        self.weight = nn.Parameter(weight)
        bias = torch.zeros(num_out)
        on_ball = settings.bias == "ball" and settings.geometry == "hyperbolic"
        self.bias = geoopt.ManifoldParameter(bias, manifold=ball) if on_ball else nn.Parameter(bias)
        # Gauges of the last forward pass, for reports and diagnosis.
        self.min_norm = self.saturated = 0.0
        self.zero_rows = 0

    def forward(self, x_ND: Tensor, adjacency_NN: Tensor) -> Tensor:
        settings = self.settings
        if settings.feature_radius:
            x_ND = clip_norm(x_ND, settings.feature_radius)
        if settings.geometry == "euclidean":
            # The twin keeps the curvature as a plain gain, so that it has as many parameters.
            gained_ND = x_ND * self.ball.c.sqrt() if settings.learn_curvature else x_ND
            mixed_ND = adjacency_NN @ gained_ND
            if settings.aggregation == "midpoint":
                mixed_ND = mixed_ND / adjacency_NN.sum(-1, keepdim=True)
            return mixed_ND @ self.weight + self.bias

        c = self.ball.c
        y_ND = self._onto_ball(x_ND, c)
        self._gauge(x_ND, y_ND, c)
        if settings.aggregation == "ball":
            y_ND = adjacency_NN @ y_ND
            if settings.projection:
                y_ND = project(y_ND, c)
            mixed_ND = self.maps.log0(y_ND, c)
        elif settings.aggregation == "midpoint":
            mixed_ND = self.maps.log0(midpoints(adjacency_NN, y_ND, c), c)
        else:
            mixed_ND = adjacency_NN @ self.maps.log0(y_ND, c)
        out_ND = mixed_ND @ self.weight
        if settings.bias == "vector":
            return out_ND + self.bias
        moved_ND = self.ball.mobius_add(self._onto_ball(out_ND, c), self.bias)
        if settings.projection:
            moved_ND = project(moved_ND, c)
        return self.maps.log0(moved_ND, c)

    def _onto_ball(self, v_ND: Tensor, c: Tensor) -> Tensor:
        y_ND = self.maps.exp0(v_ND, c)
        return project(y_ND, c) if self.settings.projection else y_ND

    @torch.no_grad()
    def _gauge(self, x_ND: Tensor, y_ND: Tensor, c: Tensor) -> None:
        squares_2N = torch.stack([x_ND.pow(2).sum(-1), y_ND.pow(2).sum(-1)])
        self.zero_rows = int((squares_2N == 0).any(0).sum())
        self.min_norm = float(squares_2N[0].min().sqrt())
        # 0.996 is where float32 points are held back; beyond it, radius carries no information.
        self.saturated = float((squares_2N[1] * c >= 0.995**2).float().mean())


class DistanceHead(nn.Module):
    """K numbers for each node: how much nearer it is to one learned point than to another.

    At c -> 0 it is a dense layer, for |x - a|^2 - |x - b|^2 is linear in x. Its weights are those
    points, so it can tell what a hierarchy tells: distances that grow exponentially.
    """

    def __init__(
        self,
        num_out: int,
        settings: ModelSettings,
        ball: geoopt.PoincareBall,
        generator: torch.Generator,
        *,
        silent: bool,
    ) -> None:
        super().__init__()
        self.settings, self.ball = settings, ball

        def points() -> nn.Parameter:
            spread = 0.0 if silent else 0.5 / settings.head_dim**0.5
            start = spread * torch.randn(num_out, settings.head_dim, generator=generator)
            if settings.geometry == "euclidean":
                return nn.Parameter(start)
            on_ball: nn.Parameter = geoopt.ManifoldParameter(ball.projx(start), manifold=ball)
            return on_ball

        self.near, self.far = points(), points()
        self.bias = nn.Parameter(torch.zeros(num_out))

    def forward(self, x_ND: Tensor) -> Tensor:
        return nearness(x_ND, self.near, self.far, self.settings, self.ball.c) + self.bias


def nearness(
    x_ND: Tensor, near_KD: Tensor, far_KD: Tensor, settings: ModelSettings, c: Tensor
) -> Tensor:
    """Squared distance to `far_KD` less that to `near_KD`, shape (N, K).

    Args:
        x_ND: Tangent vectors at the centre; the other two are points.
    """
    if settings.feature_radius:
        x_ND = clip_norm(x_ND, settings.feature_radius)
    if settings.geometry == "euclidean":
        gain = c.sqrt() if settings.learn_curvature else 1.0
        apart_K = far_KD.pow(2).sum(-1) - near_KD.pow(2).sum(-1)
        return gain * (2 * x_ND @ (near_KD - far_KD).T + apart_K)
    y_ND = MAPS[settings.norm].exp0(x_ND, c)
    if settings.projection:
        y_ND = project(y_ND, c)
    return squared_distances(y_ND, far_KD, c) - squared_distances(y_ND, near_KD, c)


class OnBall(nn.Module):
    """A network some of whose parameters are points of its `ball`."""

    ball: geoopt.PoincareBall

    def ball_parameters(self) -> list[nn.Parameter]:
        """The parameters that are points of the ball."""
        return [p for p in self.parameters() if isinstance(p, geoopt.ManifoldParameter)]

    def flat_parameters(self) -> list[nn.Parameter]:
        """All the others that are trained."""
        return [
            p
            for p in self.parameters()
            if p.requires_grad and not isinstance(p, geoopt.ManifoldParameter)
        ]

    @torch.no_grad()
    def pull_points_inside(self) -> None:
        """Keep points on the ball when its curvature, and so its radius, has moved."""
        for point in self.ball_parameters():
            point.copy_(self.ball.projx(point))

    def points_inside(self) -> bool:
        """Whether every parameter that should be a point of the ball is one."""
        return all(
            bool((p.detach().pow(2).sum(-1) * self.ball.c < 1).all())
            for p in self.ball_parameters()
        )


class HyperPerturbNet(OnBall):
    """Two convolutions shared by a policy head, a value head and, if wanted, an effect head."""

    def __init__(
        self,
        num_nodes: int,
        num_features: int,
        num_columns: int,
        num_effects: int,
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

        silent = settings.base == "measured"

        def head(num_out: int) -> nn.Module:
            if settings.decoder == "distance":
                return DistanceHead(num_out, settings, self.ball, generator, silent=silent)
            return dense(num_out)

        def dense(num_out: int) -> nn.Linear:
            layer = nn.Linear(settings.head_dim, num_out)
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
            if silent:
                nn.init.zeros_(layer.weight)
            return layer

        self.dead_outputs = 0.0
        """Share of the policy's outputs that the last pass clipped away."""
        self.gain_P = self.mixing = None
        if settings.base == "measured":
            # Measured effects are shrunk, and shares mixed with their column's mean, by as much as
            # other cells tell.
            self.gain_P = nn.Parameter(torch.ones(num_effects))
            self.mixing = nn.Parameter(torch.zeros(()))
            num_features += num_effects
        self.points: nn.Parameter | None = None
        if settings.node_dims:
            points = 0.1 * torch.randn(num_nodes, settings.node_dims, generator=generator)
            self.points = (
                geoopt.ManifoldParameter(self.ball.projx(points), manifold=self.ball)
                if settings.geometry == "hyperbolic"
                else nn.Parameter(points)
            )
        self.gcn1 = conv(num_features + settings.node_dims, settings.hidden_dim)
        self.norm = nn.LayerNorm(settings.hidden_dim, eps=1e-3)
        self.gcn2 = conv(settings.hidden_dim, settings.embedding_dim)
        self.policy_gcn = conv(settings.embedding_dim, settings.head_dim)
        self.policy = head(num_columns)
        self.value_gcn = conv(settings.embedding_dim, settings.head_dim)
        self.value = dense(1)
        self.effects = head(num_effects) if settings.effect_head else None

    def forward(
        self, features_NF: Tensor, adjacency_NN: Tensor, base: Base | None = None
    ) -> GeneOutputs:
        x_ND = features_NF
        if base is not None:
            x_ND = torch.cat([x_ND, base.effects_NP], dim=1)
        if self.points is not None:
            points_ND: Tensor = self.points
            if self.settings.geometry == "hyperbolic":
                points_ND = MAPS[self.settings.norm].log0(points_ND, self.ball.c)
            x_ND = torch.cat([x_ND, points_ND], dim=1)
        h_ND = self._activate(self.norm(self.gcn1(x_ND, adjacency_NN)))
        h_ND = self._drop(self._activate(self.gcn2(h_ND, adjacency_NN)))
        value_ND = self._activate(self.value_gcn(h_ND, adjacency_NN))
        policy_ND = self._activate(self.policy_gcn(h_ND, adjacency_NN))
        logits_NP = self.policy(policy_ND) / self.settings.temperature
        value_N = self.value(value_ND)[:, 0]
        effects_NP = None if self.effects is None else self.effects(policy_ND)
        if base is not None:
            assert self.mixing is not None and self.gain_P is not None
            kept = torch.sigmoid(self.mixing)
            mixed_NP = torch.lerp(base.policy_NP.mean(0), base.policy_NP, kept)
            logits_NP = logits_NP + mixed_NP.log()
            value_N = value_N + base.value_N
            if effects_NP is not None:
                effects_NP = effects_NP + self.gain_P * base.effects_NP
        return GeneOutputs(self._log_policy(logits_NP), value_N, effects_NP)

    def _activate(self, x_ND: Tensor) -> Tensor:
        if self.settings.activation == "none":
            return x_ND
        return torch.relu(x_ND) if self.settings.activation == "relu" else torch.tanh(x_ND)

    def _drop(self, x_ND: Tensor) -> Tensor:
        if not self.training or not self.settings.dropout:
            return x_ND
        keep = 1.0 - self.settings.dropout
        kept_ND = torch.rand(x_ND.shape, generator=self._dropout_generator) < keep
        return x_ND * kept_ND.to(x_ND) / keep

    def _log_policy(self, logits_NP: Tensor) -> Tensor:
        if self.settings.head == "log_softmax":
            return torch.log_softmax(logits_NP, dim=-1)
        if self.settings.head == "softmax_clip":
            logits_NP = torch.softmax(logits_NP, dim=-1)
        # Anything at or below 1e-6 gets no gradient here: a dead output.
        self.dead_outputs = float((logits_NP.detach() <= 1e-6).float().mean())
        clipped_NP = logits_NP.clamp(1e-6, 1.0)
        return (clipped_NP / clipped_NP.sum(-1, keepdim=True)).log()

    @property
    def convolutions(self) -> tuple[GraphConv, ...]:
        """The four convolutions, input side first."""
        return self.gcn1, self.gcn2, self.policy_gcn, self.value_gcn
