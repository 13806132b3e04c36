"""Mating two genomes, and measuring how far apart they are.

Genes are sorted by identity, so both walk two genomes like a zip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from homeostat.workloads.evolution.chance import uniform
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.neat.genome import copy_genome, hidden_place


@compiled
def cross(a: Any, i: int, b: Any, j: int, child: Any, k: int, stream: Any) -> None:
    """Write into child's genome k the offspring of a's genome i, the fitter, and b's genome j.

    It has the fitter's structure (so it cannot contain a cycle); shared genes take their weight
    from either parent, and are disabled in three of four cases if either parent's is.
    """
    copy_genome(a, i, child, k)
    c = d = 0
    while c < a.genes[i] and d < b.genes[j]:
        if a.key[i, c] < b.key[j, d]:
            c += 1
        elif a.key[i, c] > b.key[j, d]:
            d += 1
        else:
            if uniform(stream) < 0.5:
                child.weight[k, c] = b.weight[j, d]
            if not (a.enabled[i, c] and b.enabled[j, d]):
                child.enabled[k, c] = uniform(stream) >= 0.75
            c += 1
            d += 1
    for h in range(a.hidden[i]):
        other = hidden_place(b, j, a.hidden_id[i, h])
        if other >= 0 and uniform(stream) < 0.5:
            child.hidden_bias[k, h] = b.hidden_bias[j, other]
    for o in range(a.outputs[i]):
        for other in range(b.outputs[j]):
            if b.output_id[j, other] == a.output_id[i, o] and uniform(stream) < 0.5:
                child.output_bias[k, o] = b.output_bias[j, other]


@compiled_part
def _newest(genomes: Any, i: int) -> Any:
    born = np.int64(-1)
    for c in range(genomes.genes[i]):
        born = max(born, genomes.born[i, c])
    return born


@compiled
def distance(
    a: Any, i: int, b: Any, j: int, excess_c: float, disjoint_c: float, weight_c: float
) -> Any:
    """Compatibility distance: c1 E / N + c2 D / N + c3 mean |dw|, N the larger gene count.

    A gene only one of them has is excess if it is younger than all of the other's, else disjoint.
    """
    ages = (_newest(a, i), _newest(b, j))
    return _distance(a, i, b, j, ages, excess_c, disjoint_c, weight_c)


@compiled_part
def _distance(
    a: Any, i: int, b: Any, j: int, ages: Any, excess_c: float, disjoint_c: float, weight_c: float
) -> Any:
    excess = disjoint = matching = 0
    apart = 0.0
    c = d = 0
    while c < a.genes[i] or d < b.genes[j]:
        in_a = c < a.genes[i] and (d >= b.genes[j] or a.key[i, c] <= b.key[j, d])
        in_b = d < b.genes[j] and (c >= a.genes[i] or b.key[j, d] <= a.key[i, c])
        if in_a and in_b:
            matching += 1
            apart += abs(a.weight[i, c] - b.weight[j, d])
        elif in_a:
            later = a.born[i, c] > ages[1]
            excess, disjoint = excess + later, disjoint + (not later)
        else:
            later = b.born[j, d] > ages[0]
            excess, disjoint = excess + later, disjoint + (not later)
        c, d = c + in_a, d + in_b
    genes = max(1, a.genes[i], b.genes[j])
    return (excess_c * excess + disjoint_c * disjoint) / genes + weight_c * apart / max(1, matching)


@compiled
def first_fits(
    genomes: Any,
    representatives: Any,
    known: int,
    expected: Any,
    threshold: float,
    excess_c: float,
    disjoint_c: float,
    weight_c: float,
    member: Any,
) -> int:
    """Put every genome into a species whose representative is nearer than `threshold`.

    Args:
        genomes: N genomes.
        representatives: Indices of genomes; room for N, the first `known` filled in. Whoever fits
            nowhere becomes the representative of a new species.
        known: How many species there are already.
        expected: For each genome the species to try first, its mother's, or -1; then all in order.
        threshold: Nearer than this is the same species.
        excess_c, disjoint_c, weight_c: The coefficients of the distance.
        member: Out: for each genome, its species.

    Returns:
        How many species there are now.
    """
    newest = np.empty(len(member), np.int64)
    for i in range(len(member)):
        newest[i] = _newest(genomes, i)
    for i in range(len(member)):
        member[i] = -1
        for trial in range(-1, known):
            s = expected[i] if trial < 0 else trial
            if s < 0 or (trial >= 0 and s == expected[i]):
                continue
            j = representatives[s]
            ages = (newest[i], newest[j])
            apart = _distance(genomes, i, genomes, j, ages, excess_c, disjoint_c, weight_c)
            if i == j or apart < threshold:
                member[i] = s
                break
        if member[i] < 0:
            representatives[known] = i
            member[i] = known
            known += 1
    return known
