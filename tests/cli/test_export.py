# test_export.py - `ropemap export`: the files that tables go into, and what llama.cpp's divisors mean
# SPDX-License-Identifier: MIT
"""tests/unit/test_table.c holds the numbers against 60 digits; here files are read back by their formats' own rules."""
import json
import math
import re
import struct
import unittest

from harness import Case, llama31_frequencies

BYTES = {"fp64": 8, "fp32": 4, "fp16": 2, "bf16": 2}


def read_npy_raw(data):
    """The dictionary of the header, and the bytes of the numbers."""
    length = struct.unpack("<H", data[8:10])[0]
    assert data[:8] == b"\x93NUMPY\x01\0" and (10 + length) % 64 == 0, data[:10]
    return eval(data[10:10 + length]), data[10 + length:]


def read_safetensors(data):
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    (name, entry), = ((key, value) for key, value in header.items() if key != "__metadata__")
    assert entry["data_offsets"] == [0, len(data) - 8 - length]
    return name, entry["dtype"], entry["shape"], data[8 + length:]


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def text(self):
        length = self.take("Q")
        self.at += length
        return self.data[self.at - length:self.at].decode()


def read_gguf(data):
    """By docs/gguf.md; dimensions are listed from the fastest on."""
    at = Reader(data)
    assert data[:4] == b"GGUF"
    at.at = 4
    version, tensors, keys = at.take("I"), at.take("Q"), at.take("Q")
    assert (version, tensors) == (3, 1)
    found = {}
    for _ in range(keys):
        key, kind = at.text(), at.take("I")
        found[key] = {8: at.text, 4: lambda: at.take("I")}[kind]()
    name = at.text()
    shape = [at.take("Q") for _ in range(at.take("I"))]
    kind, offset = at.take("I"), at.take("Q")
    alignment = found["general.alignment"]
    begin = -(-at.at // alignment) * alignment + offset
    assert begin % alignment == 0 and len(data) % alignment == 0
    return name, kind, shape[::-1], data[begin:]


class Export(Case):
    def export(self, *arguments):
        names = ["t.npy", "t.safetensors", "t.gguf", "t.h"]
        outputs = [word for name in names for word in ("-o", name)]
        self.done("export", *arguments, *outputs, "--force")
        return [self.read(name) for name in names]

    def test_formats(self):
        types = {"fp64": ("<f8", "F64", 28), "fp32": ("<f4", "F32", 0), "fp16": ("<f2", "F16", 1), "bf16": ("<V2", "BF16", 30)}
        for dtype, (descr, name, number) in types.items():
            for kind, shape, tensor in (("inv-freq", [5], "inv_freq"), ("cos-sin", [3, 10], "cos_sin_cache"),
                                        ("rope-freqs", [5], "rope_freqs.weight")):
                rows = ("-n", "2**24:3:7".replace("2**24", str(2**24))) if kind == "cos-sin" else ()
                npy, safetensors, gguf, text = self.export(kind, "-d", 10, "--dtype", dtype, *rows)
                header, numbers = read_npy_raw(npy)
                size = math.prod(shape) * BYTES[dtype]
                self.assertEqual((header["descr"], list(header["shape"]), len(numbers)), (descr, shape, size))
                self.assertEqual(read_safetensors(safetensors), (tensor, name, shape, numbers))
                self.assertEqual(read_gguf(gguf)[:3], (tensor, number, shape))
                self.assertEqual(read_gguf(gguf)[3][:size], numbers)
                self.assertEqual(self.numbers_of(text.decode(), dtype), numbers)

    def numbers_of(self, text, dtype):
        """The array of a C header, as bytes."""
        body = text[text.index("= {") + 3:]
        if dtype in ("fp16", "bf16"):
            return b"".join(struct.pack("<H", int(word, 16)) for word in re.findall(r"0x[0-9a-f]{4}\b", body))
        code = "<d" if dtype == "fp64" else "<f"
        return b"".join(struct.pack(code, float.fromhex(word)) for word in re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", body))

    def test_llama_cpp_divides_by_rope_freqs(self):
        """The converter of Llama 3.1 (convert_hf_to_gguf.py) writes factor, 1, or what lies between."""
        npy = self.export("rope-freqs", "--preset", "llama3.1-8b", "--dtype", "fp64")[0]
        numbers = struct.unpack("<64d", read_npy_raw(npy)[1])
        low, high, factor, length = 1.0, 4.0, 8.0, 8192
        for pair, found in enumerate(numbers):
            wave = 2 * math.pi * 500000.0 ** (pair / 64)
            smooth = (length / wave - low) / (high - low)
            wanted = 1.0 if wave < length / high else factor if wave > length / low else 1 / (
                (1 - smooth) / factor + smooth)
            self.assertAlmostEqual(found / wanted, 1.0, delta=1e-13, msg=pair)
            self.assertAlmostEqual(500000.0 ** (-pair / 64) / found / llama31_frequencies()[pair], 1.0, delta=1e-13)

    def test_longrope_has_two_lists(self):
        rule = ("-d", 4, "--scaling", "longrope:short=1/1.5,long=2.25/4,original=4096,max=131072")
        for length, name, wanted in ((4096, "rope_factors_short.weight", (1, 1.5)), (4097, "rope_factors_long.weight", (2.25, 4))):
            data = self.export("rope-freqs", *rule, "--length", length, "-q")[1]
            found, _, _, numbers = read_safetensors(data)
            self.assertEqual((found, struct.unpack("<2f", numbers)), (name, wanted))
        result = self.done("export", "inv-freq", *rule, "--length", 4097, "-o", "t.npy", "--force")
        self.assertIn(b"multiplies cosines and sines by 1.19", result.stderr)

    def test_a_pair_that_does_not_rotate(self):
        npy = self.export("rope-freqs", "-d", 4, "--scaling", "proportional:rotated=0.5")[0]
        self.assertEqual(struct.unpack("<2f", read_npy_raw(npy)[1]), (1.0, struct.unpack("<f", struct.pack("<f", 1e30))[0]))

    def test_check_knows_them(self):
        for kind, verdict in (("inv-freq", "match"), ("cos-sin", "table")):
            self.done("export", kind, "--preset", "qwen2.5-7b", "-o", kind + ".npy")
            found = json.loads(self.done("check", kind + ".npy", "--preset", "qwen2.5-7b", "--json").stdout)
            self.assertEqual([found["verdict"], found["matches"]], [verdict, True])

    def test_refusals(self):
        self.refused(2, ["name a table", "rope-freqs"], "export", "-o", "t.npy")
        self.refused(2, ["--output", "missing"], "export", "cos-sin")
        self.refused(2, ["t.png", ".gguf"], "export", "cos-sin", "-o", "t.png")
        self.refused(2, ["--positions", "inv-freq"], "export", "inv-freq", "-n", 8, "-o", "t.npy")
        self.refused(2, ["axes"], "export", "cos-sin", "--axes", "64,64", "-o", "t.npy")
        self.refused(2, ["cos-sin"], "export", "inv-freq", "cos-sin", "-o", "t.npy")
        self.write("t.npy", b"old")
        self.refused(4, ["t.npy"], "export", "cos-sin", "-o", "t.npy")
        self.assertEqual(self.read("t.npy"), b"old")


if __name__ == "__main__":
    unittest.main()
