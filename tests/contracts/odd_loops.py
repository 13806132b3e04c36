"""Training loops that report, print and fail in every way that is allowed, for the contract suite.

No test of them may know which engine makes them.
"""

import asyncio
import functools
import sys
import threading

import homeostat as hs

space = hs.Space(lr=hs.Float(1e-4, 1.0, log=True, default=0.1))


def loop(budget=60, **options):
    return hs.workload(space=space, metric="loss", goal="minimize", budget=budget, **options)


@loop()
def comes_later(config, trial):
    """The commonest loop there is: validation at every tenth step."""
    for step in trial.steps():
        more = {"val_loss": 2 / (step + 1)} if step % 10 == 9 else {}
        yield hs.Report(step, loss=1 / (step + 1), **more)


@loop()
def goes_and_comes_back(config, trial):
    for step in trial.steps():
        more = {"accuracy": step / 3} if step // 7 % 2 else {}
        yield hs.Report(step, loss=1 / (step + 1), **more)


@loop()
def one_more_each_step(config, trial):
    """Each report adds a column, so the file is made anew each time, and always longer."""
    for step in trial.steps():
        yield hs.Report(step, loss=1.0, **{f"layer_{step}": step / 7})


@loop()
def never_twice_the_same(config, trial):
    for step in trial.steps():
        yield hs.Report(step, **({"loss": 1.0} if step % 2 else {f"only_{step}": 0.1}))


@loop()
def far_apart(config, trial):
    for step in (0, 1, 10**6, 10**6 + 1, 2**40, 2**62):
        yield hs.Report(step, loss=1 / (step + 1))


@loop()
def long_lines(config, trial):
    names = [f"{'long_name_' * 20}{number}" for number in range(500)]
    for step in range(4):
        yield hs.Report(step, loss=1.0, **dict.fromkeys(names, 1 / 3 + step))


@loop()
def every_alphabet(config, trial):
    odd = ("потеря", "损失", "naïve café", "🔥", "a,b", 'quo"ted', "per cent %", "'", "a=b", "#x")
    for step in trial.steps():
        print(f"шаг {step} 🔥")
        yield hs.Report(step, loss=0.5, **dict.fromkeys(odd[: step % 11], step / 3))


@loop(budget=20_000)
def very_many(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=1 / (step + 3))


@loop()
def extreme_numbers(config, trial):
    for step, value in enumerate((5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2, 1e16 + 2)):
        yield hs.Report(step, loss=value)


@loop()
def prints(config, trial):
    print("x" * 300_000, end="")
    for step in trial.steps():
        print(f"\r{step} of 60", end="", flush=True)
        print(f"an error of step {step}", file=sys.stderr)
        yield hs.Report(step, loss=1.0)
    print(b"\xff\xfe".decode("latin-1"))


@loop()
def leaves_anything_behind(config, trial):
    """Facts that no other process can be sent as they are."""
    trial.extra["function"] = lambda: None
    trial.extra["lock"] = threading.Lock()
    trial.extra["own"] = Pair(1, 2)
    trial.extra[3] = {"nested": (1.5, float("nan")), "set": {1}}
    yield hs.Report(0, loss=1.0)


class Pair(Exception):
    """Pickles, and cannot be unpickled: its arguments are not those of an exception."""

    def __init__(self, left, right):
        super().__init__(f"{left} is not {right}")


class Unpicklable(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Own(hs.HomeostatError if hasattr(hs, "HomeostatError") else Exception):
    def __init__(self, path, *, line):
        super().__init__(f"{path}, line {line}")


class Beyond(BaseException):
    """Not an Exception, so that no `except Exception` of a loop takes it."""


def raise_group(text):
    raise ExceptionGroup(text, [Pair(1, 2), ValueError("inner")])


def throw(error):
    raise error


TROUBLES = {
    "pair": lambda: throw(Pair(1, 2)),
    "unpicklable": lambda: throw(Unpicklable("it holds a lock")),
    "mute": lambda: throw(Mute()),
    "own": lambda: throw(Own("data.csv", line=3)),
    "beyond": lambda: throw(Beyond("far out")),
    "cancelled": lambda: throw(asyncio.CancelledError()),
    "stop": lambda: throw(StopIteration(7)),
    "group": functools.partial(raise_group, "several"),
    "unicode": lambda: throw(ValueError("не\nвышло \udcff 🔥")),
    "enormous": lambda: throw(ValueError("x" * 1_000_000)),
    "recursion": lambda: (lambda f: f(f))(lambda f: f(f)),
}


@hs.workload(
    space=hs.Space(trouble=hs.Choice(list(TROUBLES), default="pair")),
    metric="loss",
    goal="minimize",
    budget=3,
)
def raises(config, trial):
    yield hs.Report(0, loss=1.0)
    TROUBLES[config.trouble]()
    yield hs.Report(1, loss=1.0)
