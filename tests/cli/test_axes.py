# test_axes.py - models of images and video: their axes, against what their own code computes
# SPDX-License-Identifier: MIT
import json
import math
import os
import unittest

from harness import SANITIZE, SOURCE, Case, flat, write_npy

with open(os.path.join(SOURCE, "tests", "data", "axes", "golden.json"), encoding="utf-8") as stream:
    GOLDEN = json.load(stream)

VIT = {"hidden_size": 768, "num_attention_heads": 12, "image_size": 224, "patch_size": 16, "rope_theta": 100.0}


def tensor(rows, head, a, b, modulus, less):
    """The vectors of tools/golden/axes.py."""
    values = [((a * row + b * element) % modulus - less) / 8 for row in range(rows) for element in range(head)]
    return write_npy((rows, head), values)


class Models(Case):
    def config(self, **keys):
        return self.write("config.json", json.dumps(keys).encode())

    def place(self, golden):
        """The options that give rows their positions."""
        if golden["positions"]:
            axes = golden["positions"]
            self.write("positions.npy", write_npy((len(axes), len(axes[0])), flat(axes), "<i8"))
            return ["--positions-from", "positions.npy"]
        return ["--grid", ",".join(map(str, golden["grid"]))]

    def test_against_the_models_own_code(self):
        """Equal vectors, and tensors, which show the layout too. Angles up to 70 in float32 are off by 4e-6."""
        self.assertGreaterEqual(len(GOLDEN), 33)
        for golden in GOLDEN[::5] if SANITIZE else GOLDEN:
            with self.subTest(golden["name"]):
                self.config(**golden["config"])
                rows, head = len(golden["ones"]), golden["head"]
                options = ["--model", ".", *self.place(golden)]
                cells, document = self.map(*options)
                self.assertEqual(document["spec"]["head_dim"], head)
                self.assert_cells([cells[0]], [golden["ones"]], 1e-5)
                self.write("q.npy", tensor(rows, head, 37, 11, 17, 8))
                self.write("k.npy", tensor(rows, head, 23, 7, 19, 9))
                cells, _ = self.map(*options, "--queries", "q.npy", "--keys", "k.npy")
                self.assert_cells([cells[1]], [golden["scores"]], 1e-3)

    def test_dinov3(self):
        """224 pixels in patches of 16: the neighbour in a row, in a column, the far corner; by the formula."""
        def wanted(rows, columns):
            ladder = [4 * math.pi / 14 * 100 ** (-j / 16) for j in range(16)]
            return sum(math.cos(rows * theta) + math.cos(columns * theta) for theta in ladder) / 32

        self.config(model_type="dinov3_vit", **VIT)
        cells, document = self.map("--model", "config.json")
        self.assertEqual(document["rows"]["count"], 196)
        for key, value in ((1, wanted(0, 1)), (14, wanted(1, 0)), (195, wanted(13, 13))):
            self.assertAlmostEqual(cells[0][key], value, delta=2e-6)
        self.assertAlmostEqual(wanted(0, 1), 0.97245, places=5)
        self.assertAlmostEqual(wanted(13, 13), 0.33294, places=5)
        bigger, _ = self.map("--model", "config.json", "--grid", "28")
        self.assertAlmostEqual(bigger[0][2], wanted(0, 1), delta=2e-6)
        self.assertEqual(cells, self.map("--preset", "dinov3-vits16")[0])
        self.assertEqual(cells, self.map("--axes", "unit:32,32", "-b", "100", "--grid", "14x14")[0])

    def test_what_the_class_takes(self):
        """A file that lists little; a key that the class does not have is named."""
        for keys, axes, grid, base in (({"model_type": "dinov3_vit"}, 32, 14, 100), ({"model_type": "pixtral"}, 32, 64, 1e4),
                                       ({"model_type": "eomt_dinov3"}, 32, 40, 100)):
            self.config(**keys)
            answer = json.loads(self.done("info", "--model", ".", "--json").stdout)
            self.assertEqual([(a["elements"], a["patches"]) for a in answer["axes"]], [(axes, grid)] * 2)
            self.assertEqual(answer["base"], base)
        self.config(_class_name="FluxTransformer2DModel", attention_head_dim=128, rope_theta=5000)
        answer = json.loads(self.done("info", "--model", ".", "--json").stdout)
        self.assertEqual([answer["base"], [a["elements"] for a in answer["axes"]]], [1e4, [16, 56, 56]])
        self.assertIn("rope_theta", answer["warnings"][0])

    def test_info(self):
        self.config(model_type="pixtral", hidden_size=1024, num_attention_heads=16, image_size=1024, patch_size=16)
        answer = json.loads(self.done("info", "--model", ".", "--json").stdout)
        self.assertEqual([answer["deal"], answer["base"], answer["layout"]], ["strided", 1e4, "half"])
        self.assertEqual(answer["axes"], [{"name": name, "elements": 32, "patches": 64} for name in "hw"])
        self.assertEqual(answer["axis_of_pair"], [0] * 16 + [1] * 16)
        for pair, radians in enumerate(answer["frequencies"]):
            taken = 2 * pair if pair < 16 else 2 * pair - 31
            self.assertAlmostEqual(radians / 1e4 ** (-taken / 32), 1, places=12)
        page = self.done("info", "--preset", "wan2.1-t2v-14b").stdout.decode()
        for words in ("t: 44 elements, 21 patches", "w: 42 elements, 52 patches", "a ladder of frequencies for each",
                      "rad/patch", "transformer_wan.py"):
            self.assertIn(words, page)
        self.done("info", "--preset", "hunyuanvideo", "-o", "w.png")

    def test_a_tower_with_neighbours_in_pairs(self):
        """SAM 3: Qwen2-VL's ladders, elements 2i and 2i + 1 together."""
        self.config(model_type="sam3_vit_model", hidden_size=1024, num_attention_heads=16, image_size=1008, patch_size=14)
        answer = json.loads(self.done("info", "--model", ".", "--json").stdout)
        self.assertEqual([answer["deal"], answer["layout"], answer["axes"][0]["patches"]], ["ladders", "interleaved", 72])
        for pair, radians in enumerate(answer["frequencies"]):
            self.assertAlmostEqual(radians / 1e4 ** (-(pair % 16) / 16), 1, places=12)

    def test_curve_along_an_axis(self):
        def wanted(distance, elements):
            return 1 - sum(1 - math.cos(distance * 1e4 ** (-2 * j / elements)) for j in range(elements // 2)) / 64

        for along, elements in (("t", 16), ("1", 16), ("h", 56), ("w", 56), ("3", 56), (None, 56)):
            answer = json.loads(self.done("curve", "--preset", "flux.1-dev", "-n", "64", "--json",
                                        *(["--along", along] if along else [])).stdout)
            for distance, value in enumerate(answer["curves"][0]["values"]):
                self.assertAlmostEqual(value, wanted(distance, elements), delta=1e-7)
        self.assertIn("along w", answer["curves"][0]["label"])
        self.refused(2, ["--along", "'q'", "3"], "curve", "--preset", "flux.1-dev", "--along", "q")
        self.refused(2, ["--along", "--axes"], "curve", "--along", "h")
        self.refused(2, ["--along"], "curve", "--preset", "flux.1-dev", "--along", "h", "--phase", "hf-fp32")

    def test_rounded_as_the_model_does(self):
        """HunyuanVideo forms its angles in float32; coordinates from -1 to 1 have no such mode."""
        exact, _ = self.map("--preset", "hunyuanvideo", "--grid", "2,3,4")
        rounded, _ = self.map("--preset", "hunyuanvideo", "--grid", "2,3,4", "--phase", "hf-fp32")
        self.assert_cells(rounded, exact, 1e-6)
        self.refused(2, ["hf-fp32", "unit"], "map", "--preset", "dinov3-vits16", "--phase", "hf-fp32", "-o", "x.npy")

    def test_text_of_a_model_of_images(self):
        """One position alone counts on every axis; with a grid the sections take effect."""
        self.config(model_type="qwen2_vl", hidden_size=1024, num_attention_heads=8, vocab_size=9, rope_theta=1e6,
                    rope_scaling={"type": "mrope", "mrope_section": [16, 24, 24]})
        plain, document = self.map("--model", ".", "-n", "50")
        self.assertEqual(plain, self.map("-b", "1e6", "-n", "50")[0])
        self.assertEqual([axis["elements"] for axis in document["spec"]["axes"]], [32, 48, 48])
        image, _ = self.map("--model", ".", "--grid", "1,4,5")
        for key in range(20):
            apart = [key // 5] * 24 + [key % 5] * 24
            wanted = (16 + sum(math.cos(d * 1e6 ** (-(16 + i) / 64)) for i, d in enumerate(apart))) / 64
            self.assertAlmostEqual(image[0][key], wanted, delta=2e-6)

    def test_heads_of_another_size(self):
        """Sections of one ladder are the model's own head's: what tries other heads leaves them out."""
        self.config(model_type="qwen2_vl", hidden_size=3584, num_attention_heads=28, rope_theta=1e6,
                    max_position_embeddings=32768, rope_scaling={"type": "mrope", "mrope_section": [16, 24, 24]})
        self.done("explain", "--model", ".", "--quick")
        self.done("explain", "--axes", "sections:64,64", "--grid", "16", "--quick")
        found = json.loads(self.done("bound", "--model", ".", "--table", "1k", "--dims", "64,128", "--json").stdout)
        text = json.loads(self.done("bound", "-b", "1e6", "--table", "1k", "--dims", "64,128", "--json").stdout)
        self.assertEqual([one["base"] for one in found["table"]], [one["base"] for one in text["table"]])
        self.done("map", "--model", ".", "--head-dim", "64", "-n", "64", "-o", "m.npy")


class Refused(Case):
    def config(self, **keys):
        return self.write("config.json", json.dumps(keys).encode())

    def test_what_is_not_read(self):
        """Never one axis in silence."""
        tower = {"hidden_size": 1024, "num_attention_heads": 16, "patch_size": 14, "rope_theta": 1e4}
        for keys, words in (
                ({"model_type": "gemma4_vision", **tower}, ["model_type", "gemma4_vision"]),
                ({"model_type": "kimi_k25_vision", **tower}, ["kimi_k25_vision"]),
                ({"model_type": "llama4_vision_model", **tower}, ["--scaling vision-2d"]),
                ({"model_type": "some_vision", **tower}, ["patch_size is 14"]),
                ({"model_type": "vjepa2", **tower}, ["vjepa2"]),
                ({"_class_name": "LTXVideoTransformer3DModel", "attention_head_dim": 64}, ["LTXVideo"]),
                ({"_class_name": "CosmosTransformer3DModel", "rope_scale": [2.0, 1.0, 1.0]}, ["Cosmos"]),
                ({"_class_name": "MochiTransformer3DModel", "attention_head_dim": 128}, ["trained weights"]),
                ({"_class_name": "NewTransformer2DModel", "axes_dims_rope": [16, 56, 56]}, ["axes_dims_rope"]),
                ({"model_type": "x", "axes_dim": [16, 56, 56], "theta": 10000}, ["axes_dim is a list of 3"])):
            self.config(**keys)
            self.refused(3, ["this model has several axes", *words], "info", "--model", "config.json")
            self.refused(3, ["this model has several axes", *words], "map", "--model", ".", "-o", "x.png")
        self.config(_class_name="PixArtTransformer2DModel", attention_head_dim=72, patch_size=2)
        self.refused(3, ["cannot tell whether and how", "PixArtTransformer2DModel"], "info", "--model", ".")
        self.config(_class_name="CogVideoXTransformer3DModel", attention_head_dim=64)
        self.refused(3, ["does not rotate", "use_rotary_positional_embeddings"], "info", "--model", ".")

    def test_broken_files(self):
        flux = {"_class_name": "FluxTransformer2DModel", "attention_head_dim": 128}
        for keys, words in (({**flux, "axes_dims_rope": [16, 56, 58]}, ["130"]),
                            ({**flux, "axes_dims_rope": "16"}, ["axes_dims_rope", "a list of 2 to 4 numbers"]),
                            ({**flux, "axes_dims_rope": [16, 55, 57]}, ["axes_dims_rope", "55"]),
                            ({**flux, "axes_dims_rope": [16, None, 56]}, ["axes_dims_rope"]),
                            ({**flux, "attention_head_dim": 127}, ["attention_head_dim", "127"]),
                            ({"model_type": "dinov3_vit", **VIT, "hidden_size": 770}, ["head_dim"]),
                            ({"model_type": "dinov3_vit", **VIT, "image_size": [224]}, ["image_size"]),
                            ({"model_type": "dinov3_vit", **VIT, "rope_theta": "100"}, ["rope_theta"])):
            self.config(**keys)
            self.refused(3, words, "info", "--model", "config.json")
        self.config(model_type="dinov3_vit", **VIT)
        self.refused(2, ["layer types"], "info", "--model", ".", "--layer-type", "full_attention")

    def test_what_has_one_axis(self):
        for command in (["explain"], ["bound", "--length", "1k"], ["bound", "-b", "1e4"]):
            self.refused(2, ["--axes", "3 axes (16,56,56)"], *command, "--axes", "16,56,56")
        self.write("f.npy", write_npy((8,), [1.0] * 8))
        self.refused(2, ["3 axes"], "check", "f.npy", "--axes", "16,56,56")

    def test_options(self):
        for words, arguments in (
                (["--grid: missing", "16,56,56"], ["--axes", "16,56,56"]),
                (["--grid", "2 numbers for 4 axes"], ["--axes", "32,32,32,32", "--grid", "4,4"]),
                (["--grid", "4 numbers for 3 axes"], ["--axes", "16,56,56", "--grid", "1,2,3,4"]),
                (["--grid", "5"], ["--axes", "16,56,56", "--grid", "1,2,3,4,5"]),
                (["--grid"], ["--axes", "16,56,56", "--grid", "1,,3"]),
                (["--grid"], ["--axes", "16,56,56", "--grid", "4x"]),
                (["--grid"], ["--axes", "16,56,56", "--grid", "4097"]),
                (["--grid", "3 axes"], ["--grid", "1,2,3"]),
                (["--axes", "even numbers"], ["--axes", "16,55,57", "--grid", "4"]),
                (["--axes", "64 pairs (128"], ["--axes", "16,56", "-d", "128", "--rotary-dim", "128", "--grid", "4"]),
                (["--scaling", "proportional"], ["--axes", "32,32", "--grid", "4", "--scaling", "proportional:rotated=1"]),
                (["--positions-from"], ["--axes", "32,32", "--grid", "4", "--positions-from", "p.npy"])):
            self.refused(2, words, "map", *arguments, "-o", "x.npy")
        self.refused(2, ["--grid", "--axes"], "info", "--grid", "1,14,14")
        for option, first, last in (("-n", 0, 4095), ("--positions", 190, 196), ("--rows", 5, 200), ("--cols", 196, 196)):
            self.refused(2, ["%s: positions %d to %d go beyond 0 to 195, the patches of the grid"
                             % (option.replace("-n", "--positions"), first, last)],
                         "map", "--preset", "dinov3-vits16", option, "%d:%d" % (first, last - first + 1), "-o", "x.npy")
        self.write("p.npy", write_npy((2, 6), [0, 0, 0, 1, 1, 1, 0, 1, 2, 0, 1, 2], "<i8"))
        self.refused(2, ["--positions: positions 0 to 6 go beyond 0 to 5, the positions of p.npy"],
                     "map", "--axes", "32,32", "--positions-from", "p.npy", "-n", "7", "-o", "x.npy")

    def test_a_grid_of_two_numbers_is_one_frame(self):
        one, _ = self.map("--axes", "16,56,56", "--grid", "4,5")
        again, document = self.map("--axes", "16,56,56", "--grid", "1,4,5")
        self.assertEqual(one, again)
        self.assertEqual([axis["patches"] for axis in document["spec"]["axes"]], [1, 4, 5])
        square, _ = self.map("--axes", "16,56,56", "--grid", "4")
        self.assertEqual(square, self.map("--axes", "16,56,56", "--grid", "1x4x4")[0])


if __name__ == "__main__":
    unittest.main()
