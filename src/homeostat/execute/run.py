"""Run one configuration over its seeds, and resume what was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError, SpaceError, UnknownNameError
from homeostat.execute.engines.table import make_engine
from homeostat.execute.job import SNAPSHOT_S, Engine, Event
from homeostat.execute.measure import Limits, PendingRun, work_through
from homeostat.record import seeds as seed_list
from homeostat.record.fingerprint import config_digest
from homeostat.record.hold import is_held
from homeostat.record.run_writer import RunWriter
from homeostat.record.runs import LIMITS, RunRecord, read_run
from homeostat.space import Config, configs
from homeostat.wording import some
from homeostat.workload import load
from homeostat.workload.kept_views import keep_views
from homeostat.workload.workload import Workload

OnEvent = Callable[[Event], None]


def run(
    workload: Workload | str | Path,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    budget: int | None = None,
    engine: str | Engine = "inline",
    jobs: int = 1,
    results: str | Path = "results",
    name: str | None = None,
    timeout_s: float | None = None,
    until_s: float | None = None,
    memory_mb: float | None = None,
    device: str = "cpu",
    snapshot_s: float = SNAPSHOT_S,
    flight: bool = True,
    on_event: OnEvent | None = None,
) -> RunRecord:
    """Train a configuration once per seed and record it.

    Args:
        workload: A workload, or what `load.find` takes: a name, a file, "file.py:name".
        config: Values to set, or a named configuration; the rest is at its default.
        seeds: How many of the usual seeds (42, 123, 456, 789, 1337, ...), or which.
        budget: Steps per seed, in place of the configuration's or the workload's own.
        engine: "inline" (this process), "local" (supervised processes, `jobs` at a time), "ray" or
            "slurm" (a cluster), with options such as "ray:address=auto,gpus=0.5".
        results: Where the run's folder is made.
        name: Start of the folder's name, in place of the workload's.
        timeout_s, memory_mb: Limits for each seed.
        until_s: When the time for all of them is up, in seconds since 1970.
        snapshot_s: Seconds between snapshots.
        flight: Whether states are kept for a diagnosis (at most a fiftieth of the time).
        on_event: Called with each `Reported` and `Finished`.

    After a Ctrl-C the run comes back as interrupted; `resume(run.folder)` goes on with it.

    Raises:
        RecordError: If the results cannot be written; what was written before is kept.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> record = hs.run(valley, {"lr": 0.5}, seeds=2)
        >>> str(record.outcome), sorted(record.values())
        ('completed', [42, 123])
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    if isinstance(config, (str, Path)):
        named = configs.load(config, workload)
        config = named.resolve(workload.space)
        budget = named.budget if budget is None else budget
        name = name or named.name
    resolved = config if isinstance(config, Config) else workload.space.resolve(config)
    steps = checked_budget(workload, budget)
    limits = Limits(
        device=device, timeout_s=timeout_s, until_s=until_s, memory_mb=memory_mb,
        snapshot_s=snapshot_s, flight=flight,
    )  # fmt: skip
    reference = load.reference_or_none(workload) if engine == "inline" else workload.reference
    with _engine(engine, jobs) as opened:
        pending = PendingRun.begin(
            workload, resolved, seeds=checked_seeds(seeds), budget=steps, limits=limits,
            results=results, name=name, more={"reference": reference},
        )  # fmt: skip
        return _make(pending, workload, opened, on_event)


def resume(
    folder: str | Path,
    *,
    workload: Workload | str | Path | None = None,
    engine: str | Engine = "inline",
    jobs: int = 1,
    snapshot_s: float = SNAPSHOT_S,
    force: bool = False,
    on_event: OnEvent | None = None,
) -> RunRecord:
    """Go on with a run: interrupted seeds from their snapshots, or from the beginning without one.

    Seeds that have ended are left as they are. A run made in a notebook needs its `workload`.

    Raises:
        RecordError: If there is nothing to resume from, it is running, or the workload's code has
            changed since (unless `force`), or no longer gives the same configuration. `force` also
            resumes a run that only seems to run: whose process is on another machine and cannot be
            asked. One that another process is writing, it does not.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> record = hs.run(valley)
        >>> str(hs.resume(record.folder, workload=valley).outcome)  # there is nothing left to do
        'completed'
    """
    load.refuse_while_loading()
    record = read_run(folder)
    if record.outcome.final and record.outcome == record.facts["outcome"]:
        return record
    check_not_running(record, force=force)
    if record.outcome.final:  # killed between the end of its last seed and its own
        return RunWriter(record.folder.absolute(), dict(record.facts)).finish(record.attempts)
    found = _workload_of(record, workload)
    changed = _changed_code(record, found)
    if changed and not force:
        raise RecordError(
            f"{record.name}: {changed} changed since it began: the run would mix two versions.",
            hint="Run it anew, or resume with force=True (--force).",
        )
    config = found.space.resolve(record.given)
    if config_digest(config) != record.fingerprint.get("config"):
        raise RecordError(
            f"{record.name}: its settings now resolve to another configuration of {found.name}.",
            hint="Run it anew.",
        )
    facts = dict(record.facts)
    if changed:
        facts["mixed"] = [*facts.get("mixed", ()), f"Resumed although {changed} changed since."]
    kept = {k: v for k, v in record.facts.get("limits", {}).items() if k in LIMITS}
    limits = Limits(**kept, snapshot_s=snapshot_s)
    with _engine(engine, jobs) as opened:
        writer = RunWriter(record.folder.absolute(), facts)
        pending = PendingRun(writer, found, config, limits=limits, resumed=True, force=force)
        return _make(pending, found, opened, on_event)


