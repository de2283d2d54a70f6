# test_heads.py - ropemap heads: how each head spreads its attention, as table, document and picture
# SPDX-License-Identifier: MIT
import csv
import io
import json
import math
import random
import unittest

from harness import Case, flat, frequencies, rotate, write_npy, write_safetensors

HEADS, COUNT, DIMENSION = 3, 290, 4  # one key head
THETA = frequencies(DIMENSION)
NAMES = ("sink", "recent", "entropy", "keys", "distance")


def rows(seed, scale):
    source = random.Random(seed)
    return [[source.gauss(0, scale) for _ in range(DIMENSION)] for _ in range(COUNT)]


def means(queries, keys, sees, scale=1 / math.sqrt(DIMENSION), cap=None, sink=None):
    """What a row has of each query, and its mean; sees(m, n): whether query m sees key n."""
    queries = [rotate(row, m, THETA) for m, row in enumerate(queries)]
    keys = [rotate(row, n, THETA) for n, row in enumerate(keys)]
    sums = dict.fromkeys(NAMES, 0.0)
    for m, query in enumerate(queries):
        scores = {n: scale * sum(a * b for a, b in zip(query, key)) for n, key in enumerate(keys) if sees(m, n)}
        weights = {n: math.exp(cap * math.tanh(score / cap) if cap else score) for n, score in scores.items()}
        total = math.fsum(weights.values()) + (math.exp(sink) if sink is not None else 0)
        p = {n: weight / total for n, weight in weights.items()}
        entropy = -math.fsum(x * math.log(x) for x in p.values())
        sums["sink"] += math.fsum(x for n, x in p.items() if n < 4)
        sums["recent"] += math.fsum(x for n, x in p.items() if 0 <= m - n < 256)
        sums["entropy"] += entropy
        sums["keys"] += math.exp(entropy)
        sums["distance"] += math.fsum(x * (m - n) for n, x in p.items()) / math.fsum(p.values())
    return {name: value / COUNT for name, value in sums.items()}


def causal(m, n):
    return n <= m


