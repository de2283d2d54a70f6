# test_cuda.py - the program with the CUDA backend: its plugin with emulated kernels, and a driver that is a stand-in
# SPDX-License-Identifier: MIT
"""ROPEMAP_EMULATED and ROPEMAP_FAKE_DRIVER name the two libraries; ROPEMAP_FAKE_CUDA says what the GPU is like."""
import json
import os
import re
import shutil
import unittest

import harness
from harness import Case, bound, read_npy

EMULATED = os.environ.get("ROPEMAP_EMULATED", "")
DRIVER = os.environ.get("ROPEMAP_FAKE_DRIVER", "")
LIBRARIES, PROGRAMS = os.environ.get("ROPEMAP_LIBDIR", "lib"), os.environ.get("ROPEMAP_BINDIR", "bin")
SMALL = ["-n", "300", "-d", "8", "--size", "40", "--method", "tiled", "--pool", "max"]


@unittest.skipUnless(EMULATED and DRIVER, "needs the emulated plugin and driver")
class Cuda(Case):
    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.directory, "bin")
        os.mkdir(self.bin)
        self.program = os.path.join(self.bin, "ropemap")
        shutil.copy(harness.PROGRAM, self.program)
        self.plugin = os.path.join(self.bin, "libropemap-cuda.so")
        os.symlink(EMULATED, self.plugin)
        self.driver = os.path.join(self.bin, "driver")
        os.mkdir(self.driver)
        os.symlink(DRIVER, os.path.join(self.driver, "libcuda.so.1"))
        self.addCleanup(setattr, harness, "PROGRAM", harness.PROGRAM)
        harness.PROGRAM = self.program

    def environment(self, **change):
        """The stand-ins' environment; None takes a variable out."""
        wanted = {**os.environ, "LD_LIBRARY_PATH": self.driver, **change}
        return {name: value for name, value in wanted.items() if value is not None}

    def compute(self, *arguments, **change):
        """The cells and the document of a map, and what was said on stderr."""
        result = self.done("map", *arguments, "-o", "cells.npy", "--force", "--json", env=self.environment(**change))
        # AddressSanitizer warns of switches that the emulation reports to it.
        said = re.sub(r"==\d+==WARNING: ASan doesn't fully support makecontext.*\n", "", result.stderr.decode())
        return read_npy(self.read("cells.npy")), json.loads(result.stdout), said

    def plan(self, *arguments, **change):
        return json.loads(self.done("map", *arguments, "--dry-run", "--json", env=self.environment(**change)).stdout)

    def unusable(self, words, *arguments, **change):
        """One line and exit 5 if a GPU was requested; otherwise the CPU."""
        self.refused(5, words, "map", *SMALL, *arguments, "--backend", "cuda", "-o", "x.npy",
                     env=self.environment(**change))
        self.assertNotIn("x.npy", self.names())
        document = self.compute(*SMALL, *arguments, **change)[1]
        self.assertEqual(document["backend"], "cpu")


class Maps(Cuda):
    def test_the_same_map_on_both(self):
        """
        Extremes of products that both backends sum in float: twice what float32 may lose. A level of the picture is
        1/255 of the range, 4e-3 or so: as R7 says, few pixels lie that close to the edge of one.
        """
        cells = {}
        for backend in ("cpu", "cuda"):
            cells[backend], document, said = self.compute(*SMALL, "--backend", backend)
            self.assertEqual([document["backend"], document["fell_back"], said], [backend, False, ""])
            self.done("map", *SMALL, "--backend", backend, "--bare", "--cmap", "grey", "-o", backend + ".png",
                      env=self.environment())
        self.assert_cells(cells["cuda"], cells["cpu"], 2 * bound(8))
        pictures = [b"".join(harness.read_png(self.read(name + ".png"))["rows"]) for name in cells]
        self.assertEqual(len(pictures[0]), len(pictures[1]))
        apart = [abs(a - b) for a, b in zip(*pictures) if a != b]
        self.assertLessEqual(len(apart), len(pictures[0]) / 1000)
        self.assertLessEqual(max(apart, default=0), 1)

    def test_types(self):
        for dtype, rounding in (("tf32", 2**-11), ("bf16", 2**-8), ("fp16", 2**-11)):
            cells = [self.compute(*SMALL, "--backend", backend, "--dtype", dtype)[0] for backend in ("cpu", "cuda")]
            self.assert_cells(*cells, 2 * (bound(8) + 2.01 * rounding))

    def test_another_device(self):
        document = self.compute(*SMALL, "--backend", "cuda", "--device", "1", ROPEMAP_FAKE_CUDA="devices=2")[1]
        self.assertIn("GPU 1", document["backend_reason"])


