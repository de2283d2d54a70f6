# gpus.py - the program with GPUs that are stand-ins: a driver, with the emulated CUDA backend or without any
# SPDX-License-Identifier: MIT
"""ROPEMAP_EMULATED and ROPEMAP_FAKE_DRIVER name the two libraries; ROPEMAP_FAKE_CUDA says what the GPUs are like."""
import json
import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import Case, read_npy

EMULATED = os.environ.get("ROPEMAP_EMULATED", "")
DRIVER = os.environ.get("ROPEMAP_FAKE_DRIVER", "")  # in the place of libcuda.so.1
COMPILER = shutil.which(os.environ.get("CC", "cc"))
SMALL = ["-n", "300", "-d", "8", "--size", "40", "--method", "tiled", "--pool", "max"]


def compile_library(folder, name, source):
    """The path of a shared library of that C source."""
    path = os.path.join(folder, name)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-I", harness.SOURCE, "-x", "c", "-", "-o", path],
                   input=source.encode(), check=True, timeout=600)
    return path


@unittest.skipUnless(DRIVER, "ROPEMAP_FAKE_DRIVER names no stand-in for a driver")
class Driver(Case):
    """A copy of the program, which sees the GPUs of a driver; no backend for them is next to it."""
    GPUS = ""  # ROPEMAP_FAKE_CUDA, as far as a test does not say otherwise

    def setUp(self):
        super().setUp()
        self.bin = self.path("bin")
        self.driver = os.path.join(self.bin, "driver")
        os.makedirs(self.driver)
        self.program = os.path.join(self.bin, "ropemap")
        shutil.copy(harness.PROGRAM, self.program)
        os.symlink(DRIVER, os.path.join(self.driver, "libcuda.so.1"))
        self.addCleanup(setattr, harness, "PROGRAM", harness.PROGRAM)
        harness.PROGRAM = self.program

    def environment(self, **change):
        """The stand-ins' environment; None takes a variable out."""
        wanted = {**os.environ, "LD_LIBRARY_PATH": self.driver, "ROPEMAP_FAKE_CUDA": self.GPUS, **change}
        return {name: value for name, value in wanted.items() if value is not None}

    def run_with(self, code, *arguments, **settings):
        """stdout and stderr of the program where the GPUs have other settings: the first of a name counts."""
        gpus = ",".join(["%s=%s" % setting for setting in settings.items()] + [self.GPUS])
        result = self.run_program(*arguments, env=self.environment(ROPEMAP_FAKE_CUDA=gpus))
        self.assertEqual(result.returncode, code, (arguments, result.stderr))
        return result.stdout, result.stderr.decode()


@unittest.skipUnless(EMULATED, "needs the emulated plugin")
class Cuda(Driver):
    """The CUDA backend is next to the program, with its kernels emulated on the CPU."""

    def setUp(self):
        super().setUp()
        self.plugin = os.path.join(self.bin, "libropemap-cuda.so")
        os.symlink(EMULATED, self.plugin)

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


class NoBackend(Driver):
    """Two GPUs that cannot be used."""
    GPUS = "devices=2,name=Make\033Believe,processors=132,minor=1,cache=50M,memory=80G,driver=12080"
