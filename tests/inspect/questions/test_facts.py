"""Laws of what the tracer notes for the questions: the fault planted in a short loop, or not."""

import copy
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import homeostat as hs
from homeostat.inspect.checks.alike import _different
from homeostat.inspect.checks.shift import _shift
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.meetings import RANGES, meeting

from .asked import ask, suspects, training

quick = settings(max_examples=25, deadline=None)
X = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
LASTS = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp,
    "softplus": F.softplus, "softmax": lambda x: x.softmax(1), "none": lambda x: x,
    "elu": F.elu, "logsigmoid": F.logsigmoid, "abs": torch.abs,
}  # fmt: skip


@quick
@given(
    last=st.sampled_from(sorted(LASTS)), reshaped=st.booleans(), seed=st.integers(0, 999),
    shift=st.floats(-3, 3), scale=st.floats(0.1, 4),
)  # fmt: skip
def test_targets_are_out_of_reach_exactly_where_no_input_gives_them(
    last, reshaped, seed, shift, scale
):
    g = torch.Generator().manual_seed(seed)
    hidden = torch.randn(40, 3, generator=g, requires_grad=True)
    predicted = LASTS[last](hidden)
    target = shift + scale * torch.randn(40, 3, generator=g)
    if reshaped:
        predicted, target = predicted.reshape(-1, 1).squeeze(1), target.reshape(-1)
    m = meeting("mse_loss", predicted, target, None, None, 0)
    low, high = RANGES.get(f"{m.origin}Backward0", (-float("inf"), float("inf")))
    reachable = LASTS[last](torch.linspace(-60, 60, 4001)[:, None].repeat(1, 3) * torch.tensor(
        [1.0, -1.0, 0.0]
    ))  # fmt: skip
    assert float(reachable.min()) >= low - 1e-6
    assert float(reachable.max()) <= high + 1e-6
    clearly = (target < low - 0.1 * target.std()) | (target > high + 0.1 * target.std())
    assert m.outside >= float(clearly.double().mean()) - 1e-9
    assert (m.outside == 0) == bool(((target >= low) & (target <= high)).all()) or m.outside < 0.1


@quick
@given(
    units=st.integers(4, 30), columns=st.integers(2, 9), groups=st.integers(1, 30),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_units_are_counted_once_for_each_different_row(units, columns, groups, seed):
    g = torch.Generator().manual_seed(seed)
    groups = min(groups, units)
    rows = torch.randn(groups, columns, generator=g)
    which = torch.cat([torch.arange(groups), torch.randint(groups, (units - groups,), generator=g)])
    assert _different(rows[which]) == groups


@quick
@given(
    shift=st.sampled_from([-2, -1, 0, 1, 2, 3]), flat=st.booleans(), rows=st.integers(3, 9),
    width=st.integers(8, 16), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_shift_of_targets_is_read_off_them(shift, flat, rows, width, seed):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(30, (rows, width + 6), generator=g)
    shown, target = tokens[:, 3 : 3 + width], tokens[:, 3 + shift : 3 + shift + width]
    assert _shift(shown, target.reshape(-1) if flat else target) == shift


def test_other_targets_have_no_shift():
    g = torch.Generator().manual_seed(0)
    tokens, target = torch.randint(30, (2, 8, 12), generator=g)
    assert _shift(tokens, target) is None
    assert _shift(tokens, torch.randint(3, (8,), generator=g)) is None


def net(outputs=3, *last):
    return lambda: nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, outputs), *last)


@pytest.mark.parametrize(
    ("question", "build", "loss", "y"),
    [
        ("last operation", net(1, nn.Softmax(dim=1)), lambda a, b: F.mse_loss(a[:, 0], b), Y / 2),
        ("last operation", net(3, nn.ReLU()), F.cross_entropy, Y),
        ("last operation", net(3, nn.Sigmoid()), F.cross_entropy, Y),
        ("last operation", net(1), F.cross_entropy, torch.zeros(64, dtype=torch.long)),
        ("output range", net(1, nn.ReLU()), lambda a, b: F.mse_loss(a[:, 0], b), Y - 1.0),
        ("output range", net(1), lambda a, b: F.binary_cross_entropy_with_logits(a[:, 0], b),
         Y - 1.0),
        ("broadcast", net(1), lambda a, b: (a - b).square().mean(), Y.float()),
        ("broadcast", net(1), lambda a, b: (a * b).mean(), Y.float()),
        ("input scale", lambda: nn.Sequential(Times(200.0), *net(3)()), F.cross_entropy, Y),
    ],
)  # fmt: skip
def test_a_wrong_ending_is_named(question, build, loss, y):
    assert suspects(ask(question, of=training(build, loss, X, y), budget=3))


