"""After a round, each thing that asks for another is found, with what to type; and nothing else."""

from __future__ import annotations

import json
import math
import re
import shlex

import numpy as np
import pytest

import homeostat as hs
from homeostat.cli.main import main
from homeostat.pages.study import write_report
from homeostat.record.runs import read_run
from homeostat.search.search import read
from homeostat.study.store import Store

PLANE = hs.Space(x=hs.Float(1.0, 2.0), y=hs.Float(0.0, 1.0))
STEPS = 30


def decay(step):
    return math.exp(-step / 4)


def searched(tmp_path, value, *, space=PLANE, curve=decay, trials=40, method="sobol", extra=None):
    """A search of `value(config)`, which every curve ends at; its checks by name."""

    @hs.workload(space=space, metric="val_loss", goal="minimize", budget=STEPS)
    def surface(config, trial):
        end = value(config)
        for step in trial.steps():
            more = {name: told(step) for name, told in (extra or {}).items()}
            yield hs.Report(step, val_loss=end + curve(step), **more)

    found = hs.search(
        surface, trials, method=method, results=tmp_path, study="first", confirm=False
    )
    assert found.checklist == read("first", workload=surface, results=tmp_path).checklist
    return {check.name: check for check in found.checklist}


def inside(config):
    return (config.x - 1.4) ** 2 + (config.y - 0.6) ** 2


def test_a_healthy_round_asks_for_nothing(tmp_path):
    found = searched(
        tmp_path, inside, trials=60, method="tpe", extra={"train_loss": lambda s: decay(s) - 0.1}
    )
    assert [check.name for check in found.values()] == [
        "range", "divergence", "length", "overfitting", "steadiness", "trials",
    ]  # fmt: skip
    assert {check.status for check in found.values()} == {"ok"}, found


def test_a_best_at_the_end_of_a_range_says_what_to_widen_to(tmp_path):
    space = hs.Space(x=hs.Float(1.0, 2.0), lr=hs.Float(1e-4, 1e-1, log=True), n=hs.Int(4, 8))

    def beyond(config):
        return (config.x - 1.5) ** 2 - config.lr + (config.n - 9) ** 2

    check = searched(tmp_path, beyond, space=space, method="tpe", trials=60)["range"]
    assert check.status == "warning"
    assert {end["name"]: end["wider"] for end in check.evidence["ends"]} == {
        "lr": "0.0001..1",
        "n": "4..10",
    }
    assert "Widen lr to 0.0001..1, n to 4..10" in check.remedy


def test_where_nothing_lies_beyond_the_end_is_no_finding(tmp_path):
    space = hs.Space(dropout=hs.Float(0.0, 1.0), depth=hs.Int(1, 9), x=hs.Float(1.0, 2.0))

    def least(config):
        return config.dropout + config.depth + (config.x - 1.5) ** 2

    check = searched(tmp_path, least, space=space, method="tpe", trials=60)["range"]
    assert check.status == "ok"
    assert "depth = 1, beyond which there is nothing" in check.saw


def test_a_best_at_the_edge_of_divergence_is_a_problem_of_stability(tmp_path):
    def cliff(config):
        return 2.0 - config.x if config.x < 1.6 else math.nan

    space = hs.Space(x=PLANE["x"], y=PLANE["y"], clip_norm=hs.Float(0.1, 10.0, fixed="by hand"))
    check = searched(tmp_path, cliff, space=space)["divergence"]
    assert check.status == "warning"
    assert "is at that edge: just above its x 1.6, 6 of 6 are lost" in check.saw
    assert "Warm up or clip the gradient (clip_norm)" in check.remedy
    run = check.remedy.split("homeostat diagnose ")[1]
    assert read_run(run).outcome == "diverged"


def test_a_share_lost_elsewhere_is_waste_and_its_place_is_named(tmp_path):
    def far_wall(config):
        return (config.x - 1.2) ** 2 if config.x < 1.55 else math.nan

    check = searched(tmp_path, far_wall)["divergence"]
    assert check.status == "warning"
    assert "at that edge" not in check.saw
    assert "of them with x above 1.5" in check.saw


