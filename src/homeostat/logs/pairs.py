"""Names and numbers in a line of text: "train loss 4.0, val loss 4.4", "Accuracy: 97/100"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from homeostat.logs.clean import EDGE
from homeostat.logs.names import (
    PHASE_WORD,
    has_phase,
    in_phase,
    is_measure,
    is_metric,
    is_of_data,
    is_share,
)
from homeostat.logs.numbers import TOKEN, Notation

MOST_NAME = 80

_VALUE = re.compile(
    rf"(?<=[\s:=≈→(\[|{EDGE}])(?P<number>{TOKEN})"
    r"(?:\s*/\s*(?P<of>\d+(?:\.\d+)?)(?:\s*\(\s*[\d.]+\s?%\s*\))?|\s?%)?"
    rf"(?=[\s,;|)\]}}{EDGE}•·]|$|\.(?:\s|$))"
    rf"(?:\s*\(\s*(?P<mean>{TOKEN})\s*\))?"
)
_TENSOR = re.compile(
    r"\b(?:tensor|array|(?:np|numpy|jnp)\.\w+|Array)\(\s*\[?\s*([-+\w.]+)\s*\]?"
    r"(?:,[^()]*(?:\([^()]*\)[^()]*)*|[^(),]*)\)"
)
_SEGMENT = re.compile(rf"[,;|\t{EDGE}•·{{}}]|\s[-–—]\s|\s{{2,}}|\.\s|\(")
_SEPARATORS = ":=≈→"
_STOP = re.compile(
    r".*\b(?:with|and|has|have|is|was|are|the|a|an|got|gives?|gave|after|finished|done|completed?|"
    r"reached|for|at|on|to|from|by|saved?|saving|using|used|results?|summary|metrics|stats)\b[\s:]*",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(
    r"(?:avg|average|mean|running|total|best|final|min|max|smooth(?:ed)?|ema|lm|mlm|nll|cls|box|"
    r"reg(?:ression)?|class(?:ification)?|grad(?:ient)?|learning|cross|mean|abs(?:olute)?|squared|"
    r"top|balanced|masked|macro|micro|weighted|policy|value|actor|critic|generator|discriminator|"
    r"recon(?:struction)?|kl|error|word|token|batch|epoch|student|teacher|contrastive|aux\w*)$",
    re.IGNORECASE,
)


class NamedNumber(NamedTuple):
    """A number in a line and what it is called."""

    name: str
    value: float
    header: str
    """What stands before the name in its part of the line: "Test set" in "Test set: loss: 0.5"."""
    measure: bool
    """Whether the name is one that metrics have; others can be anything that has a number."""


def without_tensors(text: str) -> str:
    """`tensor(0.8, device='cuda:0')` as 0.8."""
    return _TENSOR.sub(r"\1", text) if "(" in text else text


def pairs(text: str, notation: Notation, *, loose: bool) -> list[NamedNumber]:
    """The named numbers of a line; with `loose`, "wps 1000" between bars or commas is one too."""
    found: list[NamedNumber] = []
    end = 0
    phase = None
    for match in _VALUE.finditer(text):
        left = text[end : match.start()]
        name, header = _name(left, loose=loose and _closed(text, match.end()))
        # What stood between two numbers may say on which data the next ones were measured.
        words = PHASE_WORD.findall(header)
        phase = words[-1] if words else phase
        value = _number(match, name, notation) if name else None
        if value is None:
            continue
        end = match.end()
        if not is_metric(name):
            continue
        full = in_phase(name, phase)
        found.append(NamedNumber(full, value, header.strip(f" :{EDGE}"), is_measure(name)))
        mean = match["mean"]
        if mean and re.search(r"[.,e]|nan|inf", mean, re.IGNORECASE):
            average = notation.value(mean)
            if average is not None:
                found.append(NamedNumber(f"{full} (average)", average, header, is_measure(name)))
    return found


def _number(match: re.Match[str], name: str, notation: Notation) -> float | None:
    value = notation.value(match["number"].rstrip("."))
    if value is None or not match["of"]:
        return value
    whole = float(match["of"])
    return value / whole if whole and is_share(name) else None


def _closed(text: str, end: int) -> bool:
    """Whether a part of the line ends here."""
    rest = text[end : end + 20].lstrip(" ])")
    return not rest or rest[0] in f",;|\t{EDGE}•·" or text[end : end + 2] == "  "


def _name(left: str, *, loose: bool) -> tuple[str, str]:
    """The name at the end of `left`, and what stands before it; no name if it is prose."""
    stripped = left.rstrip(" \t(['\"")
    sign = stripped[-1:] if stripped[-1:] in _SEPARATORS else ""
    tight = bool(sign) and not stripped[-2:-1].isspace()
    stripped = stripped.rstrip(f"{_SEPARATORS} \t'\"")
    start = max((m.end() for m in _SEGMENT.finditer(stripped) if not _unit(stripped, m)), default=0)
    header, part = stripped[:start], stripped[start:]
    inner = max(part.rfind(": "), part.rfind("= "), part.rfind(":\t"))
    if inner >= 0:
        header, part = header + part[: inner + 1], part[inner + 1 :]
    stop = _STOP.match(part)
    if stop and not (sign and re.fullmatch(r"\W*\w+\W*", part)):  # "on = 0.5" has a name
        header, part = header + part[: stop.end()], part[stop.end() :]
    words = part.strip(" \t([{<>)]}'\"*#-–—.,:!").split()
    if not words:
        return "", left
    taken = _words(words, sign, tight, loose)
    header += " " + " ".join(words[: len(words) - taken])
    name = " ".join(words[len(words) - taken :]).strip("'\"`*[]{}<>")
    if not taken or len(name) > MOST_NAME or not re.search(r"[^\W\d]", name):
        return "", left
    return name, header


def _unit(text: str, match: re.Match[str]) -> bool:
    """Whether a bracket belongs to a name: "elapsed time (ms)", "F1 (macro)"."""
    return match[0] == "(" and ")" in text[match.end() :]


def _words(words: list[str], sign: str, tight: bool, loose: bool) -> int:
    """How many of the last words are the name."""
    if sign == ":" or (sign and not tight):
        return len(words) if len(words) <= 6 else 0
    if not sign and not is_measure(words[-1]):
        return len(words) if loose and len(words) <= 2 else 0
    taken = 1
    while taken < len(words):
        word = words[-taken - 1]
        if not (has_phase(word) or _QUALIFIER.match(word)):
            break
        taken += 1
    return taken


def together(found: list[NamedNumber]) -> tuple[dict[str, float], str | None]:
    """One value per name, and a name that has two values in the line, if there is one.

    Names that occur twice are told apart by the part of the line that they stand in, as in
    "train loss 0.5 acc 0.7 val loss 0.6 acc 0.6" or "net_a: loss=1 net_b: loss=2".
    """
    found = _in_one_phase(found)
    counts: dict[str, set[float]] = {}
    for pair in found:
        counts.setdefault(pair.name, set()).add(pair.value)
    metrics: dict[str, float] = {}
    for name, pair in _told_apart(found, {n for n, values in counts.items() if len(values) > 1}):
        if name in metrics and metrics[name] != pair.value and pair.value == pair.value:
            return metrics, name
        metrics[name] = pair.value
    return metrics, None


def _in_one_phase(found: list[NamedNumber]) -> list[NamedNumber]:
    """ "train Loss: 0.5 Acc: 0.7" is of one phase from its first name on."""
    phases = {word.lower() for pair in found for word in PHASE_WORD.findall(pair.name)}
    if len(phases) != 1:
        return found
    phase, out = None, []
    for pair in found:
        words = PHASE_WORD.findall(pair.name)
        phase = words[0] if words else phase
        out.append(
            pair._replace(name=in_phase(pair.name, phase) if is_of_data(pair.name) else pair.name)
        )
    return out


def _told_apart(found: list[NamedNumber], twice: set[str]) -> Iterator[tuple[str, NamedNumber]]:
    phase = None
    for pair in found:
        words = PHASE_WORD.findall(pair.name)
        phase = words[0] if words else phase
        if pair.name not in twice:
            yield pair.name, pair
        elif pair.header:
            yield f"{pair.header.split(EDGE)[-1].strip()} {pair.name}", pair
        else:
            yield in_phase(pair.name, phase), pair
