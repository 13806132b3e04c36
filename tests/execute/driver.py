"""A driver in a process of its own, for tests that kill it.

    python driver.py run RESULTS LOOP ENGINE JOBS SEEDS CONFIG_JSON SNAPSHOT_S
    python driver.py fork ...        the same, with a forked child that keeps every file open
    python driver.py resume FOLDER ENGINE JOBS SNAPSHOT_S

Prints the outcome at the end.
"""

import json
import os
import sys
import time
from pathlib import Path

from homeostat.execute import resume, run

LOOPS = Path(__file__).parent / "loops.py"


def fork_once(event: object, forked: list[int] = []) -> None:  # noqa: B006 (its memory)
    if not forked:
        forked.append(os.fork())
        if forked == [0]:
            time.sleep(60)
            os._exit(0)


def main() -> None:
    verb, *rest = sys.argv[1:]
    if verb in ("run", "fork"):
        results, loop, engine, jobs, seeds, config, snapshot_s = rest
        record = run(
            f"{LOOPS}:{loop}",
            json.loads(config),
            seeds=int(seeds),
            engine=engine,
            jobs=int(jobs),
            results=results,
            snapshot_s=float(snapshot_s),
            on_event=fork_once if verb == "fork" else None,
        )
    else:
        folder, engine, jobs, snapshot_s = rest
        record = resume(folder, engine=engine, jobs=int(jobs), snapshot_s=float(snapshot_s))
    print(record.outcome, flush=True)


if __name__ == "__main__":
    main()
