# test_bench_cuda.py - `ropemap bench` of a GPU, on an emulated one: every row is right, and every option does its work
# SPDX-License-Identifier: MIT
"""Times are those of the emulation: none is judged."""
import json
import re
import unittest

from gpus import COMPILER, Cuda, compile_library
from harness import read_png

SMALL = ["--backend", "cuda", "-n", "70", "-d", "8", "--size", "9x8", "--block", "48", "--samples", "2", "-q"]
ONE = ["rotate", *SMALL, "--dtype", "bf16", "--heads", "2:1", "--layout", "half"]

# NVML's answers, in the environment: clocks are reduced for power if REASONS says so.
NVML = r"""
#include <stdlib.h>
#include <string.h>
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "987.65.43", size); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = "GPU"; return index == 0 ? 0 : 2; }
int nvmlDeviceGetClockInfo(void *device, int kind, unsigned *mhz) {
    *mhz = kind == 1 ? 1755 : kind == 2 ? 2619 : 1;
    return strcmp(device, "GPU");
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *heat) { *heat = 41; return sensor + strcmp(device, "GPU"); }
int nvmlDeviceGetPowerUsage(void *device, unsigned *power) { *power = 123000; return strcmp(device, "GPU"); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    *reasons = strtoull(getenv("REASONS"), NULL, 0);
    return strcmp(device, "GPU");
}
"""


