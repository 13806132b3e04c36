"""Recorded sessions: your own data, one HDF5 or NPZ file for each session.

    stimulus   (T, 24, 24)   the window around the gaze, in standard deviations of the image
    gaze       (T, 2)        degrees right of and below the centre of the screen
    spikes     (T, N)        counts per frame
    valid      (T,)          optional: false where the eye was lost
    picture    (T,)          optional: a whole number for the picture, or trial, that was shown

All at 120 frames a second, oldest first.  The file's name is the session's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError
from homeostat.workloads.visioncore.data import BLOCK_FRAMES
from homeostat.workloads.visioncore.experiment import Session, to_levels
from homeostat.workloads.visioncore.neurons import WINDOW_PX

ENDINGS = (".h5", ".hdf5", ".npz")
NEEDED = ("stimulus", "gaze", "spikes")
OPTIONAL = ("valid", "picture")
_SEE = "The layout is described in docs/visioncore.md."


def recorded_sessions(folder: Path) -> list[Session]:
    """Every session file in a folder, in the order of their names.

    Raises:
        DataError: If there is none, or one does not have the layout; says which and what.
    """
    paths = [p for p in sorted(folder.glob("*")) if p.suffix in ENDINGS]
    if not paths:
        raise DataError(f"{folder}: no session file (.h5, .hdf5 or .npz) here.", hint=_SEE)
    return [read_recorded(path) for path in paths]


def read_recorded(path: Path) -> Session:
    """One recorded session.

    Raises:
        DataError: If an array is missing or has the wrong shape, or values that cannot be.
    """
    arrays = _arrays(path)
    for name in NEEDED:
        if name not in arrays:
            raise DataError(f"{path.name}: there is no array {name!r}.", hint=_SEE)
    stimulus, gaze, spikes = (arrays[name] for name in NEEDED)
    num_frames = len(gaze)
    valid = np.asarray(arrays.get("valid", np.ones(num_frames, bool)), dtype=bool)
    _check_shape(path, "stimulus", stimulus, (num_frames, WINDOW_PX, WINDOW_PX))
    _check_shape(path, "gaze", gaze, (num_frames, 2))
    _check_shape(path, "spikes", spikes, (num_frames, spikes.shape[-1]))
    _check_shape(path, "valid", valid, (num_frames,))
    picture = arrays.get("picture")
    if picture is not None:
        _check_shape(path, "picture", picture, (num_frames,))
        if not np.issubdtype(picture.dtype, np.integer):
            raise DataError(f"{path.name}: picture must be whole numbers, not {picture.dtype}.")
    if num_frames < 3 * BLOCK_FRAMES:
        raise DataError(
            f"{path.name}: {num_frames} frames are too few to split; "
            f"a session needs {3 * BLOCK_FRAMES} (60 s)."
        )
    gaze, valid = _hold_lost_gaze(gaze, valid)
    if not np.isfinite(stimulus[valid]).all():
        raise DataError(f"{path.name}: stimulus has values that are not finite in valid frames.")
    if spikes.min() < 0 or spikes.max() > 255 or np.any(spikes != np.round(spikes)):
        raise DataError(f"{path.name}: spikes must be whole counts per frame from 0 to 255.")
    return Session(
        name=path.stem,
        stimulus_THW=to_levels(np.nan_to_num(stimulus).astype(np.float32)),
        gaze_T2=gaze.astype(np.float32),
        spikes_TN=spikes.astype(np.uint8),
        valid_T=valid,
        picture_T=None if picture is None else picture.astype(np.int64),
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        import h5py

        with h5py.File(path, "r") as file:
            return {name: file[name][()] for name in (*NEEDED, *OPTIONAL) if name in file}
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read: {error}.", hint=_SEE) from error


def _check_shape(path: Path, name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise DataError(f"{path.name}: {name} has shape {array.shape}, not {shape}.", hint=_SEE)


def _hold_lost_gaze(
    gaze: NDArray[Any], valid: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Frames without a gaze are not valid, and hold the last one that was."""
    known = np.isfinite(gaze).all(axis=1)
    if not known.any():
        raise DataError("gaze has no finite value at all.", hint=_SEE)
    last = np.maximum.accumulate(np.where(known, np.arange(len(gaze)), -1))
    last = np.where(last < 0, int(np.argmax(known)), last)
    return gaze[last], valid & known
