# test_devices.py - several GPUs of one process, emulated: the bytes of one, whatever is lost
# SPDX-License-Identifier: MIT
import os
import re
import signal
import unittest

from gpus import Cuda
from harness import SANITIZE

RACES = SANITIZE == "thread"  # which are looked for on a smaller map, with a GPU that is lost


class Sharing(Cuda):
    """Sides are odd, and bands many."""
    ALIKE = "devices=3,alike=1,"
    MAP = ["-n", "131" if RACES else "307", "-d", "8", "--size", "13x17" if RACES else "31x37", "--method", "tiled",
           "--backend", "cuda", "--content", "gauss"]
    SWEEP = ["--vary", "base=50,700", *MAP]
    KINDS = (["--measure", "softmax", "--causal"], ["--pool", "max", "--diff", "base=500"],
             ["--pool", "mean", "--causal"])

    def share(self, devices, *arguments, only=""):
        """The bytes of the cells, the document, and what was said."""
        made = self.compute(*self.MAP, *arguments, "--device", devices, ROPEMAP_FAKE_CUDA=self.ALIKE + only)
        said = re.sub(r"(?m)^ropemap: parts .*\n", "", made[2])  # progress, on a slow machine
        return self.read("cells.npy"), made[1], said

    def check_bytes(self, kinds):
        for kind in kinds:
            one = self.share("0", *kind)[0]
            cells, document, said = self.share("2,0,1", *kind)
            self.assertEqual(cells, one, kind)
            self.assertEqual(said, "")
            self.assertRegex(document["backend_reason"], r"^GPU [012], Emulated GPU")  # one may have been fastest

    def check_sweep(self, *arguments, more=()):
        environment = self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE)
        for name, words in (("one.png", ["--device", "1"]), ("three.png", ["--device", "2,0,1", *more])):
            self.done("sweep", *self.SWEEP, *arguments, *words, "-o", name, "-q", env=environment)
        self.assertEqual(self.read("three.png"), self.read("one.png"))

    def check_lost(self):
        self.write("now", b"")
        kind = self.KINDS[0]
        one = self.share("0", *kind)[0]
        for way in ("lost=now",) if RACES else ("lost=now", "fail=cudaMalloc:2:2"):
            cells, document, said = self.share("0,1,2", *kind, only="only=1," + way)
            self.assertEqual(cells, one, way)
            self.assertNotIn("GPU 1", document["backend_reason"])
            self.assertRegex(said, r"^(ropemap: warning: --device: GPU 1 leaves its .*cuda: cuda.*\n)?$")  # if it had a turn


class Devices(Sharing):
    @unittest.skipIf(RACES, "nothing else between threads")
    def test_the_bytes_of_one(self):
        self.check_bytes(self.KINDS)

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_a_sweep(self):
        self.check_sweep("--pool", "max", "--diff", "base=500")

    def test_one_that_is_lost(self):
        self.check_lost()

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_all_are_lost(self):
        self.write("now", b"")
        result = self.run_program("map", *self.MAP, "--device", "0,1", "-o", "x.npy", "-q",
                                  env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE + "lost=now"))
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertRegex(result.stderr.decode(), "--device: no GPU of the list is left; GPU [01]: .*illegal address")
        self.assertNotIn("x.npy", self.names())

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_a_method_without_parts(self):
        arguments = ["-n", "300", "--size", "40", "--method", "factored", "--backend", "cuda", "--device"]
        one, two = (self.compute(*arguments, devices, ROPEMAP_FAKE_CUDA=self.ALIKE)[0] for devices in ("0", "0,1"))
        self.assertEqual(one, two)

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_a_plan(self):
        environment = self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE)
        text = self.done("map", *self.MAP, "--device", "1,2", "--dry-run", env=environment).stdout.decode()
        self.assertIn("GPU 1, Emulated GPU, and GPU 2\n", text)

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_what_cannot_be_shared(self):
        for words, arguments, settings in (
                (["--device", "'0,1,0' has GPU 0 twice"], ["--device", "0,1,0"], self.ALIKE),
                (["--device", "-1"], ["--device", "0,-1"], self.ALIKE),
                (["--device", "1024"], ["--device", "0,1024"], self.ALIKE),
                (["--device"], ["--device", "0,"], self.ALIKE),
                (["the CPU", "--backend cuda"], ["--device", "0,1", "--backend", "cpu"], self.ALIKE),
                (["GPU 0 (Emulated GPU", "GPU 1 (Emulated GPU II", "one kind"], ["--device", "0,1"], "devices=2"),
                (["GPU 1 (Emulated GPU II", "one kind"], ["--device", "0,1", "--work", "w"], "devices=2")):
            self.refused(2, words, "map", *self.MAP, *arguments, "-o", "x.npy",
                         env=self.environment(ROPEMAP_FAKE_CUDA=settings))
        self.refused(5, ["there is no GPU 3"], "map", *self.MAP, "--device", "0,3", "-o", "x.npy",
                     env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE))
        self.assertEqual([name for name in self.names() if name != "bin"], [])
        for command in ("curve", "heads"):
            self.refused(2, ["--device: '0,1' lists several GPUs", "give one"], command, "--device", "0,1")
        self.refused(2, ["--sort", "--work DIR"], "sweep", *self.SWEEP, "--measure", "softmax", "--sort", "sink",
                     "--device", "0,1", "-o", "x.png", env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE))


