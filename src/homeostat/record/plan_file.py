"""The file of a plan: what each of its phases found, from which it resumes."""

from __future__ import annotations

from typing import Any

from homeostat.record.schema import Kind

FILE = "plan.json"


def _status(value: Any) -> bool:
    """one of done, skipped, stopped, interrupted"""
    return value in ("done", "skipped", "stopped", "interrupted")


_PHASE = {
    "name": str, "status": _status, "sentences": list[str], "decisions": list[str],
    "facts": dict, "seconds": float,
}  # fmt: skip
KIND = Kind(
    "plan",
    {
        "workload": str, "pins": dict, "settled": dict, "steps": int, "spent_s": float,
        "phases": list[_PHASE],  # type: ignore[valid-type]  # read by our own check
    },
    {"left_alone": dict, "budget_s": float},
)  # fmt: skip
