"""scikit-learn's gradient boosting on its own diabetes data: a model that is fitted tree by tree.

homeostat tune examples/gradient_boosting.py --budget 60s
"""

from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

import homeostat as hs

# The defaults are scikit-learn's own.
space = hs.Space(
    learning_rate=hs.Float(0.01, 0.5, log=True, default=0.1, tier=1),
    max_depth=hs.Int(1, 6, default=3),
    subsample=hs.Float(0.3, 1.0, default=1.0),
    min_samples_leaf=hs.Int(1, 50, log=True, default=1, tier=2),
    max_features=hs.Float(0.2, 1.0, default=1.0, tier=2),
)


@hs.workload(space=space, metric="val_rmse", goal="minimize", budget=10, unit="stage")
def gradient_boosting(config, trial):
    """The progress of diabetes a year later, from ten measurements; ten trees a stage."""
    x, y = load_diabetes(return_X_y=True)
    # Every seed has its own split: what is chosen must do well on data it has not seen.
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.3, random_state=trial.seed)
    model = GradientBoostingRegressor(
        **{name: config[name] for name in space}, warm_start=True, random_state=trial.seed
    )
    for stage in range(trial.budget):
        model.set_params(n_estimators=10 * (stage + 1))  # warm_start: it goes on from there
        model.fit(x, y)
        yield hs.Report(
            stage,
            val_rmse=root_mean_squared_error(y_held, model.predict(x_held)),
            train_rmse=root_mean_squared_error(y, model.predict(x)),
        )
