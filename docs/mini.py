"""The whole idea of Homeostat in one file that runs: python docs/mini.py FOLDER

    loop -> pull -> guard -> record -> ask and tell -> confirm

1) A training loop is a generator of reports. Nobody is called back: whoever drives it pulls.
2) Each report is on disk before anything else looks at it, so a kill loses the step in flight.
3) A value out of bounds ends the attempt; that it diverged is a result like any other.
4) A study asks for a configuration and is told its value, in two short transactions of SQLite.
   What to try depends on (study seed, trial number, results before), never on the process, so the
   same command after a kill goes on with the same sequence.
5) The best of many noisy values is too good to be true: winner and default run again, on seeds
   that had no part in choosing, pair by pair.

The real thing has these parts in rooms of their own (see ARCHITECTURE.md): space/, workload/,
execute/, record/, study/, sample/, search/. Only NumPy and the standard library are needed here.
"""

from __future__ import annotations

import csv
import json
import math
import sqlite3
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# ---------------------------------------------------------------------------- space and workload


@dataclass(frozen=True)
class Float:
    """A number between two others, on a logarithmic scale where `log` says so."""

    low: float
    high: float
    default: float
    log: bool = False

    def at(self, share: float) -> float:
        """The value at a share of the range: 0 is its low end, 1 its high end."""
        if self.log:
            return math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def share(self, value: float) -> float:
        """Where a value lies in the range; undoes `at`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


Space = dict[str, Float]
Config = dict[str, float]
Report = tuple[int, float]
"""(step, loss)."""
Loop = Callable[[Config, np.random.Generator], Iterator[Report]]

SPACE: Space = {
    "lr": Float(1e-4, 10.0, default=0.01, log=True),
    "decay": Float(0.0, 0.9, default=0.0),
}


def regression(config: Config, rng: np.random.Generator) -> Iterator[Report]:
    """Gradient descent on a noisy line; above a rate of 2 or so it diverges."""
    x_N = rng.normal(size=64)
    y_N = 3.0 * x_N + rng.normal(scale=0.3, size=64)
    weight, velocity = 0.0, 0.0
    for step in range(40):
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = float(np.mean((weight * x_N - y_N) * x_N))
            velocity = config["decay"] * velocity + gradient
            weight -= config["lr"] * velocity
            yield step, float(np.mean((weight * x_N - y_N) ** 2))


# ---------------------------------------------------------------------------- execute and record


OUT_OF_BOUNDS = 1e6
"""A loss from here on has diverged, and is stopped at once."""


def run(loop: Loop, config: Config, seed: int, folder: Path) -> float | None:
    """Pull a loop's reports through record and guard; the last loss, or None where it diverged.

    A finished attempt is read, not run again: its result is on disk under what it depends on.
    """
    done = folder / "attempt.json"
    if done.exists():
        value: float | None = json.loads(done.read_text(encoding="utf-8"))["value"]
        return value
    folder.mkdir(parents=True, exist_ok=True)
    last: float | None = None
    with (folder / "curve.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for step, loss in loop(config, np.random.default_rng(seed)):
            writer.writerow((step, repr(loss)))
            file.flush()  # on disk before anybody looks at it
            last = loss if loss < OUT_OF_BOUNDS else None  # no NaN is below anything
            if last is None:
                break
    # Whole or absent: written beside its place, then renamed into it.
    beside = done.with_suffix(".tmp")
    beside.write_text(json.dumps({"config": config, "seed": seed, "value": last}), encoding="utf-8")
    beside.replace(done)
    return last


# ---------------------------------------------------------------------------- ask and tell


class Study:
    """Trials in SQLite: `ask` writes what is tried, `tell` how it went."""

    def __init__(self, path: Path, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._store = sqlite3.connect(path)
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS trials (number INTEGER PRIMARY KEY, config TEXT,"
            " value REAL, outcome TEXT)"
        )

    def ask(self) -> tuple[int, Config]:
        """The next trial, or the one that a kill left without its result."""
        row = self.pending()
        if row is not None:
            return int(row[0]), json.loads(row[1])
        number = len(self)
        config = self._propose(number)
        with self._store:
            self._store.execute(
                "INSERT INTO trials (number, config) VALUES (?, ?)", (number, json.dumps(config))
            )
        return number, config

    def pending(self) -> tuple[int, str] | None:
        """The trial that was asked for and never told, if there is one."""
        row: tuple[int, str] | None = self._store.execute(
            "SELECT number, config FROM trials WHERE outcome IS NULL ORDER BY number"
        ).fetchone()
        return row

    def tell(self, number: int, value: float | None) -> None:
        """How a trial went; None where it diverged, which is worth knowing too."""
        outcome = "diverged" if value is None else "completed"
        with self._store:
            self._store.execute(
                "UPDATE trials SET value = ?, outcome = ? WHERE number = ?",
                (value, outcome, number),
            )

    def __len__(self) -> int:
        return int(self._store.execute("SELECT COUNT(*) FROM trials").fetchone()[0])

    def ranked(self) -> list[tuple[int, Config, float]]:
        """Completed trials, the best first."""
        rows = self._store.execute(
            "SELECT number, config, value FROM trials WHERE outcome = 'completed' ORDER BY value"
        )
        return [(number, json.loads(config), value) for number, config, value in rows]

    def _propose(self, number: int) -> Config:
        """The default, then points at random, then steps around the best ones so far."""
        if number == 0:
            return {name: one.default for name, one in self._space.items()}
        rng = np.random.default_rng((self._seed, number))
        elite = self.ranked()[:3]
        if number < 10 or not elite:
            return {name: one.at(rng.random()) for name, one in self._space.items()}
        _, centre, _ = elite[rng.integers(len(elite))]
        return {
            name: one.at(float(np.clip(one.share(centre[name]) + rng.normal(scale=0.1), 0, 1)))
            for name, one in self._space.items()
        }


# ---------------------------------------------------------------------------- search and confirm


def search(loop: Loop, space: Space, folder: Path, *, trials: int = 40) -> Study:
    """Ask, run, tell; called again it goes on where it was stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    study = Study(folder / "study.db", space, seed=0)
    while len(study) < trials or study.pending():
        number, config = study.ask()
        study.tell(number, run(loop, config, seed=42, folder=folder / f"trial_{number:03d}"))
    return study


