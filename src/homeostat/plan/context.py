"""What the phases of one plan share: the workload, the clock, and what earlier phases found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.plan.phase import Phase, PhaseResult
from homeostat.record.files import remove_leftovers
from homeostat.record.plan_file import FILE, KIND

if TYPE_CHECKING:
    from homeostat.search.optimise import SearchEvent
    from homeostat.space import Config
    from homeostat.workload.workload import Workload


@dataclass
class Context:
    """The state of a plan; everything that must survive a stop is in `done` and `spent_s`."""

    workload: Workload
    pins: dict[str, Any]
    """What the user set; a search leaves it alone."""
    steps: int
    """The budget of one attempt."""
    budget_s: float
    study: str
    results: Path
    method: str = "auto"
    carry_from: tuple[str, ...] = ()
    """Earlier studies that the search learns from."""
    search_steps: int | None = None
    """The budget of one attempt of the search, where those studies fix it."""
    engine: str = "inline"
    jobs: int = 1
    device: str = "cpu"
    fix: bool = False
    """Apply the smallest cure when diagnosis finds one, instead of stopping."""
    anyway: bool = False
    """Search on although the probe found a fault that spoils the search."""
    say: Callable[[str], None] = lambda _: None
    on_event: Callable[[SearchEvent], None] | None = None
    settled: dict[str, Any] = field(default_factory=dict)
    """What earlier phases decided, a cure among it; held like the pins."""
    left_alone: dict[str, Any] = field(default_factory=dict)
    """Knobs that the probe found to act on nothing, at the value they have; held too."""
    done: dict[str, PhaseResult] = field(default_factory=dict)
    """Finished phases by name, in order."""
    spent_s: float = 0.0
    """Time used by earlier calls."""
    _started: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        """The study's folder, which also keeps the plan and the report."""
        return self.results / "studies" / self.study

    @property
    def held(self) -> dict[str, Any]:
        """What no search varies: the user's pins, what is settled, and dead knobs."""
        return {**self.left_alone, **self.pins, **self.settled}

    @property
    def config(self) -> Config:
        """The default configuration with what is held."""
        return self.workload.space.resolve(self.held, inherited=self.held)

    @property
    def elapsed_s(self) -> float:
        return self.spent_s + time.monotonic() - self._started

    @property
    def left_s(self) -> float:
        return max(0.0, self.budget_s - self.elapsed_s)

    def allowance_s(self, phase: Phase, following: list[Phase]) -> float:
        """What a phase may spend: its share of the time left, so that unused time passes on."""
        shares = phase.share + sum(later.share for later in following)
        return self.left_s * phase.share / shares if shares > 0 else 0.0

    def fact(self, phase: str, name: str, default: Any = None) -> Any:
        """Something an earlier phase found."""
        found = self.done.get(phase)
        return found.facts.get(name, default) if found is not None else default

    def save(self) -> None:
        """Write plan.json by rename; a plan that is stopped goes on from here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        KIND.write(
            self.folder / FILE,
            {
                "workload": self.workload.name,
                "pins": self.pins,
                "settled": self.settled,
                "left_alone": self.left_alone,
                "steps": self.steps,
                "budget_s": self.budget_s,
                "spent_s": round(self.elapsed_s, 3),
                "phases": [result.to_json() for result in self.done.values()],
            },
        )

    def load(self) -> bool:
        """Take up what an earlier call of the same plan finished; False if there was none."""
        remove_leftovers(self.folder)
        if not (self.folder / FILE).exists():
            return False
        saved: Mapping[str, Any] = KIND.read(self.folder / FILE)
        same = (saved["workload"], saved["pins"], saved["steps"])
        if same != (self.workload.name, self.pins, self.steps):
            return False
        self.settled = dict(saved["settled"])
        self.left_alone = dict(saved.get("left_alone", {}))
        finished = [PhaseResult.from_json(entry) for entry in saved["phases"]]
        self.done = {result.name: result for result in finished if result.status != "interrupted"}
        if any(result.status == "stopped" for result in finished):
            # A plan that stopped at a fault looks again: it may be fixed now.
            self.done, self.left_alone = {}, {}
            return False
        if "report" in self.done:  # a finished plan that is asked for again searches on
            lasting = ("probe", "baseline", "screen")
            self.done = {n: r for n, r in self.done.items() if n in lasting}
        else:
            self.spent_s = float(saved["spent_s"])
        return bool(self.done)
