# emulated.py - the program with the CUDA backend: its plugin with emulated kernels, and a driver that is a stand-in
# SPDX-License-Identifier: MIT
"""ROPEMAP_EMULATED and ROPEMAP_FAKE_DRIVER name the two libraries; ROPEMAP_FAKE_CUDA says what the GPU is like."""
import json
import os
import re
import shutil
import unittest

import harness
from harness import Case, read_npy

EMULATED = os.environ.get("ROPEMAP_EMULATED", "")
DRIVER = os.environ.get("ROPEMAP_FAKE_DRIVER", "")
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
