"""A resumed loop goes on bit for bit, whatever it did not show; or it says what is lost."""

import numpy as np
import pytest
import torch
from tests.execute.test_resume import Enough

from homeostat.execute import Reported, resume, run
from homeostat.record import Outcome, read_run
from homeostat.workload.loop_state import _mark

HEAD = """
import copy, itertools, math, random, time
import numpy as np
import torch
from torch import nn
import homeostat as hs

SPACE = hs.Space(lr=hs.Float(0.001, 1.0, default=0.05))

@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=14)
def loop(config, trial):
    model = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.BatchNorm1d(6), nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9)
    trial.watch(model, optimizer)
    x = torch.randn(24, 3)
    y = x.sum(1, keepdim=True)
"""
STEP = """
        loss = (model(x[rows]) - y[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
END = """
        time.sleep(0.03)
        yield hs.Report(step, loss=shown if shown is not None else loss)
"""
PLAIN = {"before": "", "rows": "torch.randint(0, 24, (8,))", "after": "shown = None"}
CASES = {
    "a scheduler": {
        "before": "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)",
        "after": "scheduler.step(); shown = None",
    },
    "a chain of schedulers with warm-up": {
        "before": "S = torch.optim.lr_scheduler\n"
        "    warm = S.LinearLR(optimizer, 0.1, total_iters=4)\n"
        "    scheduler = S.SequentialLR(optimizer, [warm, S.CosineAnnealingLR(optimizer, 8)], [4])",
        "after": "scheduler.step(); shown = None",
    },
    "a scheduler by a lambda": {
        "before": "S = torch.optim.lr_scheduler\n"
        "    scheduler = S.LambdaLR(optimizer, lambda step: 0.9 ** step)",
        "after": "scheduler.step(); shown = None",
    },
    "a plateau": {
        "before": "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)",
        "after": "scheduler.step(1.0); shown = None",
    },
    "one cycle": {
        "before": "S = torch.optim.lr_scheduler\n"
        "    scheduler = S.OneCycleLR(optimizer, 0.2, total_steps=20)",
        "after": "scheduler.step(); shown = None",
    },
    "a gradient scaler": {
        "before": "scaler = torch.amp.GradScaler('cpu', init_scale=8.0, growth_interval=2)",
        "after": "scaler.scale(loss); scaler._found = 0; scaler.update(scaler.get_scale() * 0.9)\n"
        "        shown = loss * scaler.get_scale()",
    },
    "an averaged model": {
        "before": "average = torch.optim.swa_utils.AveragedModel(model)",
        "after": "average.update_parameters(model); shown = average(x).square().mean()",
    },
    "a copy of the model": {
        "before": "ema = copy.deepcopy(model)",
        "after": "pairs = zip(ema.parameters(), model.parameters())\n"
        "        [p.data.lerp_(q.data, 0.3) for p, q in pairs]\n"
        "        shown = ema(x).square().mean()",
    },
    "averages in a dictionary": {
        "before": "ema = {k: v.detach().clone() for k, v in model.named_parameters()}",
        "after": "for k, v in model.named_parameters(): ema[k].lerp_(v.detach(), 0.3)\n"
        "        shown = sum(v.square().sum() for v in ema.values())",
    },
    "averages in an object": {
        "before": "ema = Average(model)",
        "after": "ema.update(model); shown = ema.size()",
    },
    "plain variables": {
        "before": "best, worse, history = math.inf, 0, []",
        "after": "best, worse = (loss.item(), 0) if loss.item() < best else (best, worse + 1)\n"
        "        history.append(best); shown = best + worse + sum(history)",
    },
    "a hidden state": {
        "before": "hidden = torch.zeros(8, 1)",
        "after": "hidden = (hidden + model(x[rows])).detach() / 2; shown = hidden.sum()",
    },
    "a generator of PyTorch": {
        "before": "generator = torch.Generator().manual_seed(trial.seed)",
        "rows": "torch.randint(0, 24, (8,), generator=generator)",
    },
    "a generator of NumPy": {
        "before": "rng = np.random.default_rng(trial.seed)",
        "rows": "torch.as_tensor(rng.integers(0, 24, 8))",
    },
    "older generators": {
        "before": "old, python = np.random.RandomState(1), random.Random(2)",
        "rows": "torch.as_tensor(old.permutation(24)[: 4 + python.randrange(4)])",
    },
    "a loader's generator": {
        "before": "loader = torch.utils.data.DataLoader(torch.arange(24), 8, shuffle=True,"
        " generator=torch.Generator().manual_seed(trial.seed))",
        "rows": "next(iter(loader))",
    },
    "counters of an object": {
        "before": "stopper = Stopper()",
        "after": "shown = stopper.see(loss.item())",
    },
    "a memory of a fixed length": {
        "before": "from collections import deque\n    memory, seen = deque(maxlen=3), set()",
        "after": "memory.append(loss.item()); seen.add(step // 2); shown = sum(memory) + len(seen)",
    },
    "a large array": {
        "before": "weights = np.zeros((1500, 1500))",
        "after": "weights += loss.item(); shown = weights.sum()",
    },
    "a learning rate by hand": {
        "before": "rate = config.lr",
        "after": "rate *= 0.8; optimizer.param_groups[0]['lr'] = rate; shown = None",
    },
}
OWN = """
class Average:
    def __init__(self, model):
        self.shadow = [p.detach().clone() for p in model.parameters()]
        self.steps = 0

    def update(self, model):
        self.steps += 1
        decay = min(0.9, self.steps / (self.steps + 3))
        for own, new in zip(self.shadow, model.parameters()):
            own.mul_(decay).add_(new.detach(), alpha=1 - decay)

    def size(self):
        return sum(p.square().sum() for p in self.shadow)


