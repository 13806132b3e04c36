"""Importance and Pareto fronts against known answers."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

import homeostat as hs
from homeostat.cli.main import app, run_app
from homeostat.errors import StudyError, UnknownNameError
from homeostat.record.outcome import Outcome
from homeostat.search.importance import importance
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


@pytest.mark.parametrize("method", ["fanova", "mdi"])
def test_planted_effects_are_ranked(method):
    found = importance(trials_of(weighted), SPACE, metric="loss", method=method)
    shares = {r.name: r.share for r in found.rows}
    names = list(WEIGHTS)
    order = spearmanr([WEIGHTS[n] for n in names], [shares[n] for n in names]).statistic
    assert order >= 0.9
    assert not found.weak and found.r2 > 0.6
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-6)
    assert all(r.low <= r.share <= r.high for r in found.rows)


def test_the_best_tenth_points_at_what_makes_it_best():
    found = importance(trials_of(weighted, 100), SPACE, metric="loss", method="ped-anova")
    assert found.rows[0].name == "a"


def test_of_pure_noise_the_ranking_is_said_to_be_weak():
    found = importance(trials_of(lambda drawn, rng: rng.normal(), 100), SPACE, metric="loss")
    assert found.weak and found.r2 < 0.3
    assert "weak" in found.sentence


def test_one_blow_up_does_not_drown_the_rest():
    trials = trials_of(weighted, 100)
    trials[7] = row(7, {"loss": 1e30}, trials[7].parameters)
    found = importance(trials, SPACE, metric="loss")
    assert found.rows[0].name == "a" and not found.weak


def test_a_conditional_parameter_is_ranked_where_it_is_active():
    space = hs.Space(
        kind=hs.Choice(["plain", "deep"]),
        depth=hs.Int(1, 8, default=2, when={"kind": "deep"}),
        width=hs.Float(0.0, 1.0, default=0.5),
    )
    rng = np.random.default_rng(0)
    trials = []
    for number in range(160):
        drawn = {"kind": ("plain", "deep")[number % 2], "width": float(rng.random())}
        if drawn["kind"] == "deep":
            drawn["depth"] = int(rng.integers(1, 9))
        loss = drawn["width"] + drawn.get("depth", 4)
        trials.append(row(number, {"loss": loss}, drawn))
    found = {r.name: r for r in importance(trials, space, metric="loss").rows}
    assert found["depth"].trials == 80
    assert found["depth"].share > 0.8
    assert found["width"].trials == 160


def test_too_few_trials_and_unknown_methods_are_refused():
    with pytest.raises(StudyError, match="too few"):
        importance(trials_of(weighted, 9), SPACE, metric="loss")
    with pytest.raises(UnknownNameError):
        importance(trials_of(weighted, 20), SPACE, metric="loss", method="fnova")


def test_the_commands_print_both(tmp_path, capsys):
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
    assert ranked["rows"][0]["name"] == "x"
    drawn = str(tmp_path / "front.html")
    assert run_app(app, ["pareto", "--study", "s", *results, "--plot", drawn], name="h") == 0
    assert "dominate" in capsys.readouterr().out
    assert (tmp_path / "front.html").stat().st_size > 1e6
