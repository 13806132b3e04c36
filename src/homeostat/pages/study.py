"""The report of one tuned study: what was found, the evidence, and what is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.pages import plots
from homeostat.pages.document import Document, check_line, escape
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.record.tested import table_of
from homeostat.search.verdict import StudyVerdict
from homeostat.space import Float, Int
from homeostat.study.ranking import ranked
from homeostat.study.records import TrialRow
from homeostat.version import __version__
from homeostat.wording import plural
from homeostat.workload.workload import Workload

TOP = 5


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """Everything a study's report is written from."""

    workload: Workload
    study: str
    phases: Sequence[Mapping[str, Any]]
    """Results of the plan's phases, as plan.json keeps them."""
    trials: Sequence[TrialRow]
    """Every trial by number, in order."""
    verdict: StudyVerdict | None
    """Which trial won, and how good it is; None for a plan without a search."""
    default_run: RunRecord | None
    """The default configuration on fresh seeds, if it was run on some; else the baseline."""
    winner_run: RunRecord | None
    """The winner on the same seeds, where it is not the default."""
    command: str = ""
    """What reruns the trial to take."""


def write_study_report(facts: StudyFacts, folder: Path) -> Path:
    """Write report.md and report.html; return the page's path.

    Raises:
        RecordError: If the folder cannot be written.
    """
    document = Document(f"{facts.workload.name}: study {facts.study}")
    _summary(document, facts)
    _confirmation(document, facts)
    _search(document, facts)
    _checklist(document, facts)
    _phases(document, facts)
    _unknown(document, facts)
    _reproduce(document, facts)
    return document.write(folder)


def _summary(document: Document, facts: StudyFacts) -> None:
    document.text(escape(facts.workload.doc.partition("\n\n")[0].replace("\n", " ")))
    if facts.verdict is not None:
        document.bullets(escape(line) for line in facts.verdict.lines)
    if facts.command:
        which = facts.verdict.trial if facts.verdict is not None else None
        document.text(f"Run trial {which.number} again:" if which else "Run what was chosen:")
        document.code(facts.command)
    lines = [
        f"{phase['name']}: {escape(sentence)}"
        for phase in facts.phases
        if phase["name"] not in ("confirm", "report")  # the verdict says what confirming found
        for sentence in phase["sentences"]
    ]
    document.bullets(lines or ["Nothing was found yet."])


def _confirmation(document: Document, facts: StudyFacts) -> None:
    default, best = facts.default_run, facts.winner_run
    if default is None or not default.values():
        return
    metric = facts.workload.metric
    arms = {"default": default} | ({"winner": best} if best is not None and best.values() else {})
    document.heading("The default and the winner, seed by seed")
    curves = {
        name: [
            (steps.tolist(), values.tolist())
            for steps, values in (curve.of(metric) for curve in run.curves().values())
            if len(steps)
        ]
        for name, run in arms.items()
    }
    if any(len(steps) > 1 for seeds in curves.values() for steps, _ in seeds):
        picture = plots.curves(curves, metric=metric, unit=facts.workload.unit)
        document.figure(
            "curves", picture, f"{metric} by {facts.workload.unit}; thin lines are seeds"
        )
    head, tested = table_of(arms)
    if tested:
        document.text("On data that no choice has seen; ± is the s.d. between seeds.")
        document.table(head, tested)
    if len(arms) < 2 or best is None:
        return
    a, b = default.values(), best.values()
    common = [seed for seed in a if seed in b]
    picture = plots.paired(
        [a[s] for s in common], [b[s] for s in common], metric=metric, names=("default", "winner")
    )
    document.figure("paired", picture, "The same fresh seeds under both; the bars are means")
    document.table(
        ("seed", "default", "winner", "difference"),
        [(s, f"{a[s]:.5g}", f"{b[s]:.5g}", f"{b[s] - a[s]:+.3g}") for s in common],
    )


def _search(document: Document, facts: StudyFacts) -> None:
    if not facts.trials:
        return
    metric, goal = facts.workload.metric, facts.workload.goal
    document.heading("The search")
    counts = Counter(trial.outcome.value for trial in facts.trials)
    document.text(
        f"{plural(len(facts.trials), 'trial')}: "
        + ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common())
        + "."
    )
    values = [_value(trial, metric) for trial in facts.trials]
    picture = plots.history(values, goal=goal, metric=metric)
    document.figure("history", picture, f"{metric} of every trial, and the best so far")
    names = list(dict.fromkeys(name for trial in facts.trials for name in trial.parameters))
    best_first = ranked(facts.trials, metric, goal)
    to_take = facts.verdict.trial if facts.verdict is not None else None
    if names and best_first:
        picture = plots.slices(
            {name: [trial.parameters.get(name) for trial in facts.trials] for name in names},
            values,
            log={name: _is_log(facts.workload, name) for name in names},
            metric=metric,
            goal=goal,
            best=None if to_take is None else to_take.number,
        )
        document.figure(
            "parameters", picture, f"{metric} against each parameter; the trial to take is ringed"
        )
    document.table(
        ("trial", f"{metric} in the search (chosen on)", *names),
        [
            (t.number, f"{t.values[metric]:.5g}", *(_short(t.parameters.get(n)) for n in names))
            for t in best_first[:TOP]
        ],
    )


def _checklist(document: Document, facts: StudyFacts) -> None:
    """What the search's own checks saw; the last search of the plan counts."""
    searches = [p["facts"]["checklist"] for p in facts.phases if "checklist" in p["facts"]]
    if searches:
        document.heading("Before the next round")
        document.bullets(check_line(check) for check in searches[-1])


def _phases(document: Document, facts: StudyFacts) -> None:
    document.heading("What was done, what was decided, and why")
    document.table(
        ("phase", "status", "seconds"),
        [(p["name"], p["status"], f"{p['seconds']:.1f}") for p in facts.phases],
    )
    decisions = [f"{p['name']}: {escape(d)}" for p in facts.phases for d in p["decisions"]]
    if decisions:
        document.bullets(decisions)


def _unknown(document: Document, facts: StudyFacts) -> None:
    document.heading("What is not known")
    searched = {name for trial in facts.trials for name in trial.parameters}
    lines = []
    verdict = facts.verdict
    fresh = verdict.on_fresh_seeds(verdict.winner) if verdict is not None else None
    if verdict is not None and verdict.trial is not None and fresh is None:
        lines.append(f"What the best scores on other seeds, because {escape(verdict.why)}.")
    elif fresh is not None and fresh.n < 5:
        lines.append(f"{fresh.n} fresh seeds give a wide interval; more narrow it.")
    if searched and len(facts.trials) < 10 * len(searched):
        lines.append(
            f"{len(facts.trials)} trials over {len(searched)} parameters explore only a part; "
            "run the same command again to go on."
        )
    still = facts.workload.space.searched().keys() - searched
    if still:
        lines.append("Not varied: " + ", ".join(f"`{name}`" for name in sorted(still)) + ".")
    document.bullets(lines or ["Nothing in particular."])


def _reproduce(document: Document, facts: StudyFacts) -> None:
    run = facts.winner_run or facts.default_run
    document.heading("Reproduce")
    about = {"homeostat": __version__, **(run.fingerprint if run is not None else {})}
    document.table(("what", "version"), [(k, _short(v)) for k, v in about.items() if v])


def _value(trial: TrialRow, metric: str) -> float | None:
    return trial.values.get(metric) if trial.outcome is Outcome.COMPLETED else None


def _is_log(workload: Workload, name: str) -> bool:
    parameter = workload.space[name]
    return isinstance(parameter, (Float, Int)) and parameter.log


def _short(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
