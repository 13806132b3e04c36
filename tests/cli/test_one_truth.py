"""What is said about one study is the same everywhere, and every command that is printed runs."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from homeostat.cli.main import app, run_app
from homeostat.dashboard.app import make_app
from homeostat.record.runs import read_run
from homeostat.search.search import open_store
from homeostat.space import Choice, Float, Space
from homeostat.space.options import Text

LOOP = '''
"""A loop whose value depends on every setting, on the seed and on its length."""
import homeostat as hs

space = hs.Space(
    rate=hs.Float(1e-4, 1.0, log=True),
    momentum=hs.Float(0.0, 0.99, when={"optimizer": "sgd plain"}),
    optimizer=hs.Choice(["adam's", "sgd plain", "none", None, "1", 1], default="adam's"),
    width=hs.Int(1, 64, default=8),
    dropout=hs.Float(0.0, 0.9),
    rules=(hs.Rule(when={"optimizer": None}, set={"dropout": 0.25}, why="they do not mix"),),
)


@hs.workload(
    space=space, objectives={"val loss": "minimize", "size": "minimize"}, budget=40, unit="epoch"
)
def odd(config, trial):
    kind = {"adam's": 0.1, "sgd plain": config.momentum, "none": 0.3, "1": 0.4}.get(
        config.optimizer, 0.7 if config.optimizer is None else 0.2
    )
    noise = 0.01 * trial.rng(f"{config.rate}{config.width}").normal()
    for step in trial.steps():
        loss = (config.rate - 0.3) ** 2 + kind + config.dropout / 7 + noise + 1 / (2 + step)
        yield hs.Report(step, **{"val loss": loss, "size": float(config.width)})
'''
FILE, RESULTS = "my loop.py", "out put"
SETTING = ["--results", RESULTS]
COMMAND = re.compile(r"(?:homeostat|nas) [a-z][a-z-]*(?: [^\n]*)?")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which a study was made, and what `search` printed of it."""
    place = tmp_path_factory.mktemp("project")
    (place / FILE).write_text(LOOP)
    return place


class Shell:
    """Types commands in a folder."""

    def __init__(self, monkeypatch, capsys, place, typed=app):
        monkeypatch.chdir(place)
        self._capsys, self._app = capsys, typed

    def __call__(self, *words):
        code = run_app(self._app, list(words), name="homeostat")
        shown = self._capsys.readouterr()
        assert code == 0, f"{shlex.join(words)}\n{shown.err}{shown.out}"
        return shown.out

    def json(self, *words):
        return json.loads(self(*words, "--json"))


@pytest.fixture
def shell(monkeypatch, capsys, project):
    typed = Shell(monkeypatch, capsys, project)
    if not (project / RESULTS).exists():
        (project / "search.txt").write_text(
            typed(
                "search", FILE, "--study", "s", "--trials", "14", "--seeds", "2", "--steps", "3",
                "--method", "random", "--engine", "inline", "--scientific", "optimizer", *SETTING,
            )
        )  # fmt: skip
    return typed


SHOWN: dict[str, str] = {}


def pages(shell, project):
    """Everything that is shown of the project's study: surface -> text."""
    if not SHOWN:
        SHOWN["search"] = (project / "search.txt").read_text()
        SHOWN["pareto"] = shell("pareto", "--study", "s", *SETTING)
        SHOWN.update(surfaces(shell, project / RESULTS, "s"))
    return SHOWN


def main_of(page):
    """What a page shows, without its scripts."""
    return page.read_text().partition("<main>")[2].partition("</main>")[0]


def surfaces(shell, results, study):
    """What every study has: the looks at it, the page, the notebook and the dashboard."""
    named = ["--study", study, "--results", str(results.relative_to(Path.cwd()))]
    shown = {"status": shell("status", *named), "best": shell("best", *named)}
    shown["best --json"] = shell("best", *named, "--json")
    shell("report", *named, "--no-execute")
    folder = results / "studies" / study
    shown["page"] = main_of(folder / "report.html")
    cells = json.loads((folder / "report.ipynb").read_text())["cells"]
    shown["notebook"] = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] != "code")
    client = TestClient(make_app(results), base_url="http://localhost")
    blocks = [
        block["html"]
        for section in client.get(f"/api/studies/{study}").json()["sections"]
        for block in client.get(f"/api/studies/{study}/sections/{section}").json()
    ]
    shown["dashboard"] = "".join(blocks)
    return shown


