"""Laws of the verdict: beside simple models and a constant, by the end, and by both curves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import homeostat as hs
from homeostat.inspect.probe.skill import measure
from homeostat.inspect.probe.trend import trend
from homeostat.inspect.tracer.recording import Activation, ActivationLook, Call, Pair, Recording
from homeostat.workload.report import Report

SPACE = hs.Space(lr=hs.Float(1e-4, 1e-1, log=True, default=1e-2))
WHOLE = st.lists(st.integers(-1000, 1000), min_size=4, max_size=40)


@given(WHOLE, st.sampled_from([0.25, 2.0, 64.0]))
@settings(deadline=None)
def test_a_trend_turns_round_with_its_curve_and_never_with_its_scale(values, scale):
    turned = {"falls": "rises", "rises": "falls"}
    word = trend(values).word
    assert trend([-v for v in values]).word == turned.get(word, word)
    assert trend([scale * v for v in values]).word == word


@given(st.integers(4, 40), st.floats(0.05, 10.0))
@settings(deadline=None)
def test_a_curve_that_only_rises_rises(length, slope):
    assert trend([1.0 + slope * k for k in range(length)]).word == "rises"


def classes(rows=240):
    g = torch.Generator().manual_seed(0)
    y = torch.arange(rows) % 4
    return 2.0 * F.one_hot(y, 6).float() + 0.5 * torch.randn(rows, 6, generator=g), y


def loop(config, trial, *, learns):
    x, y = classes()
    net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 4))
    opt = torch.optim.Adam(net.parameters(), lr=config.lr if learns else 1e-9)
    trial.watch(net, opt)
    for step in trial.steps():
        for rows in torch.randperm(180).split(30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(x[180:]).argmax(1) == y[180:]).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@hs.workload(space=SPACE, metric="val_acc", goal="maximize", budget=10)
def good(config, trial):
    yield from loop(config, trial, learns=True)


@hs.workload(space=SPACE, metric="val_acc", goal="maximize", budget=10)
def idle(config, trial):
    yield from loop(config, trial, learns=False)


def test_a_network_far_below_simple_models_leaves_with_that_verdict():
    result = hs.probe(idle, only=["learning"], seconds=60)
    (finding,) = result.checks
    assert finding.status in ("fault", "warning") and "simple models reach" in finding.saw
    assert finding.evidence["simple"] > 0.9 and finding.evidence["network"] < 0.6
    assert "accuracy, which is val_acc" in finding.saw
    assert result.verdict.word == "does not learn"


def test_one_that_learns_is_said_to_learn():
    result = hs.probe(good, only=["learning"], seconds=60)
    assert result.verdict.word == "learns", result.checks


def recorded(predicted, target):
    run = Recording(config=None, seed=0, budget=1)
    run.train_data = run.validation_data = classes()
    run.last_scored = [Pair("equality", target, predicted)]
    run.reports = [Report(0, val_acc=float((predicted == target).float().mean()))]
    return run


def test_skill_is_0_for_a_constant_and_1_for_the_truth_and_falls_as_answers_are_spoilt():
    _, y = classes()
    shares = []
    for spoilt in (0.0, 0.3, 0.6, 1.0):
        wrong = torch.from_numpy(np.random.default_rng(0).random(len(y)) < spoilt)
        skill = measure(recorded(torch.where(wrong, torch.zeros_like(y), y), y), "val_acc")
        shares.append(skill.network_skill)
    assert shares[0] == pytest.approx(1.0) and shares[-1] == pytest.approx(0.0, abs=1e-6)
    assert shares == sorted(shares, reverse=True)


def test_targets_that_a_network_made_are_no_labels():
    _, y = classes()
    run = recorded(y, y)
    run.last_scored = [Pair("equality", y, y, made=True)]
    assert measure(run, "val_acc") is None


@given(st.integers(10, 200), st.integers(3, 9))
@settings(deadline=None)
def test_units_that_die_are_dead_at_the_end_whatever_they_were_before(updates, died):
    looks = [ActivationLook(u, torch.full((8,), u < died), rows=4) for u in range(0, updates)]
    layer = Activation("relu", "0", 1, looks)
    assert bool(layer.alive(layer.looks).all())
    if min(0.8 * updates, updates - 3) >= died:
        assert not bool(layer.alive(layer.late(updates)).any())


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=30)
def rises(config, trial):
    """The sign of the loss is right, and each step is far too long."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(64, 4, generator=g)
    net = nn.Linear(4, 1)
    opt = torch.optim.SGD(net.parameters(), lr=1.2)
    trial.watch(net, opt)
    for step in trial.steps():
        loss = (net(x) - 1).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_loss=loss.clamp(max=1e6))


def test_a_loss_that_rises_is_never_in_order():
    result = hs.probe(rises, only=["descent", "learning"], seconds=60)
    told = {check.name: check for check in result.checks}
    assert told["descent"].status in ("fault", "warning"), told
    assert told["learning"].status != "ok", told


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_tokens_are_held_against_what_usually_follows_each(kept):
    g = torch.Generator().manual_seed(0)
    follow = torch.randperm(9, generator=g)
    ids = torch.randint(9, (200, 8), generator=g)
    for t in range(1, 8):
        stay = torch.rand(200, generator=g) < kept
        ids[:, t] = torch.where(stay, follow[ids[:, t - 1]], ids[:, t])
    run, model = Recording(None, 0, 1), nn.Embedding(9, 9)
    for part, learnt in ((ids[:150], True), (ids[150:], False)):
        call = Call(1, 0, "net", model, learnt, learnt, args=(part[:, :-1],), learnt_from=learnt)
        call.pairs.append(Pair("cross_entropy", part[:, 1:].flatten()))
        run.calls.append(call)
    truth = ids[150:, 1:].flatten()
    right = F.one_hot(truth, 9).float()
    run.last_scored.append(Pair("cross_entropy", truth, right))
    skill = measure(run, "val_loss")
    assert skill.network == 1.0
    assert skill.simple == pytest.approx(kept + (1 - kept) / 9, abs=0.08)
    assert skill.constant < 0.25
    assert skill.held_out
