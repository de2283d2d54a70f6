# test_numbers.py - numbers with a letter at their end, and sizes
# SPDX-License-Identifier: MIT
import json
import unittest

from harness import Case


class Letters(Case):
    def test_k_is_written_either_way(self):
        for text, count in (("2k", 2048), ("2K", 2048), ("1.5K", 1536), ("1e1K", 10240), ("1M", 1 << 20)):
            document = json.loads(self.done("map", "-n", text, "--dry-run", "--json").stdout)
            self.assertEqual(document["rows"]["count"], count)

    def test_powers_of_ten_as_on_axes(self):
        self.assertEqual(json.loads(self.done("map", "-n", "10^4", "--dry-run", "--json").stdout)["rows"]["count"], 10000)
        self.assertEqual(json.loads(self.done("info", "-b", "10^6", "--json").stdout)["base"], 1e6)
        for text in ("10^", "10^4k^2", "2^10", "10^4.5", "110^4"):
            self.refused(2, ["--positions", "not a number"], "map", "-n", text, "--dry-run")

    def test_other_letters(self):
        for text in ("2m", "2g", "2KK", "2kM", "K", "2 K"):
            self.refused(2, ["--positions", "not a number"], "map", "-n", text, "--dry-run")

    def test_k_of_a_base_is_a_thousand(self):
        """Of tokens 1,024, of a base, a factor and other numbers 1,000, wherever they are given."""
        for text, base in (("500k", 5e5), ("1.1M", 1.1e6), ("0.3G", 3e8), ("2.5e1K", 25e3), ("1e-1M", 1e5)):
            info = json.loads(self.done("info", "-b", text, "--json").stdout)
            self.assertEqual(info["base"], base)
        document = json.loads(self.done("bound", "--length", "1k", "--bases", "4k:5k", "--json", "-q").stdout)
        self.assertEqual(document["length"], 1024)
        self.assertTrue(4000 < document["base"] < 5000)
        curves = json.loads(self.done("curve", "--vary", "base=1k-4k,500k", "-n", "4", "--json", "-q").stdout)["curves"]
        self.assertEqual([curve["base"] for curve in curves], [1000, 2000, 4000, 500000])
        curves = json.loads(self.done("curve", "--vary", "length=1k-4k*4", "--scaling", "dynamic:factor=2,max=1k",
                                      "-n", "4", "-d", "4", "--json", "-q").stdout)["curves"]
        self.assertEqual([curve["label"] for curve in curves], ["length 1,024", "length 4,096"])

    def test_k_in_a_scaling_rule(self):
        for given, read in (("yarn:factor=4,original=8k", "yarn:factor=4,original=8192"),
                            ("yarn:original=8k,max=0.25M", "yarn:original=8192,max=262144"),
                            ("ntk:factor=2k", "ntk:factor=2000"), ("alpha:alpha=1K", "alpha:alpha=1000"),
                            ("dynamic:factor=0.5M,max=1M", "dynamic:factor=500000,max=1048576"),
                            ("ggml:scale=0.5,ext=1,original=4k,beta-fast=1k,beta-slow=1",
                             "ggml:scale=0.5,ext=1,original=4096,beta-fast=1000,beta-slow=1")):
            self.assertEqual(json.loads(self.done("info", "--scaling", given, "--json").stdout)["scaling"], read)
        for wrong in ("8kk", "8 k", "k", "8kM"):
            self.refused(2, ["original=TOKENS"], "info", "--scaling", "yarn:factor=4,original=" + wrong)


class Sizes(Case):
    def test_sizes(self):
        for text, size in (("8x16", [8, 16]), ("16", [16, 16]), ("1Kx1e1", [1024, 10])):
            document = json.loads(self.done("map", "--size", text, "--dry-run", "--json").stdout)
            self.assertEqual([document["size"]["width"], document["size"]["height"]], size)
            arguments = ["bench", "png", "--samples", "1", "--json", "-q"]
            row = json.loads(self.done(*arguments, "--size", text).stdout)["rows"][0]
            self.assertEqual([row["width"], row["height"]], size)

    def test_no_sizes(self):
        for command in (["map", "--dry-run"], ["bench", "png", "--samples", "1", "-q"]):
            for text in ("8x", "x8", "x", "", "8" * 70):
                self.refused(2, ["--size: '%.64s' is not a size" % text, "WIDTHxHEIGHT"], *command, "--size", text)
            for text in ("8x8x8", "8x8x", "8X8", "axb"):
                self.refused(2, ["--size", "not a number"], *command, "--size", text)
            for text in ("0", "8x0", "65536x1"):
                self.refused(2, ["--size", "give a whole number from 1 to 65535"], *command, "--size", text)


if __name__ == "__main__":
    unittest.main()
