"""Every kind of options: found, given back on the command line, and spoken of by its own name."""

import pytest

from homeostat.inspect.probe.audit import probe
from homeostat.workload import load
from homeostat.workload.trial import Trial

# script, its own arguments, what the kind needs, the option of the learning rate
KINDS = [
    ("with_click.py", " -- fit", "click", "--lr"),
    ("with_typer.py", "", "typer", "--lr"),
    ("with_tyro.py", "", "tyro", "--optimizer.lr"),
    ("with_absl.py", "", "absl", "--lr"),
    ("with_fire.py", "", "fire", "--lr"),
    ("with_hydra.py", "", "hydra", "optimizer.lr"),
    ("with_constants.py", "", "numpy", "LR"),
    ("with_configurator.py", "", "numpy", "--lr"),
]


@pytest.mark.parametrize(("name", "own", "package", "flag"), KINDS)
def test_a_script_is_found_run_and_probed(at_desk, name, own, package, flag):
    pytest.importorskip(package)
    found = load.find(f"{name}{own}")
    assert (found.metric, found.goal, found.budget) == ("val_loss", "minimize", 12)
    flags = [found.words.knob(knob) for knob in found.space]
    assert flag in flags
    assert len(flags) == (3 if name == "with_constants.py" else 4)

    rate = next(knob for knob in found.space if found.words.knob(knob) == flag)

    def last(**values):
        trial = Trial(found.space.resolve(values), seed=values.pop("seed", 1), budget=12)
        reports = list(found(trial.config, trial))
        assert len(reports) == 12
        return reports[-1].metrics["val_loss"]

    assert last() == last()
    assert last(**{rate: 0.001}) > last()

    audit = probe(found, seconds=90, only=["runs", "repeats", "knobs"])
    (dead,) = audit.faults
    assert "warmup" in dead.saw.lower()
    assert "seeds" not in [check.name for check in audit.checks if check.status == "fault"]
