"""Ranges: how far a knob is searched, from its name, kind and default, by one table.

Each row is: words in the name, what it is, how the range follows from the default d. The first row
that fits decides; where none does, GENERIC takes the order of magnitude around the default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from homeostat.script.options.option import Option
from homeostat.script.words import snake, table

Entry = dict[str, Any]
"""A range as it stands in YAML: {"float": [low, high], "log": true, "default": d}."""
Make = Callable[[Any], Entry | None]


def _log(down: float, up: float, top: float = math.inf) -> Make:
    """A log scale from d/down to d*up."""

    def make(d: Any) -> Entry | None:
        if d <= 0:
            return None
        high = max(min(_round(d * up), top), d)
        return {"float": [min(_round(d / down), d), high], "log": True, "default": float(d)}

    return make


def _between(low: float, high: float) -> Make:
    """A plain scale between two ends, widened if the default lies outside."""

    def make(d: Any) -> Entry | None:
        return {"float": [min(low, d), max(high, d)], "default": float(d)}

    return make


def _near_one(d: Any) -> Entry | None:
    """A factor below 1: from eight times as far from 1 as the default to an eighth."""
    if not 0 < d < 1:
        return _between(0.5, 1.0)(d) if 0 <= d <= 1 else None
    far = 1 - d
    return {
        "float": [max(_round(1 - 8 * far), 0.0), _round(1 - far / 8)],
        "default": float(d),
    }


def _strength(d: Any) -> Entry | None:
    """A penalty: a log scale around the default; when that is 0, none or some powers of ten."""
    if d == 0:
        return {"choice": [0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1], "default": 0.0}
    return _log(100, 10)(d) if d > 0 else None


def _powers(down: int, up: int) -> Make:
    """Halves and doubles of a size, whole ones only: what divides it still does."""

    def make(d: Any) -> Entry | None:
        if d <= 0:
            return None
        sizes = [d]
        while sizes[0] % 2 == 0 and sizes[0] * down > d:
            sizes.insert(0, sizes[0] // 2)
        if sizes[0] * down > d and len(sizes) == 1:
            sizes = [max(1, round(d / 2)), d] if d > 1 else [d]
        while sizes[-1] < d * up:
            sizes.append(sizes[-1] * 2)
        return {"choice": sizes, "default": d}

    return make


def _count(d: Any) -> Entry | None:
    """A small number of things: from half to twice the default."""
    if d <= 0:
        return None
    return {"int": [max(1, d // 2), max(2 * d, d + 2)], "default": d}


def _from_zero(d: Any) -> Entry | None:
    """A length that may be 0, such as a warm-up."""
    if d <= 0:
        return None
    return {"int": [0, 4 * d], "default": d}


FLOATS: tuple[tuple[Any, str, Make], ...] = (
    (table("beta_?2", "adam_beta2", "beta_two"), "a decay near 1", _near_one),
    (table("momentum", "beta", "betas?", "beta_?1", "adam_beta1"), "a decay", _between(0.0, 0.99)),
    (table("weight_decay", "wd", "decay_weight", "l1", "l2", "reg", "regulari[sz]ation", "lambda",
           "lmbda", "lam", "penalty"), "a penalty", _strength),
    (table("gamma", "discount", "lr_decay", "decay", "decay_rate", "ema", "ema_decay", "rho",
           "polyak", "gae", "gae_lambda"), "a factor below 1", _near_one),
    (table("lr", "learning_rate", "learningrate", "rate", "eta", "step_size", "stepsize",
           r"lr_\w+", r"\w+_lr", "min_lr"), "a rate", _log(100, 30, math.inf)),
    (table("dropout", "drop", "drop_rate", "dropout_rate", "drop_prob", "p_drop", r"\w*dropout",
           "droprate", "drop_path", "mask_prob"), "a probability", _between(0.0, 0.7)),
    (table("smoothing", "label_smoothing", "mixup", "cutmix"), "a share", _between(0.0, 0.4)),
    (table("warmup", "warmup_ratio", "warmup_frac", "pct_start"), "a share", _between(0.0, 0.5)),
    (table("prob", "probability", "p", "ratio", "frac", "fraction", "epsilon_greedy"),
     "a share", _between(0.0, 1.0)),
    (table("eps", "epsilon", "adam_epsilon"), "a small number", _log(1000, 1000)),
    (table("clip", "grad_clip", "clip_norm", "max_norm", "max_grad_norm", "clipping",
           "gradient_clip_val"), "a limit", _log(10, 10)),
)  # fmt: skip

INTS: tuple[tuple[Any, str, Make], ...] = (
    (table("batch", "batch_size", "batchsize", "bs", "bsz", "minibatch", r"\w*batch_size",
           "minibatch_size"), "a batch", _powers(4, 4)),
    (table("warmup", r"warmup_\w+", r"\w+_warmup"), "a warm-up", _from_zero),
    (table("heads?", "n_heads?", "num_heads", "nhead", "nheads", "n_kv_heads"),
     "heads", _powers(2, 2)),
    (table("hidden", r"hidden_\w+", r"\w*_hidden", r"\w*_dim", "dim", "width", "units",
           r"\w*_units", "channels", r"\w*_channels", "embed", r"\w*embd", "emsize", "nhid",
           "d_model", "dmodel", "d_ff", "dff", "ffn", "size", r"\w*_size", "filters",
           r"\w*_filters", "features", "latent", r"latent_\w+", "nz", "ngf", "ndf", "neurons",
           "buffer", "capacity", "memory", "rank_lora", "lora_r"), "a size", _powers(4, 4)),
    (table("layers?", r"\w*layers?", "depth", "blocks", r"\w*_blocks", "num_blocks", "experts",
           "k", "kernel", "accumulate", r"\w*accumulation\w*", "accum"), "a count", _count),
)  # fmt: skip


def range_of(option: Option) -> tuple[Entry, str] | None:
    """The range of a knob and what it was taken for; None where its default says too little."""
    d = option.default
    if option.kind == "bool":
        return {"bool": bool(d)}, "a switch"
    if option.kind == "choice":
        return _choice(option)
    if isinstance(d, bool) or not isinstance(d, (int, float)) or not math.isfinite(d):
        return None
    name = snake(option.word)
    rows = FLOATS if option.kind == "float" else INTS
    for words, what, make in rows:
        if words.search(name):
            entry = make(d)
            if entry is not None and _is_wide(entry):
                return entry, what
    entry = _generic(option.kind, d)
    return (entry, "a number") if entry is not None else None


def is_named(option: Option) -> bool:
    """Whether the name of a number is one that the table knows."""
    rows = FLOATS if option.kind == "float" else INTS
    return any(words.search(snake(option.word)) for words, _, _ in rows)


def is_measure(option: Option) -> bool:
    """Whether its name is one of a number that need not be whole, although it is written so."""
    name = snake(option.word)
    whole = any(words.search(name) for words, _, _ in INTS)
    return not whole and any(words.search(name) for words, _, _ in FLOATS)


def _choice(option: Option) -> tuple[Entry, str] | None:
    values = [c for c in option.choices if isinstance(c, (bool, int, float, str))]
    default = option.default
    if default is None or default not in values:
        return None
    if len(values) < 2:
        return None
    return {"choice": values, "default": default}, "its choices"


def _generic(kind: str, d: Any) -> Entry | None:
    if kind == "int":
        return {"int": [max(1, d // 4), max(4 * d, d + 3)], "default": d} if d > 0 else None
    if d == 0:
        return {"float": [0.0, 1.0], "default": 0.0}
    if d < 0:
        return {"float": [_round(10 * d), _round(d / 10)], "default": float(d)}
    top = 1.0 if d < 1 else math.inf
    return _log(10, 10, top)(d)


def _is_wide(entry: Entry) -> bool:
    if "choice" in entry:
        return len(entry["choice"]) > 1
    low, high = entry.get("float") or entry["int"]
    return bool(low < high)


def _round(value: float) -> float:
    """Three digits: 0.1 * 30 is 3, not 3.0000000000000004."""
    return float(f"{value:.3g}")
