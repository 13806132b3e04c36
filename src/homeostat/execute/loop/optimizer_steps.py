"""Hooks around an optimiser's steps, called once for each step that is taken.

PyTorch wraps `step` of every class that is ever instantiated. A class whose `step` calls its
parent's then runs each hook twice, if somebody has made an optimiser of the parent class before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hook = Callable[..., None]


class OutermostSteps:
    """Passes on the hooks of outermost steps only.

    steps = OutermostSteps(before, after)
    optimizer.register_step_pre_hook(steps.before)
    optimizer.register_step_post_hook(steps.after)
    """

    def __init__(self, before: Hook | None = None, after: Hook | None = None) -> None:
        self._before, self._after = before, after
        self._depth: dict[int, int] = {}

    def before(self, optimizer: Any, *args: Any) -> None:
        depth = self._depth.get(id(optimizer), 0)
        if depth == 0 and self._before is not None:
            self._before(optimizer, *args)
        self._depth[id(optimizer)] = depth + 1

    def after(self, optimizer: Any, *args: Any) -> None:
        depth = self._depth[id(optimizer)] = self._depth[id(optimizer)] - 1
        if depth == 0 and self._after is not None:
            self._after(optimizer, *args)
