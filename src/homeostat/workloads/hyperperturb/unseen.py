"""Perturbations whose cells nothing was trained on, and pairs of those that were measured alone.

G genes, Q perturbations, R numbers known of a gene and a perturbation, K directions. What a
perturbation does is told from the genes it knocks out. Cells of unseen perturbations reach neither
graph, features, scales nor training; what they say is measured on the held-out cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from homeostat.errors import ConfigError, DataError
from homeostat.evidence.differences import interval
from homeostat.wording import some
from homeostat.workloads.hyperperturb import graph, preprocess
from homeostat.workloads.hyperperturb.data import (
    Half,
    Targets,
    adjacency,
    gene_features,
    members,
    prepare,
)
from homeostat.workloads.hyperperturb.screen import FloatArray
from homeostat.workloads.hyperperturb.training import Scores, score

FEWEST = {"train": 3, "validation": 2, "test": 2}
DIRECTIONS, RIDGE = 10, 0.1
FEWEST_TOLD = 5
"""Perturbations below which an interval over them says nothing."""


@dataclass(frozen=True)
class PerturbationSet:
    """Some perturbations: what is known of them beforehand, and what their cells say.

    Attributes:
        knocked_QG: 1 where the perturbation knocks out the gene.
        base_GQ: The mean effect of the other training perturbations; of a pair, the sum of its two
            alone.
        known_GQR: Is the gene itself knocked out; its correlation with those that are, among
            controls; its links to them in the graph, in one step and in two; of a pair also where
            its two agree.
        targets: Measured on held-out cells, or on training cells for the training part; None where
            there are none.
        ceiling_GQ: The same effects by the other cells: what repeating the experiment would say.
    """

    names: tuple[str, ...]
    knocked_QG: FloatArray
    base_GQ: FloatArray
    known_GQR: FloatArray
    targets: Targets | None
    ceiling_GQ: FloatArray | None = None


@dataclass(frozen=True)
class UnseenProblem:
    """A screen made ready, its perturbations dealt to three parts."""

    genes: tuple[str, ...]
    features_GF: FloatArray
    adjacency_GG: FloatArray
    seen: Half
    parts: Mapping[str, PerturbationSet]
    asked: PerturbationSet | None
    floor: float
    """Effects below it count as none where shares are made of effects: the median in training."""
    notes: tuple[str, ...]

    def said(self, effects_GQ: FloatArray) -> Scores:
        """Effects as a prediction of all three kinds."""
        size_QG = np.sqrt(effects_GQ.T**2 + self.floor**2)
        return Scores(preprocess.shares(size_QG), np.abs(effects_GQ).mean(1), effects_GQ)


def prepare_unseen(config: Mapping[str, Any], rng: np.random.Generator) -> UnseenProblem:
    """Deal the perturbations to training, validation and test, and gather what is known of each.

    Raises:
        ConfigError: If the settings do not go with whole perturbations held out.
        DataError: If there are too few perturbations, or none of whose genes something is known.
    """
    if config["target"] != "abs_mean_effect" or config["features"] != "control":
        raise ConfigError(
            f"unseen={config['unseen']} needs target=abs_mean_effect and features=control."
        )
    whole = prepare(config, rng)
    genes, kind = whole.genes, config["unseen"]
    knocked = {name: members(name, genes) for name in whole.train.perturbations}
    strange = [name for name, found in knocked.items() if not found]
    notes = list(whole.notes)
    if strange:
        notes.append(f"Left out, for the genes they knock out are not among those kept: "
                     f"{some(strange)}.")  # fmt: skip
    singles = [name for name, found in knocked.items() if len(found) == 1]
    alone = {knocked[name][0]: name for name in singles}
    pairs = [n for n, found in knocked.items() if len(found) > 1 and all(g in alone for g in found)]
    dealt = _deal(singles if kind == "perturbations" else pairs, kind, config["unseen_share"], rng)
    trained = [*dealt["train"], *(singles if kind == "pairs" else [])]

    seen = _only(whole.train, trained)
    links_GG = graph.coexpression(seen.expression_CG, config["neighbours"])
    adjacency_GG = adjacency(config, genes, links_GG)
    controls_CG = seen.expression_CG[seen.labels_C == seen.control]
    with np.errstate(invalid="ignore", divide="ignore"):
        together_GG = np.nan_to_num(np.corrcoef(controls_CG.T)).astype(np.float32)
    near_GG = graph.normalised(links_GG)
    maps = (np.eye(len(genes), dtype=np.float32), together_GG, near_GG, near_GG @ near_GG)
    measured = replace(seen, columns=tuple(trained)).targets().effects_GP
    effect = dict(zip(trained, measured.T, strict=True))

    def part(names: Sequence[str], who: str) -> PerturbationSet:
        found = [members(name, genes) for name in names]
        knocked_QG = np.zeros((len(names), len(genes)), dtype=np.float32)
        for row, own in enumerate(found):
            knocked_QG[row, [genes.index(gene) for gene in own]] = 1.0
        known = [each @ knocked_QG.T for each in maps]
        if kind == "pairs":
            twos = [np.stack([effect[alone[gene]] for gene in own]) for own in found]
            base_GQ = np.stack([two.sum(0) for two in twos], axis=1)
            agree = [np.sign(two[0]) * np.abs(two).min(0) * _alike(two) for two in twos]
            known += [np.stack(agree, axis=1), np.stack([two.prod(0) for two in twos], axis=1)]
        else:
            others = [[n for n in trained if n != name] for name in names]
            base_GQ = np.stack([np.mean([effect[n] for n in own], 0) for own in others], axis=1)
        targets = ceiling_GQ = None
        if who == "train":
            targets = replace(seen, columns=tuple(names)).targets()
        elif who:
            columns = tuple(names)
            targets = replace(whole.held_out, columns=columns, sd_G=seen.sd_G).targets()
            ceiling_GQ = replace(whole.train, columns=columns, sd_G=seen.sd_G).targets().effects_GP
        return PerturbationSet(tuple(names), knocked_QG, base_GQ.astype(np.float32),
                    np.stack(known, axis=2), targets, ceiling_GQ)  # fmt: skip

    asked = _asked(config["asked"], genes, alone if kind == "pairs" else None)
    words = {"train": "to train on", "validation": "for validation", "test": "for the test"}
    told = ", ".join(f"{len(dealt[who])} {word}" for who, word in words.items())
    notes.append(f"{'Pairs' if kind == 'pairs' else 'Perturbations'}: {told}.")
    return UnseenProblem(
        genes=genes,
        features_GF=gene_features(config, seen, links_GG),
        adjacency_GG=adjacency_GG,
        seen=seen,
        parts={who: part(names, who) for who, names in dealt.items()},
        asked=part(asked, "") if asked else None,
        floor=float(np.median(np.abs(measured))) + 1e-6,
        notes=tuple(notes),
    )


def _alike(two: FloatArray) -> FloatArray:
    same: FloatArray = (np.sign(two) == np.sign(two[0])).all(0).astype(np.float32)
    return same


def _only(half: Half, names: Sequence[str]) -> Half:
    """The cells of these perturbations and the controls, with scales of their own."""
    keep_C = np.isin(half.labels_C, [*names, half.control])
    cells_CG = np.ascontiguousarray(half.expression_CG[keep_C])
    sd_G = np.maximum(cells_CG.std(0), 1e-3)
    columns = tuple(names)
    return replace(half, expression_CG=cells_CG, labels_C=half.labels_C[keep_C], columns=columns,
                   sd_G=sd_G)  # fmt: skip


def _deal(
    names: Sequence[str], kind: str, share: float, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Names at random to the three parts, sorted in each."""
    each = max(FEWEST["test"], round(share * len(names)))
    if len(names) < 2 * each + FEWEST["train"]:
        told = "pairs of perturbations that were measured alone too" if kind == "pairs" else kind
        raise DataError(
            f"unseen={kind}: there are {len(names)} {told}, and {2 * each + FEWEST['train']} are "
            f"needed ({each} for validation, {each} for the test, {FEWEST['train']} to train on).",
            hint="Hold out cells only:  --set unseen=none",
        )
    shuffled = [names[i] for i in rng.permutation(len(names))]
    cut = {"test": shuffled[:each], "validation": shuffled[each : 2 * each]}
    return {who: sorted(own) for who, own in {"train": shuffled[2 * each :], **cut}.items()}


