"""Time budgets: what `30m`, `1h30m` and `overnight` mean in seconds."""

from __future__ import annotations

import re

from homeostat.errors import ConfigError

NAMED_HOURS = {"overnight": 12, "weekend": 48, "week": 168}

_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse_duration(text: str | float) -> float:
    """Turn a time budget into seconds.

    Args:
        text: Seconds as a number, or text such as `90s`, `30m`, `1h30m`, `2d`,
            `overnight` (12 h), `weekend` (48 h) and `week` (168 h).

    Returns:
        The budget in seconds, above 0.

    Raises:
        ConfigError: If the text is none of these, or not above 0.
    """
    seconds = _seconds(str(text).strip().lower())
    if seconds is None or not 0 < seconds < float("inf"):
        raise ConfigError(
            f"{str(text)!r} is not a time budget.",
            hint="Write it like 90s, 30m, 1h30m, overnight, weekend or week.",
        )
    return seconds


def _seconds(text: str) -> float | None:
    if text in NAMED_HOURS:
        return NAMED_HOURS[text] * 3600.0
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    try:
        return float(text)
    except ValueError:
        return None
