"""Neural Circuit Policies: closed-form continuous-time and liquid time-constant networks.

    from homeostat.workloads.ncp import CfC, LTC, AutoNCP

    cfc = CfC(input_size=10, hidden_size=32)
    ltc = LTC(input_size=10, hidden_size=AutoNCP(28, 4))

`CfC` and `LTC` are PyTorch layers, imported when first asked for, so that the wirings, and the
workload's space, can be had without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeostat.workloads.ncp.timesteps import TimeScaling
from homeostat.workloads.ncp.wiring_plot import draw
from homeostat.workloads.ncp.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring

if TYPE_CHECKING:
    from homeostat.workloads.ncp.model import LTC, CfC
    from homeostat.workloads.ncp.predicting import load

__all__ = [
    "LTC",
    "NCP",
    "AutoNCP",
    "CfC",
    "FullyConnected",
    "Random",
    "TimeScaling",
    "Wiring",
    "draw",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in ("CfC", "LTC", "load"):
        try:
            from homeostat.workloads.ncp import model, predicting
        except ModuleNotFoundError as missing:
            if missing.name != "torch":
                raise
            from homeostat.errors import MissingExtraError

            raise MissingExtraError("torch", "models", f"The name {name}") from None
        return getattr(predicting if name == "load" else model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
