"""Torture at length, and its table in docs/reliability.md.

python -m tests.torture [--kills 1000] [--points 60] [--files 20000] [--inputs 100000]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.torture.crash import Table, crash_points, random_kills
from tests.torture.files import KINDS, damaged_files
from tests.torture.fuzz import (
    fuzz_arguments,
    fuzz_damaged_yaml,
    fuzz_logs,
    fuzz_requests,
    fuzz_yaml,
)
from tests.torture.scenes import ACTS, TOGETHER, is_possible

FEWER = {"tune": (20, 25), "nas": (5, 5), **dict.fromkeys(TOGETHER, (2, 2.5))}
"""Acts that take longer: by how much fewer points of each kind, and kills, than of the others."""
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- torture -->", "<!-- end -->"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 1000), ("points", 60), ("files", 20000), ("inputs", 100000)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--page", type=Path, default=PAGE)
    asked = options.parse_args()
    table, started = Table(), time.perf_counter()
    for name in filter(is_possible, ACTS):
        points, kills = FEWER.get(name, (1, 1))
        crash_points(name, -(-asked.points // points), table)
        random_kills(name, round(asked.kills / 4 / kills), table)
    for kind in KINDS:
        damaged_files(kind, asked.files // len(KINDS), table)
    parts = ((fuzz_yaml, 0.15), (fuzz_logs, 0.4), (fuzz_arguments, 0.36), (fuzz_requests, 0.06))
    for fuzz, part in (*parts, (fuzz_damaged_yaml, 0.03)):
        fuzz(round(asked.inputs * part), table)
    text = markdown(table, time.perf_counter() - started)
    sys.stdout.write(text)
    for example in table.examples:
        sys.stdout.write(f"{example[:2000]}\n")
    page = asked.page.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    asked.page.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    sys.exit(0 if table.is_clean else 1)


def markdown(table: Table, seconds: float) -> str:
    """The table, in Markdown."""
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {seconds:.0f} s:",
        "",
        "| what | tried | lost | twice | wrong | tracebacks |",
        "|---|---|---|---|---|---|",
    ]
    for kind, tried in table.tried.items():
        found = (table.lost, table.twice, table.wrong, table.tracebacks)
        lines.append(f"| {kind} | {tried} | {' | '.join(str(each[kind]) for each in found)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
