# test_kernels_compile.py - what the CUDA compiler makes of the kernels: no warning, no spill, 16-byte accesses
# SPDX-License-Identifier: MIT
"""
Needs nvcc and no GPU, and the PTX that the build made of cuda/*.cu, of which machine code is made once more, with
ptxas' words about each kernel. The program is not run.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["ROPEMAP_SOURCE"]
KERNELS = os.environ.get("ROPEMAP_KERNELS", "")  # the build's folder of PTX, and its compiler; nothing: it has no CUDA
NVCC = os.environ.get("ROPEMAP_NVCC", "")
ARCHITECTURES = ["75", "90"] if os.environ.get("ROPEMAP_LONG") else ["90"]  # tools/check --long sets it
NO_SPILL = ["rotate", "rotate_sum", "elementwise", "pool", "fused_launch", "fused_sm80", "fused_sm90", "softmax"]

# 16 bytes in PTX: four times 32 bits or twice 64.
WIDE = r"%s\.global[.\w]*\.(v4\.[bfsu]32|v2\.[bfsu]64)"


def flags():
    """The options that cuda.cmake gives the CUDA compiler, warnings as errors among them."""
    with open(os.path.join(SOURCE, "tools/cmake/cuda.cmake"), encoding="utf-8") as stream:
        options = re.search(r"target_compile_options\((.*?)\)\n", stream.read(), re.S)[1]
    return " ".join(re.findall(r">:(-[^>]*)>", options)).split()


def built(name, architecture):
    """The latest PTX of a source that this generation can have, and what that was compiled for; None: there is none."""
    found = []
    for path in glob.glob(os.path.join(KERNELS, name + ".ptx")) + glob.glob(os.path.join(KERNELS, name + ".compute_*.ptx")):
        with open(path, encoding="utf-8") as stream:
            ptx = stream.read()
        target = re.search(r"^\.target sm_(\w+)", ptx, re.M)[1]
        if target in (["75"] if architecture == "75" else ["80", "90", "90a"]):
            found.append((os.path.getmtime(path), path, target, ptx))
    return max(found)[1:] if found else None


def compile_one(name, architecture, folder):
    """(name, architecture, exit code, the compiler's words, PTX)"""
    path, target, ptx = built(name, architecture)
    command = [NVCC, "-O3", *flags(), "-arch=sm_" + (target if target == "90a" else architecture), "-cubin",
               "-Xptxas", "-v", path, "-o", os.path.join(folder, "%s-%s.cubin" % (name, architecture))]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, cwd=folder)
    return name, architecture, done.returncode, done.stdout, ptx


SOURCES = sorted(os.path.splitext(os.path.basename(path))[0] for path in glob.glob(os.path.join(SOURCE, "cuda", "*.cu")))
JOBS = [(name, architecture) for name in SOURCES for architecture in ARCHITECTURES
        if architecture == "90" or name != "fused_sm90"]
ABSENT = sorted({"sm_" + job[1] for job in JOBS if not built(*job)})

EXTREME = re.compile(r"ropemap_pool[123]E")  # min, max, absmax among a kernel's template arguments


def entries(ptx):
    """The kernels of a PTX file: mangled name → body."""
    return dict(re.findall(r"\.entry (\w+)\(.*?\n\{\n(.*?)\n\}\n", ptx, re.S))


def width(kernel):
    """The largest whole number among a kernel's template arguments: how many elements a thread takes at a time."""
    return max(map(int, re.findall(r"Li(\d+)E", kernel)), default=1)


