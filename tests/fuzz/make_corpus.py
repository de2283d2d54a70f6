#!/usr/bin/env python3
# make_corpus.py - writes the seeds of the tensor file fuzzers: fuzz/npy/ and fuzz/safetensors/
# SPDX-License-Identifier: MIT
"""Small files, valid and broken, from which the fuzzers start. Run it again after changing it; it overwrites."""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def npy(header, data=b"", version=1, length=None):
    text = header.encode("latin1")
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def npy_dict(descr, shape, fortran=False):
    return f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


FLOATS = struct.pack("<6f", 1, -2, 3.5, float("inf"), float("nan"), 0)

NPY = {
    "f4": npy(npy_dict("<f4", (3, 2)), FLOATS),
    "f2-big-endian": npy(npy_dict(">f2", (3, 4)), FLOATS),
    "f8-fortran": npy(npy_dict("<f8", (1, 2), True), FLOATS[:16]),
    "heads": npy(npy_dict("<f2", (2, 3, 2)), FLOATS, 2),
    "batches-fortran": npy(npy_dict(">f2", (1, 2, 3, 2), True), FLOATS, 3),
    "reordered": npy('{"shape":(3,2),"descr":"<f4","fortran_order":False}', FLOATS),
    "short-data": npy(npy_dict("<f4", (4, 2)), FLOATS),
    "object": npy(npy_dict("|O", (3, 2)), FLOATS),
    "structured": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", FLOATS),
    "expression": npy("{'descr': '<f4', 'fortran_order': 1 == 2, 'shape': (3, 1 + 1)}", FLOATS),
    "overflow": npy(npy_dict("<f4", (4294967296, 4294967296)), FLOATS),
    "header-too-long": npy(npy_dict("<f4", (3, 2)), FLOATS, 2, 0xFFFFFFF0),
    "version-4": npy(npy_dict("<f4", (3, 2)), FLOATS, 4),
    "magic-alone": b"\x93NUMPY",
}

SAFETENSORS = {
    "f32": safetensors({"k": entry("F32", [3, 2], 0, 24)}, FLOATS),
    "several": safetensors({"__metadata__": {"format": "pt"}, "q": entry("BF16", [2, 2], 0, 8),
                            "k": entry("F16", [1, 2, 2], 8, 16), "mask": entry("BOOL", [8], 16, 24)}, FLOATS),
    "batches": safetensors({"k": entry("F64", [1, 1, 1, 2], 0, 16)}, FLOATS[:16]),
    "escaped-name": safetensors(b'{"\\u006b\\ud83d\\ude00\\n":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}}  ',
                                FLOATS),
    "duplicate": safetensors(b'{"k":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},'
                             b'"k":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}}', FLOATS[:16]),
    "overlap": safetensors({"a": entry("F32", [2, 2], 0, 16), "k": entry("F32", [2, 2], 8, 24)}, FLOATS),
    "hole": safetensors({"a": entry("F32", [1, 2], 0, 8), "k": entry("F32", [1, 2], 16, 24)}, FLOATS),
    "reversed": safetensors({"k": entry("F32", [3, 2], 24, 0)}, FLOATS),
    "overflow": safetensors({"k": entry("F32", [4294967296, 4294967296], 0, 0)}),
    "empty-tensor": safetensors({"k": entry("F32", [0, 2], 0, 0)}),
    "sub-byte": safetensors({"k": entry("F4", [3], 0, 1)}, b"\0"),
    "not-json": safetensors(b"{nonsense", FLOATS),
    "not-utf8": safetensors(b'{"\xff":{}}', FLOATS),
    "length-beyond": safetensors({"k": entry("F32", [3, 2], 0, 24)}, FLOATS, 1 << 63),
    "empty": b"",
}

for folder, seeds in (("npy", NPY), ("safetensors", SAFETENSORS)):
    (HERE / folder).mkdir(exist_ok=True)
    for name, content in seeds.items():
        (HERE / folder / name).write_bytes(content)
