# test_figure_options.py - how a map is shown: norms, percentiles, contours, themes, sizes of text
# SPDX-License-Identifier: MIT
import math
import re
import unittest

from harness import Case, read_npy, read_png


class Levels(Case):
    """Bare pictures have a level a cell: norm and percentile against double precision."""

    def levels(self, *arguments):
        self.done("map", *arguments, "--bare", "-o", "a.png", "-o", "a.npy", "--force", "-q")
        picture = read_png(self.read("a.png"))
        return read_npy(self.read("a.npy")), picture["rows"]

    def assert_levels(self, cells, rows, along, low, high, below=False):
        """A level is the nearest of 254 steps between the limits; half a step apart, either. With `below` the first level
        is that of values a logarithm leaves out, and of no other."""
        for line, row in zip(cells, rows):
            for value, level in zip(line, row):
                if below and value <= 0:
                    self.assertEqual(level, 0)
                    continue
                place = (along(value) - along(low)) / (along(high) - along(low))
                wanted = max(min(max(place, 0), 1) * 254, 1 if below else 0)
                self.assertLessEqual(abs(wanted - level), 0.5 + 1e-6, (value, level))

    def test_cells_have_the_decimals_that_fit(self):
        """Of attention, whose rows sum to 1; narrower cells have fewer, and a mask or xPos is named."""
        for side, decimals in ((12, 3), (30, 1)):
            self.done("map", "-n", side, "--measure", "softmax", "--causal", "-o", "cells.svg", "--force", "-q")
            cells = re.findall(r">(\d\.\d+)</text>", self.read("cells.svg").decode())
            self.assertGreaterEqual(sum(len(cell) == decimals + 2 for cell in cells), side * (side + 1) // 2, (side, cells[:9]))
        for masked in (False, True):
            self.done("map", "-n", "64", "--encoding", "xpos", *["--causal"] * masked, "-o", "xpos.svg", "--force", "-q")
            self.assertEqual(b"shrinking both ways" in self.read("xpos.svg"), not masked)

    def test_log_of_both_signs(self):
        cells, rows = self.levels("-n", "64k", "--size", "40", "--norm", "log")
        values = [value for line in cells for value in line]
        positive = [value for value in values if value > 0]
        self.assertLess(min(values), 0)
        low = min(positive)
        self.assert_levels(cells, rows, math.log10, low, max(positive), below=True)

    def test_symlog(self):
        for option, part in (("symlog", None), ("symlog:0.02", 0.02)):
            cells, rows = self.levels("-n", "64k", "--size", "40", "--norm", option)
            reach = max(abs(value) for line in cells for value in line)
            below = part or reach / 1000

            def along(value, below=below):
                size = abs(value) / below
                return math.copysign(size / 0.9 if size <= 1 else 1 / 0.9 + math.log10(size), value)

            self.assert_levels(cells, rows, along, -reach, reach)

    def test_percentile(self):
        cells, rows = self.levels("-n", "8k", "--size", "40", "--percentile", "10", "--cmap", "grey")
        values = sorted(value for line in cells for value in line)
        self.assert_levels(cells, rows, float, values[160], values[-161])


class Frames(Case):
    def svg(self, *arguments):
        self.done("map", "-n", "8k", "--size", "600", "-o", "a.svg", "--force", "-q", *arguments)
        return self.read("a.svg").decode()

    def test_what_is_drawn_is_listed(self):
        plain, page = self.svg(), self.svg("--contour=-0.25", "--contour", "0.5,1", "--percentile", "0.5", "--dark")
        self.assertIn("contours at \u22120.25, 0.5 and 1; 0.5 % of the cells beyond each end", page)
        self.assertNotIn("contour", plain)
        self.assertGreater(page.count("<path"), plain.count("<path"))
        self.assertIn("#e6e6e6", page)

    def test_trained_length(self):
        """A model's length is on the map where it is inside of both axes."""
        page = self.svg("--preset", "llama3.1-8b", "--positions", "256k", "--norm", "log")
        self.assertIn("trained 131,072", page)
        self.assertIn("stroke-dasharray", page)
        self.assertIn("10", page)
        self.assertNotIn("trained", self.svg("--preset", "llama3.1-8b"))
        self.assertNotIn("trained", self.svg("--positions", "256k"))
        self.assertNotIn("trained", self.svg("--preset", "llama3.1-8b", "--positions", "256k", "--shift", "5"))

    def test_a_known_model_is_named(self):
        """As long as the rule is its own."""
        self.assertIn(">llama3.1-8b, causal<", self.svg("--preset", "llama3.1-8b", "--causal"))
        self.assertNotIn("llama3.1-8b", self.svg("--preset", "llama3.1-8b", "--base", "1e6"))

    def test_the_same_bytes_every_time(self):
        options = ["--norm", "symlog", "--contour", "0.25,0.5", "--percentile", "1", "--dark", "--content", "gauss"]
        pages = {self.svg(*options, "--threads", threads) for threads in ("1", "2", "2")}
        self.assertEqual(len(pages), 1)


class Readers(Case):
    def test_colours_that_not_all_can_order(self):
        for cmap, warned in (("turbo", True), ("seed", True), ("viridis", False), ("auto", False)):
            for command in (["map"], ["sweep", "--vary", "base=1e3,1e4"]):
                result = self.done(*command, "-n", "64", "--size", "8", "--cmap", cmap, "-o", "a.png", "--force")
                self.assertEqual(b"colour-blind" in result.stderr, warned, (command, cmap))
                quiet = self.done(*command, "-n", "64", "--size", "8", "--cmap", cmap, "-o", "a.png", "--force", "-q")
                self.assertEqual(quiet.stderr, b"")
        # What is refused is refused in one line.
        self.refused(2, ["--work writes files"], "sweep", "--vary", "base=1e4", "--cmap", "seed", "--work", "w", "-o", "-")
        self.refused(2, ["--clim"], "map", "-n", "9", "--cmap", "seed", "--norm", "log", "--clim", "0:1", "-o", "l.png")

    def test_a_font(self):
        self.write("a.ttf", b"no font")
        for figure in (["map", "-n", "64"], ["curve"], ["info"], ["bound", "--table", "16,32"]):
            self.refused(3, ["a.ttf", "TrueType"], *figure, "--font", "a.ttf", "-o", "a.png")
            self.refused(4, ["b.ttf"], *figure, "--font", "b.ttf", "-o", "a.png")


class Refused(Case):
    def test_values(self):
        for option, value, word in (
                ("norm", "sqrt", "linear"), ("norm", "log:2", "symlog"), ("norm", "symlog:", "symlog"),
                ("norm", "symlog:0", "above 0"), ("norm", "symlog:-1", "above 0"), ("norm", "", "linear"),
                ("percentile", "0", "above 0"), ("percentile", "41", "40"), ("percentile", "-1", "above 0"),
                ("percentile", "5%", "5%"), ("percentile", "nan", "nan"),
                ("contour", "", "contour"), ("contour", "1,", "contour"), ("contour", "1,,2", "contour"),
                ("contour", "x", "x"), ("contour", "1,2,3,4,5,6,7,8,9", "8"), ("contour", "inf", "inf"),
                ("font-size", "0", "above 0"), ("font-size", "-8", "above 0"), ("font-size", "8mm", "8mm"),
                ("font-size", "px", "px"), ("font-size", "nan", "nan"), ("font-size", "1px", "2 to 400"),
                ("font-size", "1e3", "2 to 400"), ("dpi", "9", "10 to 4800"), ("dpi", "4801", "10 to 4800"),
                ("dpi", "300dpi", "300dpi"), ("dpi", "inf", "inf"), ("text-scale", "1", "unknown option")):
            self.refused(2, ["--" + option, word], "map", "-n", "8", "-o", "a.png", f"--{option}={value}")
        self.refused(2, ["--dark"], "map", "-n", "8", "-o", "a.png", "--dark=1")
        self.assertEqual(self.names(), [])

    def test_options_that_exclude_each_other(self):
        small = ["map", "-n", "8", "-o", "a.png"]
        self.refused(2, ["--percentile", "--clim"], *small, "--percentile", "1", "--clim", "0:1")
        self.refused(2, ["--clim", "--norm log", "above 0"], *small, "--norm", "log", "--clim", "0:1")
        for option in (["--contour", "0"], ["--dark"], ["--font-size", "8"], ["--no-title"]):
            self.refused(2, [option[0], "--bare"], *small, "--bare", *option)
        self.assertEqual(self.names(), [])

    def test_contours_of_noise(self):
        self.refused(2, ["--contour", "4194304 points"], "map", "-n", "3k", "--size", "3000", "--content", "gauss",
                     "--contour", "0,0.01", "-o", "a.png", "-q")
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
