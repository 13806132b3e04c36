"""A study answers its question for each scientific value at its best, and says what it held."""

from __future__ import annotations

import json

import pytest

import homeostat as hs
from homeostat.cli.main import main
from homeostat.errors import StudyError, UnknownNameError
from homeostat.search.search import read
from homeostat.study.store import Store

SPACE = hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True),
    optimizer=hs.Choice(["sgd", "adam", "none"]),
    layers=hs.Int(1, 3),
    weight_decay=hs.Float(0.0, 1.0, default=0.1),
    momentum=hs.Float(0.0, 0.9, when={"optimizer": "sgd"}),
)
BEST = {"sgd": 0.3, "adam": 0.03, "none": 0.1}
LOSS = {"sgd": 0.2, "adam": 0.0, "none": 1.0}


def make(noise=0.0, losses=LOSS, goal="minimize"):
    """Every optimiser has a best rate of its own: at the default's, sgd looks worst."""

    @hs.workload(space=SPACE, metric="val", goal=goal, budget=1)
    def network(config, trial):
        away = abs(SPACE["lr"].to_unit(config.lr) - SPACE["lr"].to_unit(BEST[config.optimizer]))
        loss = losses[config.optimizer] + away + noise * trial.rng(f"{config.digest}").normal()
        yield hs.Report(0, val=-loss if goal == "maximize" else loss)

    return network


NAMES = ["lr", "optimizer", "layers"]


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_each_value_is_compared_at_its_own_best_setting(goal, tmp_path):
    found = hs.search(
        make(goal=goal), 60, method="sobol", names=NAMES, results=tmp_path, study="s",
        scientific=["optimizer"], goal="does it matter?",
    )  # fmt: skip
    conclusion = found.conclusion
    [comparison] = conclusion.comparisons
    assert [arm.value for arm in comparison.arms] == ["adam", "sgd", "none"]
    for arm in comparison.arms:
        assert arm.best.parameters["lr"] == pytest.approx(BEST[arm.value], rel=0.5)
        assert arm.fresh.keys() == comparison.arms[0].fresh.keys()
        assert len(arm.fresh) == 5
    assert sum(arm.trials for arm in comparison.arms) == 60
    assert comparison.equal == min(arm.trials for arm in comparison.arms)
    gain = comparison.verdict.removeprefix("optimizer: adam is better than sgd by ")
    assert float(gain.split()[0]) == pytest.approx(0.2, abs=0.03)
    assert comparison.verdict.endswith("on 5 fresh seeds.")
    assert conclusion.question == "does it matter?"
    assert conclusion.nuisance == ("lr", "layers")
    json.dumps(found.to_json())


def test_what_was_held_is_a_caveat_and_what_has_no_effect_is_none(tmp_path):
    found = hs.search(
        make(), 8, method="sobol", names=["lr", "layers"], pins={"optimizer": "adam"},
        results=tmp_path, confirm=False,
    )  # fmt: skip
    assert found.conclusion.caveat == (
        "Holds for optimizer = adam, weight_decay = 0.1 only: they were not varied."
    )
    everything = hs.search(make(), 4, method="sobol", results=tmp_path, confirm=False)
    assert everything.conclusion.caveat == ""


def test_noise_that_hides_the_difference_is_told_as_undecided(tmp_path):
    same = dict.fromkeys(LOSS, 0.0)
    noisy = make(noise=1.0, losses=same)
    settings = {"names": NAMES, "results": tmp_path, "scientific": ["optimizer"]}
    fresh = hs.search(noisy, 40, method="sobol", study="a", **settings)
    assert "undecided between" in fresh.conclusion.comparisons[0].verdict
    lucky = hs.search(noisy, 40, method="sobol", study="b", confirm=False, **settings)
    assert "undecided in this search; of" in lucky.conclusion.comparisons[0].verdict


def test_a_value_with_few_trials_gets_a_study_of_its_own(tmp_path):
    found = hs.search(
        make(), 12, method="sobol", names=["optimizer", "lr"], pins={"layers": 2},
        results=tmp_path, study="s", scientific=["optimizer"], confirm=False,
    )  # fmt: skip
    [comparison] = found.conclusion.comparisons
    assert "few trials completed with some values (" in comparison.caution
    assert "pins={'layers': 2, 'optimizer': " in comparison.caution


def test_a_question_can_be_asked_of_a_study_that_is_there_and_is_kept(tmp_path):
    network = make()
    plain = hs.search(network, 30, method="sobol", names=NAMES, results=tmp_path, study="s")
    assert plain.conclusion.comparisons == ()
    asked = hs.search(network, 30, results=tmp_path, study="s", scientific=["optimizer"], goal="?")
    assert asked.trials == plain.trials
    assert all(arm.fresh for arm in asked.conclusion.comparisons[0].arms)
    later = hs.search(network, 30, results=tmp_path, study="s")
    assert later.conclusion == asked.conclusion
    assert read("s", workload=network, results=tmp_path).conclusion == asked.conclusion


def test_what_cannot_be_compared_is_refused_before_anything_is_made(tmp_path):
    cases = [
        ("lr", StudyError, "lr has a whole range of values"),
        ("optimiser", UnknownNameError, "Did you mean 'optimizer'?"),
        ("weight_decay", UnknownNameError, "'weight_decay' is not searched"),
    ]
    for name, kind, said in cases:
        with pytest.raises(kind) as error:
            hs.search(make(), 4, names=NAMES, results=tmp_path, study="s", scientific=[name])
        assert said in str(error.value)
    assert Store(tmp_path / "studies.db").names() == []


def test_the_terminal_shows_the_question_the_table_and_the_caveat(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "import homeostat as hs\n"
        "S = hs.Space(lr=hs.Float(0.0, 1.0), kind=hs.Choice(['a', 'b']), depth=hs.Int(1, 9))\n"
        "@hs.workload(space=S, metric='loss', goal='minimize', budget=1)\n"
        "def net(config, trial):\n"
        "    yield hs.Report(0, loss=(config.lr - 0.4) ** 2 + (config.kind == 'b'))\n"
    )
    how = ["--study", "s", "--trials", "24", "--method", "sobol", "--engine", "inline"]
    asks = ["--set", "depth=3", "--scientific", "kind", "--goal", "does b help?"]
    typed(["search", "net.py", *how, *asks])
    printed = capsys.readouterr().out
    assert "\ndoes b help?\n" in printed
    assert "kind: a is better than b by" in printed
    assert "Holds for depth = 3 only: it was not varied." in printed
    typed(["status", "--study", "s"])
    assert "kind: a is better than b by" in capsys.readouterr().out


def typed(words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code in (0, None)
