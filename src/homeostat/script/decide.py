"""Decide: from what a survey saw to a plan, and what was assumed on the way."""

from __future__ import annotations

import dataclasses
import keyword
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.errors import WorkloadError, did_you_mean
from homeostat.script import objective
from homeostat.script.objective import Series
from homeostat.script.options.option import Option
from homeostat.script.plan import ScriptPlan
from homeostat.script.ranges import is_measure, is_named, range_of
from homeostat.script.roles import KNOB, LENGTH, SEED, counts_epochs, counts_rounds, role
from homeostat.script.source import Source
from homeostat.script.survey import Survey
from homeostat.script.words import snake
from homeostat.space.config import RESERVED
from homeostat.wording import plural, some
from homeostat.workload.goal import Goal

MANY = 40
"""Of a parser with more options only those are knobs whose names say what they are."""
FEW_STEPS = 2
_BATCH = re.compile(r"^(train_)?(mini_?)?(bs|bsz|batch_?size|batch)$")


@dataclass(frozen=True)
class Sorted:
    """Options by what they are for."""

    roles: dict[str, list[Option]]

    def of(self, name: str) -> list[Option]:
        return self.roles.get(name, [])


def decide(
    path: Path,
    arguments: Sequence[str],
    source: Source,
    facts: Survey,
    wanted: str = "",
    direction: str = "",
) -> ScriptPlan:
    """The plan for a script.

    Args:
        wanted: The metric that the user asks for.
        direction: Whether it is to be minimized or maximized.

    Raises:
        WorkloadError: If nothing can be tuned: it failed, never trained, or said no number.
    """
    _check(path, arguments, facts)
    options = _options(source, facts, arguments)
    by_role = _sorted(options, facts)
    ranges: dict[str, dict[str, Any]] = {}
    for option in by_role.of(KNOB):
        known = range_of(option)
        if known is not None:
            entry, what = known
            ranges[option.name] = {**entry, "help": f"{option.flag}: {what}"}
    metric, goal, notes = (
        _asked_for(path, facts, wanted, direction) if wanted else _objective(path, facts)
    )
    steps_by = _steps_by(facts)
    length = _length(by_role.of(LENGTH)) or _rounds(by_role.of(KNOB), facts, steps_by)
    if length is not None:
        ranges.pop(length.name, None)
    budget, whole = _budget(facts, steps_by, length)
    seed = next(iter(by_role.of(SEED)), None)
    used = [o for o in options if o.name in ranges or o in (seed, length)]
    # Where passes over the data are its length, a larger batch makes fewer steps of the same run.
    counts = length is not None and counts_epochs(length) and steps_by != "said"
    said = {snake(series.name) for series in facts.series}
    return ScriptPlan(
        path=path,
        arguments=tuple(arguments),
        space=ranges,
        options=tuple(used),
        metric=metric,
        goal=goal,
        budget=budget,
        seed=seed.name if seed is not None else "",
        length=length.name if length is not None else "",
        whole_length=length.default if length is not None else 0,
        steps_by=steps_by,
        first=_first(facts, metric),
        ends=facts.ended,
        batches=facts.batches if counts else 0,
        batch=_batch(options) if counts and not facts.batches else "",
        imports=source.installed,
        loss_name="step_loss" if "train_loss" in said else "train_loss",
        ignored=tuple(sorted(_ignored(facts, metric))),
        levels=levels(source, arguments),
        asked=" ".join(
            [
                *(["--metric", wanted] if wanted else []),
                *(["--goal", direction] if direction else []),
            ]
        ),
        start_s=round(facts.start_s, 3),
        step_s=round(facts.train_s / max(1, _count(facts, steps_by)), 6),
        remarks=(*notes, *_remarks(facts, by_role, ranges, seed, length, whole, budget)),
    )


def _check(path: Path, arguments: Sequence[str], facts: Survey) -> None:
    name = path.name
    if facts.error and not facts.steps:
        hint = f"Run it by hand first:  python {name}"
        if "ModuleNotFoundError" in facts.error:
            hint = "Install that package beside homeostat, then run it again."
        elif "display" in facts.error.lower():
            hint = "It opens a window, where there is none: leave it out by an option (after --)."
        raise WorkloadError(f"{facts.error}.", hint=hint)
    if facts.series or facts.steps or facts.backward_passes:
        return
    if facts.started_processes:
        raise WorkloadError(
            f"{name} starts other processes and trains there, where it cannot be looked into.",
            hint="Name the script that trains, or describe the command in YAML:  "
            "homeostat init my_project --kind command",
        )
    how = "ended" if facts.ended else "went on for a while"
    raise WorkloadError(
        f"{name} {how}, but it never trained: no optimiser stepped, no loss was differentiated, "
        "and it printed no named number.",
        hint='Let it print one, as print(f"val_loss: {loss}"), or call hs.report(val_loss=loss).',
    )


