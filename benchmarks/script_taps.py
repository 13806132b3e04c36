"""What a script's step costs under the taps, over the same step under plain Python.

    python benchmarks/script_taps.py [--rounds 6]

A process with one thread runs the script by itself and under the taps, in turn, and the script
counts the CPU time of its own loop, so that imports and starts are no part of it. The ratio is that
of the least times, since whatever else the machine does only adds to them. The bar is 1.05 for a
loop whose steps take a millisecond.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LOOP = """
import time, torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(64, {width}), nn.ReLU(), nn.Linear({width}, {width}), nn.ReLU(),
                    nn.Linear({width}, 10))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
x, y = torch.randn(128, 64), torch.randint(10, (128,))
def steps(count):
    for step in range(count):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        if step % 100 == 0:
            print(f"step {{step}} loss: {{loss.item():.4f}}")
steps(100)
began = time.process_time()
steps({count})
print("microseconds", 1e6 * (time.process_time() - began) / {count})
"""
SIZES = {"small, 64 wide": (64, 1500), "medium, 512 wide": (512, 200)}
DRIVE = """
import runpy, sys
from pathlib import Path
from homeostat.script.drive import Run
from homeostat.script.program import Program
from homeostat.workload.trial import Trial
path = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    print("plain")
    runpy.run_path(str(path))
    print("tapped")
    for report in Run(Program(path, (), folder=path.parent), Trial({}, budget=10**9)).reports():
        pass
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        path, drive = Path(folder) / "train.py", Path(folder) / "drive.py"
        drive.write_text(DRIVE)
        for name, (width, count) in SIZES.items():
            path.write_text(LOOP.format(width=width, count=count))
            command = [sys.executable, str(drive), str(path), str(rounds)]
            said = subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment
            ).stdout
            took: dict[str, list[float]] = {"plain": [], "tapped": []}
            for how, text in re.findall(
                r"^(plain|tapped)\n(.*?microseconds [\d.]+)", said, re.M | re.S
            ):
                took[how].append(float(text.rpartition(" ")[2]))
            theirs, ours = min(took["plain"]), min(took["tapped"])
            medians = statistics.median(took["tapped"]) / statistics.median(took["plain"])
            print(
                f"{name}: a step takes {theirs:.0f} µs under python, {ours:.0f} µs under the taps: "
                f"{ours / theirs:.3f} times (medians {medians:.3f})"
            )


if __name__ == "__main__":
    main()
