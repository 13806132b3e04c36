"""Probe: the audit before tuning. Each check says what it saw, and what to do."""

from homeostat.inspect.probe.audit import CHECKS, probe
from homeostat.inspect.probe.result import ProbeResult
from homeostat.record.check import Check

__all__ = ["CHECKS", "Check", "ProbeResult", "probe"]
