"""Spaces: parameters, conditions, derived values and rules; and configurations of them."""

from homeostat.space.config import Config
from homeostat.space.parameters import (
    Bool,
    Choice,
    Derived,
    Fixed,
    Float,
    Int,
    Parameter,
    Range,
    Text,
)
from homeostat.space.rules import Rule
from homeostat.space.space import Space

__all__ = [
    "Bool",
    "Choice",
    "Config",
    "Derived",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Range",
    "Rule",
    "Space",
    "Text",
]
