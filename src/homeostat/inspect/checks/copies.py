"""Copies: what is loaded into a model changes it."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.longest import longest
from homeostat.record.check import Checks, Found
from homeostat.wording import plural


def check(bench: ShortRuns) -> Checks:
    found = Found("loading")
    loads = longest(bench).facts.loads
    if not loads:
        return
    fine = True
    own = [load for load in loads if load.own and not load.changed]
    if own:
        fine = False
        yield found.fault(
            f"load_state_dict changes nothing in {len(own)} of {plural(len(loads), 'call')}: what "
            f"is loaded into {own[0].model} are its own weights, a reference to them and not a "
            "copy; they went on training since they were put aside.",
            "Keep copy.deepcopy(model.state_dict()): state_dict() gives the tensors themselves.",
            calls=len(own),
        )
    lost = [load for load in loads if load.held_count and load.lost == load.held_count]
    if lost and len(lost) == sum(load.held_count > 0 for load in loads):
        fine = False
        yield found.warning(
            f"What is loaded into {lost[0].model} is gone before the first step: all "
            f"{plural(lost[0].lost, 'tensor')} have other values by then, as when weights are "
            "initialised after they were loaded.",
            "Initialise first, and load after that.",
            tensors=lost[0].lost,
        )
    strange = [load for load in loads if load.missing and load.unexpected]
    if strange:
        fine = False
        one = strange[0]
        share = one.missing / max(one.tensors, 1)
        say = found.fault if share >= 0.5 else found.warning
        yield say(
            f"load_state_dict(strict=False) leaves {one.missing} of {one.tensors} tensors of "
            f"{one.model} as they were: their names are not in what is loaded, which has "
            f"{plural(one.unexpected, 'other name')} ({one.example}).",
            "Rename the keys, such as by taking off a leading 'module.', and load strictly.",
            missing=one.missing, unexpected=one.unexpected,
        )  # fmt: skip
    if fine:
        yield found.ok(
            f"What is loaded into models is not their own: {plural(len(loads), 'call')}."
        )
