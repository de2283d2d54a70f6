# test_map.py - what each option of `ropemap map` does to the cells, for vectors that need no file
# SPDX-License-Identifier: MIT
import json
import math
import unittest

from harness import (Case, bound, frequencies, ones_similarity, pooled_map, positions)

POOLS = ["mean", "min", "max", "absmax", "rms", "std"]


class Rule(Case):
    """--base, --head-dim, --rotary-dim, --scaling, --layout"""

    def expect(self, arguments, head_dim=128, rotated=None, **rule):
        theta = frequencies(rotated or head_dim, **rule)
        expected = pooled_map(ones_similarity(head_dim, theta), positions(0, 20), positions(0, 20), 20, 20)
        cells, document = self.map("-n", "20", *arguments)
        self.assert_cells(cells, expected, bound(head_dim))
        return document["spec"]

    def test_defaults(self):
        spec = self.expect([])
        self.assertEqual(spec, {"base": 10000.0, "frequencies_from": None, "head_dim": 128, "rotary_dim": 128,
                                "layout": "half", "rule": "none", "scaling": "none", "length": None,
                                "attention_factor": 1.0, "deal": "none", "axes": []})

    def test_base(self):
        for arguments in (["-b", "5e5"], ["-b5e5"], ["--base", "500000"], ["--base=500000.0"], ["-b", "500000.0e0"]):
            self.assertEqual(self.expect(arguments, base=5e5)["base"], 5e5)
        self.assertEqual(self.expect(["-b", "1.5k"], base=1500.0)["base"], 1500.0)
        self.expect(["-b", "7", "--base", "1.25"], base=1.25)

    def test_head_dim(self):
        for dimension in (2, 6, 64):
            spec = self.expect(["-d", dimension], head_dim=dimension)
            self.assertEqual([spec["head_dim"], spec["rotary_dim"]], [dimension, dimension])
        self.expect(["--head-dim", "10"], head_dim=10)

    def test_rotary_dim(self):
        spec = self.expect(["-d", "16", "--rotary-dim", "6"], head_dim=16, rotated=6)
        self.assertEqual([spec["head_dim"], spec["rotary_dim"]], [16, 6])

    def test_scaling(self):
        self.expect(["--scaling", "none"])
        spec = self.expect(["-d", "16", "--scaling", "linear:factor=4"], head_dim=16, linear=4.0)
        self.assertEqual(spec["scaling"], "linear:factor=4")
        spec = self.expect(["-d", "16", "--scaling=ntk:factor=2.5"], head_dim=16, ntk=2.5)
        self.assertEqual(spec["scaling"], "ntk:factor=2.5")

    def test_layout_of_equal_entries_changes_nothing(self):
        self.assertEqual(self.expect(["--layout", "interleaved"])["layout"], "interleaved")
        self.assertEqual(self.expect(["--layout", "half"])["layout"], "half")


class Ranges(Case):
    """--positions, --rows, --cols, --size"""

    def setUp(self):
        super().setUp()
        self.similarity = ones_similarity(8, frequencies(8))

    def expect(self, arguments, rows, cols, size=(1024, 1024)):
        expected = pooled_map(self.similarity, positions(*rows), positions(*cols), *size)
        cells, document = self.map("-d", "8", *arguments)
        self.assert_cells(cells, expected, bound(8))
        for name, value in (("rows", rows), ("cols", cols)):
            self.assertEqual(list(document[name].values()), [value[0], value[1], (value + (1,))[2]])

    def test_positions(self):
        self.expect(["-n", "17"], (0, 17), (0, 17))
        self.expect(["--positions", "5:17"], (5, 17), (5, 17))
        self.expect(["-n5:17:3"], (5, 17, 3), (5, 17, 3))

    def test_rows_and_cols(self):
        self.expect(["--rows", "3:9", "--cols", "100:11:7"], (3, 9), (100, 11, 7))
        self.expect(["--cols", "4", "-n", "9"], (0, 9), (0, 4))
        self.expect(["-n", "9", "--rows", "1:3"], (1, 3), (0, 9))

    def test_suffixes(self):
        self.expect(["-n", "1k:9:2k"], (1024, 9, 2048), (1024, 9, 2048))
        self.expect(["--rows", "1M:5", "--cols", "1e6:5"], (1048576, 5), (1000000, 5))
        self.expect(["--rows", "0.5k:5", "--cols", "0.0005e6:5"], (512, 5), (500, 5))

    def test_default_is_4k_on_1024_cells(self):
        document = json.loads(self.done("map", "--dry-run", "--json").stdout)
        self.assertEqual(document["rows"], {"first": 0, "count": 4096, "step": 1})
        self.assertEqual(document["cols"], {"first": 0, "count": 4096, "step": 1})
        self.assertEqual(document["size"], {"width": 1024, "height": 1024})

    def test_size(self):
        self.expect(["-n", "23", "--size", "7x5"], (0, 23), (0, 23), (5, 7))
        self.expect(["-n", "23", "--size", "6"], (0, 23), (0, 23), (6, 6))
        self.expect(["-n", "11", "--size", "5x100"], (0, 11), (0, 11), (100, 5))

    def test_far_positions_keep_the_distance(self):
        far = 2**40 - 2000
        rows, cols = (far, 20), (far + 700, 20, 3)
        self.expect(["--rows", "%d:20" % far, "--cols", "%d:20:3" % (far + 700), "--size", "6"], rows, cols, (6, 6))

    def test_every_count_up_to_the_last_position(self):
        cells, document = self.map("-n", "1024G", "--size", "4", "-d", "8")
        self.assertEqual(document["rows"]["count"], 2**40)
        self.assertEqual(document["method"], "factored")
        self.assertLess(max(map(abs, cells[0])), 1e-3)  # a mean of waves over 2^38 tokens


