"""Every knob of the apoptosis workload: the guide's own first, the documented defects last."""

from __future__ import annotations

from homeostat.space import Bool, Choice, Derived, Float, Int, Space, Text
from homeostat.workloads.apoptosis.senescence import ARCHITECTURES, INFLUENCES

ON = {"senescence": True}
READS = {"arch": "transformer"}

SHORTEST_LIFESPAN, LONGEST_LIFESPAN = 20, 20_000

MECHANISM = "a mechanism is judged by ablation, not by search"
SIZE = "the size of the network is the question's, not the answer's"
DEFECT = "a defect of the documented code, kept as a switch for diagnosis"
SPEED = "at the same number of steps a larger batch wins by its cost alone"
SCORING = "it decides what is measured, not how well the network does"

SPACE = Space(
    # What the guide tunes.
    lr=Float(1e-4, 3e-2, log=True, default=1e-3, help="learning rate of a healthy layer"),
    max_lifespan=Int(
        SHORTEST_LIFESPAN,
        LONGEST_LIFESPAN,
        log=True,
        default=120,
        when=ON,
        help="steps from starting to die to vitality 0",
    ),
    plasticity_ceiling=Float(0, 1, default=0.5, when=ON, help="influence of a layer at birth"),
    mutation_strength=Float(
        0, 1, default=0.2, when=ON, help="noise on inherited weights, in units of their s.d."
    ),
    maturation_period=Derived(
        lambda c: max(1, c["max_lifespan"] // 3),
        of=Int(1, 20_000, tier=2, help="steps from birth to vitality 1"),
        why="the guide's rule: about a third of the lifespan",
    ),
    apoptosis_interval=Derived(
        lambda c: max(1, c["max_lifespan"] // 6),
        of=Int(1, 20_000, tier=2, help="deaths happen at multiples of this many steps"),
        why="the guide's rule: a sixth of the lifespan",
    ),
    architecture=Choice(
        list(ARCHITECTURES), default="B", tier=2, when=ON, help="newborn and dying layers"
    ),
    influence=Choice(
        list(INFLUENCES), default="gate", tier=2, when=ON, help="how a weak layer is held back"
    ),
    birth=Choice(
        ["parent", "zero_output", "reinit", "shrink_perturb", "distil"],
        default="parent",
        tier=2,
        when={**ON, "scope": "layer"},
        help="what a new layer is made of",
    ),
    neuron_birth=Choice(
        ["parent", "zero_output", "reinit", "shrink_perturb"],
        default="parent",
        tier=2,
        when={**ON, "scope": "neuron"},
        help="what new neurons are made of",
    ),
    selection=Choice(
        ["age", "fitness", "both"], default="age", tier=2, when=ON, help="who starts dying next"
    ),
    fitness=Choice(
        ["skip", "proxy"],
        default="skip",
        tier=4,
        when={**ON, "selection": ("fitness", "both")},
        help="loss increase without the block, or sum of |gradient x weight|",
    ),
    death_threshold=Float(
        0, 0.9, default=0.1, tier=3, when=ON, help="vitality at which a layer dies"
    ),
    base_temp=Float(
        0.6,
        2,
        default=1,
        tier=4,
        when={**ON, **READS},
        help="attention temperature of a healthy layer",
    ),
    temp_range=Float(
        0,
        0.5,
        default=0.5,
        tier=3,
        when={**ON, **READS},
        help="how far ageing moves the temperature",
    ),
    dropout=Float(0, 0.5, default=0.1, tier=3, help="dropout of a healthy layer"),
    dropout_range=Float(0, 0.45, default=0.3, tier=3, when=ON, help="dropout that ageing adds"),
    batch=Int(
        1, 256, log=True, default=8, tier=3, fixed=SPEED, help="sequences, or images, per step"
    ),
    clip=Float(
        0.01,
        100,
        log=True,
        default=1,
        tier=4,
        help="gradients longer than this are shortened to it",
    ),
    # Mechanisms, each on or off.
    senescence=Bool(True, fixed=MECHANISM, help="layers age at all; off is the baseline"),
    apoptosis=Bool(True, fixed=MECHANISM, when=ON, help="dying layers are replaced"),
    temperature=Bool(True, fixed=MECHANISM, when={**ON, **READS}, help="age sets temperature"),
    dropout_scaling=Bool(True, fixed=MECHANISM, when=ON, help="age sets dropout"),
    lr_scaling=Bool(True, fixed=MECHANISM, when=ON, help="age scales the learning rate"),
    ageing=Bool(True, fixed=MECHANISM, when=ON, help="vitality follows the clock"),
    static_influence=Float(
        0,
        1,
        default=1,
        fixed="the guide's second experiment",
        when={**ON, "ageing": False},
        help="influence of the newborn layers while nothing ages",
    ),
    scope=Choice(["layer", "neuron"], default="layer", fixed=MECHANISM, when=ON, help="what dies"),
    # The network and what it learns from.
    arch=Choice(["transformer", "resnet"], default="transformer", fixed=SIZE, help="the network"),
    text=Text(
        "pydoc_topics",
        when=READS,
        help="what it reads: pydoc_topics, python_source, tinyshakespeare, or a file",
    ),
    phases=Choice(
        ["one", "three"],
        default="one",
        fixed=SCORING,
        when=READS,
        help="three: this text, then another one (text_b), then this text again",
    ),
    text_b=Text(
        "python_source",
        when={"phases": "three"},
        help="what it reads in between: a name as for text, or a file",
    ),
    width=Int(8, 512, default=48, tier=4, fixed=SIZE, when=READS, help="width of the network"),
    layers=Int(2, 24, default=6, tier=4, fixed=SIZE, help="blocks"),
    heads=Int(1, 16, default=4, tier=4, fixed=SIZE, when=READS, help="attention heads"),
    context=Int(8, 512, default=64, tier=4, fixed=SIZE, when=READS, help="characters seen at once"),
    pre_ln=Bool(
        False, tier=4, fixed=SIZE, when=READS, help="normalise before each part, not after it"
    ),
    channels=Int(
        4,
        64,
        default=16,
        tier=4,
        fixed=SIZE,
        when={"arch": "resnet"},
        help="channels of the ResNet",
    ),
    eval_interval=Int(1, 1000, default=25, tier=4, fixed=SCORING, help="steps between scores"),
    eval_windows=Int(4, 512, default=32, tier=4, fixed=SCORING, when=READS, help="windows scored"),
    gap=Bool(
        True,
        fixed=SCORING,
        when=ON,
        help="also train the baseline, once per seed, and report the gap",
    ),
    # The documented defects. The first option is the repaired form.
    update_rule=Choice(
        ["adamw", "sgd", "sgd_bypass"],
        default="adamw",
        tier=4,
        fixed=DEFECT,
        help="bypass: AdamW until there is a manager, then plain gradient steps",
    ),
    temperature_on=Choice(
        ["logits", "output"], default="logits", tier=4, fixed=DEFECT, when={**ON, **READS}
    ),
    dropout_wiring=Choice(["live", "inert"], default="live", tier=4, fixed=DEFECT, when=ON),
    roles=Choice(["rotating", "one_way"], default="rotating", tier=4, fixed=DEFECT, when=ON),
    ceiling=Choice(
        ["while_immature", "permanent"], default="while_immature", tier=4, fixed=DEFECT, when=ON
    ),
    start=Choice(
        ["mature", "half", "healthy_once"], default="mature", tier=4, fixed=DEFECT, when=ON
    ),
    mutation=Choice(["relative", "absolute"], default="relative", tier=4, fixed=DEFECT, when=ON),
    reset_optimizer=Bool(True, tier=4, fixed=DEFECT, when=ON),
    validation=Choice(["held_out", "train_text"], default="held_out", tier=4, fixed=DEFECT),
    reported_loss=Choice(["validation", "last_batch"], default="validation", tier=4, fixed=DEFECT),
    baseline_steps=Choice(
        ["matched", "longer"], default="matched", tier=4, fixed=DEFECT, when={"gap": True}
    ),
)
