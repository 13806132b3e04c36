"""Small loops whose every number depends on all that came before it."""

from pathlib import Path

import homeostat as hs

SPACE = hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True, default=0.1),
    width=hs.Int(1, 8, default=4),
    kind=hs.Choice(["a", "b"]),
)


@hs.workload(
    space=SPACE,
    metric="loss",
    goal="minimize",
    budget=6,
    configs=Path(__file__).with_name("configs"),
)
def walk(config, trial):
    """A walk with a state that a snapshot keeps, and a second metric that comes later."""
    state = {"loss": 1.0}
    trial.keep("state", state)
    rng = trial.rng("walk")
    for step in trial.steps():
        state["loss"] *= 1.0 - 0.5 * config.lr + 0.01 * rng.standard_normal()
        more = {"late": state["loss"] / config.width} if step % 3 == 2 else {}
        yield hs.Report(step, loss=state["loss"], **more)
