"""Findings: what verify found of each claim, to read, to save and to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeostat.evidence.contrasts import Contrast
from homeostat.evidence.divergence import PairOutcomes, p_value, sentence
from homeostat.evidence.sequential import pairs_needed
from homeostat.evidence.statistics import holm
from homeostat.evidence.verdicts import Judged, Verdict
from homeostat.record.files import write_json
from homeostat.wording import plural


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One contrast's verdict, in parts of the baseline."""

    name: str
    kind: str
    verdict: Verdict
    effect: float
    low: float
    high: float
    pairs: int
    p: float
    """Of no effect, valid at any time; not yet corrected for the number of claims."""
    spread: float
    """Standard deviation of a pair's difference."""
    expected: tuple[float, float] | None
    change: Mapping[str, Any]
    reason: str
    compute: float
    diverged: int
    needed: int | None
    note: str

    @classmethod
    def of(cls, contrast: Contrast, judged: Judged, pairs: PairOutcomes) -> Finding:
        """Made from a judgement and the pairs it rests on."""
        notes = [judged.note] if judged.note else []
        if contrast.compute != 1.0:
            notes.append(f"a change of compute: {contrast.compute:g} times the samples")
        if divergence := sentence(pairs):
            notes.append(divergence)
        if judged.needed is not None:
            notes.append(f"would take about {plural(judged.needed, 'pair')}")
        return cls(
            name=contrast.name,
            kind=contrast.kind,
            verdict=judged.verdict,
            effect=judged.interval.mean,
            low=judged.interval.low,
            high=judged.interval.high,
            pairs=pairs.count,
            p=p_value(pairs),
            spread=judged.interval.spread,
            expected=contrast.expected,
            change=contrast.change,
            reason=contrast.reason,
            compute=contrast.compute,
            diverged=pairs.lost + pairs.neither,
            needed=judged.needed,
            note="; ".join(notes),
        )

    @property
    def label(self) -> str:
        """The claim's name, and how it was tested where that is not alone."""
        return f"{self.name} (in company)" if self.kind == "without" else self.name

    def __str__(self) -> str:
        claim = "some" if self.expected is None else _range(*self.expected)
        text = f"{self.label}: {self.verdict.value}; claimed {claim}, measured {self.measured}"
        return f"{text} ({self.note})" if self.note else text

    @property
    def measured(self) -> str:
        """The effect with its interval and the pairs it took, in per cent."""
        if self.pairs == 0:
            return "nothing yet"
        pairs = plural(self.pairs, "pair")
        if math.isnan(self.effect):
            return f"nothing: no side to compare with in {pairs}"
        if not math.isfinite(self.low):
            return f"{100 * self.effect:+.1f} % from {pairs}"
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.effect:+.1f} % [{low:+.1f}, {high:+.1f}] from {pairs}"


def _range(low: float, high: float) -> str:
    return f"{100 * low:g} to {100 * high:g} %"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """All findings about one group of claims, and how they were made."""

    workload: str
    group: str
    baseline: str
    metric: str
    match: str
    fidelity: float
    retune: str | None
    pins: Mapping[str, Any]
    margin: float
    alpha: float
    folder: Path
    interrupted: bool
    findings: tuple[Finding, ...]
    baseline_values: tuple[float, ...] = field(default=())

    @property
    def power(self) -> str:
        """How many pairs it takes to show effects of 1, 2 and 5 %, at the noise that was seen."""
        spreads = sorted(
            f.spread for f in self.findings if 0.0 < f.spread < math.inf and f.pairs > 2
        )
        if not spreads:
            return "Too few pairs to tell the noise."
        middle = spreads[len(spreads) // 2]
        needed = ", ".join(
            f"{100 * effect:g} % takes {_pairs(effect, middle, self.alpha)}"
            for effect in (0.01, 0.02, 0.05)
        )
        return f"Pairs differ by {100 * middle:.2g} % (s.d.), so to show {needed} pairs."

    def corrected(self) -> dict[str, float]:
        """Each claim's p, corrected for asking about all of them (Holm 1979)."""
        asked = [finding for finding in self.findings if finding.kind == "alone"]
        corrected = holm([finding.p for finding in asked])
        return {finding.name: p for finding, p in zip(asked, corrected, strict=True)}

    def __str__(self) -> str:
        head = (
            f"{self.workload}, {self.group}: {len(self.findings)} tests against {self.baseline} "
            f"by {self.metric}, matched in {self.match}, fidelity {self.fidelity:g}."
        )
        return "\n".join([head, *(f"  {finding}" for finding in self.findings), self.power])

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain data; effects are parts of the baseline."""
        corrected = self.corrected()
        rows = []
        for finding in self.findings:
            row = {**vars(finding), "verdict": finding.verdict.value}
            if finding.kind == "alone":
                row["p_holm"] = corrected[finding.name]
            rows.append(row)
        facts = {**vars(self), "folder": str(self.folder), "findings": rows}
        return {**facts, "power": self.power}

    def save(self) -> Path:
        """Write verification.json into the folder."""
        path = self.folder / "verification.json"
        write_json(path, self.to_json())
        return path


def _pairs(effect: float, spread: float, alpha: float) -> str:
    most = 10_000
    needed = pairs_needed(effect, spread, alpha=alpha, most=most)
    return f"more than {most}" if needed == most else str(needed)
