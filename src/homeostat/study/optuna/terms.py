"""Optuna terms: how a study of ours is written as an Optuna study.

ours                              Optuna's
completed                         COMPLETE
diverged, with a value            COMPLETE, with the constraint "diverged" violated
pruned                            PRUNED
diverged, failed, out of time     FAIL
running, interrupted              RUNNING

What Optuna has no word for is in attributes whose names begin with "homeostat:".
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from homeostat.errors import RecordError
from homeostat.space.values import among, same

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage

OURS = "homeostat:"
"""Begins the name of every attribute that an export leaves."""
DIVERGED = "diverged"
"""The constraint that a diverged trial violates."""


def distribution(described: Mapping[str, Any]) -> BaseDistribution:
    """A range, as a study's definition describes it, in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "options" in described:
        return CategoricalDistribution(choices(described["options"]))
    low, high, log = described["low"], described["high"], described["log"]
    if described["kind"] == "int":
        return IntDistribution(int(low), int(high), log=log, step=described.get("step", 1))
    return FloatDistribution(low, high, log=log, step=described.get("step"))


def choices(options: Sequence[Any]) -> list[Any]:
    """Options as Optuna can tell them apart: to it True equals 1, so these are written as text."""
    if any(a == b for a, b in combinations(options, 2)):
        return [json.dumps(option) for option in options]
    return list(options)


def encoded(value: Any, described: Mapping[str, Any]) -> Any:
    """A value as it is written for Optuna."""
    return _exchanged(value, described, lambda options: (options, choices(options)))


def decoded(value: Any, described: Mapping[str, Any]) -> Any:
    """A value read back from Optuna; undoes `encoded`."""
    return _exchanged(value, described, lambda options: (choices(options), options))


def _exchanged(
    value: Any,
    described: Mapping[str, Any],
    sides: Callable[[Sequence[Any]], tuple[Sequence[Any], Sequence[Any]]],
) -> Any:
    if "options" not in described:
        return value
    before, after = sides(described["options"])
    return next(b for a, b in zip(before, after, strict=True) if same(a, value))


def described(distribution: BaseDistribution) -> dict[str, Any]:
    """Optuna's distribution as a study's definition describes it."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(distribution, CategoricalDistribution):
        options = list(distribution.choices)
        switch = len(options) == 2 and all(isinstance(option, bool) for option in options)
        return {"kind": "bool" if switch else "choice", "options": options}
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.single():
        return {"kind": "choice", "options": [distribution.low]}
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    ends = {"low": distribution.low, "high": distribution.high, "log": distribution.log}
    usual = 1 if kind == "int" else None
    step = {"step": distribution.step} if distribution.step != usual else {}
    return {"kind": kind, **ends, **step}


def united(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """One range for two that trials of a study drew the same parameter from."""
    if a == b and "options" not in a:
        return dict(a)
    if "options" in a or "options" in b:
        each = [list(one.get("options", ())) for one in (a, b)]
        more = [option for option in each[1] if not among(option, each[0])]
        if "options" in a and "options" in b:
            return {"kind": a["kind"], "options": [*each[0], *more]}
        numbers, options = (b, each[0]) if "options" in a else (a, each[1])
        ends = [numbers["low"], numbers["high"], *options]
        return {**numbers, "low": min(ends), "high": max(ends)}
    low, high = min(a["low"], b["low"]), max(a["high"], b["high"])
    return {"kind": a["kind"], "low": low, "high": high, "log": a["log"] and b["log"]}


@contextmanager
def opened(url: str, *, there: bool) -> Iterator[BaseStorage]:
    """Optuna's own storage at an address.

    Args:
        there: Whether it has to exist already.

    Raises:
        RecordError: If it does not, or cannot be opened.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        path = sa.make_url(url).database if url.startswith("sqlite") else None
        if there and path and not Path(path).exists():
            raise RecordError(f"No file {path}.", hint="An address looks like sqlite:///optuna.db")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna's notices about what is new in it
            storage = optuna.storages.get_storage(url)
            yield storage
    except (sa.exc.SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        raise RecordError(
            f"Cannot use {url!r} as an Optuna storage: {reason}.",
            hint="An address looks like sqlite:///optuna.db",
        ) from error
    storage.remove_session()
    engine = getattr(getattr(storage, "_backend", storage), "engine", None)
    if engine is not None:
        engine.dispose()
