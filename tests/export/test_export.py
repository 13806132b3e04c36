"""Studies and runs in TensorBoard, MLflow and W&B: what their own readers find there."""

import importlib.util
import json
import os

import pytest
from typer.testing import CliRunner

import homeostat as hs
from homeostat.cli.main import app
from homeostat.errors import RecordError, UnknownNameError
from homeostat.export.history import history_of
from homeostat.search.search import look_store

SPACE = hs.Space(
    lr=hs.Float(0.01, 80.0, log=True, default=0.1),
    shape=hs.Choice(["round", "flat"], default="round"),
)


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=4)
def valley(config, trial):
    x = 1.0 + 0.1 * (trial.seed % 5)
    for step in trial.steps():
        x -= config.lr * x
        yield hs.Report(step, loss=x * x if config.lr < 0.5 else float("nan"), size=abs(x))


def needs(*modules):
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    lacks = bool(absent) and os.environ.get("CI") != "true"
    return pytest.mark.skipif(lacks, reason=f"not installed: {', '.join(absent)}")


def logged(data):
    """The records of a file of W&B: LevelDB's log format, after a header of seven bytes."""
    assert data[:4] == b":W&B"
    at, whole = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a full record, or its last part
            yield whole
            whole = b""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A study of six trials with two seeds each, the best confirmed on fresh seeds."""
    folder = tmp_path_factory.mktemp("export") / "results"
    hs.search(
        valley, trials=6, seeds=2, study="first", engine="inline", method="random", seed=3,
        results=folder,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def history(results):
    return history_of("first", results=results, store=look_store(results))


def test_the_history_is_what_the_study_kept(history, results):
    trials = [past for past in history.pasts if past.name.startswith("trial_")]
    assert [past.name for past in trials] == [f"trial_{n:04d}" for n in range(6)]
    assert {past.outcome.value for past in trials} == {"completed", "diverged"}
    fresh = [past for past in history.pasts if "fresh seeds" in past.roles]
    assert {past.name for past in fresh} >= {"confirm_0000"}
    assert sum("winner" in past.roles for past in trials) == 1
    for past in trials:
        seeds = [name for name in past.rows[0][1] if name.startswith("loss/")]
        assert seeds == ["loss/seed_42", "loss/seed_123"]
        first = past.rows[0][1]
        mean = sum(first[name] for name in seeds) / 2
        assert first["loss"] == pytest.approx(mean, nan_ok=True)
        assert set(past.config) == {"lr", "shape"}


def test_a_study_whose_runs_are_gone_is_told_from_its_store(results, tmp_path, history):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(results, copy)
    shutil.rmtree(copy / "studies" / "first")
    told = history_of("first", results=copy, store=look_store(copy))
    assert told.verdict == history.verdict
    for past, whole in zip(told.pasts, history.pasts, strict=False):
        kept = [{k: v for k, v in row.items() if k.startswith("loss")} for _, row in whole.rows]
        if past.outcome.value == "completed":
            assert [row for _, row in past.rows] == kept


@needs("tensorboard")
def test_tensorboard_reads_curves_settings_and_the_verdict(results, tmp_path, history):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    made = hs.export("first", to="tensorboard", out=tmp_path, results=results)
    assert (made.count, made.look) == (len(history.pasts), f"tensorboard --logdir {made.place}")
    for past in history.pasts:
        events = EventAccumulator(f"{made.place}/{past.name}").Reload()
        for name in ("loss", "size", "loss/seed_42"):
            there = name in events.scalars.Keys()
            shown = {e.step: e.value for e in events.Scalars(name)} if there else {}
            kept = {step: row[name] for step, row in past.rows if name in row}
            assert shown == pytest.approx(kept, nan_ok=True)
        content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        session = HParamsPluginData.FromString(content).session_start_info
        assert session.group_name == past.name
        assert session.hparams["lr"].number_value == past.config["lr"]
        assert session.hparams["shape"].string_value == past.config["shape"]
    whole = EventAccumulator(made.place).Reload()
    [verdict] = whole.Tensors("verdict")
    assert history.verdict[0] in verdict.tensor_proto.string_val[0].decode()


@pytest.mark.slow  # W&B starts a service
@needs("wandb")
def test_wandb_reads_curves_settings_and_roles(results, tmp_path, history):
    from wandb.proto.wandb_internal_pb2 import Record

    made = hs.export("first", to="wandb", out=tmp_path, results=results)
    files = sorted(tmp_path.glob("first/wandb/offline-run-*/*.wandb"))
    assert len(files) == made.count == len(history.pasts)
    read = {}
    for file in files:
        records = [Record.FromString(data) for data in logged(file.read_bytes())]
        [run] = [r.run for r in records if r.HasField("run")]
        rows = [
            {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in r.history.item}
            for r in records
            if r.HasField("history")
        ]
        read[run.display_name] = (run, rows)
    for past in history.pasts:
        run, rows = read[past.name]
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert config["lr"] == past.config["lr"]
        assert set(run.tags) == {past.outcome.value, *past.roles}
        assert run.run_group == "first"
        losses = {row["_step"]: row["loss"] for row in rows if "loss" in row}
        if past.outcome.value == "completed":
            assert losses == pytest.approx({step: row["loss"] for step, row in past.rows})


@pytest.mark.slow  # MLflow takes eight seconds to make its database
@needs("mlflow")
def test_mlflow_reads_curves_settings_and_the_verdict(results, tmp_path, history):
    from mlflow import MlflowClient

    made = hs.export("first", to="mlflow", out=tmp_path, results=results)
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/first/mlflow.db")
    experiment = client.get_experiment_by_name("first")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    whole = runs.pop("first")
    assert history.verdict[0] in whole.data.tags["mlflow.note.content"]
    assert set(runs) == {past.name for past in history.pasts}
    for past in history.pasts:
        run = runs[past.name]
        assert run.data.tags["mlflow.parentRunId"] == whole.info.run_id
        assert float(run.data.params["lr"]) == past.config["lr"]
        assert run.info.status == ("FINISHED" if past.outcome.value == "completed" else "FAILED")
        told = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "size")}
        assert told == pytest.approx(
            {step: row["size"] for step, row in past.rows if "size" in row}
        )
    assert made.look.startswith("mlflow ui --backend-store-uri sqlite:///")


@needs("tensorboard")
def test_the_command_exports_a_run_and_does_not_write_over_it(tmp_path):
    record = hs.run(valley, seeds=1, engine="inline", results=tmp_path / "results")
    words = ["export", record.name, "--to", "tensorboard", "--results", str(tmp_path / "results")]
    out = str(tmp_path / "events")
    done = CliRunner().invoke(app, [*words, "--out", out])
    assert done.output.splitlines() == [
        f"{record.name}: 1 run written to {out}/{record.name}.",
        f"Look at it:  tensorboard --logdir {out}/{record.name}",
    ]
    with pytest.raises(RecordError, match="is not empty"):
        hs.export(record, to="tensorboard", out=out)
    elsewhere = hs.export(record, to="tensorboard", out=out, as_name="again")
    assert elsewhere.place == f"{out}/again"


def test_what_is_not_there_and_what_is_not_known_is_one_line(results, tmp_path):
    with pytest.raises(UnknownNameError, match=r"no study and no run 'frist'"):
        hs.export("frist", to="tensorboard", out=tmp_path, results=results)
    with pytest.raises(UnknownNameError, match=r"'tensorbord'.*Did you mean 'tensorboard'"):
        hs.export("first", to="tensorbord", out=tmp_path, results=results)
