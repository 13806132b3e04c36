"""The manager: ageing, death, birth, and what the documented code did instead."""

from __future__ import annotations

import inspect

import pytest
import torch

from homeostat.errors import WorkloadError
from homeostat.workloads.apoptosis import births, fitness
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, TransformerShape
from homeostat.workloads.apoptosis.resnet import ApoptoticResNet
from homeostat.workloads.apoptosis.senescence import Mechanisms
from homeostat.workloads.apoptosis.trainer import TrainSettings, make_optimizer

SMALL = TransformerShape(alphabet=11, width=16, heads=2, context=12)
FAST = {"max_lifespan": 20, "maturation_period": 6, "apoptosis_interval": 4}


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def network(
    architecture: str = "B", shape: TransformerShape = SMALL, **rules
) -> ApoptoticTransformer:
    return ApoptoticTransformer(
        shape,
        rules=Mechanisms(**rules),
        architecture=architecture,
        rng=seeded(1),
        dropout_rng=seeded(2),
    )


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 11, (4, 13), generator=seeded(3))
    return tokens[:, :-1], tokens[:, 1:]


def managed(model, **options) -> ApoptosisManager:
    manager = ApoptosisManager(model, **{**FAST, **options}, rng=seeded(4))
    manager.begin(make_optimizer(model, TrainSettings()), batch())
    return manager


def run(manager: ApoptosisManager, steps: int) -> None:
    for _ in range(steps):
        manager.step()


def test_the_arguments_are_the_documented_ones_with_their_defaults():
    parameters = list(inspect.signature(ApoptosisManager).parameters.values())[1:]
    positional = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert positional == {
        "max_lifespan": 3000,
        "maturation_period": 750,
        "apoptosis_interval": 500,
        "plasticity_ceiling": 0.5,
        "mutation_strength": 0.2,
        "death_threshold": 0.1,
        "base_temp": 1.0,
        "temp_range": 0.5,
        "base_dropout": 0.1,
        "dropout_range": 0.3,
    }


def test_a_dying_layer_fades_as_the_table_says():
    model = network("D")
    run(managed(model), 10)
    dying = model.senescence[5]
    assert (dying.vitality, dying.influence_weight) == (0.5, 0.5)
    assert dying.temperature == 0.75
    assert dying.dropout_rate == pytest.approx(0.25)
    assert dying.learning_rate_scale == 0.75
    assert all(layer.vitality == 1 for layer in model.senescence[:5])


def test_a_newborn_grows_as_the_table_says():
    model = network("D")
    run(managed(model), 20 + 3)  # death at 20, then half of the maturation period
    newborn = model.senescence[5]
    assert newborn.layer_zone == "birth"
    assert newborn.vitality == 0.5
    assert newborn.influence_weight == 0.75  # c + (1 - c) v
    assert newborn.temperature == 1.25
    assert newborn.learning_rate_scale == 1.25


def test_the_documented_newborn_never_passes_its_ceiling():
    model = network("D", ceiling="permanent", roles="one_way")
    run(managed(model), 200)
    assert model.senescence[5].vitality == 1
    assert model.senescence[5].influence_weight == 0.5


def test_a_repaired_newborn_reaches_full_influence_and_dies_again():
    model = network("D")
    manager = managed(model)
    run(manager, 100)
    assert len(manager.apoptosis_events) == 100 // 28 + 1
    assert {event.layer for event in manager.apoptosis_events} == {5}


def test_the_number_of_dying_layers_stays_constant_while_roles_rotate():
    model = network("B")
    manager = managed(model)
    counts, seen = set(), set()
    for _ in range(300):
        manager.step()
        counts.add(sum(layer.layer_zone == "death" for layer in model.senescence))
        seen |= {event.layer for event in manager.apoptosis_events}
    assert counts == {2}
    assert seen == {0, 1, 4, 5}  # the stable layers take no part


