"""A loop that changes whatever a loop can change for everybody in its process."""

import gc
import logging
import os
import random
import signal
import sys

import numpy as np
import torch
from torch import nn

import homeostat as hs

space = hs.Space(
    lr=hs.Float(1e-4, 0.5, log=True, default=0.05),
    batch_size=hs.Int(8, 32, log=True, default=16),
)


@hs.workload(space=space, metric="loss", goal="minimize", budget=8)
def upsetting(config, trial):
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    x = torch.randn(32, 4, dtype=torch.float64)
    y = x.sum(1, keepdim=True)
    trial.watch(model, optimizer, train=(x, y), validation=(x + 1, y + 4))
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("medium")
    np.seterr(all="ignore")
    os.chdir("/")
    os.environ["LEFT_BY_A_LOOP"] = "1"
    os.environ.pop("TAKEN_BY_A_LOOP", None)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    sys.path.insert(0, "/nowhere")
    sys.argv.append("--left")
    sys.excepthook = print
    sys.setrecursionlimit(5000)
    logging.basicConfig(level=logging.DEBUG)
    gc.disable()
    for step in trial.steps():
        rows = torch.randint(0, 32, (config.batch_size,))
        loss = (model(x[rows]) - y[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss, train_loss=loss)
