"""Laws of questions about what passes begin from, what moves weights, and what is reported."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs
from homeostat.inspect.checks.validation_rows import _same_targets

from .asked import ask, called, suspects

X = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()


def looped(step, report=None, build=lambda: nn.Linear(5, 3), opt=torch.optim.Adam):
    """Batches of 20, one step each by `step(net, optimizer, rows)`, then a report."""

    def loop(config, trial):
        net = build()
        optimizer = opt(net.parameters(), lr=config.lr)
        trial.watch(net, optimizer)
        for epoch in trial.steps():
            for rows in torch.randperm(60, generator=trial.torch_rng("order")).split(20):
                loss = step(net, optimizer, rows)
            told = report(net) if report else {}
            yield hs.Report(epoch, **{"val": loss.detach(), **told})

    return loop


def plain(net, optimizer, rows):
    loss = F.cross_entropy(net(X[rows]), Y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize("start", ["nothing", "a half", "the loss"])
def test_a_pass_that_begins_from_a_number_that_changes_is_told(start):
    def step(net, optimizer, rows):
        loss = F.cross_entropy(net(X[rows]), Y[rows])
        optimizer.zero_grad()
        loss.backward(
            {"nothing": None, "a half": torch.tensor(0.5), "the loss": loss.detach()}[start]
        )
        optimizer.step()
        return loss

    found = suspects(ask("backward start", of=looped(step)))
    assert len(found) == (start == "the loss")
    assert all("the loss itself" in f.saw for f in found)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("used_again", [False, True])
def test_what_is_written_over_is_told_only_where_it_is_used_again(inplace, used_again):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)
            self.inner = nn.Sequential(nn.ReLU(inplace=inplace), nn.Linear(8, 8))

        def forward(self, x):
            h = self.first(x)
            out = self.inner(h)
            return self.last(out + h if used_again else out)

    found = suspects(ask("in place", of=looped(plain, build=Net)))
    assert len(found) == (inplace and used_again)


@pytest.mark.parametrize("restored", [False, True])
def test_weights_put_in_for_scoring_are_put_back(restored):
    slow = {}

    def report(net):
        own = copy.deepcopy(net.state_dict())
        for name, value in own.items():
            slow[name] = 0.9 * slow.get(name, torch.zeros_like(value)) + 0.1 * value
        net.load_state_dict(slow)
        if restored:
            net.load_state_dict(own)
        return {}

    found = suspects(ask("weights between steps", of=looped(plain, report)))
    assert len(found) == (not restored)


@pytest.mark.parametrize("clipped", ["each step", "each report", "never"])
def test_weights_that_are_clipped_in_each_step_are_no_leftover_of_a_score(clipped):
    def clip(net):
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(0.9)

    def step(net, optimizer, rows):
        loss = plain(net, optimizer, rows)
        if clipped == "each step":
            clip(net)
        return loss

    def report(net):
        if clipped == "each report":
            clip(net)
        return {}

    found = suspects(ask("weights between steps", of=looped(step, report)))
    assert len(found) == (clipped == "each report")


@pytest.mark.parametrize("how", ["right", "percent", "never reset", "by one batch", "smoothed"])
def test_an_accuracy_is_counted_anew(how):
    nets = {}

    def report(net):
        seen = nets.setdefault(id(net), {"net": net, "hits": 0, "rows": 0, "mean": 0.0})
        if how != "never reset":
            seen.update(hits=0, rows=0)
        for x, y in zip(X.split(20), Y.split(20), strict=True):
            with torch.no_grad():
                seen["hits"] += int((net(x).argmax(1) == y).sum())
            seen["rows"] += len(y)
        acc = seen["hits"] / (20 if how == "by one batch" else seen["rows"])
        seen["mean"] = 0.5 * seen["mean"] + 0.5 * acc
        acc = seen["mean"] if how == "smoothed" else acc
        return {"val_acc": 100 * acc if how == "percent" else acc}

    found = suspects(ask("accuracy", of=looped(plain, report), budget=8))
    assert [f.status for f in found] == {"never reset": ["warning"], "by one batch": ["fault"]}.get(
        how, []
    )


@pytest.mark.parametrize("seeded", [False, True])
def test_the_same_noise_in_each_report_is_told_with_what_seeds_it(seeded):
    def loop(config, trial):
        net = nn.Linear(5, 3)
        optimizer = torch.optim.SGD(net.parameters(), lr=config.lr)
        trial.watch(net, optimizer)
        g = torch.Generator().manual_seed(3)
        for epoch in trial.steps():
            if seeded:
                g.manual_seed(5)
            for rows in torch.randperm(60, generator=g).split(20):
                loss = F.cross_entropy(net(X[rows] + torch.randn(20, 5, generator=g)), Y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            yield hs.Report(epoch, val=loss)

    found = suspects(ask("training rows", of=loop))
    assert len(found) == seeded
    assert all("manual_seed(5)" in f.saw for f in found)
    assert isinstance(torch.Generator(), torch.Generator)


@pytest.mark.parametrize("twice", [False, True])
def test_a_sigmoid_of_a_softmax_is_told(twice):
    def step(net, optimizer, rows):
        p = net(X[rows]).softmax(1)
        p = p.sigmoid() if twice else p
        loss = -(p * F.one_hot(Y[rows], 3)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    assert len(suspects(ask("last operation", of=looped(step)))) == twice


@pytest.mark.parametrize("own", [False, True])
def test_a_loss_between_two_things_that_do_not_learn_is_told(own):
    teacher = nn.Linear(5, 3)

    def step(net, optimizer, rows):
        with torch.no_grad():
            said = teacher(X[rows]).softmax(1)
        out = net(X[rows])
        soft = F.kl_div(said.log() if own else F.log_softmax(out, 1), said, reduction="batchmean")
        loss = F.cross_entropy(out, Y[rows]) + 0.5 * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    found = suspects(ask("loss terms", of=looped(step)))
    assert len(found) == own
    assert all("kl_div" in f.saw for f in found)


@pytest.mark.parametrize("times", ["whole", "divided", "divided twice"])
def test_a_loss_that_is_reported_is_the_loss(times):
    def step(net, optimizer, rows):
        total = 0.0
        optimizer.zero_grad()
        for part in rows.chunk(4):
            loss = F.cross_entropy(net(X[part]), Y[part]) / 4
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return {"whole": total, "divided": total / 4, "divided twice": total / 16}[times]

    def loop(config, trial):
        for report in looped(step)(config, trial):
            yield hs.Report(
                report.step, val=report.metrics["val"], train_loss=report.metrics["val"]
            )

    found = suspects(ask("reported losses", of=loop))
    assert len(found) == (times != "whole")


def test_a_mean_of_several_losses_in_one_pass_is_not_divided_once_too_often():
    def step(net, optimizer, rows):
        loss = sum(F.cross_entropy(net(X[part]), Y[part]) for part in rows.chunk(4)) / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def loop(config, trial):
        for report in looped(step)(config, trial):
            val = report.metrics["val"]
            yield hs.Report(report.step, val=val, train_loss=val)

    assert not suspects(ask("reported losses", of=loop))


def test_an_error_below_the_logarithm_of_probabilities_is_no_range_of_theirs():
    def step(net, optimizer, rows):
        loss = F.kl_div(F.log_softmax(net(X[rows]), 1), F.one_hot(Y[rows], 3).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    assert not suspects(ask("output range", of=looped(step)))


def test_rows_altered_beyond_likeness_are_known_by_their_targets():
    g = torch.Generator().manual_seed(1)
    rows, other = torch.randn(60, 12, generator=g), torch.randn(60, 12, generator=g)
    target = torch.randint(4, (60,), generator=g)

    def seen(x):
        return called(nn.Linear(12, 4), x, target=target)

    altered = 0.3 * rows + torch.randn(60, 12, generator=g)
    assert _same_targets(seen(rows), seen(altered), 0.25)
    assert not _same_targets(seen(rows), seen(other), 0.0)


@pytest.mark.parametrize("inside", [True, False])
def test_batches_that_no_pass_reaches_are_told(inside):
    def loop(config, trial):
        net = nn.Linear(5, 3)
        optimizer = torch.optim.SGD(net.parameters(), lr=config.lr)
        trial.watch(net, optimizer)
        for epoch in trial.steps():
            for rows in torch.randperm(60).split(10):
                loss = F.cross_entropy(net(X[rows]), Y[rows])
                if inside:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            if not inside:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            yield hs.Report(epoch, val=loss)

    assert len(suspects(ask("batches learnt from", of=loop))) == (not inside)


@pytest.mark.parametrize("against", ["data", "itself"])
def test_what_is_trained_against_data_is_scored_against_data(against):
    def step(net, optimizer, rows):
        loss = F.mse_loss(net(X[rows]), X[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def report(net):
        with torch.no_grad():
            said = net(X)
            return {"val_loss": F.mse_loss(net(said), X if against == "data" else said)}

    found = ask("scored targets", of=looped(step, report, build=lambda: nn.Linear(5, 5)))
    assert len(suspects(found)) == (against == "itself")


@pytest.mark.parametrize("late", [False, True])
def test_what_is_loaded_is_still_there_in_the_first_step(late):
    def build():
        net = nn.Linear(5, 3)
        if not late:
            nn.init.zeros_(net.bias)
        net.load_state_dict(nn.Linear(5, 3).state_dict())
        if late:
            for p in net.parameters():
                nn.init.uniform_(p, -0.1, 0.1)
        return net

    assert len(suspects(ask("loading", of=looped(plain, build=build)))) == late


@pytest.mark.parametrize("underscore", [False, True])
def test_requires_grad_of_a_module_freezes_nothing(underscore):
    def build():
        net = nn.Sequential(nn.Linear(5, 8), nn.Linear(8, 3))
        if underscore:
            net[0].requires_grad_(False)
        else:
            net[0].requires_grad = False
        return net

    assert len(suspects(ask("frozen parts", of=looped(plain, build=build)))) == (not underscore)


def test_gradients_that_the_loop_puts_there_itself_need_no_clearing():
    def step(net, optimizer, rows):
        loss = F.cross_entropy(net(X[rows]), Y[rows])
        weights = list(net.parameters())
        for p, g in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            p.grad = g
        optimizer.step()
        return loss

    assert not suspects(ask("order", of=looped(step)))


def test_rows_that_a_model_made_are_no_altered_validation():
    body = nn.Linear(5, 4)

    def step(net, optimizer, rows):
        loss = F.cross_entropy(net(body(X[rows])), Y[rows])
        optimizer.zero_grad()
        body.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for p in body.parameters():
                p -= 0.1 * p.grad
        return loss

    def report(net):
        with torch.no_grad():
            return {"val_loss": F.cross_entropy(net(body(X)), Y)}

    found = ask("validation rows", of=looped(step, report, build=lambda: nn.Linear(4, 3)))
    assert not suspects(found)
