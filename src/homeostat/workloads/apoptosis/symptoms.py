"""The guide's table of symptoms as rules over a record, and where the record contradicts a row.

Each row looks at a record and gives its evidence as a sentence, or nothing. A row may also doubt
its own inference: the guide blames the lifespan for "only 1-2 deaths", but when as many layers
died as there are dying layers, no lifespan could have given more.
"""

from __future__ import annotations

from functools import partial

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.symptom import Symptom
from homeostat.space.moves import down, up
from homeostat.wording import plural
from homeostat.workloads.apoptosis.senescence import ARCHITECTURES
from homeostat.workloads.apoptosis.settings import DEATHS_PER_STEP, deaths_of, reachable
from homeostat.workloads.apoptosis.space import LONGEST_LIFESPAN, SHORTEST_LIFESPAN, SPACE


def _times_worse(seen: Seen) -> float | None:
    loss, gap = seen.last("val_loss"), seen.last("gap")
    return loss / (loss - gap) if loss is not None and gap is not None and loss > gap else None


def _much_worse(seen: Seen) -> str:
    times = _times_worse(seen)
    return f"the loss is {times:.2f} times the baseline's" if times and times >= 2 else ""


def _worse(seen: Seen) -> str:
    times = _times_worse(seen)
    if times is None or not 1.1 <= times < 2:
        return ""
    return f"the loss is {times:.2f} times the baseline's"


def _moves_like_gradient_descent(seen: Seen) -> str:
    """Whether the last update was the rate times the clipped gradient, as no AdamW step is."""
    moved, norm = seen.last("update_norm"), seen.last("grad_norm")
    if moved is None or not norm or not moved:
        return ""
    plain = seen.config.lr * min(norm, seen.config.clip)
    # Layers' rates are scaled by .5 to 1.5.
    if not 0.5 <= moved / plain <= 1.5:
        return ""
    return (
        f"the last step moved the weights by {moved:.2g}, which is the learning rate times the "
        f"clipped gradient: a plain gradient step, not an AdamW step"
    )


def _few_deaths(seen: Seen) -> str:
    deaths = seen.last("deaths")
    if deaths is None or deaths > 2 or not (seen.config.senescence and seen.config.apoptosis):
        return ""
    if deaths >= 1 and deaths >= DEATHS_PER_STEP[0] * seen.steps:
        return ""  # as many as the guide wants in a run of this length
    return f"{plural(round(deaths), 'death')} in {seen.steps} steps"


def _no_lifespan_gives_more(seen: Seen) -> str:
    config, deaths = seen.config, seen.last("deaths")
    limits = reachable(config, "deaths", seen.steps)
    if limits is None or deaths is None:
        return ""
    if config.roles == "one_way":
        places = ARCHITECTURES[config.architecture][1]
        return (
            f"at most {places} layers can die in architecture {config.architecture}, because the "
            "reborn never die again: a shorter lifespan cannot give more, rotating roles can"
        )
    if deaths >= limits[1]:
        return f"no lifespan gives more than {limits[1]:.0f} deaths in {seen.steps} steps"
    return ""


def _lifespan(seen: Seen, *, more: bool) -> dict[str, int]:
    """The lifespan nearest to the present one that gives the guide's rate of deaths in this run.

    By the closed formula, so that what is advised is known to do it; nothing where none does.
    """
    config, steps = seen.config, seen.steps
    low = max(1.0, DEATHS_PER_STEP[0] * steps)
    high = max(low + 1.0, DEATHS_PER_STEP[1] * steps)
    deaths, now = seen.last("deaths"), float(config.max_lifespan)
    lifespan = now
    while deaths is not None and SHORTEST_LIFESPAN <= lifespan <= LONGEST_LIFESPAN:
        lifespan *= 0.9 if more else 1.1
        whole = round(min(max(lifespan, SHORTEST_LIFESPAN), LONGEST_LIFESPAN))
        given = {**config.given, "max_lifespan": whole}
        there = deaths_of(SPACE.resolve(given, inherited=given), steps)
        if (more and there >= low and there > deaths) or (not more and there <= high):
            return {"max_lifespan": whole} if whole != config.max_lifespan else {}
    return {}


def _many_deaths(seen: Seen) -> str:
    deaths = seen.last("deaths")
    whole_layers = seen.config.senescence and seen.config.scope == "layer"
    if not whole_layers or deaths is None or deaths < 50:
        return ""
    return f"{plural(round(deaths), 'death')} in {seen.steps} steps"


