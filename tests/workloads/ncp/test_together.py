"""Networks run together give each member exactly what it would have alone."""

from __future__ import annotations

import doctest

import pytest
import torch

from homeostat.errors import DataError, SpaceError
from homeostat.workloads.ncp import AutoNCP, CfC, together
from homeostat.workloads.ncp.together import forward_together

X = torch.randn(3, 4, 9, 5, generator=torch.Generator().manual_seed(0))
DT = torch.rand(3, 4, 9, generator=torch.Generator().manual_seed(1)) + 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_size": 8},
        {"hidden_size": 8, "mode": "pure", "activation": "gelu"},
        {"hidden_size": 8, "mode": "no_gate", "num_layers": 2, "residual": True},
        {"hidden_size": 8, "num_layers": 2, "share_layers": True, "backbone_layers": 0},
        {"hidden_size": AutoNCP(9, 2)},
    ],
    ids=str,
)
def test_outputs_and_gradients_are_those_of_each_member_alone(options):
    members = [CfC(5, **options) for _ in range(3)]
    weights = torch.randn(3, 4, 9, members[0].output_size)
    alone = torch.stack([m(x, dt)[0] for m, x, dt in zip(members, X, DT, strict=True)])
    parameters = [p for member in members for p in member.parameters()]
    expected = torch.autograd.grad((alone * weights).sum(), parameters)
    outputs = forward_together(members, X, DT)
    found = torch.autograd.grad((outputs * weights).sum(), parameters)
    torch.testing.assert_close(outputs, alone)
    for one, other in zip(found, expected, strict=True):
        # Single precision, sums in another order.
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_dropout_stays_alive_and_one_for_each_member():
    members = [CfC(5, 8, backbone_dropout=0.5) for _ in range(3)]
    for member in members[1:]:
        member.load_state_dict(members[0].state_dict())
    same = X[:1].expand(3, -1, -1, -1)
    outputs = forward_together(members, same)
    assert not torch.equal(outputs[0], outputs[1])


def test_what_cannot_run_together_says_so():
    two = [CfC(5, 8), CfC(5, 9)]
    with pytest.raises(SpaceError, match="must have one shape"):
        forward_together(two, X[:2])
    with pytest.raises(SpaceError, match="same options"):
        forward_together([CfC(5, 8), CfC(5, 8, activation="relu")], X[:2])
    with pytest.raises(SpaceError, match="mixed memory"):
        forward_together([CfC(5, 8, mixed_memory=True)] * 2, X[:2])
    with pytest.raises(SpaceError, match="2 members were given inputs for 3"):
        forward_together([CfC(5, 8), CfC(5, 8)], X)
    with pytest.raises(DataError, match="above 0, got 0 at row 0, step 0"):
        forward_together([CfC(5, 8)] * 3, X, 0 * DT)


def test_the_docstrings_example_runs():
    failed, run = doctest.testmod(together, extraglobs={"torch": torch})
    assert run and not failed
