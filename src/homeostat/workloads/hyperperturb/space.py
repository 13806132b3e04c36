"""Every knob of HyperPerturb. Defaults are the repaired network; the notes' are in as_documented.

Tier 1 is what the notes tuned and what matters; tier 2 the shape; tier 3 the geometry and the
training details; tier 4 what rarely matters. Switches of a defect and descriptions of the data are
never searched.
"""

from __future__ import annotations

from typing import Any

from homeostat.space import Bool, Choice, Fixed, Float, Int, Space, Text

_DATA = "it says which data; scores on other data cannot be compared"
_DEFECT = "one of its settings is a known defect"
_GENERATED: dict[str, Any] = {"when": {"dataset": "generated"}, "fixed": _DATA, "tier": 4}
_HYPERBOLIC = {"geometry": "hyperbolic"}

SPACE = Space(
    # What the notes tuned.
    learning_rate=Float(1e-9, 0.1, log=True, default=0.01, help="Peak rate of every group."),
    curvature=Float(
        0.01, 10.0, log=True, default=1.0, when=_HYPERBOLIC, help="The ball has radius 1/sqrt(c)."
    ),
    dropout=Float(0.0, 0.9, default=0.1, help="Dropout after the second convolution."),
    weight_decay=Float(0.0, 0.1, default=1e-3, help="L2, on everything but points of the ball."),
    epochs=Int(
        0,
        100_000,
        default=0,
        tier=3,
        fixed="the budget decides how long a run is",
        help="Length of the schedule in steps; 0 takes the run's budget.",
    ),
    batch_size=Fixed(1, why="the whole graph is one batch, whatever --batch-size said"),
    # Shape.
    hidden_dim=Int(
        4, 1024, log=True, default=64, tier=2, help="Width after the first convolution."
    ),
    embedding_dim=Int(4, 512, log=True, default=32, tier=2, help="Width after the second."),
    head_dim=Int(4, 512, log=True, default=32, tier=2, help="Width inside the heads."),
    node_dims=Int(0, 64, default=8, tier=2, help="Size of a learned point for each gene; 0: none."),
    activation=Choice(["tanh", "relu", "none"], tier=2, help="Activation between convolutions."),
    # What the network sees.
    features=Choice(
        ["control", "log_mean", "z_mean"],
        tier=2,
        fixed=_DEFECT,
        help="Per gene: statistics of the controls, mean expression, or mean z-score "
        "(0 but for rounding).",
    ),
    spectral_dims=Int(
        1,
        32,
        default=8,
        tier=2,
        when={"features": "control"},
        help="Size of the graph embedding among the features.",
    ),
    graph_file=Choice(
        ["none", "gene_sets", "network"],
        tier=2,
        fixed="it needs a file",
        help="A graph from a file, in place of `graph`.",
    ),
    graph=Choice(
        ["coexpression", "identity"],
        tier=2,
        when={"graph_file": "none"},
        help="Which genes a layer averages over.",
    ),
    neighbours=Int(
        1,
        50,
        default=5,
        tier=2,
        when={"graph": "coexpression"},
        help="Links per gene of the co-expression graph.",
    ),
    normalise_graph=Bool(True, fixed=_DEFECT, tier=3, help="D^-1/2 (A + I) D^-1/2."),
    gene_sets_path=Text(when={"graph_file": "gene_sets"}, tier=4, help="A GMT file."),
    network_path=Text(when={"graph_file": "network"}, tier=4, help="Lines of: gene gene score."),
    # Geometry.
    geometry=Choice(["hyperbolic", "euclidean"], tier=3, help="euclidean is the twin."),
    learn_curvature=Bool(False, tier=3, help="Train the curvature with the rest."),
    norm=Choice(
        ["safe", "singular"],
        tier=4,
        fixed=_DEFECT,
        help="singular is sqrt(sum x^2): no finite gradient at 0.",
    ),
    projection=Bool(True, tier=4, fixed=_DEFECT, help="Pull points back inside the ball."),
    aggregation=Choice(
        ["midpoint", "tangent", "ball"],
        tier=3,
        fixed=_DEFECT,
        help="How neighbours are averaged: on the ball; at its centre, where the maps cancel; or "
        "as if points were vectors.",
    ),
    decoder=Choice(
        ["distance", "dense"],
        tier=3,
        help="Shares and effects from distances on the ball, or by a matrix, which knows no "
        "curvature.",
    ),
    bias=Choice(["ball", "vector"], tier=3, help="Move by a learned point, or add a vector."),
    feature_radius=Float(
        0.0, 5.0, default=1.5, tier=3, help="Longest vector put on the ball; 0: no limit."
    ),
    init=Choice(["glorot", "unit_columns"], tier=4, help="First weights."),
    # Heads and losses.
    head=Choice(
        ["log_softmax", "softmax_clip", "logits"],
        tier=4,
        fixed=_DEFECT,
        help="How shares are read from the policy's outputs.",
    ),
    temperature=Float(0.05, 20.0, log=True, default=1.0, tier=3, help="Divides the logits."),
    value_scale=Choice(["log1p", "linear"], tier=4, help="Scale the value is trained on."),
    value_weight=Float(0.0, 10.0, default=0.5, tier=3, help="Weight of the value's squared error."),
    effect_weight=Float(
        0.0,
        10.0,
        default=0.5,
        tier=3,
        help="Weight of the signed effects' squared error; 0: no such head.",
    ),
    # Targets.
    target=Choice(
        ["abs_mean_effect", "mean_abs_z"],
        tier=4,
        fixed=_DEFECT,
        help="mean_abs_z averages the noise of single cells.",
    ),
    target_temperature=Float(
        0.1,
        10.0,
        log=True,
        default=1.0,
        tier=4,
        fixed=_DATA,
        help="Above 1 flattens the target shares.",
    ),
    target_log=Bool(False, tier=4, fixed=_DATA, help="Compress rewards by log1p first."),
    base=Choice(
        ["measured", "none"],
        tier=2,
        help="measured: the network corrects what half of the training cells say towards what the "
        "other half says; none: it predicts from the graph alone.",
    ),
    bootstrap=Bool(
        True, tier=2, when={"base": "none"}, help="Redraw the training cells at every step."
    ),
    label_smoothing=Float(0.0, 0.5, default=0.0, tier=3, help="Share of uniform in the target."),
    # Training.
    optimizer=Choice(
        ["riemannian_adam", "adam", "hyperbolic_adam", "literal_hyperbolic_adam"],
        tier=3,
        fixed=_DEFECT,
        help="riemannian_adam: geoopt's, for points of the ball only.",
    ),
    adam_eps=Float(
        1e-10, 1e-2, log=True, default=1e-8, tier=4, help="Adam's epsilon; Keras takes 1e-7."
    ),
    schedule=Choice(
        ["cosine", "annealer", "constant"], tier=3, help="Schedule of the learning rate."
    ),
    schedule_floor=Float(
        0.0,
        1.0,
        default=0.1,
        tier=4,
        when={"schedule": ("cosine", "annealer")},
        help="Where the schedule ends, as a share of the peak.",
    ),
    clip_norm=Float(
        0.0, 100.0, default=1.0, tier=3, help="Longest gradient let through; 0: no limit."
    ),
    clip_layer=Float(0.0, 100.0, default=0.0, tier=4, help="The same for each layer; 0: no limit."),
    skip_nonfinite=Bool(
        True,
        tier=4,
        fixed=_DEFECT,
        help="Leave out, and count, steps whose gradient is not finite.",
    ),
    twin=Bool(
        True,
        tier=4,
        fixed="it is a control beside the model, not part of it",
        help="Train the Euclidean twin in the same loop and report it.",
    ),
    # Data.
    dataset=Choice(["generated", "papalexi", "h5ad"], tier=4, fixed=_DATA),
    data_seed=Int(0, 2**31 - 1, default=0, **_GENERATED),
    generated_genes=Int(10, 5_000, default=240, **_GENERATED),
    generated_perturbations=Int(2, 200, default=10, **_GENERATED),
    generated_pairs=Int(0, 2_000, default=0, **_GENERATED),
    generated_cells=Int(50, 1_000_000, default=3_000, **_GENERATED),
    generated_batches=Int(1, 20, default=2, **_GENERATED),
    guide_efficiency=Float(0.0, 1.0, default=0.8, **_GENERATED),
    rna_path=Text(when={"dataset": "h5ad"}, tier=4, help="An AnnData file (.h5ad)."),
    perturbation_column=Text(
        when={"dataset": "h5ad"}, tier=4, help="A column of obs; guessed if empty."
    ),
    control_label=Text(
        when={"dataset": "h5ad"}, tier=4, help="The label of controls; guessed if empty."
    ),
    layer=Text(when={"dataset": "h5ad"}, tier=4, help="A layer of the file, or raw; X if empty."),
    least_cells=Int(
        2, 10_000, default=4, tier=4, fixed=_DATA, help="Least cells a perturbation must have."
    ),
    perturbations=Text(tier=4, help="Names with commas between; empty: all."),
    max_cells=Int(
        0, 10_000_000, default=0, tier=4, fixed=_DATA, help="Keep the first cells; 0: all."
    ),
    unseen=Choice(
        ["none", "perturbations", "pairs"],
        tier=4,
        fixed=_DATA,
        help="What is held out besides cells: whole perturbations, or pairs of those seen alone.",
    ),
    unseen_share=Float(
        0.05,
        0.45,
        default=0.2,
        tier=4,
        when={"unseen": ("perturbations", "pairs")},
        fixed=_DATA,
        help="Share of the perturbations, or pairs, for validation; as many are for the test.",
    ),
    asked=Text(
        tier=4,
        when={"unseen": ("perturbations", "pairs")},
        help="Perturbations to predict besides, never measured: names with commas, pairs as A+B.",
    ),
    val_split=Float(
        0.0,
        0.9,
        default=0.5,
        tier=4,
        fixed=_DATA,
        help="Share of cells held out; 0 holds out those that max_cells leaves.",
    ),
    min_genes=Int(
        0, 100_000, default=0, tier=4, fixed=_DATA, help="Least genes a cell must express."
    ),
    min_cells=Int(
        0, 100_000, default=3, tier=4, fixed=_DATA, help="Least cells a gene must be seen in."
    ),
    min_detection=Float(
        0.0,
        1.0,
        default=0.0,
        tier=4,
        fixed=_DATA,
        help="Least share of cells a gene must be seen in.",
    ),
    num_genes=Int(
        0, 100_000, default=0, tier=4, fixed=_DATA, help="Keep the most variable genes; 0: all."
    ),
    normalise_total=Float(
        0.0,
        1e7,
        default=1e4,
        tier=4,
        fixed=_DATA,
        help="Counts per cell after scaling; 0: as counted.",
    ),
    log1p=Bool(True, tier=4, fixed=_DATA, help="Take log1p of the expression."),
    centre_batches=Bool(False, tier=4, fixed=_DATA, help="Align the batches' controls."),
)
