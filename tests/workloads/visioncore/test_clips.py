"""Clips: what is cut, what counts, and that each session gets its share."""

import numpy as np
import pytest
import torch

from homeostat.workloads.visioncore.clips import (
    BURN_IN,
    CLIP_FRAMES,
    Clips,
    draw_batch,
    owned_frames,
)
from homeostat.workloads.visioncore.experiment import Session


@pytest.fixture(scope="module")
def clips():
    """A session whose pixels, gaze and spikes all tell the frame they are from."""
    number = np.arange(7_200)
    session = Session(
        name="count",
        stimulus_THW=np.tile((number % 100).astype(np.int8)[:, None, None], (1, 24, 24)),
        gaze_T2=np.stack([number, number], axis=1).astype(np.float32),
        spikes_TN=(number % 50).astype(np.uint8)[:, None],
        valid_T=number % 1000 != 0,
    )
    return Clips(session, torch.device("cpu"))


def test_a_clip_is_the_frames_from_its_start(clips):
    clip = clips.cut(np.array([5, 990]))
    assert clip.gaze_BT2[1, :, 0].tolist() == list(range(990, 990 + CLIP_FRAMES))
    assert torch.equal(clip.stimulus_BTHW[0, :, 3, 3] * 32.0, torch.arange(5.0, 53.0))


def test_burn_in_and_lost_frames_do_not_count(clips):
    mask = clips.cut(np.array([980])).mask_BT[0]
    assert not mask[:BURN_IN].any()
    assert not mask[20]  # frame 1000, where the eye was lost
    assert mask[BURN_IN:].sum() == CLIP_FRAMES - BURN_IN - 1


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_tiles_predict_each_frame_at_most_once(clips, part):
    starts = clips.tiles(part)
    predicted = (starts[:, None] + np.arange(BURN_IN, CLIP_FRAMES)).ravel()
    assert len(np.unique(predicted)) == len(predicted)
    assert clips.splits[part].frames_T[predicted].all()
    assert len(predicted) > 0.8 * clips.splits[part].frames_T.sum()


def test_the_null_rate_is_that_of_the_training_frames(clips):
    training = clips.splits["train"].frames_T & clips.session.valid_T
    assert clips.null_N[0] == pytest.approx(clips.session.spikes_TN[training].mean())


@pytest.mark.parametrize("batch_size", [3, 7, 12])
def test_a_batch_is_shared_evenly_and_whole(clips, batch_size):
    named = {"a": clips, "b": clips, "c": clips}
    rng = np.random.default_rng(0)
    totals = dict.fromkeys(named, 0)
    for _ in range(60):
        batch = draw_batch(named, batch_size, rng)
        sizes = {name: len(clip.gaze_BT2) for name, clip in batch.items()}
        assert sum(sizes.values()) == batch_size
        assert max(sizes.values()) - min(sizes.get(n, 0) for n in named) <= 1
        for name, size in sizes.items():
            totals[name] += size
    assert max(totals.values()) - min(totals.values()) < 0.25 * batch_size * 20


def test_no_frame_belongs_to_two_parts(clips):
    rows = {part: set(map(tuple, owned_frames({"a": clips}, part))) for part in clips.splits}
    assert not rows["train"] & rows["validation"]
    assert not (rows["train"] | rows["validation"]) & rows["test"]
    assert 90 < len(rows["train"]) <= 100  # of 2400 frames
