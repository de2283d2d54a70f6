# test_phase.py - `ropemap map` of models, with the rounding of stacks in use, at explicit positions
# SPDX-License-Identifier: MIT
import json
import math
import os
import struct
import unittest

from harness import SOURCE, Case, bf16, write_npy

MODES = ["fp32freq", "hf-fp32", "ggml-fp32", "bf16-tables", "bf16-inv-freq", "bf16-angles"]


class Models(Case):
    def test_a_map_is_the_models(self):
        config = {"model_type": "llama", "hidden_size": 512, "num_attention_heads": 8, "rope_theta": 1e6,
                  "max_position_embeddings": 32768,
                  "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}}
        self.write("config.json", json.dumps(config).encode())
        cells, document = self.map("--model", ".", "-n", "300", "--size", "20")
        again, _ = self.map("-b", "1e6", "-d", "64", "--scaling", "yarn:factor=4,original=8192", "-n", "300", "--size",
                            "20")
        self.assertEqual(cells, again)
        self.assertEqual(document["spec"]["base"], 1e6)
        self.assertAlmostEqual(document["spec"]["attention_factor"], 0.1 * math.log(4) + 1, places=6)
        self.assertAlmostEqual(cells[0][0] / self.map("-n", "15", "--size", "1", "-b", "1e6", "-d", "64", "--scaling",
                                                      "yarn:factor=4,original=8192,attention=1")[0][0][0],
                               (0.1 * math.log(4) + 1) ** 2, places=5)

    def test_one_picture_of_one_model(self):
        """The preset, a config.json and a GGUF file of Llama 3.1 8B: the same bytes below the title, which names the preset."""
        data = os.path.join(SOURCE, "tests", "data")
        names = []
        for name, arguments in (("preset", ["--preset", "llama3.1-8b"]),
                                ("config", ["--model", os.path.join(data, "config", "llama-3.1-8b.json")]),
                                ("gguf", ["--model", os.path.join(data, "gguf", "llama.gguf")])):
            self.done("map", *arguments, "-n", "128k", "--no-title", "-o", name + ".png")
            names.append(self.read(name + ".png"))
        self.assertEqual(names[0], names[1])
        self.assertEqual(names[0], names[2])

    def test_the_length_is_the_maps_own(self):
        arguments = ["-d", "64", "--scaling", "dynamic:factor=2,max=1024"]
        _, document = self.map(*arguments, "-n", "4k", "--size", "10")
        self.assertEqual(document["spec"]["length"], 4096)
        _, document = self.map(*arguments, "-n", "4k", "--size", "10", "--length", "2k")
        self.assertEqual(document["spec"]["length"], 2048)


def narrow(value, mode):
    """The number next to a float32 that bfloat16 has, or float16: ties to even."""
    if not math.isfinite(value):
        return value
    if mode == "fp16-angles":
        try:
            return struct.unpack("<e", struct.pack("<e", float(value)))[0]
        except OverflowError:
            return math.copysign(math.inf, value)
    return bf16(value)


def short_tables(mode, position, pairs, base=1e4):
    """Cosine and sine of each pair with every step rounded to 16 bits."""
    found = []
    for pair in range(pairs):
        angle = narrow(narrow(position, mode) * narrow(base ** (-pair / pairs), mode), mode)
        finite = math.isfinite(angle)
        found.append((narrow(math.cos(angle), mode), narrow(math.sin(angle), mode)) if finite else (math.nan, math.nan))
    return found


class ShortAngles(Case):
    """Positions and angles in 16 bits."""

    def test_the_reported_case(self):
        """Equal tokens at 65,536, 16 apart: bfloat16 has one number for both positions."""
        cells, document = self.map("--rows", "65552:1", "--cols", "65536:1", "--phase", "bf16-angles")
        wanted = sum(c * c + s * s for c, s in short_tables("bf16-angles", 65536, 64)) / 64
        self.assertAlmostEqual(cells[0][0], wanted, delta=1e-6)
        self.assertAlmostEqual(cells[0][0], 0.9997, delta=5e-5)
        self.assertEqual(document["phase"], "bf16-angles")
        exact = self.map("--rows", "65552:1", "--cols", "65536:1")[0]
        difference = self.map("--rows", "65552:1", "--cols", "65536:1", "--diff", "bf16-angles")[0]
        self.assertAlmostEqual(difference[0][0], cells[0][0] - exact[0][0], delta=1e-6)
        curve = json.loads(self.done("curve", "--phase", "bf16-angles", "--shift", "65536", "-n", "17", "--json", "-q").stdout)
        self.assertAlmostEqual(curve["curves"][0]["values"][16], wanted, delta=1e-6)

    def test_against_a_brute_force(self):
        for mode, first in (("bf16-angles", 250), ("bf16-angles", 131060), ("fp16-angles", 2040),
                            ("fp16-angles", 65500)):
            cells, document = self.map("-d", "16", "--rows", "%d:24" % first, "--cols", "%d:24" % first, "--phase", mode)
            tables = [short_tables(mode, first + i, 8) for i in range(24)]
            for i in range(24):
                for j in range(24):
                    wanted = sum(a * c + b * d for (a, b), (c, d) in zip(tables[i], tables[j])) / 8
                    if math.isnan(wanted):
                        self.assertTrue(math.isnan(cells[i][j]), (mode, first, i, j))
                    else:
                        self.assertAlmostEqual(cells[i][j], wanted, delta=1e-6, msg=(mode, first, i, j))
            self.assertEqual(document["nan_cells"] > 0, first == 65500)
        self.refused(2, ["--shift", "65520", "float16"], "curve", "--phase", "fp16-angles", "--shift", "65520")


class Phases(Case):
    def test_rounding_grows_with_the_position(self):
        arguments = ["-d", "64", "-n", "200", "--size", "50"]
        for mode in MODES:
            near = self.map(*arguments, "--diff", mode)[1]
            far, document = self.map(*arguments, "--diff", mode, "--shift", "1000000")
            self.assertEqual([document["phase"], document["difference"], document["shift"]], [mode, True, 1000000])
            self.assertGreater(document["max"], 0.0, mode)
            if mode in ("hf-fp32", "ggml-fp32"):
                self.assertGreater(document["max"], 4 * near["max"], mode)

    def test_a_difference_is_one(self):
        arguments = ["-d", "64", "--rows", "1000000:8", "--cols", "990000:8", "--content", "gauss"]
        rounded, exact = self.map(*arguments, "--phase", "hf-fp32")[0], self.map(*arguments)[0]
        difference = self.map(*arguments, "--diff", "hf-fp32")[0]
        for row in range(8):
            for col in range(8):
                self.assertAlmostEqual(difference[row][col], rounded[row][col] - exact[row][col], delta=2e-6)
        self.assertGreater(max(map(max, difference)), 1e-4)

    def test_an_exact_map_does_not_change(self):
        for content in ("ones", "gauss"):
            arguments = ["-d", "32", "-n", "300", "--size", "30", "--content", content]
            moved, kept = self.map(*arguments, "--shift", "123456789")[0], self.map(*arguments)[0]
            worst = max(abs(a - b) for one, other in zip(moved, kept) for a, b in zip(one, other))
            self.assertLess(worst, 2e-6)

    def test_what_does_not_go_together(self):
        self.refused(2, ["--diff"], "map", "--diff", "exact", "--dry-run")
        self.refused(2, ["--phase", "--diff"], "map", "--diff", "hf-fp32", "--phase", "ggml-fp32", "--dry-run")
        both = self.map("-n", "50", "-d", "8", "--diff", "hf-fp32", "--phase", "hf-fp32")[1]
        self.assertTrue(both["difference"])
        self.refused(2, ["--phase", "hf-fp33"], "map", "--phase", "hf-fp33", "--dry-run")
        self.refused(2, ["--shift"], "map", "--shift", "-1", "--dry-run")
        self.write("q.npy", write_npy((4, 8), [1.0] * 32))
        self.refused(2, ["--state"], "map", "--queries", "q.npy", "--keys", "q.npy", "--state", "post", "--phase",
                     "hf-fp32", "--dry-run")


class Encodings(Case):
    """Baselines, against their formulas."""

    def expect(self, formula, *arguments):
        cells, document = self.map("--rows", "40:20", "--cols", "30:20", "-d", "16", *arguments)
        for i in range(20):
            for j in range(20):
                self.assertAlmostEqual(cells[i][j], formula(abs(10 + i - j)), delta=3e-6)
        return document

    def test_formulas(self):
        theta = [1e4 ** (-2 * pair / 16) for pair in range(8)]
        zeta = [(2 * pair + 0.4 * 16) / (1.4 * 16) for pair in range(8)]
        document = self.expect(lambda r: sum(map(math.cos, (r * t for t in theta))) / 8, "--encoding", "sinusoidal")
        self.assertEqual([document["encoding"], document["method"]], ["sinusoidal", "diagonal"])
        self.expect(lambda r: 1 - r / 256, "--encoding", "alibi")
        self.expect(lambda r: 1 - 0.25 * r, "--encoding", "alibi", "--slope", "0.25")
        self.expect(lambda r: 0.25 - 0.25 * r, "--encoding", "alibi", "--slope", "0.25", "--measure", "scaled")
        self.expect(lambda r: sum(math.cos(r * t) * z ** (r / 512) for t, z in zip(theta, zeta)) / 8, "--encoding",
                    "xpos")
        self.expect(lambda r: 1.0, "--encoding", "nope")

    def test_a_pool_is_taken_over_distances(self):
        cells, document = self.map("-n", "256", "--size", "8", "--encoding", "alibi", "--pool", "min")
        self.assertEqual(document["figure"]["value_label"], "minimum of q · k − slope × distance")
        self.assertAlmostEqual(cells[0][0], 1 - 31 / 256, places=6)

    def test_what_does_not_go_together(self):
        self.refused(2, ["--encoding", "alibi"], "map", "--encoding", "alibi", "--content", "gauss", "--dry-run")
        self.refused(2, ["--slope"], "map", "--slope", "1", "--dry-run")
        self.refused(2, ["--slope", "-1"], "map", "--encoding", "alibi", "--slope", "-1", "--dry-run")
        self.refused(2, ["--encoding", "tiled"], "map", "--encoding", "xpos", "--method", "tiled", "--dry-run")
        for encoding in ("sinusoidal", "alibi", "xpos", "nope"):  # which would be a map of RoPE
            for before in (["--phase", "hf-fp32"], ["--diff", "hf-fp32"], ["--shift", "5"], ["--grid", "6,5"], ["--preset", "dinov3-vits16"]):
                self.refused(2, ["--encoding: %s rotates no vectors beforehand" % encoding], "map", "--encoding", encoding, *before, "--dry-run")


class Positions(Case):
    def test_positions_from_a_file(self):
        places = [0, 1, 2, 0, 1, 2, 3, 1000000, 5]
        self.write("p.npy", write_npy((9,), places, "<i8"))
        cells, document = self.map("-d", "16", "--positions-from", "p.npy")
        self.assertEqual(document["rows"], {"first": 0, "count": 9, "step": 1})
        for i, one in enumerate(places):
            for j, other in enumerate(places):
                wanted = sum(math.cos((one - other) * 1e4 ** (-2 * pair / 16)) for pair in range(8)) / 8
                self.assertAlmostEqual(cells[i][j], wanted, delta=2e-6)

    def test_the_length_is_that_of_the_positions(self):
        self.write("p.npy", write_npy((2,), [0, 5000], "<i8"))
        _, document = self.map("-d", "16", "--scaling", "dynamic:factor=2,max=1024", "--positions-from", "p.npy")
        self.assertEqual(document["spec"]["length"], 5001)

    def test_axes(self):
        """Two tokens at (t, h, w) and (t', h', w'): each pair turns by its own axis."""
        self.write("p.npy", write_npy((3, 2), [7, 7, 10, 400, 20, 23], "<i8"))
        apart = {"0": 0, "1": 390, "2": 3}
        for name, order in (("2,3,3", "00111222"), ("interleaved:3,3,2", "01201201")):
            cells, _ = self.map("-d", "16", "--positions-from", "p.npy", "--sections", name)
            wanted = sum(math.cos(apart[axis] * 1e4 ** (-2 * pair / 16)) for pair, axis in enumerate(order)) / 8
            self.assertAlmostEqual(cells[0][1], wanted, delta=2e-6, msg=name)

    def test_a_grid_of_patches(self):
        """Llama 4's images: the column turns the first half of the pairs, the row the second, both alike."""
        cells, document = self.map("-d", "16", "-b", "1e4", "--scaling", "vision-2d", "--grid", "5")
        self.assertEqual(document["rows"]["count"], 25)
        theta = [1e4 ** (-4 * pair / 16) for pair in range(4)]
        for i in range(25):
            for j in range(25):
                wanted = sum(math.cos((i % 5 - j % 5) * t) + math.cos((i // 5 - j // 5) * t) for t in theta) / 8
                self.assertAlmostEqual(cells[i][j], wanted, delta=2e-6)
        self.refused(2, ["--grid"], "map", "--grid", "0", "--dry-run")
        self.refused(2, ["vision-2d", "multiple of 4"], "map", "-d", "6", "--scaling", "vision-2d", "--dry-run")

    def test_an_axis_of_pixels(self):
        """Evenly spaced frequencies over coordinates from -1 to 1."""
        cells, _ = self.map("-d", "8", "--scaling", "axial:max-freq=10,points=21", "-n", "21")
        theta = [math.pi * (1 + pair * (10 / 2 - 1) / 3) * 2 / 20 for pair in range(4)]
        for i in range(21):
            self.assertAlmostEqual(cells[i][0], sum(math.cos(i * t) for t in theta) / 4, delta=2e-6)

    def test_bad_input(self):
        self.write("p.npy", write_npy((3, 2), [0, 1, 0, 1, 0, 1], "<i8"))
        self.refused(2, ["--sections"], "map", "-d", "16", "--positions-from", "p.npy", "--dry-run")
        self.refused(2, ["--sections", "x"], "map", "--sections", "3,x", "--dry-run")
        self.refused(2, ["--sections"], "map", "-d", "16", "--sections", "4,4", "--dry-run")
        self.refused(2, ["8"], "map", "-d", "16", "--positions-from", "p.npy", "--sections", "2,3,4", "-o", "x.npy")
        self.write("f.npy", write_npy((2,), [0.5, 1.0]))
        self.refused(3, ["f.npy"], "map", "--positions-from", "f.npy", "--dry-run")
        self.write("n.npy", write_npy((2,), [-1, 4], "<i8"))
        self.refused(3, ["n.npy", "-1"], "map", "--positions-from", "n.npy", "--dry-run")


if __name__ == "__main__":
    unittest.main()
