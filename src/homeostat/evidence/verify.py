"""Verify: put claimed improvements to the test, each alone, all together, and each left out."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeostat.errors import ConfigError, SpaceError, UnknownNameError, did_you_mean
from homeostat.evidence.bench import Arm, Bench
from homeostat.evidence.claims import Claims, load_claims
from homeostat.evidence.contrasts import (
    KINDS,
    MATCHES,
    Contrast,
    Scale,
    plan_contrasts,
    with_arms,
)
from homeostat.evidence.findings import Finding, Verification
from homeostat.evidence.verdicts import Judged, Verdict, judge
from homeostat.execute.engines import make_engine
from homeostat.execute.job import Engine
from homeostat.record import seeds as seed_list
from homeostat.space import configs
from homeostat.workload import load
from homeostat.workload.workload import Workload

Tell = Callable[[str], None]

RETUNE_FACTORS = (1.0, 0.5, 2.0)
"""Rates each arm may choose among, as multiples of its own."""


def verify(
    workload: Workload | str | Path,
    claims: str | Path | None = None,
    *,
    group: str | None = None,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] = KINDS,
    fidelity: float = 1.0,
    match: str = "samples",
    retune: str | None = None,
    pins: Mapping[str, Any] | None = None,
    max_pairs: int = 20,
    margin: float = 0.01,
    alpha: float = 0.05,
    budget_s: float | None = None,
    engine: str | Engine = "inline",
    jobs: int = 1,
    device: str = "cpu",
    results: str | Path = "results",
    tell: Tell | None = None,
) -> Verification:
    """Test claims on fresh seeds, in pairs that share a seed, until each is decided.

    Every measurement is kept in `results/verify_WORKLOAD_GROUP`; called again with the same
    arguments it goes on where it stopped, and with more pairs or time it goes further.

    Args:
        workload: A workload, or what finds one.
        claims: A claims file; the workload's own if None.
        group: Which group of the file; may be left out if there is one.
        names: Only these claims.
        kinds: Of "alone", "together" and "without".
        fidelity: Part of the baseline's steps to use, for a smaller machine.
        match: "samples" (as many samples for both arms), "time" (as long), or "steps".
        retune: A rate's name: each arm first picks the best of {1, 1/2, 2} times it on a seed of
            its own, by the workload's metric.
        pins: Values set on both sides of everything.
        max_pairs: When to give up on a claim.
        margin: What counts as no difference, as a part of the baseline.
        alpha: Chance of a wrong verdict for each claim, however often it is looked at.
        budget_s: Stop starting new pairs after this time.
        engine, jobs, device: Where runs happen, how many at a time.
        results: The folder results go to.
        tell: Called with a line at each verdict.

    Raises:
        ConfigError: If the claims file makes no sense, or the baseline scores too near 0.
        UnknownNameError: If a group, claim or parameter does not exist.
        WorkloadError: If a run fails.
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    chosen = _choose(workload, claims, group, names)
    _check(kinds, match, fidelity, retune, workload)
    base = configs.load(chosen.baseline, workload)
    scale = Scale(
        fidelity=fidelity, budget=base.budget or workload.budget, match=match, pins=pins or {}
    )
    contrasts = plan_contrasts(chosen, base, workload.space, scale, tuple(kinds))
    metric = chosen.metric or workload.metric
    folder = Path(results) / f"verify_{workload.name}_{chosen.group}"
    own = make_engine(engine, jobs) if isinstance(engine, str) else None
    with own or nullcontext():
        running = own or engine
        assert not isinstance(running, str)
        bench = Bench(workload, metric, folder, running, device=device)
        if match == "time":
            contrasts = _match_time(contrasts, bench)
        if retune is not None:
            tuning = Bench(workload, workload.metric, folder, running, device=device)
            contrasts = _retune(contrasts, tuning, workload, retune)
        trials = _Trials(bench, contrasts, workload, metric, max_pairs, margin, alpha)
        trials.run(budget_s, tell or (lambda line: None))
    verification = Verification(
        workload=workload.name,
        group=chosen.group,
        baseline=chosen.baseline,
        metric=metric,
        match=match,
        fidelity=fidelity,
        retune=retune,
        pins=dict(pins or {}),
        margin=margin,
        alpha=alpha,
        folder=folder,
        interrupted=bench.interrupted,
        findings=trials.findings(),
        baseline_values=trials.baseline_values(),
    )
    verification.save()
    return verification


