"""What a space is made of, what it refuses, and how a few given values become a configuration."""

import pytest

from homeostat.errors import SpaceError, UnknownNameError
from homeostat.space import Bool, Choice, Derived, Fixed, Float, Int, Space, Text

MLP = Space(
    lr=Float(1e-5, 1e-1, log=True, default=1e-3),
    width=Int(16, 256, log=True, tier=2),
    method=Choice(["rank", "tournament"]),
    size=Int(2, 20, default=4, tier=2, when={"method": "tournament"}),
    pressure=Float(0, 1, tier=3, when={"size": (2, 3)}),
    legacy=Bool(fixed="kept to reproduce the guide"),
    half=Derived(lambda c: c.width // 2, why="half the width", of=Int(1, 128)),
    area=Derived(lambda c: c["half"] * c["width"], why="half times width"),
    weight_decay=Fixed(0.01, why="settled in study 3"),
    data=Text("digits", when={"legacy": False}),
)


def refused(overrides, **options):
    with pytest.raises((SpaceError, UnknownNameError)) as error:
        MLP.resolve(overrides, **options)
    return str(error.value)


def test_values_left_out_take_their_defaults():
    config = MLP.resolve()
    assert dict(config) == {
        "lr": 1e-3,
        "width": 64,
        "method": "rank",
        "size": 4,
        "pressure": 0.5,
        "legacy": False,
        "half": 32,
        "area": 2048,
        "weight_decay": 0.01,
        "data": "digits",
    }
    assert config.given == {}
    assert config.adjustments == ()


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    sentence = "No parameter 'lrr' in mlp.  Did you mean 'lr'?"
    assert refused({"lrr": 1}, source="mlp") == sentence
    assert refused({"widht": 1}) == "No parameter 'widht'.  Did you mean 'width'?"


def test_a_value_out_of_range_is_refused_by_name():
    assert refused({"lr": 12}) == "lr: 12 is outside 1e-05..0.1."


def test_a_settled_value_cannot_be_set():
    assert refused({"weight_decay": 0.1}) == (
        "weight_decay is settled at 0.01 and cannot be set: settled in study 3."
    )


def test_a_derived_value_cannot_be_set_unless_it_has_a_range():
    assert refused({"area": 3}) == "area is derived and cannot be set: half times width."
    assert refused({"half": 1000}) == "half: 1000 is outside 1..128."


def test_a_derived_value_set_by_hand_wins_and_is_told():
    config = MLP.resolve({"half": 10})
    assert config.half == 10
    assert config.area == 640
    assert config.adjustments == ("half: set to 10 by hand, not derived.",)


def test_an_inactive_parameter_keeps_its_default_and_is_not_active():
    config = MLP.resolve()
    assert "size" not in config.active
    assert config.size == 4
    assert "size" in MLP.resolve({"method": "tournament"}).active


def test_conditions_hold_transitively():
    assert "pressure" in MLP.resolve({"method": "tournament", "size": 3}).active
    assert "pressure" not in MLP.resolve({"method": "tournament", "size": 9}).active
    # size is 3 by name only: it is inactive itself.
    config = MLP.resolve({"size": 3, "method": "rank"}, inherited=["size"])
    assert "pressure" not in config.active


def test_setting_an_unused_parameter_is_refused_and_says_what_would_use_it():
    assert refused({"size": 5}) == (
        "size: 5 would not be used, because method is rank.  "
        "It is active when method is tournament."
    )
    assert refused({"pressure": 0.1, "method": "tournament"}) == (
        "pressure: 0.1 would not be used, because size is 4.  It is active when size is 2 or 3."
    )


def test_an_unused_parameter_that_was_inherited_is_dropped_and_told():
    config = MLP.resolve({"size": 5}, inherited=["size"])
    assert config.size == 4
    assert config.given == {}
    assert config.adjustments == ("size: 5 is not used, because method is rank.",)


def test_a_configuration_resolves_to_itself():
    config = MLP.resolve(
        {"method": "tournament", "size": 3, "pressure": 0.2, "half": 7, "data": "mine"}
    )
    assert MLP.resolve(config) == config


def test_texts_from_a_command_line_are_read_by_the_parameter():
    assert MLP.parse(["lr=1e-2", "method = tournament", "legacy=true", "half=3"]) == {
        "lr": 1e-2,
        "method": "tournament",
        "legacy": True,
        "half": 3,
    }


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("lr", "'lr' is not a setting; write name=value."),
        ("lrr=1", "No parameter 'lrr' in mlp.  Did you mean 'lr'?"),
        ("lr=fast", "lr: 'fast' is not a number; expected a number in 1e-05..0.1."),
        (
            "weight_decay=1",
            "weight_decay is settled at 0.01 and cannot be set: settled in study 3.",
        ),
        ("area=1", "area is derived and cannot be set: half times width."),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting, sentence):
    with pytest.raises((SpaceError, UnknownNameError)) as error:
        MLP.parse([setting], source="mlp")
    assert str(error.value) == sentence


