"""Run pairs of arms, one seed after another, until every claim is decided."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

from homeostat.errors import ConfigError
from homeostat.evidence.bench import Arm, Bench
from homeostat.evidence.contrasts import Contrast
from homeostat.evidence.divergence import PairOutcomes, judge_pairs
from homeostat.evidence.findings import Finding
from homeostat.evidence.sequential import interval
from homeostat.evidence.verdicts import Judged, Verdict
from homeostat.record import seeds as seed_list
from homeostat.workload.goal import Goal

Tell = Callable[[str], None]


class Pairs:
    """The pairs of every contrast, one seed after another, until each is decided."""

    def __init__(
        self,
        bench: Bench,
        contrasts: list[Contrast],
        goal: Goal,
        max_pairs: int,
        margin: float,
        alpha: float,
    ) -> None:
        self.bench = bench
        self.contrasts = contrasts
        self.goal = goal
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
        """What is known of each contrast; those that ran out of time are undecided."""
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
        pairs = self._outcomes(i)
        if self._is_inert(i):
            now = interval(pairs.differences)
            return Judged(Verdict.INERT, now, note="every report is the same, bit for bit")
        expected = self.contrasts[i].expected
        return judge_pairs(pairs, expected, margin=self.margin, alpha=self.alpha, last=last)

    def _is_inert(self, i: int) -> bool:
        """The first pair reported the same numbers throughout: the change reaches nothing."""
        changed, against = self._sides(i)
        if self.pairs[i] == 0 or changed.key == against.key:
            return changed.key == against.key
        seed = self.seeds[0]
        return self.bench(changed, seed).curves == self.bench(against, seed).curves

    def _outcomes(self, i: int) -> PairOutcomes:
        """Relative improvements, and the pairs that have none because a side diverged."""
        changed, against = self._sides(i)
        pairs = [
            (self.bench(changed, seed).value, self.bench(against, seed).value)
            for seed in self.seeds[: self.pairs[i]]
        ]
        known = [old for _, old in pairs if not math.isnan(old)]
        scale = abs(statistics.fmean(known)) if known else math.nan
        if len(known) > 2 and scale < statistics.stdev(known):
            raise ConfigError(
                f"{self.contrasts[i].against.name} scores {statistics.fmean(known):.3g} +- "
                f"{statistics.stdev(known):.2g} {self.bench.metric}: too near 0 for per cent.",
                hint="Raise the fidelity, or choose another metric.",
            )
        diverged = [(math.isnan(new), math.isnan(old)) for new, old in pairs]
        return PairOutcomes(
            tuple(
                self.goal.gain(new, over=old) / scale
                for new, old in pairs
                if not math.isnan(new) and not math.isnan(old)
            ),
            lost=diverged.count((True, False)),
            saved=diverged.count((False, True)),
            neither=diverged.count((True, True)),
        )

    def _finding(self, i: int, judged: Judged) -> Finding:
        return Finding.of(self.contrasts[i], judged, self._outcomes(i))
