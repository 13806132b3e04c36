"""Views of the best creatures of a run: their bodies, their paths, their gaits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.workload.view import Kept, View

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.workloads.evolution.behaviour import CreatureFilm

WINNERS = "winners.npz"
SHOWN_S = 6.0
"""How much of a gait is drawn."""
MOST_PX = 480
"""All muscles' rows together: more of them are narrower."""
STEADY = 0.2
"""A beat that holds less of the movement than this is not called one."""
SIDES = (("from the side", (0, 1)), ("from above", (0, 2)))


def _best(kept: Kept) -> tuple[CreatureFilm, ...]:
    path = kept.artifacts / WINNERS
    if not path.exists():
        return ()
    from homeostat.workloads.evolution.behaviour import behaviours

    return behaviours(path)


def _called(creature: CreatureFilm) -> str:
    return f"creature {creature.name}, fitness {creature.fitness:.0f}"


def bodies(kept: Kept) -> View | None:
    """Nodes and muscles as they are born."""
    from plotly.subplots import make_subplots

    from homeostat.pages.figures.style import dressed

    best = _best(kept)
    if not best:
        return None
    figure = make_subplots(
        rows=2, cols=len(best), horizontal_spacing=0.03, vertical_spacing=0.06,
        row_titles=[side for side, _ in SIDES], column_titles=[f"{b.name}" for b in best],
    )  # fmt: skip
    for row, (_, axes) in enumerate(SIDES, start=1):
        for column, creature in enumerate(best, start=1):
            _body(figure, creature, axes, row, column)
    dressed(figure, height=440)
    half = max(_reach(creature) for creature in best)
    for row, (_, axes) in enumerate(SIDES, start=1):
        for column in range(1, len(best) + 1):
            place = (row - 1) * len(best) + column
            x = "x" if place == 1 else f"x{place}"
            low = 0.0 if axes[1] == 1 else -half
            figure.update_xaxes(
                range=[-half, half], constrain="domain", showticklabels=row == 2, nticks=4,
                row=row, col=column,
            )  # fmt: skip
            figure.update_yaxes(
                range=[low, low + 2 * half], scaleanchor=x, constrain="domain",
                showticklabels=column == 1, nticks=4, row=row, col=column,
            )  # fmt: skip
    figure.update_layout(margin={"l": 40, "r": 30, "t": 30, "b": 40})
    figure.update_annotations(font={"size": 12})
    told = "; ".join(
        f"{b.name} has {len(b.genome['nodes'])} nodes and {len(b.genome['muscles'])} muscles"
        for b in best
    )
    return View(
        "Body plans",
        figure,
        f"The best {len(best)} creatures as they are born, metres about their middle, each node in "
        f"its own size and each muscle the wider the stiffer: {told}.",
    )


def _centred(creature: CreatureFilm) -> np.ndarray:
    """Places of the nodes about their middle, standing on the ground."""
    places = np.array([node["place"] for node in creature.genome["nodes"]])
    radii = np.array([node["radius"] for node in creature.genome["nodes"]])
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    middle[1] = (places[:, 1] - radii).min()
    return np.asarray(places - middle)


def _reach(creature: CreatureFilm) -> float:
    places = _centred(creature)
    radius = max(node["radius"] for node in creature.genome["nodes"])
    sideways = np.abs(places[:, [0, 2]]).max() + radius
    return float(1.05 * max(sideways, (places[:, 1].max() + radius) / 2))


def _body(
    figure: go.Figure, creature: CreatureFilm, axes: tuple[int, int], row: int, column: int
) -> None:
    from homeostat.pages.figures.style import BLUE, INK, ORANGE, see_through

    places = _centred(creature)[:, list(axes)]
    for muscle in creature.genome["muscles"]:
        (a, b), spring = muscle["ends"], muscle["spring"]
        figure.add_scatter(
            x=places[[a, b], 0].tolist(), y=places[[a, b], 1].tolist(), mode="lines",
            line={"color": ORANGE, "width": 1 + spring[1] / 60}, showlegend=False,
            hoverinfo="skip", row=row, col=column,
        )  # fmt: skip
    nodes = creature.genome["nodes"]
    for (x, y), node in zip(places.tolist(), nodes, strict=True):
        r = node["radius"]
        figure.add_shape(
            type="circle", x0=x - r, x1=x + r, y0=y - r, y1=y + r, row=row, col=column,
            fillcolor=see_through(BLUE, 0.55), line={"color": INK, "width": 1},
        )  # fmt: skip
    figure.add_scatter(
        x=places[:, 0].tolist(), y=places[:, 1].tolist(), mode="markers", showlegend=False,
        marker={"size": 5, "color": BLUE}, row=row, col=column,
        text=[f"{n['mass']:.2g} kg, grip {n['grip']:.2g}" for n in nodes],
        hovertemplate="node %{pointNumber}: %{text}<extra></extra>",
    )  # fmt: skip


