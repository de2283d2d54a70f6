# test_pairs.py - ropemap pairs: table, document and pictures, of one head, of all, of several layers
# SPDX-License-Identifier: MIT
import cmath
import csv
import io
import json
import math
import random
import unittest

from harness import Case, flat, frequencies, rotate, write_npy, write_safetensors

HEADS, KEY_HEADS, COUNT, DIMENSION, PAIRS = 4, 2, 23, 8, 4
THETA = frequencies(DIMENSION)


def tensor(seed, heads):
    """[head][position][element] with centres away from 0."""
    source = random.Random(seed)
    centre = [source.uniform(-1, 1) for _ in range(DIMENSION)]
    return [[[round(64 * (c + source.gauss(0, 0.5))) / 64 for c in centre] for _ in range(COUNT)]
            for _ in range(heads)]


def complex_pairs(rows, pair):
    return [complex(row[pair], row[pair + PAIRS]) for row in rows]


def statistics(queries, keys, causal, thetas=THETA):
    """What the document has of each pair, from every query and every key."""
    found = []
    for pair, theta in enumerate(thetas):
        q, k = complex_pairs(queries, pair), complex_pairs(keys, pair)
        mean_q, mean_k = sum(q) / len(q), sum(k) / len(k)
        norm_q, norm_k = math.fsum(map(abs, q)) / len(q), math.fsum(map(abs, k)) / len(k)
        logits = [(a * b.conjugate() * cmath.exp(1j * theta * (m - n))).real for m, a in enumerate(q)
                  for n, b in enumerate(k) if not causal or n <= m]
        mean = math.fsum(logits) / len(logits)
        found.append({"query_norm": norm_q, "key_norm": norm_k, "query_x": mean_q.real, "query_y": mean_q.imag,
                      "key_x": mean_k.real, "key_y": mean_k.imag, "query_resultant": abs(mean_q) / norm_q,
                      "key_resultant": abs(mean_k) / norm_k, "angle": cmath.phase(mean_q * mean_k.conjugate()),
                      "mean": mean, "variance": math.fsum((x - mean)**2 for x in logits) / len(logits)})
    total = math.fsum(one["variance"] for one in found)
    for one in found:
        one["share"] = one["variance"] / total
    return found