def _deaths_as_planned(seen: Seen) -> str:
    expected = deaths_of(seen.config, 500)
    if expected > 3:
        return ""
    return f"{expected} deaths per 500 steps is the guide's own sweet spot: the run is long"


def _spikes(seen: Seen) -> str:
    spike, null = seen.last("spike"), seen.last("spike_null")
    if not spike or spike <= 1 or (null is not None and spike <= 2 * null):
        return ""
    beside = "" if null is None else f", by {null:.2f} at most where nothing died"
    return f"the loss jumped by {spike:.2f} after a death{beside}"


def _noise_is_absolute(seen: Seen) -> str:
    if seen.config.mutation != "absolute":
        return ""
    return (
        "the noise is added in absolute terms, some three times the weights' own s.d.: make it "
        "relative before making it smaller"
    )


def _no_improvement(seen: Seen) -> str:
    deaths, losses = seen.curves.get("deaths", []), seen.curves.get("val_loss", [])
    first = next((step for step, count in deaths if count > 0), None)
    if first is None:
        return ""
    before = [loss for step, loss in losses if step <= first]
    after = [loss for step, loss in losses if step > first]
    if not before or not after or min(after) < 0.99 * min(before):
        return ""
    return f"best loss {min(before):.3f} before the first death, {min(after):.3f} after it"


def _held_down(seen: Seen) -> list[tuple[int, float]]:
    """Layers that are not fading and have stayed below .9 in the second half of the run."""
    found = []
    for layer in range(seen.config.layers):
        late = [a for step, a in seen.curves.get(f"influence_{layer}", []) if step > seen.steps / 2]
        if late and max(late) < 0.9 and late[-1] >= late[0]:
            found.append((layer, late[-1]))
    return found


def _newborns_held_down(seen: Seen) -> str:
    layers = ", ".join(f"layer {layer} at {a:.2f}" for layer, a in _held_down(seen))
    return f"influence at the end: {layers}" if layers else ""


def _ceiling_is_permanent(seen: Seen) -> str:
    if seen.config.ceiling != "permanent":
        return ""
    return "the ceiling is permanent: a newborn never passes it, however long it matures"


def _never_moved(seen: Seen) -> str:
    losses = [loss for _, loss in seen.curves.get("val_loss", [])]
    if len(losses) < 2 or min(losses) < 0.98 * losses[0]:
        return ""
    return f"the loss went from {losses[0]:.3f} to {min(losses):.3f} at best"


SYMPTOMS = (
    Symptom(
        name="Loss 2-3x worse",
        evidence=_much_worse,
        cause="too many weak layers",
        remedy={"architecture": "A"},
        doubt=_moves_like_gradient_descent,
    ),
    Symptom(
        name="Loss 10%+ worse",
        evidence=_worse,
        cause="influence scaling wrong",
        remedy={"influence": "element_dropout"},
        doubt=_moves_like_gradient_descent,
    ),
    Symptom(
        name="Only 1-2 deaths",
        evidence=_few_deaths,
        cause="lifespan too long",
        remedy=partial(_lifespan, more=True),
        doubt=_no_lifespan_gives_more,
    ),
    Symptom(
        name="50+ deaths",
        evidence=_many_deaths,
        cause="lifespan too short",
        remedy=partial(_lifespan, more=False),
        doubt=_deaths_as_planned,
    ),
    Symptom(
        name="Loss spikes > 1.0",
        evidence=_spikes,
        cause="mutation too strong",
        remedy={"mutation_strength": down(times=0.5)},
        doubt=_noise_is_absolute,
    ),
    Symptom(
        name="No improvement after deaths",
        evidence=_no_improvement,
        cause="mutation too weak",
        remedy={"mutation_strength": up(times=2, at_least=0.1)},
        doubt=_moves_like_gradient_descent,
    ),
    Symptom(
        name="Birth layers never contribute",
        evidence=_newborns_held_down,
        cause="plasticity too low",
        remedy={"plasticity_ceiling": up(by=0.25)},
        doubt=_ceiling_is_permanent,
    ),
    Symptom(
        name="Stable from the start",
        evidence=_never_moved,
        cause="all parameters wrong: run the diagnostic experiments first",
        doubt=_moves_like_gradient_descent,
    ),
    # Not in the guide: the cause it was looking for.
    Symptom(
        name="Weights move as under plain gradient descent",
        evidence=_moves_like_gradient_descent,
        cause="the update rule is not the baseline's",
        remedy={"update_rule": "adamw"},
    ),
)
