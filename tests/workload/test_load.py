"""Finding a workload: by name, file, module or YAML; and what is said when there is none."""

import subprocess
import sys

import pytest

import homeostat as hs
from homeostat.errors import HomeostatError, UnknownNameError, WorkloadError
from homeostat.workload import installed, load

HEAD = """import homeostat as hs
space = hs.Space(lr=hs.Float(1e-5, 0.1, log=True))
"""
LOOP = """
@hs.workload(space=space, metric="loss", goal="minimize", budget=3{more})
def {name}(config, trial):
    yield hs.Report(0, loss=config.lr)
"""
ONE = HEAD + LOOP.format(name="mlp", more="")


def refused(reference):
    with pytest.raises(HomeostatError) as error:
        load.find(reference)
    return str(error.value)


@pytest.fixture
def write(tmp_path, monkeypatch):
    # Loading a file puts its folder on the path and its module among the loaded ones, on purpose.
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", sys.modules.copy())

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_only_workload_of_a_file_is_found(write):
    path = write(ONE)
    for reference in (path, str(path), f"{path}:mlp"):
        found = load.find(reference)
        assert found.name == "mlp"
        assert found.reference == f"{path}:mlp"
    assert load.find(found) is found


def test_one_of_several_is_found_by_name(write):
    path = write(ONE + LOOP.format(name="gru", more=', name="Gated"'))
    assert load.find(f"{path}:mlp").name == "mlp"
    assert load.find(f"{path}:gru").name == "Gated"
    assert load.find(f"{path}:Gated").reference == f"{path}:gru"
    assert refused(path) == f"{path} has several workloads: mlp, gru.  Choose one:  {path}:mlp"
    assert refused(f"{path}:grn") == f"No workload 'grn' in {path}.  Did you mean 'gru'?"


def test_a_file_means_its_own_workload_and_not_an_imported_one(write):
    write(ONE, "base.py")
    path = write("from base import *\nfrom base import mlp\n" + LOOP.format(name="deep", more=""))
    assert load.find(path).name == "deep"


def test_a_workload_that_is_only_imported_is_found_too(write):
    base = write(ONE, "base.py")
    path = write("from base import mlp\n")
    assert load.find(path).reference == f"{base}:mlp"


def test_a_script_is_read_up_to_the_call_that_starts_work(write):
    path = write(
        ONE
        + """
from homeostat.workload.load import refuse_while_loading
try:
    refuse_while_loading()  # what hs.run, hs.tune ... begin with
except Exception:
    pass
raise SystemError("never reached")
"""
    )
    assert load.find(path).name == "mlp"


def test_outside_of_loading_work_may_start():
    load.refuse_while_loading()


def test_the_part_for_scripts_is_not_run(write):
    path = write(ONE + "if __name__ == '__main__':\n    raise SystemError\n")
    assert load.find(path).name == "mlp"


def test_a_file_may_use_dataclasses_and_the_files_beside_it(write):
    write("WIDTH = 7\n", "beside.py")
    path = write(
        "from __future__ import annotations\n"
        + ONE
        + "from dataclasses import dataclass\nfrom typing import ClassVar\nimport beside\n"
        "@dataclass\nclass A:\n    b: ClassVar[int] = 1\n    w: int = beside.WIDTH\nA()\n"
    )
    assert load.find(path).name == "mlp"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + "x = 1/0\n", "mine.py:3: ZeroDivisionError: division by zero."),
        (HEAD + "import nowhere_at_all\n", "mine.py:3: ModuleNotFoundError: No module named"),
        (HEAD + "def f(:\n", "mine.py:3: SyntaxError: "),
        ("import homeostat as hs\nhs.Float(1, 0)\n", "mine.py:2: Float: low must be below high,"),
        (HEAD + "raise ValueError('a\\nb')\n", "mine.py:3: ValueError: a b."),
        (HEAD + "raise ValueError\n", "mine.py:3: ValueError."),
        (
            HEAD + "import sys\nsys.exit(1)\n",
            "mine.py:4: it exits while it is being read.  Put the",
        ),
        (HEAD, "No workload in "),
        ("\0", "mine.py:1: SyntaxError: source code "),
    ],
)
def test_a_file_that_cannot_be_used_says_why_in_one_line(write, text, sentence):
    message = refused(write(text))
    assert message.startswith(sentence)
    assert "\n" not in message


