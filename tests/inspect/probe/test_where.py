"""A knob is probed where it can act: conditions met, and no rule holding it."""

import homeostat as hs
from homeostat.inspect.probe.where import where_free
from homeostat.workloads.evolution.space import SPACE as EVOLUTION

SPACE = hs.Space(
    rules=[hs.Rule(when={"brain": "grown"}, set={"selection": "species"}, why="it needs time")],
    brain=hs.Choice(["grown", "wired"]),
    selection=hs.Choice(["rank", "species", "tournament"]),
    rounds=hs.Int(2, 8, default=3, when={"selection": "tournament"}),
    growth=hs.Float(0.0, 1.0, default=0.1, when={"brain": "grown"}),
)


def test_a_knob_that_a_rule_holds_is_probed_where_the_rule_is_out_of_force():
    free = where_free(SPACE, SPACE.resolve(), "selection")
    assert free["brain"] == "wired"


def test_a_condition_that_a_rule_forbids_is_met_by_leaving_the_rule():
    free = where_free(SPACE, SPACE.resolve(), "rounds")
    assert "rounds" in free.active and free["selection"] == "tournament"


def test_a_configuration_in_which_the_knob_is_free_is_left_as_it_is():
    config = SPACE.resolve()
    assert where_free(SPACE, config, "growth") is config


def test_a_knob_that_is_held_everywhere_is_free_nowhere():
    held = hs.Space(
        rules=[hs.Rule(when={}, set={"a": 1}, why="always")],
        a=hs.Int(1, 3, default=1),
    )
    assert where_free(held, held.resolve(), "a") is None


def test_every_searched_parameter_of_evolution_can_act_somewhere():
    for mode in ("pure", "hybrid", "neat"):
        config = EVOLUTION.resolve({"neural_mode": mode})
        for name in EVOLUTION.searched():
            assert where_free(EVOLUTION, config, name) is not None, (mode, name)
