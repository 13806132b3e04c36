"""What the decorator accepts, what it makes of a function, and the sentences it refuses with."""

from pathlib import Path

import pytest

import homeostat as hs
from homeostat.errors import HomeostatError, WorkloadError

SPACE = hs.Space(lr=hs.Float(1e-5, 0.1, log=True))
GOOD = {"space": SPACE, "metric": "loss", "goal": "minimize", "budget": 10}


@hs.workload(**GOOD)
def mlp(config, trial):
    """A small network.

    With a second paragraph.
    """
    yield hs.Report(0, loss=config.lr)


def refused(loop=None, **changes):
    settings = {key: value for key, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(HomeostatError) as error:
        hs.workload(**settings)(loop or mlp.loop)
    return str(error.value)


def test_a_function_becomes_a_workload_with_its_name_text_and_file():
    assert isinstance(mlp, hs.Workload)
    assert mlp.name == "mlp"
    assert mlp.doc == "A small network.\n\nWith a second paragraph."
    assert mlp.source == Path(__file__)
    assert (mlp.metric, mlp.goal, mlp.objectives) == ("loss", "minimize", {"loss": "minimize"})
    assert (mlp.budget, mlp.unit) == (10, "step")


def test_a_workload_is_called_like_its_function():
    assert list(mlp(SPACE.resolve({"lr": 0.01}), None)) == [hs.Report(0, loss=0.01)]


def test_several_objectives_keep_their_order():
    made = hs.workload(
        space=SPACE, objectives={"fitness": "maximize", "diversity": "maximize"}, budget=1
    )(mlp.loop)
    assert made.metric == "fitness"
    assert list(made.objectives) == ["fitness", "diversity"]


def test_the_optional_fields_are_kept():
    made = hs.workload(
        **GOOD,
        name="other",
        unit="epoch",
        bounds={"grad_norm": (None, 1e3)},
        configs="configs",
        symptoms=["s"],
        remedies={"slower": {"lr": 1e-4}},
        timeout_s=5,
    )(mlp.loop)
    assert (made.name, made.unit, made.timeout_s) == ("other", "epoch", 5)
    assert made.bounds == {"grad_norm": (None, 1e3)}
    assert made.configs == Path("configs")
    assert made.symptoms == ("s",)
    assert made.remedies == {"slower": {"lr": 1e-4}}


def test_a_function_that_never_yields_is_refused_when_called():
    def train(config, trial):
        return 0.3

    made = hs.workload(**GOOD)(train)
    with pytest.raises(WorkloadError) as error:
        made(SPACE.resolve(), None)
    assert str(error.value) == (
        "train never yields a report: its function returned float.  A training loop is a "
        "generator; put `yield hs.Report(step, loss=...)` inside it."
    )


def test_a_function_that_hands_on_another_generator_is_a_loop_too():
    made = hs.workload(**GOOD)(lambda config, trial: mlp.loop(config, trial))
    assert len(list(made(SPACE.resolve(), None))) == 1


async def asynchronous(config, trial): ...


def no_arguments():
    yield


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"metric": None, "goal": None},
            "A workload needs either metric= and goal=, or objectives={metric: goal, ...}.",
        ),
        (
            {"objectives": {"a": "minimize"}},
            "A workload needs either metric= and goal=, or objectives={metric: goal, ...}.",
        ),
        (
            {"metric": None, "objectives": {"a": "minimize"}},
            "goal= goes with metric=; with objectives= each has its own goal.",
        ),
        (
            {"metric": None, "goal": None, "objectives": {}},
            "objectives= is empty; name at least one metric.",
        ),
        (
            {"goal": "minimise"},
            "The goal of 'loss' must be 'minimize' or 'maximize', got 'minimise'.  "
            "Did you mean 'minimize'?",
        ),
        ({"goal": None}, "The goal of 'loss' must be 'minimize' or 'maximize', got None."),
        ({"budget": 0}, "mlp: budget must be a whole number from 1, got 0."),
        ({"budget": 1.5}, "mlp: budget must be a whole number from 1, got 1.5."),
        ({"budget": True}, "mlp: budget must be a whole number from 1, got True."),
        ({"space": {"lr": 1}}, "mlp: space= must be an hs.Space, got {'lr': 1}."),
        (
            {"bounds": {"a": 3}},
            "mlp: bounds['a'] must be (low, high), with low below high or None, got 3.",
        ),
        (
            {"bounds": {"a": (2, 1)}},
            "mlp: bounds['a'] must be (low, high), with low below high or None, got (2, 1).",
        ),
        ({"timeout_s": 0}, "mlp: timeout_s must be seconds above 0, got 0."),
        (
            {"remedies": {"slow": {"lrr": 1}}},
            "The remedy 'slow' of mlp: No parameter 'lrr'.  Did you mean 'lr'?",
        ),
        (
            {"remedies": {"slow": {"lr": 1}}},
            "The remedy 'slow' of mlp: lr: 1 is outside 1e-05..0.1.",
        ),
        ({"loop": 3}, "@hs.workload(...) goes above a function, got 3."),
        ({"loop": mlp}, "mlp is a workload already."),
        ({"loop": asynchronous}, "asynchronous is asynchronous; a training loop is a plain `def`."),
        (
            {"loop": no_arguments},
            "no_arguments must take two arguments: def no_arguments(config, trial).",
        ),
    ],
)
def test_a_workload_that_makes_no_sense_is_refused(changes, sentence):
    assert refused(**changes) == sentence
