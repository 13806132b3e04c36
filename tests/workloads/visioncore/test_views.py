"""What a run shows of its model is what the model says of frames that training never saw."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from homeostat.execute import run
from homeostat.workload.load import find
from homeostat.workload.view import Kept, draw_views
from homeostat.workloads.visioncore.clips import BURN_IN, CLIP_FRAMES, Clips
from homeostat.workloads.visioncore.experiment import Session
from homeostat.workloads.visioncore.gaze import GazeSettings, simulate_gaze
from homeostat.workloads.visioncore.portrait import portrait, receptive_fields
from homeostat.workloads.visioncore.views import FILE

from .conftest import make_clip

SMOKE = {"num_frames": 7_200, "sessions": "one", "batch_size": 2, "width": 4, "hidden": 8}
LAG = 3


class Linear(torch.nn.Module):
    """Log rates that are one filter each, on the image `LAG` frames before."""

    def __init__(self, num_neurons):
        super().__init__()
        rng = np.random.default_rng(1)
        self.filters = torch.from_numpy(rng.normal(0, 0.05, (num_neurons, 24, 24))).float()

    def forward(self, batch):
        log_rates = {}
        for name, clip in batch.items():
            seen = torch.einsum("bthw,nhw->btn", clip.stimulus_BTHW, self.filters)
            log_rates[name] = seen.roll(LAG, dims=1)
        return {name: rates.exp() for name, rates in log_rates.items()}


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(0)
    frames = 12_000
    gaze = simulate_gaze(GazeSettings(), frames, 10.0, rng).position_T2.astype(np.float32)
    session = Session(
        name="mine",
        stimulus_THW=rng.integers(-60, 60, (frames, 24, 24), dtype=np.int8),
        gaze_T2=gaze,
        spikes_TN=rng.poisson(0.2, (frames, 4)).astype(np.uint8),
        valid_T=np.ones(frames, dtype=bool),
    )
    return {"mine": Clips(session, torch.device("cpu"))}


def test_the_field_of_a_linear_neuron_is_its_filter_at_its_lag():
    model, clip = Linear(3), make_clip(2, 3)
    with torch.no_grad():
        rates = model({"ana": clip})["ana"][:, BURN_IN:]
    fields, lags = receptive_fields(model, "ana", clip, rates, np.arange(3))
    np.testing.assert_allclose(fields, model.filters.numpy(), rtol=1e-4, atol=1e-7)
    assert lags.tolist() == [LAG] * 3


def test_the_field_is_taken_at_the_neurons_highest_moment():
    """The log rate of a squaring neuron has the slope 2 w / (w s): its size tells the moment."""
    model, clip = Linear(2), make_clip(2, 2)

    def squaring(batch):
        return {name: rates.log().square() for name, rates in model(batch).items()}

    with torch.no_grad():
        rates = squaring({"ana": clip})["ana"][:, BURN_IN:]
        drive = model({"ana": clip})["ana"][:, BURN_IN:].log()
    fields, _ = receptive_fields(squaring, "ana", clip, rates, np.arange(2))
    for n in range(2):
        peak = float(drive[..., n].flatten()[rates[..., n].argmax()])
        expected = 2 * model.filters[n].numpy() / peak
        np.testing.assert_allclose(fields[n], expected, rtol=1e-3, atol=1e-6)


def test_fields_leave_the_models_gradients_alone():
    model = Linear(2)
    model.filters = torch.nn.Parameter(model.filters)
    clip = make_clip(1, 2)
    receptive_fields(model, "ana", clip, torch.rand(1, 32, 2), np.arange(2))
    assert model.filters.grad is None


def test_without_repeats_the_first_test_block_is_shown_frame_by_frame(recording):
    model, clips = Linear(4), recording["mine"]
    kept = portrait(model, recording)
    assert kept["repeats"] == 0
    first = int(clips.splits["test"].starts[0]) + BURN_IN
    frames = np.arange(first, first + len(kept["gaze_T2"]))
    assert clips.splits["test"].frames_T[frames].all()
    np.testing.assert_array_equal(kept["gaze_T2"], clips.session.gaze_T2[frames])
    spikes = clips.session.spikes_TN[frames][:, kept["shown"]]
    np.testing.assert_array_equal(kept["recorded_TN"], spikes)
    with torch.no_grad():
        rates = model({"mine": clips.cut(np.array([first - BURN_IN]))})["mine"]
    predicted = rates[0, BURN_IN:, kept["shown"]].numpy()
    np.testing.assert_allclose(kept["predicted_TN"][: CLIP_FRAMES - BURN_IN], predicted, rtol=1e-5)


def test_the_best_the_middle_and_the_worst_are_shown_and_silent_neurons_are_not(recording):
    clips = recording["mine"]
    spikes = clips.session.spikes_TN.copy()
    spikes[:, 2] = 0
    silent = Clips(replace(clips.session, spikes_TN=spikes), torch.device("cpu"))
    kept = portrait(Linear(4), {"mine": silent})
    assert 2 not in kept["shown"] and 2 not in kept["field_neurons"]
    assert kept["correlations"] == sorted(kept["correlations"], reverse=True)
    assert kept["neurons"] == 4


def test_the_figures_show_what_was_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    workload = find("visioncore")
    record = run(workload, SMOKE, budget=2, results=tmp_path)
    found, kept = draw_views(workload.views, record), Kept(record, 42).artifact(FILE)
    assert list(found) == ["rates", "gaze", "fields"]
    recorded, predicted = found["rates"].figure.data[:2]
    np.testing.assert_allclose(predicted.y, kept["predicted_TN"][:, 0] * 120, rtol=1e-6)
    np.testing.assert_allclose(recorded.y, kept["recorded_TN"][:, 0] * 120, rtol=1e-6)
    assert "the mean over 20 repeats" in found["rates"].caption
    path, still, moving = found["gaze"].figure.data
    np.testing.assert_allclose(path.x, kept["gaze_T2"][:, 0])
    assert len(still.x) + len(moving.x) == len(path.x)
    assert len(found["fields"].figure.data) == len(kept["field_neurons"]) == 12
    size = (record.folder / "seed_42" / "artifacts" / FILE).stat().st_size
    assert size < 100_000
