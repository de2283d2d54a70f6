# _arrays.py - queries and keys in memory, of NumPy, torch or whoever has DLPack, as the library reads them
# SPDX-License-Identifier: MIT
"""No number is copied: heads and batches are addresses and strides."""
import ctypes

import numpy

from ._native import ffi, lib
from ._errors import UsageError, check

ELEMENTS = {"float32": lib.ROPEMAP_ELEMENT_FP32, "float64": lib.ROPEMAP_ELEMENT_FP64,
            "float16": lib.ROPEMAP_ELEMENT_FP16, "bfloat16": lib.ROPEMAP_ELEMENT_BF16}
BYTES = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2}
DLPACK_FLOATS = {(2, 32): "float32", (2, 64): "float64", (2, 16): "float16", (4, 16): "bfloat16"}
DLPACK_HOST = {1, 3}  # kDLCPU, kDLCUDAHost
DLPACK_DEVICES = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 13: "cuda managed", 14: "oneapi"}


class DLTensor(ctypes.Structure):
    """As dlpack.h has it; what a capsule called "dltensor" points to begins with one."""
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
capsule_pointer.restype, capsule_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class View:
    """An array's memory: address, dtype by name, shape, strides in bytes, and whoever owns it."""

    def __init__(self, name, value):
        self.name = name
        if not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
            self.from_dlpack(value)
        else:
            self.from_numpy(value)
        if self.dtype not in ELEMENTS:
            raise UsageError(f"{name}: dtype {self.dtype}; give {', '.join(sorted(ELEMENTS))}")

    def from_numpy(self, value):
        if not isinstance(value, numpy.ndarray):
            try:
                value = numpy.asarray(memoryview(value))
            except TypeError:
                raise UsageError(f"{self.name}: {type(value).__name__}; give an array of NumPy or torch, one that has "
                                 "DLPack, or the name of a file") from None
        self.owner, self.dtype = value, value.dtype.name if value.dtype.isnative else f"{value.dtype.str} (swapped)"
        self.address, self.shape, self.strides = value.ctypes.data, value.shape, value.strides

    def from_dlpack(self, value):
        try:
            kind, number = value.__dlpack_device__()
        except (BufferError, RuntimeError, ValueError) as error:
            raise UsageError(f"{self.name}: {error}; give an array in the CPU's memory") from None
        if kind not in DLPACK_HOST:
            raise UsageError(f"{self.name}: on device {DLPACK_DEVICES.get(int(kind), int(kind))}:{number}; "
                             f"give {self.name}.cpu(), which the CPU can read")
        try:
            self.owner = value.__dlpack__()
        except (BufferError, RuntimeError) as error:
            raise UsageError(f"{self.name}: {error}; for a torch tensor give {self.name}.detach()") from None
        tensor = DLTensor.from_address(capsule_pointer(self.owner, b"dltensor"))
        self.dtype = DLPACK_FLOATS.get((tensor.code, tensor.bits) if tensor.lanes == 1 else None,
                                       f"of DLPack's code {tensor.code} with {tensor.bits} bits")
        self.shape, item = tuple(tensor.shape[:tensor.ndim]), tensor.bits // 8
        self.strides = (tuple(stride * item for stride in tensor.strides[:tensor.ndim]) if tensor.strides else
                        tuple(item * int(numpy.prod(self.shape[axis + 1:])) for axis in range(tensor.ndim)))
        self.address = (tensor.data or 0) + tensor.byte_offset

    def heads(self, order, batch, packed):
        """(address, rows, bytes from row to row, elements of a row) of each head of [S, D], [H, S, D], [B, H, S, D],
        or with order "shd" [S, H, D], [B, S, H, D], or of `packed` heads on the last axis, [S, H * D], [B, S, H * D]."""
        shape, strides, size = list(self.shape), list(self.strides), BYTES[self.dtype]
        if not 2 <= len(shape) <= (3 if packed else 4):
            raise UsageError(f"{self.name}: shape {self.shape}; give [positions, head_dim], before or between them "
                             "heads, and before all the batch")
        if strides[-1] != size and shape[-1] > 1:
            raise UsageError(f"{self.name}: elements of a row are {strides[-1]} bytes apart, not {size}; give "
                             f"numpy.ascontiguousarray({self.name}) or {self.name}.contiguous()")
        if packed:
            if packed < 0 or shape[-1] % packed:
                raise UsageError(f"heads: {packed}, but rows of {self.name} have {shape[-1]} elements")
            shape[-1:] = [packed, shape[-1] // packed]
            strides[-1:] = [shape[-1] * size, size]
            order = "shd"
        if order == "shd" and len(shape) > 2:
            for axes in (shape, strides):
                axes[-3], axes[-2] = axes[-2], axes[-3]
        shape, strides = [1] * (4 - len(shape)) + shape, [0] * (4 - len(strides)) + strides
        if not 0 <= batch < shape[0]:
            raise UsageError(f"batch: {batch}, but {self.name} has {shape[0]}")
        start = self.address + batch * strides[0]
        return [(start + head * strides[1], shape[2], strides[2], shape[3]) for head in range(shape[1])]


def vectors(name, value, order, batch, packed):
    """A cffi array of one ropemap_vectors for each head, and what must outlive it."""
    view = View(name, value)
    heads = view.heads(order, batch, packed)
    made, label = ffi.new("ropemap_vectors *[]", max(len(heads), 1)), ffi.new("char[]", name.encode())
    kept = [view.owner, made]
    for index, (address, count, stride, dim) in enumerate(heads):
        rows = ffi.new("ropemap_rows *", {
            "data": ffi.cast("void *", address), "element": ELEMENTS[view.dtype], "count": count, "stride": stride,
            "head_dim": min(dim, 2**31 - 1), "heads": len(heads), "label": label})
        error = ffi.new("ropemap_error *")
        check(lib.ropemap_vectors_rows(rows, made + index, error), error)
        kept.append(ffi.gc(made[index], lib.ropemap_vectors_free))
    if not heads:
        raise UsageError(f"{name}: shape {view.shape} has no head")
    return made, len(heads), kept
