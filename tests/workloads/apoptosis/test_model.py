"""The transformer and the ResNet: sizes, causality, and what influence does to a block."""

from __future__ import annotations

import copy

import pytest
import torch

from homeostat.workloads.apoptosis.influence import drop, influenced, prune
from homeostat.workloads.apoptosis.model import (
    ApoptoticTransformer,
    TransformerShape,
    documented,
    pre_ln,
    tiny,
)
from homeostat.workloads.apoptosis.resnet import ApoptoticResNet
from homeostat.workloads.apoptosis.senescence import INFLUENCES, LayerState, Mechanisms

SMALL = TransformerShape(alphabet=11, width=16, heads=2, context=12)


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def transformer(shape: TransformerShape = SMALL, **rules) -> ApoptoticTransformer:
    return ApoptoticTransformer(
        shape, rules=Mechanisms(**rules), rng=seeded(1), dropout_rng=seeded(2)
    )


def tokens(batch: int = 3) -> torch.Tensor:
    return torch.randint(0, 11, (batch, 12), generator=seeded(3))


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_documented_network_has_the_documented_number_of_parameters():
    assert count(ApoptoticTransformer(documented(65))) == 1_222_721


def test_norms_first_adds_only_the_last_norm():
    assert count(ApoptoticTransformer(pre_ln(65))) == 1_222_721 + 2 * 128


def test_tiny_is_what_you_get_without_asking():
    assert ApoptoticTransformer().shape == tiny()


@pytest.mark.parametrize("pre", [False, True])
def test_no_position_sees_what_comes_after_it(pre):
    shape = TransformerShape(alphabet=11, width=16, heads=2, context=12, pre_ln=pre)
    model = transformer(shape).eval()
    before = tokens()
    after = before.clone()
    after[:, 7:] = (after[:, 7:] + 1) % 11
    changed = (model(before) - model(after)).abs().amax((0, 2))
    assert (changed[:7] == 0).all()
    assert (changed[7:] > 0).all()


def test_first_weights_have_the_documented_scale():
    model = ApoptoticTransformer(documented(65), rng=seeded())
    block = model.blocks[0]
    xavier = (2 / (128 + 128)) ** 0.5
    # A third of the joint matrix is drawn as a 128 x 128 matrix of its own.
    assert block.query_key_value.weight.std().item() == pytest.approx(xavier, rel=0.02)
    assert block.incoming.weight.std().item() == pytest.approx((2 / (128 + 512)) ** 0.5, rel=0.02)
    assert model.token.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert all((p == 0).all() for name, p in model.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("mode", INFLUENCES)
@pytest.mark.parametrize("training", [False, True])
def test_full_influence_is_the_plain_block_bit_for_bit(mode, training):
    model = transformer()
    block, layer = model.blocks[0], LayerState(dropout_rate=0.1)
    h = torch.randn(2, 12, 16, generator=seeded())

    def streams():
        return seeded(5) if training else None

    plain = block(h, layer, streams(), 1.0)
    assert torch.equal(influenced(mode, block, h, layer, streams()), plain)


def test_a_gate_at_zero_lets_everything_past_and_a_stream_at_zero_nothing():
    model = transformer()
    h = torch.randn(2, 12, 16, generator=seeded())
    dead = LayerState(influence_weight=0.0)
    assert torch.equal(influenced("gate", model.blocks[0], h, dead, None), h)
    assert (influenced("stream", model.blocks[0], h, dead, None) == 0).all()


def test_a_gate_is_linear_in_the_influence():
    model = transformer()
    h = torch.randn(2, 12, 16, generator=seeded())
    full = model.blocks[0](h, LayerState(), None, 1.0)
    half = influenced("gate", model.blocks[0], h, LayerState(influence_weight=0.3), None)
    torch.testing.assert_close(half, h + 0.3 * (full - h))


def test_stochastic_depth_skips_a_block_as_often_as_it_should():
    model = transformer()
    h, layer, rng = torch.randn(1, 2, 16), LayerState(influence_weight=0.3), seeded()
    ran = [
        not torch.equal(influenced("stochastic_depth", model.blocks[0], h, layer, rng), h)
        for _ in range(400)
    ]
    # 0.3 with a standard error of 0.023.
    assert sum(ran) / 400 == pytest.approx(0.3, abs=0.09)


def test_element_dropout_keeps_the_mean_and_is_off_when_evaluating():
    x = torch.ones(20_000)
    assert drop(x, 0.4, seeded()).mean().item() == pytest.approx(1, abs=0.03)
    assert (drop(x, 0.4, seeded()) == 0).float().mean().item() == pytest.approx(0.4, abs=0.02)
    assert drop(x, 0.4, None) is x


def test_pruning_keeps_exactly_the_largest_weights():
    weight = torch.tensor([[0.1, -3.0], [2.0, -0.5]])
    assert prune(weight, 0.5).tolist() == [[0.0, -3.0], [2.0, 0.0]]
    assert torch.equal(prune(weight, 0.99), weight)


def test_temperature_divides_the_logits_in_the_repaired_form():
    model = transformer()
    block = model.blocks[0]
    x = torch.randn(1, 12, 16, generator=seeded())
    # At a very high temperature every character attends evenly to those before it.
    _, _, values = block.query_key_value(x).split(16, -1)
    means = values.cumsum(1) / torch.arange(1, 13).view(1, 12, 1)
    torch.testing.assert_close(
        block.attend(x, 1e6, 1.0), block.attention_out(means), atol=1e-5, rtol=1e-4
    )


def test_the_documented_temperature_only_rescales_what_attention_found():
    block = transformer(temperature_on="output").blocks[0]
    x = torch.randn(1, 12, 16, generator=seeded())
    torch.testing.assert_close(block.attend(x, 2.0, 1.0), block.attend(x, 1.0, 1.0) / 2)


def test_documented_dropout_is_inert():
    def outputs(wiring: str) -> list[torch.Tensor]:
        found = []
        for rate in (0.1, 0.4):
            model = transformer(dropout=wiring)
            for layer in model.senescence:
                layer.dropout_rate = rate
            found.append(model(tokens()))
        return found

    assert torch.equal(*outputs("inert"))
    assert not torch.equal(*outputs("live"))


def test_a_copied_network_computes_the_same_without_sharing_randomness():
    model = transformer()
    twin = copy.deepcopy(model)
    assert torch.equal(model(tokens()), twin(tokens()))


def test_the_resnet_tells_ten_classes_apart_and_has_six_blocks_to_age():
    model = ApoptoticResNet(rng=seeded())
    assert model(torch.zeros(4, 1, 8, 8)).shape == (4, 10)
    assert len(model.blocks) == len(model.senescence) == 6
    assert not torch.equal(
        model.eval()(torch.rand(4, 1, 8, 8)), model(torch.rand(4, 1, 8, 8), skip=2)
    )


def test_every_parameter_is_in_exactly_one_group():
    for model in (transformer(), ApoptoticResNet()):
        grouped = [id(p) for group in model.parameter_groups() for p in group["params"]]
        assert sorted(grouped) == sorted(id(p) for p in model.parameters())
        assert len(model.parameter_groups()) == 7
