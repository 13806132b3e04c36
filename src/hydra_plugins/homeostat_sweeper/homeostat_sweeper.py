"""The sweeper as Hydra finds it: every Hydra application imports this, so it imports nothing more.

What it does is in homeostat.bridges.hydra_sweep.
"""

# Hydra runs this file before it is a module that dataclasses could look annotations up in, so they
# are no text here.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import CompactHydraException
from hydra.plugins.sweeper import Sweeper


@dataclass
class HomeostatSweeperSettings:
    """`hydra.sweeper` in a configuration, `hydra.sweeper.trials=100` on the command line."""

    _target_: str = "hydra_plugins.homeostat_sweeper.homeostat_sweeper.HomeostatSweeper"
    trials: int = 20
    """How many in total; those of an earlier sweep into the same folder count."""
    metric: Any = "value"
    """What the function returns: a name, or a list of them if it returns several numbers."""
    goal: Any = "minimize"
    """minimize or maximize, or one of them for each."""
    method: str = "auto"
    at_once: int = 1
    """Trials given to the launcher at the same time."""
    seed_option: str | None = None
    """The script's own seed, such as training.seed: each trial then runs with `seeds` of them, and
    the best and the default run again with others at the end."""
    seeds: int = 1
    seed: int = 0
    """Of the search itself."""
    study: str = "sweep"
    params: dict[str, Any] = field(default_factory=dict)
    """Overrides to sweep over, as on the command line; what is typed there comes before them."""


class HomeostatSweeper(Sweeper):  # type: ignore[misc]  # Hydra's types are not read
    """Draws trials with Homeostat, and launches them with Hydra's launcher."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Called by Hydra before `sweep`."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Search over what the arguments leave open; return the verdict as plain data."""
        from homeostat.bridges.hydra_sweep import sweep
        from homeostat.errors import HomeostatError

        try:
            return sweep(self, HomeostatSweeperSettings(**self._settings), arguments)
        except HomeostatError as error:  # one line, without a traceback
            raise CompactHydraException(f"{error.message}  {error.hint}".strip()) from error


ConfigStore.instance().store(
    group="hydra/sweeper", name="homeostat", node=HomeostatSweeperSettings, provider="homeostat"
)
