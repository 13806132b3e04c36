"""What the shell offers when Tab is pressed: workloads, studies, runs, configurations, parameters.

A completion that cannot be found out offers nothing: no error may reach a half-typed line.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import typer

from homeostat.errors import HomeostatError


def references(incomplete: str) -> list[str]:
    """Built-in names, and files that may hold a workload."""
    from homeostat.workload.installed import installed_workloads

    folder, slash, _ = incomplete.rpartition("/")
    entries = [path for path in Path(folder or ".").glob("*") if not path.name.startswith(".")]
    files = [folder + slash + path.name for path in entries if path.suffix in (".py", ".yaml")]
    folders = [folder + slash + path.name + "/" for path in entries if path.is_dir()]
    return _starting((*installed_workloads(), *files, *folders), incomplete)


def studies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Studies of the results folder, or of the store that the line names."""
    from homeostat.search.search import look_store

    with suppress(HomeostatError):
        store = look_store(_results(ctx), ctx.params.get("store"))
        return _starting(store.names(), incomplete)
    return []


def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs of the results folder, by name."""
    from homeostat.record.index import run_folders

    return _starting((folder.name for folder in run_folders(_results(ctx))), incomplete)


def configurations(ctx: typer.Context, incomplete: str) -> list[str]:
    """Named configurations of an installed workload; a file is not run for a completion."""
    from homeostat.space import configs
    from homeostat.workload import load

    workload = load.installed(str(ctx.params.get("workload") or ""))
    return [] if workload is None else _starting(configs.names(workload), incomplete)


def settings(ctx: typer.Context, incomplete: str) -> list[str]:
    """NAME= of each parameter of an installed workload."""
    from homeostat.workload import load

    workload = load.installed(str(ctx.params.get("workload") or ""))
    names = () if workload is None else (f"{name}=" for name in workload.space)
    return _starting(names, incomplete)


def _results(ctx: typer.Context) -> str:
    return str(ctx.params.get("results") or "results")


def _starting(texts: Iterable[str], incomplete: str) -> list[str]:
    return sorted(text for text in texts if text.startswith(incomplete))
