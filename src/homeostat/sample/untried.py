"""Untried: configurations that no trial of a study has had, and when there are none left.

A sampler that converges, or a small space, proposes what was tried before; the closest
configuration that was not is tried in its place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from homeostat.errors import SpaceExhaustedError
from homeostat.record import seeds
from homeostat.space.order import SearchSpace
from homeostat.wording import plural

CANDIDATES = 64
"""Random configurations among which the closest is looked for."""


class Untried:
    """What of a search space is left to try.

    untried.add(drawn)           a trial has these parameters
    untried.closest(drawn, 12)   the same if no trial has them, else the closest that none has
    """

    def __init__(self, search_space: SearchSpace, seed: int) -> None:
        self._search_space = search_space
        self._seed = seed
        self._tried: set[str] = set()
        drawn = [name for name in search_space.always if name not in search_space.fixed]
        counts = (search_space.searched[name].count for name in drawn)
        self._at_least = math.inf if any(map(math.isinf, counts)) else 0
        """Of the configurations there are, how many are known of."""

    def add(self, drawn: Mapping[str, Any]) -> None:
        """A trial has these parameters."""
        self._tried.add(_key(drawn))

    def check(self) -> None:
        """See that something is left.

        Raises:
            SpaceExhaustedError: If every configuration has been tried.
        """
        if len(self._tried) >= self._at_least:
            self._at_least = self._count()
        if len(self._tried) >= self._at_least:
            raise SpaceExhaustedError(
                f"All {plural(len(self._tried), 'configuration')} of the space have been tried."
                if len(self._tried) > 1
                else "The one configuration of the space has been tried."
            )

    def closest(self, proposal: dict[str, Any], number: int) -> dict[str, Any]:
        """The untried configuration that is closest to a proposal, which may be that itself.

        Args:
            number: Of the trial it is for; the same number always finds the same.
        """
        if self._is_untried(proposal):
            return proposal
        rng = seeds.generator(self._seed, f"untried {number}")
        searched = self._search_space.searched
        drawn = [
            self._search_space.draw(lambda name: searched[name].from_unit(rng.random()))
            for _ in range(CANDIDATES)
        ]
        # Where hardly any are left, chance does not meet them.
        untried = [*filter(self._is_untried, drawn)] or [
            next(filter(self._is_untried, self._search_space.enumerate(rng)))
        ]
        return min(untried, key=lambda candidate: self._distance(candidate, proposal))

    def _count(self) -> int:
        """How many configurations are known of: more than were tried, unless that is all."""
        found = set[str]()
        for drawn in self._search_space.enumerate(seeds.generator(self._seed, "enumeration")):
            found.add(_key(drawn))
            if len(found) > 2 * len(self._tried):  # not counted again at every trial
                break
        return len(found | self._tried)

    def _is_untried(self, drawn: Mapping[str, Any]) -> bool:
        return _key(drawn) not in self._tried

    def _distance(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
        """Squared, on the scale of each parameter; one that acts in one of them only is far."""
        searched = self._search_space.searched
        return sum(
            (searched[name].to_unit(a[name]) - searched[name].to_unit(b[name])) ** 2
            if name in a and name in b
            else 1.0
            for name in {**a, **b}
        )


def _key(drawn: Mapping[str, Any]) -> str:
    """What names a configuration: what acts in it decides the rest. (1 is not True in JSON.)"""
    return json.dumps(drawn, sort_keys=True)
