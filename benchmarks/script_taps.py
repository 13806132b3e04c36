"""What a step costs under the taps, against `python train.py`: processor time, in pairs.

    python benchmarks/script_taps.py

A network of 64-256-256-10 on batches of 128, 1,000 steps: small steps, so that a tap weighs most.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = """
import time
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256),
                          torch.nn.ReLU(), torch.nn.Linear(256, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
x, y = torch.randn(128, 64), torch.randint(10, (128,))
for step in range(1100):
    if step == 100:
        began = time.process_time()
    loss = torch.nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step} loss: {loss.item():.4f}")
print("spent", time.process_time() - began)
"""
DRIVEN = """
import sys
from pathlib import Path
from homeostat.script.drive import Run
from homeostat.script.program import Program
from homeostat.workload.trial import Trial
path = Path(sys.argv[1])
for report in Run(Program(path, folder=path.parent), Trial({}, budget=10**9)).reports():
    pass
"""
PAIRS = 3


def spent(words: list[str]) -> float:
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout.rpartition("spent")[2])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(SCRIPT)
        ratios, plain = [], []
        for _ in range(PAIRS):
            alone = spent([sys.executable, str(path)])
            driven = spent([sys.executable, "-c", DRIVEN, str(path)])
            plain.append(alone / 1000 * 1e6)
            ratios.append(driven / alone)
    low, middle, high = (
        100 * (r - 1) for r in (min(ratios), statistics.median(ratios), max(ratios))
    )
    print(f"a step by itself: {min(plain):.0f} µs")
    print(f"under the taps:   {middle:+.1f} % (median of {PAIRS} pairs, {low:+.1f} .. {high:+.1f})")


if __name__ == "__main__":
    main()
