"""Mutations: one small change of meaning at one place of a file, as a person could make it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """What is changed where: the source text before and after."""

    line: int
    kind: str
    before: str
    after: str
    source: str
    """The whole file, changed."""


def mutations(source: str) -> Iterator[Mutation]:
    """Every mutation of a file's functions; types, docstrings and messages are left alone."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    for node in list(_acting(tree)):
        for kind, changed in _changes(node):
            yield _put(lines, node, kind, changed)


def _acting(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or _is_only_a_type(function):
            continue
        for statement in function.body:
            yield from _inside(statement)


def _is_only_a_type(function: ast.FunctionDef) -> bool:
    return function.name in ("__repr__",) or any(
        ast.unparse(d).rpartition(".")[2] in ("overload", "abstractmethod")
        for d in function.decorator_list
    )


def _inside(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert | ast.FunctionDef | ast.Lambda):
        return  # a message's words; a nested function is walked by itself
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from _inside(node.value)
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _inside(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[tuple[str, ast.expr | ast.stmt]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = COMPARISONS[type(node.ops[0])]()
        yield "comparison", ast.Compare(node.left, [other], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield (
            "and/or",
            ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values),
        )
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        if not any(isinstance(side, ast.JoinedStr) for side in (node.left, node.right)):
            yield "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", node.operand
    elif isinstance(node, ast.IfExp):
        yield "branches", ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Constant):
        return  # its test has mutations of its own
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "constant", ast.Constant(not node.value)
        elif isinstance(node.value, int | float):
            yield "constant", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "left out", ast.Pass()
    elif isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
        yield "returned", ast.Return(ast.Constant(None))


def _put(
    lines: list[str], node: ast.expr | ast.stmt, kind: str, changed: ast.expr | ast.stmt
) -> Mutation:
    assert node.end_lineno is not None and node.end_col_offset is not None
    first, last = lines[node.lineno - 1].encode(), lines[node.end_lineno - 1].encode()
    head, tail = first[: node.col_offset].decode(), last[node.end_col_offset :].decode()
    text = ast.unparse(ast.fix_missing_locations(changed))
    after = f"({text})" if isinstance(changed, ast.expr) else text
    before = "".join(lines[node.lineno - 1 : node.end_lineno])
    source = "".join([*lines[: node.lineno - 1], head + after + tail, *lines[node.end_lineno :]])
    return Mutation(node.lineno, kind, before.strip(), (head + after + tail).strip(), source)
