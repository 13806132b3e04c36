"""The table of engines.

An engine is named by text, which may carry options: "local", "ray:gpus=0.5,address=auto",
"slurm:partition=long,minutes=600".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.execute.engines.inline import Inline
from homeostat.execute.engines.local import Local
from homeostat.execute.job import Engine


def _make_ray(jobs: int, **options: Any) -> Engine:
    from homeostat.execute.engines.ray.engine import Ray

    return Ray(jobs, **options)


def _make_slurm(jobs: int, **options: Any) -> Engine:
    from homeostat.execute.engines.slurm.engine import Slurm

    return Slurm(jobs, **options)


ENGINES: dict[str, Callable[..., Engine]] = {
    "inline": Inline,
    "local": Local,
    "ray": _make_ray,
    "slurm": _make_slurm,
}
"""Name -> a function that makes an engine for that many attempts at a time."""
OPTIONS: dict[str, dict[str, Callable[[str], Any]]] = {
    "ray": {"address": str, "cpus": float, "gpus": float},
    "slurm": {
        "cluster": str, "partition": str, "account": str, "minutes": int, "cpus": int, "gpus": int,
        "memory_gb": float, "host": str,
    },
}  # fmt: skip
"""Name -> the options that may follow it, and how each is read."""


def make_engine(name: str, jobs: int = 1) -> Engine:
    """An engine by name.

    Raises:
        UnknownNameError: If there is none of that name, or it has no such option.
        MissingExtraError: If it needs a package that is not installed.
    """
    kind, options = parse_engine(name)
    return ENGINES[kind](jobs, **options)


def parse_engine(name: str) -> tuple[str, dict[str, Any]]:
    """An engine's kind and its options.

    parse_engine("ray:gpus=0.5,address=auto")     -> ("ray", {"gpus": 0.5, "address": "auto"})

    Raises:
        UnknownNameError: If there is none of that name, or it has no such option.
    """
    kind, _, rest = name.partition(":")
    if kind not in ENGINES:
        raise UnknownNameError(f"No engine {kind!r}.", hint=did_you_mean(kind, ENGINES))
    known = OPTIONS.get(kind, {})
    options = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        if key not in known:
            hint = did_you_mean(key, known) or f"{kind} has no options."
            raise UnknownNameError(f"No option {key!r} of engine {kind!r}.", hint=hint)
        try:
            options[key] = known[key](value)
        except ValueError:
            raise UnknownNameError(f"{key} of engine {kind!r} cannot be {value!r}.") from None
    return kind, options
