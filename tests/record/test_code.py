"""One digest of a workload's own files: it changes with each of them, and with nothing else."""

import hashlib
import os
from pathlib import Path

import pytest

from homeostat.record.code import code_digest, code_of, is_same
from homeostat.workload import load

FILES = {
    "train.py": "import numpy\nimport model\nfrom data.reader import read\n",
    "model.py": "import layers as parts\n",
    "layers.py": "A = 1\n",
    "data/reader.py": "from . import fields\n",
    "data/fields.py": "B = 1\n",
    "later.py": "C = 1\n",
    "unrelated.py": "D = 1\n",
    "numpy_like/unrelated.py": "E = 1\n",
}
OWN = {"train.py", "model.py", "layers.py", "data/reader.py", "data/fields.py"}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "#a\n" if path.suffix == ".py" else text)


def change(path):
    """Another text of the same length, as a changed digit is."""
    status = path.stat()
    swapped = {"#a": "#A", "#A": "#a"}
    lines = path.read_text().splitlines()
    path.write_text("\n".join(swapped.get(line, line) for line in lines) + "\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, FILES)
    return tmp_path


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_changes_with_each_own_file_and_with_no_other(folder, name):
    source = folder / "train.py"
    before = code_of(source)
    assert set(before.files) == OWN
    change(folder / name)
    after = code_of(source)
    assert (after.digest != before.digest) == (name in OWN)
    assert after.changed(before.files) == ([name] if name in OWN else [])
    change(folder / name)
    assert code_digest(source) == before.digest


IMPORTS = [
    "def loop():\n    import later\n",
    "try:\n    from later import C\nexcept ImportError:\n    pass\n",
    "import importlib\nimportlib.import_module('later')\n",
    "from later import *\n",
    "if 1:\n    import later as other\n",
]


@pytest.mark.parametrize("text", IMPORTS)
def test_imports_count_wherever_they_stand(folder, text):
    write(folder, {"layers.py": text})
    assert set(code_of(folder / "train.py").files) == OWN | {"later.py"}


def test_a_neighbour_that_is_made_later_counts_from_then_on(folder):
    (folder / "later.py").unlink()
    write(folder, {"layers.py": IMPORTS[1]})
    before = code_of(folder / "train.py")
    write(folder, {"later.py": "C = 2\n"})
    assert code_of(folder / "train.py").changed(before.files) == ["later.py"]


def test_the_same_files_elsewhere_have_the_same_digest(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    write(other, FILES)
    assert code_digest(other / "train.py") == code_digest(folder / "train.py")


def test_in_a_package_the_whole_package_counts_and_not_what_is_installed_beside_it(tmp_path):
    files = {
        "mine/__init__.py": "",
        "mine/net.py": "from mine.deep import layer\n",
        "mine/deep/__init__.py": "",
        "mine/deep/layer.py": "import numpy\n",
        "mine/train/__init__.py": "",
        "mine/train/workload.py": "from ..net import Net\n",
        "numpy/__init__.py": "",
        "mine/unused.py": "",
    }
    write(tmp_path, files)
    own = set(code_of(tmp_path / "mine/train/workload.py").files)
    assert own == {
        "workload.py", "../net.py", "../__init__.py", "../deep/__init__.py", "../deep/layer.py",
    } | (own & {"__init__.py"})  # fmt: skip


def test_of_a_built_in_workload_its_own_room_counts_and_not_the_rest_of_the_program():
    files = code_of(load.find("ncp").source).files
    assert {"workload.py", "model.py", "learner.py"} <= set(files)
    assert not any(name.startswith("..") for name in files)


def test_of_a_command_the_scripts_that_its_file_names_count(tmp_path):
    yaml = 'command: [python, "{here}/train.py", --lr, "{lr}"]\nspace: {lr: [0.1, 1.0]}\n'
    write(tmp_path, FILES | {"train.yaml": yaml, "data.csv": "1\n"})
    assert set(code_of(tmp_path / "train.yaml").files) == OWN | {"train.yaml"}


def test_loops_of_imports_damaged_files_and_links_come_to_an_end(tmp_path):
    write(tmp_path, {"train.py": "import a, b\n", "a.py": "import train, a\n", "b.py": "def (:\n"})
    (tmp_path / "c.py").symlink_to(tmp_path / "a.py")
    assert set(code_of(tmp_path / "train.py").files) == {"train.py", "a.py", "b.py"}
    assert code_of(tmp_path / "gone.py") is None
    assert code_of(None) is None


def test_digests_of_an_earlier_version_are_understood(folder):
    source = folder / "train.py"
    earlier = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    assert is_same(earlier, source)
    assert is_same(code_digest(source), source)
    change(folder / "layers.py")
    assert is_same(earlier, source)  # it knew the one file
    change(source)
    assert not is_same(earlier, source)
    assert is_same(None, None)
    assert not is_same(None, source)
    assert not is_same("0" * 16, Path("gone.py"))
