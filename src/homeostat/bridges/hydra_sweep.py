"""A Hydra sweep: overrides become a space, Hydra's launcher makes the trials, a verdict ends it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import OmegaConf

from homeostat.bridges.again import Pair, run_again
from homeostat.errors import HomeostatError, SpaceError, StudyError
from homeostat.record.files import make_folder, write_bytes
from homeostat.record.outcome import Outcome
from homeostat.search.decide import verdict_of
from homeostat.search.search import open_store
from homeostat.search.verdict import StudyVerdict
from homeostat.space import Choice, Config, Float, Int, Parameter, Space
from homeostat.study.folder import folder_of
from homeostat.study.study import Study, TrialSpec
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

FILE = "optimization_results.yaml"
"""The name that Hydra's other sweepers give it too."""
log = logging.getLogger(__name__)


class OpenOverrides:
    """The overrides of a sweep: those that are fixed, and the space of the others.

    lr=tag(log, interval(1e-4, 1))   Float(0.0001, 1, log=True)
    width=range(16, 65)              Int(16, 64)        with a step other than 1: a choice
    width=int(interval(16, 64))      Int(16, 64)
    model=small,large                Choice(["small", "large"])

    Args:
        overrides: As Hydra parses them; of two with the same key the first counts.
        config: The composed configuration, whose values are the defaults where they are possible.
    """

    def __init__(self, overrides: Sequence[Override], config: Any) -> None:
        first: dict[str, Override] = {}
        for override in overrides:
            first.setdefault(override.get_key_element(), override)
        self.fixed = [o.input_line for o in first.values() if not o.is_sweep_override()]
        self._texts: dict[str, dict[Any, str]] = {}
        self._keys: dict[str, str] = {}
        parameters: dict[str, Any] = {}
        for key, override in first.items():
            if override.is_sweep_override():
                name = _name(key, self._keys)
                self._keys[name] = key
                parameters[name] = self._parameter(name, override, _default(override, config))
        if not parameters:
            raise SpaceError(
                "No override leaves anything open, so there is nothing to sweep over.",
                hint="Such as:  'lr=tag(log,interval(1e-4,1))' model=small,large",
            )
        self.space = Space(**parameters)

    def overrides(self, config: Config) -> list[str]:
        """What a job is started with."""
        drawn = [f"{key}={self._text(name, config[name])}" for name, key in self._keys.items()]
        return [*self.fixed, *drawn]

    def _text(self, name: str, value: Any) -> str:
        return self._texts[name][value] if name in self._texts else repr(value)

    def _parameter(self, name: str, override: Override, default: Any) -> Parameter:
        value = override.value()
        made: Parameter
        if isinstance(value, IntervalSweep):
            kind = Int if isinstance(value.start, int) and isinstance(value.end, int) else Float
            made = kind(value.start, value.end, log="log" in value.tags)
        elif isinstance(value, RangeSweep) and value.step == 1 and isinstance(value.start, int):
            made = Int(value.start, int(value.stop) - 1, log="log" in value.tags)
        elif override.is_discrete_sweep():
            texts = list(override.sweep_string_iterator())
            shown = [_shown(text) for text in texts]
            if len({repr(value) for value in shown}) < len(shown):
                shown = texts
            self._texts[name] = dict(zip(shown, texts, strict=True))
            made = Choice(shown)
        else:
            raise SpaceError(f"{override.input_line} is no interval, range or choice.")
        try:
            return type(made)(**(vars(made) | {"default": made.check(default)}))
        except HomeostatError:
            return made


@dataclass(frozen=True)
class _Launched:
    """Jobs of a sweep, through Hydra's launcher."""

    sweeper: Any
    settings: Any
    sweep: OpenOverrides
    study: Study

    def __call__(self, pairs: Sequence[tuple[Config, int | None]]) -> list[dict[str, float]]:
        """The objectives of each job; a job that failed has none."""
        option = self.settings.seed_option
        jobs = [
            [*self.sweep.overrides(config), *([f"{option}={seed}"] if option else [])]
            for config, seed in pairs
        ]
        first = self.sweeper.jobs
        self.sweeper.jobs += len(jobs)
        returned = self.sweeper.launcher.launch(jobs, initial_job_idx=first)
        return [self._values(job) for job in returned]

    def _values(self, job: Any) -> dict[str, float]:
        metrics = list(self.study.definition.objectives)
        try:
            value = job.return_value
        except Exception as error:  # what the user's own function raised
            log.warning("A job failed: %s: %s", type(error).__name__, error)
            return {}
        numbers = list(value) if isinstance(value, Sequence) and len(metrics) > 1 else [value]
        try:
            return dict(zip(metrics, map(float, numbers), strict=True))
        except (TypeError, ValueError):
            raise StudyError(
                f"The function returned {value!r}; it must return {' and '.join(metrics)} "
                f"as {'a number' if len(metrics) == 1 else f'{len(metrics)} numbers'}.",
                hint="End it with:  return loss",
            ) from None

    def again(self, pairs: Sequence[Pair]) -> list[dict[str, float]]:
        """The same for trials and fresh seeds."""
        return self([(self.study.config(trial), seed) for trial, seed in pairs])


