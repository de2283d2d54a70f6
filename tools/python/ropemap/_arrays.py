# _arrays.py - arrays in memory, of NumPy, torch or whoever has DLPack, as the library reads them
# SPDX-License-Identifier: MIT
"""No number is copied: heads and batches are addresses and strides."""
import ctypes
import operator

import numpy

from ._errors import UsageError, call
from ._native import ffi, lib

ELEMENTS = {"float32": lib.ROPEMAP_ELEMENT_FP32, "float64": lib.ROPEMAP_ELEMENT_FP64,
            "float16": lib.ROPEMAP_ELEMENT_FP16, "bfloat16": lib.ROPEMAP_ELEMENT_BF16}
DEVICES = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 13: "cuda managed", 14: "oneapi"}  # of dlpack.h
HOST = (1, 3)  # the CPU's memory, and what CUDA has pinned of it

pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class Exported:
    """What an array exports through DLPack, of which NumPy takes bfloat16, whose code is 4, for unsigned integers."""

    def __init__(self, name, value):
        try:
            self.device, number = value.__dlpack_device__()
            self.capsule = value.__dlpack__() if self.device in HOST else None
            start = pointer_of(self.capsule, b"dltensor") if self.capsule else 0
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError) as error:
            raise UsageError(f"{name}: {error}; give an array in the CPU's memory, of torch {name}.detach()") from None
        if self.capsule is None:
            raise UsageError(f"{name}: on device {DEVICES.get(int(self.device), int(self.device))}:{number}; give "
                             f"{name}.cpu(), which the CPU can read")
        # Code, bits and lanes of an element lie behind data (8 bytes), device (8) and the number of axes (4).
        kind = (ctypes.c_uint8 * 4).from_address(start + 20)
        self.is_bfloat = kind[:] == [4, 16, 1, 0]
        if self.is_bfloat:
            kind[0] = 1

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return self.device, 0


def array_of(name, value):
    """NumPy's view of an array's memory, and the name of its elements; those of bfloat16 look like integers."""
    if not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
        exported = Exported(name, value)
        try:
            array = numpy.from_dlpack(exported)
        except (BufferError, RuntimeError) as error:
            raise UsageError(f"{name}: {error}; give an array of {', '.join(sorted(ELEMENTS))}") from None
        return array, "bfloat16" if exported.is_bfloat else array.dtype.name
    if isinstance(value, numpy.ma.MaskedArray):
        raise UsageError(f"{name}: an array with a mask, which nothing here reads; give {name}.filled()")
    try:
        array = numpy.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{name}: {error}; give rows of one length") from None
    if array.dtype.hasobject:
        raise UsageError(f"{name}: {value!r:.80} are no numbers")
    return array, array.dtype.name if array.dtype.isnative else f"{array.dtype.str} (swapped)"


def numbers_of(name, value):
    """What numpy.save keeps of an array or a list."""
    array, element = array_of(name, value)
    return (array.view("u2").astype("u4") << 16).view("f4") if element == "bfloat16" else array


def index(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(f"{name}: {value!r:.80} is no whole number") from None


def heads_of(name, value, order, batch, packed):
    """[heads, positions, elements] of [S, D], [H, S, D], [B, H, S, D], or with order "shd" [S, H, D], [B, S, H, D], or of
    `packed` heads on the last axis, [S, H * D], [B, S, H * D]; and the name of the elements."""
    array, element = array_of(name, value)
    size, batch, packed = array.itemsize, index("batch", batch), index("heads", packed)
    if element not in ELEMENTS:
        raise UsageError(f"{name}: dtype {element}; give {', '.join(sorted(ELEMENTS))}")
    if not 2 <= array.ndim <= (3 if packed else 4):
        raise UsageError(f"{name}: shape {array.shape}; give [positions, head_dim], before or between them heads, and "
                         "before all the batch")
    if array.strides[-1] != size and array.shape[-1] > 1:
        raise UsageError(f"{name}: elements of a row are {array.strides[-1]} bytes apart, not {size}; give "
                         f"numpy.ascontiguousarray({name}) or {name}.contiguous()")
    if packed < 0 or packed and array.shape[-1] % packed:
        raise UsageError(f"heads: {packed}, but rows of {name} have {array.shape[-1]} elements")
    if packed:
        array, order = array.reshape(*array.shape[:-1], packed, array.shape[-1] // packed), "shd"
    if order == "shd" and array.ndim > 2:
        array = array.swapaxes(-2, -3)
    array = array[(None,) * (4 - array.ndim)]
    if not 0 <= batch < len(array):
        raise UsageError(f"batch: {batch}, but {name} has {len(array)}")
    if not array.shape[1]:
        raise UsageError(f"{name}: shape {value.shape} has no head")
    return array[batch], element


def vectors(name, value, order, batch, packed):
    """A cffi array of one ropemap_vectors for each head, their number, and what must outlive it."""
    heads, element = heads_of(name, value, order, batch, packed)
    made, label = ffi.new("ropemap_vectors *[]", len(heads)), ffi.new("char[]", name.encode())
    kept = [heads, made]
    for number, head in enumerate(heads):
        rows = ffi.new("ropemap_rows *", {
            "data": ffi.cast("void *", head.ctypes.data), "element": ELEMENTS[element], "count": len(head),
            "stride": head.strides[0], "head_dim": min(head.shape[1], 2**31 - 1), "heads": len(heads), "label": label})
        call(lib.ropemap_vectors_rows, rows, made + number)
        kept.append(ffi.gc(made[number], lib.ropemap_vectors_free))
    return made, len(heads), kept
