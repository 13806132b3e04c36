"""Search: find the best configuration of a workload, and say how good it really is."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError, StudyError
from homeostat.execute.rerun import STORAGE_VARIABLE
from homeostat.execute.run import checked_seeds
from homeostat.prune.rules import NONE
from homeostat.record.runs import read_run
from homeostat.search.live import Live
from homeostat.search.optimise import OnEvent, Optimisation
from homeostat.search.result import SearchResult
from homeostat.search.settings import SearchSettings
from homeostat.search.summary import summarise
from homeostat.space import configs
from homeostat.study.change import change_study
from homeostat.study.folder import claim, folder_of
from homeostat.study.kept import for_reading
from homeostat.study.store import Store
from homeostat.study.study import Study
from homeostat.workload import load
from homeostat.workload.kept_views import keep_views
from homeostat.workload.workload import Workload


def search(
    workload: Workload | str | Path,
    trials: int = 50,
    *,
    method: str | None = None,
    study: str | None = None,
    results: str | Path = "results",
    store: str | Path | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: int | None = None,
    budget_s: float | None = None,
    enqueue: Sequence[Mapping[str, Any]] = (),
    stop_at: float | None = None,
    patience: int | None = None,
    enough: bool = False,
    tiers: Collection[int] | None = None,
    names: Collection[str] | None = None,
    start: Mapping[str, Any] | str | Path | None = None,
    pins: Mapping[str, Any] | None = None,
    prune: str | None = None,
    prune_at: Sequence[int] | None = None,
    among: Mapping[str, Collection[Any]] | None = None,
    constraints: str | Sequence[str] | None = None,
    carry_from: str | Path | Sequence[str | Path] = (),
    goal: str | None = None,
    scientific: Sequence[str] | None = None,
    seed: int | None = None,
    confirm: bool | int = True,
    engine: str = "inline",
    jobs: int = 1,
    deterministic: bool = False,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    device: str = "cpu",
    on_event: OnEvent | None = None,
) -> SearchResult:
    """Search a workload's space and confirm what is found on fresh seeds.

    Trial 0 is the default configuration. A trial that diverges, raises, hangs or eats too much
    memory is recorded with its reason and learned from, and the search goes on. Every result is
    kept: after a Ctrl-C or a crash the same call with the same `study` goes on where it stopped.

    Args:
        workload: A workload, or what `load.find` takes: a name, a file, "file.py:name".
        trials: How many in total, those of earlier calls included.
        method: auto, random, sobol, tpe, gp, cmaes, nsga2 or nsga3.
        study: Its name; a new one by default. An existing one keeps the method, seeds, budget,
            parameters and values it was made with.
        results: Where runs are kept, and the studies (studies.db) unless `store` is given.
        store: Another database file, or a URL such as postgresql://user@host/database; also in the
            environment variable HOMEOSTAT_STORAGE. Processes that search under the same study
            name share its trials.
        seeds: How many of the usual seeds each trial runs with, or which. Its value is their mean.
        budget: Steps of each run, in place of the workload's.
        budget_s: Seconds for this call, the confirmation included.
        enqueue: Configurations to try first, each as some values of what is searched; the rest of
            it is as in the start.
        stop_at: End once a trial has this value of the main objective, or a better one.
        patience: End after this many trials in a row that were no better than the best.
        enough: End once further trials would, with 95 %, gain less than seeds differ by, as a
            model of all trials has it; of one objective, and after 25 trials at the earliest.
        tiers, names: Which parameters are varied.
        start: Values in place of the defaults, or a configuration's name or file: trial 0, and
            whatever is not varied.
        pins: Values held in every trial.
        prune: Stops trials early: auto (by their chance to end among the best), median, halving,
            hyperband or none, as for a new study. It also leaves out the other seeds of a trial
            whose first ones are clearly worse; seeds does that alone.
        prune_at: The steps at which pruning is decided, in place of its own choice.
        among: Choices of which only some options are searched, {"mode": ("pure", "hybrid")}, for
            a new study.
        constraints: Bounds on metrics that the workload reports, such as "latency<=5": a trial
            beyond one is infeasible. It is learned from, and cannot win.
        carry_from: Earlier studies of the workload, by name or path (other/studies/first), for a
            new one to learn from. Their trials do not count as its own; the best is run again.
        goal: What the study is to find out, in words; shown with its conclusion.
        scientific: Parameters whose values are compared, each with everything else at its best;
            a study keeps both until others are given.
        seed: Of the search itself.
        confirm: Whether to run the best and the default again on fresh seeds, or on how many.
        engine: "inline" (this process), "local" (supervised processes, `jobs` at a time), "ray" or
            "slurm" (a cluster), with options such as "ray:address=auto,gpus=0.5".
        deterministic: With several jobs, trials wait for each other so that the sequence is
            repeatable.
        timeout_s, memory_mb, device: For each attempt.
        on_event: Called with each `Reported`, `Finished`, `Told` and `Confirming`.

    Raises:
        StudyError, StudyLockedError: If the study cannot be opened or is another search.
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
        >>> found = hs.search(valley, trials=8, study="first")
        >>> found.best.config.lr > 0.1
        True
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    if isinstance(start, str | Path):
        named = configs.load(start, workload)
        start = named.resolve(workload.space).given
        budget = named.budget if budget is None else budget
    place = open_store(results, store)
    before = place.find(study) if study is not None else None
    kept = SearchSettings.from_json(before.settings) if before is not None else SearchSettings()
    settings = SearchSettings(
        trials=trials,
        budget_s=budget_s,
        stop_at=stop_at,
        patience=patience,
        enough=enough,
        engine=engine,
        jobs=jobs,
        confirm=confirm,
        deterministic=deterministic,
        timeout_s=timeout_s,
        memory_mb=memory_mb,
        device=device,
        goal=kept.goal if goal is None else goal,
        scientific=kept.scientific if scientific is None else tuple(scientific),
        # A worker has to find the workload; this process has it already.
        reference=load.reference_or_none(workload) if engine == "inline" else workload.reference,
        default_trial=kept.default_trial,
        code=workload.code_digest,
    )
    name = study or _new_name(workload, place)
    # Where trials are pruned, the seeds of one run in turn: the first may settle it.
    in_turn = seeds is None or prune not in (None, NONE)
    side_by_side = 1 if in_turn else len(checked_seeds(seeds))
    opened = Study.open(
        workload,
        name,
        store=place,
        method=method,
        seed=seed,
        seeds=seeds,
        budget=budget,
        # As many trials as it takes to give every job an attempt; a study keeps its own.
        wave=-(-jobs // side_by_side) if before is None else None,
        tiers=tiers,
        names=names,
        start=start,
        pins=pins,
        prune=prune,
        prune_at=prune_at,
        among=among,
        constraints=[constraints] if isinstance(constraints, str) else constraints,
        carry_from=names_of(carry_from),
        settings=settings.to_json(),
        alone=deterministic,
    )
    with ExitStack() as left:
        left.callback(opened.close)
        opened.notes += [opened.enqueue(values) for values in enqueue]
        left.pop_all()
    return _run(opened, settings, results, on_event)


def resume(
    study: str,
    *,
    workload: Workload | str | Path | None = None,
    results: str | Path = "results",
    store: str | Path | None = None,
    on_event: OnEvent | None = None,
) -> SearchResult:
    """Go on with a study as it was last driven. One made in a notebook needs its `workload`.

    Raises:
        UnknownNameError: If there is no such study.
        StudyError, StudyLockedError, RecordError: As `search`.
    """
    load.refuse_while_loading()
    place = open_store(results, store)
    settings = SearchSettings.from_json(place.study(study).settings)
    found = load.find(_how_to_find(study, settings, workload, folder_of(results, study)))
    opened = Study.open(found, study, store=place, alone=settings.deterministic)
    return _run(opened, settings, results, on_event)


def read(
    study: str,
    *,
    workload: Workload | str | Path | None = None,
    results: str | Path = "results",
    store: str | Path | None = None,
) -> SearchResult:
    """What a study has found so far; it may be running. Nothing that it names is imported or run.

    Args:
        study: Its name.
        workload: Its workload, or what `load.find` takes, for the conclusions that only it draws;
            an installed one is known by its name.
        results: The results folder.
        store: Where the study is, if not there.

    Raises:
        UnknownNameError: If there is no such study.
        StudyError: If what it keeps of its space makes none.
    """
    place = look_store(results, store)
    row = place.study(study)
    looked = Study.look(for_reading(row, workload), study, store=place)
    return summarise(looked, Path(results) / "studies" / study, notes=looked.definition.told)


def change(
    study: str,
    *,
    fix: Mapping[str, Any] | None = None,
    free: Sequence[str] = (),
    widen: bool = False,
    add: Sequence[str] = (),
    forget: Sequence[int] = (),
    restore: Sequence[int] = (),
    workload: Workload | str | Path | None = None,
    results: str | Path = "results",
    store: str | Path | None = None,
) -> tuple[str, ...]:
    """Change what a study searches from now on, and which of its trials count.

    Args:
        study: Its name; nobody may be driving it.
        fix: Searched parameters to hold at these values in further trials.
        free: Those that were fixed and are to vary again.
        widen: Search the ranges that the workload has now, as long as they hold every trial.
        add: Parameters of the workload to search too; an earlier trial has the value with which
            it acted there.
        forget: Numbers of trials that count for nothing from now on: not for the sampler, the
            verdict, importance or pages. They stay on disk.
        restore: Numbers of forgotten trials that count again.
        workload: Where its workload is, to widen or add; as the study says by default.
        results, store: As in `search`.

    Returns:
        What was changed, a sentence each; the study keeps them.

    Raises:
        StudyLockedError: While a process drives it.
        StudyError, SpaceError, UnknownNameError: If a change is not possible; none is made then.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> found = hs.search(valley, trials=4, study="changed", confirm=False)
        >>> hs.change("changed", fix={"unused": 0.5})
        ('After 4 trials unused is held at 0.5 in further trials.',)
    """
    place = open_store(results, store)
    folder = folder_of(results, study)
    found = None
    if workload is not None or widen or add:
        settings = SearchSettings.from_json(place.study(study).settings)
        found = load.find(_how_to_find(study, settings, workload, folder))
    return change_study(
        place, study, found, folder, fix=fix, free=free, widen=widen, add=add, forget=forget,
        restore=restore,
    )  # fmt: skip


def look_store(results: str | Path = "results", store: str | Path | None = None) -> Store:
    """The same studies for reading: nothing is made, locked or written."""
    return Store(_location(results, store), look=True)


def open_store(results: str | Path = "results", store: str | Path | None = None) -> Store:
    """The studies of `store`, else of HOMEOSTAT_STORAGE, else of the results folder."""
    return Store(_location(results, store))


def _location(results: str | Path, store: str | Path | None) -> str | Path:
    return store or os.environ.get(STORAGE_VARIABLE) or Path(results) / "studies.db"


def _run(
    study: Study, settings: SearchSettings, results: str | Path, on_event: OnEvent | None
) -> SearchResult:
    live = Live(trials=settings.trials, seconds=settings.budget_s)
    with study, live if on_event is None else nullcontext():
        began = study.row.settings
        changed = "code" in began and not study.workload.has_code(began["code"]) and study.trials
        study.keep_settings(settings.to_json())
        folder = claim(results, study.name, study.store)
        campaign = Optimisation(study, settings, folder, on_event or live)
        if changed:
            campaign.notes.append(
                f"{study.workload.source} or a module of its own has changed since the study "
                "began: its earlier trials ran with other code."
            )
        campaign.run()
    result = summarise(study, folder, interrupted=campaign.interrupted, notes=campaign.notes)
    _keep_views(study.workload, folder, result)
    return result


def _keep_views(workload: Workload, folder: Path, result: SearchResult) -> None:
    """The views of the trial to take, for pages that are to show them without the workload."""
    if workload.views and result.verdict.trial is not None:
        with suppress(RecordError):
            keep_views(workload, read_run(folder / f"trial_{result.verdict.trial.number:04d}"))


def names_of(studies: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """One study or several, by name or path, as texts."""
    several = [studies] if isinstance(studies, str | Path) else studies
    return tuple(str(study) for study in several)


def _how_to_find(
    study: str, settings: SearchSettings, workload: Workload | str | Path | None, folder: Path
) -> Workload | str | Path:
    found = workload if workload is not None else settings.reference
    if found is None:
        raise StudyError(
            f"Study {study!r} does not say where its workload is: a notebook, or a function.",
            hint=f"In Python, give it again:  hs.search(workload, study={study!r})",
        )
    first = folder / "trial_0000"
    if workload is None and isinstance(found, str):
        with suppress(RecordError):  # a run keeps where its workload was, seen from its folder
            found = read_run(first).reference or found
    return found


def _new_name(workload: Workload, store: Store) -> str:
    taken = set(store.names())
    base = f"{workload.name}_{time.strftime('%Y%m%d_%H%M%S')}"
    return next(n for i in range(1, len(taken) + 2) if (n := _suffixed(base, i)) not in taken)


def _suffixed(base: str, number: int) -> str:
    return base if number == 1 else f"{base}_{number}"
