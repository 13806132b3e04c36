"""The range of a knob from its name, kind and default; what an option is for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.script.options.option import Option, command_line
from homeostat.script.ranges import range_of
from homeostat.script.roles import role
from homeostat.workload.command_file import space_of


def option(name, default, **more):
    kind = {bool: "bool", int: "int", float: "float", str: "text"}.get(type(default), "text")
    return Option(name=name, flag="--" + name.replace("_", "-"), kind=kind, default=default, **more)


NAMES = st.sampled_from(
    (
        "lr",
        "momentum",
        "weight_decay",
        "dropout",
        "hidden",
        "batch_size",
        "layers",
        "warmup",
        "gamma",
        "beta2",
        "eps",
        "clip",
        "heads",
        "temperature",
        "width",
        "foo",
    )
)


@given(NAMES, st.one_of(st.integers(-5, 5000), st.floats(-1e3, 1e3), st.booleans()))
def test_every_range_makes_a_space_that_holds_its_default(name, default):
    known = range_of(option(name, default))
    if known is None:
        return
    space = space_of({name: known[0]})
    assert space.resolve()[name] == default
    assert space.resolve({name: default})[name] == default
    assert len(space.searched()) == 1


@pytest.mark.parametrize(
    ("name", "default", "entry"),
    [
        ("lr", 0.001, {"float": [1e-05, 0.03], "log": True, "default": 0.001}),
        ("dropout", 0.1, {"float": [0.0, 0.7], "default": 0.1}),
        ("hidden_size", 128, {"choice": [32, 64, 128, 256, 512], "default": 128}),
        ("weight_decay", 0.0, {"choice": [0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1], "default": 0.0}),
        ("nesterov", True, {"bool": True}),
    ],
)
def test_the_table_gives_what_the_field_would(name, default, entry):
    assert range_of(option(name, default))[0] == entry


@pytest.mark.parametrize(
    ("name", "default", "word"),
    [
        ("seed", 1, "seed"),
        ("random_state", 0, "seed"),
        ("epochs", 14, "length"),
        ("num_train_epochs", 3.0, "length"),
        ("max_steps", 1000, "length"),
        ("warmup_steps", 100, "knob"),
        ("log_interval", 10, "reporting"),
        ("num_workers", 4, "reporting"),
        ("data_dir", "data", "data"),
        ("no_cuda", False, "device"),
        ("output_dir", "out", "output"),
        ("save", "best.pt", "reporting"),
        ("lr", 0.1, "knob"),
        ("hidden", 64, "knob"),
        ("clip", None, "unset"),
        ("comment", "x", "text"),
    ],
)
def test_an_option_is_for_what_its_name_and_default_say(name, default, word):
    assert role(option(name, default)) == word


def test_what_the_user_gave_is_no_knob():
    assert role(option("lr", 0.1, given=True)) == "given"


def test_defaults_are_not_typed_and_own_arguments_stay_as_they_are():
    options = [option("lr", 0.1), option("amp", False, written="switch"), option("bias", -1.0)]
    assert command_line(options, {"lr": 0.1, "amp": False, "bias": -1.0}, ["--data", "x y"]) == [
        *("--data", "x y")
    ]
    assert command_line(options, {"lr": 1e-5, "amp": True, "bias": -2.5}, ["run"]) == [
        *("run", "--lr", "1e-05", "--amp", "--bias=-2.5")
    ]
