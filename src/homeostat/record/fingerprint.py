"""What a result depends on: code, configuration, versions, machine."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from homeostat.record.code import Code
from homeostat.record.files import plain
from homeostat.version import __version__


def fingerprint(
    code: Code | None, source: Path | None, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything needed to say whether two runs should have given the same numbers."""
    return {
        "homeostat": __version__,
        "code": None if code is None else code.digest,
        "files": {} if code is None else dict(code.files),
        "config": config_digest(config),
        "commit": git_commit(source.parent) if source is not None else None,
        **_machine(),
    }


def config_digest(config: Mapping[str, Any]) -> str:
    """A digest of the parameters' values, whatever their order."""
    text = json.dumps(plain(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "torch": _torch_version(),
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
        "host": platform.node(),
    }


def _torch_version() -> str | None:
    """PyTorch's version without importing it, which takes seconds."""
    loaded = sys.modules.get("torch")
    if loaded is not None:
        return str(loaded.__version__)
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=64)
def git_commit(folder: Path) -> str | None:
    """The commit checked out around a folder, read from git's files; None outside a repository.

    The first answer is kept: it is the commit that this process has loaded its code from.
    """
    git = _git_folder(folder)
    if git is None:
        return None
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        return _resolve(git, head.removeprefix("ref: "))
    except OSError:
        return None


@lru_cache(maxsize=64)
def _git_folder(folder: Path) -> Path | None:
    for parent in (folder, *folder.parents):
        entry = parent / ".git"
        if entry.is_dir():
            return entry
        if entry.is_file():  # a worktree or submodule points elsewhere
            return parent / entry.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")
    return None


def _resolve(git: Path, ref: str) -> str | None:
    shared = git / "commondir"
    common = git / shared.read_text(encoding="utf-8").strip() if shared.exists() else git
    for base in (git, common):
        if (base / ref).exists():
            return (base / ref).read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.exists() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), None)
