"""Looking at results: nothing that they name is run, and nothing in their folder changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

import homeostat as hs
from homeostat.cli.main import app
from homeostat.dashboard.app import make_app
from homeostat.errors import HomeostatError, RecordError
from homeostat.pages.study.sections import SECTIONS
from homeostat.search.search import look_store, read
from homeostat.study import looking
from homeostat.study.steady import read_steadily
from homeostat.workload import load

LOOP = '''
"""A loop."""
import os
import pathlib
import homeostat as hs
import plotly.graph_objects as go

pathlib.Path(os.environ["MARK"]).touch()  # that this file was run


def way(kept):
    return hs.View("Way", go.Figure(go.Scatter(y=[1.0, 2.0])), "As it went.")


@hs.workload(
    space=hs.Space(lr=hs.Float(1e-3, 1.0, log=True), act=hs.Choice(["a", "b"])),
    metric="loss", goal="minimize", budget=3, views=(way,),
)
def loop(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=config["lr"] + (config["act"] == "b") / (1 + step))
'''
DEFINITION = {
    "method": "tpe", "seed": 0, "seeds": [42], "budget": 1, "wave": 1, "start": {}, "pins": {},
    "objectives": {"loss": "minimize"}, "searched": {},
}  # fmt: skip
WRITE = """
import sys, time
from homeostat.study.store import Store
while True:
    store = Store(sys.argv[1])
    for _ in range(4):
        store.update(int(sys.argv[2]), confirmation={"text": "x" * 20_000})  # more than one page
    store.close()
    time.sleep(0.003)  # without a journal
"""
NASTY = "../../up<script>alert(1)</script>\x1b[31m\x07 & %s ?x=1#y"


def picture(folder):
    """Every file and folder below, with its content and the time it was changed."""
    return {
        path.relative_to(folder): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *sorted(folder.rglob("*"))]
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Results whose run and study name a file that leaves a mark when it is run."""
    base = tmp_path_factory.mktemp("hostile")
    (base / "evil.py").write_text(LOOP)
    mark, results = base / "mark", base / "res%41?x=y" / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARK", str(mark))
        patch.syspath_prepend(str(base))
        made = load.find(base / "evil.py")
        hs.run(made, seeds=2, results=results, name="first")
        hs.run(made, {"lr": 0.5}, seeds=2, results=results, name="second")
        hs.search(made, 12, study="s", results=results, method="random", confirm=False)
        _spoil(results)
        mark.unlink()
        yield base, results, mark
        for name in [n for n in sys.modules if n.startswith("homeostat_file_evil")]:
            del sys.modules[name]


