"""The Ray cluster: connecting to it, and how many attempts fit."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import socket
from dataclasses import dataclass
from typing import Any

from homeostat.errors import MissingExtraError, RecordError

KNOCK_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one attempt takes of a node."""

    cpus: float = 1.0
    gpus: float | None = None
    """Also a part of one; left out: a whole one if the device is a GPU, otherwise none."""

    def __post_init__(self) -> None:
        for name in ("cpus", "gpus"):
            value = getattr(self, name)
            if value is not None and not (0 <= value < math.inf):
                raise RecordError(f"{name} must be a number from 0, got {value!r}.")
        if self.cpus == 0 and not self.gpus:
            raise RecordError("An attempt must take some CPUs or GPUs of a node.")

    def on(self, device: str) -> dict[str, float]:
        """In Ray's words, for attempts on a device."""
        gpus = self.gpus if self.gpus is not None else float(device.startswith("cuda"))
        return {"num_cpus": self.cpus, "num_gpus": gpus}


def connect(address: str | None) -> None:
    """Connect this process to a cluster, or start one on this machine; once.

    Args:
        address: Such as 10.0.0.1:6379, auto or ray://10.0.0.1:10001; else what RAY_ADDRESS says;
            without either, a cluster of this machine alone.

    Raises:
        MissingExtraError: If Ray is not installed.
        RecordError: If there is no cluster at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("ray", "ray", "The engine ray")
    # No usage statistics are sent; and where no GPU is asked for, none is hidden.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return
    _keep_off_standard_output()
    wanted = address or os.environ.get("RAY_ADDRESS") or "local"
    own = {"include_dashboard": False} if wanted == "local" else {}
    try:
        _knock(wanted)
        ray.init(address=wanted, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises bare ones, when a node does not come up in time
        raise RecordError(
            f"Cannot reach a Ray cluster at {wanted!r}: {_first_line(error)}",
            hint="Start one:  ray start --head   then use --ray-address auto",
        ) from error


def _knock(address: str) -> None:
    """Find out in seconds that nobody listens; Ray would try for two minutes.

    Raises:
        OSError: If nobody does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def head_answers() -> bool:
    """Whether somebody listens where the cluster's head was; True where that cannot be told.

    Ray itself waits a minute for a head that is gone, and then ends the process.
    """
    import ray

    address = ray.get_runtime_context().gcs_address
    try:
        _knock(address)
    except OSError:
        return False
    return True


def _keep_off_standard_output() -> None:
    """Keep Ray's messages off standard output, which belongs to our results and to --json."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *args, **kwargs: None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def capacity(share: Share, device: str = "cpu") -> int:
    """How many attempts fit on the nodes that live, taken whole."""
    import ray

    wanted = {"CPU": share.cpus, "GPU": share.on(device)["num_gpus"]}
    return sum(
        _fit(node["Resources"], wanted)
        for node in ray.nodes()
        if node["Alive"] and node["Resources"]
    )


def _fit(there: dict[str, Any], wanted: dict[str, float]) -> int:
    return min(
        int(there.get(name, 0.0) / amount + 1e-9) for name, amount in wanted.items() if amount > 0
    )
