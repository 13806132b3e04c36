"""The YAML file of a command workload: its keys, its space, and where its metrics are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.errors import ConfigError, SpaceError, UnknownNameError, did_you_mean
from homeostat.record.schema import Kind
from homeostat.space import Bool, Choice, Fixed, Float, Int, Rule, Space
from homeostat.space.parameters import AnyParameter
from homeostat.space.values import show
from homeostat.space.yaml_file import read

KEYS = (
    *("command", "space", "rules", "metric", "goal", "objectives", "budget", "unit", "metrics"),
    *("name", "description", "bounds", "configs", "env", "cwd", "timeout"),
)
PROVIDED = {
    "seed": "the trial's seed",
    "budget": "how long to train",
    "folder": "the trial's own folder, for metrics and artifacts",
    "here": "the folder of the YAML file",
    "python": "the Python that runs homeostat",
}
"""Placeholders besides the parameters."""
SOURCES = ("jsonl", "csv", "tensorboard", "pattern")
_COMMON = ("tier", "when", "help")
_KINDS: dict[str, tuple[str, ...]] = {
    "float": ("log", "step", "default", "fixed", *_COMMON),
    "int": ("log", "step", "default", "fixed", *_COMMON),
    "choice": ("default", "fixed", *_COMMON),
    "bool": ("fixed", *_COMMON),
    "value": ("why", "help"),
}


@dataclass(frozen=True)
class MetricsSource:
    """Where a command leaves its metrics."""

    kind: str
    """One of SOURCES."""
    place: str
    """A file or folder inside the trial's own, or a regular expression."""
    step: str = "step"
    """The column or key that counts steps."""


@dataclass(frozen=True)
class CommandFile:
    """A command workload as written, checked."""

    path: Path
    command: tuple[str, ...]
    space: Space
    metrics: MetricsSource
    env: Mapping[str, str]
    cwd: str
    timeout_s: float | None
    settings: Mapping[str, Any]
    """What goes to the workload as it is: metric, goal, objectives, budget, unit, bounds, ..."""

    def fill(self, text: str, values: Mapping[str, Any]) -> str:
        """`text` with its placeholders replaced; {{ and }} stand for braces."""
        return _PLACEHOLDER.sub(lambda match: _replacement(match, values), text)

    def arguments(self, values: Mapping[str, Any]) -> list[str]:
        """The command with its values; an option whose value is none or false is left out."""
        found = []
        for part in self.command:
            option = _OPTION.fullmatch(part)
            found += _option(option, values) if option else [self.fill(part, values)]
        return found

    @property
    def uses(self) -> frozenset[str]:
        """The placeholders that occur somewhere."""
        texts = [*self.command, *self.env.values(), self.cwd]
        return frozenset().union(*map(placeholders, texts))


_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


# {--lr}, {--lr=rate} or {--lr rate}: an option with its value, as arguments of its own.
_OPTION = re.compile(r"\{(?P<flag>--?[A-Za-z][\w-]*)(?:(?P<joint>[= ])(?P<name>[A-Za-z_]\w*))?\}")


def placeholders(text: str) -> set[str]:
    """The names in braces in `text`."""
    option = _OPTION.fullmatch(text)
    if option:
        return {_named(option)}
    return {match[1] for match in _PLACEHOLDER.finditer(text) if match[1]}


def _named(option: re.Match[str]) -> str:
    return option["name"] or option["flag"].lstrip("-").replace("-", "_")


def _option(option: re.Match[str], values: Mapping[str, Any]) -> list[str]:
    """The arguments of an option: a flag where its value is true, nothing for false and none."""
    flag, value = option["flag"], values[_named(option)]
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    return [f"{flag}={show(value)}"] if option["joint"] == "=" else [flag, show(value)]


def _replacement(match: re.Match[str], values: Mapping[str, Any]) -> str:
    return show(values[match[1]]) if match[1] else match[0][0]


