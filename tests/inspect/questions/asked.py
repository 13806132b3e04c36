"""Small runs for one question, and calls made by hand for those that ask a model again."""

import torch

import homeostat as hs
from homeostat.inspect.probe.audit import CHECKS
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Call, Pair


def ask(*questions, of, budget=6, goal="minimize", seconds=90.0):
    """What some questions say of a loop of (config, trial) that reports `val`."""
    space = hs.Space(lr=hs.Float(1e-5, 1.0, log=True, default=1e-2))
    workload = hs.workload(space=space, metric="val", goal=goal, budget=budget)(of)
    runs = ShortRuns(workload, workload.space.resolve({}), seed=1, steps=None, seconds=seconds)
    return [finding for question in questions for finding in CHECKS[question](runs)]


def suspects(findings):
    """Those that are faults or warnings."""
    return [f for f in findings if f.status in ("fault", "warning")]


def called(module, *inputs, target=None, **kwargs):
    """A scoring call of a module, as the tracer would have noted it."""
    call = Call(0, 0, "model", module, False, False, args=inputs, kwargs=kwargs)
    if target is not None:
        call.pairs.append(Pair("cross_entropy", target))
    return call


def training(build, loss_of, x, y, *, batch=16):
    """A loop over batches of (x, y), scored on the same rows in evaluation mode."""

    def loop(config, trial):
        net = build()
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            net.train()
            for rows in torch.randperm(len(x)).split(batch):
                loss = loss_of(net(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            net.eval()
            with torch.no_grad():
                val = loss_of(net(x), y)
            yield hs.Report(step, val=val)

    return loop
