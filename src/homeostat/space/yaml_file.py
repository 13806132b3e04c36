"""YAML files: plain data only, no key twice, and numbers as people write them.

PyYAML follows YAML 1.1, where 1e-3 is text, 1:30 is ninety, 010 is eight and `on` is true. Here, as
in YAML 1.2, 1e-3 is a number, only true and false are switches, and the rest is text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from homeostat.errors import ConfigError

MOST_VALUES = 100_000
"""A few aliases of aliases make a short file as large as anybody wants."""
MOST_DIGITS = 300


class _Loader(yaml.SafeLoader):
    """The safe loader (no objects, no code), with our numbers."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own name; ours is filled below

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands here twice", key.start_mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_RESOLVERS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?[0-9]+", "-+0123456789"),
    (
        _FLOAT,
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)
for _tag, _pattern, _first in _RESOLVERS:
    _starts = [start.replace("\0", "") for start in _first]
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _starts)
_Loader.add_constructor(_INT, lambda _, node: _whole(node.value))
_Loader.add_constructor(_FLOAT, lambda _, node: float(re.sub(r"\.(?=[iInN])", "", node.value)))


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:  # no float could hold it
        raise ValueError(f"a number of {len(text)} digits is too long")
    return int(text)


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _expanded(root, {})
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _expanded(node: yaml.Node, sizes: dict[yaml.Node, int]) -> int:
    """How many values a node holds once every alias stands for what it refers to."""
    if node in sizes:
        if not sizes[node]:
            raise _refusal("refers to itself", node)
        return sizes[node]
    sizes[node] = 0
    inside = node.value if isinstance(node, yaml.CollectionNode) else ()
    parts = (part for item in inside for part in (item if isinstance(item, tuple) else (item,)))
    size = 1
    for part in parts:
        size += _expanded(part, sizes)
        if size > MOST_VALUES:
            raise _refusal(f"holds more than {MOST_VALUES:,} values", node)
    sizes[node] = size
    return size


def _refusal(why: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, f"what stands here {why}", node.start_mark)


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: With the file, and the line where there is one, if the file is missing, is not
            YAML, has a key twice, or holds something else than a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = _load(text)
    except FileNotFoundError:
        raise ConfigError(f"No file {str(path)!r}.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not text in UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply to be read.") from None
    except (TypeError, ValueError) as error:  # a key that is a list; a number of 5,000 digits
        raise ConfigError(f"{path}: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        what = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise ConfigError(f"{path} {what}; it must hold keys with values, such as `budget: 200`.")
    for key in content:
        if not isinstance(key, str):
            raise ConfigError(f"{path}: the key {key!r} must be text.")
    return content
