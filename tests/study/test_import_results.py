"""Tables and folders of other tools become studies that every command reads."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.search.problems import mixed, mixed_loss

import homeostat as hs
from homeostat.cli.main import main
from homeostat.errors import HomeostatError
from homeostat.record.outcome import Outcome
from homeostat.search.decide import verdict_of

AIM = {"metric": "val_loss", "goal": "minimize"}
SETTINGS = [
    {"lr": 0.1, "layers": 2, "act": "relu"},
    {"lr": 0.001, "layers": 3, "act": "tanh"},
    {"lr": 0.01, "layers": 4, "act": "relu"},
]
LOSSES = [0.5, 0.2, 0.9]


def table(path, rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def pandas_of_optuna(folder):
    rows = [
        {"number": n, "value": loss, "state": "COMPLETE"}
        | {f"params_{name}": value for name, value in one.items()}
        for n, (one, loss) in enumerate(zip(SETTINGS, LOSSES, strict=True))
    ]
    return table(folder / "a.csv", rows), {"metric": "value", "goal": "minimize"}


def wandb_table(folder):
    rows = [
        {"Name": f"sunny-{n}", "State": "finished", "Runtime": 12, **one, "train_loss": 0.1,
         "val_loss": loss}
        for n, (one, loss) in enumerate(zip(SETTINGS, LOSSES, strict=True))
    ]  # fmt: skip
    rows += [{"Name": "now", "State": "running", **SETTINGS[0]}]
    return table(folder / "a.csv", rows), {**AIM, "parameters": ["lr", "layers", "act"]}


def wandb_api(folder):
    """As the snippet of W&B's documentation writes it, with pandas."""
    rows = [
        {"": n, "summary": str({"val_loss": loss, "_step": 5}), "config": str(one), "name": f"r{n}"}
        for n, (one, loss) in enumerate(zip(SETTINGS, LOSSES, strict=True))
    ]
    return table(folder / "a.csv", rows), AIM


def wandb_folder(folder):
    for n, (one, loss) in enumerate(zip(SETTINGS, LOSSES, strict=True)):
        files = folder / "wandb" / f"run-2026_{n}" / "files"
        files.mkdir(parents=True)
        text = "".join(f"{name}:\n  desc: null\n  value: {v}\n" for name, v in one.items())
        (files / "config.yaml").write_text(f"wandb_version: 1\n_wandb:\n  value: {{}}\n{text}")
        (files / "wandb-summary.json").write_text(json.dumps({"val_loss": loss, "_runtime": 3}))
    return folder / "wandb", AIM


def ray_folder(folder):
    for n, (one, loss) in enumerate(zip(SETTINGS, LOSSES, strict=True)):
        trial = folder / "tune" / f"train_{n}"
        trial.mkdir(parents=True)
        (trial / "params.json").write_text(json.dumps(one))
        reports = [
            {"val_loss": loss + 1 / step, "training_iteration": step, "trial_id": f"t{n}",
             "config": one, "time_total_s": 1.5 * step}
            for step in (1, 2)
        ]  # fmt: skip
        reports[-1]["val_loss"] = loss
        (trial / "result.json").write_text("".join(json.dumps(r) + "\n" for r in reports))
    return folder / "tune", AIM


def records(folder):
    path = folder / "a.jsonl"
    path.write_text(
        "".join(
            json.dumps({"config": one, "metrics": {"val_loss": loss}}) + "\n"
            for one, loss in zip(SETTINGS, LOSSES, strict=True)
        )
    )
    return path, AIM


WAYS = [pandas_of_optuna, wandb_table, wandb_api, wandb_folder, ray_folder, records]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whatever_wrote_them_the_trials_are_the_same(way, tmp_path):
    source, aim = way(tmp_path)
    store = hs.Store(tmp_path / "studies.db")
    row = hs.import_results(store, source, as_name="s", **aim)
    trials = store.trials(row.key)
    assert [t.parameters for t in trials] == SETTINGS
    assert [t.values[aim["metric"]] for t in trials] == LOSSES
    assert verdict_of(row, trials).leader.number == 1
    assert row.definition["searched"]["lr"] == {
        "kind": "float", "low": 0.001, "high": 0.1, "log": True
    }  # fmt: skip
    if way is ray_folder:
        assert [p.value for p in store.points(row.key)[1]] == [1.2, 0.2]


