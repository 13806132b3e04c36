"""Everything that can go wrong for a user, as one family.

    HomeostatError
        SpaceError          a search space, a value or a rule that makes no sense
        ConfigError         a configuration file that cannot be read or used
        UnknownNameError    a workload, preset, parameter or method we do not have
        WorkloadError       a training loop that breaks its contract
        RecordError         a results folder or a run that cannot be written or read
        StudyError          a study that cannot be opened, or is not what was asked for
            StudyLockedError    another process is driving this study
            SpaceExhaustedError every configuration of the space has been tried
        DataError           data that is missing, damaged or of the wrong shape
        MissingExtraError   an optional part that is not installed

A diverged trial is a result, recorded with its reason; a misspelt setting is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class HomeostatError(Exception):
    """What went wrong in one line, and what to type next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        # A name or a value from a file may hold a line break; the sentence around it may not.
        self.message = " ".join(message.splitlines())
        self.hint = " ".join(hint.splitlines())
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}  {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Not by the arguments, as exceptions are: those of a subclass are its own.
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[HomeostatError], message: str, hint: str) -> HomeostatError:
    """An error that came from another process."""
    error = kind.__new__(kind)
    HomeostatError.__init__(error, message, hint=hint)
    return error


class SpaceError(HomeostatError):
    """A search space, a value or a rule that makes no sense."""


class ConfigError(HomeostatError):
    """A configuration file that cannot be read or used."""


class UnknownNameError(HomeostatError):
    """A workload, preset, parameter or method we do not have."""


class WorkloadError(HomeostatError):
    """A training loop that breaks its contract."""


class RecordError(HomeostatError):
    """A results folder or a run that cannot be written or read."""


class StudyError(HomeostatError):
    """A study that cannot be opened, or is not what was asked for."""


class StudyLockedError(StudyError):
    """Another process is driving this study."""


class SpaceExhaustedError(StudyError):
    """Every configuration of the space has been tried."""


class DataError(HomeostatError):
    """Data that is missing, damaged or of the wrong shape."""


class MissingExtraError(HomeostatError):
    """An optional part that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed.",
            hint=f"Add it:  pip install 'homeostat[{extra}]'",
        )


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of an error sentence: the nearest known name, or all of them when few.

    A name comes from outside, and in a YAML file it may be a number, a date or nothing.
    """
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if not names:
        return ""
    if len(names) <= 12:
        return f"Known: {', '.join(names)}."
    return f"Known: {', '.join(names[:12])} and {len(names) - 12} more."
