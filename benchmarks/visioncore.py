"""What Lightning and the loader cost a training step of visioncore, against a plain PyTorch loop.

Both loops train the same model from the same weights on the same batches, in turns, so that what
else the machine does falls on both.  The bars: a ratio of at most 1.10, a loader below 5 %.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from homeostat.workload.load import find
from homeostat.workloads.visioncore.build import build_module, load_clips
from homeostat.workloads.visioncore.clips import draw_batch
from homeostat.workloads.visioncore.training import Stepper, poisson_loss, warmup_cosine

ROUNDS, STEPS = 8, 5


def plain_loop(module, clip):
    """The loop a person would write by hand: no Lightning, the same mathematics."""
    model, settings = module.model, module.settings
    optimizer = module.configure_optimizers()["optimizer"]
    peaks = [group["lr"] for group in optimizer.param_groups]
    step = 0

    def one(batch):
        nonlocal step
        model.train()
        factor = warmup_cosine(step, settings.warmup_steps, settings.num_steps)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        optimizer.zero_grad()
        loss = poisson_loss(model(batch), batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        step += 1
        return float(loss.detach()), float(norm)

    return one


def measure(name: str, overrides: dict[str, object]) -> None:
    """Print the ratio and the loader's share for one configuration."""
    config = find("visioncore").space.resolve(overrides)
    clips = load_clips(config, "cpu")
    modules = []
    for _ in range(2):
        torch.manual_seed(0)
        modules.append(build_module(config, clips, budget=1000))
    stepper = Stepper(modules[0], "cpu")
    plain = plain_loop(modules[1], config.gradient_clip)
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {"lightning": [], "plain": [], "loader": []}
    for round_number in range(ROUNDS + 1):
        started = time.process_time()
        batches = [draw_batch(clips, config.batch_size, rng) for _ in range(STEPS)]
        spent = {"loader": time.process_time() - started}
        order = ("lightning", "plain") if round_number % 2 else ("plain", "lightning")
        losses = {}
        for loop in order:
            started = time.process_time()
            if loop == "plain":
                losses[loop] = [plain(batch)[0] for batch in batches]
            else:
                losses[loop] = [stepper.step([batch]).loss for batch in batches]
            spent[loop] = time.process_time() - started
        if not round_number:
            # The same first step; that all others are the same is a test, in 64 bits.
            np.testing.assert_allclose(losses["plain"][0], losses["lightning"][0], rtol=1e-5)
        else:  # the first round warms up
            for loop, value in spent.items():
                seconds[loop].append(value / STEPS)
    ratio = statistics.median(
        a / b for a, b in zip(seconds["lightning"], seconds["plain"], strict=True)
    )
    step_ms = 1e3 * statistics.median(seconds["plain"])
    share = statistics.median(seconds["loader"]) / statistics.median(seconds["plain"])
    print(
        f"{name:24s} plain {step_ms:6.1f} ms a step   Lightning / plain {ratio:5.3f}   "
        f"loader {100 * share:4.1f} % of a step"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    measure("resnet, 8 clips", {"family": "resnet"})
    measure("polar, 8 clips", {"family": "polar"})
