import argparse
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits


class Net(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10)
        )

    def forward(self, x):
        return self.body(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-interval", type=int, default=20)
    parser.add_argument("--save", default="best.pt")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(d.data, dtype=torch.float32) / 16
    data = TensorDataset(x, torch.tensor(d.target))
    train, val = random_split(data, [1400, 397], generator=torch.Generator().manual_seed(0))
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(val, batch_size=128)
    net = Net(args.width, args.dropout)
    opt = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=args.momentum)
    best = 0
    for epoch in range(1, args.epochs + 1):
        net.train()
        for i, (x, y) in enumerate(loader):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            if i % args.log_interval == 0:
                print(f"Train Epoch: {epoch} [{i * len(x)}/{len(train)}]\tLoss: {loss.item():.6f}")
        net.eval()
        correct = total = 0
        with torch.no_grad():
            for x, y in val_loader:
                out = net(x)
                total += F.cross_entropy(out, y, reduction="sum").item()
                correct += (out.argmax(1) == y).sum().item()
        print(
            f"\nValidation set: Average loss: {total / len(val):.4f}, Accuracy: {correct}/{len(val)} ({100.0 * correct / len(val):.0f}%)\n"
        )
        if correct > best:
            best = correct
            torch.save(net.state_dict(), args.save)


if __name__ == "__main__":
    main()
