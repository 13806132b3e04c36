"""One page a command, made from the command itself: python -m homeostat.cli.pages FOLDER."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import typer

from homeostat.cli.examples import EXAMPLES

NOTE = "<!-- Made from the command itself: make pages -->"


def pages(*, beside: Path | None = None) -> dict[str, str]:
    """Page by file name, the index among them.

    Args:
        beside: The folder above, whose page of the same name is linked where there is one; what
            commands printed is in its commands/output (docs/samples.py).
    """
    from homeostat.cli.main import app

    root = typer.main.get_command(app)
    commands: dict[str, Any] = root.commands  # type: ignore[attr-defined]  # a group
    made = {f"{name}.md": _page(name, command, beside) for name, command in commands.items()}
    return {"README.md": _index(commands), **made}


def _index(commands: dict[str, Any]) -> str:
    rows = [f"| [{name}]({name}.md) | {_cell(_summary(c))} |" for name, c in commands.items()]
    return "\n".join([NOTE, "# The commands", "", "| command | does |", "|---|---|", *rows, ""])


def _page(name: str, command: Any, beside: Path | None) -> str:
    lines = [NOTE, f"# homeostat {name}", "", inspect.cleandoc(command.help or ""), ""]
    examples = EXAMPLES.get(name, ())
    if examples:
        width = max(len(text) for text, _ in examples)
        shown = [f"$ {text:<{width}}  # {what}" for text, what in examples]
        lines += ["```", *shown, "```", ""]
    lines += _parameters(command)
    sample = beside / "commands" / "output" / f"{name}.txt" if beside is not None else None
    if sample is not None and sample.exists():
        text = sample.read_text(encoding="utf-8").rstrip()
        lines += ["## What it prints", "", "```", text, "```", ""]
    for sub, inner in getattr(command, "commands", {}).items():
        lines += [f"## homeostat {name} {sub}", "", inspect.cleandoc(inner.help or ""), ""]
        lines += _parameters(inner)
    more = f"[What it does, in full](../{name}.md). " if _has(beside, name) else ""
    lines += [f"{more}[All commands](README.md), [exit codes](../README.md#exit-codes).", ""]
    return "\n".join(lines)


def _has(beside: Path | None, name: str) -> bool:
    return beside is not None and (beside / f"{name}.md").exists()


def _parameters(command: Any) -> list[str]:
    rows = []
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        names = (
            [*parameter.opts, *parameter.secondary_opts] if is_option else [_argument(parameter)]
        )
        written = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| {written} | {_cell(_explained(parameter))} |")
    return ["| argument or option | meaning |", "|---|---|", *rows, ""] if rows else []


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper().strip("{}")
    return f"{name} ..." if parameter.nargs == -1 else name


def _explained(parameter: Any) -> str:
    text = parameter.help or ""
    default = parameter.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != "":
        text += f" [{default}]"
    elif default is True:
        text += " [on]"
    return text


def _summary(command: Any) -> str:
    return inspect.cleandoc(command.help or "").partition("\n")[0]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write(folder: Path) -> list[Path]:
    """Write every page into `folder`; pages of commands that are no more are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages(beside=folder.parent)
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


if __name__ == "__main__":
    sys.stdout.write(f"{len(write(Path(sys.argv[1])))} pages\n")