class Pooling(Case):
    """--pool, --causal, --measure, --method"""

    def expect(self, arguments, methods, pool="mean", causal=False, divide=1.0):
        rows, cols = positions(3, 29, 2), positions(0, 31, 2)
        similarity = ones_similarity(12, frequencies(12))
        expected = pooled_map(lambda i, j: similarity(i, j) / divide, rows, cols, 5, 7, pool, causal)
        for method in methods:
            cells, document = self.map("-d", "12", "--rows", "3:29:2", "--cols", "0:31:2", "--size", "7x5", *arguments,
                                       "--method", method)
            self.assert_cells(cells, expected, bound(12))
            if method != "auto":
                self.assertEqual(document["method"], method)
            self.assertEqual([document["pool"], document["causal"]], [pool, causal])
            self.assertTrue(document["reason"])

    def test_pools(self):
        for pool in POOLS:
            methods = ["auto", "diagonal", "tiled"] + (["factored"] if pool in ("mean", "rms", "std") else [])
            with self.subTest(pool=pool):
                self.expect(["--pool", pool], methods, pool)

    def test_causal(self):
        for pool in POOLS:
            methods = ["auto", "diagonal", "tiled"] + (["factored"] if pool == "mean" else [])
            with self.subTest(pool=pool):
                self.expect(["--pool", pool, "--causal"], methods, pool, True)

    def test_measures(self):
        self.expect(["--measure", "dot"], ["auto", "tiled"])
        self.expect(["--measure", "scaled"], ["auto", "factored", "diagonal", "tiled"], divide=math.sqrt(12))
        self.expect(["--measure", "cosine"], ["auto", "factored", "diagonal", "tiled"])

    def test_a_method_that_cannot_serve_says_why(self):
        self.refused(2, ["factored", "cannot serve"], "map", "-n", "64", "--pool", "max", "--method", "factored", "-o", "a.npy")
        self.refused(2, ["diagonal"], "map", "-n", "64", "--content", "gauss", "--method", "diagonal", "-o", "a.npy")
        self.refused(2, ["diagonal"], "map", "--rows", "64", "--cols", "0:64:2", "--method", "diagonal", "-o", "a.npy")

    def test_cells_without_any_pair_are_counted(self):
        cells, document = self.map("-n", "16", "--size", "4", "--causal")
        nan = sum(math.isnan(value) for row in cells for value in row)
        self.assertEqual([nan, document["nan_cells"]], [6, 6])
        cells, document = self.map("--rows", "4", "--cols", "9:4", "--causal")
        self.assertTrue(all(math.isnan(value) for row in cells for value in row))
        self.assertEqual([document["min"], document["max"], document["mean"], document["nan_cells"]],
                         [None, None, None, 16])


