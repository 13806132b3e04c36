"""The Ray engine on a real cluster: what is lost goes on elsewhere, and everything comes home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.contracts.test_engines import job
from tests.execute.cluster import needs_ray, two_nodes
from tests.search.loops import racing, slow

import homeostat as hs
from homeostat.errors import MissingExtraError, RecordError, UnknownNameError
from homeostat.execute import Finished, Job, Reported, make_engine, run
from homeostat.execute.engines.messages import Ended, News, pack
from homeostat.execute.engines.ray.actor import SCRATCH, Actor
from homeostat.execute.engines.ray.cluster import Share
from homeostat.execute.engines.ray.order import order
from homeostat.execute.engines.ray.sync import Watched, everything, put
from homeostat.execute.engines.table import parse_engine
from homeostat.record import Outcome, read_attempt
from homeostat.record.runs import read_run
from homeostat.search.optimise import Told
from homeostat.workload import load

LOOPS = Path(__file__).with_name("loops.py")


@pytest.fixture(scope="module")
def cluster():
    with two_nodes() as kill_second:
        yield kill_second


def kill_station(engine):
    """kill -9 of the Ray worker that makes the engine's only attempt."""
    import ray

    [placed] = engine._busy
    os.kill(ray.get(placed.actor.process.remote()), signal.SIGKILL)


@needs_ray
def test_a_lost_worker_costs_a_retry_from_the_last_snapshot(cluster, tmp_path):
    config = {"pause_s": 0.03}
    lost = job("noisy", tmp_path / "lost", config=config, snapshot_s=0.05, budget=40)
    whole = job("noisy", tmp_path / "whole", budget=40)
    killed = False
    steps = []
    with make_engine("ray") as engine:
        engine.submit(lost)
        for event in engine.events():
            if isinstance(event, Reported):
                steps.append((event.report.step, event.repeated))
                if event.report.step >= 12 and not killed:
                    killed = True
                    kill_station(engine)
    assert event.attempt.outcome is Outcome.COMPLETED
    resumed, note = event.attempt.notes
    assert resumed.startswith("Resumed from the snapshot before step")
    assert note == "Its place in the Ray cluster was lost once; it went on elsewhere."
    with make_engine("inline") as engine:
        engine.submit(whole)
        *_, last = engine.events()
    assert event.attempt.values == last.attempt.values
    assert (lost.folder / "curves.csv").read_bytes() == (whole.folder / "curves.csv").read_bytes()
    assert [step for step, repeated in steps if not repeated] == list(range(40))


@needs_ray
def test_an_attempt_that_is_lost_again_and_again_has_failed(cluster, tmp_path):
    each = job("slow", tmp_path / "a")
    with make_engine("ray") as engine:
        engine.submit(each)
        killed = []
        for event in engine.events():
            if isinstance(event, Reported) and engine._busy[0] not in killed:
                killed.append(engine._busy[0])
                kill_station(engine)
    attempt = event.attempt
    assert (attempt.outcome, len(killed)) == (Outcome.FAILED, 3)
    assert attempt.reason.startswith("its place in the Ray cluster was lost 3 times: ")
    assert "\n" not in attempt.reason
    assert attempt.num_reports >= 1
    assert read_attempt(each.folder) == attempt


@needs_ray
def test_stations_that_died_while_they_rested_cost_nothing(cluster, tmp_path):
    import ray

    with make_engine("ray", 2) as engine:
        for number in range(2):
            engine.submit(job("slow", tmp_path / str(number), budget=5))
        *_, _ = engine.events()
        for placed in engine._idle:
            os.kill(ray.get(placed.actor.process.remote()), signal.SIGKILL)
        later = [job("noisy", tmp_path / f"later{n}") for n in range(3)]
        for each in later:
            engine.submit(each)
        finished = [e for e in engine.events() if isinstance(e, Finished)]
    assert [e.attempt.outcome for e in finished] == [Outcome.COMPLETED] * 3
    assert all(e.attempt.notes == () for e in finished)


@needs_ray
def test_artifacts_and_logs_come_home_and_what_the_dead_left_is_removed(cluster, tmp_path):
    left_by_the_dead = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{2**22 + 1}-"))
    record = run(f"{LOOPS}:leaves_artifacts", engine="ray", results=tmp_path)
    folder = record.attempts[0].folder / "artifacts" / "pictures"
    assert sorted(int(p.stem) for p in folder.iterdir()) == list(range(20))
    assert (folder / "7.bin").read_bytes() == bytes(range(256)) * 1000
    printed = run(f"{LOOPS}:prints", engine="ray", results=tmp_path).attempts[0].log
    assert printed.splitlines() == ["from Python", "an error", "from C", "from a child"]
    assert read_run(record.folder).attempts == record.attempts
    assert not left_by_the_dead.exists()


