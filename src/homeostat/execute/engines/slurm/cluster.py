"""The SLURM cluster: what a station asks of it, and the jobs that submitit submits."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from homeostat.errors import MissingExtraError, RecordError

LOCAL = "local"
"""The cluster that is this machine: submitit starts the jobs itself."""
END_S = 5.0
"""Jobs whose driver hung up get so long to end by themselves."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a station asks of the cluster."""

    cluster: str = "slurm"
    """Or "local", which tries everything out on this machine."""
    partition: str | None = None
    account: str | None = None
    minutes: int = 240
    """How long a station may live; an attempt that is not done by then goes on in another one."""
    cpus: int = 1
    gpus: int = 0
    memory_gb: float | None = None
    host: str | None = None
    """A name or address of this machine that the nodes can reach; found out by default."""

    def __post_init__(self) -> None:
        if self.cluster not in ("slurm", LOCAL):
            raise RecordError(f"cluster must be slurm or local, got {self.cluster!r}.")
        for name, least in (("minutes", 1), ("cpus", 1), ("gpus", 0)):
            if getattr(self, name) < least:
                raise RecordError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if self.memory_gb is not None and not 0 < self.memory_gb < float("inf"):
            raise RecordError(f"memory_gb must be a number above 0, got {self.memory_gb}.")

    @property
    def is_local(self) -> bool:
        return self.cluster == LOCAL

    @property
    def hosts(self) -> list[str]:
        """Where stations may find their driver, the likeliest first."""
        if self.host is not None:
            return [self.host]
        if self.is_local:
            return ["127.0.0.1"]
        cards = [card for cards in psutil.net_if_addrs().values() for card in cards]
        found = [card.address for card in cards if card.family == socket.AF_INET]
        own = [address for address in found if not address.startswith("127.")]
        return [socket.getfqdn(), socket.gethostname(), *own]

    @property
    def parameters(self) -> dict[str, Any]:
        """The same in submitit's words."""
        asked: dict[str, Any] = {
            "name": "homeostat",
            "timeout_min": self.minutes,
            "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus,
            "mem_gb": self.memory_gb,
            "slurm_partition": self.partition,
            "slurm_account": self.account,
        }
        return {name: value for name, value in asked.items() if value not in (None, "")}


class Jobs:
    """The jobs of one driver.

    Raises:
        MissingExtraError: If submitit is not installed.
        RecordError: If this machine cannot submit to SLURM.
    """

    def __init__(self, request: Request) -> None:
        try:
            import submitit
        except ModuleNotFoundError:
            raise MissingExtraError("submitit", "slurm", "The engine slurm") from None
        if not request.is_local and not shutil.which("srun"):
            raise RecordError(
                "This machine has no srun, so nothing can be submitted to SLURM from here.",
                hint="Go to a login node, or try it out here:  --engine slurm:cluster=local",
            )
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        self._folder = Path(cache).expanduser() / "homeostat" / "slurm" / uuid.uuid4().hex[:12]
        self._executor = submitit.AutoExecutor(self._folder, cluster=request.cluster)
        self._executor.update_parameters(**request.parameters)
        self._jobs: dict[int, Any] = {}
        self._keeps_logs = False

    def submit(self, number: int, function: Callable[..., None], *arguments: object) -> None:
        """Submit a station.

        Raises:
            RecordError: If SLURM refuses.
        """
        try:
            self._jobs[number] = self._executor.submit(function, number, *arguments)
        except Exception as error:  # submitit raises what sbatch or the disk says, of any kind
            raise RecordError(f"SLURM takes no job: {_last_line(str(error))}.") from error

    def name(self, number: int) -> str:
        """A station's job as SLURM calls it."""
        return f"its SLURM job {self._jobs[number].job_id}"

    def why_not(self, numbers: Sequence[int]) -> str | None:
        """Why a station that never called will not any more; None while each still may."""
        for number in numbers:
            job = self._jobs[number]
            if job.done():
                self._keeps_logs = True
                log = job.paths.stderr
                text = log.read_text(errors="replace", encoding="utf-8") if log.exists() else ""
                why = f": {_last_line(text)}" if text.strip() else ""
                return f"The SLURM job {job.job_id} ended before it began{why}."
        return None

    @property
    def logs(self) -> Path:
        """Where the jobs' logs are."""
        return self._folder

    def close(self) -> None:
        """End what does not end by itself, and remove the logs unless they tell of trouble."""
        until = time.monotonic() + END_S
        for job in self._jobs.values():
            while not job.done() and time.monotonic() < until:
                time.sleep(0.02)
            if not job.done():
                with contextlib.suppress(Exception):  # a cluster that is away has ended it already
                    job.cancel()
        if not self._keeps_logs:
            shutil.rmtree(self._folder, ignore_errors=True)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".")[:200] if lines else ""
