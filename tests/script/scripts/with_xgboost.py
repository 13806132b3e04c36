import argparse
import xgboost as xgb
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

p = argparse.ArgumentParser()
p.add_argument("--max-depth", type=int, default=4)
p.add_argument("--eta", type=float, default=0.3)
p.add_argument("--subsample", type=float, default=1.0)
p.add_argument("--rounds", type=int, default=15)
p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
x, y = load_digits(return_X_y=True)
xt, xv, yt, yv = train_test_split(x, y, random_state=0)
train, val = xgb.DMatrix(xt, yt), xgb.DMatrix(xv, yv)
xgb.train(
    {
        "max_depth": a.max_depth,
        "eta": a.eta,
        "subsample": a.subsample,
        "seed": a.seed,
        "objective": "multi:softprob",
        "num_class": 10,
        "nthread": 1,
    },
    train,
    a.rounds,
    evals=[(train, "train"), (val, "val")],
)