@pytest.mark.parametrize(
    ("build", "loss", "y"),
    [
        (net(3), F.cross_entropy, Y),
        (net(3, nn.LogSoftmax(dim=1)), F.nll_loss, Y),
        (net(1, nn.Sigmoid()), lambda a, b: F.mse_loss(a[:, 0], b), Y / 2),
        (net(1), lambda a, b: (a[:, 0] - b).square().mean(), Y.float()),
        (net(1), lambda a, b: F.relu(1 - (a - a.t()) * (b[:, None] - b)).mean(), Y.float()),
        (lambda: nn.Sequential(nn.BatchNorm1d(5), *net(3)()), F.cross_entropy, Y),
    ],
)  # fmt: skip
def test_a_right_ending_is_not_accused(build, loss, y):
    endings = ("last operation", "output range", "broadcast", "input scale")
    assert not suspects(ask(*endings, of=training(build, loss, X, y), budget=3))


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_summand_that_teaches_nobody_is_named(cut, parts):
    """Losses of a generator and a critic; one summand may reach the critic only."""

    def loop(config, trial):
        g, d = nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        opt_g = torch.optim.SGD(g.parameters(), lr=config.lr)
        opt_d = torch.optim.SGD(d.parameters(), lr=config.lr)
        trial.watch(g, d, opt_g, opt_d)
        for step in trial.steps():
            fake = g(torch.randn(8, 3))
            loss = 0.1 * fake.square().mean()
            for _ in range(parts):
                loss = loss - d(fake.detach() if cut else fake).mean()
            opt_g.zero_grad()
            loss.backward()
            opt_g.step()
            opt_d.zero_grad()
            (d(fake.detach()).mean() - d(torch.randn(8, 2)).mean()).backward()
            opt_d.step()
            yield hs.Report(step, val=loss)

    assert bool(suspects(ask("loss terms", of=loop))) == cut


@pytest.mark.parametrize("way", ["whole", "number", "detached", "new"])
def test_a_loss_without_a_graph_and_a_summand_that_is_a_number_are_named(way):
    def loss_of(out, y):
        first, second = F.cross_entropy(out, y), out.square().mean()
        if way == "new":
            return torch.tensor(float(first), requires_grad=True)
        return first + {"whole": second, "number": torch.tensor(float(second))}.get(
            way, second.detach()
        )

    findings = suspects(ask("loss terms", of=training(net(), loss_of, X, Y), budget=4))
    assert bool(findings) == (way != "whole")


@pytest.mark.parametrize("clear", [True, False])
def test_a_gradient_that_another_loss_left_is_named(clear):
    def loop(config, trial):
        g, d = nn.Linear(3, 2), nn.Linear(2, 1)
        opt_g = torch.optim.SGD(g.parameters(), lr=config.lr)
        opt_d = torch.optim.SGD(d.parameters(), lr=config.lr)
        trial.watch(g, d, opt_g, opt_d)
        for step in trial.steps():
            opt_g.zero_grad()
            opt_d.zero_grad()
            fake = g(torch.randn(8, 3))
            (-d(fake).mean()).backward()
            opt_g.step()
            if clear:
                opt_d.zero_grad()
            loss = d(fake.detach()).square().mean()
            loss.backward()
            opt_d.step()
            yield hs.Report(step, val=loss)

    assert bool(suspects(ask("gradients of others", of=loop, budget=8))) == (not clear)


