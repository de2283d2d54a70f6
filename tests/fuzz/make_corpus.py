#!/usr/bin/env python3
# make_corpus.py - writes the fuzzers' seeds: fuzz/npy/, fuzz/npz/, fuzz/safetensors/, fuzz/gguf/, fuzz/capture/ and
# fuzz/http/
# SPDX-License-Identifier: MIT
"""Small files and requests, valid and broken, from which the fuzzers start. Run it again after changing it; it overwrites."""
import io
import json
import pathlib
import struct
import zipfile

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
    "bfloat": npy(npy_dict("<V2", (3, 4)), FLOATS),
    "words": npy(npy_dict("float16", (3, 4)), FLOATS),
    "native": npy(npy_dict("=f4", (3, 2)), FLOATS),
    "letter": npy(npy_dict(">d", (1, 2)), FLOATS[:16]),
    "leading-ones": npy(npy_dict("|f4", (1, 1, 1, 1, 3, 2), True), FLOATS),
    "packed": npy(npy_dict("<f2", (1, 1, 3, 4)), FLOATS),
    "packed-batches": npy(npy_dict("<f2", (3, 1, 4), True), FLOATS),
    "frequencies": npy(npy_dict("<f2", (3, 1, 4), True), FLOATS),
    "zip": b"PK\3\4" + FLOATS,
    "magic-alone": b"\x93NUMPY",
}



def npz(names, compression=zipfile.ZIP_STORED, zip64=False, comment=b""):
    """Archives of the first array, by the standard library, always at the same date."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.comment = comment
        for name in names:
            entry = zipfile.ZipInfo(name + ".npy")
            entry.compress_type = compression
            with made.open(entry, "w", force_zip64=zip64) as member:
                member.write(NPY["f4"])
    return stream.getvalue()


def with_end64(data):
    """The same with ZIP64's end record and locator, and an end record that refers to them."""
    count, size, start = struct.unpack("<HII", data[-12:-2])
    record = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<IIQI", 0x07064b50, 0, len(data) - 22, 1)
    return data[:-22] + record + locator + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, 2**32 - 1, 2**32 - 1, 0)


