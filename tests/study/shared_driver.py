"""One of several processes that drive a study together.

    python tests/search/shared_driver.py STORE RESULTS TRIALS PAUSE_S

Prints "ready", "told NUMBER" after each of its trials, and at the end what it knows, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import optuna  # noqa: F401  (so that both drivers start at about the same time)
from tests.search.loops import unhurried

import homeostat as hs
from homeostat.search.optimise import Told


def main() -> None:
    store, results, trials, pause_s = sys.argv[1:]

    def told(event):
        if isinstance(event, Told):
            print(f"told {event.trial.number}", flush=True)
            time.sleep(float(pause_s))

    print("ready", flush=True)
    sys.stdin.readline()
    found = hs.search(
        unhurried, int(trials), method="tpe", study="shared", results=results, store=store,
        confirm=2, on_event=told,
    )  # fmt: skip
    values = {trial.number: trial.values for trial in found.trials}
    print(json.dumps({"values": values, "confirmed": found.best.confirmed is not None}))


if __name__ == "__main__":
    main()
