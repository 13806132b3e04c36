"""Comparing recorded runs."""

import pytest

import homeostat as hs
from homeostat.errors import RecordError, WorkloadError
from homeostat.evidence.compare import compare
from homeostat.execute import run


@hs.workload(
    space=hs.Space(
        shift=hs.Float(-10.0, 10.0, default=0.0), broken=hs.Bool(False), frail=hs.Bool(False)
    ),
    objectives={"score": "maximize"},
    budget=2,
)
def noisy(config, trial):
    """A score of 100 that the seed moves by about 5, plus a shift."""
    for step in trial.steps():
        noise = trial.rng(f"noise {config.shift}").normal(0, 0.1)
        broken = config.broken or (config.frail and trial.seed == 123)
        score = 100 + 5 * hash_of(trial.seed) + config.shift + noise
        yield hs.Report(step, score=float("nan") if broken else score, other=1.0)


def hash_of(seed):
    return (seed * 2654435761 % 2**32) / 2**31 - 1


@pytest.fixture
def make(tmp_path):
    def call(seeds=5, budget=None, **settings):
        return run(noisy, settings, seeds=seeds, budget=budget, results=tmp_path)

    return call


def test_a_gain_smaller_than_the_seeds_noise_is_seen_pair_by_pair(make):
    found = compare([make(), make(shift=1.5)])
    (contrast,) = found.contrasts
    assert contrast.verdict == "better"
    assert contrast.difference == pytest.approx(1.5, abs=0.3)
    assert contrast.difference in contrast.interval
    assert contrast.improvement < 0.9  # unpaired, the seeds overlap


def test_a_loss_is_worse_and_next_to_nothing_is_the_same(make):
    found = compare([make(), make(shift=-1.5), make(shift=0.01)])
    assert [c.verdict for c in found.contrasts] == ["worse", "the same"]


def test_a_metric_whose_direction_nobody_declared_is_refused_until_it_is_said(make):
    """It used to be minimised: `compare --metric accuracy` turned the verdict round."""
    runs = [make(), make(shift=1.5)]
    with pytest.raises(WorkloadError, match="Is a high accuracy good or bad"):
        compare(runs, metric="accuracy")
    with pytest.raises(WorkloadError) as refused:
        compare(runs, metric="other")
    assert "--goal maximize" in refused.value.hint
    assert compare(runs, metric="other", goal="maximize").goal == "maximize"


def test_the_same_numbers_are_better_or_worse_by_the_goal(make):
    runs = [make(), make(shift=1.5)]
    verdicts = [compare(runs, goal=goal).contrasts[0].verdict for goal in ("minimize", "maximize")]
    assert verdicts == ["worse", "better"]


def test_two_pairs_decide_nothing_and_say_so(make):
    found = compare([make(seeds=2), make(seeds=2, shift=0.3)])
    assert any("three pairs" in note for note in found.notes)


def test_unequal_budgets_are_pointed_out(make):
    assert any("budgets differ" in note for note in compare([make(), make(budget=1)]).notes)


def test_a_run_without_a_result_is_named_with_its_reason(make):
    with pytest.raises(RecordError, match=r"no completed seed \(diverged\).*score was nan"):
        compare([make(), make(broken=True)])


def test_a_run_that_diverges_on_a_seed_is_neither_better_nor_the_same(make):
    found = compare([make(), make(shift=3.0, frail=True), make(shift=0.01, frail=True)])
    assert [c.verdict for c in found.contrasts] == ["undecided", "undecided"]
    assert [c.diverged for c in found.contrasts] == [1, 1]
    assert any("diverged on 1 seed on which" in note for note in found.notes)


def test_what_a_frail_baseline_gains_by_its_lost_seed_is_not_held_against_the_other(make):
    (contrast,) = compare([make(frail=True), make(shift=-3.0)]).contrasts
    assert contrast.verdict == "undecided" and contrast.saved == 1


def test_one_run_is_no_comparison(make):
    with pytest.raises(RecordError, match="two runs"):
        compare([make()])
