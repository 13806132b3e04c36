"""What `homeostat` is in a loop that is run as a plain script: options by argparse, lines printed.

A copy of this file stands beside the script, which knows nothing of Homeostat: its loop gets
argparse's values, models are shown to nobody, and each report is a line.
"""

import argparse
import random

import numpy as np
import torch


class Float:
    kind = float

    def __init__(self, low, high, *, default, log=False):
        self.default = default


class Int(Float):
    kind = int


class Bool:
    def __init__(self, default):
        self.default = default


class Choice:
    def __init__(self, options, *, default=None):
        self.options = list(options)
        self.default = self.options[0] if default is None else default


class Workload:
    def __init__(self, loop, space, budget, unit, name):
        self.loop, self.space, self.budget, self.unit = loop, space, budget, unit
        self.name = name


def Space(**parameters):
    return parameters


def Report(step, **metrics):
    return step, metrics


def workload(*, space, budget, unit="step", name=None, **_):
    return lambda loop: Workload(loop, space, budget, unit, name or loop.__name__)


class Trial:
    def __init__(self, seed, budget):
        self.seed, self.budget = seed, budget

    def steps(self):
        return range(self.budget)

    def torch_rng(self, use):
        return torch.Generator().manual_seed(self.seed + sum(map(ord, use)))

    def rng(self, use):
        return np.random.default_rng([self.seed, *map(ord, use)])

    def watch(self, *things, **more):
        pass


def main(chosen):
    parser = argparse.ArgumentParser()
    for name, range_ in chosen.space.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(range_, Bool):
            parser.add_argument(flag, action="store_true", default=range_.default)
        elif isinstance(range_, Choice):
            kind = type(range_.default)
            parser.add_argument(flag, type=kind, choices=range_.options, default=range_.default)
        else:
            parser.add_argument(flag, type=range_.kind, default=range_.default)
    parser.add_argument("--epochs", type=int, default=chosen.budget)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    for epoch, metrics in chosen.loop(args, Trial(args.seed, args.epochs)):
        said = "  ".join(f"{name}: {float(value):.6g}" for name, value in metrics.items())
        print(f"epoch {epoch}  {said}")
