"""Metrics from TensorBoard event files, in any sub-folder; a tag is a metric's name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeostat.errors import MissingExtraError
from homeostat.workload.metrics import Record


class TensorBoard:
    """Scalars by tag and step, from the event files that appear under a folder."""

    poll_s = 0.5

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.backend.event_processing import event_file_loader
            from tensorboard.util import tensor_util
        except ModuleNotFoundError:
            raise MissingExtraError("tensorboard", "models", "Reading event files") from None
        self._make_loader = event_file_loader.EventFileLoader
        self._to_array = tensor_util.make_ndarray
        self._folder = folder
        self._loaders: dict[Path, Any] = {}
        self.skipped = 0

    def read(self, final: bool) -> Iterator[Record]:
        found: dict[int, dict[str, float]] = {}
        for path in sorted(self._folder.rglob("*tfevents*")):
            if path not in self._loaders:
                self._loaders[path] = self._make_loader(str(path))
            for event in self._loaders[path].Load():
                for value in event.summary.value:
                    self._add(found.setdefault(int(event.step), {}), value)
        # Tags are written one after the other: by step, so that those of a step come together.
        for step in sorted(found):
            if found[step]:
                yield step, found[step]

    def _add(self, metrics: dict[str, float], value: Any) -> None:
        if value.metadata.plugin_data.plugin_name != "scalars":
            return  # pictures, histograms, text
        array = self._to_array(value.tensor)
        if array.size == 1:
            metrics[value.tag] = float(array.item())
        else:
            self.skipped += 1
