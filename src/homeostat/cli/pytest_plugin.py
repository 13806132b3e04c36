"""A pytest plugin: `pytest --homeostat train.py` probes a workload, each finding a test.

A fault fails, a warning passes and stands in the report, what was not looked at is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from homeostat.record.check import Check

SECONDS = 25.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("homeostat", "probe training loops, each finding a test")
    group.addoption(
        "--homeostat", action="append", default=[], metavar="WORKLOAD", dest="homeostat",
        help="A workload (a file, file.py:name or a name) to probe; may be given several times.",
    )  # fmt: skip
    group.addoption(
        "--homeostat-seconds", type=float, default=SECONDS, dest="homeostat_seconds",
        help=f"About how long each probe may take ({SECONDS:g} by default).",
    )  # fmt: skip


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Probe what was named, and add a test for each finding."""
    for reference in config.getoption("homeostat"):
        probed = ProbedWorkload.from_parent(session, name=f"homeostat[{reference}]")
        probed.reference = reference
        items.extend(probed.collect())


class ProbedWorkload(pytest.Collector):
    """A workload; its tests are the findings of one probe."""

    reference: str = ""

    def collect(self) -> Iterator[FindingItem]:
        """Probe now: what there is to test is known only then."""
        from homeostat.errors import HomeostatError
        from homeostat.inspect.probe.audit import probe
        from homeostat.inspect.probe.titles import title

        try:
            result = probe(self.reference, seconds=self.config.getoption("homeostat_seconds"))
        except HomeostatError as error:
            raise pytest.UsageError(f"--homeostat {self.reference}: {error}") from None
        for number, check in enumerate(result.checks):
            item: FindingItem = FindingItem.from_parent(self, name=f"{title(check.name)} {number}")
            item.check = check
            yield item


class FindingItem(pytest.Item):
    """One finding."""

    check: Check

    def runtest(self) -> None:
        """Fail for a fault."""
        if self.check.status == "skipped":
            pytest.skip(self.check.saw)
        if self.check.status == "fault":
            raise FaultFound(self.check)
        if self.check.status == "warning":
            self.add_report_section("call", "warning", f"{self.check.saw}\n{self.check.remedy}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding and its remedy, without a traceback through this plugin."""
        if isinstance(excinfo.value, FaultFound):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """Where it is said to stand."""
        return self.path, None, self.name


class FaultFound(Exception):
    """A probe found a fault."""

    def __init__(self, check: Check) -> None:
        super().__init__(f"{check.name}: {check.saw}\n-> {check.remedy}")
