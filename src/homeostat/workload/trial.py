"""What a training loop is handed: its configuration, its seed, its steps, its random streams.

    def mlp(config, trial):
        rng = trial.rng("data")
        trial.watch(model, optimizer)
        for step in trial.steps():
            ...
            yield hs.Report(step, val_loss=val_loss)

A trial knows how to give its whole state and how to take it back, so that a loop resumed between
two steps goes on as if nothing had happened. Whoever drives the loop decides when.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.errors import RecordError, WorkloadError
from homeostat.record import seeds
from homeostat.record.files import make_folder, plain, remove_leftovers
from homeostat.record.snapshot import write_snapshot
from homeostat.workload.loop_state import LoopState
from homeostat.workload.together import Function, Together
from homeostat.workload.weights import FILE as WEIGHTS
from homeostat.workload.weights import write_weights

if TYPE_CHECKING:
    import torch

State = dict[str, Any]


class SnapshotDoesNotFit(BaseException):
    """The state to resume from is of another model. Not an Exception: no loop may swallow it."""


class Trial:
    """One attempt at training one configuration with one seed.

    Args:
        config: The parameters' values.
        seed: Root of every random stream.
        budget: How many steps `steps()` yields.
        folder: Where artifacts go; a temporary folder when None.
        device: Where a torch workload should train, such as "cpu" or "cuda:0".

    Example:
        >>> import homeostat as hs
        >>> trial = hs.Trial(hs.Space(lr=hs.Float(0.0, 1.0)).resolve(), seed=42, budget=3)
        >>> list(trial.steps())
        [0, 1, 2]
        >>> again = hs.Trial(trial.config, seed=42, budget=3)
        >>> trial.rng("data").random() == again.rng("data").random()
        True
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        seed: int = seeds.SEEDS[0],
        budget: int = 1,
        folder: Path | None = None,
        device: str = "cpu",
    ) -> None:
        self.config: Any = config
        self.seed = seed
        self.budget = budget
        self.device = device
        self.extra: dict[str, Any] = {}
        """Facts for the summary: counts, events, sizes. Anything JSON can hold."""
        self.watched: dict[str, Any] = {}
        """What `watch` was given, by name."""
        self.train_data: Any = None
        self.validation_data: Any = None
        self.uses_steps = False
        """True once the loop runs over `steps()`: it can then be stopped and resumed in between."""
        self.close = False
        """Whether somebody looks at every step: a script then reports each of them at once."""
        self.side_by_side = False
        """Whether other attempts run beside this one, so that `batch` serves all of them."""
        self.between_steps: list[Callable[[int], None]] = []
        """Called with the number of the next step, `budget` after the last."""
        self.before_step: list[Callable[[int], None]] = []
        self.on_watch: list[Callable[[Trial], None]] = []
        self.on_check: list[Callable[[], None]] = []
        self._folder = folder
        self._has_artifacts = False
        self._kept: dict[str, Any] = {}
        self._streams: dict[str, np.random.Generator] = {}
        self._torch_streams: dict[str, torch.Generator] = {}
        self._pending: State | None = None
        self._then: Callable[[], None] | None = None
        self._restored = False
        self._loop: LoopState | None = None
        self.lost: list[str] = []
        """What a resumed loop holds and could not be put back, in words."""

    @property
    def folder(self) -> Path:
        """The attempt's own folder."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="homeostat_"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @property
    def artifacts(self) -> Path:
        """`folder / "artifacts"`, created when first asked for."""
        path = self.folder / "artifacts"
        make_folder(path)
        if not self._has_artifacts:  # of an attempt that was killed while it wrote one
            remove_leftovers(path)
        self._has_artifacts = True
        return path

    def write(self, name: str, make: Callable[[], Any]) -> None:
        """Keep what `make` returns as `artifacts / name`, for a view to draw.

        A trial without a folder of its own, such as those of a probe, keeps nothing and does not
        call `make`.

        Args:
            name: Of the file, such as "disc.npz".
            make: Returns numbers, text, lists, dicts and arrays; or None, if there is nothing.

        Raises:
            RecordError: If it returns something else, or if the disk refuses.
        """
        tree = make() if self._folder is not None else None
        if tree is not None:
            write_snapshot(self.artifacts / name, tree)

    def keep_weights(self, tensors: Mapping[str, Any], **facts: Any) -> None:
        """Keep trained weights as `artifacts / "weights.safetensors"`, for predictions later.

        The file is safetensors, which other programs load. A trial without a folder of its own
        keeps nothing, nor does a machine without the package.

        Args:
            tensors: Name -> array or PyTorch tensor, such as a module's `state_dict()`.
            facts: What else a prediction needs, such as scales: anything JSON can hold.

        Raises:
            RecordError: If the disk refuses.
        """
        if self._folder is not None and find_spec("safetensors") is not None:
            given = getattr(self.config, "given", self.config)
            told = {"given": dict(given), "config": dict(self.config), "seed": self.seed, **facts}
            write_weights(self.artifacts / WEIGHTS, tensors, told)

    def check(self) -> None:
        """End a loop that is waiting, for a command say, if it has been told to stop."""
        for call in self.on_check:
            call()

    def steps(self) -> Iterator[int]:
        """Step numbers from 0, or from where the trial is resumed, up to the budget.

        Raises:
            WorkloadError: If asked for a second time: the steps of a trial are one sequence.
        """
        if self.uses_steps:
            raise WorkloadError(
                "trial.steps() was used twice; use one loop over it, and another for the rest."
            )
        self.uses_steps = True
        self._loop = LoopState(sys._getframe(), [*self.watched.values(), *self._kept_elsewhere()])
        start = self._restore()
        for step in range(start, self.budget):
            for call in self.before_step:
                call(step)
            yield step
            for call in self.between_steps:
                call(step + 1)

    def batch(self, function: Function, member: Any) -> Generator[Any, None, Any]:
        """This attempt's result of `function`, which is called once for all attempts side by side.

            loss = yield from trial.batch(steps_together, model)

        Args:
            function: Takes the members of all attempts that are asking and returns a result for
                each, in their order; a member alone must get the same result. It draws from the
                members' random streams, never from the process's own generators. If it raises, each
                attempt goes on alone from its last snapshot.
            member: What this attempt contributes, such as its model.

        The `batch` of a workload says which attempts are made side by side.
        """
        part = Together(function, member)
        if self.side_by_side:
            yield part
        else:
            Together.do([part])
        return part.result

    def rng(self, use: str) -> np.random.Generator:
        """The numpy stream for one use; the same object each time it is asked for."""
        if use not in self._streams:
            self._streams[use] = seeds.generator(self.seed, use)
            if self._restored:  # first used inside the loop: it has been further than this before
                self._restore_stream(use)
        return self._streams[use]

    def torch_rng(self, use: str) -> torch.Generator:
        """The PyTorch stream for one use, on the processor; independent of `rng(use)`."""
        if use not in self._torch_streams:
            import torch

            stream = torch.Generator()
            stream.manual_seed(seeds.number(self.seed, f"torch {use}"))
            self._torch_streams[use] = stream
            if self._restored:
                self._restore_torch_stream(use)
        return self._torch_streams[use]

    def watch(self, *objects: Any, train: Any = None, validation: Any = None, **named: Any) -> None:
        """Show what is being trained: modules, optimisers, schedulers, weight averages, data.

        Whatever has `state_dict` and `load_state_dict` is saved in snapshots and taken back on
        resume; modules and optimisers are what probe and diagnose look at. May be called again.
        """
        if train is not None:
            self.train_data = train
        if validation is not None:
            self.validation_data = validation
        seen = {id(thing) for thing in self.watched.values()}
        for thing in objects:
            if thing is not None and id(thing) not in seen:
                self._watch(f"{len(self.watched)}_{type(thing).__name__}", thing)
        for name, thing in named.items():
            if thing is not None and self.watched.get(name) is not thing:
                self._watch(name, thing)
        for call in self.on_watch:
            call(self)

    def _watch(self, name: str, thing: Any) -> None:
        if name in self.watched:
            raise WorkloadError(f"trial.watch: there is something else named {name!r} already.")
        self.watched[name] = thing
        if self._restored and _has_state(thing) and name in self._saved("watched"):
            self._restore_object("watched", name, thing)

    @property
    def modules(self) -> dict[str, Any]:
        """The watched PyTorch modules, by name."""
        return {k: v for k, v in self.watched.items() if hasattr(v, "named_parameters")}

    @property
    def optimizers(self) -> dict[str, Any]:
        """The watched PyTorch optimisers, by name."""
        return {k: v for k, v in self.watched.items() if hasattr(v, "param_groups")}

    def keep(self, name: str, thing: Any) -> None:
        """Save something else in snapshots: a dict, list or array, or what has a `state_dict`.

        On resume dicts, lists and arrays are filled in place.
        """
        if not (_has_state(thing) or isinstance(thing, (dict, list, np.ndarray))):
            raise WorkloadError(
                f"trial.keep({name!r}): a {type(thing).__name__} cannot be kept; give a dict, a "
                "list, an array, or an object with state_dict() and load_state_dict()."
            )
        if self._kept.get(name, thing) is not thing:
            raise WorkloadError(f"trial.keep: there is something else named {name!r} already.")
        new = name not in self._kept
        self._kept[name] = thing
        if new and self._restored and name in self._saved("kept"):
            self._restore_object("kept", name, thing)

    def state(self, next_step: int) -> State:
        """Everything that the steps from `next_step` on depend on, as plain values and arrays."""
        return {
            "step": next_step,
            "watched": {k: v.state_dict() for k, v in self.watched.items() if _has_state(v)},
            "kept": {name: _state_of(thing) for name, thing in self._kept.items()},
            "streams": {use: rng.bit_generator.state for use, rng in self._streams.items()},
            "torch_streams": {use: rng.get_state() for use, rng in self._torch_streams.items()},
            "extra": plain(self.extra),
            "loop": self._loop.save() if self._loop is not None else {"values": {}, "lost": []},
        }

    def _kept_elsewhere(self) -> list[Any]:
        """What is part of a state already, besides what is watched."""
        return [*self._kept.values(), *self._streams.values(), *self._torch_streams.values()]

    def resume_from(self, state: State, then: Callable[[], None] | None = None) -> None:
        """Take a state back when the loop asks for its first step.

        What the workload does before its loop (build a model, draw a batch) runs again first and
        is then overwritten. `then` is called last.
        """
        self._pending = state
        self._then = then

    def _restore(self) -> int:
        """Take the pending state back; returns the first step to do."""
        if self._pending is None:
            return 0
        self._restored = True
        for name, thing in self.watched.items():
            if _has_state(thing):
                self._restore_object("watched", name, thing)
        for name, thing in self._kept.items():
            self._restore_object("kept", name, thing)
        for use in self._streams:
            self._restore_stream(use)
        for use in self._torch_streams:
            self._restore_torch_stream(use)
        self.extra.update(self._pending["extra"])
        if self._loop is not None and "loop" in self._pending:  # not in those of an older version
            self.lost = self._loop.restore(self._pending["loop"])
        if self._then is not None:
            self._then()
        return int(self._pending["step"])

    def _restore_object(self, group: str, name: str, thing: Any) -> None:
        saved = self._saved(group)
        if name not in saved:
            raise SnapshotDoesNotFit(f"it has nothing for {name!r}")
        try:
            _load(thing, saved[name])
        except (RuntimeError, ValueError, KeyError, TypeError, RecordError) as error:
            summary = str(error).splitlines()[0].rstrip(" :.") if str(error) else repr(error)
            raise SnapshotDoesNotFit(f"{name!r} differs ({summary})") from error

    def _restore_stream(self, use: str) -> None:
        saved = self._saved("streams")
        if use in saved:
            self._streams[use].bit_generator.state = saved[use]

    def _restore_torch_stream(self, use: str) -> None:
        saved = self._saved("torch_streams")
        if use in saved:
            self._torch_streams[use].set_state(saved[use])

    def _saved(self, group: str) -> State:
        assert self._pending is not None
        saved: State = self._pending[group]
        return saved


def _has_state(thing: Any) -> bool:
    return hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")


def _state_of(thing: Any) -> Any:
    return thing.state_dict() if _has_state(thing) else thing


def _load(thing: Any, saved: Any) -> None:
    if _has_state(thing):
        thing.load_state_dict(saved)
    elif isinstance(thing, dict):
        thing.clear()
        thing.update(saved)
    elif isinstance(thing, list):
        thing[:] = saved
    else:
        if saved.shape != thing.shape:
            raise ValueError(f"shape {saved.shape} in the snapshot, {thing.shape} now")
        thing[...] = saved