class Emulated(Cuda):
    GPUS = "memory=128M,cache=64K"

    def bench(self, *arguments, code=0, **environment):
        result = self.run_program("bench", *arguments, env=self.environment(**environment))
        self.assertEqual(result.returncode, code, (arguments, result.stderr))
        return result.stdout, result.stderr.decode()

    def document(self, *arguments, **environment):
        return json.loads(self.bench(*arguments, "--json", **environment)[0])

    def test_every_benchmark(self):
        document = self.document(*SMALL, "--samples", "1", "--heads", "3:1", "--roofline", "roof.png")
        rows = document["rows"]
        names = {"rotate", "rotate far", "similarity", "pool mean", "pool max", "pool std", "tile max", "tile std",
                 "map mean", "map max", "map std", "map in a session max", "map max of ones", "softmax"}
        self.assertEqual({row["name"] for row in rows}, names)
        for row in rows:
            self.assertEqual((row["wrong"], row["backend"]), (0, "cuda"), row)
            self.assertGreater(row["checked"], 0, row)
            self.assertLessEqual(row["error"], row["allowed"], row)
            self.assertEqual(row["seconds"]["samples"], 1)
            self.assertGreater(row["share"], 0, row)
            self.assertEqual(row["seconds"]["cold"] > 0, row["bench"] not in ("map", "softmax"), row)
            self.assertEqual(row["device_bytes"] > 0, row["bench"] == "map", row)
            if row["bench"] in ("rotate", "similarity"):
                self.assertGreater(row["seconds"]["graph"], 0, row)
                self.assertIsNone(row["no_graph"], row)
            else:
                self.assertIsNone(row["seconds"]["graph"], row)
                self.assertIn("more than one stream", row["no_graph"])
            self.assertEqual(row["seconds"]["predicted"], 0, row)  # a prediction is for the usual shape
        self.assertEqual([(row["dtype"], row["layout"]) for row in rows if row["name"] == "rotate"],
                         [(dtype, layout) for dtype in ("fp32", "bf16", "fp16") for layout in ("half", "interleaved")])
        for name in ("similarity", "tile max", "tile std", "map max", "map std", "map in a session max"):
            self.assertEqual([row["dtype"] for row in rows if row["name"] == name], ["fp32", "tf32", "bf16", "fp16"])
        for row in rows:
            if row["bench"] == "map":
                self.assertEqual((row["target"]["of"], row["target"]["met"]), ("device_bytes", True), row)
        gpu = document["gpu"]
        self.assertEqual((gpu["name"], gpu["before"], gpu["after"], gpu["throttled"], gpu["driver"]),
                         ("Emulated GPU", None, None, False, ""))
        self.assertEqual(set(gpu["product_rates"]), {"fp32", "tf32", "bf16", "fp16"})
        self.assertGreater(gpu["copy_rate"], 0)
        picture = read_png(self.read("roof.png"))
        self.assertGreater(picture["width"], 1000)

    def test_fused(self):
        """Rows of types and sizes that no kernel fuses are no rows."""
        rows = self.document("tile", *SMALL, "-d", "48", "--dtype", "tf32,fp16,fp32", "--samples", "1")["rows"]
        fused = [row for row in rows if row["name"] == "fused max"]
        self.assertEqual([(row["dtype"], row["wrong"], row["flops"]) for row in fused],
                         [(dtype, 0, 2 * 70 * 70 * 48) for dtype in ("fp16", "fp32")])
        self.assertTrue(all(row["checked"] > 0 for row in fused), fused)
        warps = [row for row in rows if row["name"] == "fused by warps max"]
        self.assertEqual([(row["dtype"], row["wrong"]) for row in warps], [("fp16", 0), ("fp32", 0)])

    def test_bytes_and_flops(self):
        row = self.document(*ONE)["rows"][0]
        self.assertEqual(row["bytes"], 2 * 2 * 70 * 3 * 8)
        self.assertEqual(row["flops"], (19 + 6 * 3) * 70 * 4)
        row = self.document("tile", *SMALL, "--dtype", "fp16")["rows"][0]
        self.assertEqual((row["block"], row["flops"]), (48, 2 * 48 * 48 * 8))
        self.assertEqual(row["bytes"], 2 * 48 * 8 * 2 + 8 * 48 * 48)

    def test_lists(self):
        rows = self.document("rotate", *SMALL, "--dtype", "fp16,fp32", "--heads", "9,2:0", "--layout", "half",
                             "-n", "16-32*2")["rows"]
        self.assertEqual([(row["positions"], row["dtype"], row["heads"], row["key_heads"]) for row in rows
                          if row["name"] == "rotate"],
                         [(n, dtype, *heads) for n in (16, 32) for dtype in ("fp16", "fp32") for heads in ((9, 2), (2, 0))])
        rows = self.document("similarity", *SMALL, "--dtype", "bf16", "--block", "16,32", "-d", "4,6")["rows"]
        self.assertEqual([(row["head_dim"], row["block"]) for row in rows], [(4, 16), (4, 32), (6, 16), (6, 32)])

    def test_formats(self):
        text = self.bench(*ONE)[0].decode()
        table = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in table}, {20})
        self.assertIn("| median | predicted for an H200 | in a graph |", table[0])
        self.assertIn("GPU 0: Emulated GPU", text)

    def test_a_graph_that_fails(self):
        """Its row is there all the same."""
        environment = {"ROPEMAP_FAKE_CUDA": "memory=128M,cache=64K,fail=cudaStreamEndCapture:1"}
        rows = self.document(*ONE, **environment)["rows"]
        self.assertEqual([(row["seconds"]["samples"], row["wrong"], row["failure"]) for row in rows],
                         [(2, 0, None)] * 2)
        self.assertEqual([row["seconds"]["graph"] is None for row in rows], [True, False])
        self.assertIn("cudaStreamEndCapture failed", rows[0]["no_graph"])
        table = [line.split("|") for line in self.bench(*ONE, **environment)[0].decode().splitlines() if line[:1] == "|"]
        at = table[0].index(" in a graph ")
        self.assertEqual([row[at] == " - " for row in table[2:]], [True, False])

    def test_compared_with_a_record_older_than_graphs(self):
        document = self.document(*ONE)
        for row in document["rows"]:
            del row["seconds"]["graph"], row["no_graph"]
        with open(self.path("old.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        rows = self.document(*ONE, "--baseline", "old.json")["rows"]
        self.assertEqual([row["baseline"]["verdict"] for row in rows], ["too few samples"] * 2)
        self.assertTrue(all(row["seconds"]["graph"] > 0 for row in rows), rows)

    def test_auto_takes_the_gpu_for_what_it_has(self):
        arguments = ["-n", "20", "-d", "4", "--samples", "1", "-q"]
        self.assertEqual({row["backend"] for row in self.document("rotate", *arguments)["rows"]}, {"cuda"})
        self.assertEqual({row["backend"] for row in self.document("rotate", "diagonal", *arguments)["rows"]}, {"cpu"})
        self.assertEqual({row["backend"] for row in self.document("rotate", *arguments, CUDA_VISIBLE_DEVICES="")["rows"]},
                         {"cpu"})

    def test_profile(self):
        rows = self.document(*ONE, "--profile")["rows"]
        self.assertEqual([(row["seconds"]["samples"], row["wrong"]) for row in rows], [(0, 0)] * 2)
        self.bench(*ONE, "--profile", "--roofline", "a.png", code=2)

    def test_memory_runs_out(self):
        """A row that fails is a row, and the others are measured."""
        arguments = ["rotate", *SMALL, "-d", "64", "-n", "20,1M,30", "--dtype", "fp32", "--heads", "1:1", "--layout", "half"]
        output, text = self.bench(*arguments, "--rows", "rows", code=5)
        self.assertIn("out of memory", text)
        table = [line for line in output.decode().splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in table}, {20})
        self.assertIn("| median | predicted for an H200 | in a graph |", table[0])
        self.assertEqual([bool(re.search(r"FAILED: .*out of memory", line)) for line in table[2:]],
                         [False, True, False] * 2)
        document = json.loads(self.bench(*arguments, "--json", code=5)[0])
        lines = [json.loads(line) for line in self.read("rows").splitlines()]
        self.assertEqual(lines[0]["gpu"]["name"], "Emulated GPU")
        for rows in (document["rows"], lines[1:]):
            self.assertEqual([(row["positions"], row["seconds"]["samples"] > 0, row["failure"] is None) for row in rows],
                             [(20, True, True), (1048576, False, False), (30, True, True)] * 2)

    def test_no_such_gpu(self):
        self.assertIn("there is no GPU 3", self.bench(*ONE, "--device", "3", code=5)[1])

    @unittest.skipUnless(COMPILER, "there is no C compiler here")
    def test_clocks(self):
        compile_library(self.driver, "libnvidia-ml.so.1", NVML)
        gpu = self.document(*ONE, REASONS="0x1")["gpu"]
        state = {"processor_mhz": 1755, "memory_mhz": 2619, "celsius": 41, "watts": 123.0, "reasons": 1}
        self.assertEqual((gpu["driver"], gpu["before"], gpu["after"], gpu["throttled"]),
                         ("987.65.43", state, state, False))
        document = self.document(*ONE, REASONS="0x24")
        self.assertEqual((document["gpu"]["throttled"], document["gpu"]["reasons"]), (True, "power cap, heat"))
        self.assertTrue(all(row["throttled"] for row in document["rows"]))
        self.assertIn("HELD BACK (power cap, heat)", self.bench(*ONE, REASONS="0x24")[0].decode())


if __name__ == "__main__":
    unittest.main()