def tracks(kept: Kept) -> View | None:
    """The path of each over the ground, and the pellets it went for."""
    import plotly.graph_objects as go

    from homeostat.pages.figures.style import COLOURS, dressed
    from homeostat.workloads.evolution.replay import FRAMES_PER_S

    best = [creature for creature in _best(kept) if len(creature.film.centre)]
    if not best:
        return None
    figure = go.Figure()
    for creature, colour in zip(best, COLOURS, strict=False):
        film, group = creature.film, str(creature.name)
        seconds = np.arange(len(film.centre)) / FRAMES_PER_S
        figure.add_scatter(
            x=film.centre[:, 0].tolist(), y=film.centre[:, 2].tolist(), mode="lines",
            line={"color": colour, "width": 2}, name=_called(creature), legendgroup=group,
            customdata=seconds.tolist(), hovertemplate="%{customdata:.1f} s: %{x:.2f}, %{y:.2f} m",
        )  # fmt: skip
        places, taken = pellets_of(creature)
        figure.add_scatter(
            x=places[:, 0].tolist(), y=places[:, 1].tolist(), mode="markers+text",
            text=[str(number + 1) for number in range(len(places))], textposition="top right",
            marker={"color": colour, "size": 11,
                    "symbol": ["circle" if done else "x-thin-open" for done in taken],
                    "line": {"width": 2, "color": colour}},
            legendgroup=group, showlegend=False, name="pellet",
            hovertemplate="pellet %{text} of " + group + "<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[float(film.centre[0, 0])], y=[float(film.centre[0, 2])], mode="markers",
            marker={"color": colour, "symbol": "square", "size": 9}, legendgroup=group,
            showlegend=False, name="start", hoverinfo="skip",
        )  # fmt: skip
    dressed(figure, x="metres", y="metres", height=520)
    figure.update_yaxes(scaleanchor="x")
    figure.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"b": 110})
    collected = ", ".join(f"{int(b.film.collected[-1])}" for b in best)
    return View(
        "Ground tracks",
        figure,
        f"The centre of mass over {best[0].film.centre.shape[0] / FRAMES_PER_S:.0f} s of a layout "
        "that selection never saw, from the square; a disc is a pellet that was collected, a cross "
        f"one that was not: {collected} collected.",
    )


def pellets_of(creature: CreatureFilm) -> tuple[np.ndarray, list[bool]]:
    """Where its pellets lay, (P, 2), in order; and whether it collected each: all but the last."""
    film = creature.film
    frames = [0, *(np.flatnonzero(np.diff(film.collected)) + 1).tolist()]
    return film.pellet[frames][:, [0, 2]], [True] * (len(frames) - 1) + [False]


def gaits(kept: Kept) -> View | None:
    """Which muscles pull when."""
    from plotly.subplots import make_subplots

    from homeostat.pages.figures.style import DIVERGING, dressed

    walking = [creature for creature in _best(kept) if creature.gait is not None]
    if not walking:
        return None
    rows = [max(3, creature.strain_TM.shape[1]) for creature in walking]
    figure = make_subplots(
        rows=len(walking), shared_xaxes=True, row_heights=rows, vertical_spacing=0.1,
        subplot_titles=[_beat(creature) for creature in walking],
    )  # fmt: skip
    for row, creature in enumerate(walking, start=1):
        _muscles(figure, creature, row)
    height = min(22 * sum(rows), MOST_PX) + 45 * len(rows)
    dressed(figure, height=height + 120)
    largest = max(float(np.abs(trace.z).max()) for trace in figure.data)
    figure.update_traces(zmin=-largest, zmax=largest, colorscale=DIVERGING, showscale=False, ygap=1)
    figure.data[0].update(
        showscale=True,
        colorbar={"orientation": "h", "thickness": 10, "len": 0.6, "yanchor": "top",
                  "y": -62 / (height - 25), "tickformat": ".0%"},
    )  # fmt: skip
    figure.update_layout(margin={"t": 30, "b": 115})
    figure.update_annotations(font={"size": 12})
    figure.update_yaxes(title_text="muscle", autorange="reversed", showgrid=False)
    for row, creature in enumerate(walking, start=1):
        figure.update_yaxes(dtick=max(1, creature.strain_TM.shape[1] // 6), row=row)
    figure.update_xaxes(showgrid=False)
    figure.update_xaxes(title_text="seconds", row=len(walking))
    return View("Gaits", figure, _of_gaits(walking))


def _beat(creature: CreatureFilm) -> str:
    assert creature.gait is not None
    steady = creature.gait.share >= STEADY
    return f"{_called(creature)}: " + (f"{creature.gait.beat_hz:.2f} Hz" if steady else "no beat")


def _muscles(figure: go.Figure, creature: CreatureFilm, row: int) -> None:
    from homeostat.workloads.evolution.replay import FRAMES_PER_S

    gait = creature.gait
    assert gait is not None
    order = np.argsort(gait.phase_M, kind="stable")
    strain_TM = creature.strain_TM[-int(SHOWN_S * FRAMES_PER_S) :]
    seconds = (len(creature.strain_TM) - len(strain_TM) + np.arange(len(strain_TM))) / FRAMES_PER_S
    told = [f"phase {gait.phase_M[m]:.2f}, swing {gait.amplitude_M[m]:.0%}" for m in order]
    figure.add_heatmap(
        x=seconds.tolist(), z=strain_TM[:, order].T.tolist(), row=row, col=1,
        customdata=[[f"muscle {m}, {text}"] * len(strain_TM)
                    for m, text in zip(order, told, strict=True)],
        hovertemplate="%{x:.1f} s, %{customdata}: %{z:.0%}<extra></extra>",
    )  # fmt: skip


def _of_gaits(walking: Sequence[CreatureFilm]) -> str:
    beats = "; ".join(
        f"{b.name} beats {b.gait.beat_hz:.2f} times a second, {b.gait.share:.0%} of its movement"
        if b.gait.share >= STEADY
        else f"{b.name} has no steady beat"
        for b in walking
        if b.gait is not None
    )
    return (
        f"The last {SHOWN_S:.0f} s: each row is a muscle, stretched (orange) or shortened (blue) "
        f"against its mean length, in the order of their phases; {beats}."
    )


VIEWS = (bodies, tracks, gaits)
