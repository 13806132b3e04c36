"""Numbers as people and programs write them: 0.49, 0,49, 1,234.5, 1.234,5, 3e-4, nan, 97 %."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

WORDS = {"nan": float("nan"), "inf": float("inf"), "infinity": float("inf")}
BODY = r"(?:\d+(?:[.,]\d+)*\.?|[.,]\d+)(?:[eE][-+]?\d{1,4})?"
"""Digits with points and commas, and an exponent; whether it is one number is asked later."""
TOKEN = rf"[-+−]?(?:{BODY}|(?i:nan|inf(?:inity)?)(?![A-Za-z_]))"

_WHOLE = re.compile(rf"\s*([-+−]?)(?:({BODY})|(nan|inf(?:inity)?))\s*%?\s*", re.IGNORECASE)
_GROUPS = {sign: re.compile(rf"[1-9]\d{{0,2}}(?:\{sign}\d{{3}})+") for sign in ",."}
# Bounded by what cannot belong to a number or a name, so that versions and lists do not count.
_EVIDENCE = re.compile(r"(?<![\w.,])[-+−]?(\d*)([.,])(\d+)(?:[eE][-+]?\d+)?(?![\w]|[.,]\d)")
_MIXED = re.compile(r"(?<![\w.,])\d{1,3}(?:(?:,\d{3})+(\.)\d+|(?:\.\d{3})+(,)\d+)(?![\w]|[.,]\d)")


@dataclass
class Notation:
    """Which sign stands before the decimals, learnt from the numbers seen so far.

    "0,49" can only be .49 and "1,234.5" only 1234.5, but "1,234" is either: it is read once other
    numbers have shown which, and until then it is no number.
    """

    points: int = 0
    """Numbers whose point can only stand before decimals."""
    commas: int = 0
    """Numbers whose comma can."""
    likely_points: int = 0
    """Numbers such as 2.000, where a point is likelier to be the decimal sign."""
    ambiguous: int = 0
    """Numbers that were not read because either sign was possible."""

    @property
    def decimal(self) -> str | None:
        """The sign before decimals; None while nothing says."""
        if self.points or self.commas:
            return "," if self.commas > self.points else "."
        return "." if self.likely_points else None

    def learn(self, text: str) -> None:
        """Take into account the numbers in a piece of text."""
        for whole, sign, fraction in _EVIDENCE.findall(text):
            certain = len(fraction) != 3 or whole.startswith("0") or len(whole) not in (1, 2, 3)
            if sign == ",":
                self.commas += certain
            elif certain:
                self.points += 1
            else:
                self.likely_points += 1
        for point, comma in _MIXED.findall(text):
            self.points += bool(point)
            self.commas += bool(comma)

    def value(self, text: str, *, whole: bool = False) -> float | None:
        """The number that `text` is, or None; with `whole`, 1,000 is a thousand in any case."""
        match = _WHOLE.fullmatch(text)
        if match is None:
            return None
        sign, body, word = match.groups()
        size = WORDS[word.lower()] if word else self._size(body, whole)
        if size is None:
            return None
        return -size if sign in ("-", "−") else size

    def _size(self, body: str, whole: bool) -> float | None:
        mantissa, e, exponent = body.lower().partition("e")
        # Nobody writes thousands and an exponent: 1,234e-05 has decimals.
        plain = (
            mantissa.replace(",", ".")
            if e and mantissa.count(",") == 1 and "." not in mantissa
            else self._plain(mantissa, whole)
        )
        return None if plain is None else float(plain + e + exponent)

    def _plain(self, text: str, whole: bool) -> str | None:
        """`text` with a point before its decimals and nothing between thousands."""
        signs = {sign for sign in ",." if sign in text}
        if not signs:
            return text
        if signs == {",", "."}:
            decimal = "," if text.rfind(",") > text.rfind(".") else "."
            thousands = "." if decimal == "," else ","
            head, _, tail = text.rpartition(decimal)
            if not _GROUPS[thousands].fullmatch(head) or not tail:
                return None
            return f"{head.replace(thousands, '')}.{tail}"
        (sign,) = signs
        groups = _GROUPS[sign].fullmatch(text) is not None
        if text.count(sign) > 1:
            return text.replace(sign, "") if groups else None
        if groups and (whole or self.decimal not in (sign, None)):
            return text.replace(sign, "")
        if sign == ",":
            if groups and self.decimal is None:
                self.ambiguous += 1
                return None
            if self.decimal == "." and not groups:
                return None  # "0,49" among numbers with points: a list, or damage
        return text.replace(sign, ".")


def number(value: Any) -> float | None:
    """A number, or text that is one in Python's own notation (also nan and inf); else None."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
