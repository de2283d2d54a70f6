# test_tensors.py - maps of real queries and keys: files, heads, layouts, positions
# SPDX-License-Identifier: MIT
import json
import math
import random
import struct
import unittest

from harness import Case, bound, flat, frequencies, pooled_map, positions, rotate, write_npy, write_safetensors

HEADS, KEY_HEADS, COUNT, DIMENSION = 4, 2, 13, 8


def rounded(values, quantum=64):
    """Entries that are exact in every float format."""
    return [round(value * quantum) / quantum for value in values]


def tensor(seed, heads=1, count=COUNT, dimension=DIMENSION):
    """[head][position][element]"""
    source = random.Random(seed)
    return [[rounded(source.gauss(0, 1 / math.sqrt(dimension)) for _ in range(dimension)) for _ in range(count)]
            for _ in range(heads)]


def swapped(values):
    """[head][position] to [position][head]"""
    return [[head[position] for head in values] for position in range(len(values[0]))]


class Tensors(Case):
    def setUp(self):
        super().setUp()
        self.queries, self.keys = tensor(1, HEADS), tensor(2, KEY_HEADS)
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        self.write("k.npy", write_npy([KEY_HEADS, COUNT, DIMENSION], flat(self.keys)))
        self.write("kv.safetensors", write_safetensors({
            "layer.q": ([1, HEADS, COUNT, DIMENSION], flat(self.queries)),
            "layer.k": ([1, KEY_HEADS, COUNT, DIMENSION], flat(self.keys))}))
        self.files = ["--queries", "q.npy", "--keys", "k.npy"]

    def similarity(self, head=0, key_head=0, theta=None, layout="half", first=0, measure="dot"):
        theta = frequencies(DIMENSION) if theta is None else theta

        def of(i, j):
            query = rotate(self.queries[head][i - first], i, theta, layout)
            key = rotate(self.keys[key_head][j - first], j, theta, layout)
            dot = math.fsum(a * b for a, b in zip(query, key))
            if measure == "scaled":
                return dot / math.sqrt(DIMENSION)
            if measure == "cosine":
                return dot / math.sqrt(math.fsum(a * a for a in query) * math.fsum(b * b for b in key))
            return dot

        return of

    def scale(self):
        longest = max(math.fsum(x * x for x in row) for head in self.queries + self.keys for row in head)
        return max(1.0, longest)

    def expect(self, arguments, similarity, rows=(0, COUNT), cols=(0, COUNT), size=(1024, 1024), **pool):
        expected = pooled_map(similarity, positions(*rows), positions(*cols), *size, **pool)
        cells, document = self.map(*arguments)
        self.assert_cells(cells, expected, bound(DIMENSION, self.scale()))
        return document

    def test_all_rows_of_the_first_head(self):
        document = self.expect(self.files, self.similarity())
        self.assertEqual(document["rows"], {"first": 0, "count": COUNT, "step": 1})
        self.assertEqual(document["spec"]["head_dim"], DIMENSION)
        self.assertEqual([document["content"][name] for name in ("kind", "queries", "keys", "state")],
                         ["tensors", "q.npy", "k.npy", "pre"])

    def test_half_and_interleaved_differ(self):
        half = self.similarity(layout="half")
        interleaved = self.similarity(layout="interleaved")
        self.assertGreater(max(abs(half(i, 0) - interleaved(i, 0)) for i in range(COUNT)), 0.01)
        self.expect(self.files + ["--layout", "half"], half)
        self.expect(self.files + ["--layout", "interleaved"], interleaved)

    def test_partial_rotation(self):
        for layout in ("half", "interleaved"):
            self.expect(self.files + ["--rotary-dim", "4", "--layout", layout],
                        self.similarity(theta=frequencies(4), layout=layout))

    def test_scaling(self):
        self.expect(self.files + ["--scaling", "linear:factor=8", "-b", "500"],
                    self.similarity(theta=frequencies(DIMENSION, 500.0, linear=8.0)))
        self.expect(self.files + ["--scaling", "ntk:factor=8", "-b", "500"],
                    self.similarity(theta=frequencies(DIMENSION, 500.0, ntk=8.0)))

    def test_query_heads_share_key_heads(self):
        for head in range(HEADS):
            with self.subTest(head=head):
                self.expect(self.files + ["--head", head], self.similarity(head, head // (HEADS // KEY_HEADS)))

    def test_bfloat16(self):
        """As ml_dtypes saves it: void elements of two bytes, read with a warning."""
        for name, values in (("q.npy", self.queries), ("k.npy", self.keys)):
            for head in values:
                for row in head:
                    row[:] = [struct.unpack("<f", b"\0\0" + struct.pack("<f", value)[2:])[0] for value in row]
            self.write(name, write_npy([len(values), COUNT, DIMENSION], flat(values), "<V2"))
        self.expect(self.files + ["--head", 1], self.similarity(1, 0))
        result = self.done("map", *self.files, "-o", "m.png").stderr.decode()
        for name in ("q.npy", "k.npy"):
            self.assertIn("warning: " + name + ": elements of two bytes without a name (V2) were read as bfloat16",
                          result)
        self.assertNotIn(b"V2", self.done("curve", *self.files, "-q", "--json").stderr)
        self.assertIn(b"V2", self.done("curve", *self.files).stderr)

    def packed(self, name, values, *before):
        self.write(name, write_npy([*before, COUNT, len(values) * DIMENSION], [0.0] * (
            math.prod(before or [1]) - 1) * COUNT * len(values) * DIMENSION + flat(swapped(values))))

    def test_heads_that_share_an_axis(self):
        """[S, heads * head dim] as vLLM has queries and keys, and batches of them."""
        self.packed("q.npy", self.queries)
        self.packed("k.npy", self.keys)
        for heads in ("4", "4,2"):
            for head in range(HEADS):
                document = self.expect(self.files + ["--heads", heads, "--head", head], self.similarity(head, head // 2))
        self.assertEqual([document["content"]["heads"], document["spec"]["head_dim"]], [4, DIMENSION])
        packed = self.done("curve", *self.files, "--heads", "4", "--head", "3", "--json", "-q").stdout
        self.packed("q.npy", self.queries, 3)
        self.packed("k.npy", self.keys, 2)  # as many batches as heads: the head dim of queries decides
        self.refused(2, ["k.npy", "batch 2"], "map", *self.files, "--heads", "4", "--batch", "2", "-o", "x.png")
        self.packed("k.npy", self.keys, 3)
        self.expect(self.files + ["--heads", "4", "--batch", "2", "--head", "2"], self.similarity(2, 1))
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        self.write("k.npy", write_npy([KEY_HEADS, COUNT, DIMENSION], flat(self.keys)))
        plain = self.done("curve", *self.files, "--head", "3", "--json", "-q").stdout
        self.assertEqual(json.loads(packed)["curves"][0]["values"], json.loads(plain)["curves"][0]["values"])

    def test_heads_that_cannot_be(self):
        self.refused(2, ["--heads"], "map", "--heads", "4", "--dry-run")
        self.refused(2, ["--heads"], "curve", "--heads", "4")
        self.refused(2, ["--heads", "x"], "map", *self.files, "--heads", "4,x", "--dry-run")
        self.refused(2, ["q.npy", "4 heads on axis 0"], "map", *self.files, "--heads", "4", "--dry-run")
        self.packed("q.npy", self.queries)
        self.packed("k.npy", self.keys)
        self.refused(2, ["(13, 32)", "cannot be split into 5 heads"], "map", *self.files, "--heads", "5", "--dry-run")
        self.refused(3, ["q.npy", "head dimension 1"], "map", *self.files, "--heads", "32", "--dry-run")
        self.refused(3, ["k.npy", "q.npy"], "map", *self.files, "--heads", "4,4", "--dry-run")
        self.refused(2, ["k.npy", "16", "head dim, 32"], "map", *self.files, "--heads", "1", "--dry-run")
        self.refused(2, ["32 elements, not 8", "--heads 4"], "map", *self.files, "--head-dim", "8", "--dry-run")
        self.refused(3, ["16", "32", "--heads N"], "map", *self.files, "--dry-run")
        self.write("q.npy", write_npy([2, 3, COUNT, DIMENSION], [0.5] * 6 * COUNT * DIMENSION))
        self.refused(2, ["(2, 3, 13, 8)", "leave out --heads"], "map", *self.files, "--heads", "4", "--dry-run")

    def test_a_part_of_a_row_rotates(self):
        """As DeepSeek's last elements: moved to the front on both sides, products are the same."""
        moved = lambda row: row[2:] + row[:2]
        for values in (self.queries, self.keys):
            for head in values:
                head[:] = [moved(row) for row in head]
        expected = self.similarity(theta=frequencies(4), layout="interleaved")
        self.expect(self.files + ["--rotary-first", "2", "--rotary-dim", "4", "--layout", "interleaved"], expected)
        self.expect(self.files + ["--rotary-first", "2", "--head-dim", "4", "--layout", "interleaved"], expected)
        self.refused(2, ["--rotary-first", "6 and 4", "8"], "map", *self.files, "--rotary-first", "6", "--head-dim", "4",
                     "--dry-run")
        self.refused(2, ["--rotary-first", "--rotary-dim"], "map", *self.files, "--rotary-first", "2", "--dry-run")
        self.refused(2, ["8 elements, not 4", "--rotary-first"], "map", *self.files, "--head-dim", "4", "--dry-run")

    def test_rotated_already(self):
        self.expect(self.files + ["--state", "post"], self.similarity(theta=[]))
        self.expect(self.files + ["--state", "pre"], self.similarity())

    def test_first_position(self):
        document = self.expect(self.files + ["--first-position", "70"], self.similarity(first=70),
                               rows=(70, COUNT), cols=(70, COUNT))
        self.assertEqual([document["rows"]["first"], document["content"]["query_positions"],
                          document["content"]["key_positions"]], [70] + 2 * [{"first": 70, "count": COUNT, "step": 1}])
        self.expect(self.files + ["--first-position", "1k", "--rows", "4", "--cols", "1030:3:2"],
                    self.similarity(first=1024), rows=(1024, 4), cols=(1030, 3, 2))

    def test_queries_and_keys_at_positions_of_their_own(self):
        """Every third of the last queries with all keys: as the same queries of the whole."""
        every = [head[5::3] for head in self.queries]
        self.write("q.npy", write_npy([HEADS, 3, DIMENSION], flat(every)))
        self.expect(self.files + ["--first-position", "5:3,0", "--causal", "--head", "1"], self.similarity(1),
                    rows=(5, 3, 3), causal=True)
        self.expect(self.files + ["--first-position", "5:3,0", "--rows", "2", "--cols", "4:3:2"], self.similarity(),
                    rows=(5, 2, 3), cols=(4, 3, 2))
        self.expect(self.files + ["--first-position", "5:3,0", "--rows", "5:2:6", "--phase", "fp32freq"],
                    self.similarity(), rows=(5, 2, 6))
        self.refused(2, ["--first-position is missing", "q.npy has 3 rows, k.npy 13", "10,0"], "map", *self.files,
                     "--dry-run")
        for value, words in (("5:0", "5:0"), ("5:3,0,1", "5:3,0,1"), ("x", "x"), ("5,", "''"), ("1099511627774,0", "2^40")):
            self.refused(2, ["--first-position", words], "map", *self.files, "--first-position", value, "--dry-run")
        self.refused(2, ["--rows", "steps of 2", "every 3"], "map", *self.files, "--first-position", "5:3,0",
                     "--rows", "5:2:2", "--dry-run")

    def test_ranges(self):
        self.expect(self.files + ["-n", "2:5:2"], self.similarity(), rows=(2, 5, 2), cols=(2, 5, 2))
        self.expect(self.files + ["--rows", "5"], self.similarity(), rows=(0, 5))

    def test_pools_measures_and_causal(self):
        for pool in ("mean", "min", "max", "absmax", "rms", "std"):
            for measure in ("dot", "scaled", "cosine"):
                with self.subTest(pool=pool, measure=measure):
                    self.expect(self.files + ["--pool", pool, "--measure", measure, "--causal", "--size", "4x5"],
                                self.similarity(measure=measure), size=(5, 4), pool=pool, causal=True)
        for method in ("factored", "tiled"):
            self.expect(self.files + ["--method", method, "--size", "4x5"], self.similarity(), size=(5, 4))

    def test_axis_order(self):
        self.write("q.npy", write_npy([COUNT, HEADS, DIMENSION], flat(swapped(self.queries))))
        self.write("k.npy", write_npy([COUNT, KEY_HEADS, DIMENSION], flat(swapped(self.keys))))
        self.expect(self.files + ["--order", "shd", "--head", "3"], self.similarity(3, 1))

    def test_batch(self):
        other = flat(tensor(9, HEADS))
        self.write("q.npy", write_npy([2, HEADS, COUNT, DIMENSION], other + flat(self.queries)))
        self.write("k.npy", write_npy([2, KEY_HEADS, COUNT, DIMENSION], flat(tensor(8, KEY_HEADS)) + flat(self.keys)))
        self.expect(self.files + ["--batch", "1", "--order", "hsd"], self.similarity())

    def test_safetensors(self):
        self.expect(["--queries", "kv.safetensors:layer.q", "--keys", "kv.safetensors:layer.k"], self.similarity())
        self.expect(["--queries", "q.npy", "--keys", self.path("kv.safetensors") + ":layer.k"], self.similarity())

    def test_a_colon_in_a_file_name(self):
        self.write("a:b.npy", self.read("q.npy"))
        self.write("c:d.safetensors", self.read("kv.safetensors"))
        self.expect(["--queries", "a:b.npy", "--keys", "c:d.safetensors:layer.k"], self.similarity())

    def test_one_tensor_needs_no_name(self):
        self.write("one.safetensors", write_safetensors({"x:y": ([COUNT, DIMENSION], flat(self.queries[0]))}))
        self.keys[0] = self.queries[0]
        self.expect(["--queries", "one.safetensors", "--keys", "one.safetensors"], self.similarity())
        self.expect(["--queries", "one.safetensors:x:y", "--keys", "one.safetensors"], self.similarity())

    def test_head_dim_may_be_repeated_but_not_changed(self):
        self.expect(self.files + ["-d", DIMENSION], self.similarity())
        self.refused(2, ["--head-dim", "16", "8"], "map", *self.files, "-d", "16", "-o", "a.png")

    def test_values_that_are_no_numbers(self):
        self.queries[0][3][2] = math.nan
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        cells, document = self.map(*self.files)
        self.assertEqual(document["nan_cells"], COUNT)
        self.assertTrue(all(math.isnan(value) == (row == 3) for row, line in enumerate(cells) for value in line))
        self.refused(3, ["q.npy", "nan"], "map", *self.files, "--strict", "-o", "a.png")
        self.queries[0][3][2] = 0.0
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        self.expect(self.files + ["--strict"], self.similarity())

    def test_refusals(self):
        refused = [
            (2, ["--keys", "missing"], ["--queries", "q.npy"]),
            (2, ["--queries", "missing"], ["--keys", "k.npy"]),
            (2, ["--content", "--queries"], self.files + ["--content", "ones"]),
            (2, ["--positions", "13", "12", "q.npy"], self.files + ["-n", "14"]),
            (2, ["--cols", "13", "k.npy"], self.files + ["--cols", "13:1"]),
            (2, ["--rows", "14", "q.npy"], self.files + ["--rows", "2:7:2"]),
            (2, ["--rows", "3", "7"], self.files + ["--first-position", "7", "--rows", "3:4"]),
            (2, ["4"], self.files + ["--head", "4"]),
            (2, ["1"], self.files + ["--batch", "1"]),
            (2, ["--head", "--queries"], ["--head", "1"]),
            (2, ["--batch", "--queries"], ["--batch", "1"]),
            (2, ["--order", "--queries"], ["--order", "shd"]),
            (2, ["--first-position", "--queries"], ["--first-position", "1"]),
            (2, ["kv.safetensors", "layer.x"], ["--queries", "kv.safetensors:layer.x", "--keys", "k.npy"]),
            (2, ["kv.safetensors", "layer.q", "layer.k"], ["--queries", "kv.safetensors", "--keys", "k.npy"]),
            (4, ["missing.npy"], ["--queries", "missing.npy", "--keys", "k.npy"]),
            (4, ["missing.npy"], ["--queries", "missing.npy:name", "--keys", "k.npy"]),
        ]
        for code, words, arguments in refused:
            with self.subTest(arguments=arguments):
                self.refused(code, words, "map", *arguments, "-o", "a.png")
        self.write("wide.npy", write_npy([COUNT, 10], flat(tensor(5, 1, COUNT, 10))))
        self.refused(3, ["wide.npy", "10", "q.npy", "8"], "map", "--queries", "q.npy", "--keys", "wide.npy",
                     "-o", "a.png")
        self.assertNotIn("a.png", self.names())

    def test_a_plan_of_tensors(self):
        document = json.loads(self.done("map", *self.files, "--dry-run", "--json").stdout)
        self.assertEqual(document["rows"]["count"], COUNT)


if __name__ == "__main__":
    unittest.main()
