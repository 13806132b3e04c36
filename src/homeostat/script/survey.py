"""Survey: one short run of a script in a process of its own: what it takes, what it says.

    python -m homeostat.script.survey      a request as JSON comes in, facts as JSON go out

In a process of its own, because a script may hang, crash, exit or start a window before anything is
known of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import greenlet

from homeostat.errors import HomeostatError, WorkloadError
from homeostat.own_time import MOST_TIMES, Stopwatch, own_time
from homeostat.script.folder import WorkFolder
from homeostat.script.objective import Series, is_held_out
from homeostat.script.options.kinds import finding_options
from homeostat.script.options.option import Option
from homeostat.script.program import Program, line_in
from homeostat.script.source import Source
from homeostat.workload.trial import Trial

SEED = 42
START_S = 300.0
"""How long a script may take until it trains; all these are in its own time."""
TRAIN_S = 12.0
"""How long it is then watched, if it does not end before."""
LONGEST_S = 40.0
"""The same, while no held-out number has come."""
MOST_POINTS = 400


@dataclass
class Survey:
    """What one short run showed."""

    kind: str = ""
    """What reads its options: argparse, click, ...; empty if nothing does."""
    options: list[Option] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    steps: int = 0
    backward_passes: int = 0
    optimizers: list[str] = field(default_factory=list)
    ended: bool = False
    """Whether the script came to its own end."""
    error: str = ""
    start_s: float = 0.0
    """Until it trained."""
    train_s: float = 0.0
    started_processes: bool = False
    seeds: list[int] = field(default_factory=list)
    """What it seeds its process's generators with, by itself or as it was told."""
    batches: int = 0
    """How many batches the loader gives that it trains from, if one was seen."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The values that its constants had at the end."""
    written: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain["options"] = [option.to_json() for option in self.options]
        plain["series"] = [vars(series) for series in self.series]
        return plain

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Survey:
        series = [Series(**{**s, "points": [tuple(p) for p in s["points"]]})
                  for s in content.pop("series")]  # fmt: skip
        options = [Option.from_json(option) for option in content.pop("options")]
        return cls(series=series, options=options, **content)


