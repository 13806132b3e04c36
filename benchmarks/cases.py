"""How many known faults the probe names: loops from public reports, their twins, healthy loops.

    python benchmarks/cases.py FOLDER_OR_FILE... [--seconds 25] [--cpu] [--match WORD] [--json FILE]

Three forms of case are read, from every Python file below a folder:

* a file whose first line is `# expect: PATTERN`: its workload has a fault (`none`: it has none);
* a `Pair` in a file (see tests/inspect/probe/bank/public/common.py): a fault and its twin;
* any other workload in a file: it is healthy.

A fault is *named* if its pattern matches a fault or a warning of the probe, or, where the run
fails, what the diagnosis says of it; *hinted* if the loop leaves with another fault, or with the
verdict that it does not learn; *missed* otherwise. A fault on a healthy loop is a *false alarm*.
One case after the other, each in this process with one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import homeostat as hs
from homeostat.errors import HomeostatError
from homeostat.workload.workload import Workload

RUNS_THAT_FAIL = ("runs", "gradients", "precision")


@dataclass(frozen=True)
class Case:
    """One loop, and what must be said of it."""

    name: str
    workload: Workload
    expect: str
    """A pattern; empty for a healthy loop."""


@dataclass(frozen=True)
class Told:
    """What was said of a case."""

    case: Case
    verdict: str
    seconds: float
    lines: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "case": self.case.name, "expect": self.case.expect, "verdict": self.verdict,
            "seconds": round(self.seconds, 1), "told": list(self.lines),
        }  # fmt: skip


def cases(path: Path) -> Iterator[Case]:
    """The cases below a folder, or in a file."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    for file in files:
        if file.stem in ("common", "__init__"):
            continue
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        marked = re.match(r"# expect:\s*(.+)", first)
        expect = marked[1].strip() if marked else ""
        for thing in things(file):
            if hasattr(thing, "fault") and hasattr(thing, "twin"):
                yield Case(f"{file.stem}/{thing.fault.name}", thing.fault, thing.expect)
                yield Case(f"{file.stem}/{thing.twin.name}", thing.twin, "")
            elif isinstance(thing, Workload):
                name = file.stem if marked else f"{file.stem}/{thing.name}"
                yield Case(name, thing, "" if expect == "none" else expect)


def things(file: Path) -> list[Any]:
    """What a file defines; it finds its neighbours, as a script does."""
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(f"case_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return list({id(t): t for t in vars(module).values()}.values())


def judge(case: Case, seconds: float) -> Told:
    """Probe a case, and diagnose it where its run fails."""
    started = time.perf_counter()
    try:
        result = hs.probe(case.workload, seconds=seconds)
    except HomeostatError as error:
        return Told(case, "error", time.perf_counter() - started, (str(error),))
    found = [*result.faults, *result.warnings]
    lines = [f"{c.status} {c.name}: {c.saw} -> {c.remedy}" for c in found]
    if case.expect and any(c.name in RUNS_THAT_FAIL for c in result.faults):
        lines.append(f"diagnosis: {hs.diagnose(case.workload, seconds=seconds)}")
    if not case.expect:
        verdict = "false alarm" if result.faults else "clean"
    elif any(re.search(case.expect, line, re.IGNORECASE | re.DOTALL) for line in lines):
        verdict = "named"
    elif result.faults or any("does not" in c.saw for c in found if c.name == "learning"):
        verdict = "hinted"
    else:
        verdict = "missed"
    return Told(case, verdict, time.perf_counter() - started, tuple(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--match", default="", help="only cases whose name has this in it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cpu", action="store_true", help="count seconds of this process only")
    options = parser.parse_args()
    if options.cpu:  # other work on the machine then does not shorten what is looked at
        time.perf_counter = time.process_time
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    told = []
    for path in options.paths:
        for case in cases(path):
            if options.match not in case.name:
                continue
            told.append(judge(case, options.seconds))
            show(told[-1])
    counts = Counter(t.verdict for t in told)
    faults = sum(bool(t.case.expect) for t in told)
    print(
        f"{faults} faults: {counts['named']} named, {counts['hinted']} hinted, "
        f"{counts['missed']} missed.  {len(told) - faults} healthy loops: "
        f"{counts['false alarm']} false alarms.  {counts['error']} errors."
    )
    if options.json:
        options.json.write_text(json.dumps([t.to_json() for t in told], indent=1))
    sys.exit(0)


def show(told: Told) -> None:
    print(f"{told.verdict:12s} {told.case.name:48s} {told.seconds:5.1f} s", flush=True)
    for line in told.lines:
        print(f"      {line[:300]}", flush=True)


if __name__ == "__main__":
    main()
