"""scikit-learn's MLPClassifier on its own wine data: any estimator with `partial_fit` will do.

homeostat tune examples/mlp_classifier.py --budget 60s
"""

from sklearn.datasets import load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import homeostat as hs

# The defaults are scikit-learn's own.
space = hs.Space(
    learning_rate_init=hs.Float(1e-4, 0.1, log=True, default=1e-3, tier=1),
    width=hs.Int(4, 200, log=True, default=100),
    activation=hs.Choice(["relu", "tanh", "logistic"], tier=2),
    alpha=hs.Float(1e-5, 10.0, log=True, default=1e-4, tier=2, help="Penalty on the weights."),
    batch_size=hs.Int(8, 106, log=True, default=106, tier=3),
)


@hs.workload(space=space, metric="val_loss", goal="minimize", budget=40, unit="epoch")
def mlp_classifier(config, trial):
    """Which of three growers a wine is from, by thirteen measurements."""
    x, y = load_wine(return_X_y=True)
    # One split for all seeds: the seed decides the weights and the order, not the data.
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x)
    x, x_held = scaler.transform(x), scaler.transform(x_held)
    model = MLPClassifier(
        hidden_layer_sizes=(config.width,),
        activation=config.activation,
        alpha=config.alpha,
        batch_size=config.batch_size,
        learning_rate_init=config.learning_rate_init,
        random_state=trial.seed,
    )
    for epoch in range(trial.budget):
        model.partial_fit(x, y, classes=[0, 1, 2])
        yield hs.Report(
            epoch,
            val_loss=log_loss(y_held, model.predict_proba(x_held)),
            train_loss=model.loss_,
            val_accuracy=model.score(x_held, y_held),
        )
