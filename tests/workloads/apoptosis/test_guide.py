"""The snippets of the guide, run as they are written, on a small network and a short clock."""

from __future__ import annotations

import pytest
import torch

from homeostat.space import configs
from homeostat.workloads.apoptosis.data import encode, pydoc_topics
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, TransformerShape
from homeostat.workloads.apoptosis.trainer import Trainer
from homeostat.workloads.apoptosis.workload import apoptosis

SCALE = 100
"""Every number of steps in the guide is divided by this."""

GRID_SEARCH = """
import itertools

# Define search space
lifespans = [800, 1200, 1600]
plasticity_ceilings = [0.7, 0.85, 1.0]
mutation_strengths = [0.2, 0.3, 0.4]

# Generate all combinations
configs = list(itertools.product(lifespans, plasticity_ceilings, mutation_strengths))

print(f"Total configs to try: {len(configs)}")  # 27 configs

results = []
for i, (lifespan, plasticity, mutation) in enumerate(configs):
    print(f"\\nConfig {i+1}/{len(configs)}: lifespan={lifespan}, plasticity={plasticity}, \
mutation={mutation}")

    # Create model and train
    model = ApoptoticTransformer(...).to(device)
    mgr = ApoptosisManager(
        model=model,
        max_lifespan=lifespan,
        maturation_period=lifespan // 3,  # Auto-scale
        apoptosis_interval=lifespan // 6,  # Auto-scale
        plasticity_ceiling=plasticity,
        mutation_strength=mutation
    )

    trainer = Trainer(model, mgr, ...)
    trainer.train(num_steps=2000, eval_interval=200)  # Quick 2K step test

    final_loss = trainer.metrics_history[-1].loss
    events = len(mgr.apoptosis_events)

    results.append({
        'lifespan': lifespan,
        'plasticity': plasticity,
        'mutation': mutation,
        'loss': final_loss,
        'events': events,
        'gap': final_loss - baseline_loss
    })

    print(f"  Loss: {final_loss:.3f}, Events: {events}, Gap: {final_loss - baseline_loss:+.3f}")

# Find best config
best = min(results, key=lambda x: x['loss'])
print(f"\\n\N{TROPHY} Best config: {best}")
"""

ARCHITECTURES = """
architectures = [
    {'stable': [1,2,3,4], 'birth': [0], 'death': [5]},      # Config A
    {'stable': [2,3], 'birth': [0,1], 'death': [4,5]},      # Config B (current)
    {'stable': [], 'birth': [0,1,2], 'death': [3,4,5]},     # Config C
    {'stable': [0,1,2,3,4], 'birth': [], 'death': [5]},     # Config D
]

for i, arch in enumerate(architectures):
    print(f"\\nArchitecture {chr(65+i)}:")

    model = ApoptoticTransformer(...).to(device)

    # Assign zones
    for layer_idx in range(6):
        if layer_idx in arch['stable']:
            zone = 'stable'
        elif layer_idx in arch['birth']:
            zone = 'birth'
        else:
            zone = 'death'

        model.senescence[layer_idx].layer_zone = zone

    # Train and compare
    # ...
    train_and_compare(model)
"""

QUICK_TEST = """
for lifespan in [3000, 2000, 1500, 1000, 800]:
    # Train 500 steps, count deaths
    # If deaths < 2, too slow
    # If deaths > 5, too fast
    # Sweet spot: 2-3 deaths per 500 steps
    count_deaths(lifespan)
"""


