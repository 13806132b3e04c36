"""Screening finds the parameters that matter: at low noise in few runs, at high noise in 500."""

import numpy as np
import pytest

import homeostat as hs
from homeostat.design.screen import elementary
from homeostat.design.screen.screening import screen_points
from homeostat.errors import StudyError, UnknownNameError
from homeostat.evidence import forest

SEEDS = range(10)


class Planted:
    """Thirty parameters of which six act: slopes, a bowl, a threshold, and an interaction.

    Noise is given as a part of the s.d. of the values over the space.
    """

    def __init__(self, seed, noise, dimensions=30):
        rng = np.random.default_rng(seed)
        self.names = [f"p{i}" for i in range(dimensions)]
        self.places = rng.permutation(dimensions)[:6]
        self.signs = rng.choice([-1.0, 1.0], 5)
        self.rng, self.runs = rng, 0
        probe = self.clean(rng.random((4_000, dimensions)))
        self.sd = noise * probe.std()

    @property
    def active_names(self):
        return {self.names[place] for place in self.places}

    def clean(self, points_ND):
        a, b, c, d, e, f = points_ND[:, self.places].T
        acts = [a, 0.9 * b, 2 * (c - 0.3) ** 2, 0.6 * (d > 0.5), 0.7 * e + 0.6 * f + 0.4 * e * f]
        return self.signs @ np.stack(acts)

    def active(self, point_D):
        return frozenset(self.names)

    def measure(self, points_ND):
        self.runs += len(points_ND)
        return self.clean(points_ND) + self.rng.normal(0, self.sd, len(points_ND))

    def replicate(self, first, count):
        return self.measure(np.full((count, len(self.names)), 0.5))


def recall(noise):
    """Of the six, how many are kept on average; and the runs, and how many others are kept."""
    hits, others, runs, methods = [], [], [], set()
    for seed in SEEDS:
        bench = Planted(seed, noise)
        found = screen_points(bench, seed=seed)
        assert found.runs == bench.runs
        hits.append(len(bench.active_names & set(found.kept)) / 6)
        others.append(len(set(found.kept) - bench.active_names))
        runs.append(bench.runs)
        methods.add(found.method)
    return np.mean(hits), max(runs), np.mean(others), methods


def test_thirty_parameters_at_low_noise_take_62_runs():
    for noise in (0.0, 0.02, 0.05):
        found, runs, others, methods = recall(noise)
        assert methods == {"morris"}
        assert runs <= 62
        assert found >= 0.9
        assert others <= 4


@pytest.mark.slow
def test_thirty_parameters_at_high_noise_take_500_runs():
    found, runs, others, methods = recall(1.0)
    assert methods == {"forest"}
    assert runs <= 500
    assert found >= 0.9
    assert others <= 1


def test_pure_noise_keeps_nothing_or_next_to_nothing():
    kept = []
    for seed in range(4):
        bench = Planted(seed, 1.0, dimensions=8)
        bench.clean = lambda points_ND: np.zeros(len(points_ND))
        bench.sd = 1.0
        kept.append(len(screen_points(bench, seed=seed).kept))
    assert np.mean(kept) <= 1


def test_mu_star_and_sigma_are_salibs():
    from SALib.analyze import morris as analysis
    from SALib.sample import morris as design

    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0.0, 1.0]] * 3}
    points_ND = design.sample(problem, 8, num_levels=4, seed=1)
    values_N = points_ND[:, 0] + 3 * points_ND[:, 1] * points_ND[:, 2]
    theirs = analysis.analyze(problem, points_ND, values_N, num_levels=4)
    found = {}
    for start in range(0, 32, 4):
        points_SD, values_S = points_ND[start : start + 4], values_N[start : start + 4]
        moved = tuple(int(np.argmax(step)) for step in np.abs(np.diff(points_SD, axis=0)))
        for place, effect in elementary.effects(
            elementary.Walked(points_SD, moved), values_S
        ).items():
            found.setdefault(place, []).append(effect)
    ours = elementary.summarise(found, 3, noise=0.0)
    assert [row.mu_star for row in ours] == pytest.approx(list(theirs["mu_star"]))
    assert [row.sigma for row in ours] == pytest.approx(list(theirs["sigma"]))
    assert [row.low for row in ours] == pytest.approx([row.mu_star for row in ours])


