"""Posterior: which effects there are and how large, drawn from what the trials allow.

    y = mean + sum of effects + noise,    effect = functions_NK @ weights_K

An effect is absent, or its weights are normal with one of a few sizes and one of two smoothnesses
(a spike and a grid of slabs). Gibbs sampling asks for each effect in turn, given what the others
leave, whether it is there: in closed form, since with its own weights integrated out the evidence
is a product over the eigenvalues of its functions. How the trials were chosen does not matter to a
posterior, so trials of an adaptive search may be used as they are.
Source: George and McCulloch 1997, Statistica Sinica 7, section 3 (spike and slab); Gu 2013,
Smoothing Spline ANOVA Models, chapter 2 (the decomposition).
"""

# C chains, N trials, K functions of an effect, S smoothnesses, J sizes, G effects, T draws.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHAINS = 4
WARM_UP = 60
DRAWS = 125
"""Of each chain, after its warm-up."""
SIZES_J = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
"""Standard deviations of a first weight, in those of the metric."""
LEAST_NOISE = 1e-5
"""Of the variance: without any the chains could not move."""


@dataclass(frozen=True)
class Effect:
    """One term of the model.

    Attributes:
        functions_CNK: Over the trials; the same for all chains where C is 1.
        scales_SK: How large each weight may be beside the first, for each smoothness.
        family: Effects of one family share the chance to be there: "main", "pair", "shadow".
    """

    functions_CNK: np.ndarray
    scales_SK: np.ndarray
    family: str


@dataclass(frozen=True)
class Draws:
    """Variances, in those of the metric among the trials.

    Attributes:
        effects_TCG: Of each effect; exactly 0 in draws in which it is absent.
        noise_TC: Of what no effect explains.
    """

    effects_TCG: np.ndarray
    noise_TC: np.ndarray


