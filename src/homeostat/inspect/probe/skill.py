"""Skill: how good the network's last predictions are, beside simple models and a constant guess.

All three are scored on the same rows where these are known, in the terms of the reported metric
where it can be recomputed from the predictions, and in accuracy or mean squares otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.inspect.probe import learners
from homeostat.inspect.tracer import data
from homeostat.inspect.tracer.recording import Pair, Recording

Array = NDArray[Any]
LEAST_ROWS = 16
MOST_TOKENS = 4096
NEAR = 2e-3
"""A reported value this close to a recomputed one, relative to its size, is that one."""
CLASSIFYING = frozenset(
    {"equality", "cross_entropy", "nll_loss", "binary_cross_entropy",
     "binary_cross_entropy_with_logits"}
)  # fmt: skip
REGRESSING = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference"})


@dataclass(frozen=True)
class Predictions:
    """What the network said of some rows, and the truth."""

    guess: Array
    """(rows,) classes, or (rows, outputs) numbers."""
    truth: Array
    classes: bool
    scored: bool
    """They were made for a score; else while training."""


@dataclass(frozen=True)
class Skill:
    """Three scores of the same kind, and how much better than a constant each is."""

    terms: str
    """accuracy, mean squared error, ..., or the name of the metric that is one of these."""
    higher: bool
    """More is better."""
    network: float
    simple: float
    constant: float
    network_skill: float
    """Agreement beyond chance (Cohen's kappa), or the explained share of the variance."""
    simple_skill: float
    chance: float
    """The spread of such a skill where there is nothing to learn."""
    rows: int
    held_out: bool

    @property
    def share(self) -> float:
        """How much of what simple models find the network finds."""
        return self.network_skill / max(self.simple_skill, 1e-9)

    @property
    def told(self) -> str:
        """The comparison as half a sentence."""
        rows = f"{self.rows} {'held-out' if self.held_out else 'training'} rows"
        return (
            f"simple models reach {_short(self.simple)}, this network {_short(self.network)}, a "
            f"constant {_short(self.constant)} ({self.terms}, {rows})"
        )


def predictions(run: Recording) -> Predictions | None:
    """The network's last predictions: of scored rows if these are known, else of training rows."""
    for pairs, scored in ((run.last_scored, True), (run.last_trained, False)):
        if pairs:
            latest = pairs[-1].report if scored else None
            chosen = [p for p in pairs if latest is None or p.report == latest]
            found = _together([p for p in chosen if not p.made], scored)
            if found is not None and len(found.truth) >= LEAST_ROWS:
                return found
    return None


def _together(pairs: list[Pair], scored: bool) -> Predictions | None:
    """All pairs of the kind that tells most, as one table."""
    kinds = [p.function for p in pairs]
    for kinds_wanted, classes in ((CLASSIFYING, True), (REGRESSING, False)):
        wanted = [k for k in dict.fromkeys(kinds) if k in kinds_wanted]
        for kind in sorted(wanted, key=lambda k: k != "equality"):
            parts = [_read(p, classes) for p in pairs if p.function == kind]
            parts = [p for p in parts if p is not None and p[0].shape[1:] == p[1].shape[1:]]
            widths = {p[0].shape[1:] for p in parts if p is not None}
            if parts and len(widths) == 1:
                guess, truth = (np.concatenate([p[i] for p in parts if p]) for i in (0, 1))
                return Predictions(guess, truth, classes, scored)
    return None


def _read(pair: Pair, classes: bool) -> tuple[Array, Array] | None:
    """(guess, truth) of one pair; None if its shapes are not understood."""
    guess, truth = data.as_array(pair.predicted), data.as_array(pair.target)
    if guess is None or truth is None or truth.ndim == 0:
        return None
    if not classes:
        rows = len(truth)
        if guess.size != truth.size or not np.issubdtype(truth.dtype, np.floating):
            return None
        return guess.reshape(rows, -1).astype(float), truth.reshape(rows, -1).astype(float)
    if pair.function == "equality":
        return guess.reshape(-1), truth.reshape(-1)
    if pair.function.startswith("binary"):
        middle = 0.0 if pair.function.endswith("logits") else 0.5
        return (guess.reshape(-1) > middle).astype(int), truth.reshape(-1).round().astype(int)
    if guess.ndim == truth.ndim and guess.shape == truth.shape and guess.ndim == 2:
        return guess.argmax(1), truth.argmax(1)
    if guess.ndim == truth.ndim + 1:
        valid = truth.reshape(-1) >= 0
        return guess.argmax(1).reshape(-1)[valid], truth.reshape(-1)[valid]
    return None


def measure(run: Recording, metric: str) -> Skill | None:
    """Compare the network at the end of a run with simple models and a constant guess.

    None where the targets were not seen, were made by a network, or are no table.
    """
    said = predictions(run)
    if said is not None and said.classes:
        guess = _by_one_token(run, scored=said.scored)
        if guess is not None and len(guess.truth) >= LEAST_ROWS:
            return _compared(run.curve(metric), metric, said, guess, held_out=said.scored)
    train = data.training(run)
    if said is None or train is None or train.targets is None or train.made:
        return None
    if not learners.usable(train.inputs, train.targets) or len(train.inputs) < LEAST_ROWS:
        return None
    if said.classes and not learners.is_classes(train.targets):
        return None
    test = _held_out(run, train) if said.scored else None
    guess = learners.guesses((train.inputs, train.targets), test, classes=said.classes)
    return _compared(run.curve(metric), metric, said, guess, held_out=test is not None)


def _by_one_token(run: Recording, *, scored: bool) -> learners.Guesses | None:
    """What is usual beside each single token (the one after it, in a language model), by counting.

    None where the inputs are no tokens with a target each.
    """
    learnt: list[tuple[Array, Array]] = []
    asked: list[tuple[Array, Array]] = []
    latest = max((call.report for call in run.calls if call.evaluation), default=0)
    for call in run.calls:
        tokens = data.as_array(call.inputs[0]) if call.inputs else None
        if tokens is None or tokens.ndim != 2 or not np.issubdtype(tokens.dtype, np.integer):
            continue
        for pair in call.pairs[:1]:
            target = data.as_array(pair.target)
            whole = target is not None and np.issubdtype(target.dtype, np.integer)
            if target is None or not whole or target.size != tokens.size or pair.made:
                continue
            kept = target.reshape(-1) >= 0
            table = tokens.reshape(-1)[kept], target.reshape(-1)[kept]
            if not call.evaluation:
                learnt.append(table)
            elif call.report == latest:
                asked.append(table)
    asked = asked if scored else learnt
    if not learnt or not asked:
        return None
    (x, y), (vx, vy) = ([np.concatenate(part) for part in zip(*t, strict=True)]
                        for t in (learnt, asked))  # fmt: skip
    alphabet = int(max(x.max(), y.max(), vx.max(), vy.max())) + 1
    if min(x.min(), vx.min()) < 0 or alphabet > MOST_TOKENS:
        return None
    counts = np.zeros((alphabet, alphabet))
    np.add.at(counts, (x, y), 1)
    usual = counts.sum(0)
    seen = counts.sum(1) > 0
    best = np.where(seen, counts.argmax(1), usual.argmax())
    return learners.Guesses(vy, best[vx], usual.argmax())


def _held_out(run: Recording, train: data.Table) -> tuple[Array, Array] | None:
    table = data.validation(run)
    if table is None or table.targets is None or table.made or len(table.inputs) < LEAST_ROWS:
        return None
    alike = table.inputs.shape[1:] == train.inputs.shape[1:]
    if not alike or not learners.usable(table.inputs, table.targets):
        return None
    return table.inputs, table.targets


def _compared(
    curve: list[float], metric: str, said: Predictions, guess: learners.Guesses, *, held_out: bool
) -> Skill | None:
    if said.classes:
        scores: Mapping[str, tuple[bool, Callable[[Array, Array], float]]] = CLASS_SCORES
        constant = np.full(len(guess.truth), guess.usual)
    else:
        scores = NUMBER_SCORES
        constant = np.broadcast_to(guess.usual, guess.truth.shape)
        if said.truth.shape[1:] != guess.truth.shape[1:]:
            return None
    if not np.isfinite(said.guess.astype(float)).all():
        return None
    terms = next(
        (n for n, (_, f) in scores.items() if _reported(curve, said, f)), next(iter(scores))
    )
    higher, score = scores[terms]
    named = metric if _reported(curve, said, score) else ""
    return Skill(
        terms=f"{terms}, which is {named}" if named and named != terms else terms,
        higher=higher,
        network=score(said.truth, said.guess),
        simple=score(guess.truth, guess.best),
        constant=score(guess.truth, constant),
        network_skill=learners.agreement(said.truth, said.guess, said.classes),
        simple_skill=learners.agreement(guess.truth, guess.best, said.classes),
        chance=learners.chance(guess.truth, said.classes),
        rows=len(guess.truth),
        held_out=held_out,
    )


def _accuracy(truth: Array, guess: Array) -> float:
    return float(np.mean(truth == guess))


def _wrong(truth: Array, guess: Array) -> float:
    return 1 - _accuracy(truth, guess)


def _squares(truth: Array, guess: Array) -> float:
    return float(np.mean((truth - guess) ** 2))


def _root_squares(truth: Array, guess: Array) -> float:
    return math.sqrt(_squares(truth, guess))


def _absolute(truth: Array, guess: Array) -> float:
    return float(np.mean(np.abs(truth - guess)))


CLASS_SCORES = {"accuracy": (True, _accuracy), "error rate": (False, _wrong)}
NUMBER_SCORES = {
    "mean squared error": (False, _squares),
    "root mean squared error": (False, _root_squares),
    "mean absolute error": (False, _absolute),
}


def _reported(
    curve: list[float], said: Predictions, score: Callable[[Array, Array], float]
) -> bool:
    """Whether a score of the last predictions is what the run reported last."""
    if not curve or not said.scored:
        return False
    value = score(said.truth, said.guess)
    return any(abs(value - v) <= NEAR * max(abs(value), 1e-6) for v in curve[-2:])


def _short(value: float) -> str:
    return f"{value:.3g}"
