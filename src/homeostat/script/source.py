"""Source: what the text of a script says before it is run."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from homeostat.errors import UnknownNameError, WorkloadError
from homeostat.script.notebook import python_of
from homeostat.script.options.option import Option, type_of

MOST_FILES = 400
MOST_BYTES = 400_000
_WHOLE = ("vars", "asdict", "__dict__", "to_dict", "_get_kwargs", "as_dict")
"""Words by which all options are read at once."""
_MAKES_SETTINGS = re.compile(r"(^|_)(config|cfg|hparams|settings|defaults?)$")
_SETTINGS = re.compile(r"(config|cfg|conf|args|hparams|hyper|param|settings|opts?)", re.IGNORECASE)


class Source:
    """A script's own text, and that of the files beside it which it imports."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def content(self) -> bytes:
        """What is in the file.

        Raises:
            UnknownNameError: If there is no such file.
            WorkloadError: If it cannot be read.
        """
        try:
            return python_of(self.path)
        except FileNotFoundError:
            raise UnknownNameError(f"No file {str(self.path)!r}.") from None
        except OSError as error:
            raise WorkloadError(f"{self.path} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise WorkloadError(f"{self.path.name} is no notebook: {error}.") from None

    @cached_property
    def tree(self) -> ast.Module:
        """The script, parsed.

        Raises:
            WorkloadError: With the line, if it is not Python.
        """
        try:
            return ast.parse(self.content, filename=str(self.path))
        except SyntaxError as error:
            where = f"{self.path.name}:{error.lineno or 1}"
            raise WorkloadError(
                f"{where}: SyntaxError: {error.msg}.",
                hint=f"It does not run under python either:  python {self.path.name}",
            ) from None
        except ValueError as error:  # a null byte
            raise WorkloadError(f"{self.path.name} is not Python: {error}.") from None

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The script and the files of its own that it imports, directly or through one another."""
        known: dict[Path, None] = {self.path.resolve(): None}
        waiting = [(self.path.resolve(), self.tree)]
        root = self.path.resolve().parent
        while waiting and len(known) < MOST_FILES:
            _, tree = waiting.pop()
            for name in _imported(tree):
                for path in _own_files(root, name):
                    if path not in known:
                        known[path] = None
                        parsed = _parsed(path)
                        if parsed is not None:
                            waiting.append((path, parsed))
        return tuple(known)

    @cached_property
    def trees(self) -> tuple[ast.Module, ...]:
        """All of these, parsed; those that cannot be are left out."""
        others = (_parsed(path) for path in self.files[1:])
        return (self.tree, *(tree for tree in others if tree is not None))

    @cached_property
    def imports(self) -> frozenset[str]:
        """The top-level packages that any of these files imports anywhere."""
        return frozenset(name.partition(".")[0] for tree in self.trees for name in _imported(tree))

    @cached_property
    def installed(self) -> tuple[str, ...]:
        """Installed modules that these files import at their beginning, not inside a function.

        None where they set environment variables: what is imported may depend on them.
        """
        if b"environ" in self.content or b"putenv" in self.content:
            return ()
        own = {path.stem for path in self.files} | {path.parent.name for path in self.files}
        names: dict[str, None] = {}
        for tree in self.trees:
            for node in tree.body:
                if isinstance(node, ast.Import):
                    names |= dict.fromkeys(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names[node.module] = None
        known = {*own, *sys.stdlib_module_names, "homeostat"}
        return tuple(name for name in names if name.partition(".")[0] not in known)

    @property
    def declares_workload(self) -> bool:
        """Whether it is a workload's file: it, or a file that it imports, uses Homeostat for more
        than to report numbers.
        """
        return any(_uses_homeostat(tree) for tree in self.trees)

    @cached_property
    def sets_globals(self) -> bool:
        """Whether these files themselves take globals from their command line: --name=value."""
        trees = (*self.trees, *self._executed)
        nodes = [node for tree in trees for node in ast.walk(tree)]
        return any(isinstance(n, ast.Attribute) and n.attr == "argv" for n in nodes) and any(
            isinstance(n, ast.Subscript)
            and isinstance(n.ctx, ast.Store)
            and ast.unparse(n.value) == "globals()"
            for n in nodes
        )

    @cached_property
    def _executed(self) -> tuple[ast.Module, ...]:
        """Files that the script runs by exec(open("...").read())."""
        trees = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "exec":
                for text in (n.value for n in ast.walk(node) if isinstance(n, ast.Constant)):
                    if isinstance(text, str) and text.endswith(".py"):
                        parsed = _parsed(self.path.parent / text)
                        trees += [parsed] if parsed is not None else []
        return tuple(trees)

    @cached_property
    def _names_read(self) -> frozenset[str]:
        names: set[str] = set()
        for tree in self.trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    names.add(node.attr)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    names.add(node.id)
        return frozenset(names)

    @cached_property
    def _texts(self) -> frozenset[str]:
        """Texts that stand alone, outside of calls that declare options."""
        found: set[str] = set()
        for tree in self.trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    found.add(str(node.slice.value))
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
                    found |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
                    found |= {"*"} if not isinstance(node.args[1], ast.Constant) else set()
        return frozenset(found)

    def reads(self, name: str) -> bool:
        """Whether any of these files looks at an option of this name, as far as the text says."""
        if name in self._names_read or name in self._texts or "*" in self._texts:
            return True
        return any(word in self._names_read for word in _WHOLE)

    def constants(self) -> Iterator[Option]:
        """Literals that are assigned once: at the top, under `if __name__`, in `main`, in a class
        or a dictionary of settings, as attributes of settings or in a function that makes them;
        and what is given by its name in a call there: Adam(weights, lr=0.1), fit(epochs=5).
        """
        written = list(_assigned(self.tree.body))
        known = {name for name, _, _ in written}
        written += [one for one in _keywords(self.tree.body) if one[0] not in known]
        names = [name for name, _, _ in written]
        rebound = {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        counts = {
            name: sum(
                isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
                for n in ast.walk(self.tree)
            )
            for name in rebound & set(names)
        }
        for name, value, node in written:
            if names.count(name) > 1 or counts.get(name, 1) > 1 or name.startswith("_"):
                continue
            yield Option(
                name=name, flag=name, kind=type_of(value), default=value, written="constant",
                line=node.lineno, column=node.col_offset,
                read=name not in known or self.reads(name.rpartition(".")[2]),
            )  # fmt: skip


def _parsed(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield node.module or ""
            yield from (f"{base.strip('.')}.{alias.name}".strip(".") for alias in node.names)


def _own_files(root: Path, name: str) -> Iterator[Path]:
    """The files under the script's folder that a module's name stands for."""
    parts = [part for part in name.split(".") if part]
    for count in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:count])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                yield path.resolve()


_REPORTING = {"report", "callbacks"}
"""What a script may use of Homeostat and still be one."""


def _uses_homeostat(tree: ast.Module) -> bool:
    """Whether a file uses more of Homeostat than what scripts report with."""
    aliases = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "homeostat":
                    aliases.add(alias.asname or alias.name)
                elif alias.name.startswith("homeostat.") and "callbacks" not in alias.name:
                    return True
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homeostat"):
            names = {alias.name for alias in node.names}
            if node.module == "homeostat" and not names <= _REPORTING:
                return True
            if node.module != "homeostat" and "callbacks" not in str(node.module):
                return True
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in aliases
        and node.attr not in _REPORTING
        for node in ast.walk(tree)
    )


Written = tuple[str, Any, ast.expr]
"""A name, the literal that it is assigned, and where that stands."""


def _assigned(body: list[ast.stmt], *, settings: bool = False) -> Iterator[Written]:
    """What is assigned in a body.

    Args:
        settings: Whether it makes settings: then attributes count, whatever they are attributes of.
    """
    for statement in body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            yield from _pairs(statement.targets[0], statement.value, settings)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _pairs(statement.target, statement.value, settings)
        elif _is_where_it_runs(statement):
            yield from _assigned(statement.body)  # type: ignore[attr-defined]  # both have one
        elif isinstance(statement, ast.FunctionDef) and _MAKES_SETTINGS.search(statement.name):
            yield from _assigned(statement.body, settings=True)
        elif isinstance(statement, ast.ClassDef) and _SETTINGS.search(statement.name):
            yield from _assigned(statement.body)
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    yield from _assigned(inner.body, settings=True)


_GIVEN = re.compile(
    r"^(lr|learning_rate(_init)?|weight_decay|momentum|dropout|label_smoothing|gamma|"
    r"gradient_clip_val|clipnorm|batch_size|(max_|n_|num_)?epochs|(max_|n_|num_)(iter|iterations|steps)|"
    r"num_boost_round|n_estimators|max_depth|max_leaf_nodes|num_leaves|subsample|"
    r"random_state|seed)$"
)
"""Names in calls that mean the same everywhere, and that no shape depends on."""


def _keywords(body: list[ast.stmt]) -> Iterator[Written]:
    """Numbers that calls are given by name, where a script runs; not within its functions."""
    for statement in body:
        if _is_where_it_runs(statement):
            yield from _keywords(statement.body)  # type: ignore[attr-defined]  # both have one
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for node in ast.walk(statement):
                for keyword in node.keywords if isinstance(node, ast.Call) else ():
                    literal = _literal(keyword.value)
                    named = keyword.arg is not None and _GIVEN.match(keyword.arg)
                    if named and literal is not None and not isinstance(literal, bool):
                        yield str(keyword.arg), literal, keyword.value


def _is_where_it_runs(statement: ast.stmt) -> bool:
    """`if __name__ == "__main__":` and `def main():`."""
    if isinstance(statement, ast.If):
        return "__name__" in ast.unparse(statement.test)
    return isinstance(statement, ast.FunctionDef) and statement.name in ("main", "train", "run")


def _pairs(target: ast.expr, value: ast.expr, settings: bool) -> Iterator[Written]:
    if isinstance(target, ast.Name):
        literal = _literal(value)
        if literal is not None:
            yield target.id, literal, value
        elif _SETTINGS.search(target.id):
            yield from _settings(value)
    elif isinstance(target, ast.Attribute):
        root, _, path = ast.unparse(target).partition(".")
        literal = _literal(value)
        if literal is not None and (settings or _SETTINGS.search(root)):
            yield path, literal, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other, settings)


def _settings(value: ast.expr) -> Iterator[Written]:
    """The entries of a dictionary of settings: {"lr": 0.1} or dict(lr=0.1)."""
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                literal = _literal(item)
                if literal is not None and key.value.isidentifier():
                    yield key.value, literal, item
    elif isinstance(value, ast.Call) and value.keywords:
        for keyword in value.keywords:
            literal = _literal(keyword.value)
            if literal is not None and keyword.arg:
                yield keyword.arg, literal, keyword.value


def _literal(value: ast.expr) -> bool | int | float | None:
    """A number or a switch as it is written, -1 included; none for anything else."""
    if isinstance(value, ast.Constant) and isinstance(value.value, (bool, int, float)):
        return value.value
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        inner = _literal(value.operand)
        return -inner if inner is not None and not isinstance(inner, bool) else None
    return None