@settings(max_examples=4, deadline=None)
@given(passes=st.integers(3, 5), divided=st.booleans())
def test_accumulated_passes_are_counted_and_their_division_seen(passes, divided):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            opt.zero_grad()
            for rows in torch.randperm(60).split(60 // passes)[:passes]:
                loss = F.cross_entropy(model(X[rows]), Y[rows])
                (loss / passes if divided else loss).backward()
            opt.step()
            yield hs.Report(step, val=loss)

    findings = suspects(ask("accumulation", of=loop))
    assert bool(findings) == (not divided)
    assert all(f"{passes} backward passes" in f.saw for f in findings)


def test_several_losses_a_step_are_no_accumulation():
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            opt.zero_grad()
            out = model(X)
            F.cross_entropy(out, Y).backward(retain_graph=True)
            F.mse_loss(out, torch.zeros_like(out)).backward(retain_graph=True)
            out.abs().mean().backward()
            opt.step()
            yield hs.Report(step, val=out.mean())

    assert not suspects(ask("accumulation", of=loop))


@pytest.mark.parametrize("how", ["own", "copied", "prefixed", "partly"])
def test_a_load_without_effect_is_named(how):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        state = model.state_dict()
        kept = state if how == "own" else copy.deepcopy(state)
        if how == "prefixed":
            kept = {f"module.{n}": t for n, t in kept.items()}
        if how == "partly":  # a new head, as in fine-tuning
            kept = {n: t for n, t in kept.items() if not n.startswith("2.")}
        for step in trial.steps():
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            if step == trial.budget - 1:
                model.load_state_dict(kept, strict=False)
            yield hs.Report(step, val=loss)

    assert bool(suspects(ask("loading", of=loop))) == (how in ("own", "prefixed"))


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("better", ["lower", "higher"])
def test_a_plateau_is_looked_for_in_the_direction_of_the_metric(mode, better):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode=mode)
        trial.watch(model, opt)
        for step in trial.steps():
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            val = float(loss) if better == "lower" else -float(loss)
            sched.step(val)
            yield hs.Report(step, val=val)

    goal = "minimize" if better == "lower" else "maximize"
    wrong = (mode == "min") != (better == "lower")
    assert bool(suspects(ask("rate", of=loop, goal=goal))) == wrong


