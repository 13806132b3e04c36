"""A process that drives a study, for tests that kill it.

    python tests/search/driver.py RESULTS STUDY ENGINE TRIALS METHOD

Prints "ready" when everything is imported, "asked SECONDS" at its first ask, "told NUMBER" after
each trial, "done" at the end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import optuna  # noqa: F401  (imports are not part of what is timed)
import scipy.stats  # noqa: F401
from tests.search.loops import unhurried

import homeostat as hs
from homeostat.search.optimise import Told
from homeostat.study.study import Study


def told(event):
    if isinstance(event, Told):
        print(f"told {event.trial.number}", flush=True)


def main() -> None:
    results, study, engine, trials, method = sys.argv[1:]
    print("ready", flush=True)
    started = time.perf_counter()
    ask = Study.ask

    def timed(self):
        Study.ask = ask
        print(f"asked {time.perf_counter() - started:.3f}", flush=True)
        return ask(self)

    Study.ask = timed
    hs.search(
        unhurried,
        int(trials),
        method=method,
        study=study,
        results=results,
        seeds=2,
        confirm=False,
        engine=engine,
        jobs=1 if engine == "inline" else 2,
        deterministic=True,
        on_event=told,
    )
    print("done", flush=True)


if __name__ == "__main__":
    main()
