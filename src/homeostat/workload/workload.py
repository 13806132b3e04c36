"""Workload: a training loop with its space, its objective and its budget."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from homeostat.errors import HomeostatError, WorkloadError
from homeostat.space import Config, Space
from homeostat.space.moves import Move
from homeostat.workload.goal import Goal
from homeostat.workload.reference import reference
from homeostat.workload.report import Report
from homeostat.workload.words import Vocabulary

if TYPE_CHECKING:
    from homeostat.record.code import Code
    from homeostat.workload.trial import Trial
    from homeostat.workload.view import Look

CODE = "__homeostat_code__"
"""The variable in which the module of a file keeps what its files were when it was read."""
_PACKAGE = Path(__file__).resolve().parents[1]
Loop: TypeAlias = "Callable[[Config, Trial], Iterator[Report]]"
Bounds: TypeAlias = "Mapping[str, tuple[float | None, float | None]]"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A training loop with all that is needed to tune it.

    Made by `homeostat.workload`; called like the loop it wraps.

    The loop is a generator function of (config, trial) that yields a Report whenever it has
    measured something. Whoever drives it may stop pulling: that is how trials are pruned.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> valley.name, valley.metric, valley.budget
        ('valley', 'loss', 5)
        >>> hs.run(valley, {"lr": 1.0}).mean
        0.0
    """

    name: str
    loop: Loop
    space: Space
    objectives: Mapping[str, Goal]
    """Metric -> its goal; the first is the main one."""
    budget: int
    """How long a whole attempt is, in `unit`."""
    unit: str = "step"
    bounds: Bounds = field(default_factory=dict)
    """Essential variables: metric -> (low, high), either end None; outside, a trial diverged."""
    configs: Path | None = None
    """The folder of its named configurations."""
    symptoms: tuple[Any, ...] = ()
    """Rules over a record that name what went wrong (diagnose)."""
    conclusions: tuple[Any, ...] = ()
    """Decision rules over a sweep (`search.conclusions`)."""
    remedies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The counterfactual ladder: name -> changes to the configuration."""
    neutral: Mapping[str, Any] = field(default_factory=dict)
    """Mechanism -> changes that switch it on at its neutral setting (probe)."""
    equivalent: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = ()
    """Pairs of settings that must give the same first update, such as one batch of 32 and four
    accumulated ones of 8 (probe)."""
    reachable: Callable[..., Any] | None = None
    """(config, metric, budget) -> (low, high) or None: the values that the metric can reach."""
    baselines: Callable[..., Any] | None = None
    """(config, trial) -> {name: metric value}: what trivial predictors score."""
    claims: Path | None = None
    """The file of its claimed improvements (verify)."""
    plan: Callable[..., Any] | None = None
    """Its own phases, if the general plan does not fit."""
    data: Callable[..., Any] | None = None
    """Prepares or describes its data."""
    prepare: Callable[[], None] | None = None
    """Called once in a process before its first attempt, to import what it needs; what that takes
    is no attempt's time."""
    batch: Callable[[Config], Hashable] | None = None
    """config -> a key: attempts with equal keys may be made side by side in one process and share
    work through `trial.batch`. None where that does not pay. Such a loop must leave process-wide
    settings (threads, default types, the working folder) alone."""
    predict: Callable[..., Any] | None = None
    """(trained, file or None) -> Prediction: what kept weights say (`workload.prediction`)."""
    views: tuple[Look, ...] = ()
    """Pictures of a finished run that only it knows how to draw (`workload.view`)."""
    timeout_s: float | None = None
    """How long an attempt may take, if whoever runs it sets no other limit."""
    doc: str = ""
    """What it is, in a sentence or more."""
    source: Path | None = None
    """The file that defines it."""
    place: str = ""
    """Text from which `load.find` gets it again, where that does not follow from its source."""
    words: Vocabulary = field(default_factory=Vocabulary)
    """How findings speak of its loop and its parameters."""
    remarks: tuple[str, ...] = ()
    """What was assumed where nobody said it; shown before it is used."""

    def __call__(self, config: Config, trial: Trial) -> Iterator[Report]:
        """Start the loop.

        Raises:
            WorkloadError: If the function returned something that is not a stream of reports.
        """
        reports = self.loop(config, trial)
        if not isinstance(reports, Iterator):
            raise WorkloadError(
                f"{self.name} never yields a report: its function returned "
                f"{type(reports).__name__}.",
                hint=f"A training loop is a generator; put `yield hs.Report(step, "
                f"{self.metric}=...)` inside it.",
            )
        return reports

    @property
    def builtin(self) -> bool:
        """Whether it came with Homeostat: its user cannot widen its ranges."""
        return self.source is not None and self.source.is_relative_to(_PACKAGE)

    @property
    def metric(self) -> str:
        """The main objective."""
        return next(iter(self.objectives))

    @property
    def goal(self) -> Goal:
        """Of the main objective."""
        return self.objectives[self.metric]

    def goal_of(self, metric: str, how_to_say: str) -> Goal:
        """Whether a metric is to be low or high, which only the objectives say.

        Args:
            metric: Any metric that the loop reports.
            how_to_say: The hint for a metric of which nothing says it.

        Raises:
            WorkloadError: If the metric is no objective.
        """
        if metric not in self.objectives:
            raise WorkloadError(
                f"Is a high {metric} good or bad? It is no objective of {self.name}, so nothing "
                "says.",
                hint=how_to_say,
            )
        return self.objectives[metric]

    @property
    def code(self) -> Code | None:
        """Its own files as they were when they were read; None for one made in a notebook."""
        from homeostat.record.code import code_of  # only where runs are kept: it brings NumPy

        read: Code | None = inspect.unwrap(self.loop).__globals__.get(CODE)
        return read if read is not None else code_of(self.source)

    @property
    def code_digest(self) -> str | None:
        """The digest of its own files."""
        return None if self.code is None else self.code.digest

    def has_code(self, digest: str | None) -> bool:
        """Whether that digest, which somebody wrote down, is of its code."""
        from homeostat.record.code import is_same

        return digest == self.code_digest or is_same(digest, self.source)

    @property
    def reference(self) -> str:
        """Text from which `load.find` gets this workload again, in another process.

        Raises:
            WorkloadError: If it was made in a notebook, at a prompt or inside a function.
        """
        return self.place or reference(self, self.name, self.loop, self.source)


