# test_limits.py - runs under limits of the system: they end in a message, never in waiting
# SPDX-License-Identifier: MIT
import os
import resource
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(os.environ["ROPEMAP"])


@unittest.skipIf(os.environ.get("ROPEMAP_SANITIZE"), "sanitizers take terabytes of addresses")
class AddressSpace(unittest.TestCase):
    """`ulimit -v`: fewer threads, or a message."""

    def run_with(self, mebibytes, *arguments):
        limit = mebibytes * 1024 * 1024
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [PROGRAM, *arguments], cwd=folder, timeout=600, capture_output=True, stdin=subprocess.DEVNULL,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
            return done.returncode, done.stderr.decode(), os.listdir(folder)

    def test_little_room_is_less_threads_or_a_message(self):
        for mebibytes in range(20, 60, 4):
            with self.subTest(mebibytes=mebibytes):
                code, text, files = self.run_with(mebibytes, "map", "-n", "64k", "--threads", "2", "-o", "a.npy", "-q")
                self.assertIn(code, (0, 5), text)
                self.assertEqual(files, ["a.npy"] if code == 0 else [])
                self.assertEqual(text.count("\n"), 0 if code == 0 else 1)

    COMMANDS = (["--version"], ["--help"], ["map", "--help"], ["completion", "bash"], ["manual"], ["info"],
                ["info", "--presets"], ["map", "-n", "128k", "--dry-run"], ["curve", "-n", "8"],
                ["map", "-n", "8", "-o", "/dev/null"], ["explain", "--quick"], ["doctor"])

    def test_sixty_four_mebibytes_are_enough(self):
        for command in self.COMMANDS:
            with self.subTest(command=command):
                code, text, _ = self.run_with(64, *command)
                self.assertEqual(code, 0, text)


class Stack(unittest.TestCase):
    """`ulimit -s 64` was a crash, as was 96 for some commands. Below 20 kB the system cannot start it."""

    COMMANDS = (["--version"], ["map", "--help"], ["map", "-n", "8", "-o", "/dev/null"], ["curve", "-n", "8"], ["info"],
                ["map", "-n", "64", "--content", "gauss", "--pool", "max", "--threads", "4", "-o", "/dev/null"],
                ["map", "-n", "16", "--phase", "hf-fp32", "--diff", "hf-fp32", "-o", "svg:/dev/null"],
                ["sweep", "-n", "8", "--vary", "base=1e3,1e4", "-o", "pdf:/dev/null"],
                ["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4", "-o", "/dev/null"], ["explain", "--quick"],
                ["bound", "--length", "64", "--resolution", "0.01"], ["doctor"], ["manual"], ["completion", "bash"],
                ["bench", "rotate", "-n", "64", "-d", "8", "--samples", "1", "--seconds", "0.01", "-q"])

    @unittest.skipIf(os.environ.get("ROPEMAP_SANITIZE"), "a sanitizer needs more before main")
    def test_small_stacks(self):
        for kilobytes in (32, 64, 96):
            for command in self.COMMANDS:
                with self.subTest(kilobytes=kilobytes, command=command):
                    done = subprocess.run(
                        [PROGRAM, *command], timeout=600, capture_output=True, stdin=subprocess.DEVNULL,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (kilobytes * 1024,) * 2))
                    self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipIf(os.environ.get("ROPEMAP_SANITIZE"), "sanitizers take terabytes of addresses")
    def test_no_room_for_another(self):
        ends, words = set(), set()
        for mebibytes in range(40, 8, -2):  # from enough to where the system's own loader gives up (127)
            def limit():
                resource.setrlimit(resource.RLIMIT_STACK, (65536, 65536))
                resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))

            done = subprocess.run([PROGRAM, "info"], timeout=600, capture_output=True, preexec_fn=limit)
            if done.returncode == 5:  # no room for the thread's stack, or with it none for anything else
                self.assertRegex(done.stderr, rb"^ropemap: .*(raise ulimit -s|no memory for)")
            ends.add(done.returncode)
            words.add(b"raise ulimit -s" in done.stderr)
        self.assertLessEqual({0, 5}, ends)
        self.assertIn(True, words)
        self.assertLessEqual(ends, {0, 5, 127})


if __name__ == "__main__":
    sys.exit(unittest.main())
