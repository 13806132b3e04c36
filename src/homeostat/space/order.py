"""Order: the one in which a search draws, resolves, enumerates, records and shows its parameters.

A parameter acts in a configuration when it is active there and no rule sets it. What is drawn is
exactly what acts and is searched; what is shown, ranked or recommended is that too:

    acting(space, names, values)      which of these parameters act, with their values
    SearchSpace(space, searched, held).draw(sample)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from homeostat.space.config import Config
from homeostat.space.parameters import Range
from homeostat.space.sheet import Sheet
from homeostat.space.space import Space


def acting(space: Space, names: Collection[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters among `names` that act in a configuration, with their values, in order.

    >>> from homeostat.space import Choice, Int
    >>> space = Space(size=Int(2, 7, when={"method": "best"}), method=Choice(["any", "best"]))
    >>> acting(space, ["size", "method"], {"method": "any", "size": 5})
    {'method': 'any'}

    Args:
        values: Some values of the configuration, such as those drawn for a trial and those held;
            the rest has its defaults.

    Raises:
        SpaceError: If a value is not possible in this space.
    """
    config = space.resolve(values, inherited=values)
    return {name: config[name] for name in space.order if name in names and config.acts(name)}


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that a study varies, each drawn after all that it depends on."""

    space: Space
    searched: Mapping[str, Range]
    held: Mapping[str, Any]
    """The value of what is not varied, where it is not the default."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Of what is varied, what is not drawn from now on: it has this value wherever it acts."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is varied, in the order in which it is drawn."""
        return tuple(name for name in self.space.order if name in self.searched)

    @cached_property
    def always(self) -> tuple[str, ...]:
        """Those that act in every trial."""
        return tuple(n for n in self.names if self._first.acts(n) and not self._may_change(n))

    @cached_property
    def deciders(self) -> tuple[str, ...]:
        """Those on whose values it depends which parameters act."""
        found = set[str]()
        ahead = [name for name in self.names if self._may_change(name)]
        while ahead:
            name = ahead.pop()
            asks = {n for rule in self.space.rules_for.get(name, ()) for n in rule.when}
            asks |= {*self.space.conditions[name], *self._sheet.gates[name]}
            for other in asks | self._read_by(asks):
                if other not in found:
                    found.add(other)
                    ahead.append(other)
        return tuple(name for name in self.names if name in found)

    def _read_by(self, names: Collection[str]) -> set[str]:
        """What the values of these were computed from, at whatever remove."""
        found = set[str]()
        ahead = [*names]
        while ahead:
            for other in self._sheet.reads[ahead.pop()] - found:
                found.add(other)
                ahead.append(other)
        return found

    @cached_property
    def never(self) -> tuple[str, ...]:
        """Those that act in no trial: nothing that is varied activates or frees them."""
        return tuple(n for n in self.names if not self._first.acts(n) and not self._may_change(n))

    def draw(self, sample: Callable[[str], Any]) -> dict[str, Any]:
        """Draw a trial: call `sample(name)` for each parameter that acts, given those before it."""

        def draw(name: str) -> Any:
            return self.fixed[name] if name in self.fixed else sample(name)

        sheet = Sheet(self.space, self.held, drawn=self.searched, draw=draw)
        values = {name: sheet[name] for name in self.names}
        return {n: v for n, v in values.items() if sheet.active[n] and n not in sheet.enforced}

    def default(self) -> dict[str, Any]:
        """The starting configuration's own values of what is varied."""
        return self.acting({})

    def acting(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """What of a trial's parameters acts, with the values that it has then.

        Of trials that were drawn before their study knew what acts, this leaves out what does not,
        and adds what acted at its default.
        """
        return acting(self.space, self.searched, {**self.held, **drawn})

    def resolve(self, drawn: Mapping[str, Any], source: str = "") -> Config:
        """The whole configuration; given values without effect are dropped with a sentence."""
        values = {**self.held, **drawn}
        return self.space.resolve(values, source=source, inherited=values.keys())

    def enumerate(self, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
        """Every trial that can be drawn; a number that can have any value is drawn by `rng`.

        So it ends where the configurations can be counted, and all of them were given.
        """
        places: list[int] = []
        while True:
            counts: list[float] = []
            yield self.draw(partial(self._nth, places, counts, rng))
            # As an odometer: the last place that can move on does, those after it begin anew.
            while places and places[-1] + 1 >= counts[len(places) - 1]:
                places.pop()
            if not places:
                return
            places[-1] += 1

    def _nth(
        self, places: list[int], counts: list[float], rng: np.random.Generator, name: str
    ) -> Any:
        """The value of the parameter that is drawn next, at its place in the enumeration."""
        parameter, number = self.searched[name], len(counts)
        countable = math.isfinite(parameter.count)
        counts.append(parameter.count if countable else 1)
        if number == len(places):
            places.append(0)
        return parameter.nth(places[number]) if countable else parameter.from_unit(rng.random())

    @cached_property
    def _first(self) -> Config:
        return self.resolve({})

    @cached_property
    def _sheet(self) -> Sheet:
        """The starting configuration, with what each of its values was computed from."""
        sheet = Sheet(self.space, self.held)
        for name in self.space.order:
            sheet[name]
        return sheet

    def _may_change(self, name: str) -> bool:
        """Whether a parameter acts in some trials and not in others."""
        return any(self._varies(other) for other in self._sheet.gates[name])

    def _varies(self, name: str) -> bool:
        """Whether a value differs between trials: it is drawn, or computed from what is."""
        if name in self.searched and (self._first.acts(name) or self._may_change(name)):
            return True
        return any(self._varies(other) for other in self._sheet.reads[name])
