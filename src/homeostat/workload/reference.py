"""Reference: the text from which `load.find` gets a workload again, in another process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeostat.errors import WorkloadError
from homeostat.workload.installed import installed_workloads


def reference(made: object, name: str, loop: Callable[..., Any], source: Path | None) -> str:
    """What to give `load.find`: an installed name, a file and a name in it, or a module and a name.

    Args:
        made: The workload itself, to recognise it among the variables of its module.
        name: What it calls itself, for the error's sentence.
        loop: The function it wraps.
        source: The file that defines it.

    Raises:
        WorkloadError: If it was made in a notebook, at a prompt or inside a function.
    """
    if source is not None and source.suffix in (".yaml", ".yml"):
        return str(source)
    module = sys.modules.get(loop.__module__)
    names = [n for n, value in vars(module).items() if value is made] if module else []
    if not names:
        # While its own module is still being executed, or replaced since, a top-level function
        # is known by its name.
        if "<" in loop.__qualname__:
            raise _cannot_load_again(name, "it was made inside a function")
        names = [loop.__name__]
    for installed, target in installed_workloads().items():
        if target.split(":")[0] == loop.__module__ and target.split(":")[1] in names:
            return installed
    if source is None or not source.is_file():
        raise _cannot_load_again(name, "it was typed in a notebook or at a prompt")
    # A file inside a package may import its neighbours relatively, so it must stay a module.
    if source.with_name("__init__.py").is_file():
        return f"{loop.__module__}:{names[0]}"
    return f"{source.resolve()}:{names[0]}"


def _cannot_load_again(name: str, why: str) -> WorkloadError:
    return WorkloadError(
        f"{name} cannot be loaded by another process, because {why}.",
        hint="Define it at the top of a .py file, or use engine='inline'.",
    )