def load(path: Path) -> CommandFile:
    """Read and check a command workload.

    Raises:
        ConfigError: With the file's name and what is wrong with it.
    """
    content = read(path)
    try:
        _known(content, KEYS, "")
        for key in ("command", "space", "metrics", "budget"):
            if content.get(key) is None:
                raise ConfigError(f"the key {key!r} is missing.")
        _hold(_SETTINGS, content, "")
        file = CommandFile(
            path=path.resolve(),
            command=_command(content["command"]),
            space=_space(content["space"], content.get("rules")),
            metrics=_metrics(content["metrics"]),
            env=_env(content.get("env")),
            cwd=_text(content.get("cwd", "{here}"), "cwd"),
            timeout_s=_seconds(content.get("timeout")),
            settings={k: content[k] for k in _PASSED_ON if content.get(k) is not None},
        )
        _check_placeholders(file)
    except (ConfigError, SpaceError, UnknownNameError) as error:
        raise ConfigError(f"{path.name}: {error.message}", hint=error.hint) from None
    return file


_PASSED_ON = (
    *("name", "description", "metric", "goal", "objectives"),
    *("budget", "unit", "bounds", "configs"),
)


_SETTINGS = Kind(
    "command",
    {},
    {
        "name": str | None, "description": str | None, "metric": str | None, "goal": str | None,
        "objectives": dict[str, str] | None, "unit": str | None,
        "bounds": dict[str, Any] | None, "configs": str | None,
    },
)  # fmt: skip
_OPTIONS = Kind(
    "parameter",
    {},
    {"log": bool, "tier": int, "when": dict[str, Any] | None, "help": str, "why": str},
)
_RULE = Kind("rule", {"when": dict[str, Any], "set": dict[str, Any], "why": str})


def _hold(kind: Kind, content: Mapping[str, Any], where: str) -> None:
    """Refuse a value of another kind than its key has, and a key that is no text."""
    wrong = kind.problem(content)
    if wrong is not None:
        raise ConfigError(f"{where}{wrong[1]}.")
    for value in content.values():
        for key in value if isinstance(value, dict) else ():
            if not isinstance(key, str):
                raise ConfigError(f"{where}the key {key!r} must be text; quote it.")


def _known(content: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in content:
        if key not in keys:
            raise ConfigError(f"{where}no key {key!r} here.", hint=did_you_mean(str(key), keys))


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} must be text, got {value!r}.")
    return value