def test_a_gated_dying_layer_keeps_a_gradient_until_it_is_replaced():
    gated, stream = network("D"), network("D", influence="stream")
    for model in (gated, stream):
        run(managed(model, death_threshold=0.0, apoptosis_interval=50), 45)
    assert gated.senescence[5].influence_weight == 0.05
    assert stream.senescence[5].influence_weight == 0


@pytest.mark.parametrize(
    ("start", "before", "after"),
    [("mature", 1, 1), ("half", 0.5, 1 / 6), ("healthy_once", 1, 1 / 6)],
)
def test_the_first_step_undoes_the_documented_starts(start, before, after):
    model = network("B", start=start, roles="one_way")
    manager = managed(model)
    assert model.senescence[0].vitality == before
    manager.step()
    assert model.senescence[0].vitality == pytest.approx(after)


def test_mutation_is_relative_to_each_matrix_and_spares_gains_and_biases():
    child, parent = network().blocks[0], network().blocks[1]
    births.inherit(child, parent, 0.2, "relative", seeded())
    noise = child.incoming.weight - parent.incoming.weight
    ratio = (noise.std() / parent.incoming.weight.std()).item()
    assert ratio == pytest.approx(0.2, rel=0.05)
    assert torch.equal(child.norm_1.weight, parent.norm_1.weight)


def test_the_documented_mutation_drowns_what_it_inherits():
    shape = TransformerShape(alphabet=11, width=128)
    child, parent = network(shape=shape).blocks[0], network(shape=shape).blocks[1]
    births.inherit(child, parent, 0.2, "absolute", seeded())
    noise = (child.incoming.weight - parent.incoming.weight).std()
    assert noise / parent.incoming.weight.std() > 3
    assert not torch.equal(child.norm_1.weight, parent.norm_1.weight)


def test_a_silent_newborn_preserves_the_function_of_a_network_with_norms_first():
    model = network(
        shape=TransformerShape(alphabet=11, width=16, heads=2, context=12, pre_ln=True)
    ).eval()
    without = model(batch()[0], skip=2)
    births.silence(model.blocks[2])
    torch.testing.assert_close(model(batch()[0]), without)


def test_a_distilled_newborn_imitates_the_layer_that_died_better_than_a_fresh_one():
    block = network().blocks[0]
    inputs = torch.randn(8, 12, 16, generator=seeded())
    layer = network().senescence[0]
    old = block(inputs, layer, None, 1.0).detach()

    def distance() -> float:
        return (block(inputs, layer, None, 1.0) - old).pow(2).mean().item()

    births.reinit(block, seeded(9))
    fresh = distance()
    block.load_state_dict(network().blocks[0].state_dict())
    births.distil(block, inputs, seeded(9))
    assert 0 < distance() < 0.5 * fresh


def test_shrink_and_perturb_halves_the_matrices_and_keeps_the_gains():
    block, before = network().blocks[0], network().blocks[0]
    births.shrink_and_perturb(block, 0.0, seeded())
    torch.testing.assert_close(block.incoming.weight, before.incoming.weight / 2)
    assert torch.equal(block.norm_1.weight, before.norm_1.weight)


@pytest.mark.parametrize("reset", [True, False])
def test_the_optimiser_forgets_the_layer_that_died_and_only_that(reset):
    model = network("D", reset_optimizer=reset)
    manager = managed(model)
    for _ in range(20):
        fitness.batch_loss(model, batch()).backward()
        manager.optimizer.step()
        manager.step()
    assert len(manager.apoptosis_events) == 1
    known = [all(p in manager.optimizer.state for p in b.parameters()) for b in model.blocks]
    assert known == [True] * 5 + [not reset]


def test_each_layers_rate_follows_its_scale():
    model = network("D")
    manager = managed(model)
    run(manager, 10)
    rates = [group["lr"] for group in manager.optimizer.param_groups]
    assert rates == pytest.approx([manager.base_lr] * 5 + [0.75 * manager.base_lr, manager.base_lr])


