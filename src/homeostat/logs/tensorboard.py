"""TensorBoard event files: scalars by folder, tag and step.

Two writers are two series: the folder of a file is part of a value's name wherever the tag alone
is not enough, as for `add_scalars`, which makes a folder for each of its names, and for a writer
each for training and validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from homeostat.errors import DataError, MissingExtraError
from homeostat.logs.assemble import assemble
from homeostat.logs.log import Log
from homeostat.logs.names import phase_of
from homeostat.logs.position import Position
from homeostat.logs.reading import Reading
from homeostat.logs.skipped import Skipped


class Scalar(NamedTuple):
    """A value in an event file."""

    run: str
    """The folder that stands for the run, relative to where was looked."""
    name: str
    """The tag, with what in its folder's name tells it apart from others of the run."""
    step: int
    value: float


class EventFiles:
    """The scalars of the event files under a folder, as they are written.

    Raises:
        MissingExtraError: If TensorBoard is not installed.
    """

    def __init__(self, place: Path) -> None:
        try:
            from tensorboard.backend.event_processing import event_file_loader
            from tensorboard.util import tensor_util
        except ModuleNotFoundError:
            raise MissingExtraError("tensorboard", "export", "Reading event files") from None
        self._make_loader = event_file_loader.EventFileLoader
        self._to_array = tensor_util.make_ndarray
        self._place = place
        self._loaders: dict[Path, Any] = {}
        self.skipped = Skipped()

    def read(self) -> Iterator[Scalar]:
        """What is new, file by file in the order in which they were begun."""
        for path in self._files():
            if path not in self._loaders:
                self._loaders[path] = self._make_loader(str(path))
            for event in self._loaders[path].Load():
                for value in event.summary.value:
                    number = self._number(value)
                    if number is not None:
                        run, name = self._series(path.parent, value.tag)
                        yield Scalar(run, name, int(event.step), number)

    def _files(self) -> list[Path]:
        if self._place.is_file():
            return [self._place]
        # A file's name begins with the time at which it was made.
        return sorted(self._place.rglob("*tfevents*"), key=lambda path: (path.name, path))

    def _number(self, value: Any) -> float | None:
        if value.metadata.plugin_data.plugin_name != "scalars":
            return None  # pictures, histograms, text
        array = self._to_array(value.tensor)
        if array.size == 1:
            return float(array.item())
        self.skipped.add("several numbers for one tag", 0, value.tag)
        return None

    def _series(self, folder: Path, tag: str) -> tuple[str, str]:
        """The run and the name of what a folder's file calls `tag`."""
        if folder == self._place or self._place.is_file():
            return "", tag
        stem = tag.replace("/", "_") + "_"
        if folder.name.startswith(stem):  # add_scalars("loss", {"train": ...}) in loss_train
            return self._relative(folder.parent), f"{tag}/{folder.name.removeprefix(stem)}"
        if phase_of(folder.name) == folder.name:
            return self._relative(folder.parent), f"{folder.name}/{tag}"
        return self._relative(folder), tag

    def _relative(self, folder: Path) -> str:
        name = folder.relative_to(self._place).as_posix()
        return "" if name == "." else name


def read_events(place: Path) -> Log:
    """The log in an event file, or in those under a folder: a run for each of its folders.

    Raises:
        DataError: If it cannot be read.
    """
    files = EventFiles(place)
    try:
        readings = [
            Reading(Position(step=step), {name: value}, run=run, text=name, kind="tensorboard")
            for run, name, step, value in (files.read() if place.exists() else ())
        ]
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the event files in {place}: {error}.") from error
    runs = assemble(readings, files.skipped)
    return Log("tensorboard", tuple(runs), skipped=files.skipped)