def test_an_error_further_down_names_the_line_of_the_file_itself(write):
    write("def fail():\n    raise OSError('disk')\n", "beside.py")
    path = write("import beside\n\n\nbeside.fail()\n")
    assert refused(path).startswith("mine.py:4: OSError: disk.")


def test_a_file_that_is_not_text_is_refused(write, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    assert refused(path).startswith("mine.py:1: SyntaxError: ")


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setitem(installed.installed_workloads(), "liquid", "liquid_module:liquid")


def test_a_built_in_is_imported_by_its_name(write, table):
    write(ONE.replace("mlp", "liquid"), "liquid_module.py")
    sys.path.insert(0, str(write("", "x.py").parent))
    found = load.find("liquid")
    assert found.name == "liquid"
    assert found.reference == "liquid"
    assert load.find("liquid_module:liquid") is found


def test_an_unknown_name_is_refused_with_the_nearest(table):
    assert refused("liqud") == (
        "No workload 'liqud'.  Did you mean 'liquid'?  See:  homeostat workloads"
    )


def test_an_unknown_file_or_module_is_refused(write):
    path = write(ONE)
    wrong = path.with_name("mien.py")
    assert refused(wrong) == f"No file {str(wrong)!r}.  Did you mean {str(path)!r}?"
    assert refused("nowhere.yaml").startswith("No file 'nowhere.yaml'.  Write a first")
    assert refused("nowhere:mlp") == "No module 'nowhere'.  See:  homeostat workloads"
    assert refused("homeostat.nowhere:mlp").startswith("No module 'homeostat.nowhere'.")
    assert refused("homeostat.errors:x").startswith("No workload in homeostat.errors.")


def test_every_built_in_is_found_by_its_name():
    for name in installed.installed_workloads():
        found = load.find(name)
        assert found.name == name
        assert found.reference == name


def test_a_workload_made_inside_a_function_cannot_be_loaded_again():
    def make():
        @hs.workload(space=hs.Space(a=hs.Bool()), metric="loss", goal="minimize", budget=1)
        def inner(config, trial):
            yield

        return inner

    with pytest.raises(WorkloadError) as error:
        _ = make().reference
    assert str(error.value) == (
        "inner cannot be loaded by another process, because it was made inside a function.  "
        "Define it at the top of a .py file, or use engine='inline'."
    )


def test_a_workload_made_inside_a_function_but_kept_at_the_top_can(write):
    path = write(
        HEAD
        + "def make():\n"
        + LOOP.format(name="inner", more="").replace("\n", "\n    ")
        + "\n    return inner\nouter = make()\n"
    )
    found = load.find(path)
    assert found.reference == f"{path}:outer"
    assert load.find(found.reference).name == "inner"


def test_a_workload_typed_at_a_prompt_cannot_be_loaded_again():
    names = {"__name__": "__main__"}
    exec(compile(ONE, "<stdin>", "exec"), names)
    with pytest.raises(WorkloadError, match="it was typed in a notebook or at a prompt"):
        _ = names["mlp"].reference


def test_a_script_knows_how_another_process_finds_its_workload(write):
    path = write(ONE + "if __name__ == '__main__':\n    print(mlp.reference)\n")
    shown = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert shown == f"{path}:mlp"
    assert load.find(shown).name == "mlp"


def test_a_file_in_a_package_is_found_again_as_a_module(write, tmp_path):
    (tmp_path / "pack").mkdir()
    write("", "pack/__init__.py")
    write(ONE, "pack/base.py")
    write("from .base import mlp\nfrom . import base\n", "pack/use.py")
    sys.path.insert(0, str(tmp_path))
    assert load.find("pack.use:mlp").reference == "pack.base:mlp"
    assert isinstance(load.find("pack.base:mlp"), hs.Workload)
    with pytest.raises(UnknownNameError):
        load.find("pack:mlp")
