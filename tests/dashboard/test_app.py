"""What the dashboard answers, and what it refuses."""

import json
import re
import subprocess
import sys
import time

import pytest
from fastapi.testclient import TestClient

from homeostat.dashboard.app import make_app
from homeostat.dashboard.guard import check_bind
from homeostat.errors import ConfigError
from homeostat.pages.study import write_report
from homeostat.search.search import open_store

SLOW = """
import time
import homeostat as hs


@hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0)), metric="loss", goal="minimize", budget=50)
def slow(config, trial):
    for step in trial.steps():
        time.sleep(0.01)
        yield hs.Report(step, loss=config.x)
"""


@pytest.fixture(scope="module")
def client(results):
    return TestClient(make_app(results), base_url="http://localhost")


def names(client):
    return {run["name"].partition("_")[0]: run["name"] for run in listed(client)}


def listed(client, **query):
    return client.get("/api/runs", params=query).json()["runs"]


def test_runs_are_listed_newest_first_with_what_they_scored(client):
    newest, oldest = listed(client)
    assert newest["name"].startswith("two") and oldest["name"].startswith("one")
    assert newest["mean"] < oldest["mean"]
    assert newest["outcome"] == "completed" and newest["seeds"] == [42, 123, 456]


def test_a_run_has_its_configuration_seeds_and_curves(client):
    name = names(client)["two"]
    run = client.get("/api/run", params={"name": name}).json()
    config = {p["name"]: p for p in run["config"]}
    assert config["lr"]["value"] == 0.01
    assert [n for n, p in config.items() if p["set"]] == ["lr"]
    assert [a["seed"] for a in run["attempts"]] == [42, 123, 456]
    _, line = client.get("/api/curves", params={"run": name, "metric": "size"}).json()["data"]
    assert line["name"] == name


def test_a_quantity_of_many_parts_is_a_map_over_time(client):
    name = names(client)["one"]
    assert client.get("/api/run", params={"name": name}).json()["families"] == ["part"]
    asked = {"name": name, "stem": "part"}
    (heat,) = client.get("/api/run/family", params=asked).json()["data"]
    assert heat["type"] == "heatmap" and heat["y"] == [0, 1, 2]
    asked["stem"] = "nonsense"
    assert client.get("/api/run/family", params=asked).status_code == 404


def test_a_run_has_the_views_of_its_workload_of_the_best_seed_or_the_one_asked_for(client):
    name = names(client)["two"]
    record = client.get("/api/run", params={"name": name}).json()
    values = {a["seed"]: a["values"]["val_loss"] for a in record["attempts"]}
    found = client.get("/api/run/views", params={"name": name}).json()
    assert found["seeds"] == list(values)
    assert found["seed"] == min(values, key=lambda seed: values[seed])
    way, broken = found["views"]
    assert (way["title"], way["caption"]) == ("<b>The way down</b>", "As it went.")
    assert "figure" not in broken and "KeyError" in broken["wrong"]
    another = next(seed for seed in values if seed != found["seed"])
    asked = client.get("/api/run/views", params={"name": name, "seed": another}).json()
    assert asked["seed"] == another
    assert asked["views"][0]["figure"] != way["figure"]
    nobody = client.get("/api/run/views", params={"name": name, "seed": 7}).json()
    assert nobody["views"] == []


def test_a_run_whose_workload_is_gone_has_no_views_and_is_no_error(client, results, tmp_path):
    source = results / names(client)["one"] / "run.json"
    gone = tmp_path / "lonely_run"
    gone.mkdir()
    facts = json.loads(source.read_text()) | {"reference": str(tmp_path / "gone.py")}
    (gone / "run.json").write_text(json.dumps(facts | {"crc32": None}))
    other = TestClient(make_app(tmp_path), base_url="http://localhost")
    assert other.get("/api/run/views", params={"name": "lonely_run"}).json()["views"] == []


def test_two_runs_are_compared_pair_by_pair(client):
    found = client.get("/api/compare", params={"run": [names(client)["one"], names(client)["two"]]})
    (contrast,) = found.json()["contrasts"]
    assert contrast["verdict"] == "better" and contrast["pairs"] == 3


def test_a_study_tells_its_best_and_how_to_run_it_again(client):
    study = client.get("/api/studies/first").json()
    rows = client.get("/api/studies/first/trials", params={"sort": "val_loss"}).json()
    best = rows["trials"][0]
    assert study["best_in_search"] == best["number"]
    assert study["in_search"] == best["values"]["val_loss"]
    told = client.get("/api/studies/first/sections/verdict").json()
    assert "<code>homeostat run " in "".join(block["html"] for block in told)
    values = [row["values"]["val_loss"] for row in rows["trials"]]
    assert values == sorted(values) and rows["total"] == 12


