"""Fixed designs: their points, their effects, and that running them is resumable."""

import math

import numpy as np
import pytest

import homeostat as hs
from homeostat.design.bisect import TargetRange, bisect
from homeostat.design.conclusions import Conclusion, conclude
from homeostat.design.designs import ablation, grid, sample, spread, sweep
from homeostat.design.factorial import effects
from homeostat.design.run_design import run_design
from homeostat.errors import RecordError, SpaceError, StudyError, UnknownNameError

SPACE = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True, default=1e-2),
    width=hs.Int(1, 64, default=8),
    act=hs.Choice(["relu", "tanh"]),
    a=hs.Bool(True),
    b=hs.Bool(True),
    interval=hs.Derived(lambda c: c["width"] // 2, why="half the width"),
)
RUNS = []


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=3)
def linear(config, trial):
    """Three units for a, one for b, two for both, and the distance of the rate from 0.1."""
    RUNS.append(config.digest)
    for step in trial.steps():
        loss = 10 - 3 * config.a - config.b - 2 * (config.a and config.b)
        yield hs.Report(step, loss=loss + abs(math.log10(config.lr) + 1), count=config.width * 2.0)


@pytest.fixture(autouse=True)
def forget():
    RUNS.clear()


def test_a_sweep_changes_one_thing_at_a_time_from_the_base():
    points = sweep({"lr": [1e-3, 1e-1], "act": ["tanh"]})
    assert [p.changes for p in points] == [{}, {"lr": 1e-3}, {"lr": 1e-1}, {"act": "tanh"}]


def test_a_grid_is_every_combination():
    points = grid({"lr": [1e-3, 1e-2, 1e-1], "width": [8, 16], "a": [True, False]})
    assert len(points) == 12
    assert len({p.name for p in points}) == 12


def test_samples_are_uniform_on_each_parameters_own_scale_and_extend_each_other():
    drawn = [p.changes["lr"] for p in sample(SPACE, 400, names=["lr"])]
    places = np.log10(drawn) / 4 + 1
    assert np.histogram(places, bins=4, range=(0, 1))[0] == pytest.approx(100, abs=30)
    assert [p.changes for p in sample(SPACE, 3)] == [p.changes for p in sample(SPACE, 9)[:3]]


def test_values_across_a_range_hold_both_ends_and_read_well():
    assert spread(SPACE["lr"]) == [1e-4, 1e-3, 1e-2, 0.1, 1.0]
    assert spread(SPACE["act"]) == ["relu", "tanh"]
    assert spread(SPACE["a"]) == [False, True]


def test_ablations_switch_what_they_say():
    alone = {p.name: p.changes for p in ablation(SPACE, ["a", "b"], "alone")}
    assert alone["none"] == {"a": False, "b": False}
    assert alone["a"] == {"a": True, "b": False}
    assert alone["all"] == {"a": True, "b": True}
    out = {p.name: p.changes for p in ablation(SPACE, ["a", "b"], "leave-one-out")}
    assert set(out) == {"all", "a", "b"}
    assert len(ablation(SPACE, ["a", "b"], "factorial")) == 4


def test_what_is_no_switch_is_refused():
    with pytest.raises(SpaceError, match="lr is not a mechanism"):
        ablation(SPACE, ["lr"], "alone")
    with pytest.raises(UnknownNameError, match="factorial"):
        ablation(SPACE, ["a"], "factoriel")


def test_a_factorial_recovers_planted_effects_and_their_interaction(tmp_path):
    result = run_design(
        linear, ablation(SPACE, ["a", "b"], "factorial"), kind="ablate", results=tmp_path
    )
    found = {effect.names: effect.value for effect in result.effects}
    # a alone -3, with b -5: on average -4, half the difference is the interaction.
    assert found == pytest.approx({("a",): -4.0, ("b",): -2.0, ("a", "b"): -1.0})


def test_effects_need_the_whole_factorial():
    rows = [({"a": True, "b": True}, 1.0), ({"a": False, "b": True}, 2.0)]
    assert effects(rows) == ()
    assert effects([({"a": True}, math.nan), ({"a": False}, 2.0)]) == ()


