# test_softmax.py - `ropemap map --measure softmax`: attention of real queries and keys, under masks
# SPDX-License-Identifier: MIT
import json
import math
import random
import unittest

from harness import Case, frequencies, read_npy, rotate, write_npy

HEADS, KEY_HEADS, COUNT, DIMENSION = 4, 2, 23, 8


class Softmax(Case):
    def setUp(self):
        super().setUp()
        source = random.Random(5)
        heads = [[[[source.gauss(0, 1) for _ in range(DIMENSION)] for _ in range(COUNT)] for _ in range(count)]
                 for count in (HEADS, KEY_HEADS)]
        self.queries, self.keys = heads
        for name, tensor in (("q.npy", self.queries), ("k.npy", self.keys)):
            self.write(name, write_npy([len(tensor), COUNT, DIMENSION],
                                       [value for head in tensor for row in head for value in row]))
        self.files = ["--queries", "q.npy", "--keys", "k.npy", "--measure", "softmax"]

    def weights(self, head=0, sees=lambda query, key: key <= query, scale=1 / math.sqrt(DIMENSION), softcap=None,
                sink=None):
        """p of every query and key; NaN where it is not seen."""
        theta = frequencies(DIMENSION)
        rows = []
        for i, query in enumerate(self.queries[head]):
            row = []
            for j, key in enumerate(self.keys[head * KEY_HEADS // HEADS]):
                pair = zip(rotate(query, i, theta), rotate(key, j, theta))
                score = scale * math.fsum(a * b for a, b in pair)
                score = softcap * math.tanh(score / softcap) if softcap else score
                row.append(math.exp(score) if sees(i, j) else math.nan)
            total = math.fsum(value for value in row if not math.isnan(value)) + (0 if sink is None else math.exp(sink))
            rows.append([value / total for value in row])
        return rows

    def check(self, options, **expected):
        cells, _ = self.map(*self.files, *options)
        for got, wanted in zip(cells, self.weights(**expected)):
            for a, b in zip(got, wanted):
                self.assertEqual(math.isnan(a), math.isnan(b), options)
                if not math.isnan(a):
                    self.assertAlmostEqual(a, b, delta=1e-5 * b, msg=options)

    def test_every_pair(self):
        self.check(["--causal"])
        self.check([], sees=lambda query, key: True)
        self.check(["--causal", "--head", "3"], head=3)
        self.check(["--causal", "--pool", "mean"])
        self.check(["--causal", "--pool", "max"])
        self.check(["--causal", "--scale", "2.5"], scale=2.5)
        self.check(["--causal", "--scale", "4", "--softcap", "3"], scale=4, softcap=3)
        self.check(["--causal", "--sink-logit", "-1.5"], sink=-1.5)

    def test_masks(self):
        self.check(["--causal", "--window", "5"], sees=lambda query, key: 0 <= query - key < 5)
        self.check(["--window", "5"], sees=lambda query, key: abs(query - key) < 5)
        self.check(["--causal", "--window", "5", "--sink-tokens", "2"],
                   sees=lambda query, key: 0 <= query - key < 5 or key < 2 and key <= query)
        self.check(["--causal", "--attention-chunk", "7"], sees=lambda query, key: key <= query and query // 7 == key // 7)

    def test_cells(self):
        cells, _ = self.map(*self.files, "--causal", "--size", "5x4")
        weights = self.weights()
        for row, values in enumerate(cells):
            queries = range(row * COUNT // 4, (row + 1) * COUNT // 4)
            self.assertAlmostEqual(math.fsum(value for value in values if not math.isnan(value)), 1, delta=2e-7)
            for col, value in enumerate(values):
                keys = range(col * COUNT // 5, (col + 1) * COUNT // 5)
                mass = [weights[i][j] for i in queries for j in keys if j <= i]
                if mass:
                    self.assertAlmostEqual(value, math.fsum(mass) / len(queries), delta=1e-5 * value)
                else:
                    self.assertTrue(math.isnan(value))

    def test_a_part_is_of_the_same_attention(self):
        """--rows and --cols show a part; softmax stays over all keys."""
        whole, _ = self.map(*self.files, "--causal")
        part, _ = self.map(*self.files, "--causal", "--rows", "4:9", "--cols", "3:5")
        self.assertEqual([len(part), len(part[0])], [9, 5])
        for i, row in enumerate(part):
            for j, value in enumerate(row):
                self.assertEqual(math.isnan(value), j + 3 > i + 4)
                if not math.isnan(value):
                    self.assertAlmostEqual(value, whole[i + 4][j + 3], delta=1e-6 * value)

    def test_document(self):
        made = json.loads(self.done("map", *self.files, "--causal", "--window", "9", "--sink-tokens", "1", "--softcap", "30",
                                    "-o", "a.png", "--json").stdout)
        self.assertEqual([made["measure"], made["pool"], made["figure"]["norm"], made["method"]],
                         ["softmax", "mass", "log", "tiled"])
        self.assertAlmostEqual(made["softmax"].pop("scale"), 8 ** -.5)
        self.assertEqual(made["softmax"], {"softcap": 30, "sink_logit": None, "window": 9, "attention_chunk": None,
                                           "sink_tokens": 1, "keys": {"first": 0, "count": COUNT, "step": 1}})
        self.assertEqual([made["empty_rows"], made["nan_rows"]], [0, 0])
        self.assertRegex(made["figure"]["subtitle"], "causal, window of 9, first 1 token, scores capped at 30")
        self.assertEqual(made["figure"]["title"], "Attention with RoPE, base 10,000, d = 8")
        linear = json.loads(self.done("map", *self.files, "-o", "b.png", "--norm", "linear", "--json").stdout)
        self.assertEqual(linear["figure"]["norm"], "linear")

    def test_masks_of_other_measures(self):
        """Cells beyond the mask are masked, the others as without it; the key of the figure says so."""
        rest = ["--queries", "q.npy", "--keys", "k.npy"]
        for measure in ("dot", "scaled", "cosine"):
            whole = self.map(*rest, "--measure", measure)[0]
            for options, sees in ((["--window", "5"], lambda i, j: abs(i - j) < 5),
                                  (["--causal", "--attention-chunk", "7", "--sink-tokens", "2"],
                                   lambda i, j: j <= i and (i // 7 == j // 7 or j < 2))):
                cells, document = self.map(*rest, "--measure", measure, *options)
                for i in range(COUNT):
                    for j in range(COUNT):
                        self.assertEqual(math.isnan(cells[i][j]), not sees(i, j), (measure, options, i, j))
                        self.assertTrue(not sees(i, j) or abs(cells[i][j] - whole[i][j]) < 1e-5)
                hidden = sum(not sees(i, j) for i in range(COUNT) for j in range(COUNT))
                self.assertEqual([document["masked_cells"], document["nan_cells"]], [hidden, hidden])
        self.done("map", *rest, "--window", "5", "-o", "key.svg")
        self.assertIn(b">masked</text>", self.read("key.svg"))

    def test_rows_without_keys_are_reported(self):
        done = self.done("map", "--measure", "softmax", "--causal", "--rows", "0:10", "--cols", "4:10", "-o", "a.png")
        self.assertIn(b"4 queries see no key: mass 0", done.stderr)
        bad = [list(row) for row in self.queries[0]]
        bad[7][0] = math.nan
        self.write("q1.npy", write_npy([COUNT, DIMENSION], [value for row in bad for value in row]))
        self.write("k1.npy", write_npy([COUNT, DIMENSION], [value for row in self.keys[0] for value in row]))
        done = self.done("map", "--queries", "q1.npy", "--keys", "k1.npy", "--measure", "softmax", "--causal", "-o", "b.npy")
        self.assertIn(b"1 queries with a score that is NaN", done.stderr)
        cells = read_npy(self.read("b.npy"))
        for i in range(COUNT):
            for j in range(COUNT):
                self.assertEqual(math.isnan(cells[i][j]), i == 7 or j > i)

    def test_difference_of_a_phase(self):
        made = json.loads(self.done("map", *self.files, "--causal", "--diff", "bf16-tables", "-o", "a.png", "--json").stdout)
        self.assertEqual([made["figure"]["norm"], made["difference"]], ["symlog", True])
        self.assertTrue(made["min"] < 0 < made["max"])

    def test_difference_of_two_rules(self):
        def check(other, *changed):
            options = [*self.files, "--causal", "--scaling", "linear:factor=4"]
            one, two = self.map(*options)[0], self.map(*options, *changed)[0]
            cells, document = self.map(*options, "--diff", other)
            for row, a, b in zip(cells, one, two):
                for value, first, second in zip(row, a, b):
                    self.assertEqual(math.isnan(value), math.isnan(first - second))
                    self.assertTrue(math.isnan(value) or value == first - second or
                                    abs(value - first + second) < 1e-7)
            self.assertLess(document["min"], -1e-4)
            return document

        made = check("scaling=none", "--scaling", "none")
        self.assertEqual([made["difference"], made["less"]], [True, "no scaling"])
        self.assertEqual(made["figure"]["title"],
                         "Attention with RoPE, base 10,000, linear scaling by 4, d = 8, minus the same with no scaling")
        self.assertEqual([made["figure"]["colormap"], made["figure"]["norm"]], ["difference", "symlog"])
        self.assertEqual(check("base=500", "--base", "500")["less"], "base 500")
        check("head=3", "--head", "3")
        check("window=5", "--window", "5")
        dot = self.map("--queries", "q.npy", "--keys", "k.npy", "-b", "1e6", "--diff", "base=1e3")[0]
        self.assertGreater(max(map(max, dot)), 1e-3)
        self.refused(2, ["--diff", "causal"], "map", *self.files, "--diff", "causal=1", "-o", "x.png")
        self.refused(2, ["--diff", "positions"], "map", *self.files, "--diff", "rows=5", "-o", "x.png")
        self.refused(2, ["--diff", "measure"], "map", *self.files, "--diff", "measure=dot", "-o", "x.png")
        self.refused(2, ["--diff", "--state pre"], "map", *self.files, "--state", "post", "--diff", "base=7", "-o", "x.png")
        self.write("model.json", b"{}")
        self.refused(2, ["model.json"], "map", "--diff", "model=model.json", "-o", "./model.json", "--force")

    def test_sweep(self):
        self.done("sweep", *self.files, "--causal", "--diff", "scaling=linear:factor=2", "--vary", "head=0,1", "-o", "d.png")
        self.done("sweep", *self.files, "--causal", "--vary", "head=0,1,2,3", "-o", "heads.png")
        self.done("sweep", *self.files, "--causal", "--vary", "window=2,4", "-o", "windows.png")

    def mass(self, **masks):
        """The mean over the queries of the mass at each distance."""
        mass = [0.0] * COUNT
        for i, row in enumerate(self.weights(**masks)):
            for j, value in enumerate(row):
                mass[abs(i - j)] += 0 if math.isnan(value) else value / COUNT
        return mass

    def curve(self, *options):
        return json.loads(self.done("curve", *self.files, *options, "--json", "-q").stdout)

    def test_mass_by_distance(self):
        for options, masks in ((["--causal"], {}), ([], {"sees": lambda query, key: True}),
                               (["--causal", "--window", "6", "--head", "2", "--scale", "2"],
                                {"sees": lambda query, key: 0 <= query - key < 6, "head": 2, "scale": 2})):
            document = self.curve(*options)
            self.assertEqual(document["quantity"], "attention")
            for got, wanted in zip(document["curves"][0]["values"], self.mass(**masks)):
                self.assertAlmostEqual(got, wanted, delta=1e-5 * wanted)
        values, wanted = self.curve("--causal", "--exact", "8")["curves"][0]["values"], self.mass()
        for first, end in ((8, 9), (9, 10), (15, 16), (16, 18), (18, 20), (20, 21)):
            for value in values[first:end]: # the mean of its bin
                self.assertAlmostEqual(value, math.fsum(wanted[first:end]) / (end - first), delta=1e-5 * value)
        self.assertAlmostEqual(math.fsum(values), 1, delta=2e-7)
        self.done("curve", *self.files, "--measure", "softmax", "--axis", "log", "-o", "a.png", "-o", "a.csv", "--causal")
        self.assertEqual(self.read("a.csv").count(b"\n"), COUNT + 1)
        text = self.done("curve", *self.files, "--causal").stdout.decode()
        self.assertRegex(text, r"half of the mass within \d+ tokens, nine tenths within \d+")

    def test_curves_of_heads(self):
        """Each has the queries and keys of its own head."""
        made = json.loads(self.done("curve", *self.files, "--causal", "--vary", "head=all", "--json").stdout)
        self.assertEqual([one["label"] for one in made["curves"]], ["head %d" % head for head in range(HEADS)])
        for head, one in enumerate(made["curves"]):
            for got, wanted in zip(one["values"], self.mass(head=head)):
                self.assertAlmostEqual(got, wanted, delta=1e-6)

    def test_curve_refusals(self):
        tensors = self.files[:4]
        self.refused(2, ["--measure softmax", "--queries"], "curve", "--measure", "softmax", "--json")
        self.refused(2, ["--exact needs --measure softmax"], "curve", *tensors, "--exact", "9", "--json")
        self.refused(2, ["--window needs --measure softmax"], "curve", *tensors, "--window", "9", "--json")

    def test_refusals(self):
        softmax = ["map", "-o", "a.png", "--measure", "softmax"]
        self.refused(2, ["--pool", "mass, mean or max"], *softmax, "--pool", "std")
        self.refused(2, ["--pool", "mass", "softmax"], "map", "-o", "a.png", "--pool", "mass")
        self.refused(2, ["--method", "every pair"], *softmax, "--method", "factored")
        self.refused(2, ["--sink-tokens", "alibi"], "map", "-o", "a.png", "--encoding", "alibi", "--window", "9",
                     "--sink-tokens", "2")
        self.refused(2, ["--attention-chunk", "xpos"], "map", "-o", "a.png", "--encoding", "xpos", "--attention-chunk", "9")
        self.refused(2, ["--method", "factored", "window"], "map", "-o", "a.png", "--method", "factored", "--window", "9")
        self.refused(2, ["--window", "'0' is too small"], *softmax, "--window", "0")
        self.refused(2, ["--attention-chunk", "one"], *softmax, "--window", "9", "--attention-chunk", "9")
        self.refused(2, ["--sink-tokens", "window"], *softmax, "--sink-tokens", "4")
        self.refused(2, ["--softcap", "softmax"], "map", "-o", "a.png", "--softcap", "4")
        self.refused(2, ["--sink-logit", "softmax"], "map", "-o", "a.png", "--sink-logit", "4")
        self.refused(2, ["--scale", "softmax"], "map", "-o", "a.png", "--scale", "4")
        self.refused(2, ["--scale", "above 0"], *softmax, "--scale", "0")
        self.refused(2, ["--encoding", "rope or nope"], *softmax, "--encoding", "alibi")
        self.refused(2, ["--cols", "in steps of 2"], *softmax, "-n", "40", "--cols", "0:10:2")


if __name__ == "__main__":
    unittest.main()