def test_trials_can_be_found_by_what_they_set(client):
    every = client.get("/api/studies/first/trials").json()["trials"]
    found = client.get("/api/studies/first/trials", params={"find": "kind=plain"}).json()
    assert found["total"] == sum(t["parameters"].get("kind") == "plain" for t in every)
    down = client.get("/api/studies/first/trials", params={"down": True}).json()["trials"]
    assert [t["number"] for t in down] == sorted((t["number"] for t in every), reverse=True)


FIGURES = {
    "trials": "history", "parallel": "parallel", "traded": "pareto", "mattered": "importance",
    "curves": "curves", "slices": "slice-lr", "looks": "view-way",
}  # fmt: skip


@pytest.mark.parametrize("section", FIGURES)
def test_every_figure_of_a_study_is_drawn(client, section):
    blocks = client.get(f"/api/studies/first/sections/{section}").json()
    figures = {name: f for block in blocks for name, f in block["figures"].items()}
    assert figures[FIGURES[section]]["data"]


def test_the_sections_of_the_dashboard_are_those_of_the_report(client, results):
    written = write_report("first", store=open_store(results), results=results,
                           folder=results / "copy", with_notebook=False)  # fmt: skip
    page = written.page.read_text()
    for section in client.get("/api/studies/first").json()["sections"]:
        blocks = client.get(f"/api/studies/first/sections/{section}").json()
        told = "".join(block["html"] for block in blocks)
        assert f'<section id="{section}">{told}</section>' in page or not blocks


def test_an_unknown_section_is_told_with_the_nearest(client):
    reply = client.get("/api/studies/first/sections/verdcit")
    assert reply.status_code == 404 and "verdict" in reply.json()["hint"]


def test_an_unknown_name_is_told_with_the_nearest(client):
    reply = client.get("/api/studies/firts")
    assert reply.status_code == 404
    assert "first" in reply.json()["hint"]


