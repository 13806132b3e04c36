"""Command workloads: a training script in any language, described by a YAML file.

    command: [./train.sh, "{lr}", "{budget}", "{seed}", "{folder}"]
    space:
      lr: {float: [1e-5, 1e-1], log: true, default: 1e-3}
    metric: val_loss
    goal: minimize
    budget: 50
    metrics: {jsonl: metrics.jsonl}

The command runs without a shell, in a process group of its own, with each placeholder replaced by
its value as part of one argument. Its output goes to output.txt in the trial's folder, where it
should write its metrics too.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import ConfigError, WorkloadError
from homeostat.space import Config
from homeostat.workload import command_file
from homeostat.workload.command_file import CommandFile, MetricsSource
from homeostat.workload.metrics import Csv, JsonLines, Merge, Pattern, Reader, Record, TensorBoard
from homeostat.workload.process import ProcessGroup, how_it_ended
from homeostat.workload.report import Report
from homeostat.workload.workload import Workload, workload

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial

OUTPUT = "output.txt"
_LAST_LINES = 5


def load_command(path: Path) -> Workload:
    """The workload that a YAML file describes.

    Raises:
        ConfigError: If the file is broken; it names the file and what is wrong.
    """
    file = command_file.load(path)
    settings = dict(file.settings)
    doc = settings.pop("description", "")
    name = settings.pop("name", re.sub(r"\W+", "_", path.stem))
    if "configs" in settings:
        settings["configs"] = file.path.parent / settings["configs"]
    if isinstance(settings.get("bounds"), dict):
        settings["bounds"] = {
            metric: tuple(ends) if isinstance(ends, list) else ends
            for metric, ends in settings["bounds"].items()
        }

    def loop(config: Config, trial: Trial) -> Iterator[Report]:
        return _run(file, name, frozenset(made.objectives), config, trial)

    loop.__doc__ = doc
    try:
        made = workload(
            space=file.space, name=name, source=file.path, timeout_s=file.timeout_s, **settings
        )(loop)
    except WorkloadError as error:
        raise ConfigError(f"{path.name}: {error.message}", hint=error.hint) from None
    _check_pattern_has(file, made)
    return made


def _check_pattern_has(file: CommandFile, made: Workload) -> None:
    if file.metrics.kind != "pattern":
        return
    groups = re.compile(file.metrics.place).groupindex
    for metric in made.objectives:
        if metric not in groups:
            raise ConfigError(
                f"{file.path.name}: the pattern has no group for the metric {metric!r}.",
                hint=rf"Write (?P<{metric}>\S+) where its number stands.",
            )


def _run(
    file: CommandFile, name: str, wanted: frozenset[str], config: Config, trial: Trial
) -> Iterator[Report]:
    """Start the command and yield its metrics as they come; stop it when the loop is closed."""
    _check_budget(file, name, trial)
    folder = trial.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    provided = {
        "seed": trial.seed,
        "budget": trial.budget,
        "folder": folder,
        "here": file.path.parent,
        "python": sys.executable,
    }
    values = {**config, **provided}
    reader = _reader(file.metrics, folder)
    merge = Merge(wanted)
    num_reports = 0
    process = ProcessGroup(
        file.arguments(values),
        folder=_working_folder(file, values),
        env={key: file.fill(text, values) for key, text in file.env.items()},
        output=folder / OUTPUT,
    )
    try:
        code = None
        while code is None:
            code = process.wait(reader.poll_s)
            trial.check()
            for step, metrics in _new_records(reader, merge, final=code is not None):
                num_reports += 1
                yield Report(step, **metrics)
    finally:
        process.end()
        if reader.skipped.total + merge.late:
            trial.extra["skipped_metric_lines"] = reader.skipped.total + merge.late
        if reader.skipped.total:
            trial.extra["skipped_metrics"] = reader.skipped.sentences()
    if code != 0:
        raise WorkloadError(
            f"{name}: the command {how_it_ended(code)}. {_last_lines(folder / OUTPUT)}".rstrip(),
            hint=f"Its whole output: {folder / OUTPUT}",
        )
    if num_reports == 0:
        raise WorkloadError(
            f"{name}: the command exited without an error, but "
            f"{_nothing_found(file.metrics, reader)}.",
            hint=f"Its whole output: {folder / OUTPUT}",
        )


def _new_records(reader: Reader, merge: Merge, final: bool) -> Iterator[Record]:
    for step, metrics in reader.read(final):
        yield from merge.add(step, metrics)
    if final:
        yield from merge.flush()


def _check_budget(file: CommandFile, name: str, trial: Trial) -> None:
    if trial.budget != file.settings["budget"] and "budget" not in file.uses:
        raise WorkloadError(
            f"{name}: the command does not use {{budget}}, so its length cannot be changed from "
            f"{file.settings['budget']} to {trial.budget}.",
            hint=f'Give it "{{budget}}" in {file.path.name}.',
        )


def _working_folder(file: CommandFile, values: dict[str, Any]) -> Path:
    folder = file.path.parent / file.fill(file.cwd, values)
    if not folder.is_dir():
        raise WorkloadError(f"{file.path.name}: cwd: there is no folder {folder}.")
    return folder


def _reader(source: MetricsSource, folder: Path) -> Reader:
    """The reader for a source; what an earlier attempt left there is removed first."""
    if source.kind == "pattern":
        return Pattern(folder / OUTPUT, source.step, re.compile(source.place))
    place = folder / source.place.removeprefix("{folder}/")
    if source.kind == "tensorboard":
        if place != folder:
            shutil.rmtree(place, ignore_errors=True)
        for old in folder.rglob("*tfevents*"):
            old.unlink()
        return TensorBoard(place)
    place.unlink(missing_ok=True)
    return Csv(place, source.step) if source.kind == "csv" else JsonLines(place, source.step)


def _nothing_found(source: MetricsSource, reader: Reader) -> str:
    if reader.skipped.total:
        return f"no metric could be read: {reader.skipped.sentences()[0].removesuffix('.')}"
    if source.kind == "pattern":
        return "nothing it printed matches the pattern"
    return f"it left no metric in {source.place}"


def _last_lines(output: Path) -> str:
    """The end of the output, in one line."""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - 4096))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    words = [" ".join(line.split()) for line in lines if line.strip()][-_LAST_LINES:]
    return f"Its last lines: {' | '.join(words)}" if words else "It printed nothing."
