"""Importance and Pareto fronts against known answers."""

import json

import numpy as np
import pytest

import homeostat as hs
from homeostat.cli.main import app, run_app
from homeostat.dashboard.studies import Studies
from homeostat.errors import StudyError
from homeostat.pages.study.facts import gather
from homeostat.record.outcome import Outcome
from homeostat.search.importance import importance
from homeostat.search.search import open_store
from homeostat.study.records import TrialRow

WEIGHTS = {"a": 4.0, "b": 2.8, "c": 2.0, "d": 1.4, "e": 1.0, "f": 0.7}
SPACE = hs.Space(**{name: hs.Float(0.0, 1.0, default=0.5) for name in WEIGHTS})


def row(number, values, parameters):
    return TrialRow(
        key=number, number=number, outcome=Outcome.COMPLETED, values=values, parameters=parameters
    )


def trials_of(function, count=200, seed=0, space=SPACE):
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        drawn = {n: p.from_unit(rng.random()) for n, p in space.searched().items()}
        made.append(row(number, {"loss": function(drawn, rng)}, drawn))
    return made


def weighted(drawn, rng):
    return sum(w * drawn[name] for name, w in WEIGHTS.items()) + 0.1 * rng.normal()


VARIANCES = {name: weight**2 / 12 for name, weight in WEIGHTS.items()}
"""Of each term of `weighted`, over uniform draws."""


def test_shares_are_those_that_were_planted():
    ranking = importance(trials_of(weighted), SPACE, metric="loss")
    whole = sum(VARIANCES.values()) + 0.1**2
    assert [r.name for r in ranking.rows] == list(WEIGHTS)
    for row in ranking.rows:
        assert row.low <= VARIANCES[row.name] / whole <= row.high
        assert row.clear and row.share == pytest.approx(VARIANCES[row.name] / whole, abs=0.05)
    assert not ranking.weak and ranking.r2 > 0.9


def test_of_pure_noise_nothing_is_clear_of_chance_and_that_is_said():
    trials = trials_of(lambda drawn, rng: rng.normal(), 100)
    ranking = importance(trials, SPACE, metric="loss")
    assert ranking.weak and not any(row.clear for row in ranking.rows)
    assert all(row.low == 0.0 for row in ranking.rows)
    assert "no parameter is clear of it" in ranking.sentence and ranking.method in ranking.sentence


def test_a_dead_parameter_is_not_ranked_above_chance_and_its_interval_holds_nothing():
    trials = trials_of(lambda drawn, rng: drawn["a"] + 0.3 * rng.normal(), 80)
    ranking = {row.name: row for row in importance(trials, SPACE, metric="loss").rows}
    assert ranking["a"].clear
    assert [row.low for name, row in ranking.items() if name != "a"] == [0.0] * 5


def test_two_that_act_only_together_both_have_a_share_in_it():
    trials = trials_of(lambda d, rng: (d["a"] - 0.5) * (d["b"] - 0.5) + 0.01 * rng.normal(), 120)
    ranking = {row.name: row for row in importance(trials, SPACE, metric="loss").rows}
    for name in ("a", "b"):
        assert ranking[name].clear and ranking[name].low <= 1 / (1 + 0.0144) <= ranking[name].high


def test_one_blow_up_does_not_drown_the_rest():
    trials = trials_of(weighted, 100)
    trials[7] = row(7, {"loss": 1e30}, trials[7].parameters)
    ranking = importance(trials, SPACE, metric="loss")
    assert ranking.rows[0].name == "a" and not ranking.weak


CONDITIONAL = hs.Space(
    kind=hs.Choice(["plain", "deep", "odd", "even"]),
    depth=hs.Int(1, 8, default=2, when={"kind": "deep"}),
    width=hs.Float(0.0, 1.0, default=0.5),
)


def conditional_trials(count, loss, seed=0):
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        kind = ("plain", "deep", "odd", "even")[rng.integers(4)]
        drawn = {"kind": kind, "width": float(rng.random())}
        if kind == "deep":
            drawn["depth"] = int(rng.integers(1, 9))
        trials.append(row(number, {"loss": loss(drawn) + 0.05 * rng.normal()}, drawn))
    return trials


