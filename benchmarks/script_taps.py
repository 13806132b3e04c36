"""What a script's step costs under the taps, over the same step under `python train.py`.

    python benchmarks/script_taps.py [--pairs 7]

Each script times its own loop, so that imports and the start of a process are no part of it. Runs
take turns, each in a process of its own with one thread, and count its CPU time. The ratio is that
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
SIZES = {"small, 64 wide": (64, 4000), "medium, 512 wide": (512, 800)}
DRIVE = """
import sys
from pathlib import Path
from homeostat.script.drive import Run
from homeostat.script.program import Program
from homeostat.workload.trial import Trial
path = Path(sys.argv[1])
for report in Run(Program(path, (), folder=path.parent), Trial({}, budget=10**9)).reports():
    pass
"""


def microseconds(command: list[str]) -> float:
    """What a step took, as the script says."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(re.search(r"microseconds ([\d.]+)", done.stdout)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        path, drive = Path(folder) / "train.py", Path(folder) / "drive.py"
        drive.write_text(DRIVE)
        for name, (width, count) in SIZES.items():
            path.write_text(LOOP.format(width=width, count=count))
            plain, tapped = [], []
            for _ in range(pairs):
                plain.append(microseconds([sys.executable, str(path)]))
                tapped.append(microseconds([sys.executable, str(drive), str(path)]))
            ours, theirs = min(tapped), min(plain)
            medians = statistics.median(tapped) / statistics.median(plain)
            print(
                f"{name}: a step takes {theirs:.0f} µs under python, {ours:.0f} µs under the taps: "
                f"{ours / theirs:.3f} times (medians {medians:.3f})"
            )


if __name__ == "__main__":
    main()