@given(
    st.lists(
        st.tuples(st.floats(1e-6, 1.0), st.integers(-5, 5), st.booleans(), st.floats(-9, 9)),
        min_size=2, max_size=12, unique_by=lambda row: row[0],
    )
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_nothing_is_changed_on_the_way(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    given = [{"config.a": a, "config.b": b, "config.c": c, "y": y} for a, b, c, y in rows]
    store = hs.Store(folder / "studies.db")
    row = hs.import_results(store, table(folder / "t.csv", given), metric="y", goal="maximize")
    trials = store.trials(row.key)
    held = row.definition["start"]
    assert [
        tuple({**held, **t.parameters}[name] for name in "abc") for t in trials
    ] == [(a, b, c) for a, b, c, _ in rows]  # fmt: skip
    assert [t.values["y"] for t in trials] == [y for *_, y in rows]


def test_lost_trials_are_told_as_such(tmp_path):
    rows = [
        {"config.a": 1, "state": "finished", "y": 0.5},
        {"config.a": 2, "state": "crashed", "y": 0.1},
        {"config.a": 3, "state": "finished", "y": "nan"},
        {"config.a": 4, "state": "finished"},
    ]
    store = hs.Store(tmp_path / "studies.db")
    row = hs.import_results(store, table(tmp_path / "t.csv", rows), metric="y", goal="minimize")
    trials = store.trials(row.key)
    lost = [Outcome.COMPLETED, Outcome.FAILED, Outcome.DIVERGED, Outcome.FAILED]
    assert [t.outcome for t in trials] == lost
    assert trials[3].reason == "it has no y"


def test_a_search_goes_on_from_it_where_its_workload_is_known(tmp_path):
    rows = [
        {"width": w, "depth": d, "lr": 0.01, "note": "x"}
        | {"loss": mixed_loss(mixed.space.resolve({"width": w, "depth": d, "lr": 0.01}))}
        for w, d in ((1, 3), (60, 5), (30, 1), (8, 2))
    ]
    store = hs.Store(tmp_path / "studies.db")
    hs.import_results(store, table(tmp_path / "t.csv", rows), as_name="s", workload=mixed)
    found = hs.search(mixed, 8, study="s", results=tmp_path, confirm=False)
    assert len(found.trials) == 8
    assert found.trials[1].parameters == {"width": 60, "depth": 5}
    table(tmp_path / "u.csv", [{"width": 999, "loss": 1.0}])
    with pytest.raises(HomeostatError, match=r"line 2 of u\.csv does not fit mixed: width: 999"):
        hs.import_results(store, tmp_path / "u.csv", workload=mixed)


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        ("lr,loss\n1,2\n", {}, "Which column of .* is the metric"),
        ("lr,loss\n1,2\n", {"metric": "loss"}, "Is loss to be low or high"),
        ("lr,loss\n1,2\n", {"metric": "los", "goal": "minimize"}, "no numbers called 'los'"),
        ("lr,loss\n1,2\n", {"metric": "loss", "goal": "minimize"}, "Which columns of .* are param"),
        ("lr,loss\n1,2\n", {"metric": "loss", "goal": "minimize", "parameters": ["rl"]},
         "has no column 'rl'"),
        ("config.lr,loss\n1,2\n1,3\n", {"metric": "loss", "goal": "minimize"}, "Nothing varies"),
        ("", {}, "holds no trial"),
        ("[1, 2]", {}, "is no list of records"),
        ('{"a": 1}\n{"a"', {}, "line 2, is no JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_asked_for_in_one_line(text, more, sentence, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    store = hs.Store(tmp_path / "studies.db")
    with pytest.raises(HomeostatError, match=sentence):
        hs.import_results(store, path, **more)
    assert store.names() == []


def test_every_command_reads_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [{"config.a": n, "config.b": n % 3, "y": (n - 7) ** 2} for n in range(12)]
    table(tmp_path / "runs.csv", rows)
    for command in (
        "import runs.csv --metric y --goal minimize", "status --study runs", "best --study runs",
        "importance --study runs", "report --study runs", "export --study runs sqlite:///o.db",
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        assert ended.value.code == 0, capsys.readouterr().err
    assert "trial 7" in capsys.readouterr().out or (tmp_path / "o.db").exists()
