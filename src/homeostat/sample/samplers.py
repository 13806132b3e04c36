"""The table of search methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from homeostat.errors import MissingExtraError, StudyError, UnknownNameError, did_you_mean
from homeostat.sample.optuna_sampler import Adaptive, Method
from homeostat.sample.portfolio import Portfolio
from homeostat.sample.quasirandom import RandomSampler, Sobol
from homeostat.space.order import SearchSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Sampler(Protocol):
    """Draws trials, and learns from those whose results it is shown.

    carry(drawn, values)  a trial of an earlier study, before all of its own
    start(3)              -> draw(name), for each parameter of trial 3 in turn
    amend(3, drawn)       trial 3 has other parameters than were drawn
    replay(3, drawn)      trial 3 was drawn already
    forget(3)             trial 3 is to be as if it had never been drawn
    learn(3, values, excess)
                          the result of trial 3 may be seen from now on; none if it has no value;
                          how far it is beyond each bound: 0 or less within, nan if that is unknown
    """

    def carry(self, drawn: Mapping[str, Any], values: tuple[float, ...] | None) -> None: ...
    def start(self, number: int) -> Callable[[str], Any]: ...
    def amend(self, number: int, drawn: Mapping[str, Any]) -> None: ...
    def replay(self, number: int, drawn: Mapping[str, Any]) -> None: ...
    def forget(self, number: int) -> None: ...
    def learn(
        self, number: int, values: tuple[float, ...] | None, excess: tuple[float, ...] = ()
    ) -> None: ...


@dataclass(frozen=True)
class Setting:
    """What a sampler is made for."""

    search_space: SearchSpace
    objectives: Mapping[str, str]
    seed: int
    bounds: int = 0
    """How many constraints there are."""


def _tpe(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=0)


def _gp(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)


def _cmaes(seed: int) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _nsga2(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=POPULATION)


def _nsga3(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIIISampler

    return NSGAIIISampler(seed=seed, population_size=POPULATION)


POPULATION = 20
"""Of the evolutionary methods: with the usual 50, a hundred trials are two generations."""

TPE = Method(make=_tpe, avoids_failures=True, joint_for_several=False)
GP = Method(make=_gp, needs_scale=True)
CMAES = Method(make=_cmaes, startup=1, keeps_state=True)
NSGA2 = Method(make=_nsga2, startup=0, keeps_state=True)
NSGA3 = Method(make=_nsga3, startup=0, keeps_state=True)


def _adaptive(setting: Setting, method: Method, together: Sequence[str]) -> Adaptive:
    return Adaptive(
        setting.search_space.searched,
        together=together,
        goals=list(setting.objectives.values()),
        seed=setting.seed,
        method=method,
    )


def _always(method: Method) -> Callable[[Setting], Sampler]:
    return lambda setting: _adaptive(setting, method, setting.search_space.always)


def _make_auto(setting: Setting) -> Sampler:
    goals = list(setting.objectives.values())
    return Portfolio(setting.search_space, goals, setting.seed, setting.bounds)


def _make_gp(setting: Setting) -> Sampler:
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "models", "The Gaussian process (method gp)")
    return _always(GP)(setting)


def _make_cmaes(setting: Setting) -> Sampler:
    if len(setting.objectives) > 1:
        raise StudyError(
            "Method cmaes is for one objective.", hint="With several, try nsga2, tpe or auto."
        )
    searched = setting.search_space.searched
    numeric = [n for n in setting.search_space.always if searched[n].kind in ("float", "int")]
    return _adaptive(setting, CMAES, numeric)


SAMPLERS: dict[str, Callable[[Setting], Sampler]] = {
    "auto": _make_auto,
    "random": lambda setting: RandomSampler(setting.search_space.searched, setting.seed),
    "sobol": lambda setting: Sobol(setting.search_space.searched, setting.seed),
    "tpe": _always(TPE),
    "gp": _make_gp,
    "cmaes": _make_cmaes,
    "nsga2": _always(NSGA2),
    "nsga3": _always(NSGA3),
}


KNOWN_AS = {
    "bayes bayesian bo bayesopt gaussian gaussian-process kriging smac": "gp, or tpe",
    "hyperopt optuna parzen": "tpe",
    "genetic ga evolution evolutionary de": "nsga2, or cmaes",
    "cma cma-es": "cmaes",
    "halton lhs qmc quasirandom": "sobol",
    "grid gridsearch grid-search": "a command of its own, `homeostat grid`",
    "asha hyperband bohb halving": "random or tpe with --prune halving or --prune hyperband",
}
"""What others call a method, in several words, and what it is here."""


def make_sampler(method: str, setting: Setting) -> Sampler:
    """A sampler by the name of its method.

    Raises:
        UnknownNameError: If there is none of that name.
        MissingExtraError: If it needs a package that is not installed.
        StudyError: If it does not fit the objectives.
    """
    if method not in SAMPLERS:
        known = next((n for words, n in KNOWN_AS.items() if method.lower() in words.split()), "")
        hint = f"That is {known} here." if known else did_you_mean(method, SAMPLERS)
        raise UnknownNameError(f"No search method {method!r}.", hint=hint)
    return SAMPLERS[method](setting)
