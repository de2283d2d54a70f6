#!/usr/bin/env python3
# test_module.py - the Python module against the program, and against the rotation written out in NumPy
# SPDX-License-Identifier: MIT
"""PYTHONPATH has the module as it was built; ROPEMAP is the program, ROPEMAP_SOURCE the repository's root."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import ropemap

PROGRAM = os.environ["ROPEMAP"]


def exact(x, positions, base):
    """x [positions, dim] rotated in double, half layout."""
    half = x.shape[-1] // 2
    angle = positions[:, None] * base ** (-np.arange(half) / half)
    a, b = x[:, :half].astype(np.float64), x[:, half:].astype(np.float64)
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=1)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Results(Case):
    def test_a_map_is_the_program_s(self):
        path = self.folder / "map.npy"
        for given, options in (
                (["-n", "5k", "-b", "5e5", "--size", "37x23", "--pool", "absmax"],
                 dict(positions=5120, base=5e5, size=(37, 23), pool="absmax")),
                (["--rows", "1M:100", "--cols", "7:90:11", "--content", "gauss:3", "--causal"],
                 dict(rows=(2**20, 100), cols=range(7, 7 + 990, 11), content="gauss:3", causal=True)),
                (["--preset", "llama3.1-8b", "--measure", "softmax", "-n", "300", "--window", "100", "--size", "64"],
                 dict(preset="llama3.1-8b", measure="softmax", positions=300, window=100, size=64))):
            self.program("map", *given, "-o", path, "--force", "-q")
            self.assertEqual(ropemap.map(**options).array.tobytes(), np.load(path).tobytes())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
