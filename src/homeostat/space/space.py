"""Space: every parameter of a workload, and the rules between them."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from homeostat.errors import SpaceError, UnknownNameError, did_you_mean
from homeostat.space import conditions
from homeostat.space.config import RESERVED, Config
from homeostat.space.parameters import (
    AnyParameter,
    Bool,
    Choice,
    Derived,
    Fixed,
    Float,
    Int,
    Parameter,
    Range,
    Text,
    settable,
)
from homeostat.space.resolve import check, resolve
from homeostat.space.rules import Rule, check_no_contradiction
from homeostat.space.sheet import Sheet
from homeostat.space.topological import dependencies, topological


class Space(Mapping[str, AnyParameter]):
    """The parameters of a workload by name, with the rules between them.

    Space(lr=Float(1e-5, 1e-1, log=True), act=Choice(["relu", "tanh"]))

    Everything that can be wrong with a space is found when it is built: conditions and rules on
    parameters that do not exist, circles, rules that contradict each other, formulas that fail on
    the defaults.

    Raises:
        SpaceError: With the parameter's name and what would be right.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(1e-5, 1e-1, log=True), act=hs.Choice(["relu", "tanh"]))
        >>> list(space)
        ['lr', 'act']
    """

    def __init__(self, *, rules: Iterable[Rule] = (), **parameters: AnyParameter) -> None:
        if not parameters:
            raise SpaceError("A space needs at least one parameter.")
        for name, parameter in parameters.items():
            _check_name(name, parameter)
        self._parameters = dict(parameters)
        self.rules = tuple(rules)
        """What must hold when something else does, in the order declared."""
        self.formulas = {n: p for n, p in parameters.items() if isinstance(p, Derived)}
        """The derived parameters."""
        self.defaults = {
            name: p.value if isinstance(p, Fixed) else p.default
            for name, p in parameters.items()
            if not isinstance(p, Derived)
        }
        """The starting value of every parameter that is not derived."""
        self.conditions: dict[str, conditions.When] = {
            n: {} if isinstance(p, Fixed | Derived) else p.when for n, p in parameters.items()
        }
        """When each parameter is active; empty means always."""
        for name, when in self.conditions.items():
            self._check_condition(when, name)
        for rule in self.rules:
            self._check_rule(rule)
        check_no_contradiction(self.rules)
        self.rules_for: dict[str, list[Rule]] = {}
        """The rules that set a parameter, by its name."""
        for rule in self.rules:
            for name in rule.set:
                self.rules_for.setdefault(name, []).append(rule)
        self.order = self._ordered()
        """The parameters, each after all that it depends on."""
        self.resolve()

    def __getitem__(self, name: str) -> AnyParameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"Space({', '.join(f'{name}={p!r}' for name, p in self.items())})"

    def resolve(
        self,
        overrides: Mapping[str, Any] | None = None,
        *,
        source: str = "",
        inherited: Collection[str] = (),
    ) -> Config:
        """Turn some values into a whole configuration: checked, derived, with the rules enforced.

        Each adjustment is recorded as a sentence in `Config.adjustments`. The steps are listed at
        the top of `homeostat.space.resolve`.

        Args:
            overrides: Values by name; the rest take their defaults. A configuration of this space
                resolves to itself.
            source: Where they come from, for the error about an unknown name.
            inherited: Names whose values nobody set directly: a parent configuration or a search
                did. Without effect they are dropped, with a sentence; any other value without
                effect is refused.

        Raises:
            UnknownNameError: If a name is not a parameter; it names the nearest.
            SpaceError: If a value is of the wrong type, out of range, cannot be set, or has no
                effect in this configuration.
        """
        if isinstance(overrides, Config):
            overrides = self._chosen(overrides)
        return resolve(self, overrides or {}, source, inherited)

    def check(self, name: str, value: Any, source: str = "") -> Any:
        """One value in its parameter's own type; errors as `resolve`."""
        return check(self, name, value, source)

    def parse(self, settings: Iterable[str], source: str = "") -> dict[str, Any]:
        """Values from "name=value" texts, as typed on a command line.

        Raises:
            UnknownNameError, SpaceError: As `resolve`, and if a text has no "=".
        """
        values = {}
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals:
                raise SpaceError(f"{setting!r} is not a setting; write name=value.")
            name = name.strip()
            range_ = settable(self[name]) if name in self else None
            values[name] = (
                range_.parse(text.strip(), name) if range_ else check(self, name, text, source)
            )
        return values

    def searched(
        self, *, tiers: Collection[int] | None = None, names: Collection[str] | None = None
    ) -> dict[str, Range]:
        """What a search varies: by default every range that is not `fixed`.

        Args:
            tiers: Only parameters of these tiers.
            names: Exactly these, of any tier; a derived value that can be set may be among them.

        Raises:
            UnknownNameError: If a name is not a parameter.
            SpaceError: If a name cannot be varied, or nothing is left.
        """
        if names is not None:
            return {name: self._variable(name) for name in names}
        found: dict[str, Range] = {
            name: p
            for name, p in self.items()
            if isinstance(p, Float | Int | Choice | Bool)
            and not p.fixed
            and (tiers is None or p.tier in tiers)
        }
        if not found:
            which = f" of tier {', '.join(map(str, sorted(tiers)))}" if tiers else ""
            raise SpaceError(f"There is no parameter{which} to search.")
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row per parameter: name, kind, range, default, tier, when, why and help."""
        defaults = self.resolve()
        return [_row(name, p, defaults[name]) for name, p in self.items()]

    def to_json(self) -> dict[str, Any]:
        """The space as plain data: `rows`, and the rules in words."""
        return {"parameters": self.rows(), "rules": [f"{r.label}: {r.why}." for r in self.rules]}

    def _ordered(self) -> tuple[str, ...]:
        """By conditions and rules first; then also by what the formulas read at the defaults."""
        depends = dependencies(self.conditions, self.rules)
        topological(depends)
        sheet = Sheet(self, {}, rules=False)  # where a rule sets a value, its formula is not read
        for name in self:
            sheet[name]
        for name in self.formulas:
            depends[name] |= dict.fromkeys(other for other in self if other in sheet.reads[name])
        return topological(depends)

    def _chosen(self, config: Config) -> dict[str, Any]:
        """What of a whole configuration was a choice: the rest follows from it again."""
        return {
            name: value
            for name, value in config.items()
            if name in config.given or (name in config.active and isinstance(self[name], Parameter))
        }

    def _variable(self, name: str) -> Range:
        if name not in self:
            raise UnknownNameError(f"No parameter {name!r}.", hint=did_you_mean(name, self))
        range_ = settable(self[name])
        if isinstance(range_, Text):
            raise SpaceError(f"{name} cannot be searched: free text has no range.")
        if range_ is None:
            raise SpaceError(f"{name} cannot be searched: {_reason(self[name])}.")
        if range_.fixed:
            raise SpaceError(f"{name} is not searched: {range_.fixed}.")
        return range_

    def _check_condition(self, when: conditions.When, label: str) -> None:
        conditions.check_names(when, self._parameters, label)
        for name, alternatives in when.items():
            range_ = settable(self[name])
            for value in alternatives:
                if range_ is not None:
                    range_.check(value, f"{label}: its condition on {name}")

    def _check_rule(self, rule: Rule) -> None:
        if not isinstance(rule, Rule):
            raise SpaceError(f"rules= must hold Rule(...), got {rule!r}.")
        self._check_condition(rule.when, rule.label)
        for name, value in rule.set.items():
            try:
                check(self, name, value, rule.label)
            except SpaceError as error:
                raise SpaceError(f"{rule.label}: {error.message}") from None


def _check_name(name: str, parameter: AnyParameter) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise SpaceError(f"{name!r} cannot be a parameter's name; use letters, digits and _.")
    if name in RESERVED:
        raise SpaceError(
            f"{name!r} cannot be a parameter's name: configurations use it themselves."
        )
    if not isinstance(parameter, AnyParameter):
        raise SpaceError(
            f"{name}: expected Float, Int, Choice, Bool, Fixed or Derived, got {parameter!r}."
        )


def _reason(parameter: AnyParameter) -> str:
    return parameter.why if isinstance(parameter, Fixed | Derived) else parameter.fixed


def _row(name: str, parameter: AnyParameter, default: Any) -> dict[str, Any]:
    range_ = settable(parameter)
    return {
        "name": name,
        "kind": parameter.kind,
        "range": range_.range_text if range_ is not None else "",
        "log": isinstance(range_, Float | Int) and range_.log,
        "default": default,
        "tier": parameter.tier if isinstance(parameter, Parameter) else None,
        "when": conditions.sentence(range_.when) if range_ is not None else "",
        "why": _reason(parameter),
        "help": parameter.help,
    }
