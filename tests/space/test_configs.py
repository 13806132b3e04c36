"""Named configurations: looked up, extended, checked, and refused with the file's name."""

from pathlib import Path

import pytest

from homeostat.errors import ConfigError, SpaceError, UnknownNameError
from homeostat.space import Choice, Float, Int, Space, configs

SPACE = Space(
    mode=Choice(["pure", "neat"]),
    lr=Float(1e-5, 0.1, log=True),
    size=Int(1, 9, default=3),
    species=Int(1, 9, default=2, when={"mode": "neat"}),
)


class Owner:
    """What has configurations; a workload in real life."""

    name = "evolution"
    space = SPACE

    def __init__(self, folder: Path | None) -> None:
        self.configs = folder


@pytest.fixture
def owner(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    files = {
        "neat_baseline": "description: The usual.\nbudget: 100\nseeds: 5\n"
        "parameters: {mode: neat, lr: 1e-3, species: 4}",
        "long": "budget: 400",
        "neat_sparse": "extends: neat_baseline\nparameters: {lr: 0.01}",
        "neat_long": "extends: [neat_sparse, long]\nparameters: {size: 5}",
        "pure": "extends: neat_baseline\nparameters: {mode: pure}",
        "diamond": "extends: [neat_sparse, neat_long]",
    }
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return Owner(folder)


def write(owner, name, text):
    path = owner.configs / f"{name}.yaml"
    path.write_text(text)
    return path


def test_a_configuration_is_found_by_name_and_by_path(owner, monkeypatch):
    config = configs.load("neat_baseline", owner)
    assert config.name == "neat_baseline"
    assert config.description == "The usual."
    assert config.parameters == {"mode": "neat", "lr": 1e-3, "species": 4}
    assert (config.budget, config.seeds) == (100, 5)
    assert config.lineage == ("neat_baseline",)
    assert configs.load(owner.configs / "neat_baseline.yaml", owner) == config
    monkeypatch.chdir(owner.configs)
    assert configs.load("neat_baseline.yaml", Owner(None)) == config


def test_the_workloads_configurations_are_listed(owner):
    (owner.configs / "notes.txt").write_text("no")
    assert configs.names(owner) == sorted(
        ["neat_baseline", "long", "neat_sparse", "neat_long", "pure", "diamond"]
    )
    assert configs.names(Owner(None)) == []


def test_a_child_wins_over_its_parents_and_a_later_parent_over_an_earlier(owner):
    config = configs.load("neat_long", owner)
    assert config.parameters == {"mode": "neat", "lr": 0.01, "species": 4, "size": 5}
    assert (config.budget, config.seeds) == (400, 5)
    assert config.lineage == ("neat_baseline", "neat_sparse", "long", "neat_long")
    assert config.inherited == {"mode", "lr", "species"}
    assert config.description == ""


def test_a_parent_reached_twice_is_no_circle(owner):
    assert configs.load("diamond", owner).lineage[-1] == "diamond"


def test_an_inherited_value_without_effect_is_dropped_and_told(owner):
    config = configs.load("pure", owner).resolve(owner.space)
    assert config.species == 2
    assert config.adjustments == ("species: 4 is not used, because mode is pure.",)


def test_what_a_file_sets_is_dropped_where_an_override_took_its_effect_away(owner):
    config = configs.load("neat_baseline", owner).resolve(owner.space, {"mode": "pure"})
    assert config.mode == "pure"
    assert config.adjustments == ("species: 4 is not used, because mode is pure.",)
    with pytest.raises(SpaceError, match="species: 5 would not be used"):
        configs.load("neat_baseline", owner).resolve(owner.space, {"mode": "pure", "species": 5})


def test_a_parent_is_looked_up_beside_the_file_that_extends_it(owner, tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: base\nparameters: {size: 1}")
    (tmp_path / "base.yaml").write_text("parameters: {lr: 0.1}")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "far.yaml").write_text("extends: ../mine.yaml")
    config = configs.load(tmp_path / "sub" / "far.yaml", owner)
    assert config.parameters == {"lr": 0.1, "size": 1}


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("paramters: {lr: 1}", ConfigError, "x.yaml: no key 'paramters' here.  Did you mean "),
        ("parameters: 3", ConfigError, "x.yaml: parameters must be names with values, got 3."),
        ("parameters: {lrr: 1}", UnknownNameError, "x.yaml: No parameter 'lrr'.  Did you mean"),
        ("parameters: {3: 1}", UnknownNameError, "x.yaml: No parameter 3.  Known: lr, mode"),
        ("parameters: {lr: 12}", SpaceError, "x.yaml: lr: 12 is outside 1e-05..0.1."),
        ("parameters: {lr: fast}", SpaceError, "x.yaml: lr: 'fast' is not a finite number; "),
        ("parameters: {lr: .nan}", SpaceError, "x.yaml: lr: nan is not a finite number; "),
        (
            "parameters: {species: 3}",
            SpaceError,
            "x.yaml: species: 3 would not be used, because mode is pure.  "
            "It is active when mode is neat.",
        ),
        ("budget: 0", ConfigError, "x.yaml: budget must be a whole number from 1, got 0."),
        ("budget: true", ConfigError, "x.yaml: budget must be a whole number from 1, got True."),
        ("seeds: many", ConfigError, "x.yaml: seeds must be a whole number from 1, got 'many'."),
        ("extends: 3", ConfigError, "x.yaml: extends must be a name or a list of names."),
        ("extends: x", ConfigError, "x.yaml: extends goes round in a circle: x -> x."),
        (
            "extends: nea_sparse",
            UnknownNameError,
            "No config 'nea_sparse' for evolution.  Did you mean 'neat_sparse'?",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(owner, text, error, sentence):
    write(owner, "x", text)
    with pytest.raises(error) as raised:
        configs.load("x", owner)
    assert str(raised.value).startswith(sentence)


def test_a_longer_circle_is_refused(owner):
    write(owner, "a", "extends: b")
    write(owner, "b", "extends: c")
    write(owner, "c", "extends: a")
    with pytest.raises(ConfigError, match="goes round in a circle: a -> b -> c -> a"):
        configs.load("a", owner)


def test_an_unknown_name_is_refused_with_the_nearest(owner):
    with pytest.raises(UnknownNameError) as error:
        configs.load("neat_baselin", owner)
    assert str(error.value) == (
        "No config 'neat_baselin' for evolution.  Did you mean 'neat_baseline'?"
    )
    with pytest.raises(UnknownNameError, match=r"^No file 'mine\.yaml'\.$"):
        configs.load("mine.yaml", owner)
    with pytest.raises(UnknownNameError, match="It has none of its own; give a YAML file"):
        configs.load("mine", Owner(None))
