"""What an ageing network costs: a step against plain PyTorch, and senescence against none.

    python benchmarks/apoptosis.py

Every round runs a few steps of each in turn, on one thread, timed by the processor time they
take; printed are medians over the rounds of the ratio within a round. Bars: 1.05 for both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.apoptosis.data import Text, corpora
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, Shape, tiny
from homeostat.workloads.apoptosis.trainer import Trainer, TrainSettings

ROUNDS = 60
STEPS = 5
BATCH = 8
LR = 1e-3


class PlainBlock(nn.Module):
    """The same block as anyone would write it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.proj = nn.Linear(shape.width, shape.width)
        self.ln_1 = nn.LayerNorm(shape.width)
        self.ln_2 = nn.LayerNorm(shape.width)
        self.mlp = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width),
            nn.GELU(),
            nn.Linear(4 * shape.width, shape.width),
            nn.Dropout(shape.dropout),
        )
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.heads, C // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(C, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = self.ln_1(x + self.dropout(self.proj(y.transpose(1, 2).reshape(B, T, C))))
        return self.ln_2(x + self.mlp(x))


class PlainTransformer(nn.Module):
    """The same network without a notion of age."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.token = nn.Embedding(shape.alphabet, shape.width)
        self.position = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.Sequential(*(PlainBlock(shape) for _ in range(shape.layers)))
        self.output = nn.Linear(shape.width, shape.alphabet)

    def forward(self, tokens: Tensor) -> Tensor:
        here = torch.arange(tokens.shape[1])
        return self.output(self.blocks(self.dropout(self.token(tokens) + self.position(here))))


def plain_step(text: Text) -> Callable[[], None]:
    model = PlainTransformer(tiny(text.classes))
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    rng = np.random.default_rng(0)

    def step() -> None:
        starts = torch.from_numpy(rng.integers(0, len(text.train_N) - text.context, BATCH))
        windows = text.train_N[starts[:, None] + torch.arange(text.context + 1)]
        logits = model(windows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    return step


def our_step(text: Text, *, senescence: bool) -> Callable[[], None]:
    model = ApoptoticTransformer(tiny(text.classes))
    manager = ApoptosisManager(model, 120, 40, 20) if senescence else None
    trainer = Trainer(
        model,
        manager,
        text,
        settings=TrainSettings(lr=LR, batch=BATCH),
        rng=np.random.default_rng(0),
    )
    return lambda: trainer.step() and None


def cost(step: Callable[[], None]) -> float:
    start = time.process_time()
    for _ in range(STEPS):
        step()
    return (time.process_time() - start) / STEPS


def main() -> None:
    torch.set_num_threads(1)
    (text,) = corpora(("pydoc_topics",), context=64, windows=32)
    steps = {
        "plain PyTorch": plain_step(text),
        "baseline": our_step(text, senescence=False),
        "senescence": our_step(text, senescence=True),
    }
    for step in steps.values():
        cost(step)  # warm up
    rounds = [{name: cost(step) for name, step in steps.items()} for _ in range(ROUNDS)]
    for name in steps:
        print(f"{name:15s} {statistics.median(r[name] for r in rounds) * 1e3:6.2f} ms a step")
    for ours, theirs in (("baseline", "plain PyTorch"), ("senescence", "baseline")):
        ratios = sorted(r[ours] / r[theirs] for r in rounds)
        low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        middle = statistics.median(ratios)
        print(f"{ours} / {theirs}: {middle:.3f} (middle half {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
