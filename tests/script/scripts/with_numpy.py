import argparse
import numpy as np
from sklearn.datasets import load_digits

p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.5)
p.add_argument("--l2", type=float, default=1e-4)
p.add_argument("--hidden", type=int, default=32)
p.add_argument("--momentum", type=float, default=0.9)
p.add_argument("--epochs", type=int, default=12)
p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
rng = np.random.default_rng(a.seed)
x, y = load_digits(return_X_y=True)
x = x / 16
order = np.random.default_rng(0).permutation(len(x))
x, y = x[order], y[order]
xt, yt, xv, yv = x[:1200], y[:1200], x[1200:], y[1200:]
w1 = rng.normal(size=(64, a.hidden)) / 8
w2 = rng.normal(size=(a.hidden, 10)) / np.sqrt(a.hidden)
v1, v2 = np.zeros_like(w1), np.zeros_like(w2)


def forward(x):
    h = np.maximum(x @ w1, 0)
    z = h @ w2
    z = z - z.max(1, keepdims=True)
    p = np.exp(z)
    return h, p / p.sum(1, keepdims=True)


for epoch in range(a.epochs):
    for rows in np.array_split(rng.permutation(len(xt)), 20):
        h, q = forward(xt[rows])
        g = q.copy()
        g[np.arange(len(rows)), yt[rows]] -= 1
        g /= len(rows)
        g2 = h.T @ g + a.l2 * w2
        g1 = xt[rows].T @ ((g @ w2.T) * (h > 0)) + a.l2 * w1
        v1 = a.momentum * v1 - a.lr * g1
        v2 = a.momentum * v2 - a.lr * g2
        w1 += v1
        w2 += v2
    _, q = forward(xv)
    loss = -np.log(q[np.arange(len(yv)), yv] + 1e-12).mean()
    print(f"Epoch {epoch}: val_loss={loss:.4f} val_acc={(q.argmax(1) == yv).mean():.4f}")