def _choose(
    workload: Workload, claims: str | Path | None, group: str | None, names: Sequence[str] | None
) -> Claims:
    path = Path(claims) if claims is not None else workload.claims
    if path is None:
        raise ConfigError(
            f"{workload.name} comes without claims.", hint="Give a claims file (YAML)."
        )
    groups = load_claims(path, workload.space)
    if group is None:
        if len(groups) > 1:
            raise ConfigError(
                f"{path.name} has several groups: {', '.join(groups)}.",
                hint="Choose one: group=...",
            )
        (group,) = groups
    if group not in groups:
        raise UnknownNameError(
            f"No group {group!r} in {path.name}.", hint=did_you_mean(group, groups)
        )
    chosen = groups[group]
    return chosen.only(tuple(names)) if names is not None else chosen


def _check(
    kinds: Sequence[str], match: str, fidelity: float, retune: str | None, workload: Workload
) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownNameError(f"No kind {kind!r} of test.", hint=did_you_mean(kind, KINDS))
    if match not in MATCHES:
        raise UnknownNameError(f"Cannot match {match!r}.", hint=did_you_mean(match, MATCHES))
    if not 0.0 < fidelity <= 1.0:
        raise SpaceError(f"fidelity must be above 0 and at most 1, got {fidelity}.")
    if retune is not None and retune not in workload.space:
        raise UnknownNameError(
            f"retune names {retune!r}, which is not a parameter.",
            hint=did_you_mean(retune, workload.space),
        )


def _arms(contrasts: Sequence[Contrast]) -> dict[str, Arm]:
    return {arm.key: arm for c in contrasts for arm in (c.changed, c.against)}


def _match_time(contrasts: list[Contrast], bench: Bench) -> list[Contrast]:
    """Give each arm the steps that take as long as its contrast's other side."""
    (seed,) = seed_list.fresh(1, use="verify time")
    arms = _arms(contrasts)
    if not bench.measure((arm, seed) for arm in arms.values()):
        return contrasts

    def as_long_as(arm: Arm, other: Arm, compute: float) -> Arm:
        step_s = bench(arm, seed).seconds / arm.budget
        whole_s = bench(other, seed).seconds * compute
        return replace(arm, budget=max(1, round(whole_s / step_s)))

    return [with_arms(c, as_long_as(c.changed, c.against, c.compute), c.against) for c in contrasts]


def _retune(
    contrasts: list[Contrast], bench: Bench, workload: Workload, rate: str
) -> list[Contrast]:
    """Let each arm choose its rate on a seed that no pair uses."""
    (seed,) = seed_list.fresh(1, use="verify retune")
    arms = _arms(contrasts)
    options = {
        key: [_at(arm, workload, rate, factor) for factor in RETUNE_FACTORS]
        for key, arm in arms.items()
    }
    if not bench.measure((arm, seed) for choices in options.values() for arm in choices):
        return contrasts
    sign = 1.0 if workload.goal == "maximize" else -1.0

    def score(arm: Arm) -> float:
        value = bench(arm, seed).value
        return -math.inf if math.isnan(value) else sign * value

    best = {key: max(choices, key=score) for key, choices in options.items()}
    return [with_arms(c, best[c.changed.key], best[c.against.key]) for c in contrasts]


def _at(arm: Arm, workload: Workload, rate: str, factor: float) -> Arm:
    value = arm.config[rate] * factor
    return replace(arm, config=workload.space.resolve({**arm.config.given, rate: value}))


