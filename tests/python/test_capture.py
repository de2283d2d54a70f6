# test_capture.py - captures of tiny random models against the models' own attention
# SPDX-License-Identifier: MIT
"""Needs torch and transformers; exits 77 (skipped) where they are missing."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/python"))
try:
    import numpy
    import torch
    import transformers
except ImportError as missing:
    print(f"skipped: captures, because {missing.name} is missing; configure with -DROPEMAP_TORCH_PYTHON=PYTHON")
    sys.exit(77)

import models  # noqa: E402
from ropemap import capture  # noqa: E402
from safetensors import safe_open  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)  # the models are tiny
TOKENS = 61


def layers_of(metadata):
    return json.loads(metadata["layers"])


def chunk_of(model, chunk):
    return None if capture.needs_one_pass(model.config) else chunk


def seen_by(queries, layer, tokens=TOKENS):
    """[queries, keys]: the pairs that the layer's attention has."""
    i, j = queries[:, None], torch.arange(tokens)[None, :]
    chunk = layer["chunk"] or tokens
    return (j <= i) & (i - j < (layer["window"] or tokens)) & (i // chunk == j // chunk)


def weights(tensors, layer, tokens=TOKENS):
    """[heads, queries, keys]: attention in double from what the capture holds alone."""
    number = layer["layer"]
    q, k = (tensors[f"layers.{number}.post.{side}"].double() for side in "qk")
    of_head = [layer["key_heads"].index(head * layer["kv_heads"] // layer["heads"]) for head in layer["query_heads"]]
    scores = q @ k[of_head].transpose(1, 2) * layer["scale"]
    if layer["softcap"] is not None:
        scores = layer["softcap"] * torch.tanh(scores / layer["softcap"])
    powers = scores.masked_fill(~seen_by(torch.arange(tokens), layer, tokens), float("-inf")).exp()
    total = powers.sum(-1, keepdim=True)
    if layer["sinks"] is not None:
        total = total + torch.tensor(layer["sinks"]).double().exp()[:, None, None]
    return powers / total


def frequencies(model, layer):
    """Radians a token of the model's own buffer for that layer's type, else those of base 10000."""
    found = {name.split(".")[-1]: value for name, value in model.named_buffers() if name.endswith("inv_freq")}
    own = found.get(f"{layer['type']}_inv_freq", found.get("inv_freq"))
    pairs = layer["rotary_dim"] // 2
    return own.double() if own is not None else 1e4 ** (-torch.arange(pairs).double() / pairs)


def rotated(rows, positions, theta, layer):
    """Rows [H, S, D] as they are after the rotation, in the layout that they have then."""
    dim, first = layer["rotary_dim"], layer["rotary_first"]
    at = {"half": (slice(0, dim // 2), slice(dim // 2, dim)), "interleaved": (slice(0, dim, 2), slice(1, dim, 2))}
    part = rows[..., first:first + dim].double()
    x, y = (part[..., side] for side in at[layer["layout"]])
    angle = positions.double()[:, None] * theta
    cosine, sine = (f(angle) * layer["attention_factor"] for f in (torch.cos, torch.sin))
    turned, out = torch.empty_like(part), rows.double().clone()
    turned[..., at[layer["layout_after"]][0]] = x * cosine - y * sine
    turned[..., at[layer["layout_after"]][1]] = y * cosine + x * sine
    out[..., first:first + dim] = turned
    return out


class Architectures(unittest.TestCase):
    def check_weights(self, model, ids, tensors, metadata):
        with torch.inference_mode():
            own = model(input_ids=ids[None], output_attentions=True, use_cache=False).attentions
        for layer in layers_of(metadata):
            worst = (weights(tensors, layer) - own[layer["layer"]][0].double()).abs().max()
            self.assertLess(worst, 2e-6, layer)

    def test_captures_are_the_models_own_attention(self):
        for name in models.ARCHITECTURES:
            with self.subTest(name):
                model, ids = models.make(name), models.ids(TOKENS)
                state = "post" if name == "Llama4Text" else "both"
                tensors, metadata = capture.capture(model, ids, state=state, chunk=chunk_of(model, 17))
                self.check_weights(model, ids, tensors, metadata)
                for layer in layers_of(metadata) if state == "both" else []:
                    if layer["rotary_dim"] == 0:
                        continue
                    theta = frequencies(model, layer)
                    for side in "qk":
                        pre, post = (tensors[f"layers.{layer['layer']}.{s}.{side}"] for s in ("pre", "post"))
                        wrong = (rotated(pre, torch.arange(TOKENS), theta, layer) - post).abs().max()
                        self.assertLess(wrong, 5e-6 * post.abs().max(), (side, layer))

    def test_what_metadata_says(self):
        found = {}
        for name in ("GPTJ", "DeepseekV3", "Gemma2", "SmolLM3", "Phi"):
            _, metadata = capture.capture(models.make(name), models.ids(TOKENS))
            found[name] = layers_of(metadata)
        keys = ("layout", "layout_after", "rotary_dim", "rotary_first", "head_dim")
        self.assertEqual([found["GPTJ"][0][key] for key in keys], ["interleaved", "interleaved", 4, 0, 8])
        self.assertEqual([found["DeepseekV3"][0][key] for key in keys], ["interleaved", "half", 8, 16, 24])
        self.assertEqual([found["Phi"][0][key] for key in keys], ["half", "half", 4, 0, 8])
        self.assertEqual([found["Gemma2"][0][key] for key in ("type", "window", "softcap", "scale")],
                         ["sliding_attention", 16, 50.0, 10 ** -0.5])
        self.assertEqual([found["Gemma2"][1][key] for key in ("type", "window")], ["full_attention", None])
        self.assertEqual([layer["rotary_dim"] for layer in found["SmolLM3"]], [8, 0])


@unittest.skipUnless("ROPEMAP" in os.environ, "needs ROPEMAP, the program")
class Program(unittest.TestCase):
    """What the program makes of captures, with no option but which layer and head."""

    def cells(self, path, layer, state):
        with tempfile.NamedTemporaryFile(suffix=".npy") as out:
            subprocess.run([os.environ["ROPEMAP"], "map", "--capture", path, "--layer", str(layer), "--head", "3",
                            "--state", state, "-o", out.name, "--force", "-q"], check=True)
            return torch.from_numpy(numpy.load(out.name).copy()).double()

    def test_the_programs_rotation_is_the_models(self):
        """A map of rows before the rotation is that of rows after it, and both are q . k."""
        with tempfile.TemporaryDirectory() as folder:
            for name in models.ARCHITECTURES:
                with self.subTest(name):
                    states = ["post"] if name == "Llama4Text" else ["pre", "post"]
                    model = models.make(name)
                    tensors, metadata = capture.capture(model, models.ids(TOKENS), last_queries=30, stride=3,
                                                        state="both" if len(states) == 2 else "post",
                                                        chunk=chunk_of(model, 23))
                    path = os.path.join(folder, name + ".safetensors")
                    capture.save(tensors, metadata, path, False)
                    for layer in layers_of(metadata):
                        q, k = (tensors[f"layers.{layer['layer']}.post.{side}"][-1].double() for side in "qk")
                        wanted = q @ k.T
                        for state in states:
                            got = self.cells(path, layer["layer"], state)
                            seen = ~torch.isnan(got)
                            self.assertTrue(torch.equal(seen, seen_by(torch.arange(31, 61, 3), layer)))
                            self.assertLess((got - wanted)[seen].abs().max(), 1e-5, (state, layer))


class Parts(unittest.TestCase):
    def test_heads_layers_and_queries_are_those_of_the_whole(self):
        model, ids = models.make("Llama"), models.ids(TOKENS)
        whole, _ = capture.capture(model, ids, state="both")
        part, metadata = capture.capture(model, ids, layers=[1], heads=[3], last_queries=20, stride=7, state="both",
                                         chunk=13)
        self.assertEqual(sorted(part), [f"layers.1.{state}.{side}" for state in ("post", "pre") for side in "kq"])
        for state in ("pre", "post"):
            q, k = (part[f"layers.1.{state}.{side}"] for side in "qk")
            torch.testing.assert_close(q, whole[f"layers.1.{state}.q"][3:, TOKENS - 20::7])
            torch.testing.assert_close(k, whole[f"layers.1.{state}.k"][1:])
        self.assertEqual([metadata[key] for key in ("query_first", "query_step", "key_first", "key_step", "tokens")],
                         ["41", "7", "0", "1", "61"])
        self.assertEqual((layers_of(metadata)[0]["query_heads"], layers_of(metadata)[0]["key_heads"]), ([3], [1]))

    def test_the_model_is_left_as_it_was(self):
        model, ids = models.make("Llama"), models.ids(TOKENS)
        module = sys.modules[type(model).__module__]
        rotation, own = module.apply_rotary_pos_emb, model.config._attn_implementation
        capture.capture(model, ids)
        self.assertIs(module.apply_rotary_pos_emb, rotation)
        self.assertEqual(model.config._attn_implementation, own)

    def test_what_cannot_be_captured(self):
        dynamic = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
        for name, changes, request, words in (
                ("Llama", {}, {"layers": [2]}, "--layers: no layer 2; the model has 2"),
                ("Llama", {}, {"heads": [4]}, "no head 4; it has 4"),
                ("Llama", {}, {"last_queries": 62}, "--last-queries: 62 of 61 tokens"),
                ("Llama", {"rope_parameters": dynamic}, {"chunk": 17}, "needs one pass"),
                ("Llama4Text", {}, {}, "changes between the rotation and attention")):
            with self.subTest(words):
                with self.assertRaisesRegex(capture.CaptureError, words):
                    capture.capture(models.make(name, **changes), models.ids(TOKENS), **request)
        model = models.make("Llama")
        with torch.no_grad():
            model.model.layers[0].self_attn.k_proj.weight.mul_(1e6)
        with self.assertRaisesRegex(capture.CaptureError, "beyond its range"):
            capture.capture(model, models.ids(TOKENS), dtype=torch.float16)

    def test_a_model_off_the_interface(self):
        config = transformers.FalconConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
        with self.assertRaisesRegex(capture.CaptureError, "AttentionInterface"):
            capture.capture(transformers.AutoModelForCausalLM.from_config(config), models.ids(TOKENS))


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_main(self, *arguments):
        return capture.main([str(argument) for argument in arguments])

    def test_a_folder_and_a_text(self):
        from tokenizers import Tokenizer
        words = Tokenizer.from_str(json.dumps({
            "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": {"?": 0, "to": 1, "be": 2, "or": 3, "not": 4}, "unk_token": "?"}}))
        models.make("StableLm").save_pretrained(self.folder / "model")
        transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(self.folder / "model")
        text, out = self.folder / "text.txt", self.folder / "c.safetensors"
        text.write_text("to be or not to be " * 5)
        given = [self.folder / "model", "--text", text, "-o", out, "--layers", "1", "--dtype", "bfloat16"]
        self.assertEqual(self.run_main(*given), 0)
        with safe_open(out, "pt") as file:
            self.assertEqual(file.metadata()["tokens"], "30")
            self.assertEqual(file.metadata()["dtype"], "bfloat16")
            self.assertEqual(json.loads(file.metadata()["config"])["model_type"], "stablelm")
            self.assertEqual(list(file.get_slice("layers.1.pre.q").get_shape()), [4, 30, 8])
        before = out.read_bytes()
        self.assertEqual(self.run_main(*given), 2)  # it exists
        self.assertEqual(self.run_main(*given, "--force", "--heads", "9"), 2)
        self.assertEqual(out.read_bytes(), before)
        self.assertEqual(self.run_main(self.folder / "none", "--text", text, "-o", self.folder / "d.safetensors"), 2)
        self.assertEqual(self.run_main(self.folder, "--text", self.folder / "no.txt", "-o", "x.safetensors"), 4)
        self.assertEqual(self.run_main(self.folder, "--text", text, "-o", self.folder / "none/d.safetensors"), 2)
        self.assertEqual(self.run_main(self.folder, "--text", out, "-o", self.folder / "d.safetensors"), 2)
        self.assertEqual(sorted(os.listdir(self.folder)), ["c.safetensors", "model", "text.txt"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