@pytest.mark.parametrize(
    "path",
    ["/api/run?name=..%2f..%2fetc", "/api/run?name=..", "/api/run?name=studies%2f..%2fone",
     "/api/runs?of=..", "/api/runs?of=studies%2f..", "/api/run/log?name=..%2f..&seed=1",
     "/static/..%2fapp.py", "/api/studies/..",
     "/static/%2e%2e%2fguard.py", "/static/app.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_folder(client, path):
    reply = client.get(path)
    assert reply.status_code == 404 or reply.text.startswith("<!doctype html>")
    assert "def " not in reply.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8750", "localhost.evil.example", ""]
)
def test_another_host_is_refused(client, host):
    assert client.get("/api/runs", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(client, method):
    assert client.request(method, "/api/runs").status_code == 405


def test_every_answer_forbids_foreign_scripts(client):
    for path in ("/", "/api/runs", "/static/app.js"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_the_page_loads_nothing_from_elsewhere(client):
    for path in ("/", "/static/app.js", "/static/style.css", "/static/dom.js"):
        assert "http://" not in client.get(path).text.replace("http://www.w3.org", "")
        assert "https://" not in client.get(path).text


def test_without_the_token_nothing_is_shown(results):
    client = TestClient(make_app(results, token="secret"), base_url="http://localhost")
    assert client.get("/api/runs").status_code == 401
    assert client.get("/api/runs", params={"token": "wrong"}).status_code == 401
    assert client.get("/", params={"token": "secret"}).status_code == 200
    assert client.get("/api/runs").status_code == 200  # the cookie


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])  # refused
def test_a_bind_that_others_can_reach_wants_a_token(host):
    with pytest.raises(ConfigError, match="token"):
        check_bind(host, None)
    check_bind(host, "secret")


def test_numbers_that_are_not_finite_are_null(client):
    text = client.get("/api/runs").text
    json.loads(text, parse_constant=lambda word: pytest.fail(word))


def test_an_empty_folder_is_no_error(tmp_path):
    client = TestClient(make_app(tmp_path / "none"), base_url="http://localhost")
    assert listed(client) == [] == client.get("/api/studies").json()


def test_a_study_has_its_checklist(client):
    _, table = client.get("/api/studies/first/sections/next").json()
    checks = re.findall(r"<tr><td>([a-z]+)</td>", table["html"])
    assert checks[:2] == ["range", "divergence"]
    assert 'class="badge warning"' in table["html"]


def test_every_trial_opens_with_what_differs_from_the_default_and_its_run(client):
    trials = client.get("/api/studies/first/trials").json()["trials"]
    for row in trials:
        trial = client.get(f"/api/studies/first/trials/{row['number']}").json()
        assert trial["parameters"] == row["parameters"] and trial["default"]["lr"] == 0.5
        run = client.get("/api/run", params={"name": trial["run"]}).json()
        differs = {p["name"]: p["value"] for p in run["config"] if p["differs"]}
        assert differs == {
            name: value for name, value in row["parameters"].items()
            if trial["default"][name] != value
        }  # fmt: skip
        assert run["commands"][0] == trial["command"]
    assert client.get("/api/studies/first/trials/99").status_code == 404


def test_runs_of_studies_are_listed_and_compared_with_what_differs(client):
    groups = client.get("/api/runs").json()["groups"]
    assert groups == ["studies/first"]
    runs = listed(client, of="studies/first", find="trial")
    assert len(runs) >= 12 and all(r["name"].startswith("studies/first/trial_") for r in runs)
    found = client.get("/api/compare", params={"run": [runs[0]["name"], runs[1]["name"]]}).json()
    assert {p["name"] for p in found["configuration"]} <= {"lr", "kind"}
    assert all(len(set(map(str, p["values"]))) == 2 for p in found["configuration"])


def test_the_log_and_the_files_of_a_seed_can_be_read(client):
    name = names(client)["one"]
    run = client.get("/api/run", params={"name": name}).json()
    files = [kept["name"] for kept in run["attempts"][0]["files"]]
    assert {"curves.csv", "attempt.json"} < set(files)
    assert any(file.endswith("way.npz") for file in files)
    asked = {"name": name, "seed": 42, "file": "curves.csv"}
    reply = client.get("/api/run/file", params=asked)
    assert reply.text.startswith("step") and "attachment" in reply.headers["content-disposition"]
    for file in ("../run.json", "/etc/passwd", "..", "nothing"):
        assert client.get("/api/run/file", params=asked | {"file": file}).status_code == 404
    assert client.get("/api/run/log", params={"name": name, "seed": 42}).status_code == 200


def test_with_the_token_a_run_gets_a_note_and_tags_and_without_it_none(results, client):
    name = names(client)["two"]
    said = {"note": " the better one ", "tags": ["good", " good ", "", "a  b"]}
    own = {"X-Homeostat": "yes"}
    place = {"name": name}
    assert client.post("/api/run/remarks", params=place, json=said, headers=own).status_code == 405
    trusted = TestClient(make_app(results, token="secret"), base_url="http://localhost")
    url = f"/api/run/remarks?name={name}&token=secret"
    assert trusted.post(url, json=said).status_code == 403  # a form of another page
    assert trusted.post(url.replace("secret", "x"), json=said, headers=own).status_code == 401
    assert trusted.post(url, json=said, headers=own).json()["tags"] == ["good", "a b"]
    assert client.get("/api/run", params=place).json()["note"] == "the better one"
    assert next(r["tags"] for r in listed(client)) == ["good", "a b"]
    long = {"note": "x" * 5000, "tags": []}
    assert trusted.post(url, json=long, headers=own).status_code == 400


def test_a_study_that_runs_is_asked_to_stop_and_one_that_does_not_says_so(results, tmp_path):
    trusted = TestClient(make_app(results, token="secret"), base_url="http://localhost")
    own = {"X-Homeostat": "yes"}
    reply = trusted.post("/api/studies/first/stop?token=secret", headers=own)
    assert "has stopped" in reply.json()["error"]
    (tmp_path / "slow.py").write_text(SLOW)
    words = ["search", "slow.py", "--trials", "500", "--study", "slow", "--engine", "inline"]
    command = [sys.executable, "-c", "from homeostat.cli.main import main; main()", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as search:
        try:
            trusted = TestClient(
                make_app(tmp_path / "results", token="secret"), base_url="http://localhost"
            )
            ends = time.monotonic() + 60
            while time.monotonic() < ends:
                time.sleep(0.2)
                line = next(iter(trusted.get("/api/studies?token=secret").json()), {})
                if line.get("state") == "running" and line["trials"] > 1:
                    break
            assert trusted.post("/api/studies/slow/stop?token=secret", headers=own).json() == {
                "asked": 1
            }
            assert search.wait(60) == 130
        finally:
            search.kill()
