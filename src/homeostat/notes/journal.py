"""The running log on disk: entries are appended, read back, and compared with those before."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import DataError, RecordError
from homeostat.logs import Log, LoggedRun, read_log
from homeostat.logs.encoding import decode
from homeostat.notes.classify import CurveBehaviour, Rows, across, classify
from homeostat.notes.entry import FIRST_ROWS, Entry, Span, render
from homeostat.notes.markdown import behaviour_of, parse
from homeostat.record.files import write_bytes
from homeostat.record.outcome import Outcome
from homeostat.wording import plural

if TYPE_CHECKING:
    from homeostat.record.runs import RunRecord

RATE_NAMES = ("learning_rate", "lr", "initial_lr", "base_lr", "peak_lr")
MOST_METRICS = 8
MOST_SETTINGS = 8

HEADER = """# Training runs

One entry a run: what was trained, how it went, what to do next. New runs are appended.
"""


def read(path: str | Path) -> list[Entry]:
    """The entries of a log; none when there is no file yet.

    Raises:
        RecordError: If the file is there and cannot be read.
    """
    return parse(_text(Path(path)))


def add_run(path: str | Path, record: RunRecord, *, remark: str = "") -> Entry:
    """Append an entry for a recorded run; returns it.

    Args:
        path: The log; it is created if there is none.
        record: The run, over one seed or several.
        remark: A remark to keep with the date.
    """
    curves = {seed: dict(c.rows) for seed, c in record.curves().items()}
    behaviour = _behaviour(record, curves)
    rate = next((float(record.config[n]) for n in RATE_NAMES if _is_rate(record.config, n)), None)
    entry = Entry(
        number=_next_number(path),
        title=f"{record.workload} ({record.name})",
        context=_context(
            str(record.facts.get("started", ""))[:10],
            plural(len(record.seeds), "seed"),
            remark,
        ),
        learning_rate=rate,
        schedule=_schedule(record.config, curves, record.unit),
        optimizer=str(record.config.get("optimizer", "")),
        settings=_settings(record),
        metrics=_first_rows(curves),
        unit=record.unit,
        behaviour=(*_outcome_lines(record), *_lines(behaviour)),
    )
    return _append(Path(path), entry, behaviour)


def add_entries(path: str | Path, text: str) -> list[Entry]:
    """Append the entries of another log in this form, numbered on from ours."""
    path = Path(path)
    ours = _text(path)
    number = _next_number(path)
    added = [replace(entry, number=number + i) for i, entry in enumerate(parse(text))]
    if added:
        _write(path, ours, added)
    return added


def add_log(path: str | Path, log: str | Path | Log, **details: Any) -> Entry:
    """Append the entries of `add_log_runs`; returns the last."""
    return add_log_runs(path, log, **details)[-1]


def add_log_runs(
    path: str | Path,
    log: str | Path | Log,
    *,
    title: str = "",
    date: datetime.date | None = None,
    learning_rate: float | None = None,
    optimizer: str = "",
    remark: str = "",
) -> list[Entry]:
    """Append an entry for each run in a log of another tool, or in a log in our own form.

    Args:
        path: Our log; it is created if there is none.
        log: The file (or TensorBoard folder) to read, or what `read_log` made of it.
        title: Of the entries; the file's name unless given.
        date: Of the runs; today unless given.
        learning_rate: If the log does not say.
        optimizer: Its name, if known.
        remark: A remark to keep with the date.

    Raises:
        DataError: If no metric can be read in it.
        RecordError: If our log cannot be read or written.
    """
    source = "" if isinstance(log, Log) else Path(log).name
    if not isinstance(log, Log) and Path(log).is_file():
        added = add_entries(path, _ours(Path(log)))
        if added:
            return added
    log = log if isinstance(log, Log) else read_log(log)
    if not log.runs:
        raise DataError("The log holds no run.", hint="read_log says why it read none.")
    entries = []
    for i, run in enumerate(log.runs):
        rate, schedule = _logged_rate(run, learning_rate)
        behaviour = classify(run.rows, run.unit)
        entry = Entry(
            number=_next_number(path),
            title=_title(title or source or "given log", run, i if len(log.runs) > 1 else None),
            context=_context(
                (date or datetime.date.today()).isoformat(),
                f"{log.kind} log" + (f" `{source}`" if source else ""),
                remark,
                *(log.skipped.sentences() if i == 0 else ()),
            ),
            learning_rate=rate,
            schedule=schedule,
            optimizer=optimizer,
            settings=tuple(f"`{k} = {v:.6g}`" for k, v in run.settings.items() if not _rates(k)),
            metrics=_first_rows({0: run.rows}),
            unit=run.unit,
            behaviour=_lines(behaviour),
        )
        entries.append(_append(Path(path), entry, behaviour))
    return entries


def _title(title: str, run: LoggedRun, number: int | None) -> str:
    """The title of one of several runs says which."""
    if run.name:
        return f"{title}, {run.name}"
    return title if number is None else f"{title}, run {number + 1}"


def _rates(name: str) -> bool:
    return name.lower().replace(" ", "_").replace("-", "_") in RATE_NAMES


def _ours(path: Path) -> str:
    """The text of a file that may be a log in our own form."""
    try:
        return decode(path.read_bytes())[0]
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error


def _append(path: Path, entry: Entry, behaviour: CurveBehaviour) -> Entry:
    """Write the entry, judged beside those before it, at the end of the file (by rename)."""
    text = _text(path)
    before = [(e.learning_rate, behaviour_of(e)) for e in parse(text)]
    together = across([*before, (entry.learning_rate, behaviour)])
    assessment, next_steps = _advice(behaviour, together)
    entry = replace(entry, assessment=assessment, next_steps=next_steps)
    _write(path, text, [entry])
    return entry


def _write(path: Path, before: str, entries: Sequence[Entry]) -> None:
    blocks = [(before or HEADER).rstrip(), *(render(entry).rstrip() for entry in entries)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"Cannot write {path}: {error.strerror}.") from error
    write_bytes(path, ("\n\n---\n\n".join(blocks) + "\n").encode())


def _advice(
    behaviour: CurveBehaviour, together: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the run says, and what to type next."""
    if together:
        return (
            (f"{together[0].upper()}{together[1:]}: not a step-size problem.",),
            ("Stop tuning the rate; find the first tensor that fails: `homeostat diagnose`.",),
        )
    advice = {
        "nan": (
            "One rate cannot tell a step that is too large from a singular gradient.",
            "Find out before tuning: `homeostat diagnose`.",
        ),
        "diverged": (
            "The loss grows: the step is too large, or the loss has the wrong sign.",
            "`homeostat diagnose`, then a lower rate or warm-up.",
        ),
        "overfitting": (
            "It learns the training data and loses the others.",
            "Stop earlier, regularise, or get more data.",
        ),
        "flat": ("Nothing is learnt.", "`homeostat probe`: is every parameter trained?"),
        "improving": ("Not finished.", "More steps before anything else is judged."),
        "levelled": ("It has converged.", "`homeostat search`, if it should be better."),
    }
    said, then = advice.get(behaviour.kind, ("Too little to say.", "Record more of it."))
    return (said,), (then,)


