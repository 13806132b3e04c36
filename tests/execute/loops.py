"""Training loops, good and bad, for the tests of engines."""

import ctypes
import math
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np

import homeostat as hs

space = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True, default=0.1), pause_s=hs.Float(0.0, 1.0, default=0.0)
)


def loop(budget=20, **options):
    return hs.workload(space=space, metric="loss", goal="minimize", budget=budget, **options)


@loop()
def noisy(config, trial):
    rng = trial.rng("noise")
    x = np.array([1.0])
    trial.keep("x", x)
    trial.extra["parameters"] = 1
    for step in trial.steps():
        x -= config.lr * (2 * x + 0.1 * rng.normal())
        time.sleep(config.pause_s)
        yield hs.Report(step, loss=x[0] ** 2)


@loop()
def plain(config, trial):
    rng = np.random.default_rng(trial.seed)
    for step in range(trial.budget):
        time.sleep(config.pause_s)
        yield hs.Report(step, loss=rng.random())


@loop()
def global_generators(config, trial):
    for step in trial.steps():
        values = random.random(), np.random.normal(), np.random.rand()
        time.sleep(config.pause_s)
        yield hs.Report(step, loss=sum(values))


@loop()
def unsettles(config, trial):
    os.chdir("/")
    np.seterr(all="ignore")
    random.seed(1)
    np.random.seed(1)
    for step in trial.steps():
        yield hs.Report(step, loss=np.random.normal())


