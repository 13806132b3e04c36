"""Load: a script, or a file that `homeostat adopt` wrote for one, as a workload."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import HomeostatError, WorkloadError
from homeostat.record.files import write_json
from homeostat.script.decide import decide, levels
from homeostat.script.drive import Run
from homeostat.script.folder import WorkFolder, passing_folder
from homeostat.script.options.option import command_line
from homeostat.script.plan import ScriptPlan, load_plan
from homeostat.script.program import Program
from homeostat.script.source import Source
from homeostat.script.survey import SEED, survey
from homeostat.space import Config
from homeostat.version import __version__
from homeostat.workload.command_file import space_of
from homeostat.workload.report import Report
from homeostat.workload.words import Vocabulary
from homeostat.workload.workload import Workload, workload

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial

VERSION = 4
"""Of what a survey keeps; another one looks anew."""
FOLDER = "work"


def load_script(
    path: Path, arguments: Sequence[str] = (), *, metric: str = "", goal: str = ""
) -> Workload:
    """The workload that a script is.

    Raises:
        UnknownNameError: If there is no such file.
        WorkloadError: If it cannot be parsed, fails, or never trains.
    """
    return workload_of(plan_of(path, arguments, metric=metric, goal=goal))


def load_adopted(path: Path, arguments: Sequence[str] = ()) -> Workload:
    """The workload that an adopted script's YAML file describes.

    Raises:
        ConfigError: If the file is broken.
    """
    if arguments:
        raise WorkloadError(
            f"{path.name} has the script's arguments in it; nothing may follow after --.",
            hint=f"Change `arguments:` in {path.name}.",
        )
    return workload_of(load_plan(path))


def declares_workload(path: Path) -> bool:
    """Whether a file is a workload's: it, or a file of its own that it imports, uses hs.workload.

    A file that cannot be parsed is one too: it is then refused with its line.
    """
    try:
        return Source(path).declares_workload
    except WorkloadError:
        return False


def plan_of(
    path: Path, arguments: Sequence[str] = (), *, metric: str = "", goal: str = ""
) -> ScriptPlan:
    """What is known of a script: looked at once, and kept until one of its files changes.

    Args:
        metric: The number to improve, by the name under which the script says it.
        goal: Its direction, where its name does not tell.
    """
    path = path.resolve()
    source = Source(path)
    source.tree  # noqa: B018  # a syntax error is told before anything runs
    kept = _kept(source, (metric, goal, *arguments))
    if kept.is_file():
        try:
            return ScriptPlan.from_json(json.loads(kept.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            pass  # torn or foreign: look again
    facts = survey(path, arguments, levels(source, arguments))
    plan = decide(path, arguments, source, facts, metric, goal)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, plan.to_json())
    except (OSError, HomeostatError):
        pass  # without a cache the next process looks for itself
    return plan


def _kept(source: Source, arguments: Sequence[str]) -> Path:
    """Where the plan of a script with these arguments is kept, by the content of all its files."""
    digest = hashlib.sha256(f"{VERSION} {__version__}".encode())
    for path in source.files:
        digest.update(str(path).encode() + path.read_bytes())
    digest.update("\0".join(arguments).encode())
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(cache).expanduser() / "homeostat" / "scripts"
    if not os.access(_existing(folder), os.W_OK):
        folder = Path(tempfile.gettempdir()) / f"homeostat-{os.getuid()}" / "scripts"
    return folder / f"{source.path.stem}-{digest.hexdigest()[:16]}.json"


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def workload_of(plan: ScriptPlan) -> Workload:
    """A plan as a workload; its loop runs the script."""
    origin = Path.cwd()

    def loop(config: Config, trial: Trial) -> Iterator[Report]:
        yield from _run(plan, origin, config, trial)

    loop.__doc__ = f"The script {plan.path.name}, as it is."
    loop.__qualname__ = loop.__name__ = plan.path.stem
    flags = {option.name: option.flag for option in plan.options}
    return workload(
        # Without a knob it can still be run, probed and diagnosed; a space is never empty.
        space=space_of(
            plan.space or {"script": {"value": plan.path.name, "why": "it has no knob"}}
        ),
        metric=plan.metric,
        goal=plan.goal,
        budget=plan.budget,
        unit=plan.unit,
        name="".join(c if c.isalnum() or c in "_-" else "_" for c in plan.path.stem),
        source=plan.path,
        place=reference(plan),
        words=Vocabulary(loop="the script", flags=flags),
        remarks=plan.remarks,
        prepare=partial(_import, plan.imports),
    )(loop)


def reference(plan: ScriptPlan) -> str:
    """What `load.find` gets this workload back from."""
    if plan.file is not None:
        return str(plan.file)
    wanted = f"{plan.path} {plan.asked}".strip()
    return f"{wanted} -- {shlex.join(plan.arguments)}" if plan.arguments else wanted


def _run(plan: ScriptPlan, origin: Path, config: Config, trial: Trial) -> Iterator[Report]:
    """One run: its folder, its arguments, its reports."""
    values = _values(plan, config, trial)
    folder = (
        # Whoever looks closely makes many short runs, and keeps none of their files.
        passing_folder(origin, plan.levels) if trial.close
        else WorkFolder(origin, trial.folder.resolve() / FOLDER, plan.levels)
    )  # fmt: skip
    folder.open()
    try:
        constants = {
            (o.line, o.column): values[o.name]
            for o in plan.options
            if o.written == "constant" and o.name in values
        }
        program = Program(
            plan.path,
            command_line(plan.options, values, plan.arguments),
            folder=folder.path,
            steps_by=plan.steps_by,
            constants=constants,
        )
        run = Run(
            program,
            trial,
            most_steps=_most_steps(plan, trial),
            loss_name=plan.loss_name,
            metric=plan.metric,
            batches=plan.batches,
            pace=_pace(plan, values),
            ignored=frozenset(plan.ignored),
            shift=_shift(plan, trial),
        )
        yield from run.reports()
    finally:
        folder.close()
        if folder.written:
            trial.extra["files"] = folder.written[:50]
        if folder.outside:
            trial.extra["written_outside"] = sorted(set(folder.outside))[:50]


def _values(plan: ScriptPlan, config: Config, trial: Trial) -> dict[str, Any]:
    """What each option is set to in this run."""
    options = {option.name: option for option in plan.options}
    # A configuration may note which of its values are looked at: those are, that the script reads.
    values = {
        name: config[name] if options[name].read else value
        for name, value in config.to_json().items()
        if name in options
    }
    if plan.seed:
        values[plan.seed] = trial.seed
    if plan.length:
        values[plan.length] = _scaled(plan, trial.budget)
    return values


def _scaled(plan: ScriptPlan, budget: int) -> int | float:
    """The script's own length for a budget in steps."""
    if budget == plan.budget:
        return plan.whole_length
    # A run that ends before its first score would be for nothing.
    least = min(plan.first + 1, plan.budget) if plan.first > budget - 1 else budget
    share = plan.whole_length * least / plan.budget
    rounded = max(1, -int(-share // 1))
    return float(rounded) if isinstance(plan.whole_length, float) else rounded


def _shift(plan: ScriptPlan, trial: Trial) -> int:
    """How far a script's own seeds are moved: where it has an option for that, not at all.

    Nor where it is looked at closely: then it is found out what it does by itself.
    """
    if plan.seed:
        return 0
    return 0 if trial.close else trial.seed - SEED


def _pace(plan: ScriptPlan, values: dict[str, Any]) -> float:
    """For how many of the default's steps one counts, by the sizes of their batches."""
    usual = next((o.default for o in plan.options if o.name == plan.batch), None)
    size = values.get(plan.batch, usual)
    return float(size / usual) if usual and size else 1.0


def _import(names: tuple[str, ...]) -> None:
    """Import what a script imports: done once in a process, and no attempt's time."""
    for name in names:
        # What cannot be imported is told by the script itself, with its line.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _most_steps(plan: ScriptPlan, trial: Trial) -> int | None:
    """After how many steps a run is ended: never one that has a length of its own, when whole."""
    if (plan.length or plan.ends) and trial.budget >= plan.budget:
        return None
    return trial.budget