class Devices(Cuda):
    """Several GPUs share a map; sides are odd, and bands many."""
    ALIKE = "devices=3,alike=1,"
    MAP = ["-n", "307", "-d", "8", "--size", "31x37", "--method", "tiled", "--backend", "cuda", "--content", "gauss"]
    KINDS = (["--pool", "max"], ["--pool", "mean", "--causal"], ["--measure", "softmax", "--causal"])

    def share(self, devices, *arguments, only=""):
        """The bytes of the cells, the document, and what was said."""
        made = self.compute(*self.MAP, *arguments, "--device", devices, ROPEMAP_FAKE_CUDA=self.ALIKE + only)
        said = re.sub(r"(?m)^ropemap: parts .*\n", "", made[2])  # progress, on a slow machine
        return self.read("cells.npy"), made[1], said

    def test_the_bytes_of_one(self):
        for kind in (*self.KINDS, ["--pool", "max", "--diff", "base=500"]):
            one = self.share("0", *kind)[0]
            cells, document, said = self.share("2,0,1", *kind)
            self.assertEqual(cells, one, kind)
            self.assertEqual(said, "")
            self.assertRegex(document["backend_reason"], r"^GPU [012], Emulated GPU")  # one may have been fastest

    def test_one_that_is_lost(self):
        self.write("now", b"")
        kind = self.KINDS[2]
        one = self.share("0", *kind)[0]
        for way in ("lost=now", "fail=cudaMalloc:2:2"):
            cells, document, said = self.share("0,1,2", *kind, only="only=1," + way)
            self.assertEqual(cells, one, way)
            self.assertNotIn("GPU 1", document["backend_reason"])
            self.assertRegex(said, r"^(ropemap: warning: --device: GPU 1 leaves .*cuda: cuda.*\n)?$")  # if it had a turn

    def test_all_are_lost(self):
        self.write("now", b"")
        result = self.run_program("map", *self.MAP, "--device", "0,1", "-o", "x.npy", "-q",
                                  env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE + "lost=now"))
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertRegex(result.stderr.decode(), "--device: no GPU of the list is left; GPU [01]: .*illegal address")
        self.assertNotIn("x.npy", self.names())

    def test_a_method_without_parts(self):
        arguments = ["-n", "300", "--size", "40", "--method", "factored", "--backend", "cuda", "--device"]
        one, two = (self.compute(*arguments, devices, ROPEMAP_FAKE_CUDA=self.ALIKE)[0] for devices in ("0", "0,1"))
        self.assertEqual(one, two)

    def test_a_plan(self):
        environment = self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE)
        text = self.done("map", *self.MAP, "--device", "1,2", "--dry-run", env=environment).stdout.decode()
        self.assertIn("GPU 1, Emulated GPU, and GPU 2\n", text)

    def test_what_cannot_be_shared(self):
        for words, arguments, settings in (
                (["--device", "'0,1,0' has GPU 0 twice"], ["--device", "0,1,0"], self.ALIKE),
                (["--device", "-1"], ["--device", "0,-1"], self.ALIKE),
                (["--device", "1024"], ["--device", "0,1024"], self.ALIKE),
                (["--device"], ["--device", "0,"], self.ALIKE),
                (["--device and --work", "start one"], ["--device", "0,1", "--work", "w"], self.ALIKE),
                (["the CPU", "--backend cuda"], ["--device", "0,1", "--backend", "cpu"], self.ALIKE),
                (["GPU 0 (Emulated GPU", "GPU 1 (Emulated GPU II", "one kind"], ["--device", "0,1"], "devices=2")):
            self.refused(2, words, "map", *self.MAP, *arguments, "-o", "x.npy",
                         env=self.environment(ROPEMAP_FAKE_CUDA=settings))
        self.refused(5, ["there is no GPU 3"], "map", *self.MAP, "--device", "0,3", "-o", "x.npy",
                     env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE))
        self.refused(2, ["--device", "0,1"], "curve", "--device", "0,1", "-o", "x.npy")