def _options(source: Source, facts: Survey, arguments: Sequence[str]) -> list[Option]:
    """The options of its parser, or its constants; with names that a parameter may have."""
    if facts.kind:
        options = [
            dataclasses.replace(o, read=any(source.reads(part) for part in o.name.split(".")))
            for o in facts.options
        ]
    else:
        options = list(_constants(source, facts, arguments))
    unique: dict[str, Option] = {}
    for option in options:
        option = dataclasses.replace(option, name=_parameter_name(option.name))
        unique.setdefault(option.name, option)
    return list(unique.values())


def _constants(source: Source, facts: Survey, arguments: Sequence[str]) -> Iterator[Option]:
    """Constants, by --name=value where the script itself reads these from its command line."""
    typed = source.sets_globals
    given = {word.partition("=")[0].lstrip("-") for word in arguments if word[:1] == "-"}
    for option in source.constants():
        if typed and option.name in facts.settings:
            yield dataclasses.replace(
                option,
                flag=f"--{option.name}",
                written="equals",
                default=facts.settings[option.name],
                given=option.name in given,
            )
        elif not typed and option.kind == "int" and is_measure(option):
            yield dataclasses.replace(option, kind="float", default=float(option.default))
        elif not typed:
            yield option


def _parameter_name(name: str) -> str:
    plain = "".join(c if c.isalnum() or c == "_" else "_" for c in name).strip("_") or "option"
    plain = f"_{plain}" if plain[0].isdigit() else plain
    return f"{plain}_" if plain in RESERVED or keyword.iskeyword(plain) else plain


def _sorted(options: list[Option], facts: Survey) -> Sorted:
    roles: dict[str, list[Option]] = {}
    many = len(options) > MANY
    for option in options:
        word = role(option)
        constant = option.written == "constant" or not facts.kind
        if word == KNOB and (many or constant) and option.kind in ("int", "float"):
            word = KNOB if is_named(option) else "other"
        if word == KNOB and many and option.kind in ("bool", "choice"):
            word = "other"
        if word == KNOB and range_of(option) is None:
            word = "unset"
        roles.setdefault(word, []).append(option)
    return Sorted(roles)


def _steps_by(facts: Survey) -> str:
    if facts.steps:
        return "optimizer"
    return "backward" if facts.backward_passes > FEW_STEPS else "said"


def _count(facts: Survey, steps_by: str) -> int:
    if steps_by == "optimizer":
        return facts.steps
    if steps_by == "backward":
        return facts.backward_passes
    return max((len(s.points) for s in facts.series), default=1)


def _length(options: list[Option]) -> Option | None:
    """The option that says how long to train: epochs before steps."""
    return min(options, key=lambda o: not counts_epochs(o), default=None)


def _rounds(options: Sequence[Option], facts: Survey, steps_by: str) -> Option | None:
    """Rounds of boosting and the like: the option whose default is how many steps there were."""
    count = _count(facts, steps_by) if facts.ended else 0
    return next((o for o in options if counts_rounds(o) and o.default == count), None)


def _first(facts: Survey, metric: str) -> int:
    """After how many steps a metric is said for the first time; 0 if it always is."""
    said = (step for s in facts.series if s.name == metric for step, _ in s.points if step)
    return min(said, default=0)


def _batch(options: Sequence[Option]) -> str:
    """The option that sizes a batch of training."""
    named = (o for o in options if role(o) == KNOB and _BATCH.match(snake(o.word)))
    return next((o.name for o in named if o.kind == "int" and o.default), "")


def _budget(facts: Survey, steps_by: str, length: Option | None) -> tuple[int, bool]:
    """How many steps a whole run makes, and whether that was counted or estimated."""
    count = max(1, _count(facts, steps_by))
    if facts.ended:
        return count, True
    if length is not None and steps_by != "said":
        if not counts_epochs(length) and length.default >= count:
            return int(length.default), True
        if counts_epochs(length) and facts.batches:
            return max(count, math.ceil(length.default * facts.batches)), False
    if length is not None and steps_by == "said":
        return max(count, int(length.default)), False
    return count, False


def _objective(path: Path, facts: Survey) -> tuple[str, str, list[str]]:
    """The metric, its direction, and a sentence on where it comes from."""
    late = [s for s in facts.series if s.is_late or not facts.steps]
    chosen = objective.choose(late)
    loss = facts.steps or facts.backward_passes
    held_out = chosen is not None and (
        objective.is_held_out(chosen.name) or chosen.by == "hs.report"
    )
    if chosen is not None and (held_out or not loss):
        goal = objective.goal_of(chosen.name)
        assert goal is not None
        where = f"{path.name}:{chosen.line}" if chosen.line else chosen.by
        return chosen.name, goal, [f"{goal.capitalize()} {chosen.name}, said at {where}."]
    if chosen is not None:
        goal = objective.goal_of(chosen.name)
        assert goal is not None
        return chosen.name, goal, [_no_held_out(facts, chosen, goal, path)]
    if loss:
        return "train_loss", "minimize", [
            "Minimize train_loss, the loss that each backward pass starts from: it says no other "
            f"number{_until(facts)}. A held-out one would be better: print it, or call "
            "hs.report(val_loss=...)."
        ]  # fmt: skip
    names = ", ".join(sorted({s.name for s in facts.series})[:8])
    raise WorkloadError(
        f"{path.name} says {names}, and none of these is named as something to improve.",
        hint=f"Choose one:  homeostat probe {path.name} --metric {facts.series[0].name} "
        "--goal minimize",
    )


