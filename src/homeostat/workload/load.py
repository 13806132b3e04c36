"""Load: a workload from its name, a Python file, a module or a YAML file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from homeostat.errors import HomeostatError, UnknownNameError, WorkloadError, did_you_mean
from homeostat.workload.installed import installed_workloads
from homeostat.workload.neighbours import neighbours_of
from homeostat.workload.workload import CODE, Workload

_LOADING: ContextVar[bool] = ContextVar("homeostat_loading", default=False)
_SEE = "See:  homeostat workloads"
SCRIPTS = "homeostat.script.load"
"""Where scripts are made into workloads."""


class _EndOfFile(BaseException):
    """A file being loaded reached a call that belongs to the script, not to the workload.

    Not an Exception, so that a script's own `except Exception` does not swallow it.
    """


@contextmanager
def loading() -> Iterator[None]:
    """While this holds, `refuse_while_loading` stops the file that is being read."""
    token = _LOADING.set(True)
    try:
        yield
    finally:
        _LOADING.reset(token)


def refuse_while_loading() -> None:
    """Stop a file that is being loaded at its first call that starts work (run, search, tune ...).

    So a script that ends in `hs.tune(mlp)` can be loaded for its workload. Every function that
    starts work calls this first; outside of loading it does nothing.
    """
    if _LOADING.get():
        raise _EndOfFile


def find(reference: str | Path | Workload) -> Workload:
    """The workload that `reference` names.

    find("apoptosis")             a built-in one, or an installed package's
    find("my_file.py")            the only one in a file
    find("my_file.py:mlp")        one of several
    find("package.module:mlp")    one in an installed module
    find("train.sh.yaml")         a command, described in YAML
    find("train.py")              a script without a workload in it, as it is
    find("train.py -- --data x")  the same with arguments of its own
    find("train.py --metric f1 --goal maximize")
                                  the same, with what is to be improved

    Raises:
        UnknownNameError: If there is no such name, file or workload in the file.
        WorkloadError: If the file cannot be read or run.
    """
    if isinstance(reference, Workload):
        return reference
    text, arguments = split_arguments(str(reference))
    text, settings = split_settings(text)
    # Most references are files: the installed packages are only searched for what may be a name.
    if not arguments and text.isidentifier() and text in installed_workloads():
        return _from_module(*installed_workloads()[text].split(":"))
    if text.endswith((".yaml", ".yml")):
        return _from_yaml(Path(text), arguments)
    if text.endswith(".ipynb") or (
        text.endswith(".py") and (arguments or settings or _is_script(Path(text)))
    ):
        _check_exists(Path(text))
        if settings and not _is_script(Path(text)):
            raise WorkloadError(
                f"{text} is a workload, which says itself what is to be improved.",
                hint="Change metric= and goal= in its @hs.workload(...).",
            )
        return _from_script("load_script", Path(text), arguments, **settings)
    if _WANTED.search(text):
        raise WorkloadError(
            f"{_WANTED.split(text)[0]} is no script: it says itself what is to be improved.",
            hint="--metric and --goal are for a train.py without a workload in it.",
        )
    if arguments:
        raise WorkloadError(
            f"{text} is no script, so nothing can be given to it after --.",
            hint="Set its parameters with --set NAME=VALUE.",
        )
    head, colon, name = text.rpartition(":")
    if text.endswith(".py"):
        return _from_file(Path(text), None)
    if colon and head.endswith(".py"):
        return _from_file(Path(head), name)
    if colon and all(part.isidentifier() for part in head.split(".")):
        return _from_module(head, name)
    if Path(text).is_dir():
        raise UnknownNameError(f"{text!r} is a folder.", hint=_inside(Path(text)))
    guess = did_you_mean(text, installed_workloads())
    raise UnknownNameError(f"No workload {text!r}.", hint=f"{guess}  {_SEE}".strip())


def installed(reference: object) -> Workload | None:
    """The installed workload of that name; None for whatever else a reference may be.

    What a results folder names is data: looking at it must not run the file or import the module
    that it names. The names of installed workloads are the exception, for their code is this
    installation's own, whoever wrote the folder.
    """
    if not isinstance(reference, str) or not reference.isidentifier():
        return None
    known = installed_workloads()
    return _from_module(*known[reference].split(":")) if reference in known else None


def reference_or_none(workload: Workload) -> str | None:
    """`Workload.reference`, or None for a workload that only this process can find."""
    try:
        return workload.reference
    except WorkloadError:
        return None


def reference_or_name(workload: Workload) -> str:
    """How a command line names a workload; just its name if no other process can find it."""
    return reference_or_none(workload) or workload.name


def _from_module(module_name: str, name: str) -> Workload:
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise
        raise UnknownNameError(f"No module {module_name!r}.", hint=_SEE) from None
    return _pick(module, name, module_name)


def _from_yaml(path: Path, arguments: tuple[str, ...]) -> Workload:
    from homeostat.space.yaml_file import read
    from homeostat.workload.command import load_command

    _check_exists(path)
    if "script" in read(path):
        return _from_script("load_adopted", path, arguments)
    return load_command(path)


def split_arguments(text: str) -> tuple[str, tuple[str, ...]]:
    """A reference and the script's own arguments: "train.py -- --data x" has two of these."""
    head, mark, tail = text.partition(" -- ")
    return (head, tuple(shlex.split(tail))) if mark else (text, ())


