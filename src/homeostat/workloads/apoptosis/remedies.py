"""The mechanism at its neutral setting, and the ladder of single changes that might cure."""

from __future__ import annotations

from typing import Any

from homeostat.space.moves import down, up

NEUTRAL: dict[str, dict[str, Any]] = {
    # Every layer at full strength: nothing may differ from the baseline, least of all the update.
    "senescence": {"senescence": True, "ageing": False, "apoptosis": False, "temperature": False},
}

REMEDIES: dict[str, dict[str, Any]] = {
    "the baseline's optimiser": {"update_rule": "adamw"},
    "a residual gate": {"influence": "gate"},
    "the dropout method (the guide's experiment 4)": {"influence": "element_dropout"},
    "weight pruning": {"influence": "weight_pruning"},
    "fewer dynamic layers (configuration A)": {"architecture": "A"},
    "only the output layer dies (configuration D)": {"architecture": "D"},
    "no ceiling": {"plasticity_ceiling": up(at_least=1.0)},
    "a ceiling only while immature": {"ceiling": "while_immature"},
    "roles that rotate": {"roles": "rotating"},
    "noise in units of the weights": {"mutation": "relative"},
    "silent newborns": {"birth": "zero_output"},
    "temperature off": {"temperature": False},
    "dropout scaling off": {"dropout_scaling": False},
    "a lower rate": {"lr": down(times=0.1)},
    "no senescence": {"senescence": False},
}
