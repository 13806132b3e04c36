"""A driver in a process of its own, for tests that kill it.

    python driver.py run RESULTS LOOP ENGINE JOBS SEEDS CONFIG_JSON SNAPSHOT_S
    python driver.py resume FOLDER ENGINE JOBS SNAPSHOT_S

Prints the outcome at the end.
"""

import json
import sys
from pathlib import Path

from homeostat.execute import resume, run

LOOPS = Path(__file__).parent / "loops.py"


def main() -> None:
    verb, *rest = sys.argv[1:]
    if verb == "run":
        results, loop, engine, jobs, seeds, config, snapshot_s = rest
        record = run(
            f"{LOOPS}:{loop}",
            json.loads(config),
            seeds=int(seeds),
            engine=engine,
            jobs=int(jobs),
            results=results,
            snapshot_s=float(snapshot_s),
        )
    else:
        folder, engine, jobs, snapshot_s = rest
        record = resume(folder, engine=engine, jobs=int(jobs), snapshot_s=float(snapshot_s))
    print(record.outcome, flush=True)


if __name__ == "__main__":
    main()
