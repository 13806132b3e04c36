"""What `homeostat init` writes runs as it is, is sound, and never replaces a file."""

import json

import pytest

import homeostat as hs
from homeostat.cli.main import app, run_app
from homeostat.errors import RecordError, UnknownNameError
from homeostat.starters import KINDS, identifier, start
from homeostat.workload.load import find


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_runs_as_it_is_learns_and_repeats_itself(kind, tmp_path):
    if kind in ("torch", "lightning"):
        pytest.importorskip(kind)
    started = start(tmp_path / "my-project", kind)
    workload = find(started.workload)
    assert workload.name == "my_project"
    first, second = (hs.run(workload, budget=4, results=tmp_path / name) for name in "ab")
    assert first.outcome == "completed", first.attempts[0].reason
    curves = first.attempts[0].curves
    losses = curves["val_loss"]
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert list(curves["val_loss"]) == list(second.attempts[0].curves["val_loss"])


@pytest.mark.parametrize("kind", ["torch", "lightning"])
@pytest.mark.slow
def test_the_probe_sees_what_is_trained_and_finds_no_fault(kind, tmp_path):
    pytest.importorskip(kind)
    found = hs.probe(find(start(tmp_path / "p", kind).workload), steps=3, seconds=5)
    assert not found.faults
    status = {check.name: check.status for check in found.checks}
    assert status["coverage"] == status["gradients"] == status["descent"] == "ok"


def test_nothing_is_overwritten_and_nothing_is_half_written(tmp_path):
    start(tmp_path / "p", "torch")
    mine = tmp_path / "p" / "workload.py"
    mine.write_text("mine")
    with pytest.raises(RecordError, match=r"workload.py exists already and is kept"):
        start(tmp_path / "p", "sklearn")
    assert mine.read_text() == "mine"
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "train.py").write_text("mine")
    with pytest.raises(RecordError, match=r"train.py exists already"):
        start(tmp_path / "q", "command")
    assert not (tmp_path / "q" / "workload.yaml").exists()


def test_a_file_name_is_taken_as_it_is_and_must_fit_the_kind(tmp_path):
    assert start(tmp_path / "net.py", "sklearn").files == (tmp_path / "net.py",)
    assert find(tmp_path / "net.py").name == "net"
    with pytest.raises(UnknownNameError, match=r"written as a \.yaml file"):
        start(tmp_path / "net2.py", "command")
    with pytest.raises(UnknownNameError, match="Did you mean 'sklearn'"):
        start(tmp_path / "net3.py", "sklern")


@pytest.mark.parametrize(
    ("given", "name"),
    [("my-project", "my_project"), ("3d net", "my_model"), ("class", "my_model"), ("É", "é")],
)
def test_the_loop_is_called_after_the_project_where_python_allows_it(given, name):
    assert identifier(given) == name


def test_the_command_says_what_to_type_next(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_app(app, ["init", "net", "--kind", "command"], name="homeostat") == 0
    assert "homeostat tune net/workload.yaml" in capsys.readouterr().out
    assert run_app(app, ["init", "net2", "-k", "sklearn", "--json"], name="homeostat") == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["net2/workload.py"]
    assert run_app(app, ["init", "net"], name="homeostat") == 0  # another kind, another file
    assert run_app(app, ["init", "net"], name="homeostat") == 1
    assert "exists already" in capsys.readouterr().err
