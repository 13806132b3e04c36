"""What is known about operations that can fail: why they do, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Singularity:
    """Why an operation has no finite value or gradient somewhere, and what to write instead."""

    why: str
    advice: str


_OVERFLOW = Singularity(
    "the numbers have become too large for their type",
    "look at the sizes of what comes in: normalise it, bound it, lower the rate, or clip",
)
_ROOT_SLOPE = Singularity(
    "the gradient of a square root at 0 is infinite: the norm of a row that is exactly zero",
    "write sqrt(sum(x^2) + eps^2), or take the root only of rows that are not zero",
)
_NORMALISED = Singularity(
    "the values that are normalised all agree (variance 0), or overflow",
    "raise the eps of the normalisation, and look for constant rows in front of it",
)
_INVERSE = Singularity(
    "atanh, acos and asin have no finite value or gradient at the ends of their range",
    "clamp the argument inside, by more than the rounding of its type",
)
_DIVISION = Singularity(
    "something is divided by 0, or by a number so small that the result overflows",
    "add a small constant to the divisor, or clamp it from below",
)
_LOG_OF_ZERO = Singularity(
    "the logarithm of 0 is minus infinity, and its gradient 1/0",
    "use log_softmax, log1p, or clamp the argument away from 0",
)
_EXP = Singularity(
    "the exponential overflows: beyond 88 in float32, 11 in float16",
    "subtract the maximum first (logsumexp, softmax), or bound the argument",
)

_LOGS = ("log", "xlogy", "binarycrossentropy", "binary_cross_entropy", "kldiv", "kl_div")
_DIVISIONS = ("div", "true_divide", "__truediv__", "__rtruediv__", "__rdiv__", "reciprocal")
_INVERSES = ("atanh", "acos", "asin", "acosh", "erfinv")
_NORMS = ("layernorm", "layer_norm", "nativelayernorm", "batchnorm", "batch_norm",
          "nativebatchnorm", "nativegroupnorm", "group_norm")  # fmt: skip
_ROOTS = ("sqrt", "rsqrt", "linalgvectornorm", "linalg_vector_norm", "norm", "std", "cdist")

Table = tuple[tuple[tuple[str, ...], Singularity], ...]

# By the beginning of an operation's name, in lower case; the longest that fits counts.
_NAN_IN_FORWARD: Table = (
    (("input",), Singularity(
        "the data that is given to the model is not finite",
        "look for missing values, and for divisions in the preparation of the data",
    )),
    (("log",), Singularity(
        "the logarithm of a negative number",
        "keep the argument positive: softplus, exp, or a clamp",
    )),
    (("sqrt", "rsqrt"), Singularity(
        "the square root of a negative number",
        "keep the argument positive; a sum of squares can be negative by rounding when subtracted",
    )),
    (("pow", "__pow__"), Singularity(
        "a fractional power of a negative number", "keep the base positive",
    )),
    (("softmax", "log_softmax", "scaled_dot_product"), Singularity(
        "a softmax over a row in which everything is masked, or that holds an infinity",
        "leave at least one entry of every row unmasked",
    )),
    (_INVERSES, _INVERSE),
    (_DIVISIONS, Singularity("0 divided by 0", _DIVISION.advice)),
    (_NORMS, _NORMALISED),
)  # fmt: skip
_INFINITE_IN_FORWARD: Table = (
    (("input",), _NAN_IN_FORWARD[0][1]),
    (_LOGS, _LOG_OF_ZERO),
    (_DIVISIONS, _DIVISION),
    (("rsqrt",), _DIVISION),
    (("exp", "expm1", "cosh", "sinh"), _EXP),
    (_INVERSES, _INVERSE),
)
_IN_BACKWARD: Table = (
    (_ROOTS, _ROOT_SLOPE),
    (_LOGS, _LOG_OF_ZERO),
    (_DIVISIONS, _DIVISION),
    (("exp", "expm1", "logsumexp", "cosh", "sinh"), _EXP),
    (("pow", "__pow__"), Singularity(
        "a power has no finite gradient here: a fractional or negative exponent at 0, or overflow",
        "add a small constant to the base, and look at its size",
    )),
    (_INVERSES, _INVERSE),
    (_NORMS, _NORMALISED),
)  # fmt: skip


def explain(operation: str, phase: str, *, nan: bool) -> Singularity | None:
    """What is known about an operation that failed, by its name.

    Args:
        phase: "forward" or "backward".
        nan: Whether its result holds a NaN; otherwise it holds infinities only.
    """
    if phase == "backward":
        return _lookup(operation, _IN_BACKWARD) or _OVERFLOW
    if phase == "forward":
        known = _lookup(operation, _NAN_IN_FORWARD if nan else _INFINITE_IN_FORWARD)
        return known or (None if nan else _OVERFLOW)
    return None


def _lookup(operation: str, table: Table) -> Singularity | None:
    name = operation.lower()
    matches = [
        (len(prefix), singularity)
        for prefixes, singularity in table
        for prefix in prefixes
        if name.startswith(prefix)
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None
