"""Starters: first workload files that run as they are, written into a folder of the user's."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import RecordError, UnknownNameError, did_you_mean
from homeostat.record.files import make_folder, write_bytes

# kind -> {file in this package: file to write}; the first is the workload.
KINDS: dict[str, dict[str, str]] = {
    "torch": {"torch.py.txt": "workload.py"},
    "lightning": {"lightning.py.txt": "workload.py"},
    "sklearn": {"sklearn.py.txt": "workload.py"},
    "command": {"command.yaml.txt": "workload.yaml", "train.py.txt": "train.py"},
}


@dataclass(frozen=True)
class Started:
    """What was written: the workload first, then what it needs."""

    kind: str
    files: tuple[Path, ...]

    @property
    def workload(self) -> Path:
        """What to give to the commands."""
        return self.files[0]


def start(target: str | Path, kind: str = "torch") -> Started:
    """Write a commented workload that runs as it is.

    start("my_project")                 my_project/workload.py
    start("model.py", "sklearn")        model.py
    start("my_project", "command")      my_project/workload.yaml and my_project/train.py

    Raises:
        UnknownNameError: If there is no such kind.
        RecordError: If a file is there already, or cannot be written; nothing is overwritten.
    """
    if kind not in KINDS:
        raise UnknownNameError(f"No kind {kind!r}.", hint=did_you_mean(kind, KINDS))
    target = Path(target)
    sources = KINDS[kind]
    written = dict(zip(sources, _places(target, list(sources.values())), strict=True))
    for path in written.values():
        if path.exists():
            raise RecordError(
                f"{path} exists already and is kept.", hint="Give another name, or move it away."
            )
    named = target.stem if target.suffix else target.resolve().name
    templates = Path(__file__).parent
    for source, path in written.items():
        make_folder(path.parent)
        text = (templates / source).read_text(encoding="utf-8")
        write_bytes(path, text.replace("my_model", identifier(named)).encode())
    return Started(kind, tuple(written.values()))


def identifier(name: str) -> str:
    """A name for the training loop: that of the project, as far as Python allows it."""
    word = re.sub(r"\W+", "_", name).strip("_").lower()
    return word if word.isidentifier() and not keyword.iskeyword(word) else "my_model"


def _places(target: Path, names: list[str]) -> list[Path]:
    """Where the files go: into a folder of that name, or the first under that very name."""
    suffix = Path(names[0]).suffix
    if not target.suffix:
        return [target / name for name in names]
    if target.suffix != suffix:
        raise UnknownNameError(
            f"This kind is written as a {suffix} file, not as {target.name!r}.",
            hint=f"Name it:  {target.stem}{suffix}   or give a folder's name.",
        )
    return [target, *(target.parent / name for name in names[1:])]