def _asked(text: str, genes: Sequence[str], alone: Mapping[str, str] | None) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        found = members(name, genes)
        if not found:
            raise DataError(f"asked: {name!r} is no gene among the {len(genes)} kept, nor several.")
        if alone is not None and (len(found) != 2 or any(gene not in alone for gene in found)):
            raise DataError(
                f"asked: {name!r} is no pair of perturbations that were each measured alone.",
                hint=f"Such as  --set asked={'+'.join(list(alone)[:2])}",
            )
        if alone is None and len(found) != 1:
            raise DataError(f"asked: {name!r} is not one gene; pairs need  --set unseen=pairs")
    return names


def simple_answers(problem: UnseenProblem, who: str) -> dict[str, FloatArray]:
    """What needs no network, as effects (G, Q) of a part: the rows to beat.

    *linear response* fits one number for each of the things known; *linear embedding* is the ridge
    from embeddings of knocked-out genes to those of genes, source: Ahlmann-Eltze et al. 2025.
    """
    train, part = problem.parts["train"], problem.parts[who]
    assert train.targets is not None
    rest_GQ = train.targets.effects_GP - train.base_GQ
    flat = train.known_GQR.reshape(-1, train.known_GQR.shape[2]).astype(np.float64)
    square = flat.T @ flat + 1e-3 * len(flat) * np.eye(flat.shape[1])
    weights_R = np.linalg.solve(square, flat.T @ rest_GQ.reshape(-1))
    response_GQ = part.base_GQ + (part.known_GQR @ weights_R).astype(np.float32)

    cells_CG = problem.seen.expression_CG - problem.seen.expression_CG.mean(0)
    scaled_CG = cells_CG / problem.seen.sd_G
    vectors_GG = np.linalg.eigh(scaled_CG.T @ scaled_CG)[1]
    genes_GK = vectors_GG[:, ::-1][:, :DIRECTIONS] * np.sqrt(len(vectors_GG))
    left_GK = np.linalg.svd(rest_GQ, full_matrices=False)[0][:, :DIRECTIONS]
    have_QK, want_QK = train.knocked_QG @ genes_GK, rest_GQ.T @ left_GK
    square = have_QK.T @ have_QK + RIDGE * len(have_QK) * np.eye(have_QK.shape[1])
    mixing_KK = np.linalg.solve(square, have_QK.T @ want_QK)
    embedded_GQ = part.base_GQ + left_GK @ (part.knocked_QG @ genes_GK @ mixing_KK).T
    base = "sum of the two alone" if len(part.known_GQR[0, 0]) > 4 else "mean of the training ones"
    return {
        "no effect": np.zeros_like(part.base_GQ),
        base: part.base_GQ,
        "linear response": response_GQ,
        "linear embedding": embedded_GQ.astype(np.float32),
    }


