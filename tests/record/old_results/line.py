"""A loss that falls as a geometric series; with a large rate it grows out of its bounds."""

import homeostat as hs


@hs.workload(
    space=hs.Space(lr=hs.Float(0.01, 10.0, log=True, default=0.1)),
    metric="loss",
    goal="minimize",
    budget=5,
    bounds={"loss": (0.0, 100.0)},
)
def line(config, trial):
    loss = 1.0
    for step in trial.steps():
        loss *= abs(1.0 - config.lr)
        yield hs.Report(step, loss=loss)