class ShortManager(ApoptosisManager):
    """The manager on a clock that runs 100 times as fast."""

    def __init__(self, model, max_lifespan, maturation_period, apoptosis_interval, **others):
        super().__init__(
            model,
            max_lifespan // SCALE,
            maturation_period // SCALE,
            max(1, apoptosis_interval // SCALE),
            **others,
        )


class ShortTrainer(Trainer):
    """The trainer, for a hundredth of the steps."""

    def train(self, num_steps, eval_interval):
        return super().train(num_steps // SCALE, eval_interval // SCALE)


@pytest.fixture(name="scope")
def _scope():
    text = encode(pydoc_topics()[:20_000], context=8, windows=4)
    shape = TransformerShape(alphabet=text.classes, width=8, heads=1, context=8)
    return {
        "device": torch.device("cpu"),
        "baseline_loss": 3.0,
        "ApoptoticTransformer": lambda _: ApoptoticTransformer(shape),
        "ApoptosisManager": ShortManager,
        "Trainer": lambda model, manager, _: ShortTrainer(model, manager, text),
    }


@pytest.mark.slow
def test_the_grid_search_runs_as_written(scope, capsys):
    exec(GRID_SEARCH, scope)
    results, best = scope["results"], scope["best"]
    assert len(results) == 27
    assert best["loss"] == min(result["loss"] for result in results)
    assert all(result["gap"] == result["loss"] - 3.0 for result in results)
    # Two dying layers, half a lifespan apart, and one death per lifespan each, in 20 steps:
    # at 4, 8, 12, 16, 20; at 6, 12, 18; at 8, 16.
    assert [results[i]["events"] for i in (0, 9, 18)] == [5, 3, 2]
    assert "Best config" in capsys.readouterr().out


@pytest.mark.slow
def test_the_architecture_search_runs_as_written(scope):
    events = []

    def train_and_compare(model):
        manager = ShortManager(model, 1000, 300, 200)
        scope["Trainer"](model, manager, ...).train(num_steps=4000, eval_interval=4000)
        events.append(len(manager.apoptosis_events))

    exec(ARCHITECTURES, scope | {"train_and_compare": train_and_compare})
    a, b, c, d = events
    assert d <= a < b < c


def test_the_quick_test_counts_no_deaths_at_any_of_its_lifespans(scope):
    counts = []

    def count_deaths(lifespan):
        model = scope["ApoptoticTransformer"](...)
        # The guide's code: nothing staggered, the default interval.
        model.rules = type(model.rules)(roles="one_way", start="half")
        manager = ShortManager(model, lifespan, 750, 500)
        scope["Trainer"](model, manager, ...).train(num_steps=500, eval_interval=500)
        counts.append(len(manager.apoptosis_events))

    exec(QUICK_TEST, scope | {"count_deaths": count_deaths})
    assert counts == [0, 0, 0, 0, 0]


def test_the_real_classes_take_the_guides_dots_for_their_defaults():
    model = ApoptoticTransformer(...)
    trainer = Trainer(model, ApoptosisManager(model, 30, 10, 5), ...)
    (entry,) = trainer.train(num_steps=2, eval_interval=2)
    assert entry.step == 2
    assert entry.loss == entry.val_loss > 0


@pytest.mark.parametrize(
    ("name", "lifespan", "interval"),
    [("conservative", 3000, 500), ("aggressive", 1500, 250), ("extreme", 800, 100)],
)
def test_the_three_presets_are_the_guides(name, lifespan, interval):
    config = configs.load(name, apoptosis).resolve(apoptosis.space)
    assert (config.max_lifespan, config.apoptosis_interval) == (lifespan, interval)


def test_derived_values_follow_the_guides_rules():
    config = apoptosis.space.resolve({"max_lifespan": 1600})
    assert (config.maturation_period, config.apoptosis_interval) == (533, 266)


MECHANISMS = {
    "apoptosis": (True, False),
    "temperature": (True, False),
    "dropout_scaling": (True, False),
    "lr_scaling": (True, False),
    "influence": ("gate", "none"),
}
"""Mechanism -> its setting when on, and when off."""


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("ablation_e1", {"apoptosis"}),
        ("ablation_e2", {"temperature"}),
        ("ablation_e3", {"dropout_scaling"}),
        ("ablation_e4", set(MECHANISMS)),
        ("ablation_e5", {"influence"}),
        ("ablation_e6", {"lr_scaling"}),
    ],
)
def test_an_ablation_has_its_mechanism_on_and_every_other_off(name, on):
    config = configs.load(name, apoptosis).resolve(apoptosis.space)
    for mechanism, (when_on, when_off) in MECHANISMS.items():
        assert config[mechanism] == (when_on if mechanism in on else when_off), mechanism