class Choice(Cuda):
    LARGE = ["-n", "64k", "--method", "tiled", "--pool", "max"]  # 5.5e11 operations

    def test_small_maps_stay(self):
        document = self.plan(*SMALL)
        self.assertEqual(document["backend"], "cpu")
        self.assertIn("longer to start", document["backend_reason"])

    def test_large_maps_go(self):
        document = self.plan(*self.LARGE)
        self.assertEqual([document["backend"], document["fell_back"]], ["cuda", False])
        self.assertIn("Emulated GPU", document["backend_reason"])
        self.assertEqual(self.plan(*self.LARGE, "--backend", "cpu")["backend"], "cpu")

    def test_tiles_fit_the_cache(self):
        """
        Two tiles of a block in three quarters of the cache; what is left is for a second tile a worker, and for
        batches. Rows, tiles and cells take 256 MiB at most besides keys that stay, of a map of 1024 cells a side.
        """
        tile = ["-n", "64k", "-d", "128", "--size", "1024", "--method", "tiled", "--pool", "max", "--backend", "cuda",
                "--content", "gauss"]
        room = {}
        for cache, block in (("1M", 256), ("4M", 512), ("6M", 512), ("40M", 1024), ("50M", 2048), ("96M", 2048),
                             ("512M", 2048)):
            plan = self.plan(*tile, ROPEMAP_FAKE_CUDA="memory=64G,cache=" + cache)["plan"]
            self.assertEqual(plan["block"], block, cache)
            room[cache] = plan["device_bytes"] - 65536 * 128 * 4 * plan["keys_resident"]
            self.assertLessEqual(room[cache], 256 << 20, cache)
        self.assertGreater(room["6M"], room["4M"])
        self.assertGreater(room["96M"], room["50M"])

    def test_a_plan_leaves_the_plugin_alone(self):
        os.remove(self.plugin)
        self.write("bin/libropemap-cuda.so", b"not a library")
        for arguments in (self.LARGE, [*SMALL, "--backend", "cuda"]):
            self.assertEqual(self.plan(*arguments)["backend"], "cuda")

    def test_a_failure_falls_back_and_says_so(self):
        """7.7e10 operations: enough for `auto` to choose the GPU, a second or two on the CPU."""
        arguments = ["-n", "24k", "-d", "128", "--size", "64", "--method", "tiled", "--pool", "max"]
        if harness.SANITIZE:
            self.skipTest("the processors take too long under a sanitizer")
        document, said = self.compute(*arguments, ROPEMAP_FAKE_CUDA="fail=cudaStreamCreateWithFlags:1:2")[1:]
        self.assertEqual([document["backend"], document["fell_back"]], ["cpu", True])
        self.assertIn("cudaStreamCreateWithFlags", document["backend_reason"])
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn("cudaStreamCreateWithFlags", said)


class Unusable(Cuda):
    def test_no_driver(self):
        os.remove(os.path.join(self.driver, "libcuda.so.1"))
        self.write("bin/driver/libcuda.so.1", b"not a library")
        self.unusable(["no GPU", "no NVIDIA driver"])

    def test_a_driver_that_does_not_start(self):
        self.unusable(["no GPU", "cuInit", "999"], ROPEMAP_FAKE_CUDA="init=999")

    def test_no_device(self):
        self.unusable(["no GPU", "CUDA_VISIBLE_DEVICES"], CUDA_VISIBLE_DEVICES="")

    def test_another_number(self):
        self.unusable(["GPU 2", "0 to 1"], "--device", "2", ROPEMAP_FAKE_CUDA="devices=2")

    def test_an_old_driver(self):
        self.unusable(["12.4", "update the driver"], ROPEMAP_FAKE_CUDA="driver=12040")

    def test_a_plugin_among_the_installed_libraries(self):
        """Programs are installed in bin/, the plugin in lib/, under whatever names the distribution has for them."""
        libraries = os.path.relpath(LIBRARIES, PROGRAMS)
        os.makedirs(os.path.join(self.bin, libraries), exist_ok=True)
        os.rename(self.plugin, os.path.join(self.bin, libraries, "libropemap-cuda.so"))
        self.assertEqual(self.compute(*SMALL, "--backend", "cuda")[1]["backend"], "cuda")

    def test_no_plugin(self):
        os.remove(self.plugin)
        self.unusable(["libropemap-cuda.so", "without CUDA"])

    def test_a_plugin_that_is_no_library(self):
        os.remove(self.plugin)
        self.write("bin/libropemap-cuda.so", b"not a library")
        self.unusable(["does not load", "libropemap-cuda.so"])

    def test_a_library_that_is_no_plugin(self):
        os.remove(self.plugin)
        shutil.copy(DRIVER, self.plugin)
        self.unusable(["ropemap_cuda_backend", "libropemap-cuda.so"])

    def test_a_call_that_fails(self):
        self.refused(5, ["cudaMalloc failed", "Emulated GPU"], "map", *SMALL, "--backend", "cuda", "-o", "x.npy",
                     env=self.environment(ROPEMAP_FAKE_CUDA="fail=cudaMalloc:2:2"))

    def test_too_little_memory(self):
        self.refused(5, ["device", "memory"], "map", *SMALL, "--backend", "cuda", "-o", "x.npy",
                     env=self.environment(ROPEMAP_FAKE_CUDA="memory=1M"))


del Cuda

if __name__ == "__main__":
    unittest.main()
