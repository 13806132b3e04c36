"""The disc of genes shows the learned points of exactly the genes trained on."""

import numpy as np
import pytest

import homeostat as hs
from homeostat.workload.view import draw_views
from homeostat.workloads.hyperperturb import views
from homeostat.workloads.hyperperturb.workload import hyperperturb


@pytest.fixture(scope="module")
def record(configure, tmp_path_factory):
    config = configure("small", node_dims=3).given
    return hs.run(hyperperturb, config, budget=3, results=tmp_path_factory.mktemp("results"))


def test_points_on_the_disc_are_those_that_were_kept(record):
    view = draw_views(hyperperturb.views, record)["disc"]
    kept = views.Kept(record, 42).artifact(views.FILE)
    assert kept["points_ND"].shape == (60, 3)
    assert np.linalg.norm(kept["points_ND"], axis=1).max() < 1
    others, knocked = view.figure.data
    assert len(others.x) == 55 and len(knocked.x) == 5
    radius = np.hypot(np.r_[others.x, knocked.x], np.r_[others.y, knocked.y])
    assert radius.max() < 1
    rows = record.attempts[0].extra["rows"]
    assert {c[0] for c in others.customdata} | set(knocked.text) == set(rows)
    assert (
        "flattened from 3 dimensions" in view.caption
        and "the 5 of them that were knocked out" in view.caption
    )


def test_without_points_on_a_ball_there_is_no_disc(learner, configure):
    for changes in ({"node_dims": 0}, {"geometry": "euclidean"}):
        trained, problem = learner(configure("small", twin=False, **changes))
        assert views.points(problem, trained) is None


def test_of_too_many_genes_the_knocked_out_and_the_most_moved_are_kept(
    learner, configure, monkeypatch
):
    monkeypatch.setattr(views, "MOST", 10)
    trained, problem = learner(configure("small"))
    kept = views.points(problem, trained)
    assert set(problem.train.perturbations) <= set(kept["genes"])
    moved = trained.predict().value_G
    rest = [g for g in kept["genes"] if g not in problem.train.perturbations]
    others = sorted(
        (g for g in problem.genes if g not in problem.train.perturbations),
        key=lambda g: -moved[problem.genes.index(g)],
    )
    assert rest == others[:5]
    np.testing.assert_array_equal(
        kept["moved_N"], [moved[problem.genes.index(g)] for g in kept["genes"]]
    )
    assert kept["genes_in_all"] == 60
