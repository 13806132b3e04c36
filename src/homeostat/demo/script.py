"""The script of the demonstration, and the three edits that repair it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from homeostat.errors import RecordError

FILE = "train.py"


@dataclass(frozen=True)
class Repair:
    """One edit of the script: a line, and what to write in its place."""

    old: str
    new: str

    def apply(self, text: str) -> str:
        """The text with its line replaced.

        Raises:
            ValueError: If the line does not stand in it exactly once.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.old!r} stands {text.count(self.old)} times in the script.")
        return text.replace(self.old, self.new)

    def line_of(self, text: str) -> int:
        """The number of its line in a text that has it."""
        return text[: text.index(self.old)].count("\n") + 1


ROOT_AT_ZERO = Repair(
    "return self.head.weight.pow(2).sum(0).sqrt().sum()",
    "return (self.head.weight.pow(2).sum(0) + 1e-12).sqrt().sum()",
)
ROWS_IN_BOTH = Repair("x_train, y_train = x, y", "x_train, y_train = x[:1300], y[:1300]")
KNOB_UNCONNECTED = Repair("model = Digits(args.width)", "model = Digits(args.width, args.dropout)")


def faulty() -> str:
    """The script as it is at first, with its three faults."""
    return resources.files("homeostat.demo").joinpath("train.py.txt").read_text(encoding="utf-8")


def write_first(folder: Path) -> Path:
    """Write the faulty script into a new folder, or into that of an earlier demonstration.

    Raises:
        RecordError: If the folder holds something else, or cannot be written.
    """
    script = folder / FILE
    try:
        known = _versions()
        of_a_demo = script.is_file() and script.read_text(encoding="utf-8") in known
        if folder.exists() and any(folder.iterdir()) and not of_a_demo:
            raise RecordError(
                f"{folder} is there already, and not from a demonstration.",
                hint="Name another:  homeostat demo FOLDER",
            )
        folder.mkdir(parents=True, exist_ok=True)
        script.write_text(known[0], encoding="utf-8")
    except OSError as error:
        raise RecordError(f"Cannot write {script}: {error.strerror}.") from error
    return script


def repair(script: Path, *edits: Repair) -> None:
    """Apply edits to the script on disk."""
    text = script.read_text(encoding="utf-8")
    for edit in edits:
        text = edit.apply(text)
    script.write_text(text, encoding="utf-8")


def _versions() -> list[str]:
    """The script before each edit of the story, and at its end."""
    first = faulty()
    second = ROOT_AT_ZERO.apply(first)
    return [first, second, KNOB_UNCONNECTED.apply(ROWS_IN_BOTH.apply(second))]
