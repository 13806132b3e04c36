"""Verify: put claimed improvements to the test, each alone, all together, and each left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from homeostat.errors import ConfigError, SpaceError, UnknownNameError, did_you_mean
from homeostat.evidence.bench import Bench
from homeostat.evidence.claims import Claims, load_claims
from homeostat.evidence.contrasts import (
    KINDS,
    MATCHES,
    Scale,
    plan_contrasts,
)
from homeostat.evidence.findings import Verification
from homeostat.evidence.matching import match_time
from homeostat.evidence.matching import retune as retuned
from homeostat.evidence.pairs import Pairs, Tell
from homeostat.execute.engines.table import make_engine
from homeostat.execute.job import Engine
from homeostat.space import configs
from homeostat.workload import load
from homeostat.workload.workload import Workload


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
        workload: A workload, or what `load.find` takes.
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

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> from pathlib import Path
        >>> _ = Path("base.yaml").write_text("parameters: {lr: 0.1}")
        >>> _ = Path("claims.yaml").write_text('''
        ... baseline: base.yaml
        ... claims:
        ...   a higher rate: {change: {lr: 0.5}, expected: [50, 100], reason: The valley is even.}
        ... ''')
        >>> [finding] = hs.verify(valley, "claims.yaml", kinds=["alone"]).findings
        >>> str(finding.verdict)
        'supported'
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    chosen = _choose(workload, claims, group, names)
    _check(kinds, match, fidelity, retune, workload)
    base = configs.load(chosen.baseline, workload)
    scale = Scale(
        fidelity=fidelity,
        match=match,
        pins=pins or {},
        budget=workload.budget if base.budget is None else base.budget,
    )
    contrasts = plan_contrasts(chosen, base, workload.space, scale, tuple(kinds))
    metric = chosen.metric or workload.metric
    goal = chosen.goal or workload.goal_of(metric, "Write in the claims file:  goal: maximize")
    folder = Path(results) / f"verify_{workload.name}_{chosen.group}"
    own = make_engine(engine, jobs) if isinstance(engine, str) else None
    with own or nullcontext():
        running = own or engine
        assert not isinstance(running, str)
        bench = Bench(workload, metric, folder, running, device=device)
        if match == "time":
            contrasts = match_time(contrasts, bench)
        if retune is not None:
            tuning = Bench(workload, workload.metric, folder, running, device=device)
            contrasts = retuned(contrasts, tuning, workload, retune)
        pairs = Pairs(bench, contrasts, goal, max_pairs, margin, alpha)
        pairs.run(budget_s, tell or (lambda line: None))
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
        findings=pairs.findings(),
        baseline_values=pairs.baseline_values(),
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