def survey(path: Path, arguments: Sequence[str], levels: int) -> Survey:
    """Run a script for a while, in a process of its own.

    Raises:
        WorkloadError: If it fails, does not begin to train in time, or crashes.
    """
    request = {"path": str(path), "arguments": list(arguments), "levels": levels}
    limit = MOST_TIMES * (START_S + LONGEST_S)
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment[name] = "1"  # as attempts have it
    try:
        done = subprocess.run(
            [sys.executable, "-m", "homeostat.script.survey"],
            input=json.dumps(request), capture_output=True, text=True, timeout=limit,
            env=environment, check=False, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise WorkloadError(
            f"{path.name} did not come to training within {limit:.0f} s.",
            hint="Give it less to prepare (after --), or describe it as a command:  "
            "homeostat init my_project --kind command",
        ) from None
    answer = done.stdout.rpartition(MARK)[2]
    if MARK not in done.stdout:
        raise WorkloadError(_crash(path, done.returncode, done.stderr), hint=_by_hand(path))
    content = json.loads(answer)
    if "refused" in content:
        raise WorkloadError(
            content["refused"], hint=content["hint"] or _needs(path, content["refused"])
        )
    return Survey.from_json(content)


MARK = "\x1e homeostat survey \x1e"


def _by_hand(path: Path) -> str:
    return f"Run it by hand first:  python {path.name}"


def _needs(path: Path, refused: str) -> str:
    """What to type after a script has refused its command line, or has ended by itself."""
    if "exits with code 2" in refused:
        return f"What it needs stands after --:  homeostat probe {path.name} -- --OPTION VALUE"
    return _by_hand(path)


def _crash(path: Path, code: int, said: str) -> str:
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return f"{path.name} ended its process {how}: {' '.join(last.split())[:300]}".rstrip(": ") + "."


# In the process of its own


class _Look:
    """The short run, while it goes on."""

    def __init__(self, path: Path, arguments: list[str], levels: int) -> None:
        from homeostat.script.drive import Run

        self.facts = Survey()
        self.path = path
        self.source = Source(path)
        self.arguments = arguments
        self._text = self.source.content.decode("utf-8", "replace").lower()
        self._series: dict[str, Series] = {}
        self._began = own_time()
        self._first: float | None = None
        self._place = tempfile.TemporaryDirectory(prefix="homeostat_look_")
        self._trial = Trial({}, seed=SEED, budget=10**9, folder=Path(self._place.name))
        self._folder = WorkFolder(Path.cwd(), Path(self._place.name) / "work", levels)
        self._folder.open()
        self.program = Program(path, arguments, folder=self._folder.path)
        self.run = Run(self.program, self._trial)
        self.run.heard = self._heard
        self.run.on_first = self._first_step
        self._trial.on_check.append(self._check)

    def look(self) -> Survey:
        facts = self.facts
        signal.signal(signal.SIGALRM, self._alarm)
        self._until(START_S)
        try:
            with finding_options(self.source, self.arguments, self._take):
                for _ in self.run.reports():
                    self._check()
            facts.ended = True
        except _Enough:
            pass
        except HomeostatError:
            raise
        except Exception as error:
            facts.error = self._reason(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._folder.close()
        return self._settle()

    def _settle(self) -> Survey:
        facts, run = self.facts, self.run
        facts.steps, facts.backward_passes = run.steps, run.backward_passes
        facts.seeds = sorted(set(run.seeds))
        facts.series = list(self._series.values())
        facts.optimizers = [type(o).__name__ for o in self._trial.optimizers.values()]
        now = own_time()
        facts.start_s = (self._first or now) - self._began
        facts.train_s = now - (self._first or now)
        facts.written, facts.outside = self._folder.written, self._folder.outside
        facts.settings = {
            name: value
            for name, value in vars(self.program.module).items()
            if isinstance(value, (bool, int, float)) and not name.startswith("_")
        }
        facts.started_processes = _processes["started"]
        return facts

    def _take(self, kind: str, options: list[Option]) -> None:
        # hydra, fire and absl have a parser of argparse inside, which is not the script's own.
        if self.facts.kind in ("", "argparse") and (kind != "argparse" or not self.facts.kind):
            self.facts.kind = kind
            self.facts.options = options

    def _heard(self, name: str, value: float, by: str) -> None:
        series = self._series.setdefault(name, Series(name, by, line_in(self.path)))
        if len(series.points) < MOST_POINTS:
            series.points.append((self.run.steps, value))
        if self._first is None:
            self._started()
        if not self.run.steps and own_time() - self._first > TRAIN_S:  # type: ignore[operator]
            raise greenlet.GreenletExit

    def _first_step(self) -> None:
        self._started()
        self.facts.batches = self.run.batches

    def _started(self) -> None:
        if self._first is None:
            self._first = own_time()
            self._until(LONGEST_S)

    def _check(self) -> None:
        """Whether enough has been seen, asked between steps."""
        if self._first is None:
            return
        spent = own_time() - self._first
        held_out = [s for s in self._series.values() if is_held_out(s.name)]
        enough = any(len(s.points) > 1 for s in held_out)
        if spent > LONGEST_S - 2 or (spent > TRAIN_S and (enough or not self._may_come())):
            raise _Enough

    def _may_come(self) -> bool:
        """Whether the text of the script speaks of held-out data at all."""
        return any(word in self._text for word in ("val", "test", "eval"))

    def _until(self, limit_s: float) -> None:
        """Be woken in so long: on a busy machine more than once, since that is no own time."""
        self._limit_s, self._watch = limit_s, Stopwatch()
        signal.setitimer(signal.ITIMER_REAL, limit_s)

    def _alarm(self, *_: Any) -> None:
        left_s = self._limit_s - self._watch.spent_s
        if left_s > 0:
            signal.setitimer(signal.ITIMER_REAL, max(left_s, 0.1))
            return
        if self._first is None:
            raise WorkloadError(
                f"{self.path.name} did not begin to train within {START_S:.0f} s.",
                hint="Give it less to prepare (after --).",
            )
        raise _Enough

    def _reason(self, error: Exception) -> str:
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == str(self.path)]
        where = f"{self.path.name}:{own[-1].lineno}: " if own else f"{self.path.name}: "
        return f"{where}{type(error).__name__}: {' '.join(str(error).split())[:400]}".rstrip(": ")


class _Enough(BaseException):
    """Ends the look; not an Exception, so that no script swallows it."""


_processes = {"started": False}


def _audit(event: str, arguments: Any) -> None:
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system"):
        _processes["started"] = True


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the script prints, also from C, is no answer
    sys.stdin = io.StringIO()
    sys.stdout = os.fdopen(os.dup(1), "w", errors="replace")
    sys.addaudithook(_audit)
    _seed()
    try:
        look = _Look(Path(request["path"]), request["arguments"], request["levels"])
        content = look.look().to_json()
    except HomeostatError as error:
        content = {"refused": error.message, "hint": error.hint}
    answer.write(MARK + json.dumps(content, default=str))
    answer.flush()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(0)  # threads of the script may still run


def _seed() -> None:
    import random

    import numpy as np

    random.seed(SEED)
    np.random.seed(SEED)


if __name__ == "__main__":
    main()
