"""Findings: a study as a notebook that runs from its file alone, and as a page."""

from homeostat.pages.findings.write import write_findings

__all__ = ["write_findings"]
