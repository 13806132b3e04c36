"""Tune: the whole plan for one workload, within a time budget, resumable between and in phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.execute.run import checked_budget
from homeostat.plan.budget import parse_duration
from homeostat.plan.context import Context
from homeostat.plan.phase import Phase, PhaseResult
from homeostat.plan.phases.baseline import baseline
from homeostat.plan.phases.confirm import confirm
from homeostat.plan.phases.diagnose import diagnose
from homeostat.plan.phases.probe import probe
from homeostat.plan.phases.report import report
from homeostat.plan.phases.screen import screen
from homeostat.plan.phases.search import search
from homeostat.record.names import checked_name
from homeostat.search.decide import verdict_of
from homeostat.search.live import Live
from homeostat.search.search import look_store, names_of, open_store
from homeostat.search.verdict import StudyVerdict
from homeostat.study.folder import refuse_another
from homeostat.study.transfer import length_of
from homeostat.wording import as_html, format_duration
from homeostat.workload import load

if TYPE_CHECKING:
    from homeostat.search.optimise import SearchEvent
    from homeostat.workload.workload import Workload

PROBE = Phase(
    "probe", "is every knob connected, everything trained, nothing leaking?", 0.1,
    probe, payoff="high: finds what no search can fix",
)  # fmt: skip
BASELINE = Phase(
    "baseline", "what the default scores, how noisy that is, what a step costs", 0.2, baseline,
    payoff="everything later is measured against it",
)  # fmt: skip
DIAGNOSE = Phase(
    "diagnose", "if the default does not train: what failed first, what cures it", 0.1, diagnose,
    payoff="high: finds the root cause",
)  # fmt: skip
SCREEN = Phase(
    "screen", "which parameters matter at all, where there are many", 0.25, screen,
    payoff="high with many parameters: a search over few goes deeper",
)  # fmt: skip
SEARCH = Phase(
    "search", "try settings, and learn from those that diverge too", 0.6, search,
    risk="medium", payoff="medium: depends on how much there is to gain",
)  # fmt: skip
CONFIRM = Phase(
    "confirm", "run the best and the default again on fresh seeds, pair by pair", 0.2, confirm,
    payoff="what to expect of the choice, not its luckiest run",
)  # fmt: skip
REPORT = Phase("report", "write down what was found, with the evidence", 0.0, report)

GENERIC = (PROBE, BASELINE, DIAGNOSE, SCREEN, SEARCH, CONFIRM, REPORT)
PLANS = ("own", "generic")


@dataclass(frozen=True)
class TuneResult:
    """What a plan found.

    Attributes:
        phases: The phases that ran, in order.
        folder: The study's folder, with plan.json and the report.
        report: The HTML page, once it is written.
        best: The values of the trial to take, if a search finished.
        verdict: Of the plan's study: which trial won, on which evidence; None without a study.
        seconds: Time used, earlier calls included.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> result = hs.tune(valley, budget="5s", study="tuned")
        >>> [phase.name for phase in result.phases][:2]
        ['probe', 'baseline']
    """

    workload: str
    phases: tuple[PhaseResult, ...]
    folder: Path
    report: Path | None
    best: dict[str, Any] | None
    verdict: StudyVerdict | None
    seconds: float

    @property
    def status(self) -> str:
        """done, stopped (a fault came first) or interrupted."""
        return self.phases[-1].status if self.phases else "interrupted"

    def phase(self, name: str) -> PhaseResult:
        """The result of one phase by name; KeyError if it did not run."""
        return {result.name: result for result in self.phases}[name]

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, each phase's findings, and where the page is."""
        told = [] if self.verdict is None else list(self.verdict.lines)
        told += [f"{p.name}: {line}" for p in self.phases for line in (*p.sentences, *p.decisions)]
        return as_html(f"{self.workload}: {self.status}", told)

    def to_json(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return {
            "verdict": None if self.verdict is None else self.verdict.to_json(),
            "workload": self.workload,
            "status": self.status,
            "phases": [result.to_json() for result in self.phases],
            "folder": str(self.folder),
            "report": str(self.report) if self.report else None,
            "best": self.best,
            "seconds": round(self.seconds, 2),
        }


def tune(
    workload: Workload | str | Path,
    *,
    budget: str | float = "10m",
    config: Mapping[str, Any] | None = None,
    steps: int | None = None,
    study: str | None = None,
    method: str = "auto",
    carry_from: str | Path | Sequence[str | Path] = (),
    results: str | Path = "results",
    engine: str = "inline",
    jobs: int = 1,
    device: str = "cpu",
    fix: bool = False,
    anyway: bool = False,
    plan: str = "own",
    say: Callable[[str], None] | None = None,
    on_event: Callable[[SearchEvent], None] | None = None,
) -> TuneResult:
    """Probe, run the default, screen, search, confirm and report, within a time budget.

    Called again with the same study it goes on where it was stopped; a finished plan searches on
    with the new budget.

    Args:
        workload: A workload, or what `load.find` takes.
        budget: Wall time for everything, such as `10m`, `1h30m` or `overnight`.
        config: Parameters to hold at these values.
        steps: Budget of one attempt, in place of the workload's.
        study: The study's name; the workload's when None.
        method: The sampler of the search; `auto` chooses by the space and the trials.
        carry_from: Earlier studies of the workload, by name or path, which the search learns from;
            its attempts are as long as theirs.
        fix: Apply the smallest cure when something is wrong, instead of stopping there.
        anyway: Search on although the probe found a fault that spoils the search.
        plan: `own` for the workload's own phases if it has any, or `generic`.
        say: Called with each line to show while it works.
        on_event: Called with each report and finished attempt.

    Raises:
        HomeostatError: For what the user can correct: names, values, folders.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> result = hs.tune(valley, budget="5s")
        >>> result.status, result.verdict.trial is not None
        ('done', True)
    """
    load.refuse_while_loading()
    found = load.find(workload)
    live = Live(seconds=parse_duration(budget)) if on_event is None else None
    sources = names_of(carry_from)
    search_steps = length_of(open_store(results), found, sources) if sources else None
    context = Context(
        workload=found,
        pins=dict(config or {}),
        steps=checked_budget(found, steps),
        budget_s=parse_duration(budget),
        study=study or found.name,
        results=Path(results),
        method=method,
        carry_from=sources,
        search_steps=search_steps,
        engine=engine,
        jobs=jobs,
        device=device,
        fix=fix,
        anyway=anyway,
        say=say or (lambda _: None),
        on_event=on_event or live,
    )
    if study is not None:
        checked_name(study, "a study", StudyError)
    refuse_another(results, context.study, look_store(results))
    if context.load():
        names = ", ".join(context.done)
        context.say(f"Going on with the study {context.study!r}; done already: {names}.")
    phases = phases_of(context, plan)
    if sources and SEARCH not in phases:
        raise StudyError(
            f"The plan of {found.name} has no search that could learn from {', '.join(sources)}.",
            hint="Add:  --plan generic",
        )
    with live or nullcontext():
        _run_phases(context, phases)
    return _result(context)


def phases_of(context: Context, plan: str = "own") -> tuple[Phase, ...]:
    """The phases of a plan, in order.

    Raises:
        UnknownNameError: If `plan` is neither `own` nor `generic`.
    """
    if plan not in PLANS:
        raise UnknownNameError(f"No plan {plan!r}.", hint=did_you_mean(plan, PLANS))
    if plan == "own" and context.workload.plan is not None:
        own: tuple[Phase, ...] = context.workload.plan(context)
        return own
    return GENERIC


def _run_phases(context: Context, phases: tuple[Phase, ...]) -> None:
    for index, phase in enumerate(phases):
        if phase.name in context.done:
            continue
        allowance = context.allowance_s(phase, list(phases[index + 1 :]))
        context.say(f"== {phase.name}: {phase.purpose}")
        if isinstance(context.on_event, Live):
            context.on_event.standing.enter(phase.name)
        if allowance > 0:
            context.say(
                f"   up to {format_duration(allowance)} of {format_duration(context.left_s)}"
            )
        start = time.monotonic()
        result = replace(phase.run(context, allowance), seconds=time.monotonic() - start)
        context.done[phase.name] = result
        context.save()
        for sentence in (*result.sentences, *(f"-> {d}" for d in result.decisions)):
            context.say(f"   {sentence}")
        if result.status in ("stopped", "interrupted"):
            return
        if result.again:
            del context.done[result.again]
            _run_phases(context, phases)
            return


def _result(context: Context) -> TuneResult:
    page = context.fact("report", "page")
    return TuneResult(
        workload=context.workload.name,
        phases=tuple(context.done.values()),
        folder=context.folder,
        report=Path(page) if page else None,
        best=next(
            (r.facts["best"] for r in reversed(context.done.values()) if "best" in r.facts), None
        ),
        verdict=_verdict(context),
        seconds=context.elapsed_s,
    )


def _verdict(context: Context) -> StudyVerdict | None:
    store = open_store(context.results)
    row = store.find(context.study)
    if row is None or row.workload != context.workload.name:
        return None
    return verdict_of(row, store.trials(row.key))