def _changed_code(record: RunRecord, workload: Workload) -> str:
    """Which files of the workload have changed since a run was begun, in words; "" if none has."""
    before = record.fingerprint
    if workload.has_code(before.get("code")):
        return ""
    code, files = workload.code, before.get("files")
    if code is None or not files:  # a notebook, or a run of an earlier version
        return f"{workload.source} has"
    names = code.changed(files)
    return f"{some(names)} {'has' if len(names) == 1 else 'have'}"


def check_not_running(record: RunRecord, *, force: bool = False) -> None:
    """Refuse a run that another process is making.

    Args:
        force: Whether to believe that it is gone, where nothing but its last sign of life is known.

    Raises:
        RecordError: If it runs, or seems to and nobody says that it does not.
    """
    if not record.alive:
        return
    pid, host = record.facts.get("pid"), record.facts.get("host")
    if is_held(record.folder):
        raise RecordError(f"{record.name} is running, in process {pid} on {host}.")
    if not force:
        raise RecordError(
            f"{record.name} seems to be running, in process {pid} on {host}, which cannot be seen "
            "from here.",
            hint="If you know that it is gone, resume with force=True (--force).",
        )


def _make(
    pending: PendingRun, workload: Workload, engine: Engine, on_event: OnEvent | None
) -> RunRecord:
    made: list[RunRecord] = []
    heard = on_event or (lambda event: None)
    work_through(engine, [(0, pending)], lambda _, run: made.append(run), heard)
    record = made[0] if made else pending.finish()  # Ctrl-C can come before anything has begun
    keep_views(workload, record)
    return record


def _engine(wanted: str | Engine, jobs: int) -> AbstractContextManager[Engine]:
    """An engine made here is closed here; one that was handed in stays open."""
    return make_engine(wanted, jobs) if isinstance(wanted, str) else nullcontext(wanted)


def checked_budget(workload: Workload, budget: int | None) -> int:
    """The budget asked for, or the workload's own.

    Raises:
        SpaceError: If it is not a whole number from 1.
    """
    if budget is None:
        return workload.budget
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise SpaceError(
            f"budget must be a whole number of {workload.unit}s from 1, got {budget!r}."
        )
    return budget


def checked_seeds(wanted: Any) -> tuple[int, ...]:
    """The seeds asked for: that many of the usual ones, or those listed.

    Raises:
        SpaceError: If they are none, not whole numbers, or not different.
    """
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        if wanted < 1:
            raise SpaceError(f"seeds must be at least 1, got {wanted}.")
        return seed_list.first(wanted)
    if not isinstance(wanted, (list, tuple, range)) or not wanted:
        raise SpaceError(f"seeds must be how many or a list of them, got {wanted!r}.")
    for seed in wanted:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise SpaceError(f"A seed must be a whole number from 0 to 2^32 - 1, got {seed!r}.")
    if len(set(wanted)) < len(wanted):
        raise SpaceError(f"seeds must differ from each other, got {list(wanted)}.")
    return tuple(wanted)


def _workload_of(record: RunRecord, given: Workload | str | Path | None) -> Workload:
    reference = given if given is not None else record.reference
    if reference is None:
        raise RecordError(
            f"{record.name} cannot be resumed by itself: {record.workload} was defined in a "
            "notebook or a function.",
            hint=f"In Python:  hs.resume({str(record.folder)!r}, workload={record.workload})",
        )
    try:
        return load.find(reference)
    except UnknownNameError as error:
        if given is None:
            error.hint = f"Say where it is:  homeostat resume {record.folder} --workload FILE"
        raise
