"""Attempts made side by side train each network to the same digits as it has alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homeostat.execute import Finished, Job
from homeostat.execute.engines.inline import Inline
from homeostat.record.attempt import SNAPSHOT
from homeostat.workloads.ncp import learner as learners
from homeostat.workloads.ncp.learner import TorchLearner, predict_together, steps_together
from homeostat.workloads.ncp.settings import shape
from homeostat.workloads.ncp.tasks import prepare
from homeostat.workloads.ncp.workload import ncp, space

SMALL = {"hidden_size": 16}


def some(config, count=3):
    """Learners of a configuration, each with its own initial values and its own dropout."""
    problem = prepare(config)
    rngs = [(np.random.default_rng(n), np.random.default_rng(100 + n)) for n in range(count)]
    return [TorchLearner(config, problem, one, "cpu", other) for one, other in rngs], problem


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden_size": 32, "backbone_units": 64, "backbone_dropout": 0.3},
        {"task": "anomaly", "num_points": 2_000, "backbone_layers": 2, "activation": "gelu"},
        {"task": "event_xor", "num_streams": 300, "mode": "no_gate", "backbone_layers": 0},
        {"mode": "pure", "num_layers": 2, "residual": True, "optimizer": "rmsprop"},
        {"wiring": "ncp", "num_layers": 2, "share_layers": True},
        {"wiring": "random", "num_layers": 2},
    ],
    ids=str,
)
def test_steps_and_predictions_are_those_of_each_alone_to_the_bit(options):
    config = space.resolve(SMALL | options)
    alone, problem = some(config)
    together, _ = some(config)
    for size in (16, 7, 1):  # also those that are left over at an epoch's end
        batches = [
            [problem.train.take(np.arange(n, n + size)), problem.train.take(np.arange(size))]
            for n in range(3)
        ]
        rates = [1e-3, 3e-3, 1e-2]
        expected = [m.step(b, r) for m, b, r in zip(alone, batches, rates, strict=True)]
        assert list(steps_together(together, batches, rates)) == expected
    for one, other in zip(alone, together, strict=True):
        for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True):
            assert torch.equal(p, q)
    few = problem.validation.take(slice(0, 40))
    for one, outputs in zip(alone, predict_together(together, [few] * 3), strict=True):
        assert np.array_equal(one.predict(few), outputs)


def attempts(folder, configs, *, budget=4, stop_after=None, resume=False):
    """Attempts of several configurations, given to an engine at once."""
    with Inline() as engine:
        for seed, config in enumerate(configs):
            engine.submit(
                Job(workload=ncp, config=config, seed=seed, budget=budget, resume=resume,
                    folder=folder / str(seed))
            )  # fmt: skip
        made = []
        for event in engine.events():
            if isinstance(event, Finished):
                made.append(event.attempt)
            elif event.report.step == stop_after:
                engine._interrupt.request()
    return sorted(made, key=lambda attempt: attempt.seed)


def curve(attempt):
    return (attempt.folder / "curves.csv").read_bytes()


def test_attempts_that_differ_in_rate_and_seed_share_their_steps_and_change_no_digit(
    tmp_path, monkeypatch
):
    sizes = []

    def spy(members, *rest):
        sizes.append(len(members))
        return steps_together(members, *rest)

    monkeypatch.setattr(learners, "steps_together", spy)
    rates = (1e-3, 3e-3, 1e-2)
    configs = [
        space.resolve(SMALL | {"learning_rate": rate, "gate_span": 1000 * rate}) for rate in rates
    ]
    together = attempts(tmp_path / "together", configs)
    assert set(sizes) == {3}
    for seed, one in enumerate(together):
        job = Job(workload=ncp, config=configs[seed], seed=seed, budget=4, folder=tmp_path / "one")
        with Inline() as engine:
            engine.submit(job)
            *_, last = engine.events()
        assert curve(one) == curve(last.attempt)
        assert one.extra["test"] == last.attempt.extra["test"]


@pytest.mark.slow
def test_what_was_stopped_together_goes_on_alone_to_the_same_digits(tmp_path):
    configs = [space.resolve(SMALL)] * 3
    whole = attempts(tmp_path / "whole", configs, budget=30)
    stopped = attempts(tmp_path / "cut", configs, budget=30, stop_after=2)
    assert all((attempt.folder / SNAPSHOT).exists() for attempt in stopped)
    rest = attempts(tmp_path / "cut", configs[:1], budget=30, resume=True)
    rest += attempts(tmp_path / "cut", configs, budget=30, resume=True)[1:]
    for one, other in zip(whole, rest, strict=True):
        assert curve(one) == curve(other)
        assert not any("repeat" in note for note in other.notes)


def test_only_small_cfcs_of_one_shape_are_alike():
    def of(**options):
        return shape(space.resolve(options))

    free = {"learning_rate": 1e-2, "weight_decay": 0.5, "optimizer": "rmsprop", "clip_norm": 3.0}
    free |= {"gate_span": 4.0}
    assert of() is not None
    assert of() == of(**free)
    assert of() != of(hidden_size=24)
    assert of() != of(backbone_dropout=0.2)
    assert of(model="ltc") is of(model="lstm") is of(mixed_memory=True) is None
    # What arithmetic takes the time of gains nothing.
    assert of(hidden_size=64, backbone_units=128) is None
    assert of(hidden_size=64, backbone_units=128, batch_size=16) is not None