def split_settings(text: str) -> tuple[str, dict[str, str]]:
    """A script, and what is to be improved: "train.py --metric f1" has {"metric": "f1"}."""
    found = _SETTINGS.fullmatch(text)
    if found is None:
        return text, {}
    return found["path"], dict(re.findall(r" --(metric|goal) (\S+)", found["settings"]))


_SETTINGS = re.compile(r"(?P<path>.+?\.(?:py|ipynb))(?P<settings>(?: --(?:metric|goal) \S+)+)")


_WANTED = re.compile(r" --(?:metric|goal) ")


def _is_script(path: Path) -> bool:
    """Whether a file is a script: no workload is in it, or in a file beside it that it uses."""
    _check_exists(path)
    scripts: Any = importlib.import_module(SCRIPTS)
    return not scripts.declares_workload(path)


def _from_script(loader: str, path: Path, arguments: tuple[str, ...], **settings: str) -> Workload:
    """What a function of the room of scripts makes of a file; that room stands above this one."""
    made: Workload = getattr(importlib.import_module(SCRIPTS), loader)(path, arguments, **settings)
    return made


def _check_exists(path: Path) -> None:
    if not path.is_file():
        near = [str(p) for p in path.parent.glob(f"*{path.suffix}")]
        guess = did_you_mean(str(path), near)
        # A near name helps; a list of every file in the folder does not.
        hint = guess if guess.startswith("Did") else "Write a first one:  homeostat init my_project"
        raise UnknownNameError(f"No file {str(path)!r}.", hint=hint)


def _inside(folder: Path) -> str:
    """Which of a folder's files to name instead."""
    files = sorted(path for end in ("py", "yaml") for path in folder.glob(f"*.{end}"))
    if not files:
        return "Write a first workload:  homeostat init my_project"
    first = next((path for path in files if path.stem == "workload"), files[0])
    return f"Name a file in it, such as:  {first}"


def _from_file(path: Path, name: str | None) -> Workload:
    _check_exists(path)
    return _pick(_execute(path.resolve()), name, str(path))


def _execute(path: Path) -> ModuleType:
    """Run a file as a module of its own, up to the first call that starts work."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    module_name = f"homeostat_file_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    neighbours, code = neighbours_of(path)
    module.__dict__[CODE] = code
    sys.modules[module_name] = module  # classes look up their module by name
    try:
        with loading():
            neighbours.execute(module, spec.loader.exec_module)
    except _EndOfFile:
        pass
    except SystemExit as error:
        raise WorkloadError(
            f"{path.name}:{_line(error, path)}: it exits while it is being read.",
            hint='Put the script part under: if __name__ == "__main__":',
        ) from None
    except SyntaxError as error:
        where = f"{Path(error.filename or path).name}:{error.lineno or 1}"
        raise WorkloadError(f"{where}: {type(error).__name__}: {error.msg}.") from None
    except Exception as error:  # whatever a user's file may raise
        raise WorkloadError(f"{path.name}:{_line(error, path)}: {_told(error)}") from error
    return module


def _line(error: BaseException, path: Path) -> int:
    """The last line of `path` itself on the way to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == str(path)), 0)


def _told(error: Exception) -> str:
    if isinstance(error, HomeostatError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}".rstrip(": ") + "."


def _pick(module: ModuleType, name: str | None, where: str) -> Workload:
    found: dict[str, Workload] = {}
    for variable, value in vars(module).items():
        if isinstance(value, Workload) and all(value is not other for other in found.values()):
            found[variable] = value
    if not found:
        raise UnknownNameError(
            f"No workload in {where}.",
            hint="Put @hs.workload(space=..., metric=..., goal=..., budget=...) above its "
            "training loop, before any call that starts work.",
        )
    if name is None:
        # Of those it imports and those it defines, a file means its own.
        own = [v for v, w in found.items() if w.loop.__module__ == module.__name__] or list(found)
        if len(own) > 1:
            raise UnknownNameError(
                f"{where} has several workloads: {', '.join(own)}.",
                hint=f"Choose one:  {where}:{own[0]}",
            )
        return found[own[0]]
    if name in vars(module) and isinstance(vars(module)[name], Workload):
        chosen: Workload = vars(module)[name]
        return chosen
    for workload in found.values():
        if workload.name == name:
            return workload
    raise UnknownNameError(f"No workload {name!r} in {where}.", hint=did_you_mean(name, found))
