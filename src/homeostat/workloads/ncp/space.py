"""The knobs of ncp, in the guide's tiers."""

from __future__ import annotations

from homeostat.space import Bool, Choice, Float, Int, Rule, Space, Text
from homeostat.workloads.ncp.spec import ACTIVATIONS, MODES, SOLVERS
from homeostat.workloads.ncp.timesteps import SCALINGS

LIQUID = ("cfc", "ltc")
DEEP = {"num_layers": (2, 3), "model": LIQUID}
BACKBONE = {"backbone_layers": (1, 2, 3), "model": LIQUID}
_QUESTION = "it changes the data, and with them what a score means"
_COMPARED = "a model to compare, not a setting to search"

space = Space(
    model=Choice(
        ["cfc", "ltc", "lstm"], default="cfc", fixed=_COMPARED, help="lstm is the baseline."
    ),
    # First: what matters most
    learning_rate=Float(
        1e-4, 2e-2, log=True, default=1e-3, tier=1, help="Up to 3e-3 for CfC; LTC wants 5-20e-3."
    ),
    hidden_size=Int(
        16, 256, log=True, default=32, tier=1, help="Neurons per layer; 2-4 times the inputs."
    ),
    num_layers=Int(1, 3, default=1, tier=1, help="Recurrent layers; more if underfitting."),
    # Second: the cell
    backbone_units=Int(
        32, 256, log=True, default=64, tier=2, when=BACKBONE, help="1.5-2 times hidden_size."
    ),
    backbone_layers=Int(
        0, 3, default=1, tier=2, when={"model": LIQUID}, help="Dense layers before it."
    ),
    backbone_dropout=Float(
        0.0, 0.5, default=0.1, tier=2, when=BACKBONE, help="After every backbone layer."
    ),
    mode=Choice(MODES, default="default", tier=2, when={"model": "cfc"}, help="Form of the CfC."),
    activation=Choice(
        ACTIVATIONS, default="lecun_tanh", tier=2, when=BACKBONE, help="Of the backbone."
    ),
    time_scaling=Choice(
        SCALINGS, default="raw", tier=2, help="log for steps of very different lengths."
    ),
    time_unit=Float(
        0.1,
        10.0,
        log=True,
        default=1.0,
        tier=2,
        help="What a scaled step is divided by; longer where long waits have to be told apart.",
    ),
    gate_span=Float(
        0.0,
        10.0,
        default=0.0,
        tier=2,
        when={"model": "cfc", "mode": ("default", "no_gate")},
        help="Fresh gates open one after another over this much scaled time; 0: at random.",
    ),
    # Third: how it is trained, and the rest of the cell
    batch_size=Int(8, 128, log=True, default=32, tier=3, help="Sequences per batch."),
    # Below, rate times decay vanishes in single precision and the knob does nothing.
    weight_decay=Float(1e-4, 1.0, log=True, default=1e-2, tier=3, help="Of weight matrices."),
    solver=Choice(
        SOLVERS,
        default="semi_implicit",
        tier=3,
        when={"model": "ltc"},
        help="explicit and rk4 can run away when time steps are long.",
    ),
    wiring=Choice(
        ["full", "random", "ncp"],
        default="full",
        tier=3,
        when={"model": LIQUID},
        help="Who is connected to whom; a wired CfC has no backbone.",
    ),
    sparsity=Float(
        0.1,
        0.9,
        default=0.5,
        tier=3,
        when={"wiring": ("random", "ncp"), "model": LIQUID},
        help="Share of synapses left out.",
    ),
    # Last
    optimizer=Choice(["adamw", "rmsprop"], default="adamw", tier=4),
    warmup_epochs=Int(0, 10, default=1, tier=4, help="At most half of the training."),
    lr_schedule=Choice(["constant", "cosine", "decay"], default="cosine", tier=4),
    lr_decay=Float(
        0.8, 1.0, default=0.95, tier=4, when={"lr_schedule": "decay"}, help="Kept per epoch."
    ),
    clip_norm=Float(
        0.1, 100.0, log=True, default=1.0, tier=4, help="Longest gradient let through."
    ),
    accumulate=Int(1, 8, default=1, tier=4, help="Batches whose gradients make one step."),
    unfolds=Int(1, 12, default=6, tier=4, when={"model": "ltc"}, help="Solver steps per step."),
    mixed_memory=Bool(False, tier=4, when={"model": LIQUID}, help="An LSTM cell before each cell."),
    residual=Bool(False, tier=4, when=DEEP, help="Add each layer's input to its output."),
    share_layers=Bool(False, tier=4, when=DEEP, help="One layer's weights at every depth."),
    # What is asked
    task=Choice(
        ["forecasting", "anomaly", "event_xor", "half_cheetah"],
        default="forecasting",
        fixed=_QUESTION,
        help="half_cheetah needs its data: homeostat data get half_cheetah.",
    ),
    series=Choice(
        ["elnino", "co2", "sunspots"],
        default="elnino",
        fixed=_QUESTION,
        when={"task": "forecasting", "file": ""},
        help="Which bundled series to forecast.",
    ),
    keep=Float(
        0.2,
        1.0,
        default=0.7,
        fixed=_QUESTION,
        when={"task": "forecasting", "file": ""},
        help="Share of its observations kept: fewer, more irregular.",
    ),
    num_points=Int(
        1_000,
        100_000,
        log=True,
        default=6_000,
        fixed=_QUESTION,
        when={"task": "anomaly", "file": ""},
        help="Of the generated series.",
    ),
    anomalies=Choice(
        ["mixed", "dynamics", "amplitude"],
        fixed=_QUESTION,
        when={"task": "anomaly", "file": ""},
        help="What is planted in the generated series: dynamics are changes of frequency, which no "
        "single value shows.",
    ),
    file=Text(
        "",
        when={"task": ("forecasting", "anomaly")},
        help="Your own series in place of that: a CSV of time, values... (and label).",
    ),
    target=Text("", when={"task": "forecasting"}, help="Column to forecast; the first one."),
    horizon=Int(
        1,
        1_000,
        default=1,
        log=True,
        fixed=_QUESTION,
        when={"task": "forecasting"},
        help="How many observations ahead.",
    ),
    period=Float(
        0.0,
        1e6,
        default=0.0,
        fixed=_QUESTION,
        when={"task": "forecasting"},
        help="Length of the cycle in usual steps; 0 finds it.",
    ),
    anchor=Choice(
        ["last", "harmonics", "ridge", "validation"],
        default="last",
        tier=2,
        when={"task": "forecasting"},
        help="What the network corrects: the last value, a cycle with damped persistence, a ridge "
        "autoregression, or whichever of them errs least on the validation part.",
    ),
    num_streams=Int(
        200,
        100_000,
        log=True,
        default=4_000,
        fixed=_QUESTION,
        when={"task": "event_xor"},
        help="Streams to train and choose on; 100,000 as published.",
    ),
    window=Int(
        8,
        256,
        log=True,
        default=32,
        fixed=_QUESTION,
        when={"task": ("forecasting", "anomaly")},
        help="Steps per sequence.",
    ),
    data_seed=Int(
        0,
        9_999,
        default=0,
        fixed=_QUESTION,
        when={"task": ("forecasting", "anomaly"), "file": ""},
        help="Which observations are dropped; which series is generated.",
    ),
    folds=Int(
        0,
        10,
        default=0,
        fixed="a way to evaluate, not a setting",
        help="Validate on each of so many parts of the training data in turn; 0 does not.",
    ),
    backend=Choice(
        ["torch", "mlx"], default="torch", fixed="a way to run; results are the same to rounding"
    ),
    rules=(
        Rule(
            when={"model": "cfc", "wiring": ("random", "ncp")},
            set={"backbone_layers": 0},
            why="a backbone would connect every input to every neuron of a wired CfC",
        ),
    ),
)
