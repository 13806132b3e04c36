"""A configuration is read-only, named by its content, and survives storage."""

import copy
import json
import pickle

import pytest

from homeostat.space import Choice, Float, Int, Space

SPACE = Space(lr=Float(1e-5, 0.1, log=True), width=Int(1, 9), act=Choice(["relu", None]))


def test_values_are_read_by_key_and_by_attribute():
    config = SPACE.resolve({"lr": 0.01})
    assert config["lr"] == config.lr == 0.01
    assert config.get("nothing") is None
    with pytest.raises(AttributeError, match="No parameter 'lrr' in this configuration"):
        _ = config.lrr


def test_values_cannot_be_written():
    config = SPACE.resolve()
    with pytest.raises(TypeError):
        config["lr"] = 1
    with pytest.raises(AttributeError, match="read-only"):
        config.lr = 1


def test_the_digest_names_the_content_and_not_its_origin():
    a = SPACE.resolve({"lr": 0.01, "width": 5})
    b = SPACE.resolve({"width": 5.0, "lr": 0.01}, source="elsewhere")
    assert a.digest == b.digest
    assert a == b
    assert len({a, b}) == 1
    assert SPACE.resolve({"lr": 0.02}).digest != a.digest
    assert len(a.digest) == 12


def test_the_digest_is_the_same_in_every_session():
    # Recorded once: changing how a digest is made would orphan stored runs.
    assert SPACE.resolve({"lr": 0.01}).digest == "09969d933732"


def test_a_configuration_survives_pickle_copy_and_json():
    config = SPACE.resolve({"lr": 0.01})
    for twin in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config), copy.copy(config)):
        assert twin == config
        assert twin.given == {"lr": 0.01}
        assert twin.active == config.active
    assert SPACE.resolve(json.loads(json.dumps(config.to_json()))) == config
