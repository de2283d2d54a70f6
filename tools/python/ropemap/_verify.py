# _verify.py - a rotation of the caller's own held against the exact one, at near and far positions
# SPDX-License-Identifier: MIT
import numbers

import numpy

from ._arrays import ELEMENTS, index, numbers_of
from ._core import Rule
from ._errors import DataError, UsageError, call
from ._native import ffi, lib

__all__ = ["verify", "Verification"]
END = 2**40  # every position is below this
NEAR = 64  # positions that are all tried
BLOCK = 16  # rows of a call that is told where they begin
JUDGED = {**ELEMENTS, "float64": lib.ROPEMAP_ELEMENT_FP32}  # outputs are judged as floats


class Verification:
    """What a rotation came to: true where no element is wrong.

    verdict, cause, text: a word, the likely cause (None: unknown), all of it in a sentence
    first_wrong: position, row, element, found and wanted of the first wrong element; None where all are right
    by_position: for positions 0, 1, 2 to 3, 4 to 7, ...: first, last, rows, elements, wrong, worst
    wrong, elements, worst, tolerance: elements; the largest error, and the largest that is allowed, as shares of a
    pair's length
    speed: with speed=True GB/s of the rotation, of a copy, and their ratio, the share
    """

    right: "bool"
    verdict: "str"
    cause: "str | None"
    text: "str"
    dtype: "str"
    rows: "int"
    elements: "int"
    wrong: "int"
    worst: "float"
    tolerance: "float"
    first_wrong: "dict[str, float] | None"
    by_position: "list[dict[str, float]]"
    speed: "dict[str, float] | None"

    def __init__(self, judged, dtype, speed):
        for name in ("right", "rows", "elements", "wrong", "worst", "tolerance"):
            setattr(self, name, getattr(judged, name))
        self.verdict, self.cause, self.text = (ffi.string(text).decode() or None
                                               for text in (judged.verdict, judged.cause, judged.text))
        self.dtype, self.speed = dtype, speed
        self.first_wrong = None if judged.row < 0 else {"element": judged.index, **{
            name: getattr(judged, name) for name in ("position", "row", "found", "wanted")}}
        self.by_position = [{name: getattr(span, name) for name, _ in ffi.typeof(span).fields}
                            for span in judged.spans[0:judged.span_count]]

    def __bool__(self):
        return self.right

    def __repr__(self):
        lines = [f"{'matches' if self.right else 'DOES NOT MATCH'}: {self.text}",
                 f"{self.rows} rows of {self.dtype}; an element is wrong where it is off by more than "
                 f"{self.tolerance:.2g} of its pair's length",
                 f"{'positions':<38}{'rows':>6} {'wrong elements':>16} {'largest error':>14}"]
        for span in self.by_position:
            places = " to ".join(f"{place:,}" for place in dict.fromkeys((span["first"], span["last"])))
            lines.append(f"{places:<38}{span['rows']:>6} {'%d of %d' % (span['wrong'], span['elements']):>16} "
                         f"{span['worst']:>14.2g}")
        if self.speed:
            lines.append("{rotation:.0f} GB/s, {share:.2f} of a copy's {copy:.0f}".format(**self.speed))
        return "\n".join(lines)


# ---- arrays of other libraries ----------------------------------------------------------------------------


def maker_of(on, dtype):
    """The function that makes the caller's kind of array, of rows and of positions, from NumPy's."""
    if callable(on):
        return on
    try:
        if on == "numpy":
            kind = numpy.dtype(dtype)
            return lambda array: array.astype(kind) if array.dtype.kind == "f" else array
        import torch
        kind, device = getattr(torch, dtype), torch.device("cpu" if on == "torch" else on)
        torch.empty(0, device=device)
    except (AssertionError, ImportError, RuntimeError, TypeError) as error:
        raise UsageError(f"on: {on!r} with dtype {dtype!r}: {error}; give 'numpy', 'torch', a device of torch such as "
                         "'cuda:1', or a function that makes an array of yours from a NumPy one") from None
    return lambda array: torch.from_numpy(array).to(device, kind if array.dtype.kind == "f" else None)


def floats(array, name):
    """The numbers of anyone's array as float32 in C order, a copy."""
    try:
        array = array.detach().cpu() if hasattr(array, "detach") else array
        with numpy.errstate(over="ignore"):
            return numbers_of(name, array).astype(numpy.float32, order="C", casting="same_kind")
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: {type(array).__name__} is no array of numbers ({error})") from None


# ---- rows -------------------------------------------------------------------------------------------------


def positions_up_to(last):
    """Dense at first; then 131,071 and both sides of every power of two, with one between them."""
    chance = numpy.random.default_rng(0)
    found = set(range(min(NEAR, last + 1))) | {131071}
    for power in range(6, 41):
        found |= {2**power + step for step in (-1, 0, 1)} | {2**power + int(chance.integers(2**power))}
    return numpy.array(sorted(one for one in found if one <= last), dtype=numpy.int64)


