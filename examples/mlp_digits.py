"""A small network reads handwritten digits: a workload of your own, in one file.

    homeostat run examples/mlp_digits.py --set lr=0.01 --seeds 3
    homeostat tune examples/mlp_digits.py --budget 60s

The loop is an ordinary one, except that it yields a report per epoch. One attempt takes about a
second on one core; the data (1,797 pictures of 8 x 8) comes with scikit-learn.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import homeostat as hs

space = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True, default=1e-2, help="Step of the optimiser."),
    width=hs.Int(8, 128, log=True, default=32, help="Neurons in each hidden layer."),
    depth=hs.Int(1, 4, default=2, tier=2, help="Hidden layers."),
    activation=hs.Choice(["relu", "tanh", "gelu"], tier=2),
    dropout=hs.Float(0.0, 0.6, default=0.1, tier=2),
    optimizer=hs.Choice(["adamw", "sgd"]),
    momentum=hs.Float(0.0, 0.95, default=0.9, when={"optimizer": "sgd"}),
    batch=hs.Fixed(64, why="small enough for many updates, large enough to be quick"),
)

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def load_split():
    """Pixels in 0..1 and labels; every fourth picture is kept for validation."""
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    held_out = torch.arange(len(y)) % 4 == 0
    return (x[~held_out], y[~held_out]), (x[held_out], y[held_out])


def build(config):
    layers = []
    size = 64
    for _ in range(config.depth):
        layers += [nn.Linear(size, config.width), ACTIVATIONS[config.activation]()]
        layers += [nn.Dropout(config.dropout)]
        size = config.width
    model = nn.Sequential(*layers, nn.Linear(size, 10))
    if config.optimizer == "sgd":
        return model, torch.optim.SGD(model.parameters(), config.lr, momentum=config.momentum)
    return model, torch.optim.AdamW(model.parameters(), config.lr)


@hs.workload(space=space, metric="val_loss", goal="minimize", budget=20, unit="epoch")
def mlp(config, trial):
    """A multilayer perceptron on scikit-learn's handwritten digits."""
    train, validation = load_split()
    model, optimizer = build(config)
    trial.watch(model, optimizer, train=train, validation=validation)
    order = trial.torch_rng("batches")
    for epoch in trial.steps():
        model.train()
        for rows in torch.randperm(len(train[1]), generator=order).split(config.batch):
            loss = F.cross_entropy(model(train[0][rows]), train[1][rows])
            optimizer.zero_grad()
            loss.backward()
            grad_norm = nn.utils.get_total_norm([p.grad for p in model.parameters()])
            optimizer.step()
        model.eval()
        with torch.no_grad():
            scores = model(validation[0])
        yield hs.Report(
            epoch,
            val_loss=F.cross_entropy(scores, validation[1]),
            val_accuracy=(scores.argmax(dim=1) == validation[1]).float().mean(),
            train_loss=loss,
            grad_norm=grad_norm,
        )
