"""Words: what the name of an option or a number says, by one readable table for each question."""

from __future__ import annotations

import re


def table(*words: str) -> re.Pattern[str]:
    """A name that has one of these words in it, between underscores or at its ends."""
    return re.compile(r"(?:^|[_\W])(?:" + "|".join(words) + r")(?:$|[_\W])")


def snake(name: str) -> str:
    """A name in small letters with underscores: batchSize, batch-size, "batch size": batch_size."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", name).strip("_").lower()
