"""What the commands print: run one after another in a new folder, kept as docs/commands/output.

    python docs/samples.py            all of them (some minutes); then: make pages
    python docs/samples.py best       these, and what they need

`my_file.py` is examples/mlp_digits.py; `train.py` is the script of `homeostat demo`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "docs" / "commands" / "output"
LINES = 40
"""Of longer ones the middle is left out."""

SAMPLES = (
    "workloads",
    "space my_file.py",
    "run my_file.py --set lr=0.01 --seeds 3 --steps 5",
    "run my_file.py --set lr=0.05 --seeds 3 --steps 5",
    "probe my_file.py --seconds 60",
    "adopt train.py",
    "diagnose hyperperturb --config as_documented",
    "plan my_file.py --budget 30m",
    "lr-find my_file.py --rates 6",
    "sweep my_file.py --over lr=0.001,0.01,0.1 --steps 5",
    "grid my_file.py --over lr=0.003,0.03 --over width=16,64 --steps 5",
    "random my_file.py --trials 6 --only lr --steps 5",
    "screen my_file.py --runs 12 --steps 5",
    "bisect my_file.py --param dropout --target train_loss=0.1..0.2",
    "search my_file.py --study first --trials 20 --steps 5",
    "status --study first",
    "best --study first --top 3",
    "importance --study first",
    "change --study first --forget 3",
    "report --study first --no-execute",
    "resume first",
    "compare {run0} {run1}",
    "export first --to sqlite:///optuna.db",
    "tune my_file.py --budget 2m",
    "init my_project",
    "data list",
)
"""In this order: each may use what those before have left."""


def main(wanted: list[str]) -> None:
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "examples" / "mlp_digits.py", folder / "my_file.py")
        shutil.copy(ROOT / "src" / "homeostat" / "demo" / "train.py.txt", folder / "train.py")
        last = max((i for i, text in enumerate(SAMPLES) if text.split()[0] in wanted), default=None)
        for text in SAMPLES if not wanted else SAMPLES[: (last or 0) + 1]:
            runs = sorted(path.name for path in folder.glob("results/mlp_*"))
            typed = text.format(**{f"run{i}": run for i, run in enumerate(runs)})
            said = run(typed, folder)
            if not wanted or text.split()[0] in wanted:
                path = OUTPUT / f"{text.split()[0]}.txt"
                path.write_text(f"$ homeostat {typed}\n{said}", encoding="utf-8")
                sys.stdout.write(f"{path.name}\n")


def run(typed: str, folder: Path) -> str:
    """What a command prints, without the folder it ran in."""
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-m", "homeostat", *shlex.split(typed)], cwd=folder, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "COLUMNS": "140", "TERM": "dumb"},
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise SystemExit(f"homeostat {typed} ended with {done.returncode}:\n{done.stdout}")
    text = re.sub(rf"(?:/private)?{re.escape(str(folder))}/?", "", done.stdout)
    text = text.replace(str(Path.home()), "~")
    lines = [line.rstrip() for line in text.splitlines()]
    if len(lines) > LINES:
        half = LINES // 2
        lines = [*lines[:half], f"... {len(lines) - LINES} more lines ...", *lines[-half:]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
