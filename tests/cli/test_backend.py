# test_backend.py - what computes a map, what it says where that is not what was wanted, and the types of rows
# SPDX-License-Identifier: MIT
import json
import math
import os
import unittest

from gpus import NoBackend
from harness import SANITIZE, Case, read_npy, write_npy

# Half a second of arithmetic and little to pool: more than `auto` leaves to the CPU.
LARGE = ["--content", "gauss", "--head-dim", "4096", "-n", "2600", "--pool", "max", "--size", "8"]
NO_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


class Backend(Case):
    def test_auto_says_once_why_there_is_no_gpu(self):
        driver = json.loads(self.done("doctor", "--json", env=NO_GPU).stdout)
        result = self.done("map", "-n", "30", "-o", "a.npy", "--json", "-v", env=NO_GPU)
        document = json.loads(result.stdout)
        self.assertEqual([document["backend"], document["backend_reason"], document["fell_back"]],
                         ["cpu", driver["driver_reason"], False])
        self.assertEqual(document["plan"]["device_bytes"], 0)
        text = result.stderr.decode()
        self.assertIn("backend  cpu, ", text)
        self.assertIn(document["backend_reason"], text)
        without = "there is no NVIDIA driver" in document["backend_reason"]
        result = self.done("map", "-n", "30", "-o", "b.npy", env=NO_GPU)
        self.assertEqual(result.stderr.count(b"\n"), 1 if without else 2, result.stderr)

    def test_cpu_is_asked_for(self):
        result = self.done("map", "-n", "30", "--backend", "cpu", "-o", "a.npy", "--json")
        self.assertEqual([json.loads(result.stdout)["backend_reason"], result.stderr], ["asked for", b""])

    def test_cuda_without_a_gpu(self):
        self.refused(5, ["no GPU"], "map", "-n", "30", "--backend", "cuda", "-o", "a.npy", env=NO_GPU)
        self.refused(5, ["no GPU"], "map", "-n", "30", "--backend=cuda", "--dry-run", env=NO_GPU)
        self.assertEqual(self.names(), [])

    def test_values(self):
        self.refused(2, ["--backend", "cudda", "did you mean cuda?"], "map", "--backend", "cudda", "--dry-run")
        self.refused(2, ["--dtype", "fp32|tf32|bf16|fp16"], "map", "--dtype", "fp64", "--dry-run")
        self.refused(2, ["--kernel", "auto|fused|tiles"], "map", "--kernel", "melted", "--dry-run")
        for text in ("-1", "x", "1.5", "1024"):
            self.refused(2, ["--device", text], "map", "--device", text, "--dry-run")


class Kernels(Case):
    def test_where_products_are_pooled(self):
        tiled = ["-n", "50", "--size", "7", "--pool", "absmax", "--method", "tiled", "--backend", "cpu"]
        cells, document = self.map(*tiled)
        self.assertEqual(document["plan"]["kernel"], "fused")
        for kernel in ("tiles", "fused"):
            own, document = self.map(*tiled, "--kernel", kernel)
            self.assertEqual([document["plan"]["kernel"], own], [kernel, cells])
        self.refused(2, ["--kernel", "factored"], "map", "-n", "50", "--kernel", "fused", "-o", "x.npy")


class Fields(Case):
    """A field that the library names is the option's, where there is one of that name."""

    def test_options_are_named(self):
        self.refused(5, ["ropemap: --memory: the "], "map", "--backend", "cpu", "--pool", "max", "--content", "gauss",
                     "--memory", "1k", "--dry-run")
        self.refused(2, ["ropemap: --method: diagonal"], "map", "--backend", "cpu", "--content", "gauss", "--method",
                     "diagonal", "--dry-run")
        self.refused(2, ["ropemap: --rotary-dim: "], "map", "-d", "8", "--rotary-dim", "16", "--dry-run")

    def test_files_are_not(self):
        self.write("rows", b"")
        self.refused(3, ["ropemap: rows: "], "map", "--queries", "rows", "--keys", "rows", "--dry-run")


