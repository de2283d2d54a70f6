# test_limits.py - runs under limits of the system: they end in a message, never in waiting
# SPDX-License-Identifier: MIT
import os
import resource
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(os.environ["ROPEMAP"])


class AddressSpace(unittest.TestCase):
    """BLAS asks for a buffer without end where `ulimit -v` leaves no room: the program must not begin to wait."""

    def run_with(self, mebibytes):
        limit = mebibytes * 1024 * 1024
        command = [PROGRAM, "map", "-n", "64k", "--threads", "2", "-o", "a.npy", "--force", "-q"]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                command, cwd=folder, timeout=60, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
            return done.returncode, done.stderr.decode(), os.listdir(folder)

    @unittest.skipIf(os.environ.get("ROPEMAP_SANITIZE"), "sanitizers take terabytes of addresses")
    def test_little_room_is_less_threads_or_a_message(self):
        for mebibytes in range(400, 1300, 75):
            with self.subTest(mebibytes=mebibytes):
                code, text, files = self.run_with(mebibytes)
                self.assertIn(code, (0, 5), text)
                self.assertEqual(files, ["a.npy"] if code == 0 else [])
                self.assertEqual(text.count("\n"), 0 if code == 0 else 1)


if __name__ == "__main__":
    sys.exit(unittest.main())
