# test_check.py - `ropemap check`: buffers of frequencies compared with rules
# SPDX-License-Identifier: MIT
"""tests/data/compare.tsv has the verdict on every kind of buffer; here files go through the program."""
import json
import math
import os
import unittest

from harness import SOURCE, Case, bf16, llama31_frequencies, write_npy


class Check(Case):
    def buffer(self, values, name="inv_freq.npy"):
        return self.write(name, write_npy((len(values),), values))

    def verdict(self, code, *arguments):
        result = self.run_program("check", *arguments, "--json")
        self.assertEqual(result.returncode, code, result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual([document["schema"], document["matches"]], ["ropemap.check/1", code == 0])
        return document

    def test_match(self):
        self.buffer(llama31_frequencies())
        self.assertEqual(self.verdict(0, "inv_freq.npy", "--preset", "llama3.1-8b")["verdict"], "match")
        page = self.done("check", "inv_freq.npy", "--preset", "llama3.1-8b").stdout.decode()
        self.assertTrue(page.startswith("matches: "), page)

    def test_what_differs_is_named(self):
        found = llama31_frequencies()
        found[33] *= 1.01
        self.buffer(found)
        document = self.verdict(6, "inv_freq.npy", "--preset", "llama3.1-8b")
        self.assertEqual([document["verdict"], document["pair"]], ["differs", 33])
        self.buffer([bf16(value) for value in llama31_frequencies()])
        self.assertEqual(self.verdict(6, "inv_freq.npy", "--preset", "llama3.1-8b")["verdict"], "bf16")
        self.buffer([500000.0 ** (-2 * pair / 128) for pair in range(64)])
        self.assertEqual(self.verdict(6, "inv_freq.npy", "--preset", "llama3.1-8b")["verdict"], "unscaled")

    def test_bad_input(self):
        self.refused(2, ["FILE", ".npz"], "check", "--preset", "llama3.1-8b")
        self.refused(4, ["nothing.npy"], "check", "nothing.npy")
        self.write("empty.npy", write_npy((0,), []))
        self.refused(3, ["empty.npy", "0"], "check", "empty.npy")
        self.write("long.npy", write_npy((4100,), [1.0] * 4100))
        self.refused(3, ["long.npy", "4100", "4096"], "check", "long.npy")
        self.write("text.npy", b"1.0 0.5")
        self.refused(3, ["text.npy"], "check", "text.npy")
        self.buffer([1.0])
        self.refused(2, ["after"], "check", "inv_freq.npy", "inv_freq.npy")

    def phi35(self, which):
        """Phi-3.5's frequencies by one of its two lists, and its config.json."""
        with open(os.path.join(SOURCE, "tests/data/rules/lists.tsv"), encoding="ascii") as file:
            rows = dict(line.rstrip("\n").split("\t")[:2] for line in file if not line.startswith("#"))
        lists = {name: [float(word) for word in rows["phi-3.5-mini-" + name].split("/")] for name in ("short", "long")}
        self.write("config.json", json.dumps({
            "model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "rope_theta": 10000.0,
            "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
            "rope_scaling": {"type": "longrope", "short_factor": lists["short"], "long_factor": lists["long"]}}).encode())
        return [10000.0 ** (-2 * pair / 96) / divisor for pair, divisor in enumerate(lists[which])]

    def test_a_rule_that_depends_on_the_length(self):
        """Stacks load the short list and take the long one after a long prompt: both are the model's."""
        for which, words in (("short", "short list (lengths up to 4096)"), ("long", "long list (lengths beyond 4096)")):
            self.buffer(self.phi35(which))
            page = self.done("check", "inv_freq.npy", "--model", "config.json").stdout.decode()
            self.assertTrue(page.startswith("matches: the " + words), page)
        self.buffer(self.phi35("short"))
        document = self.verdict(6, "inv_freq.npy", "--model", "config.json", "--length", 131072)
        self.assertEqual([document["verdict"], document["parameter"]], ["length", "length"])

    def test_other_units(self):
        plain = [10000.0 ** (-2 * pair / 64) for pair in range(32)]
        for verdict, factor, power in (("reciprocal", 1, -1), ("wavelength", 2 * math.pi, -1),
                                       ("turns", 1 / (2 * math.pi), 1)):
            self.buffer([factor * value ** power for value in plain])
            self.assertEqual(self.verdict(0, "inv_freq.npy", "-d", 64)["verdict"], verdict)
            document = self.verdict(6, "inv_freq.npy", "-d", 64, "-b", 5e5)
            self.assertEqual([document["verdict"], document["parameter_found"]], ["base", 10000])

    def test_shapes_and_types(self):
        """Stacked for queries and keys, with axes of 1, and in every type of float."""
        plain = [10000.0 ** (-2 * pair / 64) for pair in range(32)]
        for shape in ((2, 32), (2, 1, 32), (1, 2, 1, 32), (2, 32, 1)):
            self.write("stacked.npy", write_npy(shape, plain * 2))
            self.assertIn("each of 2 rows", self.verdict(0, "stacked.npy", "-d", 64)["text"])
        self.write("columns.npy", write_npy((32, 2), [value for value in plain for _ in range(2)]))
        self.assertIn("each of 2 rows", self.verdict(0, "columns.npy", "-d", 64)["text"])
        for descr, verdict in (("<f8", "match"), (">f4", "match"), ("<f2", "fp16")):
            self.write("typed.npy", write_npy((32,), plain, descr))
            self.assertEqual(self.verdict(0 if verdict == "match" else 6, "typed.npy", "-d", 64)["verdict"], verdict)

    def test_the_number_that_explains(self):
        """Llama 3.2's factor, a forgotten base, another dimension of the exponent, YaRN in a plain model."""
        self.buffer(llama31_frequencies())
        rule = ("--scaling", "llama3:factor=32,low=1,high=4,original=8192")
        document = self.verdict(6, "inv_freq.npy", "-b", 5e5, *rule)
        self.assertEqual([document[key] for key in ("verdict", "parameter", "parameter_found", "parameter_wanted")],
                         ["parameter", "factor", 8, 32])
        self.assertIn("made with factor 8; the rule has 32", document["text"])
        self.buffer([10000000.0 ** (-2 * pair / 256) for pair in range(128)])
        for arguments, verdict, value in ((("-d", 256), "base", 1e7),
                                          (("-d", 256, "--rotary-dim", 64, "-b", 1e7), "partial-ignored", 256)):
            document = self.verdict(6, "inv_freq.npy", *arguments)
            self.assertEqual([document["verdict"], document["parameter_found"]], [verdict, value])
        self.buffer([5e5 ** (-2 * pair / 128) for pair in range(32)])
        document = self.verdict(6, "inv_freq.npy", "-b", 5e5, "-d", 128, "--rotary-dim", 64)
        self.assertEqual([document["verdict"], document["parameter_found"]], ["exponent", 128])

    def test_more_than_a_turn_a_token(self):
        self.buffer([math.pi * (1 + pair / 6 * (33.3 / 2 - 1)) * 2 / 15 for pair in range(7)])
        self.verdict(0, "inv_freq.npy", "-d", 14, "--scaling", "axial:max-freq=33.3,points=16")


if __name__ == "__main__":
    unittest.main()
