# test_gpu_check.py - tools/gpu-check without a GPU, and, where there is an emulated one, all of its way with tiny sizes
# SPDX-License-Identifier: MIT
import array
import io
import math
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from harness import PROGRAM, SANITIZE, SOURCE, Case, strict_json, write_npy

sys.path.insert(0, os.path.join(SOURCE, "tools"))
sys.dont_write_bytecode = True
import gpu_program  # noqa: E402
import gpu_sweep  # noqa: E402

BUILD = os.path.dirname(os.path.realpath(PROGRAM))
TESTS = ["test_gpu", "test_gpu_maps"]
EMULATED = os.environ.get("ROPEMAP_EMULATED")
FAKE_DRIVER = os.environ.get("ROPEMAP_FAKE_DRIVER")
FIELDS = ["schema", "date", "describe", "scale", "program", "gpu", "driver", "driver_reason", "plugin", "exit_code",
          "seconds", "steps"]
NO_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


# A program that meets with something in its bench when three rows are written.
DISTURBED = """#!%s
import os, signal, subprocess, sys
program = [%r, *sys.argv[1:]]
if sys.argv[1] != "bench":
    os.execv(program[0], program)
rows = sys.argv[sys.argv.index("--rows") + 1]
inner = subprocess.Popen(program)
while not (os.path.exists(rows) and open(rows).read().count(chr(10)) >= 4):
    if inner.poll() is not None:
        sys.exit("the bench ended too early")
%s
sys.exit(inner.wait())
"""
# As for want of memory; and it may leave a piece of a line.
KILLED = """
inner.kill()
inner.wait()
open(rows, "a").write('{"half a')
os.kill(os.getpid(), signal.SIGKILL)
"""
# It hangs.
STOPPED = """
inner.send_signal(signal.SIGSTOP)
signal.pause()
"""


def apart():
    """What puts a program into a network of its own, without any way out; nothing where that is not allowed."""
    command = [shutil.which("unshare") or "unshare", "--net", "--map-root-user"]
    try:
        done = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True)
        return command if done.returncode == 0 else []
    except OSError:
        return []


APART = apart()