def test_a_search_varies_ranges_by_tier_or_by_name():
    assert list(MLP.searched()) == ["lr", "width", "method", "size", "pressure"]
    assert list(MLP.searched(tiers=[1])) == ["lr", "method"]
    assert list(MLP.searched(tiers=[2, 3])) == ["width", "size", "pressure"]
    assert MLP.searched(names=["size", "half"]) == {"size": MLP["size"], "half": Int(1, 128)}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"names": ["widht"]}, "No parameter 'widht'.  Did you mean 'width'?"),
        ({"names": ["weight_decay"]}, "weight_decay cannot be searched: settled in study 3."),
        ({"names": ["area"]}, "area cannot be searched: half times width."),
        ({"names": ["data"]}, "data cannot be searched: free text has no range."),
        ({"names": ["legacy"]}, "legacy is not searched: kept to reproduce the guide."),
        ({"tiers": [4]}, "There is no parameter of tier 4 to search."),
    ],
)
def test_what_a_search_cannot_vary_is_refused(options, sentence):
    with pytest.raises((SpaceError, UnknownNameError)) as error:
        MLP.searched(**options)
    assert str(error.value) == sentence


def test_the_table_of_a_space_has_a_row_for_each_parameter_with_its_reason():
    rows = {row["name"]: row for row in MLP.rows()}
    assert list(rows) == list(MLP)
    assert rows["lr"] == {
        "name": "lr",
        "kind": "float",
        "range": "1e-05..0.1",
        "log": True,
        "default": 1e-3,
        "tier": 1,
        "when": "",
        "why": "",
        "help": "",
    }
    assert rows["pressure"]["when"] == "size is 2 or 3"
    assert rows["legacy"]["why"] == "kept to reproduce the guide"
    assert rows["half"]["kind"] == "derived"
    assert rows["half"]["range"] == "1..128"
    assert rows["weight_decay"]["why"] == "settled in study 3"
    assert rows["weight_decay"]["tier"] is None


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "A space needs at least one parameter."),
        (
            {"lr": 3},
            "lr: expected Float, Int, Choice, Bool, Fixed or Derived, got 3.",
        ),
        ({"a-b": Bool()}, "'a-b' cannot be a parameter's name; use letters, digits and _."),
        ({"_a": Bool()}, "'_a' cannot be a parameter's name; use letters, digits and _."),
        ({"class": Bool()}, "'class' cannot be a parameter's name; use letters, digits and _."),
        (
            {"values": Bool()},
            "'values' cannot be a parameter's name: configurations use it themselves.",
        ),
        (
            {"act": Bool(), "a": Bool(when={"cat": 1})},
            "a: its condition names 'cat', which is not a parameter.  Did you mean 'act'?",
        ),
        (
            {"n": Int(1, 3), "a": Bool(when={"n": 4})},
            "a: its condition on n: 4 is outside 1..3.",
        ),
        (
            {"a": Bool(when={"b": True}), "b": Bool(when={"a": True})},
            "a: it depends on itself: a -> b -> a.  "
            "Conditions, rules and formulas must not go round in a circle.",
        ),
        (
            {"a": Bool(when={"a": True})},
            "a: it depends on itself: a -> a.  "
            "Conditions, rules and formulas must not go round in a circle.",
        ),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(parameters, sentence):
    with pytest.raises(SpaceError) as error:
        Space(**parameters)
    assert str(error.value) == sentence