class Shards(Sharing):
    """The same over the queue of --work; test_work.py has its rules. A shard takes as long as all of so small a map."""
    COUNT = "5" if RACES else "13"

    def share(self, devices, *arguments, only=""):
        more = ["--work", "w", "--shards", self.COUNT] if "," in devices else []
        made = self.compute(*self.MAP, *arguments, "--device", devices, *more, ROPEMAP_FAKE_CUDA=self.ALIKE + only)
        said = re.sub(r"(?m)^ropemap: (shards |%s shards, ).*\n" % self.COUNT, "", made[2])
        self.assertNotIn("w", self.names())
        return self.read("cells.npy"), made[1], said

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_the_bytes_of_one(self):
        self.check_bytes(self.KINDS[1:])

    def test_one_that_is_lost(self):
        self.check_lost()

    def test_a_sweep(self):
        """In parts, and whole maps with the mean that they are sorted by."""
        for name, words in (("v", ["--pool", "max", "--diff", "base=5000"]),
                            ("w", ["--measure", "softmax", "--causal", "--sort", "distance"]))[RACES:]:
            self.check_sweep(*words, "--force", more=["--work", name])

    def begin_sharing(self, name, *more, only="", **variables):
        return self.begin("map", *self.MAP, *self.KINDS[0], "-o", name, "--work", "w", "--shards", self.COUNT, *more,
                          env=self.environment(ROPEMAP_FAKE_CUDA=self.ALIKE + only, **variables))

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_all_are_lost(self):
        """Others go on with the run."""
        one = self.share("0", *self.KINDS[0])[0]
        self.write("now", b"")
        program = self.begin_sharing("x.npy", "--device", "0,1", only="lost=now")
        said = program.stderr.read().decode()
        self.assertEqual(program.wait(600), 5, said)
        self.assertRegex(said, "--device: no GPU of the list is left; GPU [01]: .*illegal address")
        self.assertIn("w", self.names())
        self.assertEqual(self.begin_sharing("x.npy", "--device", "2,1").wait(600), 0)
        self.assertEqual(self.read("x.npy"), one)

    @unittest.skipIf(RACES, "nothing else between threads")
    def test_processes_of_several(self):
        """An element of an array leaves what is another's; ranks share; a damaged shard is made again."""
        one = self.share("0", *self.KINDS[0])[0]
        array = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MAX": "2"}
        self.assertEqual(self.begin_sharing("x.npy", "--device", "0,2", **array).wait(600), 0)
        shards = sorted(name for name in os.listdir(self.path("w")) if name.startswith("shard"))
        self.assertEqual(shards, ["shard-%06d.bin" % shard for shard in (1, 4, 7, 10)])
        self.write("w/" + shards[2], b"?" * 200)
        programs = [self.begin_sharing("x.npy", "--device", devices, PMI_RANK=str(rank), PMI_SIZE="2")
                    for rank, devices in enumerate(("0,1", "1,2"))]
        self.assertEqual([program.wait(600) for program in programs], [0, 0])
        self.assertEqual(self.read("x.npy"), one)

    def test_a_wish_to_stop(self):
        program = self.begin_sharing("x.npy", "--device", "0,1,2", "-n", "4001", "--force")
        while not os.path.isdir(self.path("w")):
            self.assertIsNone(program.poll())
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(600), 75)
        self.assertRegex(program.stderr.read().decode(), "stopped with [0-9]+ of %s shards" % self.COUNT)


if __name__ == "__main__":
    unittest.main()
