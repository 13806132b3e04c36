"""Where in the training something was measured: its epoch, its step, how far within the epoch."""

from __future__ import annotations

import re
from typing import NamedTuple

from homeostat.logs.clean import EDGE
from homeostat.logs.names import EPOCHS
from homeostat.logs.numbers import Notation


class Position(NamedTuple):
    """What a line says of where it is; None for what it does not say."""

    epoch: float | None = None
    step: float | None = None
    part: float | None = None
    """The batch within the epoch, ..."""
    whole: float | None = None
    """... and how many there are."""

    @property
    def hint(self) -> float | None:
        """One number for it: the step, or else the epoch."""
        return self.epoch if self.step is None else self.step

    @property
    def known(self) -> bool:
        """Whether anything is said."""
        return self.epoch is not None or self.step is not None


NOWHERE = Position()

_COUNT = r"\d{1,3}(?:,\d{3})+(?![\d.,]\d)|\d+(?:[.,]\d+)?"
_INNER = r"\[\s*(?P<{0}>\d+)\s*/\s*(?P<{0}_of>\d+)(?:\s*\(\s*[\d.]+\s?%\s*\))?\s*\]"
_WORD = (
    r"(?<![\w./-])(?P<word>epoch|ep|global[_ ]?step|step|iter(?:ation)?|it|num_updates|update|"
    r"round|episode|timesteps?|total_timesteps|generation|gen)(?![\w/.-])"
)
_NAMED = re.compile(
    rf"{_WORD}['\"]?\s*(?:\((?P<phase>(?:train|val|test|eval)\w*)\))?[\s:=#\[(]{{0,6}}(?P<at>{_COUNT})(?![\w%]|\.\d)"
    rf"(?:\s*(?:/|of)\s*(?P<of>{_COUNT}))?\s*[\])]?"
    rf"(?:\s*{_INNER.format('part')}|(?:\s*[:,]\s*|\s+)(?P<loose>\d+)\s*/\s*(?P<loose_of>\d+)(?![\d.]))?",
    re.IGNORECASE,
)
# timm: "Train: 0 [  50/1251 (  4%)]  Loss: 6.9"
_PHASED = re.compile(
    rf"(?P<phase>\b(?:train|val|valid|validation|test|eval)\w*):\s*(?P<at>\d+)?\s*{_INNER.format('part')}",
    re.IGNORECASE,
)
# xgboost and LightGBM begin a line with [10], CatBoost with "10:".
_BOOSTED = re.compile(r"^\s*(?:\[(\d+)\](?=\s)|(\d+):(?=\s+[A-Za-z]))")


def locate(text: str, notation: Notation) -> tuple[Position, str]:
    """The position that a line names, and the line without it."""
    boosted = _BOOSTED.match(text)
    if boosted:
        step = float(boosted[1] or boosted[2])
        return Position(step=step), EDGE + text[boosted.end() :]
    position = NOWHERE

    def take(match: re.Match[str]) -> str:
        nonlocal position
        position = _merge(position, _position(match, notation))
        phase = match["phase"]
        return f"{EDGE}{phase}:{EDGE}" if phase else EDGE

    text = _PHASED.sub(take, text, count=1)
    if position is NOWHERE:
        text = _NAMED.sub(take, text)
    return position, text


def _position(match: re.Match[str], notation: Notation) -> Position:
    groups = match.groupdict()
    if "word" not in groups:
        at = groups["at"]
        epoch = float(at) if at else None
        return Position(epoch, None, float(groups["part"]), float(groups["part_of"]))
    at = notation.value(groups["at"], whole=True)
    if groups["word"].lower() not in EPOCHS:
        return Position(step=at)
    part, whole = groups["part"] or groups["loose"], groups["part_of"] or groups["loose_of"]
    return Position(at, None, float(part) if part else None, float(whole) if whole else None)


def _merge(first: Position, second: Position) -> Position:
    """What a line says first counts, so that "epoch 3 ... best epoch 1" is at epoch 3."""
    pairs = zip(first, second, strict=True)
    return Position(*(b if a is None else a for a, b in pairs))
