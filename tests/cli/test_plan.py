# test_plan.py - `ropemap plan`: what it finds holds and what is below does not, and its flags mean the same rule
# SPDX-License-Identifier: MIT
import json
import math
import re
import shlex
import unittest

from harness import Case

RULE = ("-d", "32", "-b", "300")


def rope_frequencies(theta, scaling, original, dim=32):
    """Of transformers' modeling_rope_utils.py, with which vLLM's rotary embeddings agree."""
    plain = [theta ** (-2 * pair / dim) for pair in range(dim // 2)]
    kind, factor = scaling["rope_type"], scaling.get("factor", 1)
    if kind == "yarn":
        low, high = (dim * math.log(original / (scaling.get(name, usual) * 2 * math.pi)) / (2 * math.log(theta))
                     for name, usual in (("beta_fast", 32), ("beta_slow", 1)))
        low, high = max(math.floor(low), 0), min(math.ceil(high), dim - 1)
        ramp = [min(max((pair - low) / (high - low or 0.001), 0), 1) for pair in range(dim // 2)]
        return [one * (share / factor + 1 - share) for one, share in zip(plain, ramp)]
    if kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        smooth = [min(max((original * one / (2 * math.pi) - low) / (high - low), 0), 1) for one in plain]
        return [one * ((1 - share) / factor + share) for one, share in zip(plain, smooth)]
    return [one / factor for one in plain]


def transformers_frequencies(version, tree):
    """As _compute_yarn_parameters and its siblings of the versions from that one on read a config.json."""
    scaling = dict(tree["rope_parameters"] if version == "5" else tree["rope_scaling"] or {"rope_type": "default"})
    theta = scaling["rope_theta"] if version == "5" else tree["rope_theta"]
    most, given = tree["max_position_embeddings"], scaling.get("original_max_position_embeddings")
    if scaling["rope_type"] == "yarn":
        if version == "4.51" and given is not None:
            scaling["factor"] = most / given
        given = most if version == "4.43" or given is None else given
    return rope_frequencies(theta, scaling, given)


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
        self.assertEqual([base["held"], base["value"]], [False, math.ceil(bound["base"])])

    def test_what_is_printed_holds(self):
        """Ends of windows are rounded into them: 26,952 would be too small a base for 4,096 tokens."""
        query = ("--length", "4k", "--windows", "3", "--change", "base")
        [base] = self.planned(*query)["choices"]
        text = self.done("plan", *query, "-q").stdout.decode().replace(",", "")
        printed = re.findall(r"(\d+) to (\d+)", text[text.index("holds"):])
        self.assertEqual(printed, [(str(math.ceil(window["low"])), str(math.floor(window["high"])))
                                   for window in base["windows"]])
        self.assertEqual([printed[0][0], base["value"]], ["26953", 26953])
        [ntk] = self.planned(*query[:-1], "ntk")["choices"]
        text = self.done("plan", *query[:-1], "ntk", "-q").stdout.decode().replace(",", "")
        printed = re.findall(r"([\d.]+) to ([\d.]+)", text[text.index("holds"):])
        self.assertEqual(len(printed), 3)
        self.assertEqual(ntk["value"], math.ceil(ntk["windows"][0]["low"] * 1e4) / 1e4)  # five digits
        for (low, high), window in zip(printed, ntk["windows"]):
            self.assertTrue(window["low"] <= float(low) < float(high) <= window["high"], (low, high, window))

    def test_what_holds_already_stays(self):
        [base] = self.planned("-d", "32", "-b", "1e6", "--length", "64", "--change", "base")["choices"]
        self.assertEqual([base["held"], base["value"]], [True, 1e6])

    def test_flags_mean_the_rule(self):
        """A config.json with these lines has the frequencies of the rule in every version of transformers, and so has
        vLLM with the length's positions in its tables; the command lines have its numbers."""
        raised = 0
        for base, original in (("300", 64), ("2000", 160)):
            rule = ("-d", "32", "-b", base)
            for choice in self.planned(*rule, "--length", "250", "--original", str(original), "--windows", "1")["choices"]:
                flags, change = choice["flags"], choice["change"]
                wanted = self.frequencies("-b", "%.17g" % choice["base"], "-d", "32", "--scaling", choice["scaling"])
                for name, versions in (("transformers", ("5",)), ("transformers_4", ("4.43", "4.51", "4.56"))):
                    tree = json.loads("{%s}" % flags[name])
                    old = name == "transformers_4" and change == "yarn"
                    self.assertEqual(tree["max_position_embeddings"], original if old else 250)
                    for version in versions:
                        self.alike(transformers_frequencies(version, tree), wanted, (name, version, choice["scaling"]))
                    self.write("config.json", json.dumps({"model_type": "llama", "head_dim": 32, "hidden_size": 128,
                                                          "num_attention_heads": 4, **tree}).encode())
                    self.alike(self.frequencies("--model", "config.json"), wanted, name)
                raised += self.check_vllm(shlex.split(flags["vllm"]), wanted, choice)
                self.check_llama_cpp(choice, original)
        self.assertEqual(raised, 1)

    def check_vllm(self, words, wanted, choice):
        """It takes the base and the rule from either place, by the version of transformers next to it."""
        self.assertEqual([words[0], *words[2:]], ["--hf-overrides", "--max-model-len", "250"])
        tree = json.loads(words[1])
        scaling, theta = tree["rope_scaling"], tree["rope_theta"]
        self.assertEqual([tree["rope_parameters"], tree["max_position_embeddings"]], [scaling, 250])
        self.assertEqual(scaling["rope_theta"], theta)
        self.alike(rope_frequencies(theta, scaling, scaling.get("original_max_position_embeddings")), wanted, choice["scaling"])
        if scaling["rope_type"] == "yarn":  # the positions of its table, and the longest context that it takes
            self.assertGreaterEqual(scaling["original_max_position_embeddings"] * scaling["factor"], 250)
        return "beta_fast" in scaling and "betas are raised" in choice["flags"]["note"]

    def check_llama_cpp(self, choice, original):
        if choice["change"] == "llama3":
            self.assertIsNone(choice["flags"]["llama_cpp"])
            return
        told = dict(zip(*[iter(shlex.split(choice["flags"]["llama_cpp"]))] * 2))
        self.assertEqual(told["-c"], "250")
        if choice["change"] in ("linear", "yarn"):
            self.assertEqual([told["--rope-scaling"], float(told["--rope-scale"])], [choice["change"], choice["value"]])
        self.assertEqual(told.get("--yarn-orig-ctx"), str(original) if choice["change"] == "yarn" else None)
        # A GGUF file has the model's own base: without the flag this one would be lost.
        theta = choice["base"] * (choice["value"] ** (32 / 30) if choice["change"] == "ntk" else 1)
        self.assertAlmostEqual(float(told["--rope-freq-base"]) / theta, 1, delta=1e-9)

    def alike(self, mine, wanted, of):
        for one, other in zip(mine, wanted, strict=True):
            self.assertAlmostEqual(one / other, 1, delta=1e-8, msg=of)

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
        # A base under the model's own scaling is told to all three.
        [choice] = self.planned("--from", "qwen3-8b-yarn-128k", "--length", "64k", "--keep", "0.1", "--change", "base")["choices"]
        self.assertGreater(choice["value"], 1.5e6)
        self.assertIn("--rope-freq-base %d " % choice["value"], choice["flags"]["llama_cpp"])
        self.assertIn('"rope_theta": %d,' % choice["value"], choice["flags"]["vllm"])
        self.assertIn('"rope_theta": %d,' % choice["value"], choice["flags"]["transformers_4"])

    def test_refusals(self):
        self.refused(2, ["--length is missing"], "plan")
        self.refused(2, ["--length"], "plan", "--length", "1")
        self.refused(2, ["--keep", "0.99"], "plan", "--length", "1k", "--keep", "1")
        self.refused(2, ["--change"], "plan", "--length", "1k", "--change", "dynamic")
        self.refused(2, ["--resolution"], "plan", "--length", "1k", "--resolution", "1")


if __name__ == "__main__":
    unittest.main()