class _Trials:
    """The pairs of every contrast, one seed after another, until each has its word."""

    def __init__(
        self,
        bench: Bench,
        contrasts: list[Contrast],
        workload: Workload,
        metric: str,
        max_pairs: int,
        margin: float,
        alpha: float,
    ) -> None:
        self.bench = bench
        self.contrasts = contrasts
        goal = workload.objectives.get(metric, workload.goal)
        self.sign = 1.0 if goal == "maximize" else -1.0
        self.seeds = seed_list.fresh(max_pairs, use="verify")
        self.margin, self.alpha = margin, alpha
        self.pairs = dict.fromkeys(range(len(contrasts)), 0)
        self.judged: dict[int, Judged] = {}

    def run(self, budget_s: float | None, tell: Tell) -> None:
        """Measure pair after pair of the contrasts that are still open."""
        start = time.monotonic()
        for count, seed in enumerate(self.seeds, start=1):
            still = [i for i in range(len(self.contrasts)) if i not in self.judged]
            late = budget_s is not None and time.monotonic() - start > budget_s
            if not still or late:
                break
            arms = [(arm, seed) for i in still for arm in self._sides(i)]
            if not self.bench.measure(arms):
                break
            for i in still:
                self.pairs[i] = count
                judged = self._judge(i, last=count == len(self.seeds))
                if judged is not None:
                    self.judged[i] = judged
                    tell(str(self._finding(i, judged)))

    def findings(self) -> tuple[Finding, ...]:
        """What is known of each contrast; those that time cut short are undecided."""
        found = []
        for i in range(len(self.contrasts)):
            judged = self.judged.get(i)
            if judged is None:
                judged = self._judge(i, last=True)
                assert judged is not None
            found.append(self._finding(i, judged))
        return tuple(found)

    def baseline_values(self) -> tuple[float, ...]:
        """Every value the plain baseline took."""
        against = [c.against for c in self.contrasts if c.against.name == "baseline"]
        if not against:
            return ()
        known = [
            self.bench(against[0], s).value for s in self.seeds if self.bench.has(against[0], s)
        ]
        return tuple(v for v in known if not math.isnan(v))

    def _sides(self, i: int) -> tuple[Arm, Arm]:
        return self.contrasts[i].changed, self.contrasts[i].against

    def _judge(self, i: int, *, last: bool) -> Judged | None:
        contrast, differences = self.contrasts[i], self._differences(i)
        if self._is_inert(i):
            now = judge(differences, None, last=True)
            assert now is not None
            return Judged(Verdict.INERT, now.interval, note="every report is the same, bit for bit")
        return judge(
            differences, contrast.expected, margin=self.margin, alpha=self.alpha, last=last
        )

    def _is_inert(self, i: int) -> bool:
        """The first pair reported the same numbers throughout: the change reaches nothing."""
        changed, against = self._sides(i)
        if self.pairs[i] == 0 or changed.key == against.key:
            return changed.key == against.key
        seed = self.seeds[0]
        return self.bench(changed, seed).curves == self.bench(against, seed).curves

    def _differences(self, i: int) -> list[float]:
        """Relative improvements; a side that diverged where the other did not loses everything."""
        changed, against = self._sides(i)
        pairs = [
            (self.bench(changed, seed).value, self.bench(against, seed).value)
            for seed in self.seeds[: self.pairs[i]]
        ]
        known = [value for _, value in pairs if not math.isnan(value)]
        scale = abs(statistics.fmean(known)) if known else math.nan
        if len(known) > 2 and scale < statistics.stdev(known):
            raise ConfigError(
                f"{self.contrasts[i].against.name} scores {statistics.fmean(known):.3g} +- "
                f"{statistics.stdev(known):.2g} {self.bench.metric}: too near 0 for per cent.",
                hint="Raise the fidelity, or choose another metric.",
            )
        return [self._difference(new, old, scale) for new, old in pairs]

    def _difference(self, new: float, old: float, scale: float) -> float:
        if math.isnan(new) or math.isnan(old):
            return float(math.isnan(old)) - float(math.isnan(new))
        return self.sign * (new - old) / scale

    def _finding(self, i: int, judged: Judged) -> Finding:
        changed, _ = self._sides(i)
        lost = sum(
            math.isnan(self.bench(changed, seed).value) for seed in self.seeds[: self.pairs[i]]
        )
        return Finding.of(self.contrasts[i], judged, self._differences(i), diverged=lost)