def test_a_small_share_lost_far_away_is_no_finding(tmp_path):
    def corner(config):
        return inside(config) if config.x < 1.85 else math.nan

    check = searched(tmp_path, corner)["divergence"]
    assert check.status == "ok"
    assert check.saw.startswith("6 of 40 trials diverged (15 %), none next to trial ")


@pytest.mark.parametrize(
    ("curve", "status", "said"),
    [
        (decay, "ok", "best at step 29 of 30"),
        (lambda step: 2 - step / STEPS, "warning", "still improving at the end"),
        (lambda step: abs(step - 1) / STEPS, "warning", "best at step 1 of 30, in the first tenth"),
    ],
)
def test_a_run_that_is_too_short_or_too_long_shows(curve, status, said, tmp_path):
    check = searched(tmp_path, inside, curve=curve, trials=10)["length"]
    assert check.status == status
    assert said in check.saw


def test_overfitting_shows_where_both_curves_are_there(tmp_path):
    def turning(step):
        return abs(step - 10) / STEPS

    falling = {"train_loss": decay}
    assert searched(tmp_path / "a", inside, curve=turning, trials=10)["overfitting"].status == (
        "skipped"
    )
    both = searched(tmp_path / "b", inside, curve=turning, trials=10, extra=falling)["overfitting"]
    assert both.status == "warning"
    assert "was best at report 11 of 30" in both.saw
    healthy = searched(tmp_path / "c", inside, trials=10, extra=falling)["overfitting"]
    assert healthy.status == "ok"


def test_a_curve_that_jumps_by_more_than_the_best_differ_decides_by_luck(tmp_path):
    def jumping(step):
        return decay(step) + 0.3 * np.random.default_rng(step).random()

    check = searched(tmp_path, inside, curve=jumping)["steadiness"]
    assert check.status == "warning"
    assert "the best 5 different settings lie within" in check.saw


def test_few_trials_and_trials_that_still_improve_ask_for_more(tmp_path):
    few = searched(tmp_path / "few", inside, trials=6)["trials"]
    assert (few.status, "6 completed trials are few" in few.saw) == ("warning", True)
    assert few.remedy.endswith(
        f"hs.search(surface, study='first', trials=30, results={str(tmp_path / 'few')!r})"
    )
    steep = searched(tmp_path / "steep", inside, method="random", trials=20)["trials"]
    assert steep.status == "warning"
    assert steep.remedy.endswith(
        f"hs.search(surface, study='first', trials=40, results={str(tmp_path / 'steep')!r})"
    )


def test_curves_of_two_reports_cannot_be_judged(tmp_path):
    @hs.workload(space=PLANE, metric="loss", goal="minimize", budget=2)
    def short(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=inside(config))

    found = hs.search(short, 12, method="sobol", results=tmp_path, confirm=False)
    skipped = {check.name for check in found.checklist if check.status == "skipped"}
    assert skipped == {"length", "overfitting", "steadiness"}


def test_a_study_without_a_result_has_no_checklist(tmp_path):
    @hs.workload(space=PLANE, metric="loss", goal="minimize", budget=2)
    def lost(config, trial):
        yield hs.Report(0, loss=math.nan)

    found = hs.search(lost, 4, method="sobol", results=tmp_path, confirm=False)
    assert found.checklist == ()


def test_the_next_round_is_asked_for_as_this_one_was(tmp_path):
    """With what it varied and held, how it ran, and its question."""
    space = hs.Space(
        x=hs.Float(1, 2), y=hs.Float(0, 1), z=hs.Float(0, 1), kind=hs.Choice(["a", "b"])
    )

    @hs.workload(space=space, metric="loss", goal="minimize", budget=8)
    def slope(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=-config.x + config.z)

    found = hs.search(
        slope, 30, method="tpe", results=tmp_path, study="s", budget=4, seeds=2, prune="median",
        names=["x", "kind"], pins={"z": 0.25}, scientific=["kind"], goal="a or b?", confirm=False,
    )  # fmt: skip
    assert found.checklist[0].remedy.endswith(
        "hs.search(slope, study='s_2', carry_from='s', budget=4, seeds=2, method='tpe', "
        "prune='median', names=['x', 'kind'], pins={'z': 0.25}, scientific=['kind'], "
        f"goal='a or b?', results={str(tmp_path)!r})"
    )
    # A method that cannot learn from another study is not asked for where there is one.
    blind = hs.search(slope, 12, method="sobol", results=tmp_path, study="t", confirm=False)
    assert blind.checklist[0].remedy.endswith(
        f"hs.search(slope, study='t_2', carry_from='t', budget=8, results={str(tmp_path)!r})"
    )