def test_an_inert_parameters_interval_stays_below_the_floor_as_often_as_promised():
    rng = np.random.default_rng(0)
    noise = 0.3
    scale = np.sqrt(2) * noise / elementary.DELTA
    effects = {place: rng.normal(0, scale, 2) for place in range(400)}
    rows = elementary.summarise(effects, 400, noise)
    assert np.mean([row.low > elementary.floor(noise) for row in rows]) <= 0.05
    assert np.mean([row.mu_star for row in rows]) == pytest.approx(
        elementary.floor(noise), rel=0.08
    )


def test_sobol_indices_of_a_known_function():
    """f = a + 2 b: a fifth and four fifths of the variance, nothing for the third."""
    bench = Planted(0, 0.0, dimensions=6)
    bench.clean = lambda points_ND: points_ND[:, 0] + 2 * points_ND[:, 1]
    bench.sd = 0.0
    found = {p.name: p for p in screen_points(bench, method="sobol", runs=512 * 8 + 4).parameters}
    # The worst tenth is compressed a little, hence the tolerance.
    assert found["p0"].importance == pytest.approx(0.2, abs=0.06)
    assert found["p1"].importance == pytest.approx(0.8, abs=0.1)
    assert found["p2"].importance == pytest.approx(0.0, abs=1e-9)
    assert {n for n, p in found.items() if p.kept} == {"p0", "p1"}


def test_the_forest_says_when_it_explains_nothing():
    rng = np.random.default_rng(3)
    assert forest.out_of_bag(rng.random((200, 5)), rng.normal(size=200)) < 0.1
    points_ND = rng.random((200, 5))
    assert forest.out_of_bag(points_ND, points_ND[:, 0]) > 0.8


def test_divergence_counts_as_the_worst_and_its_parameter_is_kept():
    bench = Planted(0, 0.0, dimensions=7)
    bench.clean = lambda points_ND: np.where(points_ND[:, 3] > 0.6, np.nan, points_ND[:, 0])
    bench.sd = 0.0
    found = screen_points(bench, method="morris", runs=40)
    assert {"p0", "p3"} <= set(found.kept)
    assert any("without a value" in note for note in found.notes)


def test_too_few_runs_and_unknown_methods_are_refused():
    with pytest.raises(StudyError, match=r"Give at least 35|too few"):
        screen_points(Planted(0, 0.1), runs=20)
    with pytest.raises(UnknownNameError, match="moris"):
        screen_points(Planted(0, 0.1), method="moris")


# On a workload

SPACE = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True, default=1e-2),
    width=hs.Int(1, 64, log=True, default=8),
    optimizer=hs.Choice(["sgd", "adam"]),
    momentum=hs.Float(0.0, 0.9, default=0.5, when={"optimizer": "sgd"}),
    flag=hs.Bool(False),
    idle=hs.Float(0.0, 1.0, default=0.5),
    idler=hs.Int(1, 9, default=5),
)
RUNS = []


@hs.workload(space=SPACE, metric="score", goal="maximize", budget=1)
def workload(config, trial):
    RUNS.append(config.digest)
    slope = 4 * config.momentum if config.optimizer == "sgd" else 1.0
    score = slope - abs(np.log10(config.lr) + 2) + 2 * config.flag
    noise = trial.rng("noise").normal(0, 0.01)
    for step in trial.steps():
        yield hs.Report(step, score=score + noise)


def test_a_workload_is_screened_conditions_and_all(tmp_path):
    RUNS.clear()
    found = hs.screen(workload, runs=40, results=tmp_path)
    assert {"lr", "optimizer", "momentum", "flag"} <= set(found.kept)
    assert not {"idle", "idler", "width"} & set(found.kept)
    assert found.value > 2
    assert found.best["flag"] is True
    made = len(RUNS)
    again = hs.screen(workload, runs=40, results=tmp_path)
    assert len(RUNS) == made  # nothing ran twice
    assert again.to_json() == found.to_json()


def test_what_is_pinned_is_not_screened(tmp_path):
    found = hs.screen(workload, runs=40, pins={"optimizer": "adam"}, results=tmp_path)
    names = {p.name for p in found.screening.parameters}
    assert names == {"lr", "width", "flag", "idle", "idler"}
