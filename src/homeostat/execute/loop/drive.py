"""Drive a training loop: pull its reports through record, guard and observers, one at a time.

    report -> recorded -> guard -> observers -> whoever drives (prune? stop?) -> next report

What goes wrong inside the loop becomes an ending with its reason; what goes wrong outside of it (a
full disk, Ctrl-C) is raised.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from homeostat.errors import HomeostatError, RecordError, WorkloadError, did_you_mean
from homeostat.execute.loop import guard
from homeostat.execute.loop.control import Control, Stop
from homeostat.record.attempt import Violation
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report
from homeostat.workload.together import Together
from homeostat.workload.trial import SnapshotDoesNotFit, Trial

if TYPE_CHECKING:
    from homeostat.workload.workload import Workload

HEALTHY_KEPT = 5
LONGEST_REASON = 500

# What passes through a loop on its way to somebody else. Whatever else it raises is its own
# failure, also what is no Exception (a library's way of cancelling, for one).
_PASSING_THROUGH = (Stop, SnapshotDoesNotFit, KeyboardInterrupt, GeneratorExit)


class Observer(Protocol):
    """Watches a loop from outside; probe and diagnose plug in here.

    A loop over `range` instead of `trial.steps()` has no `before_step`.
    """

    def on_watch(self, trial: Trial) -> None: ...
    def before_step(self, step: int) -> None: ...
    def after_report(self, step: int, report: Report) -> None: ...
    def on_end(self, outcome: Outcome) -> None: ...


class Watcher:
    """An observer that does nothing; override what is needed."""

    def on_watch(self, trial: Trial) -> None:
        """Called each time the loop has shown something to `trial.watch`."""

    def before_step(self, step: int) -> None:
        """Called before each step of `trial.steps()`."""

    def after_report(self, step: int, report: Report) -> None:
        """Called for every report, also for the one that is out of bounds."""

    def on_end(self, outcome: Outcome) -> None:
        """Called once, when the loop is closed."""


@dataclass
class Ending:
    """How a loop went so far, and in the end how it ended."""

    outcome: Outcome = Outcome.RUNNING
    reason: str = ""
    traceback: str = ""
    violation: Violation | None = None
    last: dict[str, float] = field(default_factory=dict)
    """Every metric in the last healthy report that has it."""
    healthy: deque[dict[str, float]] = field(default_factory=lambda: deque(maxlen=HEALTHY_KEPT))
    last_step: int | None = None
    num_reports: int = 0

    def add(self, report: Report, violation: Violation | None) -> None:
        self.last_step = report.step
        self.num_reports += 1
        self.violation = violation
        if violation is None:
            self.last.update(report.metrics)
            self.healthy.append({"step": float(report.step), **report.metrics})

    def end(self, outcome: Outcome, reason: str = "") -> None:
        self.outcome = outcome
        self.reason = reason


def drive(workload: Workload, trial: Trial, observers: Sequence[Observer] = ()) -> Ending:
    """Run a loop to its end in this process, with nothing on disk."""
    steps = pull(workload, trial, observers=observers)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            ending: Ending = end.value
            return ending


def pull(
    workload: Workload,
    trial: Trial,
    *,
    observers: Sequence[Observer] = (),
    record: Callable[[Report], None] | None = None,
    control: Control | None = None,
    ending: Ending | None = None,
) -> Generator[Any, bool | None, Ending]:
    """Yield each healthy report; `False` sent back prunes the loop.

    A trial that is driven side by side with others also yields `Together`, to be done before the
    next report is asked for.

    Args:
        record: Called with every report before anything else looks at it.
        control: Checked at reports, if the loop does not use `trial.steps()`: between two of
            those is a better place, which is for the caller to check.
        ending: Filled in as the loop goes; the one returned.
    """
    ending = ending if ending is not None else Ending()
    for observer in observers:
        trial.on_watch.append(observer.on_watch)
        trial.before_step.append(observer.before_step)
    loop: Iterator[Report] | None = None
    try:
        loop = _start(workload, trial, ending)
        while loop is not None:
            report = _next(loop, workload, ending, record)
            if report is None:
                break
            if isinstance(report, Together):
                yield report
                continue
            ending.add(report, guard.check(report, workload.bounds))
            for observer in observers:
                observer.after_report(report.step, report)
            if ending.violation is not None:
                ending.end(Outcome.DIVERGED, str(ending.violation))
                break
            if (yield report) is False:
                ending.end(Outcome.PRUNED, f"stopped early at step {report.step}")
                break
            if control is not None and not trial.uses_steps:
                control.check()
    except Stop as stop:
        ending.end(stop.outcome, stop.reason)
    except BaseException:
        ending.end(Outcome.INTERRUPTED)
        raise
    finally:
        _close(loop, ending)
        for observer in observers:
            observer.on_end(ending.outcome)
    return ending


def _start(workload: Workload, trial: Trial, ending: Ending) -> Iterator[Report] | None:
    """Call the workload. A generator function runs nothing yet; another kind may raise here."""
    try:
        return workload(trial.config, trial)
    except _PASSING_THROUGH:
        raise
    except BaseException as error:
        _fail(ending, error, workload)
        return None


def _next(
    loop: Iterator[Report],
    workload: Workload,
    ending: Ending,
    record: Callable[[Report], None] | None,
) -> Report | Together | None:
    """The next report; None when the loop is over, for whatever reason the ending then has."""
    try:
        report: Any = next(loop)
        if isinstance(report, Together):
            return report
        _check_report(report, ending)
        if record is not None:
            record(report)
        return cast(Report, report)
    except StopIteration:
        _complete(workload, ending)
    except (RecordError, *_PASSING_THROUGH):
        raise
    except BaseException as error:
        _fail(ending, error, workload)
    return None


def _check_report(report: Any, ending: Ending) -> None:
    if not isinstance(report, Report):
        raise WorkloadError(
            f"The loop yielded {_described(report)} instead of a Report; "
            "write: yield hs.Report(step, loss=loss)."
        )
    if ending.last_step is not None and report.step <= ending.last_step:
        how = "twice" if report.step == ending.last_step else f"after step {ending.last_step}"
        raise WorkloadError(
            f"The loop reported step {report.step} {how}; steps must go up from report to report."
        )


def _described(thing: Any) -> str:
    text = repr(thing)
    return f"{text} ({type(thing).__name__})" if len(text) <= 40 else f"a {type(thing).__name__}"


def _complete(workload: Workload, ending: Ending) -> None:
    missing = [metric for metric in workload.objectives if metric not in ending.last]
    if not ending.last:
        ending.end(
            Outcome.FAILED,
            f"{workload.name} never yielded a Report; its loop ended before the first one.",
        )
    elif missing:
        ending.end(
            Outcome.FAILED,
            f"{workload.name} never reported {missing[0]!r}; it reported "
            f"{', '.join(sorted(ending.last))}.  {did_you_mean(missing[0], ending.last)}",
        )
    else:
        ending.end(Outcome.COMPLETED)


def _fail(ending: Ending, error: BaseException, workload: Workload) -> None:
    ending.end(Outcome.FAILED, reason_of(error, workload.source))
    ours = str(Path(__file__).parent.parent / "workload" / "workload.py")
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, ours):
        frames = frames.tb_next
    ending.traceback = "".join(traceback.format_exception(type(error), error, frames))


def reason_of(error: BaseException, source: Path | None) -> str:
    """One line: what was raised, and the line of the workload's own file where it was."""
    frames = traceback.extract_tb(error.__traceback__)
    if error.__cause__ is not None and not any(f.filename == str(source) for f in frames):
        # Of a StopIteration, which no generator may raise, only the cause knows the line.
        frames = traceback.extract_tb(error.__cause__.__traceback__)
    own = [frame for frame in frames if source is not None and frame.filename == str(source)]
    where = f" ({source.name}:{own[-1].lineno})" if own and source is not None else ""
    if isinstance(error, HomeostatError):
        return f"{_words(error)}{where}"
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r}){where}"
    return f"{type(error).__name__}: {_words(error)}".rstrip(": ") + where


def _words(error: BaseException) -> str:
    """What an exception says, in one line of a bearable length that any file can hold."""
    try:
        text = str(error)
    except Exception:  # its own __str__ may raise anything
        return "it cannot say what"
    text = " ".join(text[: 10 * LONGEST_REASON].split())[:LONGEST_REASON]
    return text.encode("utf-8", "backslashreplace").decode()


def _close(loop: Iterator[Report] | None, ending: Ending) -> None:
    """Let the loop's own `finally` run; what it raises then is printed, and changes nothing."""
    if isinstance(loop, Generator):
        try:
            loop.close()
        except _PASSING_THROUGH:
            raise
        except BaseException as error:
            words = f"{type(error).__name__}: {_words(error)}"
            ending.traceback += f"While it was being closed: {words}\n"
