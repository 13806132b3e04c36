"""Record an attempt while it runs: each report at once, a heartbeat, its end."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from homeostat.record.attempt import FILE, LOG, SNAPSHOT
from homeostat.record.curves import FILE as CURVES
from homeostat.record.curves import CurveWriter
from homeostat.record.files import make_folder
from homeostat.workload.report import Report

HEARTBEAT_S = 1.0


def clear(folder: Path) -> None:
    """Remove what an earlier attempt in this folder left. Artifacts are the workload's own."""
    for name in (CURVES, SNAPSHOT, LOG):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/{name}")  # noqa: PTH108 (hot path)


class Recorder:
    """Owns an attempt's folder. Rows of an earlier part stay; repeated ones are compared."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.folder = folder
        self._curves = CurveWriter(folder / CURVES)
        self._beat = time.perf_counter()
        self.num_rows = len(self._curves.recorded)
        self.last_step = max(self._curves.recorded, default=None)
        self.differs: str = ""
        """A sentence once a repeated step gave other numbers than before."""

    def already(self) -> dict[str, float]:
        """Every metric's last value in the rows of an earlier part."""
        last: dict[str, float] = {}
        for values in self._curves.recorded.values():
            last.update(values)
        return last

    def repeated(self, step: int) -> bool:
        return step in self._curves.recorded

    def record(self, report: Report) -> None:
        """Append a report's row, unless an earlier part of the attempt did."""
        if self.repeated(report.step):
            self._compare(report)
        else:
            self._curves.append(report.step, report.metrics)
            self.num_rows += 1
            self.last_step = report.step
        self.beat()

    def _compare(self, report: Report) -> None:
        before = self._curves.recorded[report.step]
        # By their text: nan repeats nan.
        if not self.differs and repr(sorted(before.items())) != repr(
            sorted(report.metrics.items())
        ):
            self.differs = (
                f"This run does not repeat itself: step {report.step} gave other numbers when it "
                "was done again; the first ones are kept."
            )

    def beat(self) -> None:
        """Touch attempt.json, at most once a second: a sign of life for other machines."""
        now = time.perf_counter()
        if now - self._beat > HEARTBEAT_S:
            self._beat = now
            with contextlib.suppress(OSError):
                os.utime(self.folder / FILE)

    def log(self, text: str) -> None:
        """Append to log.txt."""
        with contextlib.suppress(OSError), (self.folder / LOG).open("ab") as file:
            file.write(text.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        self._curves.close()
