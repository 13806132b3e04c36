"""Creatures as the kernels see them: bodies with sorted muscles, brains as lists of links.

A `Creatures` holds N creatures, genes already read: nodes, springs, and for every neuron the
links into it in ascending order of the column they come from (see `capacity.py`). Hidden neurons
come first, in an order in which each depends only on earlier ones; then one output a muscle.
Both kernels add in this order, so that they round alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.capacity import MAX_MUSCLES, MAX_NODES, MAX_ROWS

Array = npt.NDArray[Any]

# Columns of `spring`.
REST, STIFFNESS, DAMPING, AMPLITUDE, FREQUENCY, PHASE = range(6)


class Creatures(NamedTuple):
    """N bodies and brains. float32 unless said otherwise; SI units."""

    nodes: Array  # (N,) int32, how many
    place: Array  # (N, MAX_NODES, 3) where they start
    radius: Array  # (N, MAX_NODES)
    mass: Array  # (N, MAX_NODES)
    grip: Array  # (N, MAX_NODES) coefficient of friction
    muscles: Array  # (N,) int32, how many
    ends: Array  # (N, MAX_MUSCLES, 2) int32: nodes a < b; muscles ascend by (b, a)
    spring: Array  # (N, MAX_MUSCLES, 6): rest m, N/m, N s/m, amplitude, Hz, phase in turns
    hidden: Array  # (N,) int32, hidden neurons
    first_link: Array  # (N + 1,) int64: links of creature i are first_link[i] : first_link[i + 1]
    row_link: Array  # (N, MAX_ROWS + 1) int32: links of neuron r, counted from first_link[i]
    link_from: Array  # (L,) int32: the column a link reads
    link_weight: Array  # (L,)


def empty_creatures(count: int, links: int) -> Creatures:
    """Room for `count` creatures with `links` links in all, zeroed."""
    nodes, muscles = (count, MAX_NODES), (count, MAX_MUSCLES)
    return Creatures(
        nodes=np.zeros(count, np.int32),
        place=np.zeros((*nodes, 3), np.float32),
        radius=np.zeros(nodes, np.float32),
        mass=np.zeros(nodes, np.float32),
        grip=np.zeros(nodes, np.float32),
        muscles=np.zeros(count, np.int32),
        ends=np.zeros((*muscles, 2), np.int32),
        spring=np.zeros((*muscles, 6), np.float32),
        hidden=np.zeros(count, np.int32),
        first_link=np.zeros(count + 1, np.int64),
        row_link=np.zeros((count, MAX_ROWS + 1), np.int32),
        link_from=np.zeros(links, np.int32),
        link_weight=np.zeros(links, np.float32),
    )
