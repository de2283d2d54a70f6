#!/usr/bin/env python3
# make_corpus.py - writes the seeds of the file fuzzers: fuzz/npy/, fuzz/safetensors/ and fuzz/gguf/
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

U32, I32, F32, BOOL, TEXT, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
PACK = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q"}


def gguf_text(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(kind, value):
    return gguf_text(value) if kind == TEXT else struct.pack(PACK[kind], value)


def gguf_key(key, kind, value):
    if kind == ARRAY:
        of, items = value
        return (gguf_text(key) + struct.pack("<IIQ", ARRAY, of, len(items)) +
                b"".join(gguf_value(of, item) for item in items))
    return gguf_text(key) + struct.pack("<I", kind) + gguf_value(kind, value)


def gguf(arch, keys, lists=(), version=3, tensors=None, count=None):
    """Keys of the architecture as (suffix, type, value), and RoPE tensors as (name, floats)."""
    body = gguf_key("general.architecture", TEXT, arch)
    body += b"".join(gguf_key(f"{arch}.{key}", kind, value) for key, kind, value in keys)
    data = b""
    for name, floats in lists:
        body += gguf_text(name) + struct.pack("<IQIQ", 1, len(floats), 0, len(data))
        data += struct.pack(f"<{len(floats)}f", *floats)
        data += b"\0" * (-len(data) % 32)
    header = b"GGUF" + struct.pack("<IQQ", version, len(lists) if tensors is None else tensors,
                                   1 + len(keys) if count is None else count)
    return header + body + b"\0" * (-(len(header) + len(body)) % 32) + data


HEAD = [("attention.key_length", U32, 16), ("context_length", U32, 4096)]
YARN = [("rope.scaling.type", TEXT, "yarn"), ("rope.scaling.factor", F32, 40.0)]
DIVISORS = [1.0, 1.5, 2.0, 4.0, 8.0, 8.0, 8.0, 1e30]
FACTORS = [1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]

GGUF = {
    "plain": gguf("qwen2", HEAD + [("rope.freq_base", F32, 1e6)]),
    "heads": gguf("openelm", [("embedding_length", U32, 64), ("attention.head_count", ARRAY, (I32, [0, 4, 8]))]),
    "divisors": gguf("llama", HEAD, [("blk.0.attn_q.weight", [0.0]), ("rope_freqs.weight", DIVISORS)]),
    "longrope": gguf("phi3", HEAD + [("rope.scaling.type", TEXT, "longrope"),
                                     ("rope.scaling.original_context_length", U32, 1024),
                                     ("rope.scaling.attn_factor", F32, 1.19)],
                     [("rope_factors_long.weight", FACTORS), ("rope_factors_short.weight", FACTORS)]),
    "yarn": gguf("deepseek2", [("rope.dimension_count", U32, 16), ("context_length", U32, 4096)] + YARN +
                 [("rope.scaling.yarn_log_multiplier", F32, 0.0707)]),
    "yarn-ext": gguf("grok", HEAD + YARN + [("rope.scaling.yarn_ext_factor", F32, 0.5),
                                            ("rope.scaling.yarn_beta_fast", F32, 8.0)]),
    "sliding": gguf("gemma3", HEAD + [("rope.scaling.type", TEXT, "linear"), ("rope.scaling.factor", F32, 8.0),
                                      ("attention.sliding_window", U32, 512)], version=2),
    "sections": gguf("glm4", HEAD + [("rope.dimension_sections", ARRAY, (I32, [2, 3, 3, 0]))]),
    "switched-off": gguf("granite", HEAD + [("rope.scaling.finetuned", BOOL, 0)]),
    "tokens": gguf("qwen2", [("tokens", ARRAY, (TEXT, ["a", "", "bc"]))] + HEAD),
    "alpha": gguf("hunyuan-dense", HEAD + [("rope.scaling.alpha", F32, 1000.0)]),
    "duplicate": gguf("qwen2", HEAD + HEAD),
    "empty-key": gguf("qwen2", HEAD + [("x", U32, 1)]).replace(gguf_text("qwen2.x"), gguf_text("")),
    "nested": gguf("qwen2", HEAD + [("x", ARRAY, (U32, []))]).replace(struct.pack("<IIQ", 9, 4, 0),
                                                                      struct.pack("<IIQ", 9, 9, 1)),
    "counts": gguf("qwen2", HEAD, tensors=(1 << 64) - 1, count=1 << 60),
    "swapped": b"GGUF" + struct.pack(">IQQ", 3, 0, 1) + b"\0" * 32,
    "version-1": gguf("qwen2", HEAD, version=1),
    "long-string": gguf("qwen2", HEAD + [("x", TEXT, "long")]).replace(gguf_text("long"), struct.pack("<Q", 1 << 30)),
    "magic-alone": b"GGUF",
}

for folder, seeds in (("npy", NPY), ("safetensors", SAFETENSORS), ("gguf", GGUF)):
    (HERE / folder).mkdir(exist_ok=True)
    for name, content in seeds.items():
        (HERE / folder / name).write_bytes(content)
