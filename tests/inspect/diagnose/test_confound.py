"""Two effects measured as one: a mechanism that brings another update rule with it."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

SPACE = hs.Space(
    update=hs.Choice(["adam unless mechanism", "adam", "sgd"], fixed="a switch"),
    mechanism=hs.Bool(default=True),
    strength=hs.Float(0.0, 1.0, default=0.1, when={"mechanism": True}),
)
NEUTRAL = {"penalty": {"mechanism": True, "strength": 0.0}}
REMEDIES = {
    "less of it": {"strength": 0.01},
    "one update for both": {"update": "adam"},
    "without it": {"mechanism": False},
}


def make(**more):
    @hs.workload(
        space=SPACE, metric="train_loss", goal="minimize", budget=60, neutral=NEUTRAL,
        remedies=REMEDIES, **more,
    )  # fmt: skip
    def loop(config, trial):
        draw = trial.torch_rng("data")
        x = torch.randn(64, 8, generator=draw)
        y = torch.sin(x.sum(1, keepdim=True))
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
        adam = torch.optim.Adam(model.parameters(), 1e-2)
        trial.watch(model, adam)
        mechanism = config.mechanism
        by_hand = config.update == "sgd" or (config.update != "adam" and mechanism)
        for step in trial.steps():
            loss = F.mse_loss(model(x), y)
            size = sum(p.square().sum() for p in model.parameters())
            adam.zero_grad()
            (loss + (1e-3 * config.strength * size if mechanism else 0.0)).backward()
            if by_hand:
                with torch.no_grad():
                    for p in model.parameters():
                        p.sub_(p.grad, alpha=1e-3)
            else:
                adam.step()
            yield hs.Report(step, train_loss=loss)

    return loop


@pytest.fixture(scope="module")
def found():
    return hs.diagnose(make(), seconds=30)


def test_the_mechanism_and_what_gave_it_away_are_named(found):
    (confound,) = found.confounds
    assert confound.mechanism == "penalty"
    assert "Adam is never asked for a step" in confound.saw
    assert not found.failed and found.outcome == "completed"


def test_the_cure_is_the_remedy_that_leaves_the_update_alone(found):
    (confound,) = found.confounds
    assert confound.cure == "one update for both"
    assert confound.swap == {"update": "sgd"}
    assert found.next_cure.changes == {"update": "adam"}


def test_four_runs_a_seed_give_each_its_own_effect(found):
    (confound,) = found.confounds
    assert set(confound.cells) == {(a, b) for a in (False, True) for b in (False, True)}
    assert {len(values) for values in confound.cells.values()} == {len(confound.seeds)}
    assert confound.of_update > 10 * abs(confound.of_mechanism)
    (first, *_) = confound.seeds
    for (mechanism, swapped), values in confound.cells.items():
        config = {"mechanism": mechanism, "update": "sgd" if swapped else "adam"}
        loss = list(make()(SPACE.resolve(config), hs.Trial(config, seed=first, budget=60)))
        assert abs(loss[-1].metrics["train_loss"] - values[0]) < 0.3


def test_it_is_told_in_words_and_as_json(found):
    text = str(found)
    assert "Two effects in one" in text and "The update explains" in text
    assert "--set update=adam" in text
    document = json.loads(json.dumps(found.to_json()))
    assert len(document["confounds"][0]["cells"]) == 4
    assert document["confounds"][0]["cure"] == "one update for both"


def test_a_fix_takes_the_cure_and_runs_it(tmp_path):
    found = hs.diagnose(make(), fix=True, results=tmp_path, seconds=10)
    assert found.fix.cures == ("one update for both",) and found.fix.stable
    assert found.fix.value < found.confounds[0].mean(True, True)


@pytest.mark.parametrize("given", [{"update": "adam"}, {"mechanism": False}])
def test_a_mechanism_that_leaves_the_update_alone_is_not_accused(given):
    assert hs.diagnose(make(), config=given, seconds=5).confounds == ()


def test_a_run_that_ended_well_is_read_from_its_folder(tmp_path, monkeypatch):
    script = tmp_path / "plain.py"
    script.write_text(
        "import homeostat as hs\n"
        "@hs.workload(space=hs.Space(a=hs.Float(0, 1, default=.5)), metric='val_loss',\n"
        "             goal='minimize', budget=30)\n"
        "def plain(config, trial):\n"
        "    for step in trial.steps():\n"
        "        yield hs.Report(step, val_loss=2.0 + 0.001 * (step % 2))\n"
    )
    record = hs.run(script, results=tmp_path / "results")
    notes = tmp_path / "NOTES.md"
    found = hs.diagnose(record.folder, workload=script, seconds=5, notes=notes)
    assert not found.failed and found.steps_seen == 30
    assert any("plateau" in finding.symptom for finding in found.findings), found.findings
    assert "diagnosed" in notes.read_text()
