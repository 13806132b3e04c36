"""What goes wrong in evolution, how it shows in the curves, and what to change.

Each row looks at the metrics of a run and gives its evidence as a sentence, or nothing.
"""

from __future__ import annotations

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.symptom import Symptom
from homeostat.space.moves import down, up


def _lucky(seen: Seen) -> str:
    claimed, true = seen.last("fitness_in_sample"), seen.last("fitness")
    if claimed is None or true is None or claimed < max(10.0, 1.5 * true):
        return ""
    return f"the top five score {claimed:.0f} where they were selected, {true:.0f} elsewhere"


def _collapsed(seen: Seen) -> str:
    bodies = seen.last("diversity_body")
    return f"{bodies:.1f} effective bodies are left" if bodies is not None and bodies < 3 else ""


def _stagnant(seen: Seen) -> str:
    points = seen.curves.get("fitness", [])
    if len(points) < 4:
        return ""
    half = len(points) // 2
    before, after = max(v for _, v in points[:half]), max(v for _, v in points[half:])
    if after > 1.02 * before + 1.0:
        return ""
    return f"held-out fitness stood at {before:.0f} and {after:.0f} in the two halves"


def _exploding(seen: Seen) -> str:
    share = seen.last("disqualified")
    return f"{100 * share:.0f} % are disqualified" if share is not None and share > 0.05 else ""


def _one_species(seen: Seen) -> str:
    if seen.config.get("selection_method") != "speciation" or seen.last("species") != 1:
        return ""
    if seen.config.get("target_species"):
        return f"one species, where {seen.config['target_species']} should be"
    return f"one species at a threshold of {seen.config['compatibility_threshold']:g}"


SYMPTOMS = (
    Symptom(
        name="the champion is lucky",
        evidence=_lucky,
        cause="few layouts: whoever meets an easy one wins",
        remedy={"eval_layouts": up(times=2, at_least=3)},
    ),
    Symptom(
        name="one body takes over",
        evidence=_collapsed,
        cause="selection leaves no room for others",
        remedy={"cull_percentage": down(by=0.2), "elite_count": down(times=0.5)},
    ),
    Symptom(
        name="no progress",
        evidence=_stagnant,
        cause="mutation destroys as much as it finds, or selection sees mostly noise",
        remedy={"mutation_rate": down(times=0.5), "eval_layouts": up(times=2, at_least=3)},
    ),
    Symptom(
        name="bodies explode",
        evidence=_exploding,
        cause="the time step is too long for stiff, light bodies",
        remedy={"physics_substeps": up(times=2)},
    ),
    Symptom(
        name="everybody is one species",
        evidence=_one_species,
        cause="the compatibility threshold is wider than the population",
        remedy={"target_species": up(at_least=10)},
    ),
)
