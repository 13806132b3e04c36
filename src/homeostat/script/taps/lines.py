"""Lines: the named numbers in a line that a script prints or logs, by names for reports.

    Test set: Average loss: 0.05, Accuracy: 97/100    test_average_loss 0.05, test_accuracy 0.97
    Train Epoch: 1 [640/60000 (1%)]    Loss: 2.301    train_loss 2.301
    epoch 3 | val_acc=0.91 | 12.3s                    val_acc 0.91

What a line says is read by `homeostat.logs`. Rates, times and sizes are no results.
"""

from __future__ import annotations

from homeostat.logs import LineReader
from homeostat.script.words import snake, table

MOST_LENGTH = 4000

NOT_METRICS = table(
    "lr", "learning_rate", "time", "took", "elapsed", "eta", "seconds", "secs?", "ms", "speed",
    "throughput", "fps", "seed", "rank", "gpus?", "mem", "memory", "params", "parameters", "size",
    "epochs?", "steps?", "iters?", "iterations?", "batch", "batches", "version", "port", "pid",
    "vocab", "global_step", "timesteps?", "frames?", "runtime", "per_second", "per_sec",
    "sps", "tps", "flos", "total_flos", "mfu", "duration", "wall_?time", "wall_clock",
)  # fmt: skip


def is_result(name: str) -> bool:
    """Whether a number of this name may be a result: no rate, time, size or counter."""
    return not NOT_METRICS.search(snake(name))


class Lines:
    """Reads lines, one at a time; those before may say what a table's columns are."""

    def __init__(self, *, tables: bool = False) -> None:
        self._reader = LineReader()
        self._tables = tables
        """Whether a line without a number matters too: it may be a table's heading."""

    def read(self, line: str) -> dict[str, float]:
        """The metrics in a line, by name; empty where there are none."""
        if len(line) > MOST_LENGTH:
            return {}
        if not self._tables and not any(c.isdigit() or c in "nN" for c in line):
            return {}
        numbers: dict[str, float] = {}
        for reading in self._reader.feed(line.rstrip("\r").rsplit("\r", 1)[-1] + "\n"):
            if reading.progress is not None:
                continue  # a bar's numbers are read where they are given to it
            for name, value in reading.metrics.items():
                if is_result(name):
                    numbers[snake(name)] = value
        return numbers