@loop()
def lazy_torch(config, trial):
    """Imports PyTorch when it starts, as workloads should, and leaves everything to defaults."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(20, 200), nn.ReLU(), nn.Dropout(0.3), nn.Linear(200, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr * 0.1)
    trial.watch(model, optimizer)
    x = torch.randn(512, 20)
    y = x.sum(1, keepdim=True)
    for step in trial.steps():
        rows = torch.randint(0, 512, (256,), generator=trial.torch_rng("batch"))
        loss = (model(x[rows]) - y[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(config.pause_s)
        yield hs.Report(step, loss=loss)


@loop()
def matrices(config, trial):
    """Products large enough for BLAS to split over threads."""
    a = trial.rng("a").standard_normal((300, 300)) / 17
    for step in trial.steps():
        a = np.tanh(a @ a.T)
        yield hs.Report(step, loss=float(a.sum()))


@loop()
def sparse(config, trial):
    for step in trial.steps():
        if step and step % 5 == 0:
            yield hs.Report(step, loss=1 / step)


@loop()
def raises(config, trial):
    for step in trial.steps():
        if step == 2:
            raise ValueError("the rate is\ntoo high")
        yield hs.Report(step, loss=1.0)


@loop()
def exits(config, trial):
    yield hs.Report(0, loss=1.0)
    sys.exit(3)


@loop()
def returns_nan(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=math.nan if step == 3 else 1.0)


@loop(bounds={"grad_norm": (None, 10.0)})
def grows(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=step, grad_norm=2.0**step)


@loop()
def silent(config, trial):
    for _ in trial.steps():
        pass
    return
    yield


@loop()
def not_a_generator(config, trial):
    return None


@loop()
def yields_a_dict(config, trial):
    yield {"loss": 1.0}


@loop()
def garbage(config, trial):
    yield hs.Report(0, loss=1.0)
    yield hs.Report(1, loss="low")


@loop()
def repeats_a_step(config, trial):
    yield hs.Report(0, loss=1.0)
    yield hs.Report(0, loss=2.0)


@loop()
def goes_backwards(config, trial):
    yield hs.Report(5, loss=1.0)
    yield hs.Report(3, loss=2.0)


@loop()
def misspelt(config, trial):
    for step in trial.steps():
        yield hs.Report(step, los=1.0, accuracy=0.5)


@loop()
def steps_twice(config, trial):
    for _ in range(2):
        for step in trial.steps():
            yield hs.Report(step, loss=1.0)


@loop(budget=1000)
def slow(config, trial):
    for step in trial.steps():
        time.sleep(0.02)
        yield hs.Report(step, loss=1.0)


@loop(budget=1000)
def eats_memory(config, trial):
    hoard = []
    for step in trial.steps():
        hoard.append(np.ones(2**20))
        time.sleep(0.005)
        yield hs.Report(step, loss=1.0)


@loop()
def fills_the_disk(config, trial):
    from homeostat.record import files

    write = os.write

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    for step in trial.steps():
        if step == 3:
            files.os.write = full
        try:
            yield hs.Report(step, loss=1.0)
        finally:
            files.os.write = write


@loop()
def hangs(config, trial):
    yield hs.Report(0, loss=1.0)
    while True:
        time.sleep(1)


@loop()
def dies(config, trial):
    print("about to die", flush=True)
    yield hs.Report(0, loss=1.0)
    os._exit(17)


@loop()
def crashes(config, trial):
    yield hs.Report(0, loss=1.0)
    os.kill(os.getpid(), signal.SIGSEGV)


@loop()
def hangs_with_children(config, trial):
    """Starts a process in a session of its own, as commands are, and never comes back."""
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    (trial.artifacts / "child").write_text(str(child.pid))
    yield hs.Report(0, loss=1.0)
    # A deadlock in C that keeps the interpreter to itself: no other thread of ours can run.
    libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


@loop()
def waits_with_children(config, trial):
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    yield hs.Report(0, loss=1.0)
    time.sleep(300)


@loop()
def dies_with_children(config, trial):
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    (trial.artifacts / "child").write_text(str(child.pid))
    yield hs.Report(0, loss=1.0)
    os.kill(os.getpid(), signal.SIGKILL)


@loop()
def prints(config, trial):
    print("from Python")
    yield hs.Report(0, loss=1.0)
    print("an error", file=sys.stderr)
    os.write(1, b"from C\n")
    subprocess.run(["echo", "from a child"], check=True)


@loop(budget=2000)
def long(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=1 / (step + 3))


@loop()
def leaves_artifacts(config, trial):
    folder = trial.artifacts / "pictures"
    folder.mkdir()
    for step in trial.steps():
        (folder / f"{step}.bin").write_bytes(bytes(range(256)) * 1000)
        yield hs.Report(step, loss=1.0)


@loop()
def sees_gpus(config, trial):
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    yield hs.Report(0, loss=len([name for name in visible.split(",") if name]))


class Walker:
    """What an attempt of `alike` brings to a step that is done for all of them."""

    def __init__(self, config, trial):
        self.config, self.rng, self.step, self.pid = config, trial.rng("noise"), 0, None
        self.x = np.ones(3)
        trial.keep("x", self.x)


def walk_together(walkers):
    """A step of each; the first of the others' results shows who was there."""
    for walker in walkers:
        trouble = walker.config.trouble if walker.step == 5 else ""
        if trouble == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        while trouble == "hangs":
            time.sleep(1)
    time.sleep(max(walker.config.pause_s for walker in walkers))
    x = np.stack([walker.x for walker in walkers])
    noise = np.stack([walker.rng.normal(size=3) for walker in walkers])
    lr = np.array([[walker.config.lr] for walker in walkers])
    x -= lr * (2 * x + 0.1 * noise)
    for walker, own in zip(walkers, x, strict=True):
        walker.x[:] = own
        if walker.step == 5 and walker.config.trouble == "raises together":
            raise ValueError("this one cannot walk")
    return [(float(own @ own), len(walkers)) for own in x]


@hs.workload(
    space=hs.Space(
        lr=hs.Float(1e-4, 1.0, log=True, default=0.1),
        pause_s=hs.Float(0.0, 1.0, default=0.0),
        trouble=hs.Choice(
            ["", "nan", "raises", "raises together", "slow", "crashes", "hangs"], default=""
        ),
        kind=hs.Choice(["a", "b", "single"], default="a"),
    ),
    metric="loss",
    goal="minimize",
    budget=20,
    batch=lambda config: None if config.kind == "single" else config.kind,
)
def alike(config, trial):
    """Steps are done for all attempts at once; draws, prints and trouble are each one's own."""
    walker = Walker(config, trial)
    trial.extra["most"] = 1
    for step in trial.steps():
        walker.step = step
        print(f"step {step} of seed {trial.seed}")
        loss, together = yield from trial.batch(walk_together, walker)
        trial.extra["most"] = max(trial.extra["most"], together)
        if step == 5 and config.trouble == "raises":
            raise ValueError("on its own")
        while step >= 5 and config.trouble == "slow":
            time.sleep(0.05)
            trial.check()
        if step == 5 and config.trouble == "nan":
            loss = math.nan
        yield hs.Report(step, loss=loss, drawn=random.random() + np.random.rand())
