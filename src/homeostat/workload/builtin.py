"""The table of built-in workloads: name -> where it lives. Nothing is imported until asked for."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "apoptosis": "homeostat.workloads.apoptosis.workload:apoptosis",
    "evolution": "homeostat.workloads.evolution.workload:evolution",
    "visioncore": "homeostat.workloads.visioncore.workload:visioncore",
    "ncp": "homeostat.workloads.ncp.workload:ncp",
    "hyperperturb": "homeostat.workloads.hyperperturb.workload:hyperperturb",
}
