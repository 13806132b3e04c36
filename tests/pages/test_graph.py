"""A graph draws each connection once, by sign and strength, and each node in its kind."""

import numpy as np

from homeostat.pages import figures

PLACES = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
COLOURS = {"in": "#111111", "out": "#222222"}


def draw(edges, **more):
    return figures.graph(
        PLACES, edges, names=["<a>", "b", "c"], kinds=["in", "out", "out"], colours=COLOURS, **more
    )


def lines(figure, word):
    return [
        t for t in figure.data if t.mode == "lines" and t.name == word and t.showlegend is False
    ]


def ends(trace):
    """Where each line of a trace starts and stops."""
    x, y = np.array(trace.x, float), np.array(trace.y, float)
    stops = np.flatnonzero(np.isnan(x))
    starts = np.r_[0, stops[:-1] + 1]
    return [((x[a], y[a]), (x[b - 1], y[b - 1])) for a, b in zip(starts, stops, strict=True)]


def test_lines_join_their_nodes_and_are_grouped_by_sign_and_strength():
    figure = draw([(0, 1, 2.0), (0, 2, 0.1), (1, 2, -1.5)])
    weak, strong = lines(figure, "excites")
    assert weak.line.width < strong.line.width
    assert ends(weak) == [((0, 0), (1, 1))] and ends(strong) == [((0, 0), (1, 0))]
    (inhibits,) = lines(figure, "inhibits")
    np.testing.assert_allclose(ends(inhibits), [((1, 0), (1, 1))], atol=1e-12)


def test_a_connection_inside_a_column_bends_and_elsewhere_is_straight():
    bent, straight = (lines(draw([(1, 2, 1.0)], columns=c), "excites")[0] for c in (True, False))
    assert np.nanmax(np.array(bent.x, float)) > 1.2
    assert np.nanmax(np.array(straight.x, float)) == 1.0


def test_nodes_say_what_they_hear_and_tell_and_names_are_only_names():
    nodes = {t.name: t for t in draw([(0, 1, 1.0), (0, 2, 1.0)]).data if t.mode == "markers"}
    assert list(nodes["in"].text) == ["&lt;a&gt;<br>hears 0, tells 2"]
    assert list(nodes["out"].text) == ["b<br>hears 1, tells 0", "c<br>hears 1, tells 0"]


def test_nodes_without_connections_are_drawn_too():
    assert sum(t.mode == "markers" for t in draw([]).data) == 2


def test_a_crowd_of_connections_is_drawn_fainter():
    few = lines(draw([(0, 1, 1.0)]), "excites")[0]
    many = lines(draw([(0, 1, 1.0)] * 1000), "excites")[0]
    assert many.line.width < few.line.width
