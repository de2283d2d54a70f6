# test_plan.py - `ropemap plan`: what it finds holds and what is below does not, and its flags mean the same rule
# SPDX-License-Identifier: MIT
import json
import math
import re
import shlex
import unittest

from harness import Case

RULE = ("-d", "32", "-b", "300")


class Plan(Case):
    def planned(self, *arguments):
        return json.loads(self.done("plan", *arguments, "--json", "-q").stdout)

    def least(self, base, scaling, length):
        """The least S(r) / S(0) below the length, by the curve."""
        csv = self.done("curve", "-d", "32", "-b", repr(base), "--scaling", scaling, "--distances", str(length), "-o", "csv:-", "-q")
        values = [float(line.split(",")[1]) for line in csv.stdout.decode().splitlines()[1:]]
        return min(values) / values[0]

    def test_what_is_found_holds(self):
        for keep in (0, 0.25):
            document = self.planned(*RULE, "--length", "250", "--keep", str(keep), "--original", "64")
            self.assertEqual([document["schema"], document["length"], document["original"], document["original_is_assumed"]],
                             ["ropemap.plan/1", 250, 64, False])
            found = 0
            for choice in document["choices"]:
                for window in choice["windows"]:
                    if choice["change"] != "base" and not window["low_is_edge"]:
                        rule = choice["change"]
                        rest = {"linear": "", "ntk": "", "yarn": ",original=64", "llama3": ",low=1,high=4,original=64"}[rule]
                        below, at = ("%s:factor=%.12f%s" % (rule, window["low"] * part, rest) for part in (0.999999, 1.000001))
                        self.assertLess(self.least(300, below, 250), keep)
                        self.assertGreater(self.least(300, at, 250), keep - 1e-5)
                if choice["value"] is not None:
                    found += 1
                    self.assertGreaterEqual(self.least(choice["base"], choice["scaling"], 250), keep - 1e-6, choice["change"])
            self.assertEqual([choice["change"] for choice in document["choices"]], ["base", "linear", "ntk", "yarn", "llama3"])
            self.assertGreater(found, 2)

    def test_the_base_is_that_of_bound(self):
        bound = json.loads(self.done("bound", *RULE, "--length", "512", "--windows", "2", "--json", "-q").stdout)
        [base] = self.planned(*RULE, "--length", "512", "--windows", "2", "--bases", "1:1e10", "--change",
                              "base")["choices"]
        for mine, theirs in zip(base["windows"], bound["windows"]):
            self.assertEqual(mine, {name: theirs[name] for name in mine})
        self.assertFalse(base["held"])
        self.assertGreaterEqual(base["value"], bound["base"])
        self.assertLessEqual(base["value"] / bound["base"], 1.01)

    def test_what_is_printed_holds(self):
        """Ends of windows are rounded into them: 26,952 would be too small a base for 4,096 tokens."""
        query = ("--length", "4k", "--windows", "3", "--change", "base")
        [base] = self.planned(*query)["choices"]
        text = self.done("plan", *query, "-q").stdout.decode().replace(",", "")
        printed = re.findall(r"(\d+) to (\d+)", text[text.index("holds"):])
        self.assertEqual(printed, [(str(math.ceil(window["low"])), str(math.floor(window["high"])))
                                   for window in base["windows"]])
        self.assertEqual(printed[0][0], "26953")
        [ntk] = self.planned(*query[:-1], "ntk")["choices"]
        text = self.done("plan", *query[:-1], "ntk", "-q").stdout.decode().replace(",", "")
        printed = re.findall(r"([\d.]+) to ([\d.]+)", text[text.index("holds"):])
        self.assertEqual(len(printed), 3)
        for (low, high), window in zip(printed, ntk["windows"]):
            self.assertTrue(window["low"] <= float(low) < float(high) <= window["high"], (low, high, window))

    def test_what_holds_already_stays(self):
        [base] = self.planned("-d", "32", "-b", "1e6", "--length", "64", "--change", "base")["choices"]
        self.assertEqual([base["held"], base["value"]], [True, 1e6])

    def test_flags_mean_the_rule(self):
        """A config.json with these lines has the frequencies of the rule; the command lines have its numbers."""
        document = self.planned(*RULE, "--length", "250", "--original", "64", "--windows", "1")
        for choice in document["choices"]:
            flags = choice["flags"]
            wanted = self.frequencies("-b", "%.17g" % choice["base"], "-d", "32", "--scaling", choice["scaling"])
            for name in ("transformers", "transformers_4"):
                config = {"model_type": "llama", "head_dim": 32, "hidden_size": 128, "num_attention_heads": 4,
                          **json.loads("{%s}" % flags[name])}
                self.assertEqual(config["max_position_embeddings"], 250)
                self.write("config.json", json.dumps(config).encode())
                for mine, theirs in zip(self.frequencies("--model", "config.json"), wanted, strict=True):
                    self.assertAlmostEqual(mine / theirs, 1, delta=1e-8)
            words = shlex.split(flags["vllm"])
            self.assertEqual(json.loads(words[1]), json.loads("{%s}" % flags["transformers"]))
            self.assertEqual([words[0], *words[2:]], ["--hf-overrides", "--max-model-len", "250"])
            if choice["change"] == "llama3":
                self.assertIsNone(flags["llama_cpp"])
                continue
            told = dict(zip(*[iter(shlex.split(flags["llama_cpp"]))] * 2))
            self.assertEqual(told["-c"], "250")
            if choice["change"] in ("linear", "yarn"):
                self.assertEqual([told["--rope-scaling"], float(told["--rope-scale"])], [choice["change"], choice["value"]])
        self.assertEqual(told.get("--yarn-orig-ctx"), "64")

    def frequencies(self, *rule):
        info = json.loads(self.done("info", *rule, "--json").stdout)
        return info["frequencies"]

    def test_text_and_models(self):
        page = self.done("plan", "--from", "llama3-8b", "--length", "32k", "--change", "linear", "-q").stdout.decode()
        for words in ("32,768 tokens", "base 500,000", "original length 8,192", "--rope-scaling linear", "rope_parameters"):
            self.assertIn(words, page)
        self.write("config.json", json.dumps({"model_type": "llama", "rope_theta": 1e4, "head_dim": 32, "hidden_size": 128,
                                              "num_attention_heads": 4, "max_position_embeddings": 128}).encode())
        self.assertEqual(self.planned("--from", "config.json", "--length", "200", "--change", "base")["original"], 128)

    def test_refusals(self):
        self.refused(2, ["--length is missing"], "plan")
        self.refused(2, ["--length"], "plan", "--length", "1")
        self.refused(2, ["--keep", "0.99"], "plan", "--length", "1k", "--keep", "1")
        self.refused(2, ["--change"], "plan", "--length", "1k", "--change", "dynamic")
        self.refused(2, ["--resolution"], "plan", "--length", "1k", "--resolution", "1")


if __name__ == "__main__":
    unittest.main()
