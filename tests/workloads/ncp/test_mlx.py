"""The MLX backend: the same numbers as PyTorch's, and a whole training on it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from homeostat.errors import MissingExtraError
from homeostat.workload.trial import Trial
from homeostat.workloads.ncp.learner import TorchLearner
from homeostat.workloads.ncp.problem import Problem, SequenceSet
from homeostat.workloads.ncp.workload import ncp, space

SMALL = {"hidden_size": 16, "backbone_units": 32, "backbone_dropout": 0.0}
WIRED = {"hidden_size": 16, "wiring": "ncp"}


def irregular(rng, rows=3, steps=128):
    def part(x):
        return SequenceSet(
            x,
            rng.gamma(2.0, 0.5, (rows, steps)).astype(np.float32) + 0.01,
            rng.normal(size=(rows, steps, 2)).astype(np.float32),
            np.ones((rows, steps), np.float32),
        )

    whole = part(rng.normal(size=(rows, steps, 5)).astype(np.float32))
    return Problem(train=whole, validation=whole, test=whole, baselines={})


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        SMALL | {"mode": "no_gate", "activation": "relu", "gate_span": 4.0},
        SMALL | {"mode": "pure", "activation": "silu"},
        SMALL | {"num_layers": 2, "residual": True, "mixed_memory": True, "activation": "gelu"},
        SMALL | {"num_layers": 2, "share_layers": True, "backbone_layers": 2},
        WIRED,
        {"model": "ltc", "hidden_size": 16, "backbone_layers": 0},
        SMALL | {"model": "ltc", "wiring": "ncp", "activation": "tanh"},
        {"model": "lstm", "hidden_size": 16, "num_layers": 2},
    ],
    ids=str,
)
def test_loss_and_gradients_agree_to_a_hundred_thousandth(need, options):
    need("mlx.core", "mlx")
    from mlx.utils import tree_flatten

    from homeostat.workloads.ncp.on_mlx.learner import MLXLearner

    problem, config = irregular(np.random.default_rng(0)), space.resolve(options)
    part, weight = problem.train, float(problem.train.weight_ST.sum())
    torch_side = TorchLearner(config, problem, np.random.default_rng(1), "cpu")
    mlx_side = MLXLearner(config, problem, np.random.default_rng(1), seed=0)
    loss = torch_side._summed_loss(part) / weight
    loss.backward()
    mlx_loss, gradients = mlx_side.value_and_grad(part, weight)
    assert float(mlx_loss) == pytest.approx(float(loss.detach()), rel=1e-5)
    found = {name: np.array(value) for name, value in tree_flatten(gradients)}
    expected = {name: p.grad.numpy() for name, p in torch_side.model.named_parameters()}
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        # Single precision over 128 steps; relative to the parameter's largest gradient.
        assert np.abs(found[name] - gradient).max() <= 1e-5 * np.abs(gradient).max(), name


def test_a_training_is_the_same_on_both_backends(need):
    need("mlx.core", "mlx")
    curves = {}
    for backend in ("torch", "mlx"):
        options = {"backend": backend, "optimizer": "rmsprop", "weight_decay": 1e-3}
        trial = Trial(space.resolve(SMALL | options), budget=3)
        curves[backend] = [report.metrics for report in ncp(trial.config, trial)]
    for one, other in zip(curves["torch"], curves["mlx"], strict=True):
        assert set(one) == set(other)
        for name, value in one.items():
            assert other[name] == pytest.approx(value, rel=2e-3), name


def test_dropout_is_alive_and_repeats_with_its_seed(need):
    need("mlx.core", "mlx")

    def losses(dropout):
        options = SMALL | {"backend": "mlx", "backbone_dropout": dropout}
        trial = Trial(space.resolve(options), budget=2)
        return [report.metrics["train_loss"] for report in ncp(trial.config, trial)]

    assert losses(0.3) == losses(0.3)
    assert losses(0.3) != losses(0.0)


def test_a_learner_restored_goes_on_as_if_nothing_had_happened(need):
    need("mlx.core", "mlx")
    from homeostat.workloads.ncp.on_mlx.learner import MLXLearner

    problem = irregular(np.random.default_rng(0), steps=12)
    config = space.resolve(SMALL | {"backbone_dropout": 0.3})
    one = MLXLearner(config, problem, np.random.default_rng(1), seed=5)
    one.step([problem.train], 1e-2)
    other = MLXLearner(config, problem, np.random.default_rng(2), seed=5)
    other.load_state_dict(one.state_dict())
    assert one.step([problem.train], 1e-2) == other.step([problem.train], 1e-2)
    np.testing.assert_array_equal(one.predict(problem.test), other.predict(problem.test))


def test_a_missing_backend_says_what_to_install(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("homeostat.workloads.ncp.on_mlx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlx", None)
    monkeypatch.setitem(sys.modules, "mlx.core", None)
    trial = Trial(space.resolve(SMALL | {"backend": "mlx"}), budget=1)
    with pytest.raises(MissingExtraError, match=r"pip install 'homeostat\[mlx\]'"):
        next(ncp(trial.config, trial))