def _asked_for(
    path: Path, facts: Survey, wanted: str, direction: str
) -> tuple[str, str, list[str]]:
    """The metric that the user asked for, and its direction."""
    names = sorted({s.name for s in facts.series if s.is_late or not facts.steps})
    if facts.steps or facts.backward_passes:
        names.append("train_loss")
    if wanted not in names:
        raise WorkloadError(
            f"{path.name} says no {wanted!r}{_until(facts)}; it says {some(names)}.",
            hint=did_you_mean(wanted, names),
        )
    named = direction or objective.goal_of(wanted)
    if not named:
        raise WorkloadError(
            f"Whether a high {wanted} is good or bad, its name does not tell.",
            hint="Add:  --goal minimize  or  --goal maximize",
        )
    goal = Goal.of(named, wanted)
    return wanted, str(goal), [f"{goal.capitalize()} {wanted}, as asked."]


def _no_held_out(facts: Survey, chosen: Series, goal: str, path: Path) -> str:
    where = f"{path.name}:{chosen.line}" if chosen.line else chosen.by
    return (
        f"{goal.capitalize()} {chosen.name}, said at {where}: no number of held-out data was said"
        f"{_until(facts)}. What is best for training may not be best for anything else."
    )


def _until(facts: Survey) -> str:
    return "" if facts.ended else f" within {facts.train_s:.0f} s"


def _ignored(facts: Survey, metric: str) -> Iterator[str]:
    """Numbers that are no results: counters, and what was only said before training."""
    for series in facts.series:
        if series.name != metric and (series.is_counter or (facts.steps and not series.is_late)):
            yield series.name


def _remarks(
    facts: Survey,
    by_role: Sorted,
    ranges: dict[str, Any],
    seed: Option | None,
    length: Option | None,
    whole: bool,
    budget: int,
) -> Iterator[str]:
    knobs = [o for o in by_role.of(KNOB) if o.name in ranges]
    if knobs:
        yield f"Knobs: {some([o.flag for o in knobs])}."
    else:
        yield (
            "No knob was found: no option or constant is a number, a choice or a switch with a "
            "default that may be varied."
        )
    if seed is not None:
        yield f"{seed.flag} gets the trial's seed."
    elif facts.seeds:
        yield (
            f"It seeds itself with {some([str(s) for s in facts.seeds])}, which stays so for seed "
            "42 and is moved on by as much as a trial's seed is above that."
        )
    if length is not None:
        count = "takes" if whole else "takes about"
        yield f"{length.flag} is its length: {length.default} {count} {plural(budget, 'step')}."
        sizes = [o for o in knobs if o.name == _batch(knobs)] if counts_epochs(length) else []
        for size in sizes:
            yield (
                f"Steps are those of {size.flag} {size.default}: where it is twice as large, each "
                "counts for two."
            )
    elif not facts.ended:
        verb = "counts" if budget == 1 else "count"
        yield (
            f"It did not end within {facts.train_s:.0f} s and has no option for its length: "
            f"{plural(budget, 'step')} {verb} as a whole run (--steps sets another length)."
        )
    left = [o.flag for word in ("data", "device", "output", "reporting", "text", "other")
            for o in by_role.of(word)]  # fmt: skip
    unset = [o.flag for o in by_role.of("unset")]
    if left:
        yield f"Left as they are: {some(left)}."
    if unset:
        yield f"No default to search around: {some(unset)}; give one after -- or in adopt's file."
    if facts.outside:
        yield (
            f"It writes to {some(sorted({Path(p).name for p in facts.outside}))} in your own "
            "folder, by an absolute path: attempts side by side overwrite each other's."
        )


def levels(source: Source, arguments: Sequence[str]) -> int:
    """How far up from its folder a script looks: the most "../" in its texts and arguments."""
    import ast

    texts = [*arguments]
    for tree in source.trees:
        texts += [
            n.value
            for n in ast.walk(tree)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        ]
    most = 0
    for text in texts:
        count, rest = 0, text
        while rest.startswith("../") or rest == "..":
            count, rest = count + 1, rest[3:]
        most = max(most, count)
    return min(most, 4)
