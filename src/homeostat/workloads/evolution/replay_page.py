"""Replays of evolved creatures: their films as one JSON document, and as a page of its own.

Lengths travel as millimetres in 16 bits and shares as hundredths in 8, base64: a minute of
twenty-five creatures is then a megabyte.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from homeostat.errors import RecordError
from homeostat.record.files import read_json
from homeostat.workload.installed import Films
from homeostat.workloads.evolution.capacity import (
    BIAS,
    CONTACT,
    DIRECTION,
    DISTANCE,
    FIRST_HIDDEN,
    MOTION,
    STRAIN,
    TIME,
    VELOCITY,
)
from homeostat.workloads.evolution.space import SPACE

WINNERS = "winners.npz"
FILE, FRAMES, PAGE = "replay.json", "replay.npz", "replay.html"
SENSES = {
    "bias": BIAS, "direction": DIRECTION, "motion": MOTION, "distance": DISTANCE, "time": TIME,
    "strain": STRAIN, "velocity": VELOCITY, "contact": CONTACT, "hidden": FIRST_HIDDEN,
}  # fmt: skip


def find_replays(results: Path) -> dict[str, Path]:
    """Every replay below a results folder by name: its own folder's, or that of its run.

    A run that ended, such as any complete trial of a study, is played from the creatures it kept.
    """
    found = {mark.parent.name: mark.parent for mark in sorted(results.glob(f"*/{FILE}"))}
    for mark in sorted(results.glob(f"studies/*/replay/{FILE}")):
        found[f"study {mark.parents[1].name}"] = mark.parent
    for runs in ("*", "studies/*/*"):
        for kept in (WINNERS, f"replay/{FILE}"):  # what was filmed comes last, and stays
            for mark in sorted(results.glob(f"{runs}/seed_*/artifacts/{kept}"), reverse=True):
                run = next(p for p in mark.parents if p.name == "artifacts").parents[1]
                found[run.relative_to(results).as_posix()] = mark.parent
    return found


def film_data(folder: Path) -> dict[str, Any]:
    """All that the page plays.

    Raises:
        RecordError: If the folder holds no replay, or a damaged one.
    """
    winners = folder / WINNERS
    if winners.exists() and not (folder / FILE).exists():
        return _filmed(winners, winners.stat().st_mtime_ns)
    try:
        told = read_json(folder / FILE)
        with np.load(folder / FRAMES, allow_pickle=False) as arrays:
            frames = {name: arrays[name] for name in arrays.files}
        return {
            "judged": "in selection",  # films of older versions do not say
            **told,
            "frames": int(frames["nodes"].shape[1]),
            "senses": SENSES,
            "films": [
                {
                    "nodes": _short(frames["nodes"][i][:, : len(c["nodes"])] * 1000),
                    "pellet": _short(frames["pellet"][i] * 1000),
                    "length": _short(frames["length"][i][:, : len(c["muscles"])] * 1000),
                    "fitness": float(frames["fitness"][i]),
                }
                for i, c in enumerate(told["creatures"])
            ],
            "activations": _byte(frames["activations"]),
            "columns": int(frames["activations"].shape[1]),
        }
    except (OSError, KeyError, ValueError, RecordError) as error:
        raise RecordError(
            f"{folder} holds no replay that can be played: {str(error).rstrip('.')}.",
            hint="Make one:  nas replay --run RUN",
        ) from error


@lru_cache(maxsize=8)
def _filmed(winners: Path, changed_ns: int) -> dict[str, Any]:
    """The film of kept creatures; nothing is written beside them."""
    # Numba is imported for this only: pages are up at once.
    from homeostat.workloads.evolution.replays import film_winners

    with TemporaryDirectory() as folder:
        return film_data(film_winners(winners, Path(folder), SPACE))


def write_page(folder: Path) -> Path:
    """`replay.html` beside the files: everything inside, opens from disk."""
    static = resources.files("homeostat.dashboard").joinpath("static")
    scripts = [static.joinpath(name) for name in ("dom.js", "replay.js")]
    code = "".join(script.read_text(encoding="utf-8") for script in scripts)
    colours = resources.files("homeostat.pages").joinpath("page.css")  # which style.css names
    sheets = (colours, static.joinpath("style.css"))
    style = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    code = re.sub(r"^import .*?;\n", "", code, flags=re.MULTILINE).replace("export ", "")
    # A script ends at the first "</": no text in the data may hold one.
    data = json.dumps(film_data(folder)).replace("</", "<\\/")
    page = folder / PAGE
    page.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Replay</title><style>{style}</style></head>\n"
        f'<body><main id="main"></main><script type="module">\n{code}\n'
        f'play(document.getElementById("main"), {data});\n</script></body></html>\n',
        encoding="utf-8",
    )
    return page


FILMS = Films(find=find_replays, read=film_data)
"""Announced in pyproject.toml, where the dashboard finds it."""


def _short(values: Any) -> str:
    whole = np.clip(np.rint(values), -32767, 32767).astype("<i2")
    return base64.b64encode(whole.tobytes()).decode()


def _byte(values: Any) -> str:
    whole = np.clip(np.rint(np.asarray(values) * 100), -127, 127).astype("i1")
    return base64.b64encode(whole.tobytes()).decode()
