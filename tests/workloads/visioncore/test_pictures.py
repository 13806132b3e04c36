"""Parts by picture: what is validated and tested on was never shown in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from homeostat.errors import DataError
from homeostat.workloads.visioncore.data import SPLITS, deal_pictures, split_owned
from homeostat.workloads.visioncore.experiment import Session
from homeostat.workloads.visioncore.recorded import read_recorded

CLIP = 48


def session(picture_T, name="mine"):
    total = len(picture_T)
    return Session(
        name=name, stimulus_THW=np.zeros((total, 2, 2), np.int8), gaze_T2=np.zeros((total, 2)),
        spikes_TN=np.zeros((total, 1), np.uint8), valid_T=np.ones(total, bool),
        picture_T=np.asarray(picture_T),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_no_clip_of_a_part_shows_a_picture_of_another_and_none_is_met_in_two_sessions(seed):
    rng = np.random.default_rng(seed)
    shown = [np.repeat(rng.permutation(20)[:count], 200) for count in (20, 12)]
    sessions = [session(picture_T, f"s{i}") for i, picture_T in enumerate(shown)]
    seen = {part: set() for part in SPLITS}
    for picture_T, owner_T in zip(shown, deal_pictures(sessions, seed=seed), strict=True):
        if len(set(owner_T.tolist())) < 3:
            continue  # the smaller session may have no picture of a part
        parts = split_owned(owner_T, CLIP, gap_frames=CLIP)
        owned = sum(part.frames_T.astype(int) for part in parts.values())
        assert owned.max() == 1
        for name, part in parts.items():
            assert part.frames_T[part.starts[:, None] + np.arange(CLIP)].all()
            seen[name] |= set(picture_T[part.frames_T].tolist())
            # Memory reaches back by a clip: no frame of another part within it.
            for start in part.starts[part.starts >= CLIP]:
                assert (owner_T[start - CLIP : start] == SPLITS.index(name)).all() or start == 0
    assert seen["test"] and seen["validation"]
    assert not seen["train"] & (seen["test"] | seen["validation"])
    assert not seen["test"] & seen["validation"]


def test_what_cannot_be_dealt_is_one_line():
    with pytest.raises(DataError, match="mine does not say which picture"):
        deal_pictures([replace(session([1, 2]), picture_T=None)])
    with pytest.raises(DataError, match="2 pictures cannot be dealt"):
        deal_pictures([session([1, 2])])
    with pytest.raises(DataError, match="as long as a clip of 48 frames"):
        split_owned(np.repeat([0, 1, 2], 20), CLIP, gap_frames=CLIP)


def test_a_recording_says_which_picture_was_shown(tmp_path):
    arrays = {
        "stimulus": np.zeros((7_200, 24, 24), np.float32),
        "gaze": np.zeros((7_200, 2)),
        "spikes": np.ones((7_200, 2), int),
        "picture": np.repeat(np.arange(15), 480),
    }
    np.savez(tmp_path / "s.npz", **arrays)
    np.testing.assert_array_equal(read_recorded(tmp_path / "s.npz").picture_T, arrays["picture"])
    np.savez(tmp_path / "bad.npz", **{**arrays, "picture": arrays["picture"] + 0.5})
    with pytest.raises(DataError, match="picture must be whole numbers"):
        read_recorded(tmp_path / "bad.npz")