def sweep(sweeper: Any, settings: Any, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a sweep; return, and write into its folder, what came of it.

    Args:
        sweeper: Hydra's plugin, with its context, configuration and launcher.
        settings: `hydra.sweeper`.
        arguments: The overrides that were typed.

    Raises:
        SpaceError, StudyError: If there is nothing to sweep over, or the function returns nothing.
    """
    folder = Path(sweeper.config.hydra.sweep.dir)
    make_folder(folder)
    OmegaConf.save(sweeper.config, folder / "multirun.yaml")
    typed = [*arguments, *(f"{key}={value}" for key, value in settings.params.items())]
    parser = OverridesParser.create(config_loader=sweeper.hydra_context.config_loader)
    made = OpenOverrides(parser.parse_overrides(typed), sweeper.config)
    workload = Workload(
        name=str(sweeper.config.hydra.job.name), loop=_no_loop, space=made.space,
        objectives=_objectives(settings.metric, settings.goal), budget=1, unit="job",
    )  # fmt: skip
    seeds = settings.seeds if settings.seed_option else 1
    store = open_store(folder)
    make_folder(folder_of(folder, settings.study))
    sweeper.jobs = 0
    with Study.open(
        workload, settings.study, store=store, method=settings.method, seed=settings.seed,
        seeds=seeds, wave=settings.at_once,
    ) as study:  # fmt: skip
        sweeper.jobs = len(study.trials) * seeds
        launch = _Launched(sweeper, settings, made, study)
        while (left := settings.trials - _ended(study)) > 0:
            specs = [study.ask() for _ in range(min(settings.at_once, left))]
            _tell(study, specs, launch([(s.config, seed) for s in specs for seed in s.seeds]))
        if settings.seed_option:
            run_again(study, wanted=True, measure=launch.again)
        verdict = verdict_of(store.study(settings.study), study.trials)
        result = _result(verdict, study, made)
    store.close()
    write_bytes(folder / FILE, yaml.safe_dump(result, sort_keys=False, allow_unicode=True).encode())
    for line in verdict.lines:
        log.info(line)
    log.info("See:  homeostat report --study %s --results %s", settings.study, folder)
    return result


def _objectives(metric: Any, goal: Any) -> dict[str, Goal]:
    metrics = [metric] if isinstance(metric, str) else list(metric)
    goals = [goal] * len(metrics) if isinstance(goal, str) else list(goal)
    if len(goals) != len(metrics):
        raise StudyError(f"There are {len(metrics)} metrics and {len(goals)} goals.")
    try:
        return {name: Goal(text) for name, text in zip(metrics, goals, strict=True)}
    except ValueError as error:
        raise StudyError(f"{error}.", hint="A goal is minimize or maximize.") from None


def _ended(study: Study) -> int:
    return sum(trial.outcome.final for trial in study.trials)


def _tell(
    study: Study, specs: Sequence[TrialSpec], measured: Sequence[Mapping[str, float]]
) -> None:
    """Each trial's jobs, which stand one after the other."""
    metrics = list(study.definition.objectives)
    for spec in specs:
        jobs, measured = measured[: len(spec.seeds)], measured[len(spec.seeds) :]
        if not all(jobs):
            study.tell(spec.number, Outcome.FAILED, reason="a job failed")
        elif not all(math.isfinite(job[metric]) for job in jobs for metric in metrics):
            study.tell(spec.number, Outcome.DIVERGED, reason="it returned no finite number")
        else:
            per_seed = {metric: [job[metric] for job in jobs] for metric in metrics}
            study.tell(spec.number, Outcome.COMPLETED, per_seed)


def _result(verdict: StudyVerdict, study: Study, made: OpenOverrides) -> dict[str, Any]:
    trial = verdict.trial
    taken = None if trial is None else study.config(study.trials[trial.number])
    return {
        "name": "homeostat",
        "status": verdict.status,
        "best_overrides": [] if taken is None else made.overrides(taken),
        "best_value": None if trial is None else dict(trial.values),
        "verdict": list(verdict.lines),
    }


def _name(key: str, taken: Mapping[str, str]) -> str:
    """A key as a parameter may be called."""
    name = "".join(letter if letter.isalnum() else "__" for letter in key.lstrip("+~"))
    while name in taken:
        name += "_"
    return name


def _default(override: Override, config: Any) -> Any:
    """The value that the configuration has without the sweep."""
    key = override.key_or_group
    choices = config.hydra.runtime.choices
    return choices[key] if key in choices else OmegaConf.select(config, key)


def _shown(text: str) -> Any:
    """A choice as a table shows it."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, bool | int | float | str) else text


def _no_loop(config: Any, trial: Any) -> Any:
    """A trial is a job of Hydra's launcher, not a loop."""
    raise StudyError("A Hydra sweep is gone on with by typing it again with the same sweep folder.")
