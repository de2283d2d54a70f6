#!/usr/bin/env python3
# test_module.py - the Python module against the program, and against the rotation written out in NumPy
# SPDX-License-Identifier: MIT
"""PYTHONPATH has the module as it was built; ROPEMAP is the program, ROPEMAP_SOURCE the repository's root."""
import ast
import csv
import ctypes
import gc
import io
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

import numpy as np
import ropemap

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None
try:
    import torch
except ImportError:
    torch = None

PROGRAM = os.environ["ROPEMAP"]
CAPTURE = os.path.join(os.environ["ROPEMAP_SOURCE"], "tests/data/captures/smollm2.safetensors")
LONG = dict(positions=2**17, content="gauss", pool="max", threads=1)  # seconds


def exact(x, base=1e4, first=0):
    """x [positions, dim] rotated in double, half layout."""
    half = x.shape[-1] // 2
    angle = (first + np.arange(len(x)))[:, None] * base ** (-np.arange(half) / half)
    a, b = x[:, :half].astype(np.float64), x[:, half:].astype(np.float64)
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=1)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class Dlpack:
    """An object that has DLPack and nothing else: as a library that NumPy has never heard of."""

    def __init__(self, array, code=None, device=(1, 0)):
        self.array, self.code, self.device = array, code, device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **_):
        capsule = self.array.__dlpack__()
        if self.code is not None:  # of the type: behind data, device and the number of axes
            pointer = ctypes.pythonapi.PyCapsule_GetPointer
            pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
            ctypes.c_uint8.from_address(pointer(capsule, b"dltensor") + 20).value = self.code
        return capsule


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def python(self, text, **more):
        return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, **more)


