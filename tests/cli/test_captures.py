# test_captures.py - captures of real models: what they state holds, and what contradicts it is refused
# SPDX-License-Identifier: MIT
import copy
import json
import math
import os
import random
import struct
import unittest

from harness import SOURCE, Case, bound, flat, frequencies, pooled_map, positions, rotate, write_safetensors

DIMENSION, KEYS, FIRST, STEP, QUERIES = 8, 17, 5, 3, 4
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "num_attention_heads": 4,
          "num_key_value_heads": 2, "head_dim": DIMENSION, "rope_theta": 500.0, "max_position_embeddings": 64,
          "num_hidden_layers": 9}
LAYER = {"layer": 3, "type": None, "heads": 4, "kv_heads": 2, "query_heads": [1, 3], "key_heads": [0, 1],
         "head_dim": DIMENSION, "rotary_dim": DIMENSION, "rotary_first": 0, "layout": "half", "layout_after": "half",
         "attention_factor": 1.0, "scale": 0.3, "softcap": None, "window": None, "chunk": None, "sinks": None,
         "causal": True}
METADATA = {"format": "ropemap.capture", "version": "1", "state": "both", "order": "hsd", "model": "tiny",
            "config": CONFIG, "dtype": "float32", "tokens": str(KEYS), "query_first": str(FIRST),
            "query_step": str(STEP), "key_first": "0", "key_step": "1", "layers": [LAYER]}


def rows(seed, heads, count, dimension=DIMENSION):
    source = random.Random(seed)
    return [[[round(source.gauss(0, 0.4) * 64) / 64 for _ in range(dimension)] for _ in range(count)]
            for _ in range(heads)]


def shaped(values):
    return [len(values), len(values[0]), len(values[0][0])], flat(values)


