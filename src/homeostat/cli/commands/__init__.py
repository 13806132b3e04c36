"""One file a command, or a few that belong together."""

from collections.abc import Callable
from typing import Any

# name -> (function, help panel); the order is the order of work.
COMMANDS: dict[str, tuple[Callable[..., Any], str]] = {}
