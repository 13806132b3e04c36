"""A look at the machine: versions, cores, devices, and which optional parts are missing."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path

from homeostat.version import __version__

CORE = ("numpy", "scipy", "numba", "pandas", "optuna", "sqlalchemy", "typer", "rich", "matplotlib")
EXTRAS = {
    "models": ("torch", "lightning", "geoopt", "safetensors", "statsmodels", "skimage", "h5py"),
    "bio": ("anndata", "rdata"),
    "mlx": ("mlx",),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "postgres": ("psycopg",),
}
PURPOSE = {
    "models": "the built-in torch models",
    "bio": "real Perturb-seq data for hyperperturb",
    "mlx": "the second backend of ncp",
    "ray": "trials on a Ray cluster",
    "slurm": "trials on a SLURM cluster",
    "postgres": "studies in PostgreSQL",
}
_DISTRIBUTION = {"skimage": "scikit-image"}


@dataclass(frozen=True)
class Examination:
    """What was found on this machine; sizes in GB (10^9 bytes)."""

    homeostat: str
    python: str
    system: str
    cores: int
    memory_gb: float
    disk_free_gb: float
    results: str
    results_writable: bool
    devices: tuple[str, ...]
    versions: dict[str, str]
    missing: dict[str, tuple[str, ...]]

    def to_json(self) -> dict[str, object]:
        """The same as a dictionary."""
        return asdict(self)


def examine(results: str = "results") -> Examination:
    """Look at the machine; takes a second or two, most of it torch looking for devices.

    Args:
        results: The folder in which runs would be kept; it need not exist yet.
    """
    import psutil

    versions = {name: version for name in CORE if (version := _version(name))}
    missing: dict[str, tuple[str, ...]] = {}
    for extra, modules in EXTRAS.items():
        versions |= {name: version for name in modules if (version := _version(name))}
        absent = tuple(name for name in modules if util.find_spec(name) is None)
        if absent:
            missing[extra] = absent
    place = _nearest_existing(Path(results))
    return Examination(
        homeostat=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        disk_free_gb=round(shutil.disk_usage(place).free / 1e9, 1),
        results=str(results),
        results_writable=_writable(place),
        devices=_devices(),
        versions=versions,
        missing=missing,
    )


def _cores() -> int:
    return os.cpu_count() or 1


def _version(module: str) -> str | None:
    try:
        return metadata.version(_DISTRIBUTION.get(module, module))
    except metadata.PackageNotFoundError:
        return None


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _devices() -> tuple[str, ...]:
    if util.find_spec("torch") is None:
        return ("cpu",)
    import torch

    cuda = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ("cpu", *cuda, *mps)