def assert_one_verdict(shell, results, study, shown):
    """Every look, in words and as data, has the same winner and the same figures."""
    named = ["--study", study, "--results", str(results.relative_to(Path.cwd()))]
    verdict = shell.json("best", *named)["verdict"]
    assert verdict["status"] == "confirmed"
    [line] = shell.json("status", *named)
    client = TestClient(make_app(results), base_url="http://localhost")
    route = client.get(f"/api/studies/{study}").json()
    [row] = client.get("/api/studies").json()
    assert line["verdict"] == route["verdict"] == row["verdict"] == verdict
    for seen in (line, row):
        assert seen["winner"] == verdict["winner"] and seen["state"] == "confirmed"
        assert "value" not in seen and "best" not in seen
    for surface, text in shown.items():
        said = readable(surface, text)
        for sentence in verdict["lines"]:
            assert sentence in said, f"{surface} does not say: {sentence}"
    return verdict


def commands(surface, text):
    """Every command that a text gives to be typed."""
    if text.startswith(("{", "[")):
        return [found for value in strings(json.loads(text)) for found in commands(surface, value)]
    if surface in ("page", "dashboard"):
        text = html.unescape("\n".join(re.findall(r"<code>(.*?)</code>", text, re.DOTALL)))
    if surface == "notebook":
        text = re.sub(r"\\([\\`*_\[\]<>|#])", r"\1", text).replace(" |\n", "\n").replace("`", "\n")
    lines = [match.group().rstrip() for match in COMMAND.finditer(text)]
    # A word in running text names a command without saying what to type.
    return [line for line in lines if len(line.split()) > 2]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def test_every_surface_shows_the_same_verdict_and_both_figures(shell, project):
    assert_one_verdict(shell, project / RESULTS, "s", pages(shell, project))


@pytest.mark.slow
def test_a_plan_its_report_and_every_look_at_its_study_say_the_same(monkeypatch, capsys, tmp_path):
    (tmp_path / FILE).write_text(LOOP)
    shell = Shell(monkeypatch, capsys, tmp_path)
    asked = ("tune", FILE, "--study", "t", "--budget", "8s", "--steps", "3", "--engine", "inline")
    shown = {"tune": shell(*asked, "--anyway")}
    results = tmp_path / "results"
    shown |= surfaces(shell, results, "t")
    verdict = assert_one_verdict(shell, results, "t", shown)
    plan = results / "studies" / "t" / "plan.json"
    [confirm] = [p for p in json.loads(plan.read_text())["phases"] if p["name"] == "confirm"]
    assert confirm["facts"]["verdict"] == verdict
    assert confirm["facts"]["number"] == verdict["winner"]


@pytest.mark.slow
def test_a_search_by_nas_has_one_winner_wherever_it_is_shown(monkeypatch, capsys, tmp_path):
    from homeostat.workloads.evolution.nas.app import app as nas

    shell = Shell(monkeypatch, capsys, tmp_path)
    type_nas = Shell(monkeypatch, capsys, tmp_path, nas)
    study = ["--study-name", "exp"]
    shown = {
        "nas search": type_nas(
            "search", *study, "--n-trials", "8", "--mode", "neat", "-g", "4",
            "--simulation-duration", "2",
        ),
        "nas best": type_nas("best", *study),
        "nas status": type_nas("status", *study),
    }  # fmt: skip
    results = tmp_path / "results"
    shown |= surfaces(shell, results, "exp")
    shown["pareto"] = shell("pareto", "--study", "exp")
    verdict = assert_one_verdict(shell, results, "exp", shown)
    assert type_nas.json("best", *study)["verdict"] == verdict
    assert type_nas.json("status", *study)[0]["verdict"] == verdict
    for surface in ("nas search", "nas best", "nas status", "pareto"):
        assert "in the search (chosen on" in shown[surface]


def readable(surface, text):
    """What a reader sees: without the escapes of JSON, HTML and Markdown."""
    if text.startswith(("{", "[")):
        return "\n".join(strings(json.loads(text)))
    if surface == "notebook":
        return re.sub(r"\\([\\`*_\[\]<>|#])", r"\1", text)
    return html.unescape(text) if surface.startswith(("page", "dashboard")) else text


def test_a_value_of_the_search_never_stands_unnamed(shell, project):
    for surface, page in pages(shell, project).items():
        text = readable(surface, page)
        assert "in the search (chosen on" in text and "on 5 fresh seeds" in text