class Captures(Case):
    def setUp(self):
        super().setUp()
        self.queries, self.keys = rows(1, 2, QUERIES), rows(2, 2, KEYS)
        self.theta = frequencies(DIMENSION, 500.0)
        self.capture()

    def capture(self, change=None, layer=None, remove=None, layout="half", first=0):
        """Writes c.safetensors with both states of the rows; `change` and `layer` replace entries."""
        metadata = copy.deepcopy(METADATA)
        metadata["layers"][0].update(layer or {})
        metadata.update(change or {})
        for key in remove or []:
            metadata.pop(key, None)
            metadata["layers"][0].pop(key, None)
        turned = [[[self.after(row, FIRST + STEP * i, first) for i, row in enumerate(head)] for head in self.queries],
                  [[self.after(row, j, first) for j, row in enumerate(head)] for head in self.keys]]
        tensors = {}
        for state, (q, k) in (("pre", (self.queries, self.keys)), ("post", turned)):
            tensors[f"layers.3.{state}.q"], tensors[f"layers.3.{state}.k"] = shaped(q), shaped(k)
        text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
        return self.write("c.safetensors", write_safetensors(tensors, text))

    def after(self, row, position, first):
        turning = row[first:first + 2 * len(self.theta)]
        return row[:first] + rotate(turning, position, self.theta) + row[first + len(turning):]

    def expect(self, arguments, index, theta=None, rows=(FIRST, QUERIES, STEP), cols=(0, KEYS), base=None):
        theta = self.theta if theta is None else theta

        def similarity(i, j):
            query = rotate(self.queries[index][(i - FIRST) // STEP], i, theta)
            return math.fsum(a * b for a, b in zip(query, rotate(self.keys[index][j], j, theta)))

        expected = pooled_map(similarity, positions(*rows), positions(*cols), 1024, 1024, causal=True)
        cells, document = self.map("--capture", "c.safetensors", *arguments)
        self.assert_cells(cells, expected, bound(DIMENSION, 4.0))
        return document

    def test_a_capture_needs_no_other_option(self):
        document = self.expect(["--layer", "3", "--head", "3"], 1)
        self.assertEqual([document["content"][key] for key in ("layer", "head", "state")], [3, 3, "pre"])
        self.assertEqual(document["content"]["query_positions"], {"first": FIRST, "count": QUERIES, "step": STEP})
        self.assertEqual([document["spec"]["base"], document["causal"]], [500.0, True])
        self.assertIn("tiny, layer 3, head 3", document["figure"]["subtitle"])
        self.expect([], 0)  # the only layer, the first head
        self.expect(["--state", "post"], 0)
        self.expect(["--rows", "8:2", "--cols", "2:4:3"], 0, rows=(8, 2, 3), cols=(2, 4, 3))

    def attention(self, index, i, j, scale=0.3, softcap=0.0, window=99, sink=None):
        """Softmax of the query at i over the keys that it sees, at key j; NaN where it does not see that."""
        query = rotate(self.queries[index][(i - FIRST) // STEP], i, self.theta)
        powers = {}
        for at in range(max(0, i - window + 1), i + 1):
            score = scale * math.fsum(a * b for a, b in zip(query, rotate(self.keys[index][at], at, self.theta)))
            powers[at] = math.exp(softcap * math.tanh(score / softcap) if softcap else score)
        return powers[j] / (sum(powers.values()) + (math.exp(sink) if sink is not None else 0)) if j in powers else math.nan

    def expect_attention(self, arguments, index, **how):
        cells, _ = self.map("--capture", "c.safetensors", "--measure", "softmax", "--pool", "mean", *arguments)
        wanted = [[self.attention(index, i, j, **how) for j in range(KEYS)] for i in positions(FIRST, QUERIES, STEP)]
        self.assert_cells(cells, wanted, 2e-6)

    def test_attention_is_that_of_the_layer(self):
        self.expect_attention([], 0)
        self.expect_attention(["--scale", "0.7"], 0, scale=0.7)
        self.capture(layer={"window": 4, "softcap": 1.5, "sinks": [0.5, -1.0]})
        self.expect_attention(["--head", "3"], 1, window=4, softcap=1.5, sink=-1.0)
        self.expect_attention(["--head", "1", "--state", "post"], 0, window=4, softcap=1.5, sink=0.5)
        self.expect_attention(["--window", "2", "--softcap", "9", "--sink-logit", "2"], 0, window=2, softcap=9.0, sink=2.0)

    def test_options_win_over_the_rule(self):
        self.expect(["--base", "1e4"], 0, frequencies(DIMENSION))
        self.expect(["--scaling", "linear:factor=4"], 0, frequencies(DIMENSION, 500.0, linear=4.0))
        self.expect(["--first-position", f"{FIRST}:{STEP},0", "--rotary-dim", DIMENSION, "--layout", "half"], 0)

    def test_a_named_model_keeps_the_captures_layout(self):
        self.write("gptj.json", json.dumps({"model_type": "gptj", "n_embd": 32, "n_head": 4, "rotary_dim": DIMENSION,
                                            "n_positions": 64}).encode())
        self.expect(["--model", "gptj.json"], 0, frequencies(DIMENSION))
        result = self.done("map", "--capture", "c.safetensors", "--model", "gptj.json", "-o", "a.png")
        self.assertIn(b"warning: the model's layout is interleaved, that of the capture half", result.stderr)

    def test_contradictions_name_both_values(self):
        for arguments, words in (
                (["--layout", "interleaved"], ["--layout interleaved", "layout half"]),
                (["--head-dim", "16"], ["--head-dim 16", "8 elements"]),
                (["--rotary-dim", "4"], ["by --rotary-dim 4", "captured 8"]),
                (["--first-position", "0"], ["queries at 0 in steps of 1", "at 5 in steps of 3"]),
                (["--first-position", "5:3,1"], ["keys at 1 in", "at 0 in"])):
            self.refused(3, words, "map", "--capture", "c.safetensors", *arguments, "--dry-run")
        self.capture({"state": "post"})
        self.refused(3, ["holds post, not pre"], "map", "--capture", "c.safetensors", "--state", "pre", "--dry-run")
        for arguments, words in (
                (["--order", "hsd"], ["--order", "leave --order out"]), (["--heads", "2"], ["--heads"]),
                (["--queries", "c.safetensors:layers.3.post.q"], ["--capture and --queries"]),
                (["--layer", "4"], ["no layer 4", "captured: 3"]), (["--head", "0"], ["no head 0", "from 1 to 3"]),
                (["--batch", "1"], ["batch: 1"])):
            self.refused(2, words, "map", "--capture", "c.safetensors", *arguments, "--dry-run")
        self.refused(2, ["--layer needs --capture"], "map", "--layer", "3", "--dry-run")

    def test_metadata_that_is_wrong(self):
        for change, layer, remove, words in (
                ({"version": "2"}, {}, [], ["'version' is '2'", "knows 1"]),
                ({}, {}, ["version"], ["'version' is missing"]),
                ({}, {}, ["tokens"], ["'tokens' is missing"]),
                ({}, {}, ["query_first"], ["'query_first' is missing"]),
                ({}, {}, ["config"], ["'config' is missing"]),
                ({"state": "half"}, {}, [], ["'state' is 'half'"]),
                ({"query_step": "0"}, {}, [], ["'query_step' is '0'"]),
                ({"tokens": "16"}, {}, [], ["17 rows from position 0", "read 16 tokens"]),
                ({"query_first": "1099511627775"}, {}, [], ["from position 1099511627775", "read 17 tokens"]),
                ({"query_step": "1099511627775"}, {}, [], ["steps of 1099511627775"]),
                ({"tokens": "1e3"}, {}, [], ["'tokens' is '1e3'"]),
                ({"layers": "["}, {}, [], ["'layers', line 1"]),
                ({"layers": "[]"}, {}, [], ["0 layers"]),
                ({"layers": [7]}, {}, [], ["'layers' must be a list of objects"]),
                ({"layers": [LAYER, LAYER]}, {}, [], ["layer 3 after layer 3"]),
                ({"config": "{"}, {}, [], ["tiny: line 1"]),
                ({"key_first": "6", "tokens": "64"}, {}, [], ["causal", "positions 5 to 14", "keys at 6 to 22"]),
                ({"query_step": "4", "tokens": "18"}, {}, [], ["causal", "positions 5 to 17", "keys at 0 to 16"]),
                ({}, {}, ["rotary_dim"], ["layer 3: 'rotary_dim' is missing, but the state is pre"]),
                ({}, {"rotary_dim": 7}, [], ["'rotary_dim' is 7", "even"]),
                ({}, {"rotary_dim": 4}, [], ["tiny, layer 3", "config.json 8 elements rotate", "captured 4"]),
                ({}, {"rotary_first": 2}, [], ["'rotary_first' is 2", "0 to 0"]),
                ({}, {"attention_factor": 1.2}, [], ["tiny, layer 3", "attention factor is 1", "captured 1.2"]),
                ({}, {"layout": "other"}, [], ["'layout' is \"other\""]),
                ({}, {}, ["layout"], ["'layout' is missing"]),
                ({}, {"kv_heads": 3}, [], ["'kv_heads' is 3", "4 heads"]),
                ({}, {"heads": "4"}, [], ["'heads' is \"4\""]),
                ({}, {"query_heads": [1]}, [], ["layers.3.pre.q", "2 heads", "1 of 8"]),
                ({}, {"query_heads": [1, 4]}, [], ["'query_heads' is [1,4]"]),
                ({}, {"query_heads": [3, 1]}, [], ["ascending"]),
                ({}, {"key_heads": [0]}, [], ["query head 3 uses key head 1"]),
                ({}, {"head_dim": 16, "rotary_dim": 16}, [], ["2 heads of 8", "2 of 16"]),
                ({}, {"causal": 1}, [], ["'causal' is 1"]),
                ({}, {"window": 0}, [], ["'window' is 0"]),
                ({}, {"window": 4, "chunk": 4}, [], ["'window' and 'chunk'"]),
                ({}, {"scale": -1}, [], ["'scale' is -1"]),
                ({}, {"sinks": [0.5]}, [], ["'sinks' is [0.5]"])):
            with self.subTest(words=words):
                self.capture(change, layer, remove)
                self.refused(3, words, "map", "--capture", "c.safetensors", "--dry-run")
        self.write("c.safetensors", write_safetensors({"q": ([1, 2, 8], [0.0] * 16)}))
        self.refused(3, ["not a capture", "--queries"], "map", "--capture", "c.safetensors", "--dry-run")

    def test_fp8_is_refused(self):
        data = self.read("c.safetensors")
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        header["layers.3.pre.k"].update(dtype="F8_E4M3", shape=[2, KEYS, 4 * DIMENSION])
        text = json.dumps(header).encode()
        self.write("c.safetensors", struct.pack("<Q", len(text)) + text + data[8 + size:])
        self.refused(3, ["layers.3.pre.k", "F8_E4M3", "BF16"], "map", "--capture", "c.safetensors", "--dry-run")

    def test_a_layer_that_does_not_rotate(self):
        self.capture(layer={"rotary_dim": 0})
        result = self.done("map", "--capture", "c.safetensors", "-o", "a.png")
        self.assertIn(b"warning: layer 3 does not rotate", result.stderr)
        self.expect([], 0, theta=[])

    def test_the_last_elements_rotate(self):
        """DeepSeek: a part of the row, and another layout after the rotation than before."""
        config = {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 32,
                  "num_attention_heads": 4, "num_key_value_heads": 4, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4,
                  "v_head_dim": 4, "kv_lora_rank": 8, "rope_theta": 1e4, "num_hidden_layers": 9,
                  "max_position_embeddings": 64}
        self.theta = frequencies(4)
        layer = {"rotary_dim": 4, "rotary_first": 4, "layout": "half", "kv_heads": 4, "key_heads": [1, 3]}
        self.capture({"config": config}, layer, first=4)
        one, _ = self.map("--capture", "c.safetensors", "--head", "1")
        two, _ = self.map("--capture", "c.safetensors", "--head", "1", "--state", "post")
        self.assert_cells(one, two, bound(DIMENSION, 4.0))
        moved = [[row[4:] + row[:4] for row in head] for head in self.queries + self.keys]
        self.queries, self.keys = moved[:2], moved[2:]
        self.expect_again(one)

    def expect_again(self, cells):
        def similarity(i, j):
            query = rotate(self.queries[0][(i - FIRST) // STEP], i, self.theta)
            return math.fsum(a * b for a, b in zip(query, rotate(self.keys[0][j], j, self.theta)))

        expected = pooled_map(similarity, positions(FIRST, QUERIES, STEP), positions(0, KEYS), 64, 64, causal=True)
        self.assert_cells(cells, expected, bound(DIMENSION, 4.0))

    def test_several_layers(self):
        other = {**LAYER, "layer": 5}
        self.capture({"layers": [LAYER, other]})
        self.refused(2, ["--layer is missing", "such as 3"], "map", "--capture", "c.safetensors", "--dry-run")
        self.refused(3, ["no tensor 'layers.5.pre.q'"], "map", "--capture", "c.safetensors", "--layer", "5", "--dry-run")

    def test_a_curve(self):
        self.queries = rows(3, 2, KEYS)
        metadata = {"query_first": "0", "query_step": "1"}
        theta, self.after = self.theta, lambda row, position, first: row
        self.capture(metadata)
        result = self.done("curve", "--capture", "c.safetensors", "--head", "3", "--json", "-o", "c.svg")
        document = json.loads(result.stdout)
        self.assertIn(b"tiny, layer 3, head 3", self.read("c.svg"))
        values = document["curves"][0]["values"] if "curves" in document else document["values"]
        mean = [math.fsum(math.fsum(a * b for a, b in zip(rotate(self.queries[1][j + r], j + r, theta),
                                                          rotate(self.keys[1][j], j, theta)))
                          for j in range(KEYS - r)) / (KEYS - r) for r in range(KEYS)]
        self.assertLess(max(abs(a - b) for a, b in zip(values, mean)), 1e-5)


class Real(Case):
    """The capture in tests/data: SmolLM2-135M, layer 15; see the README there."""

    PATH = os.path.join(SOURCE, "tests/data/captures/smollm2.safetensors")

    def row(self, data, at, index):
        begin = at + index * 128
        return struct.unpack("<64e", data[begin:begin + 128])

    def test_pairs_of_positions(self):
        with open(self.PATH, "rb") as stream:
            data = stream.read()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        q, k = (8 + size + header[f"layers.15.pre.{side}"]["data_offsets"][0] for side in "qk")
        theta = frequencies(64, 100000.0)
        for head, rows, cols in ((0, (2047, 1, 1), (0, 64, 32)), (2, (700, 3, 500), (1, 37, 19))):
            def similarity(i, j):
                query = rotate(self.row(data, q, head * 2048 + i), i, theta)
                return 0.125 * math.fsum(a * b for a, b in zip(query, rotate(self.row(data, k, j), j, theta)))
            arguments = ["--rows", ":".join(map(str, rows)), "--cols", ":".join(map(str, cols)), "--measure", "scaled"]
            cells, document = self.map("--capture", self.PATH, "--head", head, *arguments)
            expected = pooled_map(similarity, positions(*rows), positions(*cols), 64, 64, causal=True)
            self.assert_cells(cells, expected, bound(64, 0.125 * 32.0**2))
            self.assertIn(f"SmolLM2-135M-Instruct.Q4_1, layer 15, head {head}", document["figure"]["subtitle"])


class Hook(Case):
    """vLLM-Hook's qk.safetensors and qk.json: [batch, position, heads * head_dim], padded, after the rotation."""

    LENGTHS = [9, 13]

    def write_hook(self, mode="all_tokens", change=None, width=4 * DIMENSION):
        most = max(self.LENGTHS)
        source = random.Random(4)
        self.q = [[[round(source.gauss(0, 1) * 64) / 64 for _ in range(width)] for _ in range(most)] for _ in range(2)]
        self.k = [[[round(source.gauss(0, 1) * 64) / 64 for _ in range(width // 2)] for _ in range(most)]
                  for _ in range(2)]
        if mode == "last_token":
            queries = ([2, width], flat([self.q[b][self.LENGTHS[b] - 1] for b in range(2)]))
        else:
            queries = shaped(self.q)
        name = "model__layers__7__self_attn__attn__"
        self.write("qk.safetensors", write_safetensors({name + "q": queries, name + "k": shaped(self.k)}))
        text = {"config": {"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 32, "head_dim": 8,
                           "attention_multiplier": 8 ** -0.5},
                "layer_order": [{"key_q": name + "q", "key_k": name + "k", "layer_num": 7, "module_name": "m"}],
                "batch_size": 2, "hookq_mode": mode, "tp_rank": 0, "seq_lens": self.LENGTHS, **(change or {})}
        self.write("qk.json", json.dumps(text).encode())

    def check(self, batch, head, queries, dimension=DIMENSION):
        cells, document = self.map("--capture", "qk.safetensors", "--layer", "7", "--head", head, "--batch", batch)
        part = lambda row, index: row[index * dimension:(index + 1) * dimension]
        similarity = lambda i, j: math.fsum(a * b for a, b in zip(part(self.q[batch][i], head),
                                                                  part(self.k[batch][j], head // 2)))
        expected = pooled_map(similarity, queries, range(self.LENGTHS[batch]), 64, 64, causal=True)
        self.assert_cells(cells, expected, bound(dimension, 64.0))
        self.assertEqual(document["content"]["state"], "post")

    def test_all_tokens(self):
        self.write_hook()
        for batch, head in ((0, 0), (1, 3)):
            self.check(batch, head, range(self.LENGTHS[batch]))

    def test_the_last_token(self):
        self.write_hook("last_token")
        self.check(1, 2, [12])
        self.check(0, 2, [8])

    def test_a_head_wider_than_stated(self):
        self.write_hook(width=64)
        self.check(1, 1, range(13), 16)

    def test_what_is_refused(self):
        for change, words in (({"hookq_mode": "some"}, ["hookq_mode"]), ({"seq_lens": [1]}, ["seq_lens"]),
                              ({"seq_lens": [9, 14]}, ["14 rows", "13"]), ({"config": None}, ["config"]),
                              ({"layer_order": []}, ["0 layers"]), ({"layer_order": [{}]}, ["key_q"])):
            with self.subTest(words=words):
                self.write_hook(change=change)
                self.refused(2 if "14 rows" in words else 3, words, "map", "--capture", "qk.safetensors", "--batch", "1",
                             "--dry-run")
        self.write_hook(width=16)
        self.refused(3, ["16 elements", "4 heads of 8", "merge"], "map", "--capture", "qk.safetensors", "--dry-run")
        self.write_hook()
        self.refused(3, ["holds post"], "map", "--capture", "qk.safetensors", "--state", "pre", "--dry-run")
        self.refused(2, ["no batch 2"], "map", "--capture", "qk.safetensors", "--batch", "2", "--dry-run")


if __name__ == "__main__":
    unittest.main()