@needs_ray
def test_attempts_can_share_a_gpu(cluster, tmp_path):
    share = "ray:cpus=0.5,gpus=0.5"
    record = run(f"{LOOPS}:sees_gpus", seeds=2, engine=share, jobs=2, results=tmp_path)
    assert list(record.values().values()) == [1.0, 1.0]
    none = run(f"{LOOPS}:sees_gpus", engine="ray:gpus=0", results=tmp_path)
    assert none.outcome is Outcome.COMPLETED


@needs_ray
def test_what_does_not_fit_on_any_node_is_one_line(cluster, tmp_path):
    with pytest.raises(RecordError, match=r"No node .* has 1 CPUs and 64 GPUs.*--gpus"):
        run(f"{LOOPS}:noisy", engine="ray:gpus=64", results=tmp_path)


@needs_ray
def test_a_stop_ends_between_two_steps_and_the_run_resumes(cluster, tmp_path):
    whole = run(f"{LOOPS}:noisy", seeds=3, results=tmp_path)
    with make_engine("ray", 2) as engine:

        def stop(event):
            if isinstance(event, Reported) and event.report.step == 4:
                engine._interrupt.request()

        stopped = run(
            f"{LOOPS}:noisy", {"pause_s": 0.02}, seeds=3, engine=engine, results=tmp_path,
            on_event=stop,
        )  # fmt: skip
    assert stopped.outcome is Outcome.INTERRUPTED
    on = hs.resume(stopped.folder, engine="ray", jobs=2)
    assert on.outcome is Outcome.COMPLETED
    assert on.values() == whole.values()


@needs_ray
def test_the_driver_stops_the_same_trials_early_there_as_here(cluster, tmp_path):
    options = {"method": "sobol", "prune": "median", "jobs": 2, "deterministic": True}
    here, there = (
        hs.search(
            racing, 24, study=engine, results=tmp_path, engine=engine, confirm=False, **options
        )
        for engine in ("inline", "ray")
    )
    outcomes = [t.outcome for t in here.trials]
    assert 3 <= outcomes.count(Outcome.PRUNED) <= 14
    assert [t.outcome for t in there.trials] == outcomes
    assert [t.per_seed for t in there.trials] == [t.per_seed for t in here.trials]


@needs_ray
def test_a_node_that_dies_changes_nothing_in_a_study(cluster, tmp_path):
    """The last test here: it kills one of the two nodes."""
    told = []

    def watch(event):
        if isinstance(event, Told):
            told.append(event.trial.number)
            if len(told) == 4:
                cluster()

    options = {"method": "tpe", "jobs": 2, "deterministic": True, "confirm": False}
    here = hs.search(slow, 10, study="here", results=tmp_path, **options)
    there = hs.search(
        slow, 10, study="there", results=tmp_path, engine="ray", on_event=watch, **options
    )
    assert sorted(told) == list(range(10))
    assert [t.outcome for t in there.trials] == [Outcome.COMPLETED] * 10
    assert [t.parameters for t in there.trials] == [t.parameters for t in here.trials]
    assert [t.per_seed for t in there.trials] == [t.per_seed for t in here.trials]
    for number in range(10):
        mine, theirs = (
            tmp_path / "studies" / study / f"trial_{number:04d}" / "seed_42" / "curves.csv"
            for study in ("here", "there")
        )
        assert mine.read_bytes() == theirs.read_bytes()


@needs_ray
@pytest.mark.slow
def test_a_head_that_dies_ends_the_call_in_one_line_and_soon(tmp_path):
    """Ray's own answer is a minute of silence, then the end of the process and pages of log."""
    from ray.cluster_utils import Cluster

    own = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        command = [
            sys.executable, "-m", "homeostat", "run", f"{LOOPS}:slow", "--steps", "20000",
            "--engine", "ray", "--ray-address", own.address, "--results", tmp_path,
        ]  # fmt: skip
        driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        curves = tmp_path.glob("*/seed_42/curves.csv")
        while not next(curves, None):
            assert driver.poll() is None, driver.communicate()
            time.sleep(0.1)
            curves = tmp_path.glob("*/seed_42/curves.csv")
        killed = time.monotonic()
        own.head_node.kill_gcs_server()
        said, _ = driver.communicate(timeout=50)
        assert time.monotonic() - killed < 30
        lines = [line for line in said.decode().splitlines() if line.strip()]
        assert lines[-1].startswith("Error: The head of the Ray cluster is gone.")
        assert not [line for line in lines if "Traceback" in line or "gcs" in line.lower()]
        assert driver.returncode == 1
        [attempt] = tmp_path.glob("*/seed_42")
        assert read_attempt(attempt).outcome is Outcome.INTERRUPTED
    finally:
        own.shutdown()


