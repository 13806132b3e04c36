"""The disc: flattening keeps points inside, never lengthens, and says how much it left out."""

import numpy as np
import pytest

from homeostat.pages import figures


@pytest.fixture
def ball():
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((200, 8)) * np.linspace(2, 0.1, 8)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    return directions / lengths * rng.uniform(0, 0.999, (200, 1))


def from_centre(points, curvature=1.0):
    radius = np.linalg.norm(points, axis=1) * np.sqrt(curvature)
    return 2 * np.arctanh(radius) / np.sqrt(curvature)


def test_every_point_lies_inside_the_unit_circle(ball):
    flat = figures.flatten(ball)
    assert np.linalg.norm(flat.points_N2, axis=1).max() < 1


def test_no_point_gets_farther_from_the_centre(ball):
    flat = figures.flatten(ball)
    assert np.all(from_centre(flat.points_N2) <= flat.distance_N + 1e-9)
    np.testing.assert_allclose(flat.distance_N, from_centre(ball))


def test_points_of_a_plane_are_only_turned(ball):
    plane = ball[:, :2]
    flat = figures.flatten(plane)
    assert flat.share == pytest.approx(1.0)
    np.testing.assert_allclose(from_centre(flat.points_N2), from_centre(plane), atol=1e-9)
    np.testing.assert_allclose(flat.points_N2 @ flat.points_N2.T, plane @ plane.T, atol=1e-9)


def test_the_plane_kept_is_the_one_with_the_most_spread(ball):
    embedded = np.zeros((200, 5))
    embedded[:, [1, 3]] = ball[:, :2]
    embedded[:, 4] = 1e-6
    assert figures.flatten(embedded).share == pytest.approx(1.0, abs=1e-6)
    assert figures.flatten(ball).share < 0.95


def test_a_ball_of_another_curvature_fills_the_same_disc(ball):
    flat = figures.flatten(ball / 2, curvature=4.0)
    np.testing.assert_allclose(flat.points_N2, figures.flatten(ball).points_N2, atol=1e-12)
    np.testing.assert_allclose(flat.distance_N, from_centre(ball / 2, 4.0))


def test_a_point_on_the_boundary_is_refused():
    with pytest.raises(ValueError, match="boundary"):
        figures.flatten(np.array([[1.0, 0.0]]))


def test_the_figure_shows_points_names_and_circles_where_they_are(ball):
    flat = figures.flatten(ball[:3])
    drawn = figures.disc(
        flat, names=["a", "<b>", "c"], values=[0.0, 1.0, 2.0], marked=[False, True, False],
        value="v", marks="m",
    )  # fmt: skip
    plain, marked = drawn.data
    assert np.array(plain.x).tolist() == flat.points_N2[[0, 2], 0].tolist()
    assert np.array(marked.y).tolist() == flat.points_N2[[1], 1].tolist()
    assert list(marked.text) == ["&lt;b&gt;"]
    assert drawn.layout.shapes[0].x1 == 1
    assert drawn.layout.shapes[1].x1 == pytest.approx(np.tanh(0.5))