def test_the_least_fit_layer_starts_dying_next():
    model = network("C", selection="fitness")
    manager = managed(model)
    manager.fitness = lambda: [3.0, 1.0, 2.0, 9.0, 9.0, 9.0]
    run(manager, 8)  # the first of the dying is replaced
    assert [i for i in (0, 1, 2) if model.senescence[i].layer_zone == "death"] == [1]


def test_the_oldest_layer_starts_dying_next_when_age_decides():
    model = network("C")
    manager = managed(model)
    model.senescence[2].age = 100
    run(manager, 8)
    assert [i for i in (0, 1, 2) if model.senescence[i].layer_zone == "death"] == [2]


@pytest.mark.parametrize("how", ["skip", "proxy"])
def test_a_silent_block_is_worth_nothing(how):
    shape = TransformerShape(alphabet=11, width=16, heads=2, context=12, pre_ln=True)
    model = network(shape=shape, fitness=how)
    births.silence(model.blocks[3])
    worth = managed(model).fitness()
    others = [abs(w) for i, w in enumerate(worth) if i != 3]
    assert abs(worth[3]) < 1e-6 < min(others)


def test_without_a_healthy_layer_the_newborn_has_fresh_weights():
    model = network("C")
    manager = managed(model)
    for layer in model.senescence:
        layer.vitality = 0.2
    manager._replace_dead()
    manager.steps = 4
    layer = model.senescence[5]
    layer.layer_zone, layer.clock = "death", 99
    manager._replace_dead()
    assert manager.apoptosis_events[-1].parent == -1


def test_neurons_that_are_useless_are_replaced_by_offspring_of_useful_ones():
    model = network(scope="neuron")
    block = model.blocks[0]
    with torch.no_grad():
        block.outgoing.weight[:, :6] = 0  # nobody listens to these six of 64
    manager = managed(model, mutation_strength=0.0)
    run(manager, 4)
    assert [event.neurons for event in manager.apoptosis_events] == [6] * 6
    assert (block.outgoing.weight[:, :6].abs().sum(0) > 0).all()
    rest = block.incoming.weight[6:]
    for row in block.incoming.weight[:6]:
        assert any(torch.equal(row, other) for other in rest)


@pytest.mark.parametrize("birth", ["parent", "zero_output", "reinit", "shrink_perturb"])
def test_every_birth_of_neurons_works_on_both_networks(birth):
    digits = (torch.rand(4, 1, 8, 8, generator=seeded()), torch.tensor([1, 2, 3, 4]))
    resnet = ApoptoticResNet(rules=Mechanisms(scope="neuron", birth=birth), rng=seeded())
    for model, data in ((network(scope="neuron", birth=birth), batch()), (resnet, digits)):
        manager = ApoptosisManager(model, **FAST, rng=seeded())
        manager.begin(make_optimizer(model, TrainSettings()), data)
        before = [p.clone() for p in model.parameters()]
        run(manager, 4)
        assert len(manager.apoptosis_events) == 6
        assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
        assert all(p.isfinite().all() for p in model.parameters())


def test_the_state_of_a_manager_comes_back_whole():
    model, twin = network("B"), network("B")
    one, two = managed(model), managed(twin)
    run(one, 37)
    two.load_state_dict(one.state_dict())
    assert two.apoptosis_events == one.apoptosis_events
    assert twin.senescence == model.senescence
    run(one, 20), run(two, 20)
    assert [e.step for e in two.apoptosis_events] == [e.step for e in one.apoptosis_events]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_lifespan": 0},
        {"plasticity_ceiling": 1.5},
        {"death_threshold": -0.1},
        {"dropout_range": 0.95},
        {"temp_range": 1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(wrong):
    with pytest.raises(WorkloadError, match=next(iter(wrong))):
        ApoptosisManager(network(), **wrong)


def test_valuing_layers_without_a_batch_says_what_to_give():
    manager = ApoptosisManager(network(selection="fitness"))
    with pytest.raises(WorkloadError, match="begin"):
        manager.fitness()


def test_only_whole_layers_can_be_taught_to_imitate():
    with pytest.raises(WorkloadError, match="distil"):
        ApoptosisManager(network(scope="neuron", birth="distil"))
