"""Time budgets."""

import pytest

from homeostat.errors import ConfigError
from homeostat.plan.budget import parse_duration
from homeostat.wording import format_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0.5h", 1800),
        ("45", 45),
        (45, 45),
        ("overnight", 12 * 3600),
        ("weekend", 48 * 3600),
        ("week", 168 * 3600),
    ],
)
def test_a_budget_means_what_people_say(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "30 minutes", "m30", "-5m", "0s", "nan", "inf", "30mm"]
)
def test_what_is_no_budget_is_refused_with_examples(text):
    with pytest.raises(ConfigError, match=r"is not a time budget.*30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (42, "42 s"), (272, "4m32s"), (7500, "2h05m"), (59.7, "1m00s")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert format_duration(seconds) == text
