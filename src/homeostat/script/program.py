"""Program: a script with its arguments, executed as `python train.py` executes it."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from homeostat.script.notebook import python_of


class Program:
    """What is run.

    Args:
        path: The script.
        arguments: What stands after its name.
        folder: The working folder.
        steps_by: "optimizer", "backward" or "said": what a step is.
        constants: (line, column) of literals in the source -> other values.
        typed: How the script is called: sys.argv[0].
    """

    def __init__(
        self,
        path: Path,
        arguments: Sequence[str] = (),
        *,
        folder: Path,
        steps_by: str = "optimizer",
        constants: Mapping[tuple[int, int], Any] | None = None,
        typed: str = "",
    ) -> None:
        self.path = path
        self.folder = folder
        self.steps_by = steps_by
        self.argv = [typed or str(path), *arguments]
        self._constants = dict(constants or {})
        self.module = types.ModuleType("__main__")
        self.module.__dict__.update(
            __file__=str(path),
            __builtins__=__builtins__,
            __loader__=SourceFileLoader("__main__", str(path)),
            __cached__=None,
        )

    def execute(self) -> None:
        """Run it to its end, in its module."""
        exec(self._compiled(), self.module.__dict__)  # noqa: S102  # the user's own script

    def _compiled(self) -> types.CodeType:
        text = python_of(self.path)
        tree = ast.parse(text, filename=str(self.path))
        if self._constants:
            tree = _Constants(self._constants).visit(tree)
            ast.fix_missing_locations(tree)
        return compile(tree, str(self.path), "exec", dont_inherit=True)

    @property
    def shown(self) -> str:
        """How it is called by hand."""
        import shlex

        return f"python {shlex.join([self.path.name, *self.argv[1:]])}"


class _Constants(ast.NodeTransformer):
    """Puts other values where some literals stand."""

    def __init__(self, values: Mapping[tuple[int, int], Any]) -> None:
        self._values = values

    def visit(self, node: ast.AST) -> Any:
        place = (getattr(node, "lineno", 0), getattr(node, "col_offset", -1))
        if place in self._values and isinstance(node, (ast.Constant, ast.UnaryOp)):
            return ast.copy_location(ast.Constant(self._values[place]), node)
        return self.generic_visit(node)


def line_in(path: Path) -> int:
    """The line of a script's own file that is being executed; 0 if none is."""
    frame: Any = sys._getframe(1)
    name = str(path)
    while frame is not None:
        if frame.f_code.co_filename == name:
            return int(frame.f_lineno)
        frame = frame.f_back
    return 0