def test_a_parameter_that_acts_in_few_trials_has_a_share_of_the_same_whole():
    # Where it acts it is nearly all there is; but it acts in a quarter of the space.
    trials = conditional_trials(160, lambda d: d["width"] + 0.05 * (d.get("depth", 4.5) - 4.5))
    ranking = {r.name: r for r in importance(trials, CONDITIONAL, metric="loss").rows}
    of_depth = 0.05**2 * (8**2 - 1) / 12 / 4
    whole = 1 / 12 + of_depth + 0.05**2
    assert ranking["depth"].low <= of_depth / whole <= ranking["depth"].high < 0.15
    assert ranking["width"].low <= (1 / 12) / whole <= ranking["width"].high
    assert ranking["depth"].trials < 60 and ranking["width"].trials == 160


def test_one_and_true_are_two_options():
    space = hs.Space(option=hs.Choice([1, True, 2]), x=hs.Float(0.0, 1.0))
    worth = {(int, 1): 0.0, (bool, True): 1.0, (int, 2): 0.0}
    trials = trials_of(
        lambda d, rng: worth[type(d["option"]), d["option"]] + 0.1 * rng.normal(), 60, space=space
    )
    first = importance(trials, space, metric="loss").rows[0]
    assert first.name == "option" and first.share > 0.8


def test_trials_of_an_adaptive_search_are_no_reason_to_miss_the_shares():
    # All but twenty crowd around the best value of `a`, as those of a good search do.
    rng = np.random.default_rng(0)
    trials = []
    for number in range(80):
        drawn = {name: float(rng.random()) for name in WEIGHTS}
        if number >= 20:
            drawn["a"] = float(np.clip(0.3 + 0.05 * rng.normal(), 0, 1))
        loss = (drawn["a"] - 0.3) ** 2 + 0.05 * drawn["b"] + 0.01 * rng.normal()
        trials.append(row(number, {"loss": loss}, drawn))
    of_a = 1 / 180 + (1 - 2 * 0.3) ** 2 / 12  # of (x - .3)^2 over uniform x
    whole = of_a + 0.05**2 / 12 + 0.01**2
    ranking = {r.name: r for r in importance(trials, SPACE, metric="loss").rows}
    assert ranking["a"].low <= of_a / whole <= ranking["a"].high


def test_what_the_probe_knows_to_be_dead_is_left_out_by_name():
    ranking = importance(trials_of(weighted, 60), SPACE, metric="loss", dead=["f"])
    assert "f" not in {r.name for r in ranking.rows} and ranking.dead == ("f",)
    assert any("f" in remark for remark in ranking.remarks)


def test_there_is_no_ranking_of_fewer_than_two_trials_a_parameter():
    with pytest.raises(StudyError, match="too few"):
        importance(trials_of(weighted, 9), SPACE, metric="loss")
    wide = hs.Space(**{f"p{i}": hs.Float(0.0, 1.0) for i in range(10)})
    with pytest.raises(StudyError, match="it takes 20"):
        importance(trials_of(lambda d, rng: d["p0"], 19, space=wide), wide, metric="loss")


def test_the_commands_print_both_and_every_page_shows_the_same_ranking(tmp_path, capsys):
    path = tmp_path / "bowl.py"
    path.write_text(
        "import homeostat as hs\n"
        "space = hs.Space(x=hs.Float(0, 1, default=0.5), y=hs.Float(0, 1, default=0.5))\n"
        "@hs.workload(space=space, objectives={'loss': 'minimize', 'size': 'minimize'}, budget=1)\n"
        "def bowl(config, trial):\n"
        "    yield hs.Report(0, loss=config.x + 0.1 * config.y, size=1 - config.x)\n"
    )
    results = ("--results", str(tmp_path / "results"))
    hs.search(path, 24, study="s", method="random", results=tmp_path / "results", confirm=False)
    assert run_app(app, ["importance", "--study", "s", *results, "--json"], name="h") == 0
    ranked = json.loads(capsys.readouterr().out)
    assert ranked["rows"][0]["name"] == "x" and ranked["method"] == "functional ANOVA"
    facts = gather("s", store=open_store(tmp_path / "results"), results=tmp_path / "results")
    assert facts.importance().to_json()["rows"] == ranked["rows"]
    blocks = Studies(tmp_path / "results", None).section("s", "mattered")
    (figures,) = [block["figures"] for block in blocks if block["figures"]]
    drawn = figures["importance"]["data"][0]
    bars = dict(zip(drawn["y"], drawn["x"], strict=True))
    assert bars == {r["name"]: pytest.approx(r["share"]) for r in ranked["rows"]}
    drawn = str(tmp_path / "front.html")
    assert run_app(app, ["pareto", "--study", "s", *results, "--plot", drawn], name="h") == 0
    assert "dominate" in capsys.readouterr().out
    assert (tmp_path / "front.html").stat().st_size > 1e6