@needs_ray
def test_a_station_brings_the_workload_to_a_node_that_has_not_its_file(tmp_path, monkeypatch):
    source = tmp_path / "mine" / "training.py"
    source.parent.mkdir()
    source.with_name("beside.py").write_text("RATE = 0.5\n")
    source.write_text(
        "import homeostat as hs\nfrom beside import RATE\n"
        "@hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric='loss', goal='minimize', budget=3)\n"
        "def training(config, trial):\n"
        "    for step in trial.steps():\n"
        "        yield hs.Report(step, loss=RATE * step)\n"
    )
    found = load.find(source)
    each = Job(
        workload=found, config=found.space.resolve(), seed=1, budget=3, folder=tmp_path / "a"
    )
    packed = order(each, pack(each), resume=False)
    assert set(packed.sources) == {"training.py", "beside.py"}
    for path in (source, source.with_name("beside.py")):
        path.unlink()
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(source.parent)])
    sys.modules.pop("beside", None)
    station = Actor()
    try:
        batch = station.begin(packed)
        messages = list(batch.messages)
        while not batch.is_last:
            batch = station.go_on()
            messages += batch.messages
    finally:
        station.close()
        sys.modules.pop("beside", None)
    assert [m.metrics["loss"] for m in messages if isinstance(m, News)] == [0.0, 0.5, 1.0]
    assert isinstance(messages[-1], Ended)
    assert not station._scratch.exists()


def test_files_come_home_as_they_grow(tmp_path):
    there, home = tmp_path / "there", tmp_path / "home"
    there.mkdir()
    home.mkdir()
    (there / "curves.csv").write_text("step,loss\n0,1.0\n1,0.")
    (there / "attempt.json").write_text("{}")
    watched = Watched(there)

    def bring(pieces):
        put(home, pieces)
        return [(piece.path, piece.at > 0) for piece in pieces]

    assert bring(watched.growth()) == [("curves.csv", False)]
    assert bring(watched.growth()) == []
    (there / "curves.csv").write_text("step,loss\n0,1.0\n")  # the torn line is cut off
    assert bring(watched.growth()) == []  # it had not come home
    with (there / "curves.csv").open("a") as file:
        file.write("1,0.5\n")
    (there / "snapshot.npz").write_bytes(b"state")
    (there / "artifacts").mkdir()
    (there / "artifacts" / "a").write_bytes(b"a")
    assert bring(watched.growth()) == [("snapshot.npz", False), ("curves.csv", True)]
    assert bring(watched.rest()) == [("artifacts/a", False)]
    (there / "attempt.json").unlink()  # home keeps its own: it belongs to the driver
    assert everything(home) == everything(there)


def test_engines_are_named_with_their_options():
    assert parse_engine("local") == ("local", {})
    options = {"gpus": 0.5, "cpus": 2.0, "address": "10.0.0.1:6379"}
    assert parse_engine("ray:gpus=0.5,cpus=2,address=10.0.0.1:6379") == ("ray", options)
    for name, sentence in {
        "rya": "No engine 'rya'.  Did you mean 'ray'?",
        "ray:gpu=1": "No option 'gpu' of engine 'ray'.  Did you mean 'gpus'?",
        "local:gpus=1": "No option 'gpus' of engine 'local'.  local has no options.",
        "ray:gpus=many": "gpus of engine 'ray' cannot be 'many'.",
    }.items():
        with pytest.raises(UnknownNameError) as error:
            parse_engine(name)
        assert str(error.value) == sentence


def test_an_attempt_on_a_gpu_takes_one_unless_told_otherwise():
    assert Share().on("cpu") == {"num_cpus": 1.0, "num_gpus": 0.0}
    assert Share().on("cuda") == {"num_cpus": 1.0, "num_gpus": 1.0}
    assert Share(cpus=2, gpus=0.25).on("cuda") == {"num_cpus": 2, "num_gpus": 0.25}
    with pytest.raises(RecordError, match="gpus must be a number from 0, got -1"):
        Share(gpus=-1)


@needs_ray
def test_where_no_cluster_is_the_error_is_one_line_and_soon():
    import ray

    ray.shutdown()
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(
            RecordError, match=r"Cannot reach a Ray cluster at .*refused.*ray start"
        ):
            make_engine(f"ray:address={address}")


def test_without_ray_the_engine_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'homeostat\[ray\]'"):
        make_engine("ray")
