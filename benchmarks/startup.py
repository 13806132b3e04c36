"""How long the first things take: importing the package, its help and its version.

    python benchmarks/startup.py

Each figure is the median of seven fresh processes, less what an empty Python takes on this machine.
The bars: import 0.1 s, `--help` 0.3 s.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 7
EMPTY = ("-c", "pass")
WHAT = {
    "import homeostat": ("-c", "import homeostat"),
    "import homeostat; a Space": ("-c", "import homeostat as hs; hs.Space(x=hs.Float(0.0, 1.0))"),
    "homeostat --version": ("-m", "homeostat", "--version"),
    "homeostat --help": ("-m", "homeostat", "--help"),
    "homeostat run --help": ("-m", "homeostat", "run", "--help"),
}


def seconds(words):
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main():
    for words in WHAT.values():  # once without looking, so that files are in the cache
        seconds(words)
    taken = {name: [] for name in ("empty", *WHAT)}
    for _ in range(ROUNDS):
        taken["empty"].append(seconds(EMPTY))
        for name, words in WHAT.items():
            taken[name].append(seconds(words))
    empty = statistics.median(taken["empty"])
    print(f"an empty Python takes {empty * 1e3:.0f} ms")
    for name in WHAT:
        whole = statistics.median(taken[name])
        print(f"{name:<28} {(whole - empty) * 1e3:5.0f} ms more, {whole * 1e3:.0f} ms in all")


if __name__ == "__main__":
    main()
