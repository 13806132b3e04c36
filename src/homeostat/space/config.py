"""Config: one resolved setting of every parameter, read-only, and how it came about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any


class Config(Mapping[str, Any]):
    """A value for every parameter of a space, inactive ones at their default.

    config["lr"] or config.lr      a value
    config.given                   what was set by hand or by a search
    config.adjustments             sentences: what rules, formulas and conditions changed
    config.active                  the names that have an effect
    config.enforced                those of them that a rule sets, whatever else is chosen
    config.digest                  12 characters that name the values

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(1e-4, 1.0, log=True), act=hs.Choice(["relu", "tanh"]))
        >>> config = space.resolve({"act": "tanh"})
        >>> config.act, config["lr"], config.given
        ('tanh', 0.01, {'act': 'tanh'})
    """

    given: Mapping[str, Any]
    active: frozenset[str]
    enforced: frozenset[str]
    adjustments: tuple[str, ...]
    source: str

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        given: Mapping[str, Any],
        active: frozenset[str],
        enforced: frozenset[str] = frozenset(),
        adjustments: tuple[str, ...] = (),
        source: str = "",
    ) -> None:
        self.__dict__.update(
            _values=dict(values),
            given=dict(given),
            active=active,
            enforced=enforced,
            adjustments=adjustments,
            source=source,
        )

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        # Underscored names are Python's own questions (copy, pickle) before there are values.
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"No parameter {name!r} in this configuration.")
        return self._values[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A configuration is read-only; resolve a new one to set {name!r}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def acts(self, name: str) -> bool:
        """Whether a value chosen for a parameter counts: it is active, and no rule sets it."""
        return name in self.active and name not in self.enforced

    @cached_property
    def digest(self) -> str:
        """12 characters that equal configurations share, and others do not."""
        text = json.dumps(self._values, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """The values as a plain dictionary."""
        return dict(self._values)


RESERVED = frozenset(name for name in dir(Config) if not name.startswith("_")) | {
    "given",
    "active",
    "enforced",
    "adjustments",
    "source",
    "rules",
}
"""Names that mean something else on a configuration, so that no parameter may have them."""
