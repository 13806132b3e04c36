"""Where attempts run: what --engine, --jobs, --device and the options of Ray add up to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import typer

RayAddressOption = Annotated[
    str | None,
    typer.Option(
        "--ray-address", help="Address of a Ray cluster; auto for the one on this machine."
    ),
]
CpusOption = Annotated[
    float | None,
    typer.Option("--cpus", help="CPUs per attempt (ray, slurm); default: 1."),
]
GpusOption = Annotated[
    float | None,
    typer.Option("--gpus", help="GPUs per attempt (ray, slurm); on ray 0.25 puts four on one."),
]


@dataclass(frozen=True)
class Where:
    """An engine as text, how many attempts at a time, and their device."""

    engine: str
    jobs: int
    device: str


def where(
    engine: str,
    jobs: int | None,
    device: str,
    ray_address: str | None = None,
    cpus: float | None = None,
    gpus: float | None = None,
) -> Where:
    """What the options come to.

    Without --jobs there are as many attempts at a time as this machine has cores, or as fit on the
    cluster. Without --device a cluster's GPUs are used if they are asked for.

    Raises:
        UnknownNameError: If the engine or the device does not exist, or an option does not fit.
    """
    from homeostat.execute.device import choose_device
    from homeostat.execute.engines.table import parse_engine

    given = {"address": ray_address, "cpus": cpus, "gpus": gpus}
    texts = {n: f"{v:g}" if isinstance(v, float) else v for n, v in given.items()}
    more = [f"{name}={text}" for name, text in texts.items() if text is not None]
    if engine == "local" and more:
        engine = "ray"  # these options are for nothing else
    text = f"{engine}{',' if ':' in engine else ':'}{','.join(more)}" if more else engine
    kind, options = parse_engine(text)
    if kind not in ("ray", "slurm"):
        return Where(text, cores() if jobs is None else jobs, choose_device(device))
    if device == "auto":
        device = "cuda" if options.get("gpus") else "cpu"
    if kind == "slurm":
        return Where(text, cores() if jobs is None else jobs, device)
    if jobs is None:
        from homeostat.execute.engines.ray.cluster import Share, capacity, connect

        connect(options.pop("address", None))
        jobs = max(1, capacity(Share(**options), device))
    return Where(text, jobs, device)


def cores() -> int:
    """How many processes to run at a time: one a core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
