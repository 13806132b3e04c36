"""Decompose: the variance of a metric over a space, split among its parameters and luck.

Each parameter has an effect of its own; each pair may have one more, where the two act together.
Beside every parameter stands its shadow, the same values in shuffled order, which cannot matter:
what the shadows get is what chance gives (Kursa and Rudnicki 2010, J. Stat. Softw. 36(11)).
"""

# N trials, D parameters, K functions, T draws, C chains, G effects.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from homeostat.evidence.anova.basis import Basis, make_basis
from homeostat.evidence.anova.posterior import CHAINS, Effect, evidence_of, sample
from homeostat.space import Range

TOGETHER = 4
"""Functions of each of two parameters whose products make up what they do together."""
PAIRS = 24
"""Pairs that are tried; the most promising where there are more."""
CHANCE = 0.95
"""Of the shadows, the part that stays below what is called chance."""

Acting = Sequence[Collection[str]]
"""Which parameters act, in each of some configurations drawn at random."""


@dataclass(frozen=True)
class Decomposition:
    """Draws of the shares of the whole variance, noise included.

    Attributes:
        shares_TD: What involves each parameter: its own effect and those it has with others. A
            pair counts for both, so with interactions the shares add up to more than 1.
        noise_T: What no effect explains.
        chance: The share that parameters without any effect stay below, 95 times in 100.
    """

    shares_TD: np.ndarray
    noise_T: np.ndarray
    chance: float


def decompose(
    searched: Mapping[str, Range],
    trials: Sequence[Mapping[str, Any]],
    values_N: np.ndarray,
    *,
    acting: Acting = (),
    above: Mapping[str, Collection[str]] | None = None,
    seed: int = 0,
) -> Decomposition:
    """Fit the model.

    Args:
        searched: The parameters, D of them, each with two values or more among the trials.
        trials: What each trial had; parameters that it lacks were not active.
        values_N: The metric; finite, not all equal.
        acting: Which parameters act in configurations drawn at random, where not all always do.
        above: What a parameter's acting depends on.
    """
    rng, above = np.random.default_rng(seed), above or {}
    names = list(searched)
    bases = {name: _basis(name, searched, trials, acting) for name in names}
    mains = [_main(bases[name]) for name in names]
    shadows = [_shadow(name, searched, trials, acting, rng) for name in names]
    pairs = [
        (pair, effect)
        for pair in combinations(names, 2)
        # What a parameter does where another lets it act is an effect of its own.
        if pair[0] not in above.get(pair[1], ()) and pair[1] not in above.get(pair[0], ())
        if (effect := _pair(pair, bases, acting)) is not None
    ]
    if len(pairs) > PAIRS:
        promise = evidence_of([effect for _, effect in pairs], mains, values_N, seed=seed)
        pairs = [pairs[place] for place in np.argsort(-promise)[:PAIRS]]
    effects = [*mains, *(effect for _, effect in pairs), *shadows]
    draws = sample(effects, values_N, seed=seed)
    count = len(names) + len(pairs)
    real_TCG = draws.effects_TCG[..., :count]
    whole_TC1 = (real_TCG.sum(axis=-1) + draws.noise_TC)[..., None]
    involves_DG = np.array(
        [[name == own for own in names] + [name in pair for pair, _ in pairs] for name in names]
    )
    shares_TCD = real_TCG @ involves_DG.T / whole_TC1
    shadows_TCD = draws.effects_TCG[..., count:] / whole_TC1
    return Decomposition(
        shares_TCD.reshape(-1, len(names)),
        (draws.noise_TC / whole_TC1[..., 0]).ravel(),
        float(np.quantile(shadows_TCD.mean(axis=0), CHANCE)),
    )


def _share(names: Collection[str], acting: Acting) -> float:
    """The part of the space in which all of some parameters act."""
    if not acting:
        return 1.0
    return sum(all(name in drawn for name in names) for drawn in acting) / len(acting)


def _basis(
    name: str,
    searched: Mapping[str, Range],
    trials: Sequence[Mapping[str, Any]],
    acting: Acting,
    order_N: np.ndarray | None = None,
) -> Basis:
    """The functions of a parameter, as large as its part of the whole space asks for.

    Args:
        order_N: Another order for the values it had.
    """
    active_N = np.array([name in trial for trial in trials])
    values = [trial[name] for trial in trials if name in trial]
    if order_N is not None:
        values = [values[place] for place in order_N]
    basis = make_basis(searched[name], values, active_N)
    share = _share([name], acting) or float(active_N.mean())
    return Basis(basis.functions_NK / np.sqrt(share), basis.scales_SK)


def _main(basis: Basis) -> Effect:
    return Effect(basis.functions_NK[None], basis.scales_SK, "main")


def _shadow(
    name: str,
    searched: Mapping[str, Range],
    trials: Sequence[Mapping[str, Any]],
    acting: Acting,
    rng: np.random.Generator,
) -> Effect:
    count = sum(name in trial for trial in trials)
    shuffled = [
        _basis(name, searched, trials, acting, rng.permutation(count)) for _ in range(CHAINS)
    ]
    functions_CNK = np.stack([basis.functions_NK for basis in shuffled])
    return Effect(functions_CNK, shuffled[0].scales_SK, "shadow")


def _pair(pair: tuple[str, str], bases: Mapping[str, Basis], acting: Acting) -> Effect | None:
    """What two parameters do together; none where they never act in the same trial."""
    one, other = bases[pair[0]], bases[pair[1]]
    together = _share(pair, acting)
    if together == 0.0:
        return None
    first_NK, second_NK = one.functions_NK[:, :TOGETHER], other.functions_NK[:, :TOGETHER]
    products_NK = (first_NK[:, :, None] * second_NK[:, None, :]).reshape(len(first_NK), -1)
    first_SK, second_SK = one.scales_SK[:, :TOGETHER], other.scales_SK[:, :TOGETHER]
    scales_SK = (first_SK[:, :, None] * second_SK[:, None, :]).reshape(len(first_SK), -1)
    # Each factor is as large as its own part of the space asks for; the product, as theirs does.
    by_chance = _share(pair[:1], acting) * _share(pair[1:], acting)
    return Effect((products_NK * np.sqrt(by_chance / together))[None], scales_SK, "pair")
