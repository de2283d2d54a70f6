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

    def test_other_letters(self):
        for text in ("2m", "2g", "2KK", "2kM", "K", "2 K"):
            self.refused(2, ["--positions", "not a number"], "map", "-n", text, "--dry-run")


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
                self.refused(2, ["--size: not a size ('%.64s')" % text, "WIDTHxHEIGHT"], *command, "--size", text)
            for text in ("8x8x8", "8x8x", "8X8", "axb"):
                self.refused(2, ["--size", "not a number"], *command, "--size", text)
            for text in ("0", "8x0", "65536x1"):
                self.refused(2, ["--size", "expected a whole number from 1 to 65535"], *command, "--size", text)


if __name__ == "__main__":
    unittest.main()