@dataclass(frozen=True)
class Verdict:
    """Winner against default on fresh seeds: the one place where it is said who won."""

    number: int
    config: Config
    winner: tuple[float, ...]
    default: tuple[float, ...]

    @property
    def gain(self) -> tuple[float, float]:
        """Mean of the paired gains, and half of its 95 % interval (Student's t, 4 degrees)."""
        gains = [d - w for w, d in zip(self.winner, self.default, strict=True)]
        return statistics.fmean(gains), 2.776 * statistics.stdev(gains) / math.sqrt(len(gains))

    def __str__(self) -> str:
        mean, half = self.gain
        sure = "an improvement" if mean - half > 0 else "not shown to be better"
        return (
            f"On 5 fresh seeds trial {self.number} scores {statistics.fmean(self.winner):.3f}, the "
            f"default {statistics.fmean(self.default):.3f}: a paired gain of {mean:.3f} "
            f"(95 % interval {mean - half:.3f} .. {mean + half:.3f}), {sure}."
        )


def confirm(loop: Loop, study: Study, space: Space, folder: Path) -> Verdict:
    """Run winner and default again, on seeds that had no part in choosing."""
    number, config, _ = study.ranked()[0]
    default = {name: one.default for name, one in space.items()}
    fresh = range(1000, 1005)

    def values(arm: str, chosen: Config) -> tuple[float, ...]:
        runs = [run(loop, chosen, seed, folder / f"confirm_{arm}_{seed}") for seed in fresh]
        # A run that diverges loses to every one that does not.
        return tuple(math.inf if value is None else value for value in runs)

    return Verdict(number, config, values("winner", config), values("default", default))


def main(folder: Path) -> None:
    """Search, then say who won and how sure that is."""
    study = search(regression, SPACE, folder)
    completed = len(study.ranked())
    print(f"{len(study)} trials: {completed} completed, {len(study) - completed} diverged.")
    verdict = confirm(regression, study, SPACE, folder)
    print(verdict)
    print("  ".join(f"{name}={value:.4g}" for name, value in verdict.config.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "mini_results"))