@settings(max_examples=4, deadline=None)
@given(each=st.sampled_from(["batch", "epoch"]), gamma=st.sampled_from([0.1, 0.3]))
@pytest.mark.slow
def test_a_rate_is_spent_early_where_an_epochs_schedule_is_stepped_each_batch(each, gamma):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        sched = torch.optim.lr_scheduler.MultiStepLR(opt, [3, 5, 6, 7], gamma=gamma)
        trial.watch(model, opt)
        for step in trial.steps():
            for rows in torch.randperm(64).split(8):
                loss = F.cross_entropy(model(X[rows]), Y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
                if each == "batch":
                    sched.step()
            if each == "epoch":
                sched.step()
            yield hs.Report(step, val=loss)

    assert bool(suspects(ask("rate", of=loop, budget=8))) == (each == "batch")


@pytest.mark.parametrize("anew", ["never", "optimiser", "both"])
def test_optimisers_and_schedules_that_are_made_anew_are_named(anew):
    def loop(config, trial):
        model = net()()

        def make():
            opt = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9)
            return opt, torch.optim.lr_scheduler.StepLR(opt, 2, gamma=0.5)

        opt, sched = make()
        trial.watch(model, opt)
        for step in trial.steps():
            if anew == "optimiser":
                opt = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9)
            elif anew == "both":
                opt, sched = make()
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            yield hs.Report(step, val=loss)

    findings = suspects(ask("optimiser life", of=loop))
    assert bool(findings) == (anew != "never")
    assert any(f.status == "fault" for f in findings) == (anew == "both")


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kinds", [2, 5])
def test_batches_of_one_class_each_are_named(ordered, kinds):
    y = torch.arange(120) % kinds
    x = torch.randn(120, 5, generator=torch.Generator().manual_seed(0)) + y[:, None]

    def loop(config, trial):
        model = nn.Linear(5, kinds)
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        order = torch.argsort(y) if ordered else torch.randperm(120)
        for step in trial.steps():
            for rows in order.split(10):
                loss = F.cross_entropy(model(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            yield hs.Report(step, val=loss)

    findings = suspects(ask("shuffling", of=loop, budget=3))
    assert [f.status for f in findings] == (["fault"] if ordered else [])


@pytest.mark.parametrize("guard", ["none", "clamped", "epsilon"])
def test_a_mean_over_nothing_is_named(guard):
    def loop(config, trial):
        model = nn.Linear(5, 1)
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            error = (model(X)[:, 0] - X[:, 0]).abs()
            active = error > (0.5 if step < 3 else 100)
            count = active.sum()
            count = {"none": count, "clamped": count.clamp(min=1), "epsilon": count + 1e-6}[guard]
            loss = error[active].sum() / count
            opt.zero_grad()
            loss.backward()
            opt.step()
            yield hs.Report(step, val=error.mean())

    assert bool(suspects(ask("empty means", of=loop))) == (guard == "none")


@pytest.mark.parametrize("eps", [1e-8, 1e-4])
def test_an_epsilon_that_float16_does_not_know_is_named(eps):
    def loop(config, trial):
        model = nn.Linear(5, 3).half()
        opt = torch.optim.Adam(model.parameters(), lr=config.lr, eps=eps)
        trial.watch(model, opt)
        for step in trial.steps():
            loss = F.cross_entropy(model(X.half()).float(), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            yield hs.Report(step, val=1.0)

    assert bool(suspects(ask("half precision", of=loop, budget=2))) == (eps == 1e-8)


@pytest.mark.parametrize("buffers", [True, False])
def test_an_average_without_buffers_is_named(buffers):
    def loop(config, trial):
        model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
        average = copy.deepcopy(model).eval()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 0.2)
                if buffers:
                    for slow, fast in zip(average.buffers(), model.buffers(), strict=True):
                        slow.copy_(fast)
                val = F.cross_entropy(average(X), Y)
            yield hs.Report(step, val=val)

    assert bool(suspects(ask("running statistics", of=loop))) == (not buffers)


@pytest.mark.parametrize("way", ["kept", "lost", "never"])
def test_dropout_that_stops_after_an_evaluation_is_named(way):
    class Drop(nn.Module):
        def __init__(self):
            super().__init__()
            self.p, self.body = 0.5 if way != "never" else 0.0, nn.Linear(5, 3)

        def forward(self, x):
            if way == "lost" and not self.training:
                self.p = 0.0
            return F.dropout(self.body(x), self.p, training=self.training)

    loop = training(Drop, F.cross_entropy, X, Y)
    assert bool(suspects(ask("randomness", of=loop))) == (way == "lost")


@pytest.mark.parametrize("way", ["argmax", "softmax over classes", "softmax over the batch"])
def test_an_accuracy_is_counted_anew_from_what_was_scored(way):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.Adam(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                out = model(X)
                if way != "argmax":
                    out = F.softmax(out, dim=1 if "classes" in way else 0)
                acc = (out.argmax(1) == Y).float().mean()
            yield hs.Report(step, val=acc)

    findings = suspects(ask("accuracy", of=loop, goal="maximize"))
    assert bool(findings) == ("batch" in way)


@settings(max_examples=4, deadline=None)
@given(factor=st.sampled_from([1.0, 6.0, 255.0]), offset=st.sampled_from([0.0, 3.0]))
def test_scored_inputs_of_another_scale_are_named(factor, offset):
    x = torch.randn(64, 10, generator=torch.Generator().manual_seed(1))

    def loop(config, trial):
        model = nn.Linear(10, 3)
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            loss = F.cross_entropy(model(x), Y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                val = F.cross_entropy(model(factor * x.flip(0) + offset), Y)
            yield hs.Report(step, val=val)

    findings = suspects(ask("scored inputs", of=loop, budget=3))
    assert bool(findings) == (factor > 1 or offset > 0)
    assert any(f.status == "fault" for f in findings) == (factor > 4)


@pytest.mark.parametrize("divided", [True, False])
def test_settings_that_are_declared_equal_give_the_same_update_or_are_named(divided):
    space = hs.Space(parts=hs.Int(1, 8, default=1), lr=hs.Float(1e-4, 1.0, default=1e-2))
    equal = [{"parts": 1}, {"parts": 4}]

    @hs.workload(space=space, metric="val", goal="minimize", budget=3, equivalent=equal)
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            opt.zero_grad()
            for rows in torch.arange(64).split(64 // config.parts):
                loss = F.cross_entropy(model(X[rows]), Y[rows])
                (loss / config.parts if divided else loss).backward()
            opt.step()
            yield hs.Report(step, val=loss)

    findings = hs.probe(loop, only=["equalities"], seconds=8).checks
    assert [f.status for f in findings] == (["ok"] if divided else ["fault"])


@pytest.mark.parametrize("given", [[{"lr": 0.1}], [3, 4], [[{"lr": 0.1}, {"rate": 1}]]])
def test_equalities_that_cannot_be_are_refused_with_one_line(given):
    with pytest.raises(hs.errors.WorkloadError, match="equivalent"):
        hs.workload(
            space=hs.Space(lr=hs.Float(0.0, 1.0)), metric="m", goal="minimize", budget=1,
            equivalent=given,
        )(lambda config, trial: iter(()))  # fmt: skip


@pytest.mark.parametrize("moved", ["viewed", "permuted", "kept"])
def test_a_view_that_makes_classes_of_places_is_named(moved):
    x = torch.randn(24, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long()

    def loss_of(out, target):
        if moved == "kept":
            return F.cross_entropy(out, target)
        flat = out if moved == "viewed" else out.permute(0, 2, 3, 1).contiguous()
        return F.cross_entropy(flat.view(-1, 2), target.reshape(-1))

    loop = training(lambda: nn.Conv2d(1, 2, 3, padding=1), loss_of, x, y)
    findings = suspects(ask("last operation", of=loop, budget=2))
    assert [f.status for f in findings] == (["fault"] if moved == "viewed" else [])


@pytest.mark.parametrize("kept", [True, False])
def test_a_frozen_weight_that_its_optimiser_moves_is_named(kept):
    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9)
        trial.watch(model, opt)
        for step in trial.steps():
            if step == 2:
                model[0].requires_grad_(False)
            loss = F.cross_entropy(model(X), Y)
            opt.zero_grad(set_to_none=not kept)
            loss.backward()
            opt.step()
            yield hs.Report(step, val=loss)

    assert bool(suspects(ask("frozen parts", of=loop))) == kept


@pytest.mark.parametrize("made", ["when loaded", "for the loss", "not"])
def test_a_column_that_is_made_for_a_loss_may_meet_a_row(made):
    wanted = X[:, 0].unsqueeze(1) if made == "when loaded" else X[:, 0]

    def loss_of(out, y):
        return (out[:, 0] - (y.unsqueeze(1) if made == "for the loss" else y)).abs().mean()

    loop = training(net(1), loss_of, X, wanted, batch=64)
    assert bool(suspects(ask("broadcast", of=loop))) == (made == "when loaded")


@pytest.mark.parametrize("kept", [True, False])
def test_a_state_that_outlives_its_batch_is_named(kept):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.state = nn.Linear(5, 3), 0.0

        def forward(self, x):
            out = self.body(x) + self.state
            self.state = out.detach().mean(0) if kept else 0.0
            return out

    loop = training(Net, F.cross_entropy, X, Y)
    assert bool(suspects(ask("randomness", of=loop))) == kept


def test_a_run_that_is_cut_inside_a_step_is_looked_into_all_the_same(monkeypatch):
    """It ended like a failure, and was made again with half an eye: losses were not seen."""

    def loop(config, trial):
        model = net()()
        opt = torch.optim.SGD(model.parameters(), lr=config.lr)
        trial.watch(model, opt)
        for step in trial.steps():
            for _ in range(60):
                time.sleep(0.01)
                loss = F.cross_entropy(model(X), Y)
                opt.zero_grad()
                loss.backward()
                opt.step()
            yield hs.Report(step, val=loss)

    space = hs.Space(lr=hs.Float(1e-5, 1.0, log=True, default=1e-2))
    workload = hs.workload(space=space, metric="val", goal="minimize", budget=1)(loop)
    runs = ShortRuns(workload, workload.space.resolve({}), seed=1, steps=None, seconds=300.0)
    assert not runs.plain().cut
    run = runs.run

    def slower(config, seed, *, limit_s=None, **more):
        return run(config, seed, limit_s=0.3 if more.get("anatomy") else limit_s, **more)

    monkeypatch.setattr(runs, "run", slower)
    assert runs.anatomy.cut
    assert runs.anatomy.facts.meetings
