"""What the pages show, as plain data: the runs, studies, films and notes of a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from homeostat.dashboard.runs import Runs
from homeostat.dashboard.studies import Studies
from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.workload.installed import installed_films

NOTES = "NOTES.md"


class Library:
    """One results folder."""

    def __init__(self, results: str | Path, store: str | Path | None = None) -> None:
        self._results = Path(results)
        self.runs = Runs(self._results)
        self.studies = Studies(self._results, store)

    def replays(self) -> list[str]:
        """What can be played."""
        return [name for films in installed_films() for name in films.find(self._results)]

    def replay(self, name: str) -> dict[str, Any]:
        """One film of creatures."""
        for films in installed_films():
            folder = films.find(self._results).get(name)
            if folder is not None:
                return films.read(folder)
        raise UnknownNameError(f"No replay {name!r}.", hint=did_you_mean(name, self.replays()))

    def version(self) -> str:
        """Changes whenever a page would show something else."""
        return str(hash((self.runs.version(), self.studies.version())))

    def notes(self) -> str:
        """The running log beside the results, or in them; empty if there is none."""
        for place in (self._results / NOTES, self._results.parent / NOTES):
            if place.is_file():
                return place.read_text(encoding="utf-8", errors="replace")
        return ""

    @staticmethod
    def workloads() -> list[dict[str, Any]]:
        """The built-in workloads with their configurations and parameters."""
        from homeostat.space import configs
        from homeostat.workload.installed import installed_workloads
        from homeostat.workload.load import find

        found = []
        for name in installed_workloads():
            workload = find(name)
            found.append(
                {
                    "name": name,
                    "what": workload.doc.partition("\n")[0],
                    "configs": configs.names(workload),
                    "parameters": workload.space.rows(),
                }
            )
        return found
