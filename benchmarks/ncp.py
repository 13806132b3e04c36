"""CfC and LTC against PyPI ncps, and several networks together against one after another.

    pip install 'homeostat[bench]'; python benchmarks/ncp.py

Forward and backward of a whole sequence (hidden 64, T 128, batch 32, 16 inputs; the CfC's backbone
is 1 x 128), on one thread, timed by the processor time they take. Every round runs each in turn;
printed are medians over the rounds of the ratio within a round. Bars: CfC 0.75 and LTC 0.35 of the
reference's time; eight networks together at least 1.7 times the throughput.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from homeostat.workloads.ncp import LTC, CfC
from homeostat.workloads.ncp.on_torch.cfc import CfCCell
from homeostat.workloads.ncp.together import forward_together

ROUNDS = 9
BATCH, STEPS, INPUTS, HIDDEN, BACKBONE = 32, 128, 16, 64, 128
MEMBERS = 8

X = torch.randn(BATCH, STEPS, INPUTS)
DT = torch.rand(BATCH, STEPS) + 0.1


def seconds(run: Callable[[], torch.Tensor], model: torch.nn.Module) -> float:
    model.zero_grad()
    started = time.process_time()
    run().square().mean().backward()
    return time.process_time() - started


def compare(label: str, bar: str, runs: dict[str, tuple[torch.nn.Module, Callable]]) -> None:
    """Time each in turn, and print the others against the first."""
    for model, run in runs.values():
        seconds(run, model)
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (model, run) in runs.items():
            times[name].append(seconds(run, model))
    reference, *ours = runs
    for name in ours:
        pairs = zip(times[name], times[reference], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        milliseconds = {n: 1e3 * statistics.median(times[n]) for n in (name, reference)}
        print(
            f"{label:30} {name:16} {milliseconds[name]:7.1f} ms  {reference} "
            f"{milliseconds[reference]:7.1f} ms  ratio {ratio:.2f}  (bar {bar})",
            flush=True,
        )


def step_by_step(cfc: CfC) -> Callable[[], torch.Tensor]:
    """The plain cell, as its equations read: what the fused sequence is measured against, too."""
    (cell,) = cfc.layers[0]
    assert isinstance(cell, CfCCell)

    def run() -> torch.Tensor:
        state = cell.initial_state(X.transpose(0, 1))
        states = []
        for t in range(STEPS):
            state = cell.step(X[:, t], DT[:, t, None], state)
            states.append(state[0])
        return torch.stack(states)

    return run


def against_the_reference() -> None:
    try:
        import ncps.torch as reference
    except ModuleNotFoundError:
        sys.exit("This needs PyPI ncps:  pip install 'homeostat[bench]'")
    theirs = reference.CfC(INPUTS, HIDDEN, backbone_units=BACKBONE, backbone_layers=1)
    ours = CfC(INPUTS, HIDDEN, backbone_units=BACKBONE)
    compare(
        "CfC, forward + backward",
        "0.75",
        {
            "ncps": (theirs, lambda: theirs(X)[0]),
            "fused": (ours, lambda: ours(X, DT)[0]),
            "step by step": (ours, step_by_step(ours)),
        },
    )
    for hidden in (HIDDEN, HIDDEN // 2):
        slow, fast = reference.LTC(INPUTS, hidden), LTC(INPUTS, hidden)
        compare(
            f"LTC of {hidden}, forward + backward",
            "0.35",
            {
                "ncps": (slow, lambda slow=slow: slow(X)[0]),
                "fused": (fast, lambda fast=fast: fast(X, DT)[0]),
            },
        )


def together() -> None:
    """Eight at a time: what is paid once, and what the arithmetic costs anyway."""
    for hidden, backbone, steps in ((64, 128, 128), (32, 64, 32), (16, 32, 32)):
        members = torch.nn.ModuleList(
            CfC(INPUTS, hidden, backbone_units=backbone) for _ in range(MEMBERS)
        )
        x, dt = X[:, :steps], DT[:, :steps]

        def apart(members=members, x=x, dt=dt) -> torch.Tensor:
            return torch.stack([member(x, dt)[0] for member in members])

        def plain(members=members, x=x, dt=dt) -> torch.Tensor:
            outputs = []
            for member in members:
                cell, states = member.layers[0][0], []
                state = cell.initial_state(x.transpose(0, 1))
                for t in range(x.shape[1]):
                    state = cell.step(x[:, t], dt[:, t, None], state)
                    states.append(state[0])
                outputs.append(torch.stack(states))
            return torch.stack(outputs)

        def at_once(members=members, x=x, dt=dt) -> torch.Tensor:
            xs, dts = (a.expand(MEMBERS, *a.shape) for a in (x, dt))
            return forward_together(list(members), xs, dts)

        compare(
            f"{MEMBERS} x CfC of {hidden}, T {steps}",
            "1 / 1.7 = 0.59",
            {"apart": (members, apart), "together": (members, at_once)},
        )
        compare(
            f"{MEMBERS} x CfC of {hidden}, T {steps}",
            "1 / 1.7 = 0.59",
            {"step by step": (members, plain), "together": (members, at_once)},
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    against_the_reference()
    together()
