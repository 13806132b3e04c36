from dataclasses import dataclass
import torch
from simple_parsing import ArgumentParser


@dataclass
class Options:
    lr: float = 0.1  # learning rate
    width: int = 8
    steps: int = 30
    seed: int = 0


parser = ArgumentParser()
parser.add_arguments(Options, dest="options")
o = parser.parse_args().options
torch.manual_seed(o.seed)
x = torch.randn(200, 3)
y = x.sum(1, keepdim=True).sin()
net = torch.nn.Sequential(torch.nn.Linear(3, o.width), torch.nn.Tanh(), torch.nn.Linear(o.width, 1))
opt = torch.optim.SGD(net.parameters(), o.lr)
for step in range(o.steps):
    loss = (net(x[:150]) - y[:150]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        print(f"step {step} val_mse {(net(x[150:]) - y[150:]).pow(2).mean():.4f}")