class CheckCase(Case):
    def make_bundle(self):
        """What is built, laid out as tools/gpu-bundle does; the shared libraries are this machine's own."""
        folder = self.path("bundle")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.realpath(PROGRAM), folder)
        for name in TESTS:
            found = [path for path in (os.path.join(BUILD, name), os.path.join(BUILD, "tests", name))
                     if os.path.exists(path)]
            self.assertTrue(found, "there is no %s in %s" % (name, BUILD))
            shutil.copy(found[0], folder)
        return folder

    def check(self, code, *arguments, script=None, env=None, prefix=()):
        """What gpu-check printed, and its record."""
        script = script or os.path.join(SOURCE, "tools/gpu-check")
        result = subprocess.run([*prefix, sys.executable, script, "--out", self.path("out"), *arguments],
                                capture_output=True, text=True, timeout=600, env=env or NO_GPU)
        log = pathlib.Path(self.path("out"), "log.txt").read_text()
        self.assertEqual(result.returncode, code, result.stdout + result.stderr + log[-4000:])
        self.assertEqual(result.stderr, "")
        record = strict_json(self.read("out/record.json"))
        self.assertEqual(list(record)[:len(FIELDS)], FIELDS)
        self.assertEqual([record["schema"], record["exit_code"]], ["ropemap.gpu-check/1", code])
        self.assertRegex(record["date"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        for step in record["steps"]:
            self.assertEqual(list(step), ["name", "verdict", "seconds", "note"])
            self.assertIn(step["verdict"], ["passed", "failed", "skipped", "not run"])
            self.assertIn("| %s | %s |" % (step["name"], step["verdict"]), self.read("out/record.md").decode())
        table = result.stdout.partition("\n\n")[2]
        self.assertTrue(0 < table.count("\n") <= 60, table)
        return result.stdout, record

    def verdicts(self, record):
        return {step["name"]: step["verdict"] for step in record["steps"]}


class WithoutGpu(CheckCase):
    def test_says_so(self):
        text, record = self.check(5, "--bundle", self.make_bundle())
        self.assertEqual(self.verdicts(record), {"doctor": "passed", "tests": "skipped", "sweep": "passed"})
        self.assertIsNone(record["gpu"])
        self.assertEqual(text.count("gpu-check: no GPU: "), 1, text)
        self.assertIn("no GPU", text.splitlines()[-1])
        self.assertIn("no GPU", record["driver_reason"])
        self.assertGreater(record["sweep"]["compared"], 0)
        self.assertEqual(record["sweep"]["compared"], record["sweep"]["of"])

    def test_a_step_that_fails_is_told_and_does_not_stop_the_next(self):
        folder = self.make_bundle()
        os.unlink(os.path.join(folder, "test_gpu"))
        text, record = self.check(6, "--bundle", folder)
        self.assertEqual(self.verdicts(record), {"doctor": "passed", "tests": "failed", "sweep": "passed"})
        self.assertIn("FAILED", text.splitlines()[-1])

    def test_a_folder_without_the_program(self):
        result = subprocess.run([sys.executable, os.path.join(SOURCE, "tools/gpu-check"), "--out", self.path("out"),
                                 "--bundle", self.directory], capture_output=True, text=True, timeout=600)
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no ropemap in " + self.directory, result.stderr)

    @unittest.skipUnless(os.path.exists(os.path.join(BUILD, "libropemap-cuda.so")) and not SANITIZE,
                         "skipped: this build has no CUDA backend")
    def test_a_bundle_needs_nothing_else(self):
        """Its own copy of the script, and an environment without anything."""
        folder = self.path("bundle")
        made = subprocess.run([os.path.join(SOURCE, "tools/gpu-bundle"), "--build", BUILD, folder],
                              capture_output=True, text=True, timeout=600)
        self.assertEqual((made.returncode, made.stderr), (0, ""), made.stdout)
        self.assertRegex(made.stdout, r"\d+\.\d MB; the machine needs glibc 2\.\d+ or later, python3, ")
        names = os.listdir(os.path.join(folder, "lib"))
        self.assertFalse([name for name in names if name.startswith(("libc.so", "libm.so", "libcuda", "libcublas"))])
        bare = {"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": ""}
        _, record = self.check(5, script=os.path.join(folder, "gpu-check"), env=bare)
        self.assertEqual(record["program"], "beside this script")


@unittest.skipUnless(EMULATED and FAKE_DRIVER, "skipped: there is no emulated GPU")
class EmulatedGpu(CheckCase):
    def emulated(self, setting=""):
        """A bundle with the emulated backend, and the environment that finds it."""
        folder = self.make_bundle()
        shutil.copy(EMULATED, os.path.join(folder, "libropemap-cuda.so"))
        shutil.copy(FAKE_DRIVER, os.path.join(folder, "libcuda.so.1"))
        environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        environment["ROPEMAP_FAKE_CUDA"] = "memory=128M,cache=64K" + setting  # large products are as large as memory allows
        return folder, environment

    def test_all_of_it(self):
        folder, environment = self.emulated()
        text, record = self.check(0, "--tiny", "--bundle", folder, env=environment)
        verdicts = self.verdicts(record)
        self.assertEqual(list(verdicts), ["doctor", "bench", "picture", "gpu-peers", "peers", "tests", "sweep",
                                          "memcheck", "racecheck", "profile"])
        for name in ("doctor", "tests", "sweep", "bench", "picture"):
            self.assertEqual(verdicts[name], "passed", record["steps"])
        self.assertEqual(record["sweep"]["sides"], ["cpu", "cuda"])
        self.assertEqual(record["map"]["backend"], "cuda")
        self.assertTrue(record["bench"]["rows"])
        self.assertIn("| of its bound |", self.read("out/record.md").decode())
        self.assertIn(record["gpu"]["name"], text)
        for name in ("map.png", "roofline.png"):
            self.assertEqual(self.read("out/" + name)[:8], b"\x89PNG\r\n\x1a\n")

    def bare(self, setting=""):
        """A bundle and an environment as on a machine that has nothing but python3."""
        folder, environment = self.emulated(setting)
        for name in ("gpu-check", "gpu_program.py", "gpu_record.py", "gpu_sweep.py"):
            shutil.copy(os.path.join(SOURCE, "tools", name), folder)
        environment = {name: value for name, value in environment.items() if name.endswith(("_OPTIONS", "_FAKE_CUDA"))}
        return folder, {**environment, "PATH": ""}

    def test_rows_of_peers_are_in_the_record_also_of_one_that_is_wrong(self):
        folder, environment = self.bare()
        for name, text in (("peers/gpu", "print('| rotate |', flush=True)\nraise SystemExit(6)"),
                           ("modules/torch.py", "")):
            path = pathlib.Path(folder, name)
            path.parent.mkdir()
            path.write_text(text)
        environment["PYTHONPATH"] = os.path.join(folder, "modules")
        _, record = self.check(6, "--tiny", "--only", "gpu-peers", env=environment, prefix=APART,
                               script=os.path.join(folder, "gpu-check"))
        self.assertEqual(self.verdicts(record), {"doctor": "passed", "gpu-peers": "failed"})
        self.assertEqual(record["gpu_peers"], "| rotate |")
        self.assertIn("| rotate |", self.read("out/record.md").decode().splitlines())

    def test_what_a_program_printed_before_it_was_killed_is_kept(self):
        with self.assertRaises(gpu_program.Failed) as caught:
            gpu_program.run(["/bin/sh", "-c", "echo a row; exec sleep 60"], 1, io.StringIO())
        self.assertEqual(caught.exception.output, "a row\n")

    def disturb(self, what, setting="", only="bench", seconds=600):
        """The record of a check whose bench meets with that, and the rows of the bench. It runs from the bundle's own
        copy, without a PATH and, where that can be had, a network."""
        folder, environment = self.bare(setting)
        program = os.path.join(folder, "ropemap")
        os.rename(program, program + "-itself")
        with open(program, "w") as script:
            script.write(DISTURBED % (sys.executable, program + "-itself", what))
        os.chmod(program, 0o755)
        text, record = self.check(6, "--tiny", "--bench-seconds", str(seconds), "--only", only, env=environment,
                                  script=os.path.join(folder, "gpu-check"), prefix=APART)
        rows = record["bench"]["rows"]
        self.assertEqual(self.verdicts(record)["bench"], "failed")
        self.assertEqual(record["bench"]["gpu"]["name"], "Emulated GPU")
        self.assertIn("n=67 d=16", text)
        return record, rows

    def test_a_bench_that_is_killed_keeps_its_rows(self):
        record, rows = self.disturb(KILLED, only="bench,picture")
        self.assertGreaterEqual(len(rows), 3)
        self.assertTrue(all(row["failure"] is None for row in rows))
        self.assertEqual(self.verdicts(record)["picture"], "passed")

    def test_a_bench_beyond_its_time_keeps_its_rows(self):
        """One of which failed: a kernel did not start, in its check; while a graph is recorded that costs the graph."""
        for seconds in (15, 60, 240):  # until the bench has got so far, however busy the machine is
            record, rows = self.disturb(STOPPED, ",fail=rm_rotate_launch:12:719", seconds=seconds)
            if len(rows) >= 3:
                break
        self.assertIn("still running after", record["steps"][1]["note"])
        self.assertGreaterEqual(len(rows), 3)
        failures = [row["failure"] for row in rows if row["failure"]]
        self.assertEqual(len(failures), 1)
        self.assertIn("rm_rotate_launch failed", failures[0])

    def test_a_row_that_finds_no_memory_is_a_row(self):
        record, rows = self.disturb(KILLED, ",fail=cudaMalloc:9:2")
        failures = [row["failure"] for row in rows if row["failure"]]
        self.assertEqual(len(failures), 1)
        self.assertIn("out of memory", failures[0])
        self.assertGreaterEqual(len(rows), 3)

    def test_a_device_that_is_lost_keeps_its_rows(self):
        lost = "/tmp/lost-%d" % os.getpid()  # a short name: the stand-in takes no more
        self.addCleanup(lambda: os.path.exists(lost) and os.unlink(lost))
        rows = self.disturb("open(%r, 'w').close()" % lost, ",lost=" + lost)[1]
        failures = [row["failure"] for row in rows]
        finished = failures.index(next(filter(None, failures)))
        self.assertTrue(all("illegal address" in failure for failure in filter(None, failures)), failures)
        self.assertTrue(all(failures[finished:]), failures)
        self.assertEqual(self.read("out/record.md").decode().count("FAILED: "), len(failures) - finished)


class Difference(Case):
    """What counts as the same map: R7."""

    def setUp(self):
        super().setUp()
        self.cells = array.array("f", [row * 50.0 + col / 100 for row in range(50) for col in range(100)])

    def changed(self, *changes):
        cells = array.array("f", self.cells)
        for index, value in changes:
            cells[index] = value
        return gpu_sweep.difference(self.cells, cells)

    def test_pixels(self):
        level = (max(self.cells) - min(self.cells)) / gpu_sweep.LEVELS
        self.assertIsNone(self.changed())
        self.assertIsNone(self.changed(*[(100 * row, 50.0 * row + level) for row in range(1, 6)]))
        self.assertIn("6 of 5000 pixels", self.changed(*[(100 * row, 50.0 * row + level) for row in range(1, 7)]))
        self.assertIn("0 of 5000 pixels differ by one level, 1 by more", self.changed((700, 350.0 + 2 * level)))

    def test_what_is_not_finite(self):
        self.assertIn("nan", self.changed((17, math.nan)))
        self.assertIn("inf", self.changed((17, math.inf)))
        nans = array.array("f", [math.nan] * 9)
        self.assertIsNone(gpu_sweep.difference(nans, nans))
        self.assertIn("cells", gpu_sweep.difference(nans, nans[:8]))

    def test_a_narrow_range_is_not_drawn_apart(self):
        one, other = array.array("f", [1.0, 1.00001]), array.array("f", [1.00001, 1.0])
        self.assertIsNone(gpu_sweep.difference(one, other))

    def test_files(self):
        path = self.write("cells.npy", write_npy((2, 2), [1.0, 2.0, math.nan, -4.0]))
        self.assertEqual(str(gpu_sweep.read_npy(path).tolist()), "[1.0, 2.0, nan, -4.0]")
        self.write("cells.npy", write_npy((2, 2), [1.0, 2.0, 3.0, -4.0], descr="<f8"))
        self.assertRaises(ValueError, gpu_sweep.read_npy, path)

    def test_every_pool_method_and_type_is_swept(self):
        names = [name.split() for name, _ in gpu_sweep.cases("full")]
        self.assertEqual(len(names), 4 * 2 * (6 * 4 + 6 + 3))
        self.assertEqual({name[0] for name in names}, set(gpu_sweep.SHAPES))
        quick = {tuple(name.split()[1:]) for name, _ in gpu_sweep.cases("quick")}
        self.assertEqual(quick, {tuple(name[1:]) for name in names})


if __name__ == "__main__":
    unittest.main()