FILE = """
import homeostat as hs

space = hs.Space(x=hs.Float(0.0, 2.0), y=hs.Float(0.0, 1.0), width=hs.Int(1, 8))

@hs.workload(space=space, metric="loss", goal="minimize", budget=8)
def slope(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=4 - config.x + (config.y - 0.5) ** 2 + 1 / (1 + step))
"""


def test_what_it_says_to_type_can_be_typed_and_status_and_pages_have_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slope.py").write_text(FILE)
    typed(["search", "slope.py", "--study", "first", "--trials", "14", "--engine", "inline",
           "--set", "width=4", "--steps", "6"])  # fmt: skip
    printed = capsys.readouterr().out
    assert "warning  range: trial " in printed
    assert "-> Widen x to 0..3 in the workload" in printed
    next_line = next(line for line in printed.splitlines() if "--from first" in line)
    (tmp_path / "slope.py").write_text(FILE.replace("0.0, 2.0", "0.0, 3.0"))
    command = shlex.split("search " + next_line.split("homeostat search ")[1])
    assert command[-4:] == ["--steps", "6", "--set", "width=4"]
    typed([*command, "--trials", "3", "--engine", "inline"])
    assert "From study first: 14 of 14 trials carried over" in capsys.readouterr().out
    typed(["status", "--study", "first_2", "--json"])
    [row] = json.loads(capsys.readouterr().out)
    assert row["checklist"][0]["check"] == "range"
    learnt = write_report("first_2", store=Store("results/studies.db"), with_notebook=False)
    assert "From study first: 14 of 14 trials carried over" in learnt.page.read_text()
    typed(["status", "--study", "first"])
    assert "warning  range: trial " in capsys.readouterr().out
    written = write_report("first", store=Store("results/studies.db"), with_notebook=False)
    assert "Widen x to 0..3" in written.page.read_text()


def typed(words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code in (0, None)


def test_what_luck_alone_still_brings_is_no_reason_for_more_trials(tmp_path):
    """The best of ever more noisy trials is ever better, and none of it is real."""
    space = hs.Space(x=hs.Float(0.0, 1.0))

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def noise(config, trial):
        yield hs.Report(0, loss=trial.rng(f"{config.x}").normal())

    settings = {"method": "random", "results": tmp_path, "study": "first"}
    before = hs.search(noise, 60, confirm=False, **settings).checklist[-1]
    assert before.name == "trials"
    assert before.status == "warning"
    *_, after, _ = hs.search(noise, 60, confirm=8, **settings).checklist
    assert after.status == "ok"
    assert "less than the noise of a trial" in after.saw


def test_an_undecided_gain_says_how_many_seeds_decide_it_and_these_mostly_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    @hs.workload(
        space=hs.Space(x=hs.Float(0.0, 1.0, default=0.2)), metric="loss", goal="minimize", budget=1
    )
    def noisy(config, trial):
        luck = 0.1 * trial.rng(f"{config.x}").normal()
        for step in trial.steps():
            yield hs.Report(step, loss=abs(config.x - 0.4) + luck)

    decided = 0
    for seed in (1, 4, 5, 6):
        first = hs.search(noisy, 20, method="sobol", study=f"s{seed}", results=tmp_path, seed=seed)
        asked = next(check for check in first.checklist if check.name == "confirmation")
        assert asked.status == "warning" and "undecided with 5 seeds" in asked.saw
        # It is known to this process alone, so what to type is Python.
        call = asked.remedy.removeprefix("Go on:  ")
        seeds = int(re.search(r"confirm=(\d+)", call)[1])
        again = eval(call, {"hs": hs, "noisy": noisy})
        told = next(check for check in again.checklist if check.name == "confirmation")
        assert again.verdict.gain.n == seeds and len(again.trials) == 20
        assert (told.status == "ok") == again.verdict.gain.decided
        decided += again.verdict.gain.decided
    assert decided >= 3  # "if it stays as it is": further seeds may lie further apart