def starts_up_to(last):
    """First positions of blocks: one after another at first, then across 131,071 and every power of two."""
    found = set(range(0, NEAR, BLOCK)) | {131064} | {2**power - BLOCK // 2 for power in range(7, 41)}
    return sorted(one for one in found if one + BLOCK - 1 <= last)


def shape_of(count, dim, order, heads, batch):
    """Axes of a call's rows, and where positions are among them."""
    if order not in ("hsd", "shd"):
        raise UsageError(f"order: {order!r}; give 'hsd' or 'shd'")
    shape = [count, dim] if heads is None else [heads, count, dim] if order == "hsd" else [count, heads, dim]
    axis = 1 if heads is not None and order == "hsd" else 0
    return ([batch] if batch is not None else []) + shape, axis + (batch is not None)


def judge(spec, inputs, outputs, positions, dtype, tolerance):
    places, judgement = numpy.ascontiguousarray(positions.reshape(-1)), ffi.new("ropemap_judgement *")
    rotated = ffi.new("ropemap_rotated *", {
        "inputs": ffi.from_buffer("float[]", inputs), "outputs": ffi.from_buffer("float[]", outputs),
        "positions": ffi.from_buffer("int64_t[]", places), "rows": len(places), "spec": spec[0], "element": JUDGED[dtype],
        "tolerance": tolerance or 0.0})
    call(lib.ropemap_rotation_judge, rotated, judgement)
    return judgement


def run(f, make, blocks, offset, shape, axis):
    """Rows before and after, of all blocks together; each is [..., positions, ...] in the order of its axes."""
    chance, before, after = numpy.random.default_rng(1), [], []
    for block in blocks:
        shape[axis] = len(block)
        rows = make(chance.standard_normal(shape, dtype=numpy.float32))
        before.append(floats(rows, "on"))
        if before[-1].shape != tuple(shape):
            raise DataError(f"on: made shape {before[-1].shape} of an array of shape {tuple(shape)}; return one of that shape")
        outputs = f(rows, int(block[0]) if offset else make(block.copy()))  # f may change it
        after.append(floats(outputs, "f"))
        if after[-1].shape != before[-1].shape:
            raise DataError(f"f: returned shape {after[-1].shape} for rows of shape {before[-1].shape}; return the rotated "
                            "rows alone")
    return numpy.concatenate(before, axis), numpy.concatenate(after, axis)


def speed_of(f, make, offset, shape, axis):
    """GB/s, read and written, of the rotation of 2^24 numbers and of their copy."""
    shape[axis] = max(2**24 // (int(numpy.prod(shape)) // shape[axis]), 1)
    rows, places = make(numpy.zeros(shape, numpy.float32)), 0 if offset else make(numpy.arange(shape[axis]))
    if not hasattr(rows, "detach"):
        raise UsageError("speed: rows are not of torch; give on='cuda' or 'torch'")
    from torch.utils.benchmark import Timer
    copy = rows.clone()

    def rate(run):
        return 2e-9 * rows.nbytes / Timer("run()", globals={"run": run}).blocked_autorange().median
    found = {"rotation": rate(lambda: f(rows, places)), "copy": rate(lambda: copy.copy_(rows))}
    return {**found, "share": found["rotation"] / found["copy"]}


def verify(f: "Callable[[Any, Any], Any]", *, on: "str | Callable[[NDArray[Any]], Any]" = "numpy", dtype: "str" = "float32",
           heads: "int | None" = None, batch: "int | None" = None, order: "str" = "hsd", last: "int | None" = None,
           offset: "bool" = False, tolerance: "float | None" = None, speed: "bool" = False, **rule: "Any") -> "Verification":
    """Holds f(rows, positions), a rotation of your own, against the exact one: a Verification.

    f is given normal rows [positions, head_dim] and their positions, int64 [positions], up to `last`, and returns
    the rotated rows. Rule keywords are those of ropemap.rule: base, head_dim, rotary_dim, layout, scaling, preset,
    model, ...

    on: what rows and positions are: "numpy", "torch", a device of torch ("cuda:1"), or a function that makes an array of
        yours from a NumPy one of float32 rows or int64 positions, such as mlx.core.array
    dtype: "float32", "float64", "float16" or "bfloat16" of the rows; NumPy has that once ml_dtypes is imported
    heads, batch, order: rows of [heads, positions, head_dim], with order="shd" [positions, heads, head_dim], and a
        batch before them
    last: the greatest position, at most and unless given 2**40 - 1; give what your tables or index types end at
    offset: f is called as f(rows, first) with rows at first, first + 1, ...
    tolerance: what an element may be off by, as a share of its pair's length, in radians; unless given, 6 roundings of
        the dtype: 3.6e-7, 2.9e-3 of float16, 2.3e-2 of bfloat16. float32 angles are off by 1e-2 at position 131,071.
    speed: also GB/s, and those of a copy, of rows of torch
    """
    if not callable(f):
        raise UsageError(f"f: {type(f).__name__}; give a function of rows and positions")
    if dtype not in ELEMENTS:
        raise UsageError(f"dtype: {dtype!r}; give {', '.join(sorted(ELEMENTS))}")
    last = END - 1 if last is None else index("last", last)
    for name, count in (("heads", heads), ("batch", batch)):
        if count is not None and not 1 <= index(name, count) <= 1024:
            raise UsageError(f"{name}: {count}; give 1 to 1024, or leave it out for no such axis")
    if not 1 <= last < END:
        raise UsageError(f"last: {last}; give a position from 1 to 2**40 - 1")
    if not isinstance(tolerance, (numbers.Real, type(None))):
        raise UsageError(f"tolerance: {tolerance!r:.80} is no number")
    made = Rule(rule)
    spec = ffi.cast("info_rule *", made._made).spec
    make = maker_of(on, dtype)
    blocks = [numpy.arange(start, start + BLOCK) for start in starts_up_to(last)] if offset else [positions_up_to(last)]
    if not blocks:
        raise UsageError(f"last: {last}; rows come in blocks of {BLOCK} with offset=True")
    shape, axis = shape_of(1, spec.head_dim, order, heads, batch)
    inputs, outputs = run(f, make, blocks, offset, shape, axis)
    along = [-1 if one == axis else 1 for one in range(inputs.ndim - 1)]
    positions = numpy.broadcast_to(numpy.concatenate(blocks).reshape(along), inputs.shape[:-1])
    judgement = judge(spec, inputs, outputs, positions, dtype, tolerance)
    return Verification(judgement, dtype, speed_of(f, make, offset, shape, axis) if speed else None)
