"""A 16-lane float type for Numba: sixteen creatures are computed by one instruction.

LLVM does not vectorise the obvious loop over creatures, because it cannot prove that the rows of
an array do not overlap. So the lanes are spelt out: a `Lanes` value is LLVM's `<16 x float>`, which
becomes one AVX-512 register, two of AVX2 or four of NEON. Arrays are stored as rows of sixteen
floats; `load` and `store` move one row. Lanes never mix, so a creature's result does not depend on
its neighbours.

    load(rows, r), store(rows, r, x)    row r of a C-contiguous float32 array (.., 16)
    splat(3.0)                          the same number in every lane
    + - * / and unary -                 lane by lane, IEEE 754
    x < y, x > y, a & b, a | b          masks
    select(mask, x, y)                  x where the mask is set, else y
    fma(a, b, c)                        a * b + c, rounded once
    minimum, maximum, absolute, floor, sqrt, rsqrt
    bits(mask)                          the mask as an integer, lane 0 lowest

`fma`, `floor`, `sqrt` and `rsqrt` take plain float32 as well, with the same rounding: the scalar
kernel uses them and agrees with the lanes bit for bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

Array = npt.NDArray[Any]

WIDTH = 16

_FLOAT = ir.FloatType()
_FLOATS = ir.VectorType(_FLOAT, WIDTH)
_BITS = ir.VectorType(ir.IntType(1), WIDTH)


class Lanes(types.Type):
    """Sixteen float32 values."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


class Mask(types.Type):
    """Sixteen truth values."""

    def __init__(self) -> None:
        super().__init__(name="Mask")


lanes = Lanes()
mask = Mask()


def _model(vector: ir.Type) -> type:
    def start(self: Any, manager: Any, fe_type: Any) -> None:
        models.PrimitiveModel.__init__(self, manager, fe_type, vector)

    return type("LanesModel", (models.PrimitiveModel,), {"__init__": start})


register_model(Lanes)(_model(_FLOATS))
register_model(Mask)(_model(_BITS))


# --- Operators -----------------------------------------------------------------------------------


def _operator(
    symbol: Any, result: Any, operands: tuple[Any, ...], emit: Callable[..., Any]
) -> None:
    """Teach Numba one Python operator on lanes: `emit(builder, *values)` writes the instruction."""
    infer_global(symbol)(
        type("LanesOperator", (ConcreteTemplate,), {"cases": [signature(result, *operands)]})
    )
    lower_builtin(symbol, *operands)(lambda context, builder, sig, args: emit(builder, *args))


_operator(operator.add, lanes, (lanes, lanes), lambda b, x, y: b.fadd(x, y))
_operator(operator.iadd, lanes, (lanes, lanes), lambda b, x, y: b.fadd(x, y))
_operator(operator.sub, lanes, (lanes, lanes), lambda b, x, y: b.fsub(x, y))
_operator(operator.mul, lanes, (lanes, lanes), lambda b, x, y: b.fmul(x, y))
_operator(operator.truediv, lanes, (lanes, lanes), lambda b, x, y: b.fdiv(x, y))
_operator(operator.neg, lanes, (lanes,), lambda b, x: b.fneg(x))
_operator(operator.lt, mask, (lanes, lanes), lambda b, x, y: b.fcmp_ordered("<", x, y))
_operator(operator.gt, mask, (lanes, lanes), lambda b, x, y: b.fcmp_ordered(">", x, y))
_operator(operator.and_, mask, (mask, mask), lambda b, x, y: b.and_(x, y))
_operator(operator.or_, mask, (mask, mask), lambda b, x, y: b.or_(x, y))


# --- Functions -----------------------------------------------------------------------------------


def _row_pointer(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    start = builder.mul(row, ir.Constant(row.type, WIDTH))
    return builder.bitcast(builder.gep(data, [start]), _FLOATS.as_pointer())


def _load(typing: Any, rows: Any, row: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        value = builder.load(_row_pointer(context, builder, sig.args[0], args[0], index))
        value.align = 4  # aligned rows are faster (see `aligned_rows`), others are still right
        return value

    return lanes(rows, row), emit


def _store(typing: Any, rows: Any, row: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        pointer = _row_pointer(context, builder, sig.args[0], args[0], index)
        builder.store(args[2], pointer).align = 4
        return context.get_dummy_value()

    return types.void(rows, row, lanes), emit


def _splat(typing: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = context.cast(builder, args[0], sig.args[0], types.float32)
        return _spread(builder, number)

    return lanes(value), emit


def _spread(builder: Any, number: Any) -> Any:
    zero = ir.Constant(ir.IntType(32), 0)
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(nothing, number, zero)
    return builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    )


def _select(typing: Any, condition: Any, x: Any, y: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(*args)

    return lanes(mask, lanes, lanes), emit


def _choose(predicate: str) -> Callable[..., Any]:
    """x if x `predicate` y else y: a NaN in x gives y, a NaN in y gives y."""

    def typed(typing: Any, x: Any, y: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(predicate, *args), *args)

        return lanes(lanes, lanes), emit

    return typed


def _bits(typing: Any, condition: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(mask), emit


def _kind(value: Any) -> tuple[Any, ir.Type, str]:
    """The Numba type, LLVM type and LLVM name suffix of an operand: lanes, or one float32."""
    return (lanes, _FLOATS, "v16f32") if value is lanes else (types.float32, _FLOAT, "f32")


def _call(builder: Any, name: str, llvm: ir.Type, suffix: str, args: Any) -> Any:
    kind = ir.FunctionType(llvm, [llvm] * len(args))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{suffix}")
    return builder.call(function, args)


def _unary(name: str) -> Callable[..., Any]:
    def typed(typing: Any, x: Any) -> Any:
        numba, llvm, suffix = _kind(x)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _call(builder, name, llvm, suffix, args)

        return numba(numba), emit

    return typed


def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    numba, llvm, suffix = _kind(a)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, "fma", llvm, suffix, args)

    return numba(numba, numba, numba), emit


def _rsqrt(typing: Any, x: Any) -> Any:
    """1 / sqrt(x), each step rounded as IEEE asks. (A guess with Newton steps was 15 % slower.)"""
    numba, llvm, suffix = _kind(x)
    one = ir.Constant(llvm, 1.0 if llvm is _FLOAT else [1.0] * WIDTH)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fdiv(one, _call(builder, "sqrt", llvm, suffix, args))

    return numba(numba), emit


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
splat: Any = intrinsic(_splat)
select: Any = intrinsic(_select)
minimum: Any = intrinsic(_choose("<"))
maximum: Any = intrinsic(_choose(">"))
bits: Any = intrinsic(_bits)
absolute: Any = intrinsic(_unary("fabs"))
floor: Any = intrinsic(_unary("floor"))
sqrt: Any = intrinsic(_unary("sqrt"))
fma: Any = intrinsic(_fma)
rsqrt: Any = intrinsic(_rsqrt)


def aligned_rows(rows: int) -> Array:
    """Zeroed rows of sixteen float32 that start on a 64-byte boundary: one cache line each."""
    raw = np.zeros(rows * WIDTH + WIDTH, np.float32)
    start = (-raw.ctypes.data // 4) % WIDTH
    return raw[start : start + rows * WIDTH].reshape(rows, WIDTH)
