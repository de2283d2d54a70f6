# test_signals.py - Ctrl-C and SIGTERM during long work, and how far it says it is
# SPDX-License-Identifier: MIT
import os
import pty
import select
import signal
import time
import unittest

from harness import SANITIZE, Case

# Minutes of work on any machine.
LONG = ["map", "-n", "256k", "--content", "gauss", "--pool", "max", "--method", "tiled", "--threads", "1"]


class Signals(Case):
    def waiting(self, program):
        """Waits until the program has begun its work, or sleeps because nobody opens its pipe."""
        asleep = 0
        while asleep < 5:
            with open("/proc/%d/stat" % program.pid) as stream:
                fields = stream.read().rpartition(") ")[2].split()
            if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > 0.2:
                break
            asleep = asleep + 1 if fields[0] == "S" else 0
            time.sleep(0.02)
        self.assertIsNone(program.poll())

    def test_a_signal_ends_long_work_and_leaves_nothing(self):
        self.write("old.png", b"old")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                program = self.begin(*LONG, "-o", "old.png", "-o", "new.npy", "--force")
                self.waiting(program)
                program.send_signal(number)
                self.assertEqual(program.wait(600), -number)
                self.assertEqual([self.names(), self.read("old.png")], [["old.png"], b"old"])

    def test_a_signal_leaves_no_part_of_a_set(self):
        """Neither pages nor a folder of frames, nor a file next to a pipe without a reader."""
        os.mkfifo(self.path("fifo"))
        for arguments in (["sweep", *LONG[1:], "--vary", "head-dim=64,128", "-o", "s.png", "--frames", "frames"],
                          ["curve", "-n", "8", "-o", "a.png", "-o", "csv:fifo", "-o", "b.svg"],
                          ["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4", "-o", "a.png", "-o", "svg:fifo",
                           "--frames", "frames"]):
            with self.subTest(arguments=arguments):
                program = self.begin(*arguments)
                self.waiting(program)
                program.send_signal(signal.SIGINT)
                self.assertEqual(program.wait(600), -signal.SIGINT)
                self.assertEqual(self.names(), ["fifo"])

    def test_nohup_is_respected(self):
        program = self.begin(*LONG, "-o", "new.npy", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.waiting(program)
        program.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertIsNone(program.poll())

    def test_a_pipe_that_nobody_opens_can_be_left(self):
        os.mkfifo(self.path("fifo.npy"))
        program = self.begin("map", "-n", "8", "-o", "fifo.npy")
        self.waiting(program)
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(600), -signal.SIGINT)

    def test_a_terminal_shows_a_bar(self):
        main, side = pty.openpty()
        program = self.begin(*LONG, "-o", "new.npy", stderr=side)
        os.close(side)
        started, shown = time.monotonic(), b""
        while b"%" not in shown and time.monotonic() < started + 600:
            if select.select([main], [], [], 0.5)[0]:
                shown += os.read(main, 4096)
        after = time.monotonic() - started
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(600), -signal.SIGINT)
        os.close(main)
        self.assertGreaterEqual(after, 0.9)  # nothing for work of less than a second
        for word in (b"[", b"%", b"\r"):
            self.assertIn(word, shown)

    @unittest.skipIf(SANITIZE, "waits for a line that comes after ten seconds: once, in the plain build, is enough")
    def test_elsewhere_a_line_every_ten_seconds(self):
        """Which both programs spend stopped, so as to leave the CPUs to other tests."""
        programs = [self.begin(*LONG, *quiet, "-o", name) for quiet, name in (([], "a.npy"), (["-q"], "b.npy"))]
        for program in programs:
            self.waiting(program)
            program.send_signal(signal.SIGSTOP)
        self.assertEqual(select.select([program.stderr for program in programs], [], [], 0)[0], [])
        time.sleep(10)
        for program in programs:
            program.send_signal(signal.SIGCONT)
        line = programs[0].stderr.readline()
        self.assertTrue(line.startswith(b"ropemap: "), line)
        self.assertIn(b"%, ETA ", line)
        self.assertNotIn(b"\r", line)
        for program in programs:
            program.send_signal(signal.SIGINT)
            self.assertEqual(program.wait(600), -signal.SIGINT)
        self.assertEqual([programs[1].stderr.read(), self.names()], [b"", []])


if __name__ == "__main__":
    unittest.main()
