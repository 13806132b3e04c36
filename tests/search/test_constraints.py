"""A bound on a metric: what is beyond it is learned from, told everywhere, and never wins."""

from __future__ import annotations

import json
import statistics

import pytest

import homeostat as hs
from homeostat.cli.main import main
from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.search.search import resume
from homeostat.study.constraint import Constraint

SPACE = hs.Space(x=hs.Float(0.0, 1.0, default=0.2), y=hs.Float(0.0, 1.0, default=0.2))


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=1)
def edge(config, trial):
    """The best loss is at x = y = 1, where the latency is 2; it must be 1 at most."""
    noise = trial.rng("noise").normal(0.0, 1e-4)
    yield hs.Report(0, loss=2 - config.x - config.y + noise, latency=config.x + config.y)


def test_what_wins_keeps_the_bound_and_what_does_not_is_told(tmp_path):
    found = hs.search(edge, 20, study="s", results=tmp_path, constraints="latency<=1")
    beyond = [t for t in found.trials if t.values["latency"] > 1]
    assert beyond
    assert all(t.outcome is Outcome.INFEASIBLE for t in beyond)
    assert all("and must be <= 1" in t.reason for t in beyond)
    within = [t for t in found.trials if t not in beyond]
    verdict = found.verdict
    assert verdict.winner is not None
    assert verdict.leader is min(within, key=lambda t: t.values["loss"]) or (
        verdict.leader.values["loss"] == min(t.values["loss"] for t in within)
    )
    assert verdict.infeasible == len(beyond)
    assert any(line.startswith("latency <= 1: trial ") for line in verdict.lines)
    assert f"Infeasible: {len(beyond)} of 20 trials that ended well." in verdict.lines


def test_the_model_goes_to_the_edge_and_wastes_few_trials_beyond_it(tmp_path):
    """By law of the problem 50 % of random trials are beyond, and the best within has loss 1."""
    shares, best = [], []
    for seed in range(3):
        found = hs.search(edge, 30, study=f"s{seed}", results=tmp_path, constraints=["latency<=1"],
                          seed=seed, confirm=False)  # fmt: skip
        late = found.trials[12:]
        shares.append(statistics.fmean(t.outcome is Outcome.INFEASIBLE for t in late))
        best.append(found.best.value)
    # A trial at the edge is beyond it about every other time.
    assert statistics.fmean(shares) < 0.7
    assert statistics.fmean(best) < 1.03


def test_a_study_goes_on_under_its_bounds_and_refuses_others(tmp_path):
    kwargs = {"study": "s", "results": tmp_path, "confirm": False}
    hs.search(edge, 4, constraints=["latency <= 1"], method="random", **kwargs)
    again = hs.search(edge, 8, **kwargs)
    assert again.verdict.constraints == (Constraint("latency", "<=", 1.0),)
    assert len(resume("s", workload=edge, results=tmp_path).trials) == 8
    with pytest.raises(StudyError, match="the constraints was latency <= 1 and is now"):
        hs.search(edge, 9, constraints=["latency<=2"], **kwargs)


def test_where_none_keeps_it_the_closest_is_named(tmp_path):
    found = hs.search(edge, 6, results=tmp_path, constraints=["latency<=-1"])
    closest = min(found.trials, key=lambda t: t.values["latency"])
    assert found.best is None
    assert f"the closest is trial {closest.number}: latency is" in found.verdict.lines[0]


def test_a_metric_that_nobody_reports_is_said_to_be_that(tmp_path):
    found = hs.search(edge, 3, results=tmp_path, constraints=["latenzy<=1"])
    assert "No trial reported latenzy: is it spelt so?" in found.verdict.lines[0]


@pytest.mark.parametrize("text", ["latency", "latency<5", "latency<=low", "<=5", "latency<=inf"])
def test_what_is_no_bound_is_refused(text, tmp_path):
    with pytest.raises(StudyError, match="is no bound of a metric"):
        hs.search(edge, 3, results=tmp_path, constraints=[text])


def test_the_command_takes_it_and_every_command_tells_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edge.py").write_text(
        "import homeostat as hs\n"
        "space = hs.Space(x=hs.Float(0.0, 1.0), y=hs.Float(0.0, 1.0))\n"
        "@hs.workload(space=space, metric='loss', goal='minimize', budget=1)\n"
        "def edge(config, trial):\n"
        "    yield hs.Report(0, loss=2 - config.x - config.y, latency=config.x + config.y)\n"
    )
    for command in (
        "search edge.py --study s --trials 8 --engine inline --method random --no-confirm "
        "--constraint latency<=0.9",
        "status --study s", "best --study s", "report --study s",
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        assert ended.value.code == 0
        told = capsys.readouterr().out
        assert command.startswith("report") or "Infeasible: " in told
    with pytest.raises(SystemExit):
        main(["best", "--study", "s", "--json"])
    kept = json.loads(capsys.readouterr().out)
    assert kept["verdict"]["constraints"] == ["latency <= 0.9"]
    page = (tmp_path / "results/studies/s/report.html").read_text()
    assert "Infeasible trials" in page


def test_on_fresh_seeds_too_what_wins_keeps_the_bound(tmp_path):
    """The seed of the search is a lucky one: on every other the latency is higher."""

    @hs.workload(space=SPACE, metric="loss", goal="minimize", budget=1)
    def lucky(config, trial):
        latency = config.x + config.y + (0.0 if trial.seed == 42 else 0.5)
        yield hs.Report(0, loss=2 - config.x - config.y, latency=latency)

    found = hs.search(lucky, 20, results=tmp_path, constraints=["latency<=1"], method="random")
    verdict = found.verdict
    assert verdict.leader.values["latency"] > 0.5
    assert verdict.winner is verdict.default
    assert verdict.on_fresh_seeds(verdict.winner, "latency").mean <= 1
    told = f"On fresh seeds trial {verdict.leader.number} is infeasible: latency is "
    assert any(line.startswith(told) for line in verdict.lines)
