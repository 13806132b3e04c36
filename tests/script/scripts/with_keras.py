import os

os.environ["KERAS_BACKEND"] = "torch"
import argparse
import keras
from sklearn.datasets import load_digits

p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.01)
p.add_argument("--units", type=int, default=32)
p.add_argument("--dropout", type=float, default=0.2)
p.add_argument("--epochs", type=int, default=3)
p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
keras.utils.set_random_seed(a.seed)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16
model = keras.Sequential(
    [
        keras.layers.Input((64,)),
        keras.layers.Dense(a.units, activation="relu"),
        keras.layers.Dropout(a.dropout),
        keras.layers.Dense(10),
    ]
)
model.compile(
    keras.optimizers.Adam(a.lr),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    x[:1400],
    y[:1400],
    validation_data=(x[1400:], y[1400:]),
    epochs=a.epochs,
    batch_size=64,
    verbose=2,
)
