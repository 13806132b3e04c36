"""Printed dictionaries and JSON as plain values: {'loss': tensor(0.8, device='cuda:0')}.

Nothing is evaluated: the text is parsed, and of a call the first argument counts, which is the
number in tensor(0.8), np.float64(0.8) and array(0.8, dtype=float32).
"""

from __future__ import annotations

import ast
import json
import math
import warnings
from typing import Any

MOST_TEXT = 1_000_000
"""Longer text is taken for data, not for a record of metrics."""
_NAMES = {
    "nan": math.nan, "NaN": math.nan, "inf": math.inf, "Infinity": math.inf,
    "true": True, "false": False, "null": None, "None": None,
}  # fmt: skip


def parse(text: str) -> Any:
    """The value that `text` writes in JSON or Python; None if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > MOST_TEXT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in somebody else's text
            return _value(ast.parse(text.strip(), mode="eval").body)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError, OverflowError):
        return None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Dict):
        return {
            _value(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _value(node.operand)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.Name | ast.Attribute):
        return _NAMES.get(node.id if isinstance(node, ast.Name) else node.attr)
    if isinstance(node, ast.Call):
        return _call(node)
    return None


def _call(node: ast.Call) -> Any:
    value = _value(node.args[0]) if node.args else None
    if isinstance(value, list) and all(isinstance(v, list) and len(v) == 2 for v in value):
        pairs = {v[0]: v[1] for v in value if isinstance(v[0], str)}  # OrderedDict([('loss', .5)])
        if pairs:
            return pairs
    while isinstance(value, list) and len(value) == 1:
        value = value[0]  # tensor([0.8])
    return value


def in_line(line: str) -> tuple[str, dict[str, Any], str] | None:
    """A dictionary inside a line, with what stands before and after it."""
    start, end = line.find("{"), line.rfind("}")
    if start < 0 or end < start:
        return None
    value = parse(line[start : end + 1])
    if not isinstance(value, dict):
        return None
    return line[:start], {str(name): item for name, item in value.items()}, line[end + 1 :]