class Stopper:
    def __init__(self):
        self.best, self.seen, self.inner = math.inf, [], {"worse": 0}

    def see(self, loss):
        self.seen.append(loss)
        self.inner["worse"] = 0 if loss < self.best else self.inner["worse"] + 1
        self.best = min(loss, self.best)
        return self.best + self.inner["worse"] + len(self.seen)
"""


def write(folder, case):
    parts = PLAIN | case
    text = HEAD.replace("SPACE =", OWN + "\nSPACE =", 1)
    text += f"    {parts['before']}\n    for step in trial.steps():\n"
    text += f"        rows = {parts['rows']}\n{STEP}        {parts['after']}\n{END}"
    path = folder / "train.py"
    path.write_text(text)
    return path


def curves(record):
    return (record.folder / "seed_42" / "curves.csv").read_bytes()


def cut_and_resumed(path, results, step):
    """A run that is left at a report, and gone on with; its notes."""

    def leave(event):
        if isinstance(event, Reported) and event.report.step >= step:
            raise Enough

    with pytest.raises(Enough):
        run(path, results=results, snapshot_s=0.0, on_event=leave)
    [folder] = results.iterdir()
    assert read_run(folder).outcome is Outcome.INTERRUPTED
    record = resume(folder)
    [attempt] = record.attempts
    assert any("Resumed from the snapshot before step" in note for note in attempt.notes)
    return record, " ".join(attempt.notes)


@pytest.mark.parametrize("name", CASES)
def test_it_is_resumed_bit_for_bit(name, tmp_path):
    path = write(tmp_path, CASES[name])
    whole = run(path, results=tmp_path / "whole")
    record, notes = cut_and_resumed(path, tmp_path / "parts", 6)
    assert record.outcome is whole.outcome is Outcome.COMPLETED, whole.reason
    assert curves(record) == curves(whole), notes
    assert "not bit for bit" not in notes.lower()
    assert "does not repeat itself" not in notes


SILENT = {
    "before": "layers, pairs = list(model), {'all': (model, optimizer)}\n"
    "    seen, total = loss_of = [], torch.zeros(1, requires_grad=True) * 2",
    "after": "seen.append(len(layers)); total = total + loss; shown = loss + len(seen)",
}


def test_what_only_names_other_things_is_not_said_to_be_lost(tmp_path):
    record, notes = cut_and_resumed(write(tmp_path, SILENT), tmp_path / "parts", 6)
    assert record.outcome is Outcome.COMPLETED
    assert "bit for bit" not in notes


THINGS = {
    "a tensor": lambda: torch.zeros(8, 1),
    "an array": lambda: np.zeros(8),
    "an object": lambda: Enough(),
    "a network": lambda: torch.nn.Linear(1, 1),
    "a list of tensors": lambda: [torch.zeros(3)],
}


@pytest.mark.parametrize("name", THINGS)
def test_what_took_the_place_of_another_in_memory_is_not_taken_for_it(name):
    """A variable that each step binds anew; the first thing's address is soon another's."""
    make, reused = THINGS[name], 0
    for _ in range(200):
        first = make()
        mark, address = _mark(first), id(first)
        assert _mark(first) == mark
        del first
        later = make()
        reused += id(later) == address
        assert _mark(later) != mark
    assert reused


LOST = {
    "an iterator of a loader": {
        "before": "from torch.utils.data import DataLoader\n"
        "    batches = iter(DataLoader(torch.arange(240) % 24, 8, shuffle=True))",
        "rows": "next(batches)",
    },
    "an endless iterator": {
        "before": "batches = itertools.cycle([torch.arange(8), torch.arange(8, 16)])",
        "rows": "next(batches)",
    },
}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_put_back_is_named(name, tmp_path):
    _, notes = cut_and_resumed(write(tmp_path, LOST[name]), tmp_path / "parts", 6)
    assert "Not resumed bit for bit: `batches` in the middle of a" in notes
