"""What an ageing network costs: a step against plain PyTorch, and senescence against none.

    python benchmarks/apoptosis.py

Every round runs a few steps of each in turn, on one thread, timed by the processor time they
take; printed are medians over the rounds of the ratio within a round. Bars: 1.05 for both.

Last, forward and backward of eight plain networks stacked into one, against one after another: what
seeds side by side could save, and do not, since arithmetic takes nearly all of a step.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.nn import functional as F

from homeostat.workloads.apoptosis.data import SplitText, corpora
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, TransformerShape, tiny
from homeostat.workloads.apoptosis.trainer import Trainer, TrainSettings

ROUNDS = 30
STEPS = 5
MEMBERS = 8
BATCH = 8
LR = 1e-3


class PlainBlock(nn.Module):
    """The same block as anyone would write it."""

    def __init__(self, shape: TransformerShape) -> None:
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

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.token = nn.Embedding(shape.alphabet, shape.width)
        self.position = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.Sequential(*(PlainBlock(shape) for _ in range(shape.layers)))
        self.output = nn.Linear(shape.width, shape.alphabet)

    def forward(self, tokens: Tensor) -> Tensor:
        here = torch.arange(tokens.shape[1])
        return self.output(self.blocks(self.dropout(self.token(tokens) + self.position(here))))


def plain_step(text: SplitText) -> Callable[[], None]:
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


def our_step(text: SplitText, *, senescence: bool) -> Callable[[], None]:
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


def stacked_logits(p: dict[str, Tensor], tokens_MBT: Tensor, shape: TransformerShape) -> Tensor:
    """Outputs of M networks, from their parameters stacked, with batched products."""
    M, B, T = tokens_MBT.shape
    width = (shape.width,)

    def linear(x_MNC: Tensor, name: str) -> Tensor:
        weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
        return torch.baddbmm(bias.unsqueeze(1), x_MNC, weight.transpose(1, 2))

    def norm(x_MNC: Tensor, name: str) -> Tensor:
        scaled = F.layer_norm(x_MNC, width) * p[f"{name}.weight"].unsqueeze(1)
        return scaled + p[f"{name}.bias"].unsqueeze(1)

    rows = tokens_MBT + shape.alphabet * torch.arange(M).view(M, 1, 1)
    h = F.embedding(rows, p["token.weight"].flatten(0, 1)) + p["position.weight"].unsqueeze(1)
    h = h.flatten(1, 2)
    for block in (f"blocks.{index}" for index in range(shape.layers)):
        qkv = linear(h, f"{block}.qkv").view(M * B, T, 3, shape.heads, -1)
        y = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4), is_causal=True)
        y = linear(y.transpose(1, 2).reshape(h.shape), f"{block}.proj")
        h = norm(h + y, f"{block}.ln_1")
        y = linear(F.gelu(linear(h, f"{block}.mlp.0")), f"{block}.mlp.2")
        h = norm(h + y, f"{block}.ln_2")
    return linear(h, "output").unflatten(1, (B, T))


def passes(text: SplitText, *, stacked: bool) -> Callable[[], None]:
    """Forward and backward of several plain networks, without dropout, each on its own batch."""
    shape = tiny(text.classes)
    models = [PlainTransformer(shape).eval() for _ in range(MEMBERS)]
    windows = text.train_N.unfold(0, text.context + 1, text.context)
    windows_MBT = windows[: MEMBERS * BATCH].unflatten(0, (MEMBERS, BATCH))
    inputs, targets = windows_MBT[..., :-1].contiguous(), windows_MBT[..., 1:]
    parameters, _ = stack_module_state(models)
    logits = stacked_logits(parameters, inputs, shape)
    torch.testing.assert_close(logits[1], models[1](inputs[1]), rtol=1e-4, atol=1e-4)

    def together() -> None:
        logits = stacked_logits(parameters, inputs, shape)
        F.cross_entropy(logits.flatten(0, 2), targets.flatten()).backward()

    def apart() -> None:
        for model, tokens, wanted in zip(models, inputs, targets, strict=True):
            F.cross_entropy(model(tokens).flatten(0, 1), wanted.flatten()).backward()

    return together if stacked else apart


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
        "8 apart": passes(text, stacked=False),
        "8 stacked": passes(text, stacked=True),
    }
    for step in steps.values():
        cost(step)  # warm up
    rounds = [{name: cost(step) for name, step in steps.items()} for _ in range(ROUNDS)]
    for name in steps:
        print(f"{name:15s} {statistics.median(r[name] for r in rounds) * 1e3:6.2f} ms a step")
    pairs = (("baseline", "plain PyTorch"), ("senescence", "baseline"), ("8 stacked", "8 apart"))
    for ours, theirs in pairs:
        ratios = sorted(r[ours] / r[theirs] for r in rounds)
        low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        middle = statistics.median(ratios)
        print(f"{ours} / {theirs}: {middle:.3f} (middle half {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
