"""Labels: the training targets belong to the training inputs, and are not among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from homeostat.inspect.probe import learners
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.perturb import change_later
from homeostat.inspect.probe.trend import trend
from homeostat.inspect.tracer import data
from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.record.check import Check, Checks, Found

LEAST_ROWS = 40
SIGNAL = 4.0
"""A skill of this many times the spread under chance is signal;"""
NO_SIGNAL = 2.5
"""one below this many times is none."""
CARRIES = 0.4
"""If training rows teach less than this share of what validation rows hold, they are unrelated."""
LEAST_LEAK_ROWS = 16
SAME = 0.99995
"""A column that correlates with the target more than this is the target;"""
NEARLY_SAME = 0.995
"""one above this nearly is, if no other column comes close to it:"""
LEAST_SKILL = 0.1
ROUNDING = 1e-4
"""A relative change of an output below this is rounding."""
OTHERS = 0.9
"""all of them are below this."""


def check(bench: ShortRuns) -> Checks:
    run = bench.anatomy
    found = Found("labels")
    hint = bench.workload.words.in_a_loop
    train, held_out = data.training(run), data.validation(run)
    if train is None or not learners.usable(train.inputs, train.targets):
        yield found.skipped(
            "No table of training inputs with one target per row was seen"
            f"{hint('; show it with trial.watch(train=(inputs, targets))')}."
        )
    elif train.made:
        yield found.skipped(
            "The targets are made by a network (a reward, a value, a pseudo label): they are no "
            "labels of the inputs alone."
        )
    else:
        yield from _leak(train)
        if len(train.inputs) >= LEAST_ROWS:
            yield _signal(found, bench, train, held_out)
        else:
            yield found.skipped(f"Only {len(train.inputs)} training rows were seen.")
    yield from _echo(run)


def _signal(
    found: Found, bench: ShortRuns, train: data.Table, held_out: data.Table | None
) -> Check:
    assert train.targets is not None
    own, chance = learners.signal((train.inputs, train.targets))
    if abs(own) > SIGNAL * chance:
        return found.ok(
            f"Simple models find signal in the training labels (skill {own:.2f}, chance gives "
            f"{chance:.2f})."
        )
    if (
        held_out is not None
        and held_out.targets is not None
        and _same_kind(train, held_out)
        and learners.usable(held_out.inputs, held_out.targets)
        and held_out.inputs.shape[1:] == train.inputs.shape[1:]
        and len(held_out.inputs) >= LEAST_ROWS
    ):
        theirs, luck = learners.signal((held_out.inputs, held_out.targets))
        across, luck_across = learners.signal(
            (train.inputs, train.targets), (held_out.inputs, held_out.targets)
        )
        nothing = abs(own) < NO_SIGNAL * chance
        if (
            nothing
            and abs(theirs) > SIGNAL * luck
            and abs(across) < max(CARRIES * abs(theirs), NO_SIGNAL * luck_across)
        ):
            return found.fault(
                f"The training labels do not belong to their inputs: simple models find a skill of "
                f"{theirs:.2f} in the validation rows, {own:.2f} in {len(train.inputs)} training "
                "rows, and nothing that carries over.",
                "Shuffle inputs and targets with the same permutation.",
                validation=theirs, training=own,
            )  # fmt: skip
    if abs(own) > NO_SIGNAL * chance or _learns(bench):
        return found.ok("Simple models find little in the training labels; the network finds more.")
    if _memorises(bench):
        return found.fault(
            f"The labels have nothing to do with the inputs: simple models find a skill of "
            f"{own:.2f} in {len(train.inputs)} training rows (chance gives {chance:.2f}), and the "
            f"network learns its training rows while {bench.workload.metric} gets no better.",
            "Check that inputs and targets are shuffled, sorted and filtered together.",
            training=own,
        )
    return found.warning(
        f"Neither simple models (skill {own:.2f} in {len(train.inputs)} rows) nor "
        f"{bench.length} of training find a relation between inputs and targets.",
        "Check that inputs and targets are shuffled, sorted and filtered together.",
        training=own,
    )


def _same_kind(train: data.Table, held_out: data.Table) -> bool:
    """Whether both kinds of targets are of one task: declared, or met by one model."""
    declared = train.declared or held_out.declared
    return not held_out.made and (declared or bool(train.models & held_out.models))


def _learns(bench: ShortRuns) -> bool:
    """Whether the network clearly finds something, or its score clearly gets better."""
    if bench.skill is not None:
        return bench.skill.network_skill > max(NO_SIGNAL * bench.skill.chance, LEAST_SKILL)
    return trend(bench.objective).word in ("falls", "unseen")


def _memorises(bench: ShortRuns) -> bool:
    course = trend(bench.losses)
    return len(bench.losses) >= 10 and course.last < 0.8 * course.first


def _leak(train: data.Table) -> Checks:
    """One column of the inputs that is the target."""
    found = Found("target leak")
    assert train.targets is not None
    x = train.inputs.astype(float)
    y = learners.column(train.targets).astype(float)
    one = learners.is_classes(train.targets) or train.targets.reshape(len(x), -1).shape[1] == 1
    if x.shape[1] < 2 or len(x) < LEAST_LEAK_ROWS or not one:
        return
    spread = x.std(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.abs(((x - x.mean(0)) * (y - y.mean())[:, None]).mean(0) / (spread * y.std()))
    alike = np.nan_to_num(alike)
    column = int(np.argmax(alike))
    classes = learners.is_classes(train.targets)
    if classes and len(np.unique(y)) > 2 and _indicators(x, y):
        yield found.fault(
            f"The target is among the inputs: each of its {len(np.unique(y))} classes has a column "
            f"of its own there, in all {len(x)} rows.",
            "Take these columns out of the inputs.",
        )
    elif alike[column] > SAME or (classes and _renamed(x, y)):
        yield found.fault(
            f"Input column {column} is the target: the correlation is {alike[column]:.5f} over "
            f"{len(x)} rows.",
            "Take it out of the inputs.",
            column=column,
        )
    elif alike[column] > NEARLY_SAME and not classes and np.sort(alike)[-2] < OTHERS:
        yield found.warning(
            f"Input column {column} nearly is the target (correlation {alike[column]:.4f} over "
            f"{len(x)} rows).",
            "Check whether it is known before the target is.",
            column=column,
        )


def _indicators(x: Any, y: Any) -> bool:
    """For each class a column that is one value inside it and another outside."""
    for label in np.unique(y):
        inside, outside = x[y == label], x[y != label]
        steady = (np.ptp(inside, axis=0) == 0) & (np.ptp(outside, axis=0) == 0)
        if not (steady & (inside[0] != outside[0])).any():
            return False
    return True


def _renamed(x: Any, y: Any) -> bool:
    """A column with one value for each class, in whatever order."""
    labels = np.unique(y)
    if len(labels) < 3:
        return False
    for column in x.T:
        values = np.unique(column)
        if len(values) == len(labels):
            pairs = np.unique(np.stack([column, y], 1), axis=0)
            if len(pairs) == len(labels):
                return True
    return False


def _echo(run: Recording) -> Checks:
    """A sequence model that is asked for the very tokens it is shown.

    A row of one token over and over equals itself shifted by one: only rows that vary can tell. An
    autoencoder is asked for what it is shown, too: it sees the whole row.
    """
    found = Found("target leak")
    for call in run.calls:
        if not call.learnt_from or not call.inputs or call.inputs[0].is_floating_point():
            continue
        shown = call.inputs[0]
        for pair in call.pairs:
            target = pair.target
            if shown.ndim < 2 or shown.shape[1] < 2 or target.numel() != shown.numel():
                continue
            if bool((shown[:, 1:] == shown[:, :-1]).all()):
                continue
            if bool((target.reshape(-1) == shown.reshape(-1)).all()) and _reads_on_the_spot(call):
                yield found.fault(
                    f"{call.model} is asked for the very tokens it is shown: targets equal inputs "
                    f"at all {shown.numel()} places, and each output sees its own input.",
                    "Shift the targets by one: inputs[:, :-1] against inputs[:, 1:].",
                )
                return


def _reads_on_the_spot(call: Call) -> bool:
    """Whether outputs are told from the inputs up to their own place, as where a next token is
    predicted. A model that sees the whole row and restores it is an autoencoder.
    """
    try:
        call.module.eval()
        earlier = change_later(call, axis=1)
    except Exception:  # whatever the model raises when it is called again
        return False
    return earlier is not None and earlier.moved <= ROUNDING
