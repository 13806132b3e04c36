"""Results files read back, and configurations set side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError
from homeostat.workloads.evolution.runs import UNSTABLE


def read(path: Path) -> dict[str, Any]:
    """One results file.

    Raises:
        RecordError: If it is missing, or is something else.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or "per_seed" not in document:
            raise ValueError("it is something else")
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is not a results file of nas: {error}.") from error
    return document


def latest(name: str, results: Path) -> dict[str, Any] | None:
    """The newest results of a configuration; None if it has none.

    Files that are something else lie beside them, and are passed over.
    """
    found = []
    for path in results.glob("*.json") if results.is_dir() else ():
        with suppress(RecordError, KeyError, TypeError):
            document = read(path)
            if document["config_name"] == name and document["final"]["fitness"]["mean"] is not None:
                found.append((path.stat().st_mtime, document))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def comparison(names: Sequence[str], results: Path) -> list[dict[str, Any]]:
    """A row for each configuration, best held-out fitness first.

    Raises:
        RecordError: If one has no results.
    """
    rows = []
    for name in names:
        document = latest(name, results)
        if document is None:
            raise RecordError(
                f"No results of {name!r} in {results}.", hint=f"Run it:  nas run --config {name}"
            )
        final = document["final"]
        values = [seed["held_out"][-1]["fitness"] for seed in document["per_seed"]]
        shaky = len(values) > 1 and final["fitness"]["std"] > UNSTABLE * final["fitness"]["mean"]
        rows.append(
            {
                "config": name,
                "run": document["run"],
                "seeds": len(values),
                "status": document["status"],
                "generations": document["timing"]["generations_done"],
                "evaluations": _evaluations(document),
                "values": values,
                **final,
                "note": "unstable" if shaky else "",
                "beats_next": None,
            }
        )
    rows.sort(key=lambda row: -row["fitness"]["mean"])
    for row, following in pairwise(rows):
        if min(row["seeds"], following["seeds"]) > 1:
            row["beats_next"] = chance_of_improvement(row["values"], following["values"])
    return rows


def _evaluations(document: dict[str, Any]) -> int:
    """How many lives a seed took: generations x creatures x layouts."""
    config = document["config"]
    creatures = int(config["population_size"]) * int(config.get("eval_layouts", 1))
    return creatures * int(document["timing"]["generations_done"])


def unlike(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about why rows do not compare as they stand; none if they do."""
    told = [
        f"{row['config']} is {row['status']}: its figures are of generation {row['generations']}."
        for row in rows
        if row["status"] != "completed"
    ]
    spent = {row["config"]: row["evaluations"] for row in rows}
    if len(set(spent.values())) > 1:
        least, most = min(spent, key=spent.__getitem__), max(spent, key=spent.__getitem__)
        told.append(
            f"They had unequal means: {most} {spent[most]:,} evaluations a seed, {least} "
            f"{spent[least]:,}. Run both with the same generations, population and layouts to "
            "compare the configurations."
        )
    alone = [row["config"] for row in rows if row["seeds"] == 1]
    if alone and len(rows) > 1:
        told.append(f"One seed says little ({', '.join(alone)}): run at least three.")
    return told


def chance_of_improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """How often a run of the first beats one of the second, over all pairs; ties count half."""
    wins = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in product(a, b)]
    return sum(wins) / len(wins)