def table(
    problem: UnseenProblem, who: str, networks: Mapping[str, FloatArray]
) -> dict[str, dict[str, float]]:
    """Every score of every answer on a part; the last row is what other cells of it say."""
    part = problem.parts[who]
    assert part.targets is not None and part.ceiling_GQ is not None
    rows = {**simple_answers(problem, who), **networks, "its own other cells": part.ceiling_GQ}
    found = {}
    for name, effects_GQ in rows.items():
        squares = float(((effects_GQ - part.targets.effects_GP) ** 2).mean())
        found[name] = {"mse": squares} | score(part.targets, problem.said(effects_GQ), "")
    return found


def against(problem: UnseenProblem, network_GQ: FloatArray, who: str = "test") -> list[str]:
    """The network's squared error against each simple answer's, perturbation by perturbation."""
    targets = problem.parts[who].targets
    assert targets is not None
    truth_GQ = targets.effects_GP

    def squares(effects_GQ: FloatArray) -> FloatArray:
        found: FloatArray = ((effects_GQ - truth_GQ) ** 2).mean(0)
        return found

    sentences = []
    for name, effects_GQ in simple_answers(problem, who).items():
        theirs_Q = squares(effects_GQ)
        apart_Q = (squares(network_GQ) - theirs_Q) / max(float(theirs_Q.mean()), 1e-12)
        said = f"Squared error on the {who} part against {name}: {apart_Q.mean():+.0%}"
        if len(apart_Q) < FEWEST_TOLD:
            sentences.append(f"{said}, from {len(apart_Q)} perturbations, too few for an interval.")
            continue
        reach = interval([float(v) for v in apart_Q])
        decided = "" if reach.high < 0 or reach.low > 0 else ", which decides nothing"
        over = f"{reach.low:+.0%} .. {reach.high:+.0%} over {len(apart_Q)} of them{decided}"
        sentences.append(f"{said} ({over}).")
    return sentences