class Gauss(Case):
    """--content, --threads, --memory, --backend"""

    def cells_of(self, *arguments):
        self.done("map", "-n", "300", "--size", "40", "-o", "cells.npy", "--force", *arguments)
        return self.read("cells.npy")

    def test_ones_is_the_default(self):
        self.assertEqual(self.cells_of(), self.cells_of("--content", "ones"))

    def test_seeds(self):
        zero = self.cells_of("--content", "gauss")
        self.assertEqual(zero, self.cells_of("--content", "gauss:0"))
        self.assertNotEqual(zero, self.cells_of("--content", "gauss:1"))
        self.assertNotEqual(zero, self.cells_of("--content", "gauss:18446744073709551615"))
        self.assertNotEqual(zero, self.cells_of())

    def test_entries_are_independent_and_of_mean_square_length_one(self):
        # A dot product of independent vectors with E|q|^2 = 1 has mean 0 and variance 1/d. Over 256^2 pairs of 2 * 256
        # vectors the mean is off by 1/(256 sqrt d) and the mean square by about sqrt(2/256/d), relative; 6 of those.
        dimension, count = 32, 256
        cells, _ = self.map("-d", dimension, "-n", count, "--size", "1", "--content", "gauss:7", "--pool", "rms")
        self.assertLess(abs(cells[0][0]**2 * dimension - 1), 6 * math.sqrt(4 / count / dimension))
        cells, _ = self.map("-d", dimension, "-n", count, "--size", "1", "--content", "gauss:7")
        self.assertLess(abs(cells[0][0]), 6 / (count * math.sqrt(dimension)))
        cells, _ = self.map("-d", dimension, "-n", "4", "--content", "gauss:7", "--state", "post")
        self.assertLess(abs(cells[2][2]), 0.9)  # queries and keys differ

    def test_bytes_depend_on_neither_threads_nor_memory(self):
        for pool in ("mean", "max"):
            one = self.cells_of("--content", "gauss:3", "--pool", pool, "--threads", "1")
            self.assertEqual(one, self.cells_of("--content", "gauss:3", "--pool", pool, "--threads", "3"))
            self.assertEqual(one, self.cells_of("--content", "gauss:3", "--pool", pool, "--memory", "4M"))

    def test_threads_memory_and_backend_are_reported(self):
        _, document = self.map("-n", "300", "--content", "gauss", "--threads", "3", "--memory", "64M", "--backend", "cpu")
        self.assertEqual([document["threads"], document["backend"]], [3, "cpu"])
        self.assertLessEqual(document["plan"]["bytes"], 64 * 2**20)
        self.map("-n", "30", "--backend", "auto")
        self.refused(5, ["memory"], "map", "-n", "1M", "--content", "gauss", "--memory", "1k", "-o", "a.npy")


class Json(Case):
    def test_the_document_says_everything(self):
        cells, document = self.map("-n", "40", "--size", "9", "--content", "gauss:5", "-v")
        values = [value for row in cells for value in row]
        self.assertEqual(document["schema"], "ropemap.map/1")
        self.assertEqual([document["min"], document["max"]], [min(values), max(values)])
        self.assertAlmostEqual(document["mean"], math.fsum(values) / len(values), places=12)
        self.assertEqual(document["nan_cells"], 0)
        self.assertEqual(document["outputs"], ["cells.npy"])
        self.assertEqual(document["content"], {"kind": "gauss", "seed": "5"})
        self.assertEqual(set(document["seconds"]), {"read", "rotate", "similarity", "pool", "draw", "write", "total"})
        self.assertGreater(document["seconds"]["total"], 0)
        self.assertLessEqual(document["seconds"]["write"], document["seconds"]["total"])
        self.assertGreater(document["peak_bytes"], 1000000)
        version = self.done("--version").stdout.decode().split()
        self.assertEqual(version, ["ropemap", document["version"]])
        for field in ("rows", "cols", "size", "pool", "measure", "method", "reason", "backend", "spec", "causal", "threads"):
            self.assertIn(field, document)

    def test_dry_run(self):
        document = json.loads(self.done("map", "-n", "1M", "--pool", "max", "--dry-run", "--json", "-o", "a.png").stdout)
        self.assertEqual(document["schema"], "ropemap.plan/1")
        self.assertEqual(document["method"], "diagonal")
        self.assertGreater(document["plan"]["bytes"], 1024 * 1024)
        self.assertGreater(document["plan"]["flops"], 0)
        text = self.done("map", "-n", "1M", "--content", "gauss", "--pool", "max", "--dry-run").stdout.decode()
        for word in ("tiled", "cpu", "1024 x 1024", "1048576 x 1048576", "bands", "MiB", "FLOP"):
            self.assertIn(word, text)
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
