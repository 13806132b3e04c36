"""Every built-in workload has views, and they stand in the findings of a study of it."""

import base64

import numpy as np
import pytest

import homeostat as hs
from homeostat.pages.study import html
from homeostat.pages.study.blocks import Picture
from homeostat.pages.study.facts import gather
from homeostat.pages.study.trials import looks
from homeostat.search.search import open_store
from homeostat.workload.installed import installed_workloads
from homeostat.workload.load import find

# Small enough to train in a second, and with everything that has a view.
SMALL = {
    "apoptosis": (
        2,
        {"width": 16, "heads": 2, "context": 16, "eval_windows": 8, "text": "python_source"},
    ),
    "evolution": (1, {"population_size": 100, "simulation_duration": 12.0}),
    "hyperperturb": (
        1,
        {
            "hidden_dim": 8,
            "embedding_dim": 8,
            "generated_genes": 30,
            "generated_cells": 300,
            "generated_perturbations": 4,
        },
    ),
    "ncp": (1, {"hidden_size": 16, "wiring": "ncp"}),
    "visioncore": (
        2,
        {"num_frames": 7_200, "sessions": "one", "batch_size": 2, "width": 4, "hidden": 8},
    ),
}


@pytest.fixture(scope="module", params=installed_workloads())
def study(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    budget, start = SMALL[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        hs.search(
            find(request.param), 1, study="s", start=start, budget=budget,
            results=folder, confirm=False,
        )  # fmt: skip
    return find(request.param), gather("s", store=open_store(folder), results=folder)


def test_every_view_of_a_builtin_stands_on_its_studys_page(study):
    workload, facts = study
    blocks = list(looks(facts))
    shown = [block for block in blocks if isinstance(block, Picture)]
    assert len(workload.views) > 0
    expected = [f"view-{view.__name__}" for view in workload.views]
    # A creature that has hardly been selected may lie still, and has no gait.
    optional = {"view-gaits"} - {block.name for block in shown}
    assert [block.name for block in shown] == [name for name in expected if name not in optional]
    for block in shown:
        assert block.caption.endswith(".") and len(block.caption) < 500
        assert block.figure.layout.height <= 900
        assert len(block.figure.to_json()) < 1_500_000
    page = html.render("s", [("looks", blocks)])
    assert all(f'id="figure-{block.name}"' in page for block in shown)


def numbers(values):
    """An axis of a kept figure: a list, or an array in base64 as plotly writes it."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).astype(float)
    return np.asarray(values, dtype=float)


def test_what_a_view_draws_is_finite_where_it_is_drawn(study):
    _, facts = study
    for block in looks(facts):
        if isinstance(block, Picture):
            for trace in block.figure.data:
                drawn = [numbers(values) for values in (trace.x, trace.y) if values is not None]
                assert not any(np.isinf(values).any() for values in drawn), block.name
