"""Drive: a script as a generator of reports.

The script runs on a greenlet in the main thread: a second stack, with a switch where a thread would
wait. Its taps switch to the driver with a report; the driver switches back for the next one. So the
rest of the house pulls a script's reports as it pulls those of any loop, and signals, asyncio and
worker processes behave in the script as they do under `python train.py`.

A report of step k holds what was said between step k and the beginning of the next one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import greenlet

from homeostat.errors import WorkloadError
from homeostat.script import bridge
from homeostat.script.process import Process
from homeostat.script.program import Program
from homeostat.script.steps import Leader, is_due
from homeostat.script.taps.attach import Taps
from homeostat.script.taps.lines import is_result
from homeostat.workload.report import Report

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial

CHECK_EVERY_S = 0.25
MOST_THROWS = 50
THE_USERS_OWN = ("hs.report", "callback")
"""Who says a number because it is a result, whatever it is called."""


class Run:
    """One run of a script.

    Args:
        program: What is run, with its arguments and its folder.
        trial: Shown the models and optimisers; asked now and then whether to go on.
        most_steps: After so many steps the script is ended; never when None.
        loss_name: What the loss of the backward passes is called in reports.
        metric: A run goes on past its budget until this was said once: a score is what it is for.
        batches: How many batches a pass over the data has in the default's run. Where another
            value makes it have more or fewer, each step counts for fewer or more of the default's.
        pace: For how many of the default's steps a step counts, where no loader says it.
        ignored: Names of numbers that are no metrics.
        shift: Added to each seed that the script gives a generator of its process by itself.
    """

    def __init__(
        self,
        program: Program,
        trial: Trial,
        *,
        most_steps: int | None = None,
        loss_name: str = "train_loss",
        metric: str = "",
        batches: int = 0,
        pace: float = 1.0,
        ignored: frozenset[str] = frozenset(),
        shift: int = 0,
    ) -> None:
        self.program = program
        self.trial = trial
        self.steps = 0
        """How many steps the script has made."""
        self.backward_passes = 0
        self.inside = False
        """Whether the script runs at the moment, not the driver."""
        self.close = trial.close
        """Whether every step is reported, at the very moment at which it is over."""
        self._most_steps = most_steps
        self._loss_name = loss_name
        self._metric = metric if metric != loss_name else ""
        self._missing = self._metric
        self._batches = batches
        self._pace = pace
        self.loaders: list[weakref.ref[Any]] = []
        """The passes over data that are under way."""
        self._ignored = ignored
        self.shift = shift
        self.seeds: list[int] = []
        """What it has seeded these generators with."""
        self._leader = Leader()
        self.pending = False
        """Whether a step is over that has not been reported."""
        self._over = False
        self._last = -1
        self._said: dict[str, float] = {}
        self._forced = False
        self._said_at: dict[str, int] = {}
        self._said_by: dict[str, str] = {}
        self._losses: list[Any] = []
        self._asked = time.perf_counter()
        self._thread = threading.get_ident()
        self.between = False
        """Whether a forward pass with gradients has begun since the last step."""
        self.heard: Callable[[str, float, str], None] | None = None
        """Called with each number as it is said: its name, its value, what said it."""
        self.on_first: Callable[[], None] | None = None
        """Called at the first step."""
        self.process = Process(program, quiet=trial.close)
        self._taps = Taps(self)
        self._script: Any = None

    # What the driver does

    def reports(self) -> Iterator[Report]:
        """Run the script; yield a report whenever there is one.

        Raises:
            WorkloadError: If the script ends with an exit code, or asks for what it cannot have.
            Exception: Whatever the script itself raises.
        """
        self._script = greenlet.greenlet(self._run)
        self.process.enter()
        bridge.listen(self)
        try:
            self._taps.attach()
            try:
                message = self._into_script()
                while not self._script.dead:
                    if isinstance(message, Report):
                        yield message
                    else:
                        self.trial.check()
                    message = self._into_script()
            except Exception:
                yield from self._remaining()  # what was said before it went wrong
                raise
            yield from self._remaining()
        finally:
            self._end()
            self._taps.detach()
            bridge.stop(self)
            self.process.leave()

    def _into_script(self) -> Any:
        self._script.parent = greenlet.getcurrent()
        self.process.go_in()
        self.inside = True
        try:
            return self._script.switch()
        finally:
            self.inside = False
            self.process.go_out()

    def _end(self) -> None:
        """Unwind a script that is not over, as often as it catches what is thrown."""
        for _ in range(MOST_THROWS):
            if self._script.dead or not self._script:
                break
            self._script.parent = greenlet.getcurrent()
            self.process.go_in()
            try:
                # What is raised in the script's own clean-up changes nothing: it is over.
                with contextlib.suppress(Exception):
                    self._script.throw(greenlet.GreenletExit)
            finally:
                self.process.go_out()

    def _remaining(self) -> Iterator[Report]:
        """What was said after the last report."""
        if self.pending or self._said:
            yield self._report(max(self._counted - 1, self._last + 1))

    # What runs on the greenlet

    def _run(self) -> None:
        try:
            self.program.execute()
        except SystemExit as error:
            if error.code not in (None, 0, False):
                raise WorkloadError(self.process.exit_sentence(error)) from None
        finally:
            self.process.run_at_exit()

    def _switch(self, message: Report | None) -> None:
        """To the driver, and back when it wants the next report."""
        self._script.parent.switch(message)

    # What the taps say

    @property
    def listening(self) -> bool:
        """Whether what happens now is the script's own doing, in the thread that can switch."""
        return self.inside and threading.get_ident() == self._thread

    def say(self, metrics: Mapping[str, float], by: str = "") -> None:
        if not self.inside or self._over:
            return
        here = threading.get_ident() == self._thread
        again = any(name in self._said and self._said_by[name] == by for name in metrics)
        if self._counts_what_is_said and here and again:
            self.pending = True
            self.steps += 1
            self.boundary()
        for name, value in metrics.items():
            if name in self._ignored or not (by in THE_USERS_OWN or is_result(name)):
                continue
            if self._said_by.setdefault(name, by) != by and name in self._said:
                continue  # the same once more, as when what a library logs is also printed
            self._said_by[name] = by
            if self.heard is not None:
                self.heard(name, value, by)
            if self.steps - self._said_at.get(name, -2) > 1:
                self._forced = True  # not said at every step: it is worth a report
            self._said_at[name] = self.steps
            self._said[name] = value
            if name == self._missing:
                self._missing = ""

    @property
    def _counts_what_is_said(self) -> bool:
        return self.program.steps_by == "said"

    def before_backward(self, roots: Any) -> None:
        """A backward pass begins: the last step is over, if it was not before."""
        self.boundary()
        self.backward_passes += 1
        root = roots[0] if isinstance(roots, (list, tuple)) and roots else roots
        if getattr(root, "numel", None) is not None and root.numel() == 1:
            self._losses.append(root.detach())
        if self.program.steps_by == "backward":
            self._stepped(1)

    def stepped(self, optimizer: Any) -> None:
        """An optimiser has made a step."""
        if self.program.steps_by != "backward":
            self._stepped(self._leader.stepped(optimizer))

    def _stepped(self, count: int) -> None:
        if not count:
            return
        if not self.steps:
            if self.on_first is not None:
                self.on_first()
            self._said.clear()  # what was said before the first step is no result of training
            self._said_at.clear()
            self._missing = self._metric
            if self._batches:
                self._pace = self._batches / (self.batches or self._batches)
        self.steps += count
        self.pending = True
        self.between = False
        now = time.perf_counter()
        if now - self._asked > CHECK_EVERY_S:
            self._asked = now
            self._switch(None)

    def boundary(self) -> None:
        """The next step begins: report the last one, if it is worth it."""
        if self._over:
            raise greenlet.GreenletExit  # it was caught before
        if not self.pending:
            return
        self.pending = False
        step = self._counted - 1
        at_end = self._most_steps is not None and self._counted >= self._most_steps
        self._over = at_end and not self._missing
        wanted = self._forced or self._over or self.close or is_due(self.steps - 1)
        if (
            (wanted or self._counts_what_is_said)
            and (self._said or self._losses)
            and step > self._last
        ):
            self._switch(self._report(step))
        if self._over:
            raise greenlet.GreenletExit

    @property
    def batches(self) -> int:
        """How many batches the longest pass over data has that is under way; 0 without one."""
        lengths = [0]
        for loader in filter(None, (ref() for ref in self.loaders)):
            with contextlib.suppress(TypeError, AttributeError):  # an iterable without a length
                lengths.append(len(loader))
        return max(lengths)

    @property
    def _counted(self) -> int:
        """How many of the default's steps have been made."""
        return int(self.steps * self._pace + 1e-9)

    def _report(self, step: int) -> Report:
        metrics = dict(self._said)
        if self._losses:
            metrics.setdefault(self._loss_name, self._mean_loss())
        self._said = {}
        self._losses.clear()
        self._forced = False
        self._last = step
        return Report(step, **metrics)

    def _mean_loss(self) -> float:
        """Read only now: each `.item()` would make a GPU wait."""
        if len(self._losses) == 1:
            return float(self._losses[0])
        torch = sys.modules["torch"]
        return float(torch.stack([loss.reshape(()) for loss in self._losses]).double().mean())
