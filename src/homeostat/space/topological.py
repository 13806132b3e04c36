"""Topological order: each parameter after all that it depends on.

A condition depends on its parents, a rule's target on what the rule's condition reads, a formula on
the values it reads.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from homeostat.errors import SpaceError
from homeostat.space.conditions import NO_CIRCLE, When
from homeostat.space.rules import Rule


def dependencies(
    conditions: Mapping[str, When], rules: Iterable[Rule]
) -> dict[str, dict[str, None]]:
    """Name -> the names that decide whether it is active, and whether a rule sets it.

    A rule may read the very name it sets ("of these two, the first"): that is no dependency.
    """
    found: dict[str, dict[str, None]] = {
        name: dict.fromkeys(when) for name, when in conditions.items()
    }
    for rule in rules:
        for target in rule.set:
            found[target] |= dict.fromkeys(name for name in rule.when if name != target)
    return found


def topological(depends: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The names, each after all that it depends on; otherwise in the order in which they stand.

    >>> topological({"size": ["method"], "method": [], "lr": []})
    ('method', 'size', 'lr')

    Raises:
        SpaceError: If they depend on each other in a circle; it names the circle.
    """
    names = list(depends)
    place = {name: i for i, name in enumerate(names)}
    sorter = TopologicalSorter(depends)
    try:
        sorter.prepare()
    except CycleError as error:
        # graphlib lists each name after one that depends on it, the other way round than we tell.
        circle = list(reversed(error.args[1]))
        start = min(range(len(circle) - 1), key=lambda i: place[circle[i]])
        told = [*circle[start:-1], *circle[:start], circle[start]]
        raise SpaceError(
            f"{told[0]}: it depends on itself: {' -> '.join(told)}.",
            hint=NO_CIRCLE,
        ) from None
    found, ready = [], list[int]()
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, place[name])
        name = names[heapq.heappop(ready)]
        found.append(name)
        sorter.done(name)
    return tuple(found)