NPZ = {
    "stored": npz(["k"]),
    "deflated": npz(["k"], zipfile.ZIP_DEFLATED),
    "two": npz(["q", "k"], zipfile.ZIP_DEFLATED, True, b"a comment"),
    "end64": with_end64(npz(["q", "k"])),
    "bzip2": npz(["k"], zipfile.ZIP_BZIP2),
    "cut": npz(["k"])[:-3],
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

TOKEN = "0123456789abcdef" * 2  # fuzz_http.c gives it to its server
MODEL = b'{"model_type":"llama","rope_theta":5e5,"head_dim":8}'
MODEL_ID = "a24053b336ac079b"  # of that text, which fuzz_http.c posts


def request(line, *headers, body=b""):
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1") + body


HOST, BEARER = "Host: localhost", f"Authorization: Bearer {TOKEN}"
COOKIE, JSON = f"Cookie: a=b; ropemap-0={TOKEN}", "Content-Type: application/json"
POST = "POST /model HTTP/1.1"

# Those that begin with a slash are targets, and fuzz_http.c puts the rest of a request around them.
HTTP = {
    "map-bare": b"/map.png?bare&size=4&positions=64&base=5e5&cmap=viridis&view=a-1",
    "map-npy": b"/map.npy?size=4x3&rows=8:16&cols=0:64:2&causal=1&pool=max&content=gauss&seed=3",
    "map-figure": b"/map.svg?width=120mm&norm=symlog:0.1&contour=0.5,0&font-size=9&dark",
    "map-scaling": b"/map.pdf?scaling=yarn%3Afactor%3D4,original%3D4096&positions=128k&shift=1M&phase=f32",
    "map-model": b"/map.png?bare&size=2&positions=16&model=" + MODEL_ID.encode() + b"&layer-type=full_attention",
    "map-chunks": b"/map.png?bare&size=2&positions=64&encoding=dual-chunk&chunk=16&local=4&causal",
    "map-grid": b"/map.png?bare&size=4&grid=4&sections=interleaved:1,1,2&head-dim=8&diff=bf16-inv-freq",
    "value": b"/value.json?i=5&j=3&size=8&rows=0:5&head-dim=16&rotary-dim=8&layout=interleaved",
    "value-many": b"/value.json?" + b"&".join([b"causal"] * 64),
    "curve": b"/curve.csv?distances=0:20:3&vary=base=1e4-1e6*10&vary=head-dim=8,16&label=a&label=b",
    "curve-json": b"/curve.json?distances=30&axis=log&quantity=roformer&band=0:4",
    "curve-npy": b"/curve.npy?distances=9&vary=scaling=linear:factor=2&vary=scaling=ntk:factor=4&shift=7",
    "bound": b"/bound.json?length=1k&windows=2&low=1e3&high=1e6&resolution=0.1",
    "explain": b"/explain.txt?preset=llama3.1-8b",
    "plan": b"/plan.json?preset=llama3-8b&length=32k&keep=0.2&change=yarn&original=8k",
    "info": b"/info.json?preset=qwen3-8b&scaling=longrope:factor=4,original=32,short=1/1,long=2/2",
    "options": b"/options.json",
    "page": request(f"GET /?token={TOKEN} HTTP/1.1", HOST, "Sec-Fetch-Site: cross-site"),
    "asset": b"/style.css\nIf-None-Match: \"0123456789abcdef\"\r\nAccept-Encoding: gzip",
    "refused": b"/map.png?queries=/etc/passwd&vary=model=/etc/passwd&size=1e9&base=nan",
    "escapes": b"/map.png?base=%35e%35&a%0ab=1&%&%zz=%4",
    "traversal": b"/..%2f%2e%2e/etc/passwd?#?",
    "post": request(POST, HOST, BEARER, JSON, f"Content-Length: {len(MODEL)}", body=MODEL),
    "post-bad": request(POST, HOST, COOKIE, JSON + ";charset=utf-8", "Content-Length: 3", body=b"{\0}"),
    "post-chunked": request(POST, HOST, BEARER, JSON, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "post-expects": request(POST, HOST, BEARER, JSON, "Content-Length: 2", "Expect: 100-continue", body=b"{}"),
    "post-too-large": request(POST, HOST, BEARER, JSON, "Content-Length: 65537", body=b"{}"),
    "post-two-lengths": request(POST, HOST, BEARER, JSON, "Content-Length: 2", "Content-Length: 3", body=b"{}1"),
    "head": request("HEAD /info.json?head-dim=8 HTTP/1.0", HOST, BEARER, "Connection: keep-alive"),
    "origin": request("GET /info.json HTTP/1.1", HOST, BEARER, "Origin: http://localhost", "Sec-Fetch-Site: none"),
    "stranger": request("GET /info.json HTTP/1.1", "Host: evil.example:80", "Origin: null", "Cookie: ropemap-0=;"),
    "no-token": request("GET /map.png HTTP/1.1", HOST),
    "no-host": request("GET /map.png HTTP/1.0", BEARER),
    "two-hosts": request("GET / HTTP/1.1", HOST, "host : localhost", " folded", BEARER),
    "absolute": request("GET http://localhost/info.json?a#b HTTP/1.1", HOST, BEARER),
    "pipeline": request("GET /info.json HTTP/1.1", HOST, BEARER) + request("GET /value.json?i=1&j=0 HTTP/1.1", HOST, BEARER)
    + request("OPTIONS * HTTP/1.1", HOST) + request("GET /style.css HTTP/1.1", HOST, COOKIE, "Connection: close"),
    "head-kept": request("HEAD /style.css HTTP/1.1", HOST, BEARER) + request("GET /info.json HTTP/1.1", HOST, BEARER),
    "host-space": request("GET /info.json HTTP/1.1", HOST, "Host : evil.example", BEARER),
    "zero-byte": request(POST, HOST, BEARER, JSON, "Content-Length: 3", body=b"{\0}")
    + request("GET /info.json HTTP/1.1", HOST, BEARER, "X: y\0z"),
    "length-plus": request(POST, HOST, BEARER, JSON, "Content-Length: +2", body=b"{}"),
    "method": request("BREW / HTTP/1.1", HOST, BEARER, "Connection: close"),
    "garbage": b"\x16\x03\x01\x02\x00\r\n\0\r\n\r\n",
    "empty": b"",
}

LAYER = {"layer": 3, "type": "full_attention", "heads": 4, "kv_heads": 2, "query_heads": [0, 1], "key_heads": [0],
         "head_dim": 4, "rotary_dim": 2, "rotary_first": 2, "layout": "half", "layout_after": "interleaved",
         "attention_factor": 1.0, "scale": 0.5, "softcap": 50.0, "sinks": [0.5, -1.0], "causal": True, "window": 16,
         "chunk": None}
HOOK = {"config": {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "attention_multiplier": 0.5},
        "layer_order": [{"key_q": "q", "key_k": "k", "layer_num": 3, "module_name": "m"}], "batch_size": 1,
        "hookq_mode": "all_tokens", "seq_lens": [2]}

CAPTURE = {name: json.dumps(value).encode() for name, value in {
    "native": [LAYER],
    "no-rotation": [{**LAYER, "rotary_dim": 0, "sinks": None, "softcap": None, "window": None}],
    "unknown-rotation": [{**LAYER, "rotary_dim": None}],
    "two-layers": [LAYER, {**LAYER, "layer": 5, "query_heads": [0]}],
    "hook": HOOK,
    "hook-last-token": {**HOOK, "hookq_mode": "last_token"},
    "hook-batches": {**HOOK, "batch_size": 2, "seq_lens": [2, 3]},
}.items()}

for folder, seeds in (("npy", NPY), ("npz", NPZ), ("safetensors", SAFETENSORS), ("gguf", GGUF), ("capture", CAPTURE),
                      ("http", HTTP)):
    (HERE / folder).mkdir(exist_ok=True)
    for name, content in seeds.items():
        (HERE / folder / name).write_bytes(content)