class Results(Case):
    """Everything is what the program makes of the same options, to the byte."""

    def test_maps(self):
        path = self.folder / "map.npy"
        for given, options in (
                (["-n", "5k", "-b", "5e5", "--size", "37x23", "--pool", "absmax"],
                 dict(positions=5120, base=5e5, size=(37, 23), pool="absmax")),
                (["--rows", "1M:100", "--cols", "7:90:11", "--content", "gauss:3", "--causal"],
                 dict(rows=(2**20, 100), cols=range(7, 7 + 990, 11), content="gauss:3", causal=True)),
                (["--preset", "llama3.1-8b", "--measure", "softmax", "-n", "300", "--window", "100", "--size", "64"],
                 dict(preset="llama3.1-8b", measure="softmax", positions=300, window=100, size=64)),
                (["--scaling", "yarn:factor=4,original=2048", "-n", "1k", "--diff", "scaling=none", "--size", "9"],
                 dict(scaling=dict(rule="yarn", factor=4, original=2048), positions="1k", diff={"scaling": "none"},
                      size=9))):
            self.program("map", *given, "-o", path, "--force", "-q")
            one = ropemap.map(**options)
            self.assertEqual(one.array.tobytes(), np.load(path).tobytes())
            self.assertEqual(one.document["max"], float(np.nanmax(one.array)))
            self.assertIn(f"{one.array.shape[0]}x{one.array.shape[1]}", repr(one))
            self.assertIs(np.asarray(one).base is not None, True)
            self.assertEqual(np.asarray(one, "f8").tobytes(), one.array.astype("f8").tobytes())

    def test_figures(self):
        one = ropemap.map(positions=300, size=40)
        for name, given, options in (("a.png", [], {}), ("b.svg", ["--width", "88mm"], dict(width="88mm")),
                                     ("c.pdf", ["--cmap", "magma", "--clim", "0:1"], dict(cmap="magma", clim=(0, 1)))):
            path = self.folder / name
            self.program("map", "-n", "300", "--size", "40", *given, "-o", path, "-q")
            self.assertEqual(ropemap.map(positions=300, size=40).encode(name, **options), path.read_bytes())
        self.assertEqual(one._repr_png_(), (self.folder / "a.png").read_bytes())
        one.save(self.folder / "d.png", self.folder / "d.npy")
        self.assertEqual((self.folder / "d.png").read_bytes(), one._repr_png_())
        self.assertEqual(np.load(self.folder / "d.npy").tobytes(), one.array.tobytes())
        before = (self.folder / "a.png").read_bytes()
        with self.assertRaisesRegex(ropemap.FileError, "a.png.*exists"):
            one.save(self.folder / "new.png", self.folder / "a.png")
        self.assertFalse((self.folder / "new.png").exists())
        one.save(self.folder / "a.png", force=True, dark=True)
        self.assertNotEqual((self.folder / "a.png").read_bytes(), before)

    def test_an_output_is_no_input(self):
        path = self.folder / "q.npy"
        np.save(path, normal(8, 4))
        with self.assertRaisesRegex(ropemap.UsageError, "q.npy"):
            ropemap.map(queries=path, keys=path).save(path, force=True)

    def test_curves(self):
        made = ropemap.curve(vary={"base": [1e4, 5e5]}, distances=500)
        rows = list(csv.reader(io.StringIO(self.program("curve", "--vary", "base=1e4,5e5", "--distances", "500", "-o",
                                                        "csv:-", "-q").decode())))
        self.assertEqual(list(made.curves), rows[0][1:])
        np.testing.assert_allclose(np.column_stack([made.distances, made.array.T]), np.array(rows[1:], float), rtol=1e-8)
        angle = np.arange(500)[:, None] * 5e5 ** (-np.arange(64) / 64)
        np.testing.assert_allclose(made.array[1], np.cos(angle).mean(axis=1), atol=2e-7)

    def test_documents(self):
        for made, given in (
                (ropemap.bound(base=5e5), ["bound", "-b", "5e5"]),
                (ropemap.plan(preset="llama3-8b", length="128k", change="yarn"),
                 ["plan", "--from", "llama3-8b", "--length", "128k", "--change", "yarn"]),
                (ropemap.rule(preset="llama3.1-8b"), ["info", "--preset", "llama3.1-8b"]),
                (ropemap.explain(base=5e5, quick=True), ["explain", "-b", "5e5", "--quick"]),
                (ropemap.heads(capture=CAPTURE), ["heads", "--capture", CAPTURE]),
                (ropemap.pairs(capture=CAPTURE), ["pairs", "--capture", CAPTURE])):
            self.assertEqual(made.document, json.loads(self.program(*given, "--json")))

    def test_plans(self):
        """The base that a plan finds holds its length: by brute force, and the one below its window does not."""
        def least(base):
            return np.cos(np.arange(2000)[:, None] * base ** (-np.arange(32) / 32)).mean(axis=1).min()
        choice = ropemap.plan(length=2000, head_dim=64, base=100, change="base").choices["base"]
        self.assertGreaterEqual(least(choice["value"]), 0)
        self.assertLess(least(choice["windows"][0]["low"] * 0.9999), 0)
        with self.assertRaisesRegex(ropemap.UsageError, "length is missing"):
            ropemap.plan(head_dim=64)

    def test_reprs(self):
        for made, words in ((ropemap.curve(distances=9), r"<ropemap.Curve distances: \(9,\), .*\(9,\)>"),
                            (ropemap.bound(base=5e5), "<ropemap.Bound .*'reach': 18438"),
                            (ropemap.rule(head_dim=8), r"<ropemap.Rule frequencies: \(4,\)>")):
            self.assertRegex(repr(made), words)
        self.assertIsNone(ropemap.bound(base=5e5)._repr_png_())  # as text alone
        self.assertTrue(ropemap.bound(table="1k,2k")._repr_png_())

    def test_rules_and_models(self):
        rule = ropemap.rule(base=5e5, head_dim=64)
        np.testing.assert_allclose(rule.frequencies, 5e5 ** (-np.arange(32) / 32), rtol=1e-15)
        self.assertTrue(rule._repr_png_().startswith(b"\x89PNG"))
        (self.folder / "config.json").write_text(json.dumps(
            {"model_type": "llama", "rope_theta": 5e5, "hidden_size": 256, "num_attention_heads": 4}))
        self.assertEqual(ropemap.model(self.folder / "config.json").frequencies.tobytes(), rule.frequencies.tobytes())
        for call in (lambda: ropemap.model(None), lambda: ropemap.model(self.folder, model="other")):  # no rule in silence
            self.assertRaises(TypeError, call)

    def test_heads_and_pairs(self):
        q, k = normal(4, 60, 16), normal(2, 60, 16, seed=1)
        np.save(self.folder / "q.npy", q)
        np.save(self.folder / "k.npy", k)
        files = dict(queries=self.folder / "q.npy", keys=self.folder / "k.npy")
        heads = ropemap.heads(queries=q, keys=k, causal=True)
        self.assertEqual(heads.document["heads"], ropemap.heads(**files, causal=True).document["heads"])
        self.assertEqual(heads.array["key_head"].tolist(), [0, 0, 1, 1])
        rotated_q, rotated_k = exact(q[3]), exact(k[1])
        score = np.where(np.tri(60, dtype=bool), rotated_q @ rotated_k.T / 4, -np.inf)
        weight = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
        self.assertAlmostEqual(heads.array["sink"][3], weight[:, :4].sum(axis=1).mean(), places=5)
        pairs = ropemap.pairs(queries=q, keys=k, causal=True)
        self.assertEqual(pairs.document["heads"], ropemap.pairs(**files, causal=True).document["heads"])
        np.testing.assert_allclose(pairs.array["query"]["norm"][0, 3],
                                   np.hypot(q[3, :, :8], q[3, :, 8:]).astype(float).mean(axis=0), rtol=1e-6)
        self.assertEqual(ropemap.pairs(queries=q, keys=k, head=0, picture="curve").curves.shape, (1, 1, 2, 31))

    def test_sweeps(self):
        made = ropemap.sweep(vary={"base": [1e4, 5e5], "head_dim": [32, 64]}, positions=200, size=20)
        for (label, cells), base, dim in zip(made.maps.items(), (1e4, 1e4, 5e5, 5e5), (32, 64, 32, 64)):
            self.assertIn(f"d = {dim}", label)
            self.assertEqual(cells.tobytes(), ropemap.map(base=base, head_dim=dim, positions=200, size=20).array.tobytes())
        self.program("sweep", "--vary", "base=1e4,5e5", "--vary", "head-dim=32,64", "-n", "200", "--size", "20", "-o",
                     self.folder / "page.png", "-q")
        self.assertEqual(made._repr_png_(), (self.folder / "page.png").read_bytes())
        self.assertEqual(len(ropemap.sweep(vary={"base": [1e4, "10000", 5e5]}, positions=9, size=3).maps), 3)

    def test_sweeps_of_curves(self):
        made = ropemap.sweep_curve(vary={"head_dim": [32, 64]}, lines={"base": [1e4, 5e5]}, distances=300)
        self.assertEqual(list(made.curves), ["d = 32", "d = 64"])
        for dim, lines in zip((32, 64), made.curves.values()):
            for base, values in zip((1e4, 5e5), lines.values()):
                angle = made.distances[:, None] * base ** (-np.arange(dim // 2) / (dim // 2))
                np.testing.assert_allclose(values, np.cos(angle).mean(axis=1), atol=2e-7)
        self.assertRegex(repr(made), r"<ropemap.CurveSweep d = 32: \['distances', 'base 10,000', 'base 500,000'\], d = 64: ")
        self.program("sweep", "curve", "--vary", "head-dim=32,64", "--lines", "base=1e4,5e5", "-n", "300", "-o",
                     self.folder / "page.svg", "-q")
        self.assertEqual(made.encode("page.svg"), (self.folder / "page.svg").read_bytes())

    def test_options_of_the_figure_do_when_saving_what_they_do_when_computing(self):
        """Or are refused: none is taken and then left out of the picture."""
        given = {"norm": "symlog", "clim": (0, 0.5), "contour": "0.2", "dark": True, "cmap": "gray", "bare": True,
                 "percentile": 90, "width": "60mm", "dpi": 90, "font_size": 12, "no_title": True, "height": "50mm",
                 "columns": 1, "colors": "own", "sort": "sink", "axis": "log", "ylim": (-1, 2), "label": "other",
                 "statistic": "entropy", "picture": "angle", "size": (300, 200)}
        attention = dict(measure="softmax", queries=normal(2, 9, 8), keys=normal(2, 9, 8))
        for function, options in ((ropemap.map, dict(positions=40, size=8)), (ropemap.curve, dict(distances=40)),
                                  (ropemap.sweep, dict(vary={"head": [0, 1]}, size=8, **attention)),
                                  (ropemap.sweep_curve, dict(vary={"head_dim": [8, 16]}, distances=40)),
                                  (ropemap.heads, dict(capture=CAPTURE)), (ropemap.pairs, dict(capture=CAPTURE))):
            plain = function(**options)
            names = {name for name, row in ropemap._core.OPTIONS[plain._command].items()
                     if row.group == ropemap._core.lib.GROUP_OUTPUT and name not in ("font", *options)}
            for name in names:
                with self.subTest(plain._command + " " + name):
                    try:
                        saved = plain.encode("a.svg" if name != "dpi" else "a.png", **{name: given[name]})
                    except ropemap.UsageError:
                        continue
                    computed = function(**options, **{name: given[name]})
                    self.assertEqual(saved, computed.encode("a.svg" if name != "dpi" else "a.png"))
                    self.assertEqual(plain._repr_png_(), function(**options)._repr_png_())


class Inputs(Case):
    """Arrays of any library, type, order and stride against the rotation in double."""

    def check(self, q, k, bits=22, head=0, **options):
        """The map of options["queries"] and ["keys"] is that of rows q and k."""
        cells = ropemap.map(head=head, **options).array
        wanted = exact(q) @ exact(k).T
        scale = np.linalg.norm(q, axis=1)[:, None] * np.linalg.norm(k, axis=1)
        self.assertLess(np.abs((cells - wanted) / scale).max(), 2.0**-bits * 8)

    def test_types(self):
        q, k = normal(37, 16), normal(37, 16, seed=1)
        for kind in (np.float16, np.float32, np.float64):
            self.check(q.astype(kind), k.astype(kind), queries=q.astype(kind), keys=k.astype(kind))
            self.check(q.astype(kind), k.astype(kind), queries=Dlpack(q.astype(kind)), keys=k.astype(kind))
        upper = (q.view(np.uint32) >> 16).astype(np.uint16)
        self.check((upper.astype(np.uint32) << 16).view(np.float32), k, queries=Dlpack(upper, code=4), keys=k)
        self.check(q, k, queries=memoryview(q), keys=k)
        picture = ropemap.map(queries=q, keys=k, causal=True).encode("a.svg")
        self.assertIn(b">causal<", picture)  # and no names, which arrays do not have

    def test_orders_and_strides(self):
        q, k = normal(2, 4, 40, 8), normal(2, 2, 40, 8, seed=1)  # [batch, head, position, element]
        want_q, want_k = q[1, 3], k[1, 1]
        for wrap in (np.asarray, Dlpack):
            self.check(want_q, want_k, head=3, queries=wrap(q[1]), keys=wrap(k[1]))
            self.check(want_q, want_k, head=3, queries=wrap(q), keys=wrap(k), batch=1)
            turned = [np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k)]
            self.check(want_q, want_k, head=3, queries=wrap(turned[0]), keys=wrap(turned[1]), order="shd", batch=1)
            self.check(want_q, want_k, head=3, queries=wrap(q.transpose(0, 2, 1, 3)), keys=wrap(k.transpose(0, 2, 1, 3)),
                       order="shd", batch=1)
            packed = [x[1].reshape(40, -1) for x in turned]
            self.check(want_q, want_k, head=3, queries=wrap(packed[0]), keys=wrap(packed[1]), heads=(4, 2))
        self.check(want_q[::3], want_k[::3], queries=want_q[::3], keys=want_k[::3])
        self.check(want_q[::-1], want_k[::-1], queries=want_q[::-1], keys=want_k[::-1])
        self.check(np.broadcast_to(want_q[0], (40, 8)), want_k, queries=np.broadcast_to(want_q[0], (40, 8)), keys=want_k)

    def test_positions(self):
        q, k = normal(5, 8), normal(9, 8, seed=1)
        cells = ropemap.map(queries=q, keys=k, first_position="1M,1048572").array
        np.testing.assert_allclose(cells, exact(q, first=2**20) @ exact(k, first=2**20 - 4).T, atol=1e-5)

    @unittest.skipUnless(torch, "no torch")
    def test_torch(self):
        q, k = torch.randn(4, 32, 16), torch.randn(2, 32, 16)
        for kind in (torch.float32, torch.bfloat16, torch.float16):
            one, two = q.to(kind), k.to(kind)
            self.check(one[3].double().numpy(), two[1].double().numpy(), head=3, queries=one, keys=two)
        with self.assertRaisesRegex(ropemap.UsageError, "detach"):
            ropemap.map(queries=q.requires_grad_(), keys=k)
        with self.assertRaisesRegex(ropemap.UsageError, "meta|device|data"):
            ropemap.map(queries=q.to("meta"), keys=k)
        self.assertEqual(torch.from_numpy(ropemap.map(positions=8).array.copy()).shape, (8, 8))

    def test_arrays_in_the_place_of_files(self):
        """Of frequencies and of positions, from any library."""
        table = 5e5 ** (-np.arange(8) / 8)
        rule = ropemap.rule(frequencies=table.astype(np.float32))
        np.testing.assert_array_equal(rule.frequencies, table.astype(np.float32))
        self.assertEqual(rule.document["frequencies_from"], "frequencies.npy")
        heads = np.stack([table, table[::-1]])
        np.testing.assert_array_equal(ropemap.curve(frequencies=heads, head=1, distances=9).array,
                                      ropemap.curve(frequencies=table[::-1], distances=9).array)
        half = (table.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)  # bfloat16
        np.testing.assert_array_equal(ropemap.rule(frequencies=Dlpack(half, code=4)).frequencies,
                                      (half.astype(np.uint32) << 16).view(np.float32))
        if ml_dtypes:
            self.assertEqual(ropemap.rule(frequencies=np.array([0.75, 0.5], ml_dtypes.bfloat16)).frequencies.tolist(), [0.75, 0.5])
        places = [0, 3, 10, 2**20]
        q, k = normal(4, 8), normal(4, 8, seed=1)
        angle = np.array(places)[:, None] * 1e4 ** (-np.arange(4) / 4)
        turn = [(x[:, :4] + 1j * x[:, 4:]) * np.exp(1j * angle) for x in (q.astype(float), k.astype(float))]
        for positions in (places, np.array(places), Dlpack(np.array(places, np.int64))):
            made = ropemap.map(queries=q, keys=k, positions_from=positions)
            np.testing.assert_allclose(made.array, (turn[0] @ turn[1].conj().T).real, atol=1e-5)
            self.assertEqual(made.document["positions_from"], "positions_from.npy")
        for options, kind, words in (
                ({"frequencies": [[[1.0] * 2] * 2] * 2}, ropemap.DataError, r"^frequencies.npy: shape"),
                ({"frequencies": ["a"]}, ropemap.DataError, "^frequencies.npy: "),
                ({"frequencies": [object()]}, ropemap.UsageError, "^frequencies: "),
                ({"frequencies": [[1.0], [1.0, 2.0]]}, ropemap.UsageError, "^frequencies: .*rows of one length"),
                ({"positions_from": [2**70]}, ropemap.UsageError, "^positions_from: .*no numbers"),
                ({"positions_from": [0.5, 1]}, ropemap.DataError, "^positions_from.npy: "),
                ({"positions_from": [-1, 1]}, ropemap.DataError, "^positions_from.npy: position -1 at")):
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                ropemap.map(**options)

    def test_owners_live_as_long_as_what_needs_them(self):
        q = normal(512, 16)
        one = ropemap.map(queries=Dlpack(q.copy()), keys=q.copy(), size=32)
        cells, before = one.array, one.array.copy()
        gc.collect()
        self.assertTrue(one._repr_png_())
        del one
        gc.collect()
        junk = [normal(512, 16) for _ in range(20)]
        self.assertEqual(cells.tobytes(), before.tobytes())
        self.assertFalse(cells.flags.writeable)
        del junk


class BadInput(Case):
    """An exception with the argument, its value and what to do."""

    def test_arrays(self):
        q = normal(2, 6, 8)
        for queries, keys, more, kind, words in (
                (q[0, 0], q, {}, ropemap.UsageError, r"queries: shape \(8,\); give \[positions, head_dim\]"),
                (q[None, None], q, {}, ropemap.UsageError, r"queries: shape \(1, 1, 2, 6, 8\)"),
                (q[..., :7], q[..., :7], {}, ropemap.UsageError, "queries: head dimension 7 is odd"),
                (q, q[..., :6], {}, ropemap.DataError, "keys: head dim 6.*queries is 8"),
                (q.astype(np.int64), q, {}, ropemap.UsageError, "queries: dtype int64; give bfloat16, float16"),
                (q.astype(">f4"), q, {}, ropemap.UsageError, "queries: dtype >f4"),
                (q.astype(complex), q, {}, ropemap.UsageError, "queries: dtype complex128"),
                (Dlpack(q, code=5), q, {}, ropemap.UsageError, "queries: .*DLTensor.*; give an array of bfloat16, float16"),
                (np.ma.masked_array(q, q > 0), q, {}, ropemap.UsageError, "queries: an array with a mask"),
                (q, q, {"heads": (1, 2, 4)}, ropemap.UsageError, r"heads: \(1, 2, 4\); give their number"),
                (q, q, {"batch": "1"}, ropemap.UsageError, "batch: '1' is no whole number"),
                (q, q, {"heads": 1.5}, ropemap.UsageError, "heads: 1.5 is no whole number"),
                (Dlpack(q, device=(2, 1)), q, {}, ropemap.UsageError, r"queries: on device cuda:1; give queries.cpu\(\)"),
                (q.transpose(0, 2, 1), q, {}, ropemap.UsageError, r"32 bytes apart, not 4; give numpy.ascontiguous"),
                (q[:, :0], q[:, :0], {}, ropemap.UsageError, "queries: 0 rows"),
                (q[:0], q, {}, ropemap.UsageError, "queries: .*no head"),
                (q[:, :5], q, {}, ropemap.UsageError, "first_position is missing: queries has 5 rows"),
                (q, normal(3, 6, 8), {}, ropemap.DataError, "keys: 3 heads, which 2 query heads cannot share"),
                (q, None, {}, ropemap.UsageError, "one is an array, the other is not"),
                (q, "k.npy", {}, ropemap.UsageError, "one is an array, the other is not"),
                (object(), q, {}, ropemap.UsageError, "queries: <object .* are no numbers"),
                (q, q, {"head": 2}, ropemap.UsageError, "head: 2, but the queries have 2 heads"),
                (q, q, {"batch": 1}, ropemap.UsageError, "batch: 1, but queries has 1"),
                (q, q, {"order": "dsh"}, ropemap.UsageError, "order: 'dsh'; give 'hsd' or 'shd'"),
                (q, q, {"heads": 3}, ropemap.UsageError, "heads: 3, but rows of queries have 8"),
                (q, q, {"rotary_first": 2}, ropemap.UsageError, "rotary_first: 2.*numpy.roll"),
                (q, q, {"head_dim": 4}, ropemap.UsageError, "head_dim: rows of queries have 8"),
                (q, q, {"positions": 9}, ropemap.UsageError, "positions: positions 0 to 8 go beyond 0 to 5")):
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                ropemap.map(queries=queries, keys=keys, **more)

    def test_options(self):
        for options, kind, words in (
                ({"bse": 1}, ropemap.UsageError, "^bse: unknown option, did you mean base"),
                ({"head_dimm": 1}, ropemap.UsageError, "did you mean head_dim"),
                ({"qqqqqqqq": 1}, ropemap.UsageError, r"help\(ropemap.map\)"),
                ({"base": 0.5}, ropemap.UsageError, "base: '0.5' is out of range; give a number above 1"),
                ({"base": "x"}, ropemap.UsageError, "base: 'x' is not a number"),
                ({"base": object()}, ropemap.UsageError, "base: object <object"),
                ({"base": None, "head_dim": 3}, ropemap.UsageError, "head_dim: '3' is odd"),
                ({"positions": 2**41}, ropemap.UsageError, "positions"),
                ({"positions": float("nan")}, ropemap.UsageError, "positions: 'nan'"),
                ({"positions": 1.5}, ropemap.UsageError, "positions: '1.5'"),
                ({"pool": "median"}, ropemap.UsageError, "pool: .*median.*mean"),
                ({"causal": 3}, ropemap.UsageError, "causal takes no value"),
                ({"model": "\ud800"}, ropemap.UsageError, "model: '.ud800' has .*half a character"),
                ({"output": "a.png"}, ropemap.UsageError, "output is of the program; here results have save"),
                ({"queries": "none.npy", "keys": "none.npy"}, ropemap.FileError, "none.npy"),
                ({"model": "/nonexistent"}, ropemap.FileError, "/nonexistent"),
                ({"preset": "llama9"}, ropemap.UsageError, "llama9.*ropemap info --presets"),
                ({"memory": 1}, ropemap.ResourceError, "memory"),
                ({"positions": "8\0"}, ropemap.UsageError, "positions: .*zero byte"),
                ({"progress": 3}, ropemap.UsageError, "progress: int; give a function"),
                ({"session": 3}, ropemap.UsageError, "session: int; give a ropemap.Session")):
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                ropemap.map(**options)
        with self.assertRaisesRegex(ropemap.UsageError, "^positions: unknown option, did you mean distances"):
            ropemap.curve(positions=9)
        with self.assertRaisesRegex(ropemap.UsageError, "^queries: unknown option"):
            ropemap.rule(queries=normal(2, 8), keys=normal(2, 8))
        self.assertEqual(ropemap.map(positions=8, causal=np.True_).array.tobytes(),
                         ropemap.map(positions=8, causal=True).array.tobytes())
        with self.assertRaisesRegex(ropemap.UsageError, "^scaling: dict"):
            ropemap.map(scaling={3: 4})
        self.assertTrue(issubclass(ropemap.UsageError, ValueError) and issubclass(ropemap.FileError, OSError))

    def test_results(self):
        one = ropemap.map(positions=16)
        for call, words in ((lambda: one.save(self.folder / "a.png", base=3), "base is for computing, which is done"),
                            (lambda: one.save(self.folder / "a.jpg"), "a.jpg'.*give .png, .svg, .pdf, .npy$"),
                            (lambda: one.save(self.folder / "a.csv"), "a.csv': not a kind of file that map makes"),
                            (lambda: ropemap.bound(base=1e4).save("a.npy"), "a.npy'.*give .png, .svg, .pdf$"),
                            (lambda: ropemap.bound(base=1e4).save(self.folder / "a.png"), "draws a table or a card; give table"),
                            (lambda: ropemap.sweep(positions=9), "vary is missing"),
                            (lambda: ropemap.sweep(vary={"base": [1e4]}, positions=9, colors="own", norm="symlog"), "symlog"),
                            (lambda: ropemap.sweep(vary={"base": [1e4]}, positions=9, size=4, colors="own").encode(
                                "a.png", norm="symlog"), "symlog"),
                            (lambda: one.encode("a.png", clim=(1, 0)), "clim"),
                            (lambda: ropemap.explain(base=1e4, quick=True).encode("a.png"), "explain makes; it has no picture"),
                            (lambda: ropemap.pairs(queries=normal(4, 8), keys=normal(4, 8)).encode("a.png", picture="curve"),
                             "picture is for computing, which is done")):
            with self.subTest(words), self.assertRaisesRegex(ropemap.UsageError, words):
                call()
        with self.assertRaisesRegex(ropemap.FileError, "none/a.png"):
            one.save(self.folder / "none/a.png")
        self.assertEqual(list(self.folder.iterdir()), [])
        with self.assertRaises(ValueError):
            one.array[0, 0] = 1
        with self.assertRaisesRegex(TypeError, "ropemap.Map cannot be copied or pickled; its arrays"):
            pickle.dumps(one)
        with self.assertRaisesRegex(AttributeError, "'ropemap' has no attribute 'mapp'"):
            ropemap.mapp

    def test_damaged_files(self):
        (self.folder / "bad.npy").write_bytes(b"\x93NUMPY" + bytes(100))
        (self.folder / "config.json").write_text("{")
        with self.assertRaisesRegex(ropemap.DataError, "bad.npy"):
            ropemap.map(queries=self.folder / "bad.npy", keys=self.folder / "bad.npy")
        with self.assertRaisesRegex(ropemap.DataError, "config.json"):
            ropemap.model(self.folder)

    def test_a_library_of_another_version(self):
        package = pathlib.Path(ropemap.__file__).parent
        (self.folder / "ropemap").mkdir()
        for file in package.iterdir():
            if file.is_file():
                (self.folder / "ropemap" / file.name).symlink_to(file.resolve())
        libraries = package.parent / "ropemap.libs"  # a wheel's
        if libraries.exists():
            (self.folder / libraries.name).symlink_to(libraries)
        (self.folder / "ropemap/__init__.py").unlink()
        text = (package / "__init__.py").read_text().replace(ropemap.VERSION, "9.9.9")
        (self.folder / "ropemap/__init__.py").write_text(text)
        done = self.python("import ropemap; ropemap.map", env={**os.environ, "PYTHONPATH": f"{self.folder}:{os.environ['PYTHONPATH']}"})
        self.assertIn(f"modules are of version 9.9.9, its extension of {ropemap.VERSION}", done.stderr)


class Calls(Case):
    """Progress, interruption, warnings, threads, forks."""

    def test_progress(self):
        seen = []
        ropemap.map(positions=3000, pool="max", content="gauss", progress=lambda *told: seen.append(told))
        self.assertTrue(seen and all(0 <= done <= total for _, done, total in seen))
        with self.assertRaises(ropemap.Stopped):
            ropemap.map(progress=lambda *_: True, **LONG)

        def fail(*_):
            raise KeyError("own")
        for call in (lambda: ropemap.map(progress=fail, **LONG), lambda: ropemap.heads(
                queries=normal(2, 2000, 64), keys=normal(2, 2000, 64), progress=fail)):
            with self.assertRaisesRegex(KeyError, "own"):
                call()

    def test_ctrl_c(self):
        """From a progress function, and while C computes without one."""
        text = f"""
import os, signal, threading, ropemap
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job has not
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
for progress in (lambda *_: interrupt(), None):
    try:
        progress or threading.Timer(0.2, interrupt).start()
        ropemap.map(progress=progress, **{LONG!r})
    except KeyboardInterrupt:
        print("interrupted", ropemap.map(positions=8).array.shape)
"""
        self.assertEqual(self.python(text, timeout=600).stdout, "interrupted (8, 8)\n" * 2)

    def test_warnings(self):
        path = self.folder / "f.npy"
        np.save(path, np.array([50.0, 1.0]))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ropemap.map(frequencies=path, positions=8)
        self.assertRegex(str(caught[0].message), "^frequencies: pair 0 turns 50 radians a token")
        self.assertEqual(caught[0].filename, __file__)

    def test_threads(self):
        wanted = ropemap.map(positions=700, content="gauss", pool="max").array.tobytes()
        session, wrong = ropemap.Session(), []

        def work():
            for _ in range(5):
                one = ropemap.map(positions=700, content="gauss", pool="max", session=session)
                if one.array.tobytes() != wanted or not one._repr_png_() or not ropemap.rule()._repr_png_():
                    wrong.append(one)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        made = ropemap.map(positions=700, content="gauss", pool="max", session=session, progress=lambda *_: session.close())
        self.assertEqual(made.array.tobytes(), wanted)  # it ended once the call was done
        with self.assertRaisesRegex(ropemap.UsageError, "session: it is closed"):
            ropemap.map(session=session)

    def test_a_fork_has_a_session_of_its_own(self):
        with ropemap.Session() as session:
            options = dict(positions=600, content="gauss", pool="max", session=session)
            wanted = ropemap.map(**options).array.tobytes()
            child = os.fork()
            if child == 0:
                os._exit(0 if ropemap.map(**options).array.tobytes() == wanted else 1)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertEqual(ropemap.map(**options).array.tobytes(), wanted)

    @unittest.skipIf(os.environ.get("ROPEMAP_SANITIZE"), "no stubs of a sanitizer's module")
    def test_stubs_and_docstrings_have_every_option(self):
        stub = ast.parse((pathlib.Path(ropemap.__file__).parent / "__init__.pyi").read_text())
        functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
        for name in ("map", "curve", "bound", "plan", "explain", "rule", "heads", "pairs", "sweep", "sweep_curve"):
            given = {argument.arg for argument in functions[name].args.kwonlyargs}
            self.assertTrue({"base", "head_dim", "scaling"} <= given, given)
            self.assertIn("head_dim", getattr(ropemap, name).__doc__)
        for node in (node for node in ast.walk(stub) if isinstance(node, ast.FunctionDef)):
            given = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            self.assertTrue(node.returns and all(one.annotation for one in given if one and one.arg != "self"), node.name)
        self.assertLessEqual(set(functions) | {"Map"}, set(dir(ropemap)))
        self.assertIn("window", {argument.arg for argument in functions["map"].args.kwonlyargs})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