def test_a_design_goes_on_where_it_was_and_names_the_best(tmp_path):
    points = grid({"lr": [1e-2, 1e-1], "a": [True, False]})
    run_design(linear, points[:2], kind="grid", results=tmp_path)
    assert len(RUNS) == 2
    result = run_design(linear, points, kind="grid", results=tmp_path)
    assert len(RUNS) == 4
    assert result.best.point.name == "lr=0.1, a=true"
    assert result.best.metric("count") == 16
    assert [row.point for row in result.rows] == points


def test_points_that_come_to_the_same_run_once(tmp_path):
    points = sweep({"lr": [1e-2, 1e-1]})  # 0.01 is the base
    result = run_design(linear, points, kind="sweep", results=tmp_path)
    assert len(RUNS) == 2
    assert len(result.rows) == 3


def test_a_name_that_was_used_for_another_design_is_refused(tmp_path):
    run_design(linear, grid({"a": [True]}), kind="grid", name="g", results=tmp_path)
    with pytest.raises(RecordError, match=r"made with other budget.*--name"):
        run_design(linear, grid({"a": [True]}), kind="grid", name="g", budget=2, results=tmp_path)


def test_bisection_lands_in_the_target_in_few_points(tmp_path):
    found = bisect(linear, "width", "count=41..44", results=tmp_path)
    assert 41 <= 2 * found.value <= 44
    assert len(found.measured) <= 8
    assert f"width={found.value:g}" in found.command


def test_a_target_outside_both_ends_is_refused_with_the_points(tmp_path):
    with pytest.raises(StudyError, match=r"out of reach.*width=1 gives 2, width=64 gives 128"):
        bisect(linear, "width", "count=500..600", results=tmp_path)


def test_a_gap_between_whole_numbers_is_told(tmp_path):
    with pytest.raises(StudyError, match="in between"):
        bisect(linear, "width", "count=40.5..41.5", results=tmp_path)


@hs.workload(space=hs.Space(x=hs.Float(0.0, 4.0)), metric="y", goal="minimize", budget=1)
def hill(config, trial):
    """Rises, falls and rises again."""
    for step in trial.steps():
        yield hs.Report(step, y=config.x + 3 * math.sin(2 * config.x))


def test_a_metric_that_is_not_monotone_is_refused_with_the_points(tmp_path):
    with pytest.raises(StudyError, match=r"not monotone in x; measured: .*x=2 gives"):
        bisect(hill, "x", "y=3.31..3.32", results=tmp_path)


@pytest.mark.parametrize(
    "text", ["deaths", "deaths=ten..15", "deaths=15..10", "=1..2", "d=1..2..3"]
)
def test_what_is_no_target_is_refused(text):
    with pytest.raises(SpaceError, match=r"deaths=10\.\.15"):
        TargetRange.parse(text)


def test_a_rule_speaks_when_its_numbers_say_so(tmp_path):
    rule = Conclusion(
        "lr", "A rate of 0.1 pays", lambda s: "" if s.means[0.1] >= s.base else f"{s.means[0.1]:g}"
    )
    result = run_design(linear, sweep({"lr": [0.1]}), kind="sweep", results=tmp_path)
    assert conclude(result, [rule]) == ["A rate of 0.1 pays (4)."]
    other = Conclusion("width", "Never", lambda s: "numbers")
    assert conclude(result, [other]) == []


def test_a_grid_that_is_extended_runs_only_what_is_new(tmp_path):
    made = []

    @hs.workload(
        space=hs.Space(a=hs.Int(0, 9), b=hs.Int(0, 9)), metric="y", goal="minimize", budget=1
    )
    def counted(config, trial):
        made.append((config.a, config.b))
        yield hs.Report(0, y=config.a + config.b)

    run_design(counted, grid({"a": [1, 2], "b": [3]}), kind="grid", results=tmp_path)
    more = run_design(counted, grid({"a": [0, 1, 2], "b": [3, 4]}), kind="grid", results=tmp_path)
    assert len(made) == len(set(made)) == 6
    assert [row.mean for row in more.rows] == [3, 4, 4, 5, 5, 6]
