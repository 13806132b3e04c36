"""Probe: the audit before tuning. Each check says what it saw, and what to do."""

from homeostat.probe.audit import CHECKS, probe
from homeostat.probe.result import ProbeResult
from homeostat.record.check import Check

__all__ = ["CHECKS", "Check", "ProbeResult", "probe"]
