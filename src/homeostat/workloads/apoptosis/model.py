"""A character transformer whose layers have a condition, as documented or with norms first."""

# B batch, T context, C width, H heads, D width per head, V alphabet.

from __future__ import annotations

import math
from dataclasses import dataclass
from types import EllipsisType

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from homeostat.errors import WorkloadError
from homeostat.workloads.apoptosis.influence import AgeingNetwork, Block, drop, influenced, linear
from homeostat.workloads.apoptosis.senescence import (
    REPAIRED,
    LayerState,
    Mechanisms,
    assign_zones,
)


@dataclass(frozen=True, kw_only=True)
class TransformerShape:
    """The size of a transformer; the defaults are the documented ones."""

    alphabet: int = 65
    """Characters it knows, V."""
    width: int = 128
    layers: int = 6
    heads: int = 4
    context: int = 128
    """Characters it sees at once, T."""
    widening: int = 4
    """Hidden numbers of the feed-forward part, per number of width."""
    dropout: float = 0.1
    pre_ln: bool = False
    """Normalise before each part and once at the end, not after each part."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise WorkloadError(
                f"width must be a multiple of heads, got {self.width} and {self.heads}."
            )


def tiny(alphabet: int = 103) -> TransformerShape:
    """Trains visibly in a minute on one core."""
    return TransformerShape(alphabet=alphabet, width=48, context=64)


def documented(alphabet: int = 65) -> TransformerShape:
    """The network of the guide: 1,222,721 parameters with 65 characters."""
    return TransformerShape(alphabet=alphabet)


def pre_ln(alphabet: int = 65) -> TransformerShape:
    """The documented size with the norms first, which trains at higher rates."""
    return TransformerShape(alphabet=alphabet, pre_ln=True)


class QueryKeyValue(nn.Linear):
    """Three square matrices in one, for speed; each third is drawn for its own size."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 3 * width)


class TransformerBlock(Block):
    """Causal self-attention and a feed-forward part, each added to what flows past it."""

    incoming: nn.Linear
    outgoing: nn.Linear

    def __init__(self, shape: TransformerShape, rules: Mechanisms) -> None:
        super().__init__()
        self.heads, self.pre_ln = shape.heads, shape.pre_ln
        self.temperature_on_logits = rules.temperature_on == "logits"
        self.inert_dropout = shape.dropout if rules.dropout == "inert" else None
        self.query_key_value = QueryKeyValue(shape.width)
        self.attention_out = nn.Linear(shape.width, shape.width)
        self.norm_1 = nn.LayerNorm(shape.width)
        self.incoming = nn.Linear(shape.width, shape.widening * shape.width)
        self.activation = nn.GELU()
        self.outgoing = nn.Linear(shape.widening * shape.width, shape.width)
        self.norm_2 = nn.LayerNorm(shape.width)

    def forward(
        self, h_BTC: Tensor, layer: LayerState, rng: Generator | None, keep: float
    ) -> Tensor:
        rate = layer.dropout_rate if self.inert_dropout is None else self.inert_dropout

        def attend(x_BTC: Tensor) -> Tensor:
            return drop(self.attend(x_BTC, layer.temperature, keep), rate, rng)

        def feed(x_BTC: Tensor) -> Tensor:
            hidden = self.activation(linear(x_BTC, self.incoming, keep))
            return drop(linear(hidden, self.outgoing, keep), rate, rng)

        if self.pre_ln:
            h_BTC = h_BTC + attend(self.norm_1(h_BTC))
            return h_BTC + feed(self.norm_2(h_BTC))
        h_BTC = self.norm_1(h_BTC + attend(h_BTC))
        normed: Tensor = self.norm_2(h_BTC + feed(h_BTC))
        return normed

    def attend(self, x_BTC: Tensor, temperature: float, keep: float) -> Tensor:
        """Each character gathers from those before it; a high temperature gathers evenly."""
        B, T, C = x_BTC.shape
        projected = linear(x_BTC, self.query_key_value, keep)
        q, k, v = projected.view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scale = 1 / math.sqrt(C // self.heads)
        if self.temperature_on_logits:
            scale /= temperature
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
        out_BTC = linear(seen.transpose(1, 2).reshape(B, T, C), self.attention_out, keep)
        return out_BTC if self.temperature_on_logits else out_BTC / temperature


class ApoptoticTransformer(AgeingNetwork):
    """Predicts the next character; `senescence` holds each layer's condition.

    Without a manager every layer keeps its full strength, and this is the baseline.

    Args:
        shape: Its size; `tiny()` when left out.
        rules: Which way influence and temperature act.
        architecture: Which layers are newborn, stable and dying at first: A, B, C or D.
        rng: Where the first weights are drawn from.
        dropout_rng: Where dropout is drawn from.
    """

    def __init__(
        self,
        shape: TransformerShape | EllipsisType = ...,
        *,
        rules: Mechanisms = REPAIRED,
        architecture: str = "B",
        rng: Generator | None = None,
        dropout_rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape = tiny() if isinstance(shape, EllipsisType) else shape
        self.rules = rules
        self.dropout_rng = dropout_rng or Generator()
        s = self.shape
        self.token = nn.Embedding(s.alphabet, s.width)
        self.position = nn.Embedding(s.context, s.width)
        blocks = [TransformerBlock(s, rules) for _ in range(s.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(s.width) if s.pre_ln else nn.Identity()
        self.output = nn.Linear(s.width, s.alphabet)
        self.senescence = [LayerState(dropout_rate=s.dropout) for _ in range(s.layers)]
        assign_zones(self.senescence, architecture)
        rng = rng or Generator()
        for module in self.modules():
            initialise(module, rng)

    def forward(self, tokens_BT: Tensor, *, skip: int | None = None) -> Tensor:
        """Scores of the character after each position, shape (B, T, V).

        Args:
            tokens_BT: Character numbers, at most `context` of them in a row.
            skip: A layer to leave out, to see what it is worth.
        """
        rng = self.dropout_rng if self.training else None
        here = torch.arange(tokens_BT.shape[1], device=tokens_BT.device)
        h_BTC = drop(self.token(tokens_BT) + self.position(here), self.shape.dropout, rng)
        for index, (block, layer) in enumerate(zip(self.blocks, self.senescence, strict=True)):
            if index != skip:
                assert isinstance(block, Block)
                h_BTC = influenced(self.rules.influence, block, h_BTC, layer, rng)
        logits_BTV: Tensor = self.output(self.norm(h_BTC))
        return logits_BTV


@torch.no_grad()
def initialise(module: nn.Module, rng: Generator) -> None:
    """Fresh weights for one module: Xavier for matrices, N(0, .02) for embeddings."""
    if isinstance(module, nn.Linear):
        for part in module.weight.chunk(3 if isinstance(module, QueryKeyValue) else 1):
            nn.init.xavier_uniform_(part, generator=rng)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02, generator=rng)
    elif isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight, generator=rng)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LayerNorm | nn.GroupNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
