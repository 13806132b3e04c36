"""The parameters of evolution: the guide's four tiers, and its constants with their reasons."""

from __future__ import annotations

from homeostat.space import Bool, Choice, Float, Int, Range, Rule, Space
from homeostat.workloads.evolution.world import ACTIVATIONS, MODES, TIME_ENCODINGS

NEAT = {"neural_mode": "neat"}
WIRED = {"neural_mode": ("pure", "hybrid")}
SPECIES = {"selection_method": "speciation"}
SET_THRESHOLD = {**SPECIES, "target_species": 0}

_PHYSICS = "physics baseline: results stay comparable"
_STABLE = "physics stability"
_SCORE = "the objective must stay the same for all trials"
_GUIDE = "the guide keeps it constant"
_NEW = "not in the guide's ranges; set by hand"

_SCORING: dict[str, Range] = {
    "fitness_pellet_points": Float(
        0, 100, default=20.0, fixed=_SCORE, help="points for each pellet collected"
    ),
    "fitness_progress": Choice(
        ["centre", "touch"],
        fixed=_SCORE,
        help="whose way to the pellet counts: the centre of mass's along the ground, less the "
        "creature's size; or the node's that is nearest to touching it, in space",
    ),
    "fitness_progress_max": Float(
        0, 200, default=80.0, fixed=_SCORE, help="points for coming all the way to a pellet"
    ),
    "fitness_distance_per_unit": Float(
        0, 20, default=3.0, fixed=_SCORE, help="points per metre travelled"
    ),
    "fitness_distance_traveled_max": Float(0, 100, default=20.0, fixed=_SCORE),
    "fitness_regression_penalty": Float(0, 100, default=20.0, fixed=_SCORE),
    "fitness_efficiency_penalty": Float(0, 2, default=0.1, fixed=_SCORE),
}

_CONSTANTS: dict[str, Range] = {
    "gravity": Float(-30, 0, default=-9.8, fixed=_PHYSICS, help="acceleration, m/s²"),
    "simulation_duration": Float(
        1,
        120,
        default=40.0,
        fixed="long enough for behaviour to emerge",
        help="length of a life, s",
    ),
    "physics_fps": Int(15, 120, default=30, fixed="balance of accuracy and speed"),
    "physics_substeps": Int(
        1, 8, default=2, fixed="at 1, up to 0.7 % of random bodies explode; at 2, none"
    ),
    "damping": Float(0, 0.9, default=0.1, fixed=_STABLE, help="share of speed lost per second"),
    "muscle_damping_multiplier": Float(0.1, 5, default=1.0, fixed=_STABLE),
    "velocity_cap": Float(
        0.1, 50, default=5.0, fixed=_STABLE, help="top speed at which a rest length changes, m/s"
    ),
    "max_extension": Float(
        1.1, 4, default=2.0, fixed=_STABLE, help="greatest length over rest length"
    ),
    "ground_friction": Float(0, 2, default=0.5, fixed=_PHYSICS),
    "per_node_friction": Bool(default=True, fixed=_PHYSICS),
    "pellet_reach": Float(
        0.05, 2, default=0.35, fixed=_SCORE, help="how far beyond a node's edge it reaches, m"
    ),
    "arena_size": Float(0, 100, default=0.0, fixed=_SCORE, help="pellets stay inside; 0: no wall"),
    "neural_dead_zone": Float(0, 0.9, default=0.1, fixed=_GUIDE),
    "neural_update_hz": Float(1, 60, default=10.0, fixed=_GUIDE),
    "output_smoothing": Float(0.01, 1, default=0.15, fixed=_GUIDE),
    **_SCORING,
    "held_out_layouts": Int(2, 256, default=64, fixed="layouts behind every reported number"),
    "report_every": Int(1, 1000, default=10, fixed="generations between held-out evaluations"),
    "common_layouts": Bool(
        default=True, fixed="with a layout of its own, the best creature is the luckiest"
    ),
    "honour_elites": Bool(default=True, fixed="the original ignored elite_count"),
    "body_structure_rate": Float(0, 0.5, default=0.1, fixed=_GUIDE),
    "neural_crossover": Choice(["sbx", "uniform", "interpolation"], when=WIRED, fixed=_NEW),
    "min_species_size": Int(1, 10, default=2, when=SPECIES, fixed=_NEW),
    "species_patience": Int(1, 200, default=15, when=SPECIES, fixed=_NEW),
    "fast": Bool(default=False, fixed="reordered sums: the last bits are then not reproducible"),
}

