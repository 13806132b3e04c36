"""Each workload file has its own neighbours, whoever else was loaded before or after."""

import importlib
import itertools
import sys

import pytest

import homeostat as hs
from homeostat.workload import load

WORKLOAD = """
import homeostat as hs
{top}
@hs.workload(space=hs.Space(lr=hs.Float(0.1, 1.0)), metric="value", goal="maximize", budget=2)
def train(config, trial):
    {inside}
    yield hs.Report(0, value=VALUE)

def look(record):
    {inside}
    return VALUE
"""
WAYS = {
    "at the top": {"top": "from model import VALUE", "inside": "pass"},
    "in a package": {"top": "from nets.deep import VALUE", "inside": "pass"},
    "when it runs": {"top": "", "inside": "from model import VALUE"},
    "when it runs, in a package": {"top": "", "inside": "from nets.deep import VALUE"},
    "by its name": {
        "top": "import importlib",
        "inside": "VALUE = importlib.import_module('model').VALUE",
    },
    "of a neighbour": {"top": "from through import VALUE", "inside": "pass"},
}
FOLDERS = ("a", "b", "c")


def make(folder, value, way):
    folder.mkdir()
    (folder / "nets").mkdir()
    (folder / "model.py").write_text(f"VALUE = {value}\n")
    (folder / "nets" / "deep.py").write_text("from model import VALUE\n")
    (folder / "through.py").write_text("from model import VALUE\n")
    (folder / "train.py").write_text(WORKLOAD.format(**WAYS[way]))
    return folder / "train.py"


def value_of(workload, results, **options):
    [attempt] = hs.run(workload, results=results, **options).attempts
    return attempt.values["value"]


def plain_names():
    return {name: sys.modules.get(name) for name in ("model", "nets", "nets.deep", "through")}


@pytest.mark.parametrize("way", [way for way in WAYS if way != "by its name"] + ["by its name"])
@pytest.mark.parametrize("order", ["loaded one by one", "loaded first"])
def test_each_file_gets_its_own(way, order, tmp_path):
    paths = {name: make(tmp_path / name, number, way) for number, name in enumerate(FOLDERS)}
    before, path = plain_names(), list(sys.path)
    workloads = {}
    if order == "loaded first":
        workloads = {name: load.find(paths[name]) for name in FOLDERS}
    for name in itertools.chain(FOLDERS, reversed(FOLDERS)):
        workload = workloads.get(name) or load.find(paths[name])
        assert value_of(workload, tmp_path / "results") == FOLDERS.index(name)
        if way != "by its name":  # which no file can make its own
            assert workload.loop.__globals__["look"](None) == FOLDERS.index(name)
    assert plain_names() == before
    assert sys.path == path


def test_the_callers_own_module_of_that_name_stays_the_callers(tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    (own / "model.py").write_text("VALUE = 100\n")
    monkeypatch.syspath_prepend(str(own))
    monkeypatch.delitem(sys.modules, "model", raising=False)
    mine = importlib.import_module("model")
    try:
        for number, way in enumerate(("at the top", "when it runs")):
            path = make(tmp_path / way.replace(" ", "_"), number, way)
            assert value_of(load.find(path), tmp_path / "results") == number
            assert sys.modules["model"] is mine
            assert importlib.import_module("model").VALUE == 100
    finally:
        sys.modules.pop("model", None)


def test_side_by_side_in_a_worker_each_file_gets_its_own(tmp_path):
    paths = [make(tmp_path / name, n, "when it runs") for n, name in enumerate(FOLDERS)]
    from homeostat.execute import make_engine

    with make_engine("local") as engine:  # one worker process for all of them
        values = [value_of(str(path), tmp_path / "results", engine=engine) for path in paths]
    assert values == [0, 1, 2]


@pytest.mark.parametrize("way", ["at the top", "when it runs", "of a neighbour"])
def test_a_neighbour_that_was_edited_is_read_anew(way, tmp_path):
    path = make(tmp_path / "a", 1, way)
    first = load.find(path)
    assert value_of(first, tmp_path / "results") == 1
    (tmp_path / "a" / "model.py").write_text("VALUE = 22\n")
    second = load.find(path)
    assert value_of(second, tmp_path / "results") == 22
    assert first.code_digest != second.code_digest
    assert value_of(first, tmp_path / "results") == 1  # the code that it was read with


def test_classes_of_neighbours_can_be_pickled_while_the_loop_runs(tmp_path):
    path = make(tmp_path / "a", 1, "at the top")
    (tmp_path / "a" / "model.py").write_text("class Net:\n    pass\nVALUE = 1\n")
    inside = "import pickle, model; net = pickle.loads(pickle.dumps(model.Net())); "
    inside += "VALUE = type(net) is model.Net"
    path.write_text(WORKLOAD.format(top="", inside=inside))
    assert value_of(load.find(path), tmp_path / "results") == 1.0


def test_a_neighbour_does_not_take_the_place_of_what_is_installed(tmp_path):
    """A folder of data called like an installed package is not that package."""
    path = make(tmp_path / "a", 1, "at the top")
    (tmp_path / "a" / "yaml").mkdir()
    (tmp_path / "a" / "yaml" / "notes.py").write_text("")
    path.write_text(WORKLOAD.format(top="import yaml", inside="VALUE = len(yaml.safe_load('[1]'))"))
    yaml = importlib.import_module("yaml")
    assert value_of(load.find(path), tmp_path / "results") == 1.0
    assert sys.modules["yaml"] is yaml
