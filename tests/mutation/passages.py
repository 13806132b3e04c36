"""A plugin of pytest that notes which test passes through which line (see __main__)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "homeostat"


class Passages:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.coverage = coverage.Coverage(
            data_file=str(folder / "coverage"), source=[str(PACKAGE)], config_file=False
        )
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        started = time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - started
        self.coverage.switch_context("")
        return result

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        data = self.coverage.get_data()
        lines = {
            str(Path(file).relative_to(PACKAGE)): {
                str(line): [name for name in names if name]
                for line, names in data.contexts_by_lineno(file).items()
                if any(names)
            }
            for file in data.measured_files()
        }
        text = json.dumps({"lines": lines, "seconds": self.seconds})
        (self.folder / "passages.json").write_text(text, encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Passages(Path(os.environ["MUTATION_PASSAGES"])))