_TIER_1: dict[str, Range] = {
    "neural_mode": Choice(list(MODES), default="neat", tier=1),
    "population_size": Int(100, 1000, default=200, tier=1),
    "elite_count": Int(1, 20, default=5, tier=1),
    "cull_percentage": Float(0.3, 0.7, default=0.5, tier=1),
    "mutation_rate": Float(0.1, 0.5, default=0.3, tier=1, help="chance that a body gene changes"),
    "mutation_magnitude": Float(
        0.1, 0.5, default=0.3, tier=1, help="largest change, as a share of a gene's range"
    ),
    "weight_mutation_rate": Float(0.1, 0.5, default=0.5, tier=1),
    "weight_mutation_magnitude": Float(0.1, 1.0, default=0.5, tier=1),
    "crossover_rate": Float(0.0, 0.8, default=0.5, tier=1),
    "selection_method": Choice(
        ["truncation", "tournament", "rank", "speciation"], default="rank", tier=1
    ),
    "tournament_size": Int(2, 7, default=3, tier=1, when={"selection_method": "tournament"}),
    # The guide has neither of these two; without them a search cannot find what is best here.
    "time_input": Choice(
        list(TIME_ENCODINGS),
        tier=1,
        when={"neural_mode": ("pure", "neat")},
        help="the clock a brain senses; a hybrid one has time_encoding",
    ),
    "eval_layouts": Int(
        1, 8, log=True, default=1, tier=1, help="pellet layouts each creature meets"
    ),
}

_TIER_2: dict[str, Range] = {
    "neat_initial_connectivity": Choice(
        ["full", "sparse_inputs", "sparse_outputs", "none"], tier=2, when=NEAT
    ),
    "neat_add_connection_rate": Float(0.0, 0.8, default=0.5, tier=2, when=NEAT),
    "neat_add_node_rate": Float(0.0, 0.5, default=0.2, tier=2, when=NEAT),
    "neat_enable_rate": Float(0.0, 0.1, default=0.02, tier=2, when=NEAT),
    "neat_disable_rate": Float(0.0, 0.1, default=0.01, tier=2, when=NEAT),
    "neat_max_hidden_nodes": Int(4, 32, default=16, tier=2, when=NEAT),
    "target_species": Int(
        0,
        40,
        default=0,
        tier=2,
        when=SPECIES,
        help="the threshold follows from generation to generation to keep so many; 0: it stays",
    ),
    "compatibility_threshold": Float(0.5, 3.0, default=1.0, tier=2, when=SET_THRESHOLD),
    "neat_excess_coefficient": Float(0.5, 2.0, default=1.0, tier=2, when=SPECIES),
    "neat_disjoint_coefficient": Float(0.5, 2.0, default=1.0, tier=2, when=SPECIES),
    "neat_weight_coefficient": Float(0.1, 1.0, default=0.4, tier=2, when=SPECIES),
    "bias_mode": Choice(["bias_node", "node", "none"], tier=2),
    "use_fitness_sharing": Bool(default=False, tier=2),
    "sharing_radius": Float(0.3, 1.0, default=0.5, tier=2, when={"use_fitness_sharing": True}),
}

_TIER_3: dict[str, Range] = {
    "min_nodes": Int(3, 4, default=3, tier=3),
    "max_nodes": Int(5, 10, default=8, tier=3),
    "max_muscles": Int(10, 20, default=15, tier=3),
}

_TIER_4: dict[str, Range] = {
    "neural_hidden_size": Int(4, 24, default=8, tier=4, when=WIRED),
    "neural_activation": Choice(list(ACTIVATIONS), tier=4, when=WIRED),
    "neural_output_bias": Float(-0.5, 0.0, default=-0.1, tier=4),
    "time_encoding": Choice(["cyclic", "sin", "raw"], tier=4, when={"neural_mode": "hybrid"}),
    "use_proprioception": Bool(default=False, tier=4),
}

_RULES = [
    Rule(
        when=NEAT,
        set={"selection_method": "speciation", "use_fitness_sharing": False},
        why="new wiring needs the protection of a species, which shares fitness itself",
    ),
    Rule(
        when={"profile": "reference"},
        set={
            "physics_substeps": 1,
            "ground_friction": 0.7,
            "per_node_friction": False,
            "arena_size": 10.0,
            "fitness_progress": "centre",
            "eval_layouts": 1,
            "common_layouts": False,
            "honour_elites": False,
        },
        why="the rules the original project computes",
    ),
]

SPACE = Space(
    rules=_RULES,
    profile=Choice(["default", "reference"], fixed="a set of rules, not a knob"),
    **_TIER_1,
    **_TIER_2,
    **_TIER_3,
    **_TIER_4,
    **_CONSTANTS,
)