class _EffectBasis:
    """An effect with what does not change while sampling."""

    def __init__(self, effect: Effect) -> None:
        self.functions_CNK = effect.functions_CNK
        self.transposed_CKN = np.ascontiguousarray(effect.functions_CNK.transpose(0, 2, 1))
        self.scales_SK = effect.scales_SK
        self.pair = effect.family == "pair"
        scaled_CSNK = effect.functions_CNK[:, None] * effect.scales_SK[None, :, None, :]
        gram_CSKK = scaled_CSNK.transpose(0, 1, 3, 2) @ scaled_CSNK
        values_CSK, self.vectors_CSKK = np.linalg.eigh(gram_CSKK)
        self.values_CSK = np.maximum(values_CSK, 0.0)
        self.slabs_CSJK = self.values_CSK[:, :, None, :] * (SIZES_J**2)[:, None]

    def projected(self, residual_CN: np.ndarray) -> np.ndarray:
        """The residual along each eigenvector, for each smoothness."""
        along_CK1 = self.transposed_CKN @ residual_CN[..., None]
        scaled_CS1K = along_CK1[:, None, None, :, 0] * self.scales_SK[None, :, None, :]
        return np.asarray((scaled_CS1K @ self.vectors_CSKK)[:, :, 0])

    def evidence(self, projected_CSK: np.ndarray, noise_C: np.ndarray) -> np.ndarray:
        """Log of how much likelier the residual is with each slab than without the effect."""
        variance_C111 = noise_C[:, None, None, None]
        grown_CSJK = 1.0 + self.slabs_CSJK / variance_C111
        explained_CSJK = projected_CSK[:, :, None, :] ** 2 / grown_CSJK
        gain_CSJ = 0.5 * explained_CSJK.sum(axis=-1) * SIZES_J**2 / noise_C[:, None, None] ** 2
        return np.asarray(gain_CSJ - 0.5 * np.log(grown_CSJK.prod(axis=-1)))

    def weights(
        self,
        pick_C: np.ndarray,
        projected_CSK: np.ndarray,
        noise_C: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Weights given the slab that each chain picked; 0 where that is no slab."""
        slab_C = np.maximum(pick_C - 1, 0)
        smoothness_C, size_C = slab_C // len(SIZES_J), SIZES_J[slab_C % len(SIZES_J)]
        chain_C = np.arange(len(pick_C)) if len(self.values_CSK) > 1 else np.zeros_like(pick_C)
        precision_CK = (
            self.values_CSK[chain_C, smoothness_C] / noise_C[:, None] + size_C[:, None] ** -2
        )
        mean_CK = projected_CSK[np.arange(len(pick_C)), smoothness_C] / noise_C[:, None]
        turned_CK = mean_CK / precision_CK + rng.normal(size=mean_CK.shape) / np.sqrt(precision_CK)
        back_CKK = self.vectors_CSKK[chain_C, smoothness_C]
        weights_CK = (back_CKK @ turned_CK[..., None])[..., 0] * self.scales_SK[smoothness_C]
        return np.asarray(weights_CK * (pick_C > 0)[:, None])


def sample(
    effects: Sequence[Effect],
    values_N: np.ndarray,
    *,
    seed: int = 0,
    chains: int = CHAINS,
    warm_up: int = WARM_UP,
    draws: int = DRAWS,
) -> Draws:
    """Draw the variances of effects.

    Args:
        effects: The terms.
        values_N: The metric, finite and not all equal.
    """
    chain = _Chains([_EffectBasis(effect) for effect in effects], values_N, seed, chains)
    kept = []
    for sweep in range(warm_up + draws):
        chain.sweep()
        if sweep >= warm_up:
            kept.append((chain.variances(), chain.noise_C))
    return Draws(np.array([v for v, _ in kept]), np.array([n for _, n in kept]))


def evidence_of(
    candidates: Sequence[Effect], effects: Sequence[Effect], values_N: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """How much each of further effects would explain of what the given ones leave (log odds)."""
    chain = _Chains([_EffectBasis(effect) for effect in effects], values_N, seed, 1)
    for _ in range(WARM_UP // 2):
        chain.sweep()
    terms = [_EffectBasis(effect) for effect in candidates]
    seen = (term.evidence(term.projected(chain.residual_CN), chain.noise_C) for term in terms)
    return np.array([float(evidence_CSJ.max()) for evidence_CSJ in seen])


class _Chains:
    """The state of all chains; each sweep asks every effect once."""

    def __init__(
        self, terms: list[_EffectBasis], values_N: np.ndarray, seed: int, chains: int
    ) -> None:
        self.terms = terms
        self.rng = np.random.default_rng(seed)
        standard_N = (values_N - values_N.mean()) / values_N.std()
        self.residual_CN = np.repeat(standard_N[None], chains, axis=0)
        self.noise_C = np.full(chains, 0.5)
        self.mean_C = np.zeros(chains)
        self.chance_C = np.full(chains, 0.1)
        """That a pair interacts; learnt, as there are many pairs. Of a main effect it is a half."""
        self.weights = [np.zeros((chains, term.scales_SK.shape[1])) for term in terms]
        self.fits = [np.zeros_like(self.residual_CN) for _ in terms]
        self.present_GC = np.zeros((len(terms), chains), dtype=bool)

    def sweep(self) -> None:
        for place in range(len(self.terms)):
            self._ask(place)
        count = self.residual_CN.shape[1]
        self.residual_CN += self.mean_C[:, None]
        error_C = np.sqrt(self.noise_C / count)
        self.mean_C = self.residual_CN.mean(axis=1) + error_C * self.rng.normal(size=len(error_C))
        self.residual_CN -= self.mean_C[:, None]
        squares_C = (self.residual_CN**2).sum(axis=1)
        drawn_C = (0.005 + squares_C / 2) / self.rng.gamma(0.5 + count / 2, size=len(squares_C))
        self.noise_C = np.maximum(drawn_C, LEAST_NOISE)
        pairs = np.array([term.pair for term in self.terms])
        if pairs.any():
            there_C = self.present_GC[pairs].sum(axis=0)
            absent_C = int(pairs.sum()) - there_C
            self.chance_C = self.rng.beta(1 + there_C, 4 + pairs.sum() + absent_C)

    def _ask(self, place: int) -> None:
        term = self.terms[place]
        self.residual_CN += self.fits[place]
        chance_C = self.chance_C if term.pair else np.full_like(self.chance_C, 0.5)
        projected_CSK = term.projected(self.residual_CN)
        evidence_CB = term.evidence(projected_CSK, self.noise_C).reshape(len(chance_C), -1)
        odds_C = np.log(chance_C / evidence_CB.shape[1]) - np.log1p(-chance_C)
        log_CB = np.concatenate([np.zeros((len(odds_C), 1)), evidence_CB + odds_C[:, None]], axis=1)
        chances_CB = np.exp(log_CB - log_CB.max(axis=1, keepdims=True))
        reached_CB = chances_CB.cumsum(axis=1)
        level_C1 = self.rng.random((len(odds_C), 1)) * reached_CB[:, -1:]
        pick_C = (reached_CB < level_C1).sum(axis=1)
        weights_CK = term.weights(pick_C, projected_CSK, self.noise_C, self.rng)
        self.present_GC[place] = pick_C > 0
        self.weights[place] = weights_CK
        self.fits[place] = (term.functions_CNK @ weights_CK[..., None])[..., 0]
        self.residual_CN -= self.fits[place]

    def variances(self) -> np.ndarray:
        """Of each effect, C x G: by the weights alone, as the functions are orthonormal."""
        return np.stack([(weights_CK**2).sum(axis=1) for weights_CK in self.weights], axis=1)
