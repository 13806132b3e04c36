"""Plan: what is known of a script, as plain data; in YAML it is what `homeostat adopt` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeostat.errors import ConfigError, HomeostatError, did_you_mean
from homeostat.script.options.option import Option
from homeostat.space.yaml_file import read
from homeostat.workload.command_file import space_of

KEYS = (
    *("script", "arguments", "description", "space", "metric", "goal", "budget", "unit"),
    *("seed", "length", "whole_length", "steps_by", "loss_name", "ignored", "options", "remarks"),
    *(
        "levels",
        "timeout",
        "start_s",
        "step_s",
        "batches",
        "batch",
        "imports",
        "asked",
        "ends",
        "first",
    ),
)


@dataclass(frozen=True, kw_only=True)
class ScriptPlan:
    """How a script is tuned."""

    path: Path
    """The script."""
    arguments: tuple[str, ...] = ()
    """What the user gave it; it stays as it is."""
    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameter -> its range as it stands in YAML."""
    options: tuple[Option, ...] = ()
    """How each parameter, the seed and the length are written."""
    metric: str
    goal: str
    budget: int
    """How many steps a whole run makes."""
    unit: str = "step"
    seed: str = ""
    """The option that gets the trial's seed."""
    length: str = ""
    """The option that says how long to train."""
    whole_length: int | float = 0
    """Its value in a whole run."""
    first: int = 0
    """After how many steps the metric was said for the first time: no run is given less."""
    ends: bool = False
    """Whether it was seen to come to its own end, and may be left to."""
    batches: int = 0
    """How many batches a pass over the data has, where a data loader says it and the length counts
    passes: then a step is one of the default's, whatever else makes more or fewer of them."""
    batch: str = ""
    """The option that sizes a batch, where no loader says how many there are."""
    imports: tuple[str, ...] = ()
    """Installed modules that it imports at its beginning."""
    steps_by: str = "optimizer"
    loss_name: str = "train_loss"
    ignored: tuple[str, ...] = ()
    levels: int = 0
    """How far up ("../data") it looks for files."""
    start_s: float = 0.0
    step_s: float = 0.0
    remarks: tuple[str, ...] = ()
    """What was assumed where nothing was said."""
    asked: str = ""
    """What the user set with --metric and --goal, as it was typed."""
    file: Path | None = None
    """The YAML file it was read from."""

    def to_json(self) -> dict[str, Any]:
        """Everything but where it was read from."""
        return {
            "script": str(self.path),
            "arguments": list(self.arguments),
            "metric": self.metric,
            "goal": str(self.goal),  # text alone, also where it is a member of an enumeration
            "budget": self.budget,
            "unit": self.unit,
            "seed": self.seed,
            "length": self.length,
            "whole_length": self.whole_length,
            "space": {name: dict(entry) for name, entry in self.space.items()},
            "options": [option.to_json() for option in self.options],
            "first": self.first,
            "ends": self.ends,
            "batches": self.batches,
            "batch": self.batch,
            "imports": list(self.imports),
            "steps_by": self.steps_by,
            "loss_name": self.loss_name,
            "ignored": list(self.ignored),
            "levels": self.levels,
            "start_s": self.start_s,
            "step_s": self.step_s,
            "remarks": list(self.remarks),
            "asked": self.asked,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], file: Path | None = None) -> ScriptPlan:
        """Undo `to_json`; a script's relative path is beside the file it was read from."""
        base = file.parent if file is not None else Path()
        plain = dict(content)
        plain.pop("description", None)
        plain.pop("timeout", None)
        path = base / str(plain.pop("script"))
        options = tuple(Option.from_json(option) for option in plain.pop("options", ()))
        for name in ("arguments", "ignored", "remarks", "imports"):
            plain[name] = tuple(str(word) for word in plain.get(name) or ())
        return cls(path=path.resolve(), options=options, file=file, **plain)


def load_plan(path: Path) -> ScriptPlan:
    """A plan as `homeostat adopt` wrote it, and somebody may have edited it.

    Raises:
        ConfigError: With the file's name and what is wrong in it.
    """
    content = read(path)
    for key in content:
        if key not in KEYS:
            raise ConfigError(
                f"{path.name}: no key {key!r} here.", hint=did_you_mean(str(key), KEYS)
            )
    for key in ("script", "metric", "goal", "budget", "space"):
        if not content.get(key):
            raise ConfigError(f"{path.name}: the key {key!r} is missing.")
    try:
        plan = ScriptPlan.from_json(content, path.resolve())
        space_of(plan.space)
    except HomeostatError as error:
        raise ConfigError(f"{path.name}: {error.message}", hint=error.hint) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path.name}: {error}.") from None
    known = {option.name for option in plan.options}
    for name in plan.space:
        if name not in known:
            raise ConfigError(
                f"{path.name}: nothing says how {name!r} is written on the command line.",
                hint=f"Add it to options:  - {{name: {name}, flag: --{name}, kind: float}}",
            )
    return plan