def _spoil(results):
    """A second study and a second reference, with names that nobody should take as they are."""
    with closing(sqlite3.connect(results / "studies.db")) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(nas_studies)")]
        copied = ", ".join(c for c in columns if c not in ("id", "name", "workload", "settings"))
        settings = json.dumps({"reference": "evil:loop", "trials": 3})
        connection.execute(
            f"INSERT INTO nas_studies (name, workload, settings, {copied}) "
            f"SELECT ?, ?, ?, {copied} FROM nas_studies WHERE name = 's'",
            (NASTY, NASTY, settings),
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (second,) = results.glob("second*/run.json")
    document = json.loads(second.read_text())
    document |= {"crc32": None, "reference": "evil:loop", "workload": NASTY}
    second.write_text(json.dumps(document))


def commands(results, base):
    first, second = sorted(p.parent.name for p in results.glob("*/run.json"))
    where, out = ["--results", str(results)], base / "out"
    yield ["status", *where]
    for study in ("s", NASTY):
        yield ["status", "--study", study, *where]
        yield ["best", "--study", study, *where]
        yield ["pareto", "--study", study, *where]
    yield ["importance", "--study", NASTY, *where, "--plot", str(base / "plot.html")]
    yield ["report", "--study", "s", *where, "--out", str(out), "--no-execute"]
    yield ["export", "--study", NASTY, *where, "--to", f"sqlite:///{base}/o.db"]
    yield ["diagnose", str(results / first)]
    yield ["diagnose", second, *where]
    yield ["compare", str(results / first), str(results / second)]
    yield ["notes", "add", str(results / first), "--file", str(base / "NOTES.md")]
    yield ["notes", "add", second, "--file", str(base / "NOTES.md"), *where]
    yield ["notes", "--file", str(base / "NOTES.md")]


def test_no_command_that_looks_runs_what_results_name_or_changes_them(hostile, capsys):
    base, results, mark = hostile
    before = picture(results)
    went = 0
    for command in commands(results, base):
        try:
            app(command, standalone_mode=False)
            went += 1
        except (HomeostatError, SystemExit):
            pass
        assert not mark.exists(), command
        assert picture(results) == before, command
        assert "evil" not in sys.modules
    assert went > 8
    assert "\x1b[31m" not in capsys.readouterr().out


def test_no_route_runs_what_results_name_or_changes_them(hostile):
    _, results, mark = hostile
    before = picture(results)
    client = TestClient(make_app(results), base_url="http://localhost")
    runs = [run["name"] for run in client.get("/api/runs").json()["runs"]]
    studies = [study["name"] for study in client.get("/api/studies").json()]
    assert len(runs) == 2 and len(studies) == 2
    routes = ["/", "/api/runs", "/api/studies", "/api/notes", "/api/replays", "/api/workloads"]
    for run in runs:
        parts = ("", "/views", "/family", "/log", "/file")
        routes += [f"/api/run{part}?name={run}&stem=x&seed=42&file=log.txt" for part in parts]
    routes += [f"/api/curves?run={runs[0]}", f"/api/compare?run={runs[0]}&run={runs[1]}"]
    for study in (*studies, "../s"):
        rests = ("", "/trials", "/trials/0", *(f"/sections/{name}" for name in SECTIONS))
        routes += [f"/api/studies/{quote(study, safe='')}{rest}" for rest in rests]
    for route in routes:
        assert client.get(route).status_code < 500, route
        assert not mark.exists(), route
        assert picture(results) == before, route


def test_views_were_kept_when_the_run_ended_and_are_shown_without_its_workload(hostile):
    _, results, mark = hostile
    client = TestClient(make_app(results), base_url="http://localhost")
    (first,) = [
        r["name"] for r in client.get("/api/runs").json()["runs"] if r["name"].startswith("first")
    ]
    (way,) = client.get(f"/api/run/views?name={first}").json()["views"]
    assert (way["title"], way["figure"]["data"][0]["y"]) == ("Way", [1.0, 2.0])
    sections = [client.get(f"/api/studies/s/sections/{name}").text for name in SECTIONS]
    assert any("As it went." in section for section in sections)
    assert not mark.exists()


def test_whoever_names_the_workload_gets_what_only_it_knows(hostile):
    base, results, mark = hostile
    (first,) = (p.parent for p in results.glob("first*/run.json"))
    with pytest.raises(RecordError, match="not run because") as error:
        hs.diagnose(first)
    assert "--workload" in error.value.hint
    assert not mark.exists()
    assert read("s", results=results, workload=base / "evil.py").study == "s"
    assert mark.exists()
    mark.unlink()
    assert "completed" in str(hs.diagnose(first, workload=base / "evil.py", seconds=2)).lower()
    mark.unlink()


def test_a_look_at_nothing_makes_nothing(tmp_path, capsys):
    for folder in (tmp_path / "absent", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        app(["status", "--results", str(folder)], standalone_mode=False)
        client = TestClient(make_app(folder), base_url="http://localhost")
        assert client.get("/api/studies").json() == [] == client.get("/api/runs").json()["runs"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty"]
    assert list((tmp_path / "empty").iterdir()) == []
    assert "No studies" in capsys.readouterr().out


def test_a_look_sees_what_a_driver_has_just_written_and_takes_no_lock(tmp_path, hostile):
    _, results, _ = hostile
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "studies.db").write_bytes((results / "studies.db").read_bytes())
    with closing(sqlite3.connect(folder / "studies.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE nas_studies SET name = 'renamed' WHERE name = 's'")
        writer.execute("BEGIN IMMEDIATE")  # the one lock for writing is taken
        writer.execute("UPDATE nas_studies SET name = 'unseen' WHERE name = 'renamed'")
        before = picture(folder)
        assert look_store(folder).names()[0] == "renamed"
        assert picture(folder) == before
        copied = tmp_path / "copied"
        copied.mkdir()
        for name in ("studies.db", "studies.db-wal"):  # without the index beside them
            (copied / name).write_bytes((folder / name).read_bytes())
        before = picture(copied)
        assert look_store(copied).names()[0] == "renamed"
        assert picture(copied) == before
        writer.execute("ROLLBACK")


def test_tables_of_an_earlier_version_are_read_as_they_are(tmp_path, hostile):
    _, results, _ = hostile
    path = tmp_path / "studies.db"
    path.write_bytes((results / "studies.db").read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("ALTER TABLE nas_drivers DROP COLUMN confirms")
        connection.commit()
    before = picture(tmp_path)
    assert look_store(tmp_path).names()[0] == "s"
    assert read("s", results=tmp_path).study == "s"
    assert picture(tmp_path) == before


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "studies.db").write_bytes(b"rubbish" * 100)
    with pytest.raises(RecordError, match="Cannot use the studies"):
        look_store(tmp_path).names()


@pytest.mark.slow
def test_who_looks_while_others_open_write_and_close_always_sees_a_study(tmp_path):
    file = tmp_path / "studies.db"
    key = hs.Store(file).create("watched", "mlp", DEFINITION, {"jobs": 1}).key
    with subprocess.Popen([sys.executable, "-c", WRITE, str(file), str(key)]) as writer:
        try:
            while not hs.Store(file, look=True).study("watched").confirmation:
                assert writer.poll() is None
            seen = [hs.Store(file, look=True).study("watched").key for _ in range(3000)]
        finally:
            writer.kill()
    assert seen == [key] * 3000


def test_a_writer_that_closes_while_a_file_is_being_opened_to_look_is_no_error(
    tmp_path, monkeypatch
):
    writer = hs.Store(tmp_path / "studies.db")
    key = writer.create("watched", "mlp", DEFINITION, {"jobs": 1}).key
    opens, ways = looking._read_only, []

    def open_late(path, how):
        writer.close()  # and with it the journal that has just been seen
        ways.append(how)
        return opens(path, how)

    monkeypatch.setattr(looking, "_read_only", open_late)
    assert hs.Store(tmp_path / "studies.db", look=True).study("watched").key == key
    assert ways == ["readonly_shm=1", "immutable=1"]


def test_what_was_read_while_the_file_changed_is_read_again(tmp_path):
    file, readings = tmp_path / "file", []

    def read():
        readings.append(file.read_text(encoding="utf-8"))
        if len(readings) < 3:
            file.write_text(f"{len(readings)}" * len(readings), encoding="utf-8")
        return readings[-1]

    file.write_text("", encoding="utf-8")
    assert read_steadily(str(file), read) == "22" and readings == ["", "1", "22"]


def test_what_cannot_be_read_though_nobody_writes_is_told_at_once(tmp_path):
    readings = []

    def read():
        readings.append(1)
        raise RecordError("damaged")

    with pytest.raises(RecordError, match="damaged"):
        read_steadily(str(tmp_path / "file"), read)
    assert len(readings) == 1
