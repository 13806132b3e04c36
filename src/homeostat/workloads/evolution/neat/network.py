"""From genes to a feed-forward network: neurons in the order they are computed, links in rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from homeostat.workloads.evolution.compiled import compiled, compiled_part

_SLOTS = 256  # of the little hash table from names to columns; at most 122 are used


@compiled_part
def _put(table: Any, columns: Any, name: int, column: int) -> None:
    place = name % _SLOTS
    while columns[place] >= 0 and table[place] != name:
        place = (place + 1) % _SLOTS
    table[place], columns[place] = name, column


@compiled_part
def _get(table: Any, columns: Any, name: int) -> Any:
    place = name % _SLOTS
    while columns[place] >= 0:
        if table[place] == name:
            return columns[place]
        place = (place + 1) % _SLOTS
    return -1


@compiled_part
def _order(genomes: Any, i: int, source: Any, target: Any, first: int, rank: Any) -> Any:
    """Rank the hidden neurons that matter in an order in which each needs only earlier ones.

    `source` and `target` are columns: hidden neuron h is first + h, outputs come after them.
    rank[h] = -1 for a neuron no output depends on. Returns how many are kept.
    """
    hidden, count = genomes.hidden[i], genomes.genes[i]
    needed = np.zeros(hidden, np.bool_)
    level = np.zeros(hidden, np.int64)
    changing = True
    while changing:
        changing = False
        for c in range(count):
            h, t = source[c] - first, target[c] - first
            if h < 0 or not genomes.enabled[i, c]:
                continue
            if not needed[h] and (t >= hidden or needed[t]):
                needed[h] = changing = True
            if t < hidden and level[t] <= level[h]:
                level[t] = level[h] + 1
                changing = True
    kept, depth = 0, 0
    while depth <= hidden:
        for h in range(hidden):
            if needed[h] and level[h] == depth:
                rank[h] = kept
                kept += 1
        depth += 1
    return kept


@compiled_part
def _sort_row(link_from: Any, link_weight: Any, start: int, stop: int) -> None:
    for a in range(start + 1, stop):
        column, weight = link_from[a], link_weight[a]
        b = a - 1
        while b >= start and link_from[b] > column:
            link_from[b + 1], link_weight[b + 1] = link_from[b], link_weight[b]
            b -= 1
        link_from[b + 1], link_weight[b + 1] = column, weight


@compiled
def wire(  # noqa: C901  one pass over arrays, compiled; its five steps share them
    genomes: Any,
    i: int,
    inputs: Any,
    columns: Any,
    first: int,
    output_rank: Any,
    biased: bool,
    row_link: Any,
    link_from: Any,
    link_weight: Any,
) -> Any:
    """Write genome i's network; returns how many hidden neurons it has.

    Args:
        genomes: Where the genome is.
        i: Which it is.
        inputs: Names of the inputs it may read.
        columns: The column of each; column 0 always reads 1.
        first: The column of the first hidden neuron.
        output_rank: The order outputs come in: output o stands in row output_rank[o] of them.
        biased: Whether neurons have biases of their own.
        row_link: Out: links of row r are row_link[r] : row_link[r + 1]; hidden rows, then outputs.
        link_from: Out: the column each link reads, ascending within a row.
        link_weight: Out: its weight.
    """
    hidden, outputs, count = genomes.hidden[i], genomes.outputs[i], genomes.genes[i]
    # 1) a column for each name
    names, places = np.empty(_SLOTS, np.int64), np.full(_SLOTS, -1, np.int64)
    for k in range(len(inputs)):
        _put(names, places, inputs[k], columns[k])
    for h in range(hidden):
        _put(names, places, genomes.hidden_id[i, h], first + h)
    for o in range(outputs):
        _put(names, places, genomes.output_id[i, o], first + hidden + o)
    # 2) each connection as two columns, and the neurons in the order they are computed
    source, target = np.empty(count, np.int64), np.empty(count, np.int64)
    for c in range(count):
        source[c] = _get(names, places, genomes.source[i, c])
        target[c] = _get(names, places, genomes.target[i, c])
    rank = np.full(hidden, -1, np.int64)
    kept = _order(genomes, i, source, target, first, rank)

    # 3) a row for each neuron that counts
    rows = kept + outputs
    row_of = np.full(hidden + outputs, -1, np.int64)
    row_of[:hidden] = rank
    for o in range(outputs):
        row_of[hidden + o] = kept + output_rank[o]
    # 4) where each row begins: its links counted, then added up
    size = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        size[r + 1] = 1 if biased else 0
    for c in range(count):
        r = row_of[target[c] - first]
        if genomes.enabled[i, c] and r >= 0:
            size[r + 1] += 1
    for r in range(rows):
        size[r + 1] += size[r]
        row_link[r] = size[r]
    row_link[rows] = size[rows]
    # 5) fill the rows, biases first; `size` now is the next free place of each
    if biased:
        for t in range(hidden + outputs):
            r = row_of[t]
            if r >= 0:
                link_from[size[r]] = 0
                link_weight[size[r]] = (
                    genomes.hidden_bias[i, t] if t < hidden else genomes.output_bias[i, t - hidden]
                )
                size[r] += 1
    for c in range(count):
        r = row_of[target[c] - first]
        if genomes.enabled[i, c] and r >= 0:
            column = source[c]
            link_from[size[r]] = column if column < first else first + rank[column - first]
            link_weight[size[r]] = genomes.weight[i, c]
            size[r] += 1
    # 6) ascending columns, the order in which both kernels add
    for r in range(rows):
        _sort_row(link_from, link_weight, row_link[r], row_link[r + 1])
    return kept


@compiled
def activate(
    row_link: Any,
    link_from: Any,
    link_weight: Any,
    hidden: int,
    outputs: int,
    signal: Any,
    first: int,
    slope: float,
    out: Any,
) -> None:
    """Run one network on `signal` (inputs filled in, column 0 = 1); sigmoids of slope `slope`."""
    for r in range(hidden + outputs):
        total = 0.0
        for k in range(row_link[r], row_link[r + 1]):
            total += signal[link_from[k]] * link_weight[k]
        value = 1.0 / (1.0 + math.exp(-slope * max(-60.0, min(60.0, total))))
        if r < hidden:
            signal[first + r] = value
        else:
            out[r - hidden] = value
