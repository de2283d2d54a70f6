# test_info.py - `ropemap info`: rules of models, and what each pair does
# SPDX-License-Identifier: MIT
import json
import math
import unittest

from harness import Case, llama31_frequencies

LLAMA31 = {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "max_position_embeddings": 131072,
           "rope_theta": 500000.0,
           "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                            "original_max_position_embeddings": 8192, "rope_type": "llama3"}}


class Info(Case):
    def info(self, *arguments):
        return json.loads(self.done("info", *arguments, "--json").stdout)

    def write_config(self, config, name="config.json"):
        return self.write(name, json.dumps(config).encode())

    def test_a_rule(self):
        info = self.info("-b", "1e4", "-d", "64")
        self.assertEqual([info["schema"], info["rule"], info["base"], info["head_dim"], info["rotary_dim"],
                          info["layout"], info["attention_factor"], info["model"]],
                         ["ropemap.info/1", "none", 1e4, 64, 64, "half", 1.0, None])
        self.assertEqual(len(info["frequencies"]), 32)
        for pair, frequency in enumerate(info["frequencies"]):
            wanted = 1e4 ** (-2 * pair / 64)
            self.assertLessEqual(abs(frequency - wanted), 1e-15 * wanted + 1e-300)
            self.assertAlmostEqual(info["wavelengths"][pair] * frequency, 2 * math.pi, places=12)

    def test_a_config(self):
        self.write_config(LLAMA31)
        for path in (".", "config.json", self.directory):
            info = self.info("--model", path)
            self.assertEqual([info["rule"], info["base"], info["head_dim"], info["trained_length"]],
                             ["llama3", 5e5, 128, 131072])
            for frequency, wanted in zip(info["frequencies"], llama31_frequencies()):
                self.assertLessEqual(abs(frequency - wanted), 1e-14 * wanted)
        self.assertTrue(any("rope_theta" in fact["source"] for fact in info["facts"]), info["facts"])

    def test_options_win_over_the_model(self):
        self.write_config(LLAMA31)
        info = self.info("--model", ".", "-b", "1e6", "--scaling", "none", "--layout", "interleaved")
        self.assertEqual([info["rule"], info["base"], info["layout"], info["head_dim"]],
                         ["none", 1e6, "interleaved", 128])
        self.assertEqual(self.info("-b", "1e6", "--model", ".")["base"], 1e6)
        self.assertEqual(self.info("--model", ".", "--rotary-dim", "32")["rotary_dim"], 32)

    def test_text(self):
        self.write_config(LLAMA31)
        page = self.done("info", "--model", ".").stdout.decode()
        for word in ("llama3:factor=8", "500,000", "a^2 = 1", "131,072 (128k)", "divisor", "rope_theta", "wavelength"):
            self.assertIn(word, page)
        self.assertEqual(len([line for line in page.splitlines() if line[:5].strip().isdigit()]), 64)

    def test_angles_not_seen_in_training(self):
        """A pair that never completed a turn in training reaches new angles past that; scaling may keep it from that."""
        for length in (None, 2048, 4096, 4097, 32768):
            info = self.info("--preset", "llama2-7b", *([] if length is None else ["--length", length]))
            self.assertEqual([info["seen_length"], info["target_length"]], [4096, length])
            for pair in range(64):
                never = 4096 * 1e4 ** (-2 * pair / 128) < 2 * math.pi
                self.assertEqual(info["leaves_training"][pair], never and (length is None or length > 4096))
                if never:
                    self.assertAlmostEqual(info["new_from"][pair], 4096, places=6)
                else:
                    self.assertIsNone(info["new_from"][pair])
        page = self.done("info", "--preset", "llama2-7b", "--length", "32k").stdout.decode()
        self.assertEqual(sum(line.endswith(" *") for line in page.splitlines()), 18)
        self.assertIn("18 of 64 pairs at 32,768 tokens", page)
        for scaling, leaves in (("yarn:factor=8,original=4096", 0), ("linear:factor=8", 0), ("linear:factor=2", 18)):
            info = self.info("--preset", "llama2-7b", "--length", "32k", "--scaling", scaling)
            self.assertEqual(sum(info["leaves_training"]), leaves, scaling)
        info = self.info("--scaling", "linear:factor=2", "--preset", "llama2-7b")
        self.assertAlmostEqual(info["new_from"][63], 8192, places=6)
        info = self.info("--scaling", "yarn:factor=8,original=4096", "--length", "40k")  # no model: from `original`
        self.assertEqual([info["seen_length"], any(info["leaves_training"])], [4096, True])
        info = self.info()
        self.assertEqual([info["seen_length"], any(info["leaves_training"])], [None, False])
        self.done("info", "--preset", "llama2-7b", "--length", "32k", "-o", "new.png")
        self.done("info", "--preset", "llama2-7b", "-o", "old.png")
        self.assertNotEqual(self.read("new.png"), self.read("old.png"))

    def test_presets(self):
        presets = json.loads(self.done("info", "--presets", "--json").stdout)["presets"]
        self.assertGreaterEqual(len(presets), 30)
        grids = {preset["name"]: preset["grid"] for preset in presets}
        self.assertEqual([grids["dinov3-vits16"], grids["cogvideox-5b"], grids["llama3.1-8b"], grids["qwen3-vl-4b"]],
                         [[14, 14], [13, 30, 45], None, None])
        page = self.done("info", "--presets").stdout.decode()
        for preset in presets:
            self.assertIn(preset["name"], page)
            self.assertTrue(preset["source"], preset)
        info = self.info("--preset", "llama3.1-8b")
        self.assertEqual([info["rule"], info["base"], info["trained_length"]], ["llama3", 5e5, 131072])
        self.refused(2, ["--preset", "llama3.1-8b"], "info", "--preset", "llama3.1-8bb")

    def test_picture(self):
        self.done("info", "--preset", "llama3.1-8b", "-o", "waves.png")
        self.assertEqual(self.read("waves.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.refused(4, ["waves.png", "--force"], "info", "--preset", "llama3.1-8b", "-o", "waves.png")
        self.done("info", "--preset", "llama3.1-8b", "-o", "waves.png", "--force")

    def test_what_is_wrong_is_named(self):
        self.write_config({**LLAMA31, "rope_theta": "10000"})
        self.refused(3, ["config.json", "rope_theta", "10000"], "info", "--model", ".")
        self.write_config({**LLAMA31, "rope_scaling": {"rope_type": "spiral", "factor": 8.0}})
        self.refused(3, ["config.json", "spiral"], "info", "--model", ".")
        self.write_config(LLAMA31)
        self.refused(2, ["--preset", "--model"], "info", "--model", ".", "--preset", "llama3.1-8b")
        self.refused(2, ["--layer-type", "--model"], "info", "--layer-type", "full_attention")
        self.refused(4, ["nothing.json"], "info", "--model", "nothing.json")
        self.write("broken.gguf", b"GGUF\x03\x00\x00\x00")
        self.refused(3, ["broken.gguf"], "info", "--model", "broken.gguf")

    def test_lost_output_is_told(self):
        for arguments in (["info"], ["info", "--presets"]):
            with open("/dev/full", "wb") as full:
                result = self.run_program(*arguments, stdout=full, stderr=-1, capture_output=False)
            self.assertEqual(result.returncode, 4, arguments)

    def test_equal_factors_of_llama3(self):
        """Llama 4 Scout has both at 1: one step, no ramp."""
        self.write_config({**LLAMA31, "rope_scaling": {**LLAMA31["rope_scaling"], "high_freq_factor": 1.0}})
        self.assertEqual(self.info("--model", ".")["rule"], "llama3")

    def test_layer_types(self):
        self.write_config({"model_type": "gemma3_text", "head_dim": 256, "hidden_size": 3840, "num_attention_heads": 16,
                           "max_position_embeddings": 131072, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
                           "rope_scaling": {"factor": 8.0, "rope_type": "linear"}})
        whole, window = (self.info("--model", ".", "--layer-type", name) for name in
                         ("full_attention", "sliding_attention"))
        self.assertEqual([whole["base"], whole["rule"], window["base"], window["rule"]], [1e6, "linear", 1e4, "none"])

    def test_a_layer_by_its_number(self):
        self.write_config({"model_type": "smollm3", "hidden_size": 2048, "num_attention_heads": 16, "rope_theta": 5e6,
                           "num_hidden_layers": 8, "no_rope_layers": [1, 1, 1, 0, 1, 1, 1, 0]})
        self.assertEqual(self.info("--model", ".", "--layer-type", "2")["base"], 5e6)
        self.refused(2, ["layer 3", "no_rope_layers"], "info", "--model", ".", "--layer-type", "3")
        page = self.done("info", "--model", ".").stdout.decode()
        self.assertIn("0-2, 4-6 (6 of 8)", page)
        self.assertIn("3, 7 (2 of 8)", page)

    def test_a_model_that_does_not_rotate(self):
        self.write_config({"model_type": "nemotron_h", "head_dim": 128, "rope_theta": 10000})
        self.refused(3, ["this model does not rotate", "nemotron_h"], "info", "--model", ".")
        self.refused(3, ["this model does not rotate"], "map", "--model", ".", "-n", "1k", "-o", "map.png")
        self.write_config({"model_type": "mystery", "n_layers": 3})
        self.refused(3, ["cannot tell whether this model rotates", "--base"], "info", "--model", ".")
        self.refused(3, ["cannot tell"], "info", "--model", ".", "-b", "1e4")

    def test_options_are_enough(self):
        self.write_config({"model_type": "baichuan", "hidden_size": 5120, "num_attention_heads": 40})
        self.refused(3, ["this model does not rotate", "5120"], "info", "--model", ".")
        info = self.info("--model", ".", "--base", "10000", "--head-dim", "128")
        self.assertEqual([info["base"], info["head_dim"], info["rotary_dim"]], [1e4, 128, 128])
        self.assertTrue(any("does not rotate" in warning for warning in info["warnings"]), info["warnings"])
        self.write_config({"name": "a file of one's own"})
        info = self.info("--model", ".", "-b", "5e5", "-d", "64", "--rotary-dim", "32")
        self.assertEqual([info["base"], info["head_dim"], info["rotary_dim"]], [5e5, 64, 32])
        self.assertTrue(any("options define the rule" in warning for warning in info["warnings"]), info)

    def test_a_folder_with_params(self):
        """Mistral's own file: YaRN by 16, cosines not multiplied, pairs interleaved."""
        self.write_config({"dim": 3072, "n_layers": 26, "head_dim": 128, "n_heads": 32, "rope_theta": 1e6,
                           "yarn": {"original_max_position_embeddings": 16384, "factor": 16, "apply_scale": False}},
                          "params.json")
        info = self.info("--model", ".")
        self.assertEqual([info["rule"], info["layout"], info["attention_factor"]], ["yarn", "interleaved", 1.0])
        self.assertAlmostEqual(info["frequencies"][63] * 16, 1e6 ** (-126 / 128), places=15)

    def test_dynamic_over_the_trained_length(self):
        """Nomic's BERT, trained for 2,048: at 8,192 tokens the base is 1000 * 7^(64 / 62)."""
        self.write_config({"model_type": "nomic_bert", "n_embd": 768, "n_head": 12, "n_positions": 8192,
                           "max_trained_positions": 2048, "rotary_emb_base": 1000, "rotary_scaling_factor": 2})
        info = self.info("--model", ".", "--length", "8192")
        self.assertEqual([info["rule"], info["trained_length"]], ["dynamic", 2048])
        self.assertAlmostEqual(info["frequencies"][31] / (1000 * 7 ** (64 / 62)) ** (-62 / 64), 1.0, places=9)

    def test_length(self):
        lists = {"short_factor": [1.0] * 48, "long_factor": [2.0] * 48}
        self.write_config({"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "rope_theta": 10000.0,
                           "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
                           "rope_scaling": {"type": "longrope", **lists}})
        for length, divisor in ((4096, 1.0), (4097, 2.0)):
            info = self.info("--model", ".", "--length", length)
            self.assertAlmostEqual(info["divisors"][20], divisor)
            self.assertEqual(info["attention_factor"], math.sqrt(1 + math.log(32) / math.log(4096)))

    def test_numbers_are_doubles(self):
        """A factor that no float is, a number of 17 digits, and frequencies of more than a turn a token."""
        info = self.info("--scaling", "yarn:factor=4.000000000000001,original=4096,attention=1.07")
        self.assertEqual([info["attention_factor"], info["attention_factor_squared"]], [1.07, 1.07 ** 2])
        self.assertEqual(info["scaling"], "yarn:factor=4.000000000000001,original=4096,attention=1.07")
        info = self.info("-d", 14, "--scaling", "axial:max-freq=33.3,points=16")
        for pair, frequency in enumerate(info["frequencies"]):
            wanted = math.pi * (1 + pair / 6 * (33.3 / 2 - 1)) * 2 / 15
            self.assertLessEqual(abs(frequency - wanted), 1e-14 * wanted)
        self.assertAlmostEqual(info["frequencies"][6], 6.97434, places=5)

    def test_a_list_that_is_too_long(self):
        self.write_config({"model_type": "phi3", "head_dim": 2048, "hidden_size": 4096, "num_attention_heads": 2,
                           "rope_theta": 10000.0, "max_position_embeddings": 131072,
                           "original_max_position_embeddings": 4096,
                           "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 1024,
                                            "long_factor": [1.0] * 1024}})
        self.refused(3, ["config.json", "1024 pairs", "512"], "info", "--model", ".")


if __name__ == "__main__":
    unittest.main()