def _command(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            parts: list[Any] = shlex.split(value)
        except ValueError as error:
            raise ConfigError(f"command: {error}.") from None
    elif isinstance(value, list):
        parts = value
    else:
        raise ConfigError(f"command must be text or a list of arguments, got {value!r}.")
    if not parts or any(isinstance(part, dict | list) for part in parts):
        # An unquoted {lr} alone is a mapping to YAML.
        raise ConfigError('command must be a list of arguments; quote placeholders: "{lr}".')
    return tuple(show(part) for part in parts)


def _space(content: Any, rules: Any) -> Space:
    if not isinstance(content, dict) or not content:
        raise ConfigError("space must be names with ranges, such as lr: {float: [1e-5, 0.1]}.")
    for name in content:
        if not isinstance(name, str):
            raise ConfigError(f"a parameter's name must be text, got {name!r}; quote it.")
        if name in PROVIDED:
            raise ConfigError(f"{name!r} cannot be a parameter's name: it is {PROVIDED[name]}.")
    return space_of(content, rules)


def space_of(content: Mapping[str, Any], rules: Any = None) -> Space:
    """A space as it stands in YAML: {"lr": {"float": [1e-5, 0.1], "log": True}}.

    Raises:
        ConfigError, SpaceError: With the parameter's name and what is wrong.
    """
    if rules is not None and not isinstance(rules, list):
        raise ConfigError(f"rules must be a list, each with when, set and why, got {rules!r}.")
    parameters = {name: _parameter(name, entry) for name, entry in content.items()}
    return Space(**parameters, rules=[_rule(rule) for rule in rules or ()])


def _parameter(name: str, entry: Any) -> AnyParameter:
    kinds = [kind for kind in _KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1:
        raise ConfigError(
            f"{name}: expected one of float, int, choice, bool or value, such as "
            f"{name}: {{float: [0, 1]}}."
        )
    kind = kinds[0]
    options = {key: value for key, value in entry.items() if key != kind}
    _known(options, _KINDS[kind], f"{name}: ")
    _hold(_OPTIONS, options, f"{name}: ")
    if kind in ("float", "int") and not (isinstance(entry[kind], list) and len(entry[kind]) == 2):
        raise ConfigError(f"{name}: {kind} must be [low, high], got {show(entry[kind])}.")
    if kind == "value" and "why" not in options:
        raise ConfigError(f"{name}: say why its value is settled (why: ...).")
    try:
        return _MAKE[kind](entry[kind], options)
    except SpaceError as error:
        raise ConfigError(f"{name}: {error.message}", hint=error.hint) from None


_MAKE: dict[str, Callable[[Any, dict[str, Any]], AnyParameter]] = {
    "float": lambda ends, options: Float(*ends, **options),
    "int": lambda ends, options: Int(*ends, **options),
    "choice": lambda choices, options: Choice(choices, **options),
    "bool": lambda default, options: Bool(default, **options),
    "value": lambda value, options: Fixed(value, **options),
}


def _rule(content: Any) -> Rule:
    if not isinstance(content, dict) or set(content) != {"when", "set", "why"}:
        raise ConfigError("each of the rules must have the keys when, set and why.")
    _hold(_RULE, content, "rules: ")
    return Rule(**content)


def _metrics(content: Any) -> MetricsSource:
    kinds = [kind for kind in SOURCES if isinstance(content, dict) and kind in content]
    if len(kinds) != 1:
        raise ConfigError(f"metrics must have one of {', '.join(SOURCES)}.")
    kind = kinds[0]
    _known(content, (kind, "step"), "metrics: ")
    place = _text(content[kind], f"metrics: {kind}")
    source = MetricsSource(kind, place, _text(content.get("step", "step"), "metrics: step"))
    if kind == "pattern":
        _check_pattern(source)
    else:
        _check_place(source)
    return source


def _check_pattern(source: MetricsSource) -> None:
    try:
        groups = re.compile(source.place).groupindex.keys()
    except re.error as error:
        raise ConfigError(f"metrics: the pattern is not a regular expression: {error}.") from None
    if not groups - {source.step}:
        raise ConfigError(
            "metrics: the pattern names no metric.",
            hint=r"Write a group for each, such as loss (?P<val_loss>\S+)",
        )


def _check_place(source: MetricsSource) -> None:
    # Several trials run at once, so a place that is not the trial's own would be shared.
    place = Path(source.place.removeprefix("{folder}/"))
    if place.is_absolute() or ".." in place.parts or placeholders(str(place)):
        raise ConfigError(
            f"metrics: {source.place!r} is outside of the trial's folder, where several trials "
            "would mix.",
            hint='Give the command "{folder}" and let it write there.',
        )


def _env(content: Any) -> dict[str, str]:
    if content is None:
        return {}
    if not isinstance(content, dict) or any(isinstance(v, dict | list) for v in content.values()):
        raise ConfigError('env must be names with values; quote placeholders: "{lr}".')
    return {name: show(value) for name, value in content.items()}


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"timeout must be seconds above 0, got {value!r}.")
    return float(value)


def _check_placeholders(file: CommandFile) -> None:
    known = [*file.space, *PROVIDED]
    for part in file.command:
        if re.search(r"\{--?[A-Za-z]", part) and not _OPTION.fullmatch(part):
            raise ConfigError(
                f"{part!r}: an option in braces must be an argument of its own.",
                hint='Write "{--lr}", "{--lr=rate}" or, quoted as one, "{--lr rate}".',
            )
    for name in sorted(file.uses):
        if name not in known:
            raise ConfigError(
                f"the command uses {{{name}}}, which is not a parameter; for a brace, double it.",
                hint=did_you_mean(name, known),
            )
    for name in file.space:
        if name not in file.uses:
            raise ConfigError(
                f"the command never uses the parameter {name!r}, so setting it would do nothing.",
                hint=f'Put "{{{name}}}" where its value belongs.',
            )
