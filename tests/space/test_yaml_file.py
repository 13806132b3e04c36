"""YAML as people mean it: 1e-3 is a number, `on` is a word, and a key stands once."""

import math

import pytest

from homeostat.errors import ConfigError
from homeostat.space import yaml_file


def read(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return yaml_file.read(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        (".5", 0.5),
        ("-2", -2),
        ("010", 10),
        ("1.", 1.0),
        ("+.inf", math.inf),
        ("true", True),
        ("on", "on"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("~", None),
        ("null", None),
        ("", None),
        ("none", "none"),
        ("'1'", "1"),
        ("[1, a, 1e2]", [1, "a", 100.0]),
    ],
)
def test_values_are_read_as_people_write_them(tmp_path, text, value):
    read_value = read(tmp_path, f"a: {text}\n")["a"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3: the key 'a' stands here twice."),
        ("a:\n  b: 1\n  b: 2\n", ":3: the key 'b' stands here twice."),
        ("a: [1\nb: 2\n", ":2: expected ',' or ']', but got ':'."),
        ("a: 1\n b: 2\n", ":2: mapping values are not allowed here."),
        ("", " is empty; it must hold keys with values, such as `budget: 200`."),
        ("- 1\n", " holds a list; it must hold keys with values, such as `budget: 200`."),
        ("1: 2\n", ": the key 1 must be text."),
        (
            "a: !!python/object/apply:os.getcwd []\n",
            ":1: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object/apply:os.getcwd'.",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path, text, sentence):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'a.yaml'}{sentence}"


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^No file '.*gone\.yaml'\.$"):
        yaml_file.read(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match=r" cannot be read: Is a directory\.$"):
        yaml_file.read(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"b\.yaml is not text in UTF-8\.$"):
        yaml_file.read(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").write_bytes(b"a: \x00")
    with pytest.raises(ConfigError, match=r"c\.yaml: .*special characters are not allowed"):
        yaml_file.read(tmp_path / "c.yaml")