def workload(
    *,
    space: Space,
    metric: str | None = None,
    goal: str | None = None,
    objectives: Mapping[str, str] | None = None,
    budget: int,
    name: str | None = None,
    unit: str = "step",
    bounds: Bounds | None = None,
    configs: Path | str | None = None,
    symptoms: Sequence[Any] = (),
    conclusions: Sequence[Any] = (),
    remedies: Mapping[str, Mapping[str, Any]] | None = None,
    neutral: Mapping[str, Any] | None = None,
    equivalent: Sequence[Any] = (),
    reachable: Callable[..., Any] | None = None,
    baselines: Callable[..., Any] | None = None,
    claims: Path | str | None = None,
    plan: Callable[..., Any] | None = None,
    data: Callable[..., Any] | None = None,
    prepare: Callable[[], None] | None = None,
    batch: Callable[[Config], Hashable] | None = None,
    predict: Callable[..., Any] | None = None,
    views: Sequence[Look] = (),
    timeout_s: float | None = None,
    source: Path | None = None,
    place: str = "",
    words: Vocabulary | None = None,
    remarks: Sequence[str] = (),
) -> Callable[[Loop], Workload]:
    """Turn a training loop into a workload.

    @hs.workload(space=space, metric="val_loss", goal="minimize", budget=200)
    def mlp(config, trial):
        for step in trial.steps():
            ...
            yield hs.Report(step, val_loss=val_loss)

    Args:
        space: The parameters, with their ranges and rules.
        metric, goal: What is minimized or maximized ("minimize", "maximize").
        objectives: Several of them, in place of metric and goal: {"fitness": "maximize", ...}.
        budget: How long a whole attempt is, in `unit`.

    The remaining arguments are optional; `Workload` describes them.

    Raises:
        WorkloadError: If something is missing or does not fit.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> hs.run(valley, {"lr": 0.5}).mean < 0.01
        True
    """
    aims = _objectives(metric, goal, objectives)

    def decorate(loop: Loop) -> Workload:
        _check_loop(loop)
        label = name or loop.__name__
        _check_settings(label, space, budget, remedies or {}, bounds or {}, timeout_s)
        return Workload(
            name=label,
            loop=loop,
            space=space,
            objectives=aims,
            budget=budget,
            unit=unit,
            bounds=dict(bounds or {}),
            configs=Path(configs) if configs is not None else None,
            symptoms=tuple(symptoms),
            conclusions=tuple(conclusions),
            remedies=dict(remedies or {}),
            neutral=dict(neutral or {}),
            equivalent=_equivalent(label, space, equivalent),
            reachable=reachable,
            baselines=baselines,
            claims=Path(claims) if claims is not None else None,
            plan=plan,
            data=data,
            prepare=prepare,
            batch=batch,
            predict=predict,
            views=_views(label, views),
            doc=inspect.getdoc(loop) or "",
            timeout_s=timeout_s,
            source=source or Path(inspect.unwrap(loop).__code__.co_filename),
            place=place,
            words=words or Vocabulary(),
            remarks=tuple(remarks),
        )

    return decorate


