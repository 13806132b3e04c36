"""Which device to train on: what was asked for, or the best there is."""

from __future__ import annotations

import platform
from importlib import util
from pathlib import Path

from homeostat.errors import UnknownNameError


def choose_device(wanted: str = "auto") -> str:
    """Turn `auto` into cuda, mps or cpu, and check a device that was named.

    PyTorch is imported only where an accelerator can be: on a machine without one the answer is
    immediate.

    Args:
        wanted: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        UnknownNameError: If the device is not one of these, or is not on this machine.
    """
    kind, _, index = wanted.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise UnknownNameError(f"No device {wanted!r}.", hint="Use auto, cpu, cuda, cuda:1 or mps.")
    present = _accelerators()
    if kind == "auto":
        return present[0] if present else "cpu"
    if kind != "cpu" and not any(name.startswith(wanted) for name in (*present, *_bare(present))):
        raise UnknownNameError(
            f"The device {wanted!r} is not on this machine.", hint="See:  homeostat doctor"
        )
    return wanted


def _bare(present: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.partition(":")[0] for name in present)


def _accelerators() -> tuple[str, ...]:
    """The accelerators PyTorch can use, best first."""
    possible = platform.system() == "Darwin" or any(Path("/dev").glob("nvidia[0-9]*"))
    if not possible or util.find_spec("torch") is None:
        return ()
    import torch

    cuda = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
    return cuda or (("mps",) if torch.backends.mps.is_available() else ())