class Dtypes(Case):
    """Rows of one pair that are not rotated: rounding shows in the product."""

    def product(self, q, k, *arguments):
        self.write("q.npy", write_npy([1, 2], [q, 0.0]))
        self.write("k.npy", write_npy([1, 2], [k, 0.0]))
        result = self.done("map", "--queries", "q.npy", "--keys", "k.npy", "--state", "post", "--method", "tiled",
                           "--backend", "cpu", "-o", "a.npy", "--force", "--json", *arguments)
        return read_npy(self.read("a.npy"))[0][0], json.loads(result.stdout)["dtype"]

    def test_rounding(self):
        def power(exponent):
            return 1 + 2.0**exponent
        rounded = {"fp32": {-7: power(-7), -9: power(-9), -12: power(-12)},
                   "tf32": {-7: power(-7), -9: power(-9), -12: 1},
                   "fp16": {-7: power(-7), -9: power(-9), -12: 1},
                   "bf16": {-7: power(-7), -9: 1, -12: 1}}
        for dtype, cases in rounded.items():
            for exponent, want in cases.items():
                with self.subTest(dtype=dtype, exponent=exponent):
                    self.assertEqual(self.product(power(exponent), 1.0, "--dtype", dtype), (want, dtype))
                    self.assertEqual(self.product(1.0, power(exponent), "--dtype", dtype), (want, dtype))
        self.assertEqual(self.product(power(-12), 1.0), (power(-12), "fp32"))

    def test_range(self):
        for dtype, want in (("fp32", 2.0**17), ("tf32", 2.0**17), ("bf16", 2.0**17), ("fp16", math.inf)):
            self.assertEqual(self.product(2.0**17, 1.0, "--dtype", dtype), (want, dtype))
        small = 2.0**-26 # below half of the smallest fp16
        for dtype, want in (("fp32", small), ("tf32", small), ("bf16", small), ("fp16", 0.0)):
            self.assertEqual(self.product(small, 1.0, "--dtype", dtype), (want, dtype))

    def test_reports(self):
        arguments = ["map", "-n", "40", "--backend", "cpu", "-o", "a.npy", "--force"]
        tiled = [*arguments, "--method", "tiled"]
        self.assertIn(b"; tiled in bf16 on cpu, ", self.done(*tiled, "--dtype", "bf16").stderr)
        self.assertIn(b"; tiled on cpu, ", self.done(*tiled).stderr)
        for kernel, words in (("fused", ", pooled where they are made\n"), ("tiles", " positions\n")):
            asked = [*tiled, "--kernel", kernel, "--dry-run"]
            self.assertRegex(self.done(*asked).stdout.decode(), r"\ntiles .*" + words)
            self.assertEqual(json.loads(self.done(*asked, "--json").stdout)["plan"]["kernel"], kernel)
        self.refused(2, ["ropemap: --kernel: the factored method", "ask for the tiled one"], "map", "-n", "40",
                     "--kernel", "fused", "--backend", "cpu", "--dry-run")
        self.assertIn("\ndtype    fp16\n", self.done(*tiled, "--dtype", "fp16", "--dry-run").stdout.decode())
        self.assertNotIn("dtype", self.done(*tiled, "--dry-run").stdout.decode())
        other = self.done(*arguments, "--dtype", "bf16", "--dry-run").stdout.decode()
        self.assertIn("\ndtype    fp32, not bf16: ", other)
        document = json.loads(self.done(*arguments, "--dtype", "bf16", "--dry-run", "--json").stdout)
        self.assertEqual([document["method"], document["dtype"]], ["factored", "fp32"])
        self.assertIn(b"; factored in fp32 on cpu, ", self.done(*arguments, "--dtype", "bf16").stderr)


class FakeDriver(NoBackend):
    def map(self, code, *arguments, **settings):
        output = ["-o", "a.npy" if "--json" in arguments else "-", "--force"]
        return self.run_with(code, "map", *arguments, *output, **settings)

    @unittest.skipIf(SANITIZE, "a map that is large enough for a GPU takes half a minute with a sanitizer")
    def test_a_large_map_says_that_it_fell_back(self):
        output, text = self.map(0, *LARGE, "--json")
        document = json.loads(output)
        self.assertEqual([document["backend"], document["fell_back"], document["plan"]["device_bytes"]],
                         ["cpu", True, 0])
        self.assertTrue(text.endswith("ropemap: backend: %s; computed on the CPU\n" % document["backend_reason"]), text)
        cells = self.read("a.npy")
        self.assertEqual(self.map(0, *LARGE, "--json", "--backend", "cpu", "--quiet")[1], "")
        self.assertEqual(self.read("a.npy"), cells)

    def test_quiet(self):
        self.assertEqual(self.map(0, "-n", "30", "--quiet", init=999)[1], "")

    def test_a_small_map_is_nobodys_concern(self):
        output, text = self.map(0, "-n", "30", "--json")
        self.assertEqual(text, "")
        self.assertIn("a GPU takes longer to start", json.loads(output)["backend_reason"])

    def test_a_plan_names_the_gpu_and_its_memory(self):
        output, _ = self.map(0, *LARGE, "--dry-run", "--device", "1")
        self.assertRegex(output.decode(), r"(?m)^backend  cuda, \d+ threads?: GPU 1, Make\?Believe II$")
        self.assertRegex(output.decode(), r"(?m)^memory   .*, and [0-9.]+ MiB of the GPU's$")
        self.assertIn("GPU 0, Make?Believe\n", self.map(0, *LARGE, "--dry-run")[0].decode())
        document = json.loads(self.map(0, *LARGE, "--dry-run", "--json")[0])
        self.assertEqual([document["backend"], document["fell_back"]], ["cuda", False])
        self.assertGreater(document["plan"]["device_bytes"], 0)

    def test_cuda_that_cannot_be_had(self):
        text = self.map(5, "-n", "30", "--backend", "cuda")[1]
        self.assertEqual(text.count("\n"), 1)
        self.assertEqual(self.map(5, "-n", "30", "--backend", "cuda", "--device", "7")[1],
                         "ropemap: --device: there is no GPU 7, expected 0 to 1\n")

    def test_odd_reasons_are_told(self):
        for arguments, settings, reason in ((["--device", "7"], {}, "there is no GPU 7"),
                                               ([], {"init": 999}, "unknown error (emulated) (999)"),
                                               ([], {"gone": 0}, "unknown error (emulated) (999)")):
            text = self.map(0, "-n", "30", "--json", *arguments, **settings)[1]
            self.assertTrue(text.startswith("ropemap: backend: ") and text.endswith("; computed on the CPU\n"), text)
            self.assertIn(reason, text)
            self.assertEqual(text.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