class Pairs(Case):
    def setUp(self):
        super().setUp()
        self.queries, self.keys = tensor(1, HEADS), tensor(2, KEY_HEADS)
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], flat(self.queries)))
        self.write("k.npy", write_npy([KEY_HEADS, COUNT, DIMENSION], flat(self.keys)))
        self.files = ["--queries", "q.npy", "--keys", "k.npy"]

    def document(self, *arguments):
        return json.loads(self.done("pairs", *arguments, "--json").stdout)

    def expect(self, document, causal=False, head=0):
        """Heads from `head` on, as far as there are any in the document."""
        for index, found in enumerate(document["heads"]):
            number = head + index
            self.assertEqual([found["layer"], found["head"], found["key_head"]], [None, number, number // 2])
            for pair, one in enumerate(statistics(self.queries[number], self.keys[number // 2], causal)):
                for name, value in one.items():
                    self.assertLessEqual(abs(found[name][pair] - value), 5e-6, (number, pair, name))

    def test_every_head(self):
        for causal in (False, True):
            document = self.document(*self.files, *(["--causal"] if causal else []))
            self.assertEqual(len(document["heads"]), HEADS)
            self.assertEqual([document[name] for name in ("schema", "query_heads", "key_heads", "state", "causal",
                                                          "head_dim", "key_positions")],
                             ["ropemap.pairs/1", HEADS, KEY_HEADS, "pre", causal, DIMENSION,
                              {"first": 0, "count": COUNT, "step": 1}])
            self.assertEqual([head["frequency"] for head in document["heads"]], HEADS * [THETA])
            self.expect(document, causal)

    def test_one_head_and_rotated_rows(self):
        theta = THETA
        for name, heads in (("qr.npy", self.queries), ("kr.npy", self.keys)):
            rotated = [[rotate(row, 5 + m, theta) for m, row in enumerate(rows)] for rows in heads]
            self.write(name, write_npy([len(heads), COUNT, DIMENSION], flat(rotated)))
        document = self.document("--queries", "qr.npy", "--keys", "kr.npy", "--state", "post", "--head", 3,
                                 "--first-position", 5, "--causal")
        self.assertEqual(len(document["heads"]), 1)
        self.assertEqual([document["state"], document["query_positions"]],
                         ["post", {"first": 5, "count": COUNT, "step": 1}])
        self.expect(document, True, 3)

    def test_text(self):
        one = self.done("pairs", *self.files, "--head", 2).stdout.decode().splitlines()
        self.assertEqual(one[0], "q.npy: 23 queries, 23 keys, base 10,000, d = 8; each query with each key")
        self.assertEqual(one[1], "head 2 of 4, key head 1 of 2")
        self.assertEqual(len(one), 3 + PAIRS)
        share = statistics(self.queries[2], self.keys[1], False)[1]["share"]
        self.assertRegex(one[4], r"^ +1 +62\.8319 .* %.2f %%$" % (100 * share))
        every = self.done("pairs", *self.files, "--causal").stdout.decode().splitlines()
        self.assertEqual(every[0], "q.npy: 23 queries, 23 keys, base 10,000, d = 8; each query with the keys up to its own")
        self.assertEqual(len(every), 2 + HEADS)
        shares = [pair["share"] for pair in statistics(self.queries[3], self.keys[1], True)]
        slow = shares[1] + shares[2] + shares[3]  # periods of 62.8, 628 and 6283 tokens
        self.assertRegex(every[5], r"^ +3 +1 +%.2f %% .* %.2f %% " % (100 * max(shares), 100 * slow))
        self.assertEqual(self.done("pairs", *self.files, "-q", "-o", "x.csv").stdout, b"")

    def test_table(self):
        self.done("pairs", *self.files, "-o", "pairs.csv", "-q")
        rows = list(csv.DictReader(io.StringIO(self.read("pairs.csv").decode())))
        self.assertEqual(len(rows), HEADS * PAIRS)
        document = self.document(*self.files)
        for index, row in enumerate(rows):
            head, pair = divmod(index, PAIRS)
            self.assertEqual([row["layer"], row["head"], row["key_head"], row["pair"]],
                             ["", str(head), str(head // 2), str(pair)])
            self.assertEqual(float(row["frequency"]), THETA[pair])
            for name in ("query_norm", "angle", "variance", "share"):
                self.assertAlmostEqual(float(row[name]), document["heads"][head][name][pair], delta=1e-8)

    def layers(self, count=3):
        """qk.safetensors with `count` layers that differ by a factor."""
        tensors = {}
        for layer in range(count):
            tensors[f"layer{layer}.q"] = ([HEADS, COUNT, DIMENSION], [(layer + 1) * x for x in flat(self.queries)])
            tensors[f"layer{layer}.k"] = ([KEY_HEADS, COUNT, DIMENSION], flat(self.keys))
        self.write("qk.safetensors", write_safetensors(tensors))
        return ["--queries", "qk.safetensors:layer{}.q", "--keys", "qk.safetensors:layer{}.k"]

    def test_layers(self):
        files = self.layers()
        heads = self.document(*files, "--layers", "0:2:2")["heads"]
        self.assertEqual([(head["layer"], head["head"]) for head in heads],
                         [(layer, head) for layer in (0, 2) for head in range(HEADS)])
        for head in range(HEADS):
            for a, b in zip(heads[head]["query_norm"], heads[HEADS + head]["query_norm"]):
                self.assertAlmostEqual(3 * a, b, delta=1e-6)
        text = self.done("pairs", *files, "--layers", 3).stdout.decode().splitlines()
        self.assertEqual(len(text), 2 + 3 * HEADS)
        self.assertRegex(text[-1], r"^ +2 +3 +1 ")
        self.done("pairs", *files, "--layers", 3, "-o", "page.svg", "-q", "--picture", "share")
        page = self.read("page.svg").decode()
        for word in ("layer 0", "layer 1", "layer 2", "layers 0 to 2", "qk.safetensors"):
            self.assertIn(word, page)
        self.done("pairs", *files, "--layers", 3, "--head", 1, "-o", "column.svg", "-q")
        column = self.read("column.svg").decode()
        for word in (">layer<", "head 1", "queries", "keys"):
            self.assertIn(word, column)
        self.refused(2, ["--layers", "{}", "--keys 'qk.safetensors:layer0.k'"], "pairs", *files[:2], "--keys",
                     "qk.safetensors:layer0.k", "--layers", 2)
        self.refused(2, ["layer3.q", "layer2.q"], "pairs", *files, "--layers", 4)
        self.write("qk0.csv", self.read("qk.safetensors"))
        self.refused(2, ["qk0.csv", "input"], "pairs", "--queries", "qk{}.csv:layer0.q", "--keys",
                     "qk{}.csv:layer0.k", "--layers", 1, "-o", "qk0.csv", "--force")

    def test_layers_have_the_rules_of_their_types(self):
        """Of Gemma 3's kind: base 1e6, but 1e4 in layers of a window."""
        files = self.layers(2)
        config = {"model_type": "gemma3_text", "hidden_size": 32, "num_attention_heads": HEADS, "head_dim": DIMENSION,
                  "num_key_value_heads": KEY_HEADS, "num_hidden_layers": 2, "max_position_embeddings": 64,
                  "rope_theta": 1e6, "rope_local_base_freq": 1e4, "sliding_window": 8,
                  "layer_types": ["sliding_attention", "full_attention"]}
        self.write("config.json", json.dumps(config).encode())
        heads = self.document(*files, "--layers", 2, "--model", "config.json")["heads"]
        for head in heads:
            expected = frequencies(DIMENSION, 1e6 if head["layer"] == 1 else 1e4)
            for found, wanted in zip(head["frequency"], expected):
                self.assertAlmostEqual(found / wanted, 1, delta=1e-12)
        self.done("pairs", *files, "--layers", 2, "--model", "config.json", "--picture", "share", "-o", "s.svg", "-q")
        page = self.read("s.svg").decode()
        self.assertIn("each layer's own rule", page.replace("&apos;", "'"))
        self.assertNotIn("dashed", page)
        self.refused(2, ["layer 2"], "pairs", *self.layers(3), "--layers", 3, "--model", "config.json")

    def capture(self, state, rotary=DIMENSION):
        """c.safetensors: heads 1 and 3 of 4 in layers 2, 3 and 7, of base 500, causal."""
        layer = {"heads": HEADS, "kv_heads": KEY_HEADS, "query_heads": [1, 3], "key_heads": [0, 1],
                 "head_dim": DIMENSION, "rotary_dim": DIMENSION, "rotary_first": 0, "layout": "half",
                 "layout_after": "half", "attention_factor": 1.0, "scale": None, "softcap": None, "window": None,
                 "chunk": None, "sinks": None, "causal": True, "type": None}
        layers = [{"layer": number, **layer, "rotary_dim": rotary if number == 3 else DIMENSION}
                  for number in (2, 3, 7)]
        config = {"model_type": "llama", "hidden_size": 32, "num_attention_heads": HEADS, "head_dim": DIMENSION,
                  "num_key_value_heads": KEY_HEADS, "num_hidden_layers": 9, "max_position_embeddings": 64,
                  "rope_theta": 500.0}
        metadata = {"format": "ropemap.capture", "version": "1", "state": state, "order": "hsd", "model": "tiny",
                    "config": json.dumps(config), "dtype": "float32", "tokens": str(COUNT), "query_first": "0",
                    "query_step": "1", "key_first": "0", "key_step": "1", "layers": json.dumps(layers)}
        theta = frequencies(DIMENSION, 500.0) if state == "post" else []
        tensors = {}
        for name, heads in (("q", [self.queries[1], self.queries[3]]), ("k", self.keys)):
            rows = [[rotate(row, m, theta) for m, row in enumerate(head)] for head in heads]
            for number in (2, 3, 7):
                tensors[f"layers.{number}.{state}.{name}"] = ([2, COUNT, DIMENSION], flat(rows))
        self.write("c.safetensors", write_safetensors(tensors, metadata))

    def test_captures_of_either_state(self):
        for state in ("post", "pre"):
            self.capture(state)
            document = self.document("--capture", "c.safetensors")
            self.assertEqual([(head["layer"], head["head"], head["key_head"]) for head in document["heads"]],
                             [(number, head, head // 2) for number in (2, 3, 7) for head in (1, 3)])
            self.assertEqual([document[name] for name in ("origin", "causal", "state")], ["tiny", True, state])
            for found in document["heads"]:
                head = found["head"]
                expected = statistics(self.queries[head], self.keys[head // 2], True, frequencies(DIMENSION, 500.0))
                for pair, one in enumerate(expected):
                    for name, value in one.items():
                        self.assertLessEqual(abs(found[name][pair] - value), 5e-6, (state, head, pair, name))

    def test_layers_of_a_capture(self):
        self.capture("pre")
        for options, chosen in ((["--layer", 3], [3]), (["--layers", "3:2:4"], [3, 7])):
            heads = self.document("--capture", "c.safetensors", *options, "--head", 3)["heads"]
            self.assertEqual([(head["layer"], head["head"]) for head in heads], [(number, 3) for number in chosen])
        self.done("pairs", "--capture", "c.safetensors", "--head", 1, "-q", "-o", "c.svg")
        page = self.read("c.svg").decode()
        for word in ("tiny, layers 2, 3, 7, head 1", ">layer<", ">2<", ">3<", ">7<"):
            self.assertIn(word, page)
        self.done("heads", "--capture", "c.safetensors", "--head", 1, "-q", "-o", "h.svg")
        page = self.read("h.svg").decode()
        for number in ("layer", 2, 3, 7):  # at their own places
            self.assertIn(f">{number}<", page)
        self.done("sweep", "--capture", "c.safetensors", "--vary", "layer=all", "--vary", "head=all", "-o", "s.svg")
        page = self.read("s.svg").decode()  # a layer heads its row, a head its column
        self.assertEqual([page.count(f">layer {number}<") for number in (2, 3, 7)], [1, 1, 1])
        self.assertEqual([page.count(f">head {head}<") for head in (0, 1, 3)], [0, 1, 1])
        self.refused(2, ["no layer 4", "2, 3, 7"], "pairs", "--capture", "c.safetensors", "--layers", "3:2")
        self.refused(2, ["no layer 4", "2, 3, 7"], "pairs", "--capture", "c.safetensors", "--layer", 4)
        self.refused(2, ["--layer and --layers"], "pairs", "--capture", "c.safetensors", "--layer", 3, "--layers", 3)
        self.refused(2, ["c.safetensors", "input"], "pairs", "--capture", "c.safetensors", "-o", "c.safetensors")
        self.capture("pre", 0)
        result = self.done("pairs", "--capture", "c.safetensors", "--json")
        self.assertEqual(result.stderr.decode(), "ropemap: layer 3 does not rotate, so it has no pairs\n")
        self.assertEqual({head["layer"] for head in json.loads(result.stdout)["heads"]}, {2, 7})
        self.refused(2, ["--layer 3", "does not rotate"], "pairs", "--capture", "c.safetensors", "--layer", 3)
        heads = json.loads(self.done("heads", "--capture", "c.safetensors", "--json").stdout)["heads"]
        self.assertEqual({head["layer"] for head in heads}, {2, 3, 7})

    def test_pictures(self):
        words = {"norm": ["Mean norm", "queries", "keys", ">head<", "fastest first"],
                 "resultant": ["Mean resultant length", "queries", "keys"],
                 "angle": ["Angle", "degrees"],
                 "share": ["Share in the variance of the logits", "causal"],
                 "curve": ["Mean logit", "mean of q · k", "from mean q and k", "distance (tokens)", "head 3 ("]}
        for picture, wanted in words.items():
            self.done("pairs", *self.files, "--picture", picture, "--causal", "-q", "-o", picture + ".svg")
            page = self.read(picture + ".svg").decode()
            for word in [*wanted, "q.npy", "23 queries", "base 10,000", "d = 8"]:
                self.assertIn(word, page)
        self.done("pairs", *self.files, "--picture", "magnitude", "--head", 1, "-q", "-o", "m.svg")
        page = self.read("m.svg").decode()
        for word in ("queries before rotation", "keys after rotation", ">channel<", ">position<", "head 1"):
            self.assertIn(word, page)

    def test_correlation(self):
        """Of the mean logit at distances 1 to 11 with the centres' curve, weighed by 1 / distance."""
        document = self.document(*self.files, "--picture", "curve", "--head", 1)
        q, k = self.queries[1], self.keys[0]
        pairs = statistics(q, k, False)
        measured, predicted = [], []
        for r in range(1, COUNT // 2 + 1):
            logits = [sum(a * b for a, b in zip(rotate(q[j + r], j + r, THETA), rotate(k[j], j, THETA)))
                      for j in range(COUNT - r)]
            measured.append(math.fsum(logits) / len(logits))
            predicted.append(math.fsum(
                abs(complex(one["query_x"], one["query_y"])) * abs(complex(one["key_x"], one["key_y"])) *
                math.cos(theta * r + one["angle"]) for theta, one in zip(THETA, pairs)))
        weights = [1 / r for r in range(1, len(measured) + 1)]

        def mean(values):
            return math.fsum(w * x for w, x in zip(weights, values)) / math.fsum(weights)

        def product(a, b):
            return mean([(x - mean(a)) * (y - mean(b)) for x, y in zip(a, b)])

        expected = product(measured, predicted) / math.sqrt(
            product(measured, measured) * product(predicted, predicted))
        self.assertAlmostEqual(document["heads"][0]["correlation"], expected, delta=1e-5)
        self.assertIsNone(self.document(*self.files)["heads"][0]["correlation"])

    def test_partial_rotation(self):
        document = self.document(*self.files, "--rotary-dim", 4, "--layout", "interleaved")
        self.assertEqual(document["heads"][0]["frequency"], frequencies(4) + [0, 0])
        row = self.queries[0]
        for pair in range(PAIRS):
            norm = math.fsum(math.hypot(x[2 * pair], x[2 * pair + 1]) for x in row) / COUNT
            self.assertAlmostEqual(document["heads"][0]["query_norm"][pair], norm, delta=1e-9)

    def test_nan_names_its_head(self):
        values = flat(self.queries)
        values[(2 * COUNT + 9) * DIMENSION + 3] = math.nan
        self.write("q.npy", write_npy([HEADS, COUNT, DIMENSION], values))
        result = self.done("pairs", *self.files, "--json")
        self.assertEqual(result.stderr.decode(), "ropemap: warning: head 2: 1 of 4 pairs, from pair 3 on, hold NaN "
                         "or infinity, so that no pair of the head has a share\n")
        heads = json.loads(result.stdout)["heads"]
        self.assertEqual(heads[2]["share"], [None] * PAIRS)
        self.assertEqual([x is None for x in heads[2]["variance"]], [False, False, False, True])
        self.assertAlmostEqual(math.fsum(heads[1]["share"]), 1)

    def test_refusals(self):
        self.refused(2, ["--capture is missing, or --queries and --keys"], "pairs")
        self.refused(2, ["--keys is missing"], "pairs", *self.files[:2])
        self.refused(2, ["--quiet"], "pairs", *self.files, "-q")
        self.refused(2, ["--picture magnitude", "--head"], "pairs", *self.files, "--picture", "magnitude")
        self.refused(2, ["--head-dim: 16", "give 8"], "pairs", *self.files, "--head-dim", 16)
        self.refused(2, ["no head 4"], "pairs", *self.files, "--head", 4)
        self.refused(2, [".npy", "use .png, .svg, .pdf or .csv"], "pairs", *self.files, "-o", "x.npy")
        self.refused(2, ["k.npy", "input"], "pairs", *self.files, "-o", "k.npy", "--force")
        self.write("table.npy", write_npy([3, PAIRS], 3 * THETA))
        self.refused(2, ["--frequencies", "--head N"], "pairs", *self.files, "--frequencies", "table.npy")
        self.write("k.npy", write_npy([KEY_HEADS, COUNT - 1, DIMENSION],
                                      flat([rows[1:] for rows in self.keys])))
        self.refused(3, ["--picture curve", "23 queries and 22 keys"], "pairs", *self.files, "--picture", "curve",
                     "--first-position", "0,1")


if __name__ == "__main__":
    unittest.main()
