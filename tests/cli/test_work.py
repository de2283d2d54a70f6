# test_work.py - work in shards: whoever computes them, in whatever order, killed or not, the files are the same
# SPDX-License-Identifier: MIT
import json
import os
import platform
import random
import shutil
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from harness import SANITIZE, Case, write_npy

KILLS = 200 if os.environ.get("ROPEMAP_LONG") else 20
WORDS = ["map", "-n", "4k", "--content", "gauss", "--pool", "max", "--size", "60x70", "--threads", "1"]
SOFTMAX = ["map", "-n", "3001", "--content", "gauss", "--measure", "softmax", "--causal", "--window", "900",
           "--size", "61x67", "--threads", "1"]
OUTPUTS = ["-o", "out.npy", "-o", "out.png"]


def rank(number, size):
    return {**os.environ, "PMI_RANK": str(number), "PMI_SIZE": str(size)}


def element(number, last):
    return {**os.environ, "SLURM_ARRAY_TASK_ID": str(number), "SLURM_ARRAY_TASK_MAX": str(last)}


class Work(Case):
    def outputs(self):
        return [self.read("out.npy"), self.read("out.png")]

    def whole(self, words):
        """What one process writes; the files are gone again."""
        self.done(*words, *OUTPUTS)
        files = self.outputs()
        self.forget()
        return files

    def forget(self):
        for name in ("out.npy", "out.png"):
            os.unlink(self.path(name))

    def shards(self):
        return [name for name in os.listdir(self.path("w")) if name.startswith("shard-")]

    def until_shards(self, count, program):
        while not os.path.isdir(self.path("w")) or len(self.shards()) < count:
            self.assertIsNone(program.poll())
            time.sleep(0.01)

    def test_any_number_of_shards_and_workers(self):
        """Ranks leave the record, for those that start late; others leave nothing."""
        for words in (WORDS, SOFTMAX):
            expected = self.whole(words)
            for shards in (1, 2, 3, 7, 64) if words is WORDS else (7, 64):
                with self.subTest(words=words[5:8], shards=shards):
                    workers = 3 if shards > 2 else 1
                    command = [*words, *OUTPUTS, "--work", "w", "--shards", str(shards)]
                    ranks = workers > 1 and shards != 64  # else nobody knows of the others
                    programs = [self.begin(*command, env=rank(workers - 1 - i, workers) if ranks else None)
                                for i in range(workers)]
                    self.assertEqual([program.wait(600) for program in programs], [0] * workers)
                    self.assertEqual(self.outputs(), expected)
                    if ranks:
                        self.done(*command, env=rank(0, 2), timeout=600)
                        self.assertEqual(os.listdir(self.path("w")), ["run.json"])
                    else:
                        self.assertFalse(os.path.isdir(self.path("w")))
                    self.forget()

    def test_a_difference_to_the_exact_map(self):
        words = [*WORDS, "--diff", "bf16-tables"]
        expected = self.whole(words)
        self.done(*words, *OUTPUTS, "--work", "w", "--shards", "5")
        self.assertEqual(self.outputs(), expected)

    def same(self, words, names, shards):
        """What two workers write, and what one process writes without them."""
        outputs = [word for name in names for word in ("-o", name)]
        self.done(*words, *outputs, "-q")
        expected = [self.read(name) for name in names]
        for name in names:
            os.unlink(self.path(name))
        programs = [self.begin(*words, *outputs, "-q", "--work", "w", *shards, env=rank(i, 2)) for i in range(2)]
        self.assertEqual([program.wait(600) for program in programs], [0, 0])
        self.assertEqual([self.read(name) for name in names], expected)

    def test_heads_of_layers(self):
        chance = random.Random(2)
        for name in ("q0", "q1", "k0", "k1"):
            heads = 3 if name[0] == "q" else 1
            self.write(name + ".npy", write_npy((heads, 65, 8), [chance.gauss(0, 1) for _ in range(heads * 65 * 8)]))
        words = ["heads", "--queries", "q{}.npy", "--keys", "k{}.npy", "--layers", "2", "--causal"]
        self.same(words, ["h.csv", "h.png"], [])
        os.unlink(self.path("w/run.json"))
        self.same([*words, "--sort", "entropy", "--force"], ["i.csv"], ["--shards", "4"])

    def test_maps_of_a_sweep(self):
        words = ["sweep", *WORDS[1:6], "max", "--size", "40x30", "--vary", "base=1e3,1e4,1e5"]
        self.same(words, ["s.png", "s.svg"], ["--shards", "10"])
        os.unlink(self.path("w/run.json"))
        self.same([*words, "--diff", "bf16-tables"], ["t.png"], [])

    def test_maps_of_a_sweep_in_an_order(self):
        """A mean over all queries is of whole maps: these are the shards."""
        words = ["sweep", *SOFTMAX[1:], "--size", "30x20", "--sort", "entropy", "--vary", "base=1e3,1e6,1e4"]
        self.same(words, ["s.png", "s.svg"], ["--shards", "5"])
        svg = self.read("s.svg").decode()
        self.assertIn("entropy", svg)
        os.unlink(self.path("w/run.json"))
        self.same([*words, "--diff", "bf16-tables"], ["t.png"], [])
        self.refused(2, ["--shards", "2 for 3 maps"], *words, "-o", "u.png", "--work", "v", "--shards", "2")

    def test_status_and_merge(self):
        expected = self.whole(WORDS)
        self.refused(2, ["no run"], "status", "w")
        self.refused(2, ["no run"], "merge", "w")
        self.part()
        self.assertIn(b"ropemap map, 2 of 4 shards finished, 0 claims held", self.done("status", "w").stdout)
        self.refused(3, ["2 of 4 shards are missing"], "merge", "-q", "w")
        program = self.begin(*WORDS[:2], "64k", *WORDS[3:], "-o", "long.npy", "--work", "v", "--shards", "70")
        while not os.path.isdir(self.path("v")) or not json.loads(self.run_program(
                "status", "v", "--json").stdout or "{}").get("claims"):
            self.assertIsNone(program.poll())
        claim = json.loads(self.done("status", "v", "--json").stdout)["claims"][0]
        self.assertEqual([claim["pid"], claim["job"]], [program.pid, os.environ.get("SLURM_JOB_ID", "-")])
        program.kill()
        self.done(*WORDS, *OUTPUTS, "--work", "w", "--keep-work", "--steal", env=element(1, 2))
        self.assertIn(b"finished, its outputs", self.done("status", "w").stdout)
        self.forget()
        self.done("merge", "-q", os.path.relpath(self.path("w"), "/tmp"), cwd="/tmp")
        self.assertEqual(self.outputs(), expected)

    def test_killed_again_and_again(self):
        """Of what is finished nothing is lost: each life begins where the last ended."""
        words = [*WORDS[:2], "8k", *WORDS[3:]]
        expected = self.whole(words)
        command = [*words, *OUTPUTS, "--work", "w", "--shards", "64", "--force"]
        chance, kills = random.Random(1), 0
        while kills < KILLS:
            workers = [self.begin(*command) for _ in range(chance.randrange(1, 3))]
            time.sleep(chance.uniform(0.01, 0.15) * (4 if SANITIZE else 1))
            before = len(self.shards()) if os.path.isdir(self.path("w")) else 0
            alive = sum(program.poll() is None for program in workers)
            for program in workers:
                program.send_signal(signal.SIGKILL)
                program.wait()
            kills += alive
            if not alive:  # a run that ended: the next one begins anew
                self.assertTrue(os.path.exists(self.path("out.png")))
                self.forget()
                shutil.rmtree(self.path("w"), ignore_errors=True)
            if os.path.isfile(self.path("w/run.json")) and before > 0 and not os.path.exists(self.path("out.png")):
                self.assertGreaterEqual(len(self.shards()), before)
        self.done(*command)
        self.assertEqual(self.outputs(), expected)

    def test_a_wish_to_stop_saves_the_state(self):
        for number in (signal.SIGTERM, signal.SIGUSR1):
            with self.subTest(number=number):
                words = ["map", "-n", "64k", *WORDS[3:]]
                program = self.begin(*words, *OUTPUTS, "--work", "w", "--shards", "70", stderr=subprocess.PIPE)
                self.until_shards(1, program)
                program.send_signal(number)
                self.assertEqual(program.wait(600), 75)
                self.assertIn(b"of 70 shards finished", program.stderr.read())
                self.assertFalse(os.path.exists(self.path("out.npy")))
                for name in os.listdir(self.path("w")):
                    self.assertFalse(name.endswith(".tmp"), name)
                    os.unlink(self.path("w/" + name))

    def test_elements_of_an_array(self):
        """Each does its own shards, and what another began; whoever finds all of them writes the outputs."""
        expected = self.whole(WORDS)
        command = [*WORDS, *OUTPUTS, "--work", "w", "--shards", "9"]
        for number, done in ((0, 3), (2, 6)):
            result = self.done(*command, env=element(number, 2))
            self.assertIn(b"%d of 9 shards are left" % (9 - done), result.stderr)
        with open(self.path("w/claim-000001"), "w") as stream:
            stream.write("begun elsewhere 1 - - -\n")  # and died
        self.assertIn(b"2 of 9", self.done(*command, env=element(0, 0)).stderr)
        self.assertFalse(os.path.exists(self.path("out.npy")))
        self.done(*command, env=element(1, 1))
        self.assertEqual(self.outputs(), expected)
        self.forget()
        self.done(*command, "--steal", env=element(1, 2))
        self.assertEqual(self.outputs(), expected)

    def part(self, *words):
        """A run of which some shards are finished."""
        self.done(*(words or WORDS), *OUTPUTS, "--work", "w", "--shards", "4", env=element(0, 1))

    def test_what_differs_is_refused(self):
        self.part()
        command = ["--work", "w", "--shards", "4"]
        self.refused(2, ["--pool max", "--pool max min"], *WORDS, *OUTPUTS, *command, "--pool", "min")
        self.refused(2, ["no --causal", "has --causal"], *WORDS, *OUTPUTS, *command, "--causal")
        self.refused(2, ["-output out.npy out.png", "--output out.npy"], *WORDS, *OUTPUTS[:2], *command)
        self.refused(2, ["--shards", "has 4"], *WORDS, *OUTPUTS, "--work", "w", "--shards", "5")
        if platform.machine() == "x86_64":
            self.refused(2, ["cpu with FMA", "cpu without FMA"], *WORDS, *OUTPUTS, *command,
                         env={**os.environ, "ROPEMAP_SIMD": "baseline"})
        record = json.loads(self.read("w/run.json"))
        self.write("w/run.json", json.dumps({**record, "version": "0.0.1"}).encode())
        self.refused(2, ["0.0.1"], *WORDS, *OUTPUTS, *command)
        self.write("w/run.json", b"{}")
        self.refused(3, ["run.json"], *WORDS, *OUTPUTS, *command)

    def test_an_input_is_known_by_what_it_holds(self):
        values = [float(i % 7 - 3) for i in range(64 * 4)]
        for name in ("q.npy", "k.npy"):
            self.write(name, write_npy((64, 4), values))
        words = ["map", "--queries", "q.npy", "--keys", "k.npy", "--pool", "max", "--size", "16"]
        expected = self.whole(words)
        self.part(*words)
        command = [*words, *OUTPUTS, "--work", "w"]
        self.write("k.npy", write_npy((64, 4), [value + 1 for value in values]))
        self.refused(2, ["k.npy", "SHA-256"], *command)
        self.write("k.npy", write_npy((64, 4), values))
        self.done(*command)
        self.assertEqual(self.outputs(), expected)

    def test_a_shard_that_is_damaged_is_computed_again(self):
        expected = self.whole(WORDS)
        for damage in (lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b"",
                       lambda data: b"x" + data[1:]):
            self.part()
            name = "w/" + sorted(self.shards())[0]
            self.write(name, damage(self.read(name)))
            result = self.done(*WORDS, *OUTPUTS, "--work", "w")
            self.assertIn(b"computed again", result.stderr)
            self.assertEqual(self.outputs(), expected)
            self.forget()

    def test_a_full_disk_loses_nothing(self):
        expected = self.whole(WORDS)
        self.part()
        before = sorted(self.shards())
        self.refused_lines(4, "File too large", *WORDS, *OUTPUTS, "--work", "w",
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900)))
        self.assertEqual(sorted(self.shards()), before)
        self.assertFalse([name for name in os.listdir(self.path("w")) if name.endswith(".tmp")])
        self.done(*WORDS, *OUTPUTS, "--work", "w")
        self.assertEqual(self.outputs(), expected)

    def refused_lines(self, code, words, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(words, result.stderr.decode())

    @unittest.skipUnless(os.path.isdir("/dev/shm"), "there is no second file system")
    def test_another_file_system(self):
        expected = self.whole(WORDS)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            self.done(*WORDS, *OUTPUTS, "--work", folder + "/w", "--shards", "3")
        self.assertEqual(self.outputs(), expected)

    def test_kept_work_is_used_again(self):
        command = [*WORDS, *OUTPUTS, "--work", "w", "--shards", "3", "--keep-work"]
        self.done(*command)
        expected = self.outputs()
        self.assertIn(b"are written", self.done(*command).stderr)
        self.forget()
        self.assertIn(b"3 shards, 0 to do", self.done(*command).stderr)
        self.assertEqual(self.outputs(), expected)

    def test_workers_mean_the_same_files(self):
        """Outputs are named from where a worker is; that they lie elsewhere would be found out late."""
        words = [*WORDS, "-o", "out.npy", "--shards", "3"]
        self.done(*words, "--work", "w", env=element(0, 2))
        os.mkdir(self.path("other"))
        self.refused(2, [self.directory + ", this command to " + self.path("other")], *words, "--work", "../w",
                     cwd=self.path("other"))
        self.done(*words, "--work", "w")
        words[-3] = self.path("full.npy")
        self.done(*words, "--work", "w", env=element(0, 2))
        self.done(*words, "--work", "../w", cwd=self.path("other"))
        self.assertEqual(self.read("full.npy"), self.read("out.npy"))

    def test_a_directory_without_a_record(self):
        os.mkdir(self.path("w"))
        for name in ("claim-000001", "shard-000002.bin"):
            self.write("w/" + name, b"precious")
            self.refused(2, ["--work w", "run.json", "another directory"], *WORDS, *OUTPUTS, "--work", "w")
            self.assertEqual(os.listdir(self.path("w")), [name])
            os.unlink(self.path("w/" + name))
        self.write("w/notes", b"precious")
        self.done(*WORDS, *OUTPUTS, "--work", "w")
        self.assertEqual(os.listdir(self.path("w")), ["notes"])

    def test_a_finished_directory_is_free_for_another_run(self):
        self.done(*WORDS, *OUTPUTS, "--work", "w", "--shards", "3", "--keep-work")
        self.forget()
        expected = self.whole(SOFTMAX)
        self.done(*SOFTMAX, *OUTPUTS, "--work", "w", "--shards", "3")
        self.assertEqual(self.outputs(), expected)

    def test_ranks_do_not_write_one_file(self):
        self.refused(2, ["out.npy", "4 tasks", "--work"], *WORDS, *OUTPUTS, env=rank(2, 4))
        self.done(*WORDS, "-o", "out-2.npy", env=rank(2, 4))
        self.done(*WORDS, *OUTPUTS, env=element(2, 4))

    def test_options_that_do_not_go_together(self):
        self.refused(2, ["--shards", "--work"], *WORDS, *OUTPUTS, "--shards", "3")
        self.refused(2, ["-o -", "--work"], *WORDS, "-o", "-", "--work", "w")
        self.write("out.npy", b"old")
        self.refused(4, ["out.npy", "--force"], *WORDS, *OUTPUTS, "--work", "w")
        self.assertEqual(self.names(), ["out.npy"])
        self.done(*WORDS, *OUTPUTS, "--work", "w", "--force")


if __name__ == "__main__":
    unittest.main()
