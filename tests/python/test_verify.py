#!/usr/bin/env python3
# test_verify.py - ropemap.verify on kernels in NumPy and torch, right and with planted mistakes; ropemap.show
# SPDX-License-Identifier: MIT
"""PYTHONPATH has the module as it was built; ROPEMAP is the program. Exact angles are Python's own decimals."""
import decimal
import http.client
import os
import signal
import subprocess
import sys
import unittest

import numpy as np
import ropemap

try:
    import torch
except ImportError:
    torch = None

decimal.getcontext().prec = 60
TURN = decimal.Decimal("6.2831853071795864769252867665590057683943387987502116419498891846156328125724")


def angles(positions, dim, base=10000, ladder=None):
    """The exact angles less whole turns, float64 [positions, dim / 2]."""
    theta = [decimal.Decimal(base) ** (decimal.Decimal(-2 * i) / (ladder or dim)) / TURN for i in range(dim // 2)]
    turns = [[float(t * int(p) % 1) for t in theta] for p in positions]
    return np.array(turns) * 2 * np.pi


def rotate(x, angle, half=True):
    """In double, rounded to x's type; angle [positions, pairs] for rows [..., positions, dim]."""
    c, s, pairs = np.cos(angle), np.sin(angle), angle.shape[-1]
    y = x.astype(np.float64)
    first, second = (np.s_[..., :pairs], np.s_[..., pairs:2 * pairs]) if half else (np.s_[..., 0:2 * pairs:2], np.s_[..., 1:2 * pairs:2])
    a, b = y[first].copy(), y[second].copy()
    y[first], y[second] = a * c - b * s, a * s + b * c
    return y.astype(x.dtype)


def float_angles(positions, dim):
    inverse = (1 / np.float32(10000) ** (np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim))).astype(np.float32)
    return (positions.astype(np.float32)[:, None] * inverse).astype(np.float64)


class Verify(unittest.TestCase):
    def test_a_right_kernel(self):
        for dtype in ("float32", "float16", "float64"):
            made = ropemap.verify(lambda x, p: rotate(x, angles(p, 16)), head_dim=16, dtype=dtype)
            self.assertTrue(made, made)
            self.assertEqual((made.verdict, made.first_wrong, made.wrong, made.dtype), ("match", None, 0, dtype))
            self.assertEqual(made.by_position[-1]["last"], 2**40 - 1)
            self.assertIn("matches", repr(made))

    def test_the_usual_mistake_is_seen_at_131071(self):
        made = ropemap.verify(lambda x, p: rotate(x, float_angles(p, 64)), head_dim=64, last=131072)
        self.assertFalse(made)
        self.assertEqual(made.verdict, "fp32-angles")
        self.assertTrue(1e-3 < made.by_position[-1]["worst"] < 3e-2 and made.by_position[2]["wrong"] == 0, made)
        self.assertTrue(ropemap.verify(lambda x, p: rotate(x, float_angles(p, 64)), head_dim=64, last=131072, tolerance=0.03))

    def test_planted_mistakes(self):
        def wrapped(p):
            return p & 0xffff

        def overwriting(x, p):
            p[:] = 0
            return x
        for verdict, kernel, rule in (
                ("layout", lambda x, p: rotate(x, angles(p, 16), half=False), {}),
                ("unrotated", overwriting, {}),
                ("direction", lambda x, p: rotate(x, -angles(p, 16)), {}),
                ("position", lambda x, p: rotate(x, angles(p + 1, 16)), {}),
                ("position", lambda x, p: rotate(x, angles(wrapped(p), 16)), {}),
                ("position", lambda x, p: rotate(x, angles(np.minimum(p, 131070), 16)), {}),
                ("position", lambda x, p: rotate(x, angles(p.astype(np.float32).astype(np.int64), 16)), {"last": 2**39}),
                ("base", lambda x, p: rotate(x, angles(p, 16, 500000)), {}),
                ("partial-ignored", lambda x, p: rotate(x, angles(p, 16)), {"rotary_dim": 8}),
                ("exponent", lambda x, p: rotate(x, angles(p, 8, ladder=16)), {"rotary_dim": 8}),
                ("attention", lambda x, p: rotate(x, angles(p, 16)), {"scaling": "yarn:factor=4,original=4096"}),
                ("zeros", lambda x, p: np.where(p[:, None] < 131071, rotate(x, angles(p, 16)), 0), {})):
            made = ropemap.verify(kernel, head_dim=16, **rule)
            self.assertEqual(made.verdict, verdict, made)
            self.assertIn("DOES NOT MATCH", repr(made))
        self.assertEqual(made.first_wrong["position"], 131071)

    def test_heads_and_offsets(self):
        """Axes in either order, one wrong head of four, blocks that are told where they begin."""
        def heads_last(x, p):
            return rotate(x.swapaxes(-2, -3), angles(p, 16)).swapaxes(-2, -3)
        self.assertTrue(ropemap.verify(heads_last, head_dim=16, heads=3, order="shd", last=5000))
        self.assertTrue(ropemap.verify(heads_last, head_dim=16, heads=3, batch=2, order="shd", last=500))

        def one_wrong(x, p):
            y = rotate(x, angles(p, 16))
            y[3] = rotate(x[3], angles(p, 16), half=False)
            return y
        made = ropemap.verify(one_wrong, head_dim=16, heads=4, last=5000)
        self.assertEqual(made.verdict, "layout", made)
        self.assertEqual(made.first_wrong["row"] // (made.rows // 4), 3)

        def from_first(x, first):
            self.assertIsInstance(first, int)
            return rotate(x, angles(np.arange(first, first + x.shape[-2]), 16))
        self.assertTrue(ropemap.verify(from_first, head_dim=16, offset=True))
        self.assertTrue(ropemap.verify(from_first, head_dim=16, offset=True, last=20))  # one block
        made = ropemap.verify(lambda x, first: from_first(x, first + 1), head_dim=16, offset=True, heads=2)
        self.assertEqual(made.verdict, "position")

    @unittest.skipIf(torch is None, "torch is not installed")
    def test_torch(self):
        def exact(x, p):
            return torch.from_numpy(rotate(x.float().numpy(), angles(p.numpy(), 16))).to(x.dtype)
        for dtype in ("float32", "bfloat16", "float16"):
            self.assertTrue(ropemap.verify(exact, on="torch", dtype=dtype, head_dim=16, heads=2, last=2**20))
        if not torch.cuda.is_available():
            with self.assertRaisesRegex(ropemap.UsageError, "on: 'cuda:1' with dtype 'float32': .*; give 'numpy', 'torch'"):
                ropemap.verify(exact, on="cuda:1")
        for offset in (False, True):
            made = ropemap.verify(lambda x, p: x, on="cpu", head_dim=16, offset=offset, last=99, speed=True)
            self.assertGreater(made.speed["copy"], 0)
            self.assertRegex(repr(made), r"GB/s, \d+\.\d\d of a copy's \d")

        def autocast(x, p):
            inverse = (1 / 10000 ** (torch.arange(0, 16, 2).float() / 16)).bfloat16()
            angle = torch.cat([p.bfloat16()[:, None] * inverse] * 2, dim=-1)
            turned = torch.cat([-x[..., 8:], x[..., :8]], dim=-1)
            return x * angle.cos() + turned * angle.sin()
        made = ropemap.verify(autocast, on="torch", dtype="bfloat16", head_dim=16, last=2**20)
        self.assertEqual(made.verdict, "bf16-angles", made)

    @unittest.skipIf(torch is None, "torch is not installed")
    def test_a_module_of_transformers(self):
        try:
            from transformers import LlamaConfig
            from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb
        except ImportError:
            self.skipTest("transformers is not installed")
        config = LlamaConfig(hidden_size=256, num_attention_heads=4, max_position_embeddings=131072, rope_parameters={
            "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192})
        embedding = LlamaRotaryEmbedding(config)

        def kernel(x, p):
            cos, sin = embedding(x, p[None])
            return apply_rotary_pos_emb(x, x, cos, sin)[0]
        rule = {"base": 500000, "head_dim": 64, "scaling": "llama3:factor=8,low=1,high=4,original=8192"}
        made = ropemap.verify(kernel, on="torch", batch=1, heads=4, last=131072, **rule)
        self.assertEqual(made.verdict, "fp32-angles", made)
        self.assertTrue(ropemap.verify(kernel, on="torch", batch=1, heads=4, last=131072, tolerance=0.03, **rule))
        self.assertEqual(ropemap.verify(kernel, on="torch", batch=1, heads=4, last=131072, base=500000, head_dim=64).verdict, "rule")

    def test_refusals(self):
        def same(x, p):
            return x
        for words, options in (("dtype: 'int8'", {"dtype": "int8"}), ("on: 'cupy'", {"on": "cupy"}), ("order", {"order": "dhs"}),
                               ("last: 0", {"last": 0}), ("last: 1.5", {"last": 1.5}), ("heads: 0", {"heads": 0}), ("batch: 'x'", {"batch": "x"}),
                                ("last: 1099511627776", {"last": 2**40}), ("last: 3", {"last": 3, "offset": True}),
                               ("head_dim", {"head_dim": 7}), ("axes", {"axes": "64,64"}), ("bse", {"bse": 1e4}),
                               ("tolerance", {"tolerance": 3}), ("speed: .*torch", {"speed": True})):
            with self.assertRaisesRegex(ropemap.UsageError, words):
                ropemap.verify(same, **options)
        with self.assertRaisesRegex(ropemap.UsageError, "f: int"):
            ropemap.verify(3)
        with self.assertRaisesRegex(ropemap.DataError, "shape"):
            ropemap.verify(lambda x, p: x[:3])
        with self.assertRaisesRegex(ropemap.DataError, "no array of numbers"):
            ropemap.verify(lambda x, p: [object()])
        with self.assertRaises(ZeroDivisionError):
            ropemap.verify(lambda x, p: 1 // 0)


class Show(unittest.TestCase):
    def status(self, explorer, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=600)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def test_a_frame_of_a_server_that_ends(self):
        with ropemap.show(preset="llama3.1-8b", positions=131072) as explorer:
            answer = self.status(explorer, "/?token=" + explorer.token)
            self.assertEqual(answer.status, 200)
            self.assertIn("frame-ancestors http://localhost:* http://127.0.0.1:*", answer.headers["Content-Security-Policy"])
            self.assertIn(f'":{explorer.port}/?token={explorer.token}"', explorer._repr_html_())
            process = explorer.process
            process.send_signal(signal.SIGINT)  # an interrupted cell's
            self.assertEqual(self.status(explorer, "/?token=" + explorer.token).status, 200)
        self.assertIsNotNone(process.poll())
        explorer.close()

    def test_behind_a_proxy(self):
        with self.assertRaisesRegex(ropemap.UsageError, "proxy_host"):
            ropemap.show(port=8080, proxy="/user/me/proxy")
        with ropemap.show() as other:
            port = other.port
        with ropemap.show(port=port, proxy="/user/me/proxy/", proxy_host="hub.example.org") as explorer:
            self.assertEqual(explorer.base_path, f"/user/me/proxy/{port}")
            self.assertIn(f'src = "/user/me/proxy/{port}/?token=', explorer._repr_html_())
            answer = self.status(explorer, "/?token=" + explorer.token, Host="hub.example.org")
            self.assertEqual(answer.status, 200)
            self.assertIn("frame-ancestors 'self'", answer.headers["Content-Security-Policy"])

    def test_it_ends_with_python(self):
        code = "import ropemap; print(ropemap.show().process.pid)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(done.stdout), 0)

    def test_refusals_have_the_program_s_sentence(self):
        with self.assertRaisesRegex(ropemap.UsageError, "no 'llama'"):
            ropemap.show(preset="llama")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
