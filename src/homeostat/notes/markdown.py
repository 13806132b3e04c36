"""Reading a log kept in Markdown, written by us or by hand: each `## Run N – title` is an entry."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from homeostat.notes.classify import CurveBehaviour
from homeostat.notes.entry import Entry, Span

_HEADING = re.compile(r"^##\s+Run\s+(\d{1,9})\s*[–—:-]?\s*(.*?)\s*$")
_ANY_HEADING = re.compile(r"^#{1,2}\s")
_ITEM = re.compile(r"^[-*]\s+\*\*(.+?):?\*\*:?\s*(.*)$")
_SUB_ITEM = re.compile(r"^\s+[-*]\s+(.*)$")
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf)"
_RATE = re.compile(rf"(?:initial_lr|learning[_ ]rate|lr)?\s*[=:≈`\s]*({_NUMBER})", re.IGNORECASE)
_METRICS = re.compile(r"key metrics\s*\((\w+)\s+(\d+(?:\.\d+)?)\)", re.IGNORECASE)
_VALUE = re.compile(rf"≈\s*`?\s*({_NUMBER})(?:\s*[–—]\s*({_NUMBER}))?", re.IGNORECASE)
_NAME = re.compile(r"`([A-Za-z_][^`≈]*?)\s*[`≈]")


@dataclass
class _Item:
    """A bold label, what follows on its line, and the items below it."""

    label: str
    text: str
    below: list[str] = field(default_factory=list)


def parse(text: str) -> list[Entry]:
    """The entries of a log, in order; what is not an entry is passed over."""
    entries = []
    current: tuple[int, str, list[str]] | None = None
    for line in [*text.splitlines(), "# end"]:
        heading = _HEADING.match(line)
        if heading or _ANY_HEADING.match(line):
            if current is not None:
                entries.append(_entry(*current))
            current = (int(heading[1]), heading[2], []) if heading else None
        elif current is not None:
            current[2].append(line)
    return entries


def _entry(number: int, title: str, lines: list[str]) -> Entry:
    entry = Entry(number=number, title=title)
    for item in _items(lines):
        entry = _with(entry, item)
    return entry


def _items(lines: list[str]) -> Iterator[_Item]:
    item: _Item | None = None
    for line in lines:
        top, sub = _ITEM.match(line), _SUB_ITEM.match(line)
        if top:
            if item is not None:
                yield item
            item = _Item(top[1].strip(), top[2].strip())
        elif sub and item is not None:
            item.below.append(sub[1].strip())
    if item is not None:
        yield item


def _with(entry: Entry, item: _Item) -> Entry:
    """The entry with what one item says."""
    label, said = item.label.lower(), tuple(part for part in (item.text, *item.below) if part)
    if label.startswith("date"):
        return replace(entry, context=item.text)
    if "learning rate" in label:
        return _with_rate(entry, item)
    if label.startswith("optimi"):
        return replace(entry, optimizer=item.text)
    if "hyperparameter" in label:
        return _with_settings(entry, said)
    if label.startswith("loss"):
        return replace(entry, losses=said)
    at = _METRICS.match(item.label)
    if at:
        return replace(
            entry,
            unit=at[1].lower(),
            metrics={**entry.metrics, _place(at[2]): _metrics(item.below)},
        )
    if label.startswith("behavio"):
        return replace(entry, behaviour=said)
    if label.startswith("assessment"):
        return _with_assessment(entry, said)
    if label.startswith("next"):
        return replace(entry, next_steps=said)
    return entry


def _place(text: str) -> float:
    """An epoch or step; whole ones are whole numbers."""
    at = float(text)
    return int(at) if at == int(at) else at


def _with_settings(entry: Entry, said: tuple[str, ...]) -> Entry:
    """Optimiser and losses have a place of their own, also when listed among the others."""
    others = []
    for line in said:
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in ("optimizer", "optimiser") and not entry.optimizer:
            entry = replace(entry, optimizer=value.strip())
        elif colon and name.strip().lower() == "losses" and not entry.losses:
            entry = replace(entry, losses=(value.strip(),))
        else:
            others.append(line)
    return replace(entry, settings=tuple(others))


def _with_assessment(entry: Entry, said: tuple[str, ...]) -> Entry:
    """A line such as "Next likely stabilizing steps:" opens the next steps."""
    for i, line in enumerate(said):
        if re.match(r"next\b.*\bsteps?:$", line, re.IGNORECASE):
            return replace(entry, assessment=said[:i], next_steps=said[i + 1 :])
    return replace(entry, assessment=said)


def _with_rate(entry: Entry, item: _Item) -> Entry:
    lines = [item.text, *item.below] if item.text else item.below
    rate, rest = None, []
    for line in lines:
        found = _RATE.search(line) if rate is None else None
        if found and math.isfinite(float(found[1])):
            rate = float(found[1])
            # What remains of the line beside the rate itself, if it says anything.
            remark = line.replace("`", "")[found.end() :] if line is not item.text else ""
            line = remark.strip(" `.")
            if not re.search(r"\w", line):
                continue
        rest.append(line)
    if item.text:
        rest = []
    return replace(entry, learning_rate=rate, schedule=tuple(rest))


def _metrics(lines: list[str]) -> dict[str, Span]:
    """`loss ≈ 4.15–4.53` or `loss_fn_loss` (policy KL) ≈ `4.05`; several names share a value."""
    found: dict[str, Span] = {}
    for line in lines:
        value = _VALUE.search(line)
        if value is None:
            continue
        low = float(value[1])
        high = float(value[2]) if value[2] else low
        for name in _NAME.findall(line[: value.start() + 1]):
            found[name.strip()] = (low, high)
    return found


def behaviour_of(entry: Entry) -> CurveBehaviour:
    """The class that an entry's own sentences give it.

    "Epoch 2 onward: all losses become `nan`"  ->  nan, from epoch 2
    """
    for line in entry.behaviour:
        words = re.sub(r"[`*]", "", line)
        at = re.search(rf"\b{re.escape(entry.unit)}\s+(\d{{1,9}}(?:\.\d+)?)", words, re.IGNORECASE)
        if at and re.search(r"\b(nan|non-finite|not finite)\b", words, re.IGNORECASE):
            return CurveBehaviour("nan", f"NaN from {entry.unit} {at[1]}", _place(at[1]))
        if at and re.search(r"\b(diverge|explode|grows tenfold)", words, re.IGNORECASE):
            return CurveBehaviour("diverged", f"diverges by {entry.unit} {at[1]}", _place(at[1]))
        for kind, pattern in _KINDS:
            if re.search(pattern, words, re.IGNORECASE):
                return CurveBehaviour(kind, line)
    return CurveBehaviour("unclear", "its notes do not say")


_KINDS = (
    ("overfitting", r"rises after"),
    ("flat", r"stays where it began"),
    ("improving", r"still falling"),
    ("levelled", r"levels off"),
)
