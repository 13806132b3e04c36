import numpy as np

LR = 0.02
MOMENTUM = 0.5
WARMUP = 5
EPOCHS = 12
SEED = 0


def train(lr, momentum, warmup, averaging, epochs, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 8))
    y = x @ np.linspace(-1, 1, 8) + 0.1 * rng.normal(size=400)
    w, speed, kept = np.zeros(8), np.zeros(8), np.zeros(8)
    for epoch in range(epochs):
        for rows in np.split(rng.permutation(300), 10):
            gradient = 2 * x[rows].T @ (x[rows] @ w - y[rows]) / len(rows)
            speed = momentum * speed - lr * gradient
            w = w + speed
        kept = 0.5 * kept + 0.5 * w if averaging else w
        loss = np.mean((x[:300] @ w - y[:300]) ** 2)
        val_loss = np.mean((x[300:] @ kept - y[300:]) ** 2)
        print(f"epoch {epoch}: loss {loss:.5f}, val_loss {val_loss:.5f}")


if __name__ == "__main__":
    train(LR, MOMENTUM, 0, False, EPOCHS, SEED)