class Heads(Case):
    @classmethod
    def setUpClass(cls):
        cls.queries, cls.keys = [rows(1 + head, 0.5 + head) for head in range(HEADS)], rows(9, 1)
        cls.expected = [means(queries, cls.keys, causal) for queries in cls.queries]

    def setUp(self):
        super().setUp()
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        self.write("k.npy", write_npy([1, COUNT, DIMENSION], flat(self.keys)))
        self.files = ["--queries", "q.npy", "--keys", "k.npy"]

    def assert_means(self, found, expected):
        for name, value in expected.items():
            self.assertLessEqual(abs(found[name] - value), 2e-5 * max(1, abs(value)), name)

    def test_every_head(self):
        document = json.loads(self.done("heads", *self.files, "--causal", "--json").stdout)
        self.assertEqual([document[name] for name in ("schema", "query_heads", "key_heads", "causal")],
                         ["ropemap.heads/1", HEADS, 1, True])
        for head, found in enumerate(document["heads"]):
            self.assertEqual([found[name] for name in ("layer", "head", "key_head", "empty_rows", "nan_rows")],
                             [None, head, 0, 0, 0])
            self.assert_means(found, self.expected[head])

    def test_one_head_that_sees_every_key(self):
        document = json.loads(self.done("heads", *self.files, "--head", 1, "--json").stdout)
        self.assertEqual([found["head"] for found in document["heads"]], [1])
        self.assert_means(document["heads"][0], means(self.queries[1], self.keys, lambda m, n: True))

    def test_masks_and_scores(self):
        for options, arguments in (
                (["--causal", "--window", 40, "--sink-tokens", 3], {"sees": lambda m, n: n <= m and (m - n < 40 or n < 3)}),
                (["--causal", "--attention-chunk", 50], {"sees": lambda m, n: n <= m and n // 50 == m // 50}),
                (["--causal", "--scale", 0.9, "--softcap", 2, "--sink-logit", 1.5],
                 {"sees": causal, "scale": 0.9, "cap": 2, "sink": 1.5})):
            document = json.loads(self.done("heads", *self.files, "--head", 2, *options, "--json").stdout)
            self.assert_means(document["heads"][0], means(self.queries[2], self.keys, **arguments))
        self.assertIn("causal, a window of 40", self.done("heads", *self.files, "--causal", "--window", 40).stdout.decode())

    def test_rows_are_sorted(self):
        for name in NAMES:
            self.done("heads", *self.files, "--causal", "--sort", name, "-o", "h.csv", "--force", "-q")
            found = list(csv.DictReader(io.StringIO(self.read("h.csv").decode())))
            order = sorted(range(HEADS), key=lambda head: -self.expected[head][name])
            self.assertEqual([int(row["head"]) for row in found], order, name)
            self.assert_means({key: float(found[0][key]) for key in NAMES}, self.expected[order[0]])

    def test_text(self):
        lines = self.done("heads", *self.files, "--causal").stdout.decode().splitlines()
        self.assertEqual(lines[0], "Attention: q.npy; 290 queries, 290 keys, base 10,000, d = 4, causal")
        one = self.expected[2]
        self.assertRegex(lines[4], r"^ +2 +0 +%.2f %% +%.2f %% +%.3f +%.1f +%.1f$" % (
            100 * one["sink"], 100 * one["recent"], one["entropy"], one["keys"], one["distance"]))
        self.assertIn("every key seen", self.done("heads", *self.files).stdout.decode())

    def test_layers(self):
        tensors = {}
        for layer in range(2):
            tensors[f"{layer}.q"] = ([HEADS, COUNT, DIMENSION], flat(self.queries[::-1 if layer else 1]))
            tensors[f"{layer}.k"] = ([1, COUNT, DIMENSION], flat(self.keys))
        self.write("qk.safetensors", write_safetensors(tensors))
        files = ["--queries", "qk.safetensors:{}.q", "--keys", "qk.safetensors:{}.k", "--layers", 2, "--causal"]
        heads = json.loads(self.done("heads", *files, "--json").stdout)["heads"]
        self.assertEqual([(head["layer"], head["head"]) for head in heads],
                         [(layer, head) for layer in range(2) for head in range(HEADS)])
        self.assert_means(heads[3], self.expected[2])
        for name, words in (("sink", "first 4 keys"), ("recent", "last 256 keys"), ("entropy", "nats"),
                            ("keys", "exp(entropy)"), ("distance", "tokens")):
            self.done("heads", *files, "--statistic", name, "-o", name + ".svg", "-q")
            page = self.read(name + ".svg").decode()
            for word in (words, ">layer<", ">head<", "layers 0 to 1", "qk.safetensors", "causal"):
                self.assertIn(word, page)

    def test_one_layer_is_a_chart(self):
        self.done("heads", *self.files, "--causal", "-o", "row.svg", "-q", "--width", "88mm")
        page = self.read("row.svg").decode()
        self.assertNotIn("<image", page)
        for word in (">head<", ">mass<", ">0.2<", ">0<", ">1<", ">2<"):
            self.assertIn(word, page)

    def test_nan_is_left_out_and_said(self):
        values = flat(self.queries)
        values[(COUNT + 7) * DIMENSION] = math.nan
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], values))
        result = self.done("heads", *self.files, "--causal", "--json")
        self.assertEqual(result.stderr.decode(), "ropemap: warning: head 1: of 290 queries 0 see no key and 1 have "
                         "scores that are NaN or infinite; the means leave them out\n")
        heads = json.loads(result.stdout)["heads"]
        self.assertEqual([head["nan_rows"] for head in heads], [0, 1, 0])
        self.assertLess(abs(heads[1]["entropy"] - self.expected[1]["entropy"]), 0.1)
        self.assert_means(heads[0], self.expected[0])

    def test_refusals(self):
        self.refused(2, ["--capture is missing, or --queries and --keys"], "heads")
        self.refused(2, ["--sort", "'size'", "distance"], "heads", *self.files, "--sort", "size")
        self.refused(2, ["--quiet"], "heads", *self.files, "-q")
        self.refused(2, [".npy", "use .png, .svg, .pdf or .csv"], "heads", *self.files, "-o", "x.npy")


if __name__ == "__main__":
    unittest.main()