def assess(entries: Sequence[Entry]) -> str | None:
    """What the entries of a log say together about the learning rate, if anything."""
    return across([(entry.learning_rate, behaviour_of(entry)) for entry in entries])


def _settings(record: RunRecord) -> tuple[str, ...]:
    """What was set, the named configuration first; a long list is left to the run's own record."""
    source = record.facts.get("source")
    shown = [name for name in record.given if name not in (*RATE_NAMES, "optimizer", "schedule")]
    lines = [f"Configuration `{source}`."] if source else []
    lines += [f"`{name} = {record.given[name]}`" for name in shown[:MOST_SETTINGS]]
    if len(shown) > MOST_SETTINGS:
        lines.append(f"and {len(shown) - MOST_SETTINGS} more, in `{record.folder.name}/run.json`.")
    return (*lines, *record.adjustments)


def _behaviour(
    record: RunRecord, curves: Mapping[int, Mapping[int, Mapping[str, float]]]
) -> CurveBehaviour:
    """The class of the worst seed."""
    classes = [classify(rows, record.unit) for rows in curves.values() if rows]
    order = ("nan", "diverged", "flat", "overfitting", "unclear", "improving", "levelled")
    worst = min(classes, key=lambda b: order.index(b.kind), default=None)
    return worst or CurveBehaviour("unclear", "no report")


