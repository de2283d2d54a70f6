# test_cuda.py - the program with the CUDA backend, emulated
# SPDX-License-Identifier: MIT
import os
import shutil
import unittest

import harness
from gpus import DRIVER, SMALL, Cuda
from harness import bound

LIBRARIES, PROGRAMS = os.environ.get("ROPEMAP_LIBDIR", "lib"), os.environ.get("ROPEMAP_BINDIR", "bin")


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
                "--content", "gauss", "--kernel", "tiles"]
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
        arguments = ["-n", "24k", "-d", "128", "--size", "64", "--method", "tiled", "--pool", "max", "--kernel", "tiles"]
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
        text = self.done("doctor", env=self.environment(ROPEMAP_FAKE_CUDA="driver=0")).stdout.decode()
        self.assertRegex(text, r"(?m)^driver +none: there is no NVIDIA driver.*\nplugin +.*cuda.*\n +CUDA .*, code for ")

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
