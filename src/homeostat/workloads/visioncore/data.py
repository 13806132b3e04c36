"""The sessions a model is trained on: simulated ones, kept in a cache, and their split."""

# T frames, N neurons.

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError
from homeostat.workloads.visioncore import dynamics, experiment, gaze, images, neurons
from homeostat.workloads.visioncore.experiment import Repeats, Session

BLOCK_FRAMES = 2_400
"""Length of the blocks that are dealt to training, validation and test: 20 s."""
SPLITS = ("train", "validation", "test")


def simulated_sessions(
    names: tuple[str, ...], *, seed: int = 0, num_frames: int = 48_000, folder: Path | None = None
) -> list[Session]:
    """The named sessions, from the cache when they have been simulated before.

    A session takes about 2 s to simulate; the cache is keyed by the arguments, the images and the
    simulator's own source, so it never outlives a change of either.

    Args:
        names: Of `experiment.SESSIONS`.
        seed: Of the simulation, not of the training.
        num_frames: Length of each session, at 120 frames a second.
        folder: Images to look at; None takes those inside the installed packages.
    """
    sessions: list[Session] = []
    pictures = None
    for name in names:
        path = _cache_path(name, seed, num_frames, folder)
        session = read_session(path) if path.is_file() else None
        if session is None:
            pictures = images.load_images(folder) if pictures is None else pictures
            (session,) = experiment.simulate((name,), pictures, seed=seed, num_frames=num_frames)
            # A cache that cannot be written costs time, not the run.
            with contextlib.suppress(OSError):
                write_session(path, session)
        sessions.append(session)
    return sessions


def _cache_path(name: str, seed: int, num_frames: int, folder: Path | None) -> Path:
    digest = hashlib.sha256(repr((name, seed, num_frames)).encode())
    for module in (dynamics, experiment, gaze, images, neurons):
        digest.update(Path(str(module.__file__)).read_bytes())
    if folder is not None:
        for path in sorted(folder.iterdir()):
            digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "homeostat/visioncore" / f"{digest.hexdigest()[:16]}.npz"


def write_session(path: Path, session: Session) -> None:
    """Save a session in the NPZ layout of docs/visioncore.md; whole or not at all."""
    arrays: dict[str, Any] = {"name": np.asarray(session.name)}
    for field in fields(Session):
        value = getattr(session, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif isinstance(value, Repeats):
            for part in fields(Repeats):
                if getattr(value, part.name) is not None:
                    arrays[f"repeats_{part.name}"] = getattr(value, part.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        np.savez(file, **arrays)
    Path(file.name).replace(path)


def read_session(path: Path) -> Session:
    """Load a session that `write_session` saved."""
    with np.load(path, allow_pickle=False) as arrays:
        values: dict[str, Any] = {key: arrays[key] for key in arrays.files}
    name = str(values.pop("name"))
    parts = {key: values.pop(key) for key in list(values) if key.startswith("repeats_")}
    repeats = None
    if parts:
        shown = {key.removeprefix("repeats_"): value for key, value in parts.items()}
        repeats = Repeats(**{"rates_TN": None, **shown})
    return Session(name=name, repeats=repeats, **values)


@dataclass(frozen=True)
class Split:
    """Where clips may start in one part of a session, and the frames that part owns."""

    starts: NDArray[np.intp]
    frames_T: NDArray[np.bool_]


def deal_pictures(sessions: Sequence[Session], *, seed: int = 0) -> list[NDArray[np.intp]]:
    """The part that owns each frame of each session, as its place in `SPLITS`, by whole pictures.

    A picture belongs to one part in all sessions: 80 % to training, 10 % each to the others.

    Raises:
        DataError: If a session does not say which picture was shown, or there are fewer than three.
    """
    shown = []
    for session in sessions:
        if session.picture_T is None:
            raise DataError(
                f"{session.name} does not say which picture was shown (an array `picture`).",
                hint="Deal blocks of time instead:  --set parts=blocks",
            )
        shown.append(session.picture_T)
    pictures = np.unique(np.concatenate(shown))
    if len(pictures) < len(SPLITS):
        raise DataError(f"{len(pictures)} pictures cannot be dealt to {len(SPLITS)} parts.")
    held_out = max(1, len(pictures) // 10)
    owner = np.zeros(len(pictures), dtype=np.intp)
    dealt = np.random.default_rng(seed).permutation(len(pictures))
    owner[dealt[:held_out]] = 1
    owner[dealt[held_out : 2 * held_out]] = 2
    return [owner[np.searchsorted(pictures, picture_T)] for picture_T in shown]


def split_owned(
    owner_T: NDArray[np.intp], clip_frames: int, *, gap_frames: int
) -> dict[str, Split]:
    """The parts of a session whose frames are owned so.

    The first `gap_frames` after a change of part are left out: memory still holds the other's.
    """
    changes = np.flatnonzero(np.diff(owner_T)) + 1
    edges = np.concatenate([[0], changes, [len(owner_T)]])
    frames = {part: np.zeros(len(owner_T), dtype=bool) for part in SPLITS}
    starts: dict[str, list[NDArray[np.intp]]] = {part: [] for part in SPLITS}
    for start, stop in pairwise(edges.tolist()):
        first = start + (gap_frames if start else 0)
        part = SPLITS[owner_T[start]]
        if stop - first >= clip_frames:
            frames[part][first:stop] = True
            starts[part].append(np.arange(first, stop - clip_frames + 1))
    empty = [part for part in SPLITS if not starts[part]]
    if empty:
        raise DataError(
            f"No picture of the {empty[0]} part is shown for as long as a clip of {clip_frames} "
            "frames.",
            hint="Deal blocks of time instead:  --set parts=blocks",
        )
    return {part: Split(np.concatenate(starts[part]), frames[part]) for part in SPLITS}


def split_session(
    num_frames: int, clip_frames: int, *, gap_frames: int, seed: int = 0
) -> dict[str, Split]:
    """Deal 20-second blocks to training (80 %), validation and test (10 % each).

    Frames nearby in time look alike, so whole blocks are dealt, and the first `gap_frames` of a
    block whose neighbour before it belongs to another part are left out.
    """
    num_blocks = max(3, num_frames // BLOCK_FRAMES)
    edges = np.linspace(0, num_frames, num_blocks + 1).astype(int)
    held_out = max(1, num_blocks // 10)
    owner = np.zeros(num_blocks, dtype=int)
    dealt = np.random.default_rng(seed).permutation(num_blocks)
    owner[dealt[:held_out]] = 1
    owner[dealt[held_out : 2 * held_out]] = 2
    parts = {}
    for number, part in enumerate(SPLITS):
        frames = np.zeros(num_frames, dtype=bool)
        starts = []
        for block in np.flatnonzero(owner == number):
            alone = block > 0 and owner[block - 1] != number
            first = edges[block] + (gap_frames if alone else 0)
            frames[first : edges[block + 1]] = True
            starts.append(np.arange(first, edges[block + 1] - clip_frames + 1))
        parts[part] = Split(np.concatenate(starts), frames)
    return parts
