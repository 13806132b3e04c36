"""`make mutants`: how many small faults the fast tests notice, room by room.

First the tests run once under coverage, to know which of them pass through a line. Then each of a
sample of mutations is put into a copy of the package, and the tests through its line are run until
one fails. What none of them notices is listed.

    python -m tests.mutation --count 200 --rooms execute study search evidence inspect
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .operators import Mutation, mutations

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "homeostat"
ROOMS = ("execute", "study", "search", "evidence", "inspect")
MOST_TESTS = 25
"""Through one line; the quickest are asked."""
SLOWEST_S = 8.0
"""A test that takes longer is not asked."""
PATIENCE_S = 90.0
"""What runs longer than this under a mutation hangs: that is noticed too."""


def passages(rooms: Sequence[str], folder: Path) -> tuple[dict[str, dict[int, set[str]]], dict]:
    """File -> line -> the tests that pass through it, and test -> seconds."""
    tests = [str(ROOT / "tests" / room) for room in rooms if (ROOT / "tests" / room).is_dir()]
    environment = {**os.environ, "MUTATION_PASSAGES": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.mutation.passages",
               "-p", "no:cacheprovider", *tests]  # fmt: skip
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    kept = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
    lines = {
        file: {int(line): set(names) for line, names in found.items()}
        for file, found in kept["lines"].items()
    }
    return lines, kept["seconds"]


def sample(
    rooms: Sequence[str], count: int, lines: dict[str, dict[int, set[str]]], seed: int
) -> Iterator[tuple[Path, Mutation]]:
    """As many mutations of each room, of lines that a test passes through."""
    draw = random.Random(seed)
    for room in rooms:
        known = [
            (path, mutation)
            for path in sorted((PACKAGE / room).rglob("*.py"))
            for mutation in mutations(path.read_text(encoding="utf-8"))
            if lines.get(str(path.relative_to(PACKAGE)), {}).get(mutation.line)
        ]
        yield from draw.sample(known, min(len(known), count // len(rooms)))


def is_noticed(overlay: Path, path: Path, mutation: Mutation, tests: Sequence[str]) -> bool:
    """Whether one of the tests fails with the mutation in place."""
    target = overlay / "homeostat" / path.relative_to(PACKAGE)
    target.write_text(mutation.source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider",
               "--no-header", *tests]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(overlay), "OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        return run.wait(PATIENCE_S) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        shutil.copy(path, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=None, help="where the survivors are written")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, seconds = passages(given.rooms, folder)
        overlay = folder / "overlay"
        shutil.copytree(PACKAGE, overlay / "homeostat")
        killed: dict[str, list[bool]] = {}
        survivors: list[str] = []
        started = time.monotonic()
        for path, mutation in sample(given.rooms, given.count, lines, given.seed):
            place = path.relative_to(PACKAGE)
            through = lines[str(place)][mutation.line]
            quick = sorted((seconds.get(test, 0.0), test) for test in through)
            tests = [test for taken, test in quick if taken < SLOWEST_S][:MOST_TESTS]
            noticed = bool(tests) and is_noticed(overlay, path, mutation, tests)
            killed.setdefault(place.parts[0], []).append(noticed)
            if not noticed:
                survivors.append(f"{place}:{mutation.line} {mutation.kind}: {mutation.after}")
                print(survivors[-1], flush=True)
                if given.out is not None:
                    given.out.write_text("\n".join(survivors) + "\n", encoding="utf-8")
        for room, noticed in killed.items():
            print(f"{room}: {sum(noticed)} of {len(noticed)} noticed")
        every = [one for noticed in killed.values() for one in noticed]
        print(f"all: {sum(every)} of {len(every)} noticed, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
