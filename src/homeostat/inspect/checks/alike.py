"""Alike: units that start with equal weights stay equal, and are one unit."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LEAST_UNITS = 4
LEAST_UPDATES = 3
MOST_UNITS = 1024
DIGITS = 1e-5
LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.Bilinear)


def check(bench: ShortRuns) -> Checks:
    found = Found("units")
    run = bench.anatomy
    if run.num_updates < LEAST_UPDATES:
        return
    layers: list[tuple[str, int, int]] = []
    looked = 0
    for weight in run.weights:
        if not weight.trainable or not weight.moved or not isinstance(weight.owner, LAYERS):
            continue
        values = weight.tensor.detach()
        if values.ndim < 2 or values.shape[0] < LEAST_UNITS or values[0].numel() < 2:
            continue
        looked += 1
        different = _different(values)
        if different <= values.shape[0] // 2:
            layers.append((weight.name, different, min(values.shape[0], MOST_UNITS)))
    if layers:
        name, different, units = layers[0]
        more = f", and so in {len(layers) - 1} more" if len(layers) > 1 else ""
        yield found.fault(
            f"Units are alike: after {run.num_updates} updates {name} has {different} different "
            f"rows for its {units} units{more}. Units that start the same get the same gradient "
            "and stay the same.",
            "Initialise weights at random, such as with nn.init.kaiming_uniform_; constants are "
            "for biases only.",
            weights=[n for n, _, _ in layers],
        )
    elif looked:
        yield found.ok("The units of each layer differ from each other.")


def _different(values: Any) -> int:
    """How many rows of a weight differ; those that are 0 throughout count as different."""
    rows = values[:MOST_UNITS].reshape(min(len(values), MOST_UNITS), -1).double()
    zero = int((rows == 0).all(1).sum())
    rows = rows[(rows != 0).any(1)]
    if not len(rows):
        return zero
    # Rows that are equal have equal projections, and others different ones: cheap for wide layers.
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(rows.shape[1], 2, generator=generator, dtype=torch.float64)
    shadows = rows @ directions.to(rows.device)
    size = float(shadows.abs().max()) or 1.0
    return zero + len(torch.unique((shadows / size / DIGITS).round(), dim=0))