def test_every_command_that_is_printed_runs_and_reruns_what_it_names_bit_for_bit(shell, project):
    shown = pages(shell, project)
    store = open_store(RESULTS)
    trials = store.trials(store.study("s").key)
    by_config = {}
    for trial in trials:
        folder = project / RESULTS / "studies" / "s" / f"trial_{trial.number:04d}"
        if folder.exists():
            by_config[json.dumps(read_run(folder).config, sort_keys=True)] = trial
    typed = {text: surface for surface, page in shown.items() for text in commands(surface, page)}
    assert len(typed) > 5
    reran = set()
    for text, surface in typed.items():
        words = shlex.split(text)
        assert words[:1] == ["homeostat"], f"{surface}: {text}"
        _, verb, *rest = words
        if verb == "run":
            record = shell.json(verb, *rest, "--engine", "inline")
            trial = by_config[json.dumps(record["config"], sort_keys=True)]
            values = {n: [a["values"][n] for a in record["attempts"]] for n in trial.values}
            if record["budget"] == 3:
                assert values == {n: list(v) for n, v in trial.per_seed.items()}, text
                reran.add(trial.number)
        elif verb == "search":
            shell(verb, *rest, "--engine", "inline", "--no-confirm")
        else:
            shell(verb, *rest)
    assert len(reran) >= 5


def test_trials_of_every_kind_are_rerun_exactly(shell, project):
    """Also those that no page lists: with conditions, rules, quotes and values like none."""
    best = shell.json("best", "--study", "s", *SETTING, "--top", "14")
    store = open_store(RESULTS)
    trials = {trial.number: trial for trial in store.trials(store.study("s").key)}
    assert len(best["trials"]) == 14
    for row in best["trials"]:
        _, *words = shlex.split(row["command"])
        record = shell.json(*words, "--engine", "inline")
        values = [attempt["values"]["val loss"] for attempt in record["attempts"]]
        assert values == list(trials[row["number"]].per_seed["val loss"]), row["command"]


@pytest.mark.parametrize(
    "value",
    ["none", "None", "true", "1", "1.0", " a ", "", '"', '"a"', "it's", "a=b", "$HOME", "é\n", "`"],
)
def test_text_survives_the_way_through_a_shell(value):
    from homeostat.execute.rerun import command, set_options

    space = Space(
        word=Choice([value, None, True, 1, "other"], default="other"), text=Text(),
        x=Float(0.0, 1.0),
    )  # fmt: skip
    for given in ({"word": value, "text": value}, {"word": None}, {"word": 1}, {"x": 0.1 + 0.2}):
        words = shlex.split(command("homeostat run", set_options(given)))[2:]
        settings = [word for word in words if word != "--set"]
        read = space.parse(settings)
        assert {name: (type(v), v) for name, v in read.items()} == {
            name: (type(v), v) for name, v in given.items()
        }


def test_a_notebooks_workload_is_rerun_in_python(tmp_path):
    import homeostat as hs

    @hs.workload(space=Space(x=Float(0.0, 1.0)), metric="loss", goal="minimize", budget=2)
    def local(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=config.x)

    found = hs.search(local, 4, results=tmp_path, method="random", confirm=False)
    call = found.best.command
    assert call.startswith("hs.run(local, {") and not call.startswith("homeostat")
    run = eval(call[:-1] + ", results=tmp_path)")
    assert list(run.values().values()) == [found.best.value]


def test_a_path_that_leads_out_of_here_is_written_whole(tmp_path, monkeypatch):
    from homeostat.execute.rerun import Place, spoken

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert spoken(f"{here}/a b.py:mlp") == "a b.py:mlp"
    assert spoken(f"{tmp_path}/other.py:mlp") == f"{tmp_path}/other.py:mlp"
    assert spoken("package.module:mlp") == "package.module:mlp"
    assert Place.of("results") == Place.of(here / "results") == Place()
    assert Place.of(tmp_path / "x").for_studies == ["--results", str(tmp_path / "x")]
    store = Place.of("results", "postgresql://me:secret@host/db")
    assert store.for_studies == ["--storage", "postgresql://me@host/db"]
    monkeypatch.setenv("HOMEOSTAT_STORAGE", "postgresql://me:secret@host/db")
    assert Place.of("results", "postgresql://me:secret@host/db") == Place()
    assert Path.cwd() == here
