"""Extras: which optional part of the installation brings which package.

pip install 'homeostat[report]'
"""

from __future__ import annotations

from homeostat.errors import MissingExtraError

PACKAGES = {
    "jupyter_client": "report",
    "matplotlib": "report",
    "nbclient": "report",
    "nbformat": "report",
    "pandas": "report",
    "plotly": "report",
    "fastapi": "dashboard",
    "uvicorn": "dashboard",
    "SALib": "screen",
    "numba": "evolution",
    "geoopt": "models",
    "h5py": "models",
    "lightning": "models",
    "safetensors": "models",
    "skimage": "models",
    "statsmodels": "models",
    "torch": "models",
    "anndata": "bio",
    "rdata": "bio",
    "mlx": "mlx",
    "ray": "ray",
    "submitit": "slurm",
    "mlflow": "export",
    "tensorboard": "export",
    "wandb": "export",
    "hydra": "hydra",
    "psycopg": "postgres",
}
"""Module that is imported -> the extra that brings it."""


def missing_extra(error: ModuleNotFoundError, purpose: str) -> MissingExtraError | None:
    """The one line to type for a package that an extra would have brought; None for any other.

        missing_extra(ModuleNotFoundError(name="plotly.io"), "This command")
        -> This command needs the package 'plotly', which is not installed.
           Add it:  pip install 'homeostat[report]'

    Args:
        error: What an import raised.
        purpose: What needs the package; the beginning of the sentence.
    """
    package = (error.name or "").partition(".")[0]
    extra = PACKAGES.get(package)
    return MissingExtraError(package, extra, purpose) if extra else None
