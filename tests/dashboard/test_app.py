"""What the dashboard answers, and what it refuses."""

import json

import pytest
from fastapi.testclient import TestClient

from homeostat.dashboard.app import make_app
from homeostat.dashboard.guard import check_bind
from homeostat.errors import ConfigError


@pytest.fixture(scope="module")
def client(results):
    return TestClient(make_app(results), base_url="http://localhost")


def names(client):
    return {run["name"].partition("_")[0]: run["name"] for run in client.get("/api/runs").json()}


def test_runs_are_listed_newest_first_with_what_they_scored(client):
    newest, oldest = client.get("/api/runs").json()
    assert newest["name"].startswith("two") and oldest["name"].startswith("one")
    assert newest["mean"] < oldest["mean"]
    assert newest["outcome"] == "completed" and newest["seeds"] == [42, 123, 456]


def test_a_run_has_its_configuration_seeds_and_curves(client):
    name = names(client)["two"]
    run = client.get(f"/api/runs/{name}").json()
    assert run["config"]["lr"] == 0.01 and run["given"] == {"lr": 0.01}
    assert [a["seed"] for a in run["attempts"]] == [42, 123, 456]
    _, line = client.get("/api/curves", params={"run": name, "metric": "size"}).json()["data"]
    assert line["name"] == name


def test_a_quantity_of_many_parts_is_a_map_over_time(client):
    name = names(client)["one"]
    assert client.get(f"/api/runs/{name}").json()["families"] == ["part"]
    (heat,) = client.get(f"/api/runs/{name}/families/part").json()["data"]
    assert heat["type"] == "heatmap" and heat["y"] == [0, 1, 2]
    assert client.get(f"/api/runs/{name}/families/nonsense").status_code == 404


def test_a_run_has_the_views_of_its_workload_of_the_best_seed_or_the_one_asked_for(client):
    name = names(client)["two"]
    record = client.get(f"/api/runs/{name}").json()
    values = {a["seed"]: a["values"]["val_loss"] for a in record["attempts"]}
    found = client.get(f"/api/runs/{name}/views").json()
    assert found["seeds"] == list(values)
    assert found["seed"] == min(values, key=lambda seed: values[seed])
    way, broken = found["views"]
    assert (way["title"], way["caption"]) == ("<b>The way down</b>", "As it went.")
    assert "figure" not in broken and "KeyError" in broken["wrong"]
    another = next(seed for seed in values if seed != found["seed"])
    asked = client.get(f"/api/runs/{name}/views", params={"seed": another}).json()
    assert asked["seed"] == another
    assert asked["views"][0]["figure"] != way["figure"]
    nobody = client.get(f"/api/runs/{name}/views", params={"seed": 7}).json()
    assert nobody["views"] == []


def test_a_run_whose_workload_is_gone_has_no_views_and_is_no_error(client, results, tmp_path):
    source = results / names(client)["one"] / "run.json"
    gone = tmp_path / "lonely_run"
    gone.mkdir()
    facts = json.loads(source.read_text()) | {"reference": str(tmp_path / "gone.py")}
    (gone / "run.json").write_text(json.dumps(facts | {"crc32": None}))
    other = TestClient(make_app(tmp_path), base_url="http://localhost")
    assert other.get("/api/runs/lonely_run/views").json()["views"] == []


def test_a_study_has_the_views_of_its_best_trial(client):
    best = client.get("/api/studies/first").json()["to_take"]
    found = client.get("/api/studies/first/views").json()
    assert found["run"] == f"trial_{best:04d}"
    assert [view["name"] for view in found["views"]] == ["way", "broken"]


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
    assert study["top"][0]["command"].startswith("homeostat run ")
    values = [row["values"]["val_loss"] for row in rows["trials"]]
    assert values == sorted(values) and rows["total"] == 12


def test_trials_can_be_found_by_what_they_set(client):
    every = client.get("/api/studies/first/trials").json()["trials"]
    found = client.get("/api/studies/first/trials", params={"find": "kind=plain"}).json()
    assert found["total"] == sum(t["parameters"].get("kind") == "plain" for t in every)
    down = client.get("/api/studies/first/trials", params={"down": True}).json()["trials"]
    assert [t["number"] for t in down] == sorted((t["number"] for t in every), reverse=True)


@pytest.mark.parametrize("kind", ["history", "parallel", "pareto", "importance", "curves"])
def test_every_figure_of_a_study_is_drawn(client, kind):
    assert client.get(f"/api/studies/first/figures/{kind}").json()["data"]


def test_an_unknown_figure_is_nothing(client):
    assert client.get("/api/studies/first/figures/nonsense").json() is None


def test_an_unknown_name_is_told_with_the_nearest(client):
    reply = client.get("/api/studies/firts")
    assert reply.status_code == 404
    assert "first" in reply.json()["hint"]


@pytest.mark.parametrize(
    "path",
    ["/api/runs/..%2f..%2fetc", "/api/runs/%2e%2e", "/static/..%2fapp.py", "/api/studies/..",
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
    assert client.get("/api/runs").json() == [] == client.get("/api/studies").json()


def test_a_study_has_its_checklist(client):
    found = client.get("/api/studies/first/checklist").json()
    assert [check["check"] for check in found][:2] == ["range", "divergence"]
    assert all(check["saw"] and check["status"] for check in found)
    assert any(check["status"] == "warning" and check["remedy"] for check in found)