def _objectives(
    metric: str | None, goal: str | None, objectives: Mapping[str, str] | None
) -> dict[str, Goal]:
    if (metric is None) == (objectives is None):
        raise WorkloadError(
            "A workload needs either metric= and goal=, or objectives={metric: goal, ...}."
        )
    if objectives is not None and goal is not None:
        raise WorkloadError("goal= goes with metric=; with objectives= each has its own goal.")
    aims: dict[str, Any] = dict(objectives) if objectives is not None else {str(metric): goal}
    if not aims:
        raise WorkloadError("objectives= is empty; name at least one metric.")
    return {aim: Goal.of(word, aim) for aim, word in aims.items()}


def _equivalent(
    name: str, space: Space, given: Sequence[Any]
) -> tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]:
    """Pairs of settings; one pair may be given without a list around it."""
    pairs = [given] if given and all(isinstance(g, Mapping) for g in given) else list(given)
    for pair in pairs:
        two = isinstance(pair, Sequence) and len(pair) == 2
        if not two or not all(isinstance(part, Mapping) for part in pair):
            raise WorkloadError(
                f"{name}: equivalent= takes pairs of settings, got {pair!r}.",
                hint="Such as equivalent=[{'batch': 32}, {'batch': 8, 'accumulate': 4}].",
            )
        for part in pair:
            for parameter, value in part.items():
                try:
                    space.check(parameter, value)
                except HomeostatError as error:
                    message = f"A setting of equivalent= of {name}: {error.message}"
                    raise WorkloadError(message, hint=error.hint) from None
    return tuple((dict(one), dict(two)) for one, two in pairs)


def _views(name: str, views: Sequence[Look]) -> tuple[Look, ...]:
    names = [getattr(view, "__name__", None) if callable(view) else None for view in views]
    if None in names or len(set(names)) < len(names):
        raise WorkloadError(
            f"{name}: views must be functions of different names, got {list(views)!r}.",
            hint="Each takes what a run kept and returns an hs.View, or None.",
        )
    return tuple(views)


def _check_loop(loop: Any) -> None:
    if isinstance(loop, Workload):
        raise WorkloadError(f"{loop.name} is a workload already.")
    if not inspect.isfunction(loop):
        raise WorkloadError(f"@hs.workload(...) goes above a function, got {loop!r}.")
    if inspect.iscoroutinefunction(loop) or inspect.isasyncgenfunction(loop):
        raise WorkloadError(f"{loop.__name__} is asynchronous; a training loop is a plain `def`.")
    try:
        inspect.signature(loop).bind(None, None)
    except TypeError:
        raise WorkloadError(
            f"{loop.__name__} must take two arguments: def {loop.__name__}(config, trial)."
        ) from None


def _check_settings(
    name: str,
    space: Space,
    budget: int,
    remedies: Mapping[str, Mapping[str, Any]],
    bounds: Bounds,
    timeout_s: float | None,
) -> None:
    if not isinstance(space, Space):
        raise WorkloadError(f"{name}: space= must be an hs.Space, got {space!r}.")
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise WorkloadError(f"{name}: budget must be a whole number from 1, got {budget!r}.")
    if timeout_s is not None and not timeout_s > 0:
        raise WorkloadError(f"{name}: timeout_s must be seconds above 0, got {timeout_s!r}.")
    for remedy, changes in remedies.items():
        for parameter, value in changes.items():
            try:
                if not isinstance(value, Move):
                    space.check(parameter, value)
                elif parameter not in space:
                    space.check(parameter, 0)  # says so
            except HomeostatError as error:
                message = f"The remedy {remedy!r} of {name}: {error.message}"
                raise WorkloadError(message, hint=error.hint) from None
    for metric, ends in bounds.items():
        low, high = ends if isinstance(ends, tuple) and len(ends) == 2 else (1, 0)
        numbers = all(end is None or isinstance(end, int | float) for end in (low, high))
        if not numbers or (low is not None and high is not None and not low < high):
            raise WorkloadError(
                f"{name}: bounds[{metric!r}] must be (low, high), with low below high or None, "
                f"got {ends!r}."
            )