@unittest.skipUnless(KERNELS, "skipped: this build has no CUDA backend")
@unittest.skipIf(KERNELS and ABSENT, "skipped: this build has no kernels for %s" % " and ".join(ABSENT))
class Kernels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                cls.results = list(pool.map(lambda job: compile_one(*job, folder), JOBS))

    def test_flags(self):
        self.assertIn("-fmad=false", flags())
        self.assertTrue(any(flag.startswith("-Werror") for flag in flags()), flags())

    def test_no_warnings(self):
        self.assertTrue(self.results)
        for name, architecture, code, words, ptx in self.results:
            self.assertEqual(code, 0, "%s for sm_%s:\n%s" % (name, architecture, words[-4000:]))
            self.assertNotIn("warning", words.lower(), (name, architecture))
            self.assertTrue(entries(ptx), (name, architecture))

    def test_no_spills(self):
        """A register array that is indexed at run time, or too many registers, would show here."""
        for wanted in NO_SPILL:
            self.assertIn(wanted, [result[0] for result in self.results])
        for name, architecture, _, words, ptx in self.results:
            if name not in NO_SPILL:
                continue
            frames = re.findall(r"Function properties for (\w+)\n\s*(.*)", words)
            named = {kernel for kernel, _ in frames}
            self.assertLessEqual(set(entries(ptx)), named, (name, architecture))
            for kernel, frame in frames:
                stack, stores, loads = map(int, re.findall(r"(\d+) bytes", frame))
                # Standard deviations keep two sums and an origin beside the products: a few words do not fit.
                most = 32 if re.search(r"rm_fused_(group_)?kernel.*ropemap_pool5E", kernel) else 0
                self.assertLessEqual(max(stack, stores, loads), most, (kernel, architecture))

    def kernels(self, name, architecture, wanted):
        """(mangled name, PTX) of the kernels of a file that are wanted: one at least."""
        found = [each for result in self.results if result[:2] == (name, architecture)
                 for each in entries(result[4]).items() if wanted(each[0])]
        self.assertTrue(found, (name, architecture))
        return found

    def check_wide(self, name, is_vector, accesses):
        """Every vector kernel of a file has 16-byte accesses of these kinds, and there is one at least."""
        for found, architecture, _, _, ptx in self.results:
            if found != name:
                continue
            vector = {kernel: body for kernel, body in entries(ptx).items() if is_vector(kernel)}
            self.assertTrue(vector, "no vector kernel in %s" % name)
            for kernel, body in vector.items():
                for access in accesses:
                    self.assertRegex(body, WIDE % access, (kernel, architecture))

    def test_rotate_reads_and_writes_16_bytes(self):
        """Where rows allow it; else they take as many bytes at a time as they can."""
        def widest(kernel):
            to = int(re.search(r"13ropemap_dtype\dELS0_(\d)E", kernel)[1])
            return width(kernel) == (4 if to < 2 else 8)  # floats, else 16 bits
        self.check_wide("rotate", widest, ["ld", "st"])

    def test_pool_reads_16_bytes(self):
        """Of tiles with rows aligned to 16 bytes: the kernels whose last template argument is true."""
        self.check_wide("pool", lambda kernel: re.search(r"pool_tile.*Lb1EEv", kernel), ["ld"])

    def test_products_run_on_tensor_cores_and_stay_in_registers(self):
        """Of a step of 16 elements 32 instructions in each warp, and one for each of its 128 products to pool; four steps
        at a time, two where most is kept."""
        for kernel, body in self.kernels("fused_sm80", "90", lambda kernel: "rm_fused_kernel" in kernel):
            steps = 2 if "ropemap_pool5E" in kernel else 4
            self.assertGreaterEqual(len(re.findall(r"mma\.sync\.aligned\.m16n8k16", body)), steps * 32, kernel)
            self.assertGreaterEqual(len(re.findall(r"ldmatrix\.sync\.aligned\.m8n8\.x4", body)), steps * 8, kernel)
            if EXTREME.search(kernel):
                self.assertGreaterEqual(len(re.findall(r"m(?:ax|in)\.NaN\.f32", body)), 128, kernel)
            self.assertIn("cp.async.cg.shared.global", body, kernel)
            self.assertNotRegex(body, r"(ld|st)\.local", kernel)

    def test_products_of_warpgroups_are_in_flight_together(self):
        """Of 16 elements four instructions, 64 x 64 products each, in one group (the first ones perhaps before the loop):
        ptxas says when it waits after each one instead. Each product is pooled by one instruction."""
        for kernel, body in self.kernels("fused_sm90", "90", lambda kernel: "rm_fused_group_kernel" in kernel):
            self.assertIn(len(re.findall(r"wgmma\.mma_async\.sync\.aligned\.m64n64k16", body)), [4, 8], kernel)
            self.assertRegex(body, r"wgmma\.wait_group\.sync\.aligned 1;", kernel)
            self.assertIn("fence.proxy.async.shared::cta", body, kernel)
            if EXTREME.search(kernel):
                self.assertGreaterEqual(len(re.findall(r"m(?:ax|in)\.NaN\.f32", body)), 128, kernel)
            self.assertNotRegex(body, r"(ld|st)\.local", kernel)
        words = "".join(result[3] for result in self.results if result[0] == "fused_sm90")
        self.assertNotIn("wgmma", words)

    def test_extremes_take_one_instruction(self):
        """Since Ampere: of the 32 values that a thread takes at a time, 32 maxima that keep a NaN."""
        for kernel, body in self.kernels("pool", "90", lambda kernel: "pool_tile" in kernel and EXTREME.search(kernel)):
            self.assertGreaterEqual(len(re.findall(r"m(?:ax|in)\.NaN\.f32", body)), 32, kernel)


if __name__ == "__main__":
    unittest.main(verbosity=1 if len(sys.argv) > 1 else 2)
