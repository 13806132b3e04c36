"""What other tools say of the same loops: torch-audit, torchtest2, mldoct, PyTorch's own switch.

    python benchmarks/probe_peers.py FOLDER_OR_FILE... [--site FOLDER] [--json FILE]

They are no dependency: install them beside this project and name the folder,

    pip install --no-deps --target peers torch-audit torchtest2 mldoct
    python benchmarks/probe_peers.py tests/inspect/probe/bank/public --site peers

Each is used as its own documentation says: torch-audit by `autopatch` on what `trial.watch` is
shown, every fifth step; torchtest2 by `check_model` on the first training batch; mldoct by its
linter on the loop's source; PyTorch by `detect_anomaly` and the warnings that it gives. Lightning's
switch of that name (`Trainer(detect_anomaly=True)`) is PyTorch's, and its other ones need a
LightningModule, so it has no line of its own. The words by which a fault is known are those of
benchmarks/cases.py.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import inspect
import json
import re
import sys
import tempfile
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from cases import Case, cases

from homeostat.execute.loop.drive import Ending, pull
from homeostat.execute.loop.isolation import Isolation
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.overfit import LOSSES
from homeostat.workload.trial import Trial

EVERY = 5
SEVERE = ("ERROR", "FATAL", "WARN", "WARNING")


def driven(case: Case) -> Ending:
    """Run a whole attempt in this process."""
    workload = case.workload
    ending, isolation = Ending(), Isolation(42)
    trial = Trial(workload.space.resolve({}), seed=42, budget=workload.budget)
    isolation.enter()
    try:
        for _ in pull(workload, trial, observers=[], ending=ending):
            pass
    finally:
        isolation.leave()
    return ending


def torch_audit(case: Case) -> list[str]:
    from torch_audit import autopatch

    auditors: list[Any] = []
    original = Trial.watch

    def watch(self: Trial, *things: Any, **named: Any) -> Any:
        modules = [t for t in things if isinstance(t, torch.nn.Module)]
        optimizers = [t for t in things if isinstance(t, torch.optim.Optimizer)]
        for module, optimizer in zip(modules, optimizers or [None] * len(modules), strict=False):
            with contextlib.suppress(Exception):
                auditors.append(
                    autopatch(module, optimizer=optimizer, every_n_steps=EVERY, reporters=[])
                )
        return original(self, *things, **named)

    Trial.watch = watch  # type: ignore[method-assign]
    try:
        driven(case)
    finally:
        Trial.watch = original  # type: ignore[method-assign]
    lines = []
    for auditor in auditors:
        result = auditor.finish(report=False)
        found = [f for f in result.findings if getattr(f.severity, "name", "") in SEVERE]
        lines += [f"{f.rule_id} {f.message}" for f in found]
    return list(dict.fromkeys(lines))


def torchtest2(case: Case) -> list[str]:
    import torchtest2 as peer

    config = case.workload.space.resolve({})
    run = ShortRuns(case.workload, config, seed=42, steps=2, seconds=20).anatomy
    for call in run.calls:
        pair = next((p for p in call.pairs if p.function in LOSSES), None)
        if not call.learnt_from or not call.inputs or pair is None:
            continue
        loss = LOSSES[pair.function]

        def loss_fn(said: Any, target: Any, loss: Any = loss) -> Any:
            return loss(
                said.reshape(target.shape) if said.numel() == target.numel() else said, target
            )

        optimizer = run.optimizers[0].thing if run.optimizers else None
        report = peer.check_model(
            call.module, call.inputs[0], pair.target, loss_fn=loss_fn, optimizer=optimizer
        )
        bad = [r for r in report.results if r.status.value in ("FAIL", "WARN")]
        return [f"{r.name} {r.message}" for r in bad]
    return []


def mldoct(case: Case) -> list[str]:
    from mldoctor import linter

    inner = inspect.getclosurevars(case.workload.loop).nonlocals.get("loop")
    source = textwrap.dedent(inspect.getsource(inner or case.workload.loop))
    if inner is not None:  # one of a pair
        source = only_one_of_a_pair(source, faulty=not case.workload.name.endswith("_corrected"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.py"
        file.write_text(source)
        issues, _ = linter.lint_script(str(file))
    told = [i for i in issues if i["severity"] != "INFO" and i["type"] != "cpu_bottleneck"]
    return [f"{issue['type']} {issue['message']}" for issue in told]


class _Branch(ast.NodeTransformer):
    """Takes out what the other of a pair would do."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty

    def value(self, test: ast.expr) -> bool | None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.value(test.operand)
            return None if inner is None else not inner
        return self.faulty if isinstance(test, ast.Name) and test.id == "faulty" else None

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        value = self.value(node.test)
        if value is None:
            return node
        return (node.body if value else node.orelse) or ast.Pass()

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        value = self.value(node.test)
        return node if value is None else (node.body if value else node.orelse)


def only_one_of_a_pair(source: str, *, faulty: bool) -> str:
    """The source of a pair's function as it would be written for one of the two."""
    tree = _Branch(faulty).visit(ast.parse(source))
    return ast.unparse(ast.fix_missing_locations(tree))


def anomalies(case: Case) -> list[str]:
    with warnings.catch_warnings(record=True) as told, torch.autograd.set_detect_anomaly(True):
        warnings.simplefilter("always")
        ending = driven(case)
    lines = [str(w.message) for w in told if "Anomaly Detection" not in str(w.message)]
    if ending.reason and ending.outcome.value != "completed":
        lines.append(ending.reason)
    return list(dict.fromkeys(lines))


PEERS: dict[str, Callable[[Case], list[str]]] = {
    "torch-audit": torch_audit,
    "torchtest2": torchtest2,
    "mldoct": mldoct,
    "PyTorch": anomalies,
}


def judged(peer: str, case: Case) -> tuple[str, list[str]]:
    """named, hinted, missed; false alarm, clean; or error."""
    try:
        lines = PEERS[peer](case)
    except Exception as error:  # whatever a tool raises on a loop that it does not expect
        return "error", [f"{type(error).__name__}: {error}"[:200]]
    if not case.expect:
        return ("false alarm" if lines else "clean"), lines
    if any(re.search(case.expect, line, re.IGNORECASE | re.DOTALL) for line in lines):
        return "named", lines
    return ("hinted" if lines else "missed"), lines


def rows(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for case in (case for path in paths for case in cases(path)):
        for peer in PEERS:
            verdict, lines = judged(peer, case)
            print(f"{verdict:12s} {peer:12s} {case.name}", flush=True)
            yield {"case": case.name, "peer": peer, "verdict": verdict, "told": lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--site", type=Path, help="where the other tools were installed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.site is not None:
        sys.path.append(str(options.site))
    torch.set_num_threads(1)
    told = list(rows(options.paths))
    for peer in PEERS:
        counts = Counter(row["verdict"] for row in told if row["peer"] == peer)
        print(f"{peer}: {dict(counts)}")
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