def _outcome_lines(record: RunRecord) -> tuple[str, ...]:
    lines = [
        f"Seed {a.seed}: {a.outcome.value}" + (f", {a.reason}" if a.reason else "") + "."
        for a in record.attempts
        if a.outcome is not Outcome.COMPLETED
    ]
    if record.values():
        spread = "" if math.isnan(record.sd) else f" ± {record.sd:.3g}"
        lines.append(f"`{record.metric}` at the end: {record.mean:.4g}{spread}.")
    return tuple(lines)


def _lines(behaviour: CurveBehaviour) -> tuple[str, ...]:
    text = behaviour.text
    if "_" in text.split()[0]:  # a metric's own name
        return (f"{text}.",)
    return (f"{text[0].upper()}{text[1:]}.",)


def _first_rows(
    curves: Mapping[int, Rows],
) -> dict[float, dict[str, Span]]:
    """The first few rows, each metric as a span over the seeds; losses first, then the rest."""
    steps = sorted({at for rows in curves.values() for at in rows})[:FIRST_ROWS]
    found: dict[float, dict[str, Span]] = {}
    for at in steps:
        values: dict[str, list[float]] = {}
        for rows in curves.values():
            for name, value in rows.get(at, {}).items():
                values.setdefault(name, []).append(value)
        names = sorted(values, key=lambda name: "loss" not in name.lower())[:MOST_METRICS]
        found[at] = {name: _span(values[name]) for name in names}
    return found


def _span(values: list[float]) -> Span:
    finite = [value for value in values if not math.isnan(value)]
    return (min(finite), max(finite)) if len(finite) == len(values) else (math.nan, math.nan)


def _schedule(
    config: Mapping[str, Any], curves: Mapping[int, Mapping[int, Mapping[str, float]]], unit: str
) -> tuple[str, ...]:
    lines = [f"Schedule `{config['schedule']}`."] if config.get("schedule") else []
    for rows in curves.values():
        logged = [(at, row[n]) for at, row in rows.items() for n in RATE_NAMES if n in row]
        if len(logged) > 1 and logged[0][1] != logged[-1][1]:
            (first, a), (last, b) = logged[0], logged[-1]
            lines.append(f"Logged at {unit} {first}: `{a:.4g}`; at {unit} {last}: `{b:.4g}`.")
        break
    return tuple(lines)


def _logged_rate(run: LoggedRun, given: float | None) -> tuple[float | None, tuple[str, ...]]:
    """The rate that was set, if the log says so, and what it logged of it."""
    name = next((n for row in run.rows.values() for n in row if _rates(n)), None)
    setting = next((value for n, value in run.settings.items() if _rates(n)), None)
    logged = [(at, row[name]) for at, row in run.rows.items() if name in row] if name else []
    rate = given if given is not None else setting
    if not logged:
        return rate, ()
    at, first = logged[0]
    if rate is None:
        rate = first
    line = f"Logged `{name}` at {run.unit} {at}: `≈ {first:.4g}`."
    return rate, (line,) if first != rate or logged[-1][1] != first else ()


def _is_rate(config: Mapping[str, Any], name: str) -> bool:
    value = config.get(name)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _context(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _next_number(path: str | Path) -> int:
    return max((entry.number for entry in read(path)), default=0) + 1


def _text(path: Path) -> str:
    if not path.exists():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"Cannot read the notes in {path}: {error}.") from error
