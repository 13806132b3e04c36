"""Offences: the first thing that went wrong in a step, with where, what, which rows, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PHASES = ("forward", "loss", "backward", "update", "parameter", "metric")
"""In the order in which they happen and are looked at."""


@dataclass(frozen=True, kw_only=True)
class Offence:
    """The first offender of a failing step."""

    step: int
    phase: str
    """One of PHASES: where in the step it happened."""
    module: str = ""
    """The module it happened in, by its path in the model; empty outside of any."""
    operation: str = ""
    """The operation, by PyTorch's name: sqrt, SqrtBackward0, Adam."""
    tensor: str = ""
    """What was not finite: its shape, or a parameter's name."""
    source: str = ""
    """File, line and text of the code that did it (for a gradient: that made its forward)."""
    num_bad: int = 0
    """Entries that are not finite."""
    num_entries: int = 0
    rows: tuple[int, ...] = ()
    """Rows along the first axis that are not finite."""
    row_names: tuple[str, ...] = ()
    row_norms: tuple[float, ...] = ()
    """Length of those rows in the forward value the operation worked on."""
    why: str = ""
    """What about this operation can do this, in a sentence."""
    advice: str = ""
    """What to write instead."""
    bad_gradients: tuple[str, ...] = ()
    """Every parameter whose gradient was not finite after the backward pass of this step."""
    num_parameters: int = 0
    """Of how many."""
    loss: float | None = None
    """What the backward pass of this step started from."""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Singularity:
    """Why an operation has no finite value or gradient somewhere, and what to write instead."""

    why: str
    advice: str


_ROOT = Singularity(
    "the gradient of a square root at 0 is infinite: the norm of a row that is exactly zero",
    "write sqrt(sum(x^2) + eps^2), or take the root only of rows that are not zero",
)
_LOG = Singularity(
    "the logarithm of 0 is minus infinity, and its gradient 1/0",
    "use log_softmax, log1p, or clamp the argument away from 0",
)
_DIVISION = Singularity(
    "something is divided by 0, or by a number so small that the result overflows",
    "add a small constant to the divisor, or clamp it from below",
)
_EXP = Singularity(
    "the exponential overflows: beyond 88 in float32, 11 in float16",
    "subtract the maximum first (logsumexp, softmax), or bound the argument",
)
_POWER = Singularity(
    "a power has no finite gradient here: a fractional or negative exponent at 0",
    "add a small constant to the base",
)
_INVERSE = Singularity(
    "atanh, acos and asin have no finite value or gradient at the ends of their range",
    "clamp the argument inside, by more than the rounding of its type",
)
_PRODUCT = Singularity(
    "finite factors whose product overflows, or zero times infinity",
    "look at the sizes of what comes in; normalise it, lower the rate, or use a wider type",
)
_NORMALISED = Singularity(
    "the values that are normalised all agree (variance 0), or overflow",
    "raise the eps of the normalisation, and look for constant rows in front of it",
)

_SOFTMAX = Singularity(
    "a softmax over a row in which everything is masked, or holds an infinity",
    "leave at least one entry of every row unmasked",
)
_INPUT = Singularity(
    "the data that is given to the model is not finite",
    "look for missing values, and for divisions in the preparation of the data",
)

# By the beginning of an operation's name, forward or backward, in lower case.
SINGULARITIES: tuple[tuple[tuple[str, ...], Singularity], ...] = (
    (("input",), _INPUT),
    (("sqrt", "rsqrt", "linalgvectornorm", "linalg_vector_norm", "norm", "std", "cdist"), _ROOT),
    (("log", "xlogy", "binarycrossentropy", "binary_cross_entropy", "kldiv", "kl_div"), _LOG),
    (("div", "true_divide", "__truediv__", "reciprocal"), _DIVISION),
    (("exp", "expm1", "logsumexp", "cosh", "sinh"), _EXP),
    (("pow", "__pow__"), _POWER),
    (("atanh", "acos", "asin", "acosh", "erfinv"), _INVERSE),
    (("layernorm", "layer_norm", "nativelayernorm", "batchnorm", "batch_norm", "nativebatchnorm",
      "nativegroupnorm", "group_norm"), _NORMALISED),
    (("softmax", "log_softmax", "scaled_dot_product"), _SOFTMAX),
    (("mul", "__mul__", "addmm", "mm", "bmm", "matmul", "linear", "conv", "add", "sub", "sum",
      "mse", "square", "baddbmm", "einsum", "cumprod", "prod"), _PRODUCT),
)  # fmt: skip


def explain(operation: str) -> Singularity | None:
    """What is known about an operation that can fail, by its name."""
    name = operation.lower().removesuffix("_")
    matches = [
        (len(prefix), singularity)
        for prefixes, singularity in SINGULARITIES
        for prefix in prefixes
        if name.startswith(prefix)
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None
