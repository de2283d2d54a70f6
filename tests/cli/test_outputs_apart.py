# test_outputs_apart.py - no command writes over what it reads, or two outputs into one file; a set appears whole
# SPDX-License-Identifier: MIT
import hashlib
import json
import math
import os
import resource
import stat
import struct
import subprocess
import unittest

from harness import PROGRAM, Case, read_npy, read_png, write_npy, write_safetensors

CONFIG = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8, "rope_theta": 10000.0}
VALUES = [math.sin(i * i) for i in range(16 * 8)]


class Inputs(Case):
    """Each command that writes a file, and each option that reads one, by every spelling of its name."""

    def setUp(self):
        super().setUp()
        self.write("q.npy", write_npy([16, 8], VALUES))
        self.write("k.npy", write_npy([16, 8], VALUES))
        self.write("kv.safetensors", write_safetensors({"q": ([16, 8], VALUES), "k": ([16, 8], VALUES)}))
        at = write_npy([16], [0.0] * 16, "<f8").replace(b"<f8", b"<i8")
        self.write("at.npy", at[:-128] + struct.pack("<16q", *range(16)))
        os.mkdir(self.path("model"))
        self.write("model/config.json", json.dumps(CONFIG).encode())
        self.write("old.json", json.dumps({"schema": "ropemap.bench/1", "rows": []}).encode())

    def state(self):
        """Every file below the directory, its links and its bytes."""
        found = {}
        for folder, folders, files in os.walk(self.directory):
            for name in files + folders:
                path = os.path.join(folder, name)
                about = os.lstat(path)
                data = b"" if stat.S_ISDIR(about.st_mode) else self.read(path)
                found[path] = (about.st_ino, stat.S_IFMT(about.st_mode), hashlib.sha256(data).digest())
        return found

    def spellings(self, name, ending):
        """Other names of that file, with the ending that the command wants; made on the way."""
        links = ["soft" + ending, "hard" + ending, "deep/soft" + ending, "twice" + ending]
        os.makedirs(self.path("deep"), exist_ok=True)
        for link in links:
            if os.path.lexists(self.path(link)):
                os.unlink(self.path(link))
        os.symlink(name, self.path(links[0]))
        os.link(self.path(name), self.path(links[1]))
        os.symlink("../" + name, self.path(links[2]))
        os.symlink(links[0], self.path(links[3]))
        direct = [name, "./" + name, "deep/../" + name, self.path(name), ".//" + name]
        return links + [word for word in direct if word.endswith(ending)]

    def refuse_all(self, name, ending, *arguments, option="-o", every=False):
        """With every spelling, or with a symbolic and a hard link."""
        spellings = self.spellings(name, ending)
        for spelling in spellings if every else spellings[:2]:
            with self.subTest(arguments=arguments, spelling=spelling):
                before = self.state()
                self.refused(2, ["input"], *arguments, option, spelling, "--force")
                self.assertEqual(self.state(), before)

    def test_tensors(self):
        pair = ["--queries", "q.npy", "--keys", "k.npy"]
        named = ["--queries", "kv.safetensors:q", "--keys", "./kv.safetensors:k"]
        for command in (["map"], ["curve"]):
            self.refuse_all("q.npy", ".npy", *command, *pair, every=True)
            self.refuse_all("k.npy", ".npy", *command, *pair)
            self.refuse_all("kv.safetensors", ".png", *command, *named)
        for command in (["sweep", "--vary", "pool=mean,max"], ["sweep", "curve", "--vary", "head=0,0"]):
            self.refuse_all("q.npy", ".png", *command, *pair)
            self.refuse_all("kv.safetensors", ".svg", *command, *named)
        self.refuse_all("at.npy", ".npy", "map", "--positions-from", "at.npy")
        self.refuse_all("q.npy", ".csv", "curve", *pair)
        self.refuse_all("q.npy", ".npy", "map", "--dry-run", *pair)

    def test_models(self):
        for command, model in ((["map", "-n", "8"], "model"), (["curve", "-n", "8"], "model/config.json"),
                               (["info"], "./model/"), (["sweep", "-n", "8", "--vary", "base=1e3,1e4"], "model"),
                               (["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4"], "model/config.json"),
                               (["bound", "--table", "100,200"], "model")):
            self.refuse_all("model/config.json", ".png", *command, "--model", model)

    def test_what_varies(self):
        self.refuse_all("model/config.json", ".png", "curve", "-n", "8", "--vary", "model=model")
        self.refuse_all("model/config.json", ".png", "sweep", "-n", "8", "--vary", "model=model/config.json")
        self.refuse_all("model/config.json", ".png", "sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4", "--lines",
                        "model=model")
        self.refuse_all("q.npy", ".png", "sweep", "--queries", "k.npy", "--keys", "k.npy", "--vary", "queries=q.npy")

    def test_a_baseline(self):
        quick = ["bench", "rotate", "-n", "64", "-d", "8", "--samples", "1", "--baseline", "old.json"]
        self.refuse_all("old.json", ".json", *quick, "--json")
        self.refuse_all("old.json", ".png", *quick, option="--roofline")

    def test_frames(self):
        os.mkdir(self.path("frames"))
        sweeps = ((["sweep", "-n", "8", "--vary", "base=1e3,1e4"], "model/config.json", ["--model", "model"]),
                  (["sweep", "--vary", "pool=mean,max"], "k.npy", ["--queries", "q.npy", "--keys", "k.npy"]),
                  (["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4"], "model/config.json", ["--model", "model"]))
        for frame in ("frame-000.png", "frame-001.png"):
            for link in (lambda name: os.symlink("../" + name, self.path("frames/" + frame)),
                         lambda name: os.link(self.path(name), self.path("frames/" + frame))):
                for command, name, inputs in sweeps:
                    link(name)
                    before = self.state()
                    self.refused(2, [frame, "input"], *command, *inputs, "--frames", "frames", "--force")
                    self.assertEqual(self.state(), before)
                    os.unlink(self.path("frames/" + frame))

    def test_standard_output_that_is_an_input(self):
        for arguments, name in ((["info", "--model", "model"], "model/config.json"),
                                (["curve", "--queries", "q.npy", "--keys", "k.npy"], "q.npy"),
                                (["curve", "--queries", "q.npy", "--keys", "k.npy", "-o", "npy:-"], "k.npy"),
                                (["map", "--queries", "q.npy", "--keys", "k.npy", "-o", "-"], "q.npy"),
                                (["bound", "-b", "100", "--model", "model"], "model/config.json")):
            before = self.read(name)
            with self.subTest(arguments=arguments), open(self.path(name), "ab") as stream:
                self.refused(2, ["input"], *arguments, capture_output=False, stdout=stream, stderr=subprocess.PIPE)
                self.assertEqual(self.read(name), before)

    def test_other_files_may_be_replaced(self):
        """A file next to an input is not an input."""
        self.write("model/map.png", b"old")
        self.write("q2.npy", b"old")
        self.done("info", "--model", "model", "-o", "model/map.png", "--force")
        self.done("map", "--queries", "q.npy", "--keys", "k.npy", "-o", "q2.npy", "--force")
        self.assertEqual(len(read_npy(self.read("q2.npy"))), 16)
        self.assertEqual(self.read("model/map.png")[:4], b"\x89PNG")


class Twins(Case):
    """Two outputs that are one file are refused before any work, for every command that takes several."""

    COMMANDS = (["map", "-n", "8"], ["curve", "-n", "8"], ["sweep", "-n", "8", "--vary", "base=1e3,1e4"],
                ["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4"])

    def test_names_of_one_file(self):
        os.mkdir(self.path("deep"))
        os.symlink(".", self.path("here"))
        for command in self.COMMANDS:
            for one, two in (("a.png", "a.png"), ("a.png", "./a.png"), ("a.png", "deep/../a.png"),
                             ("a.png", self.path("a.png")), ("here/a.png", "a.png"), (".//a.png", "here/./a.png"),
                             ("png:-", "-"), ("-", "svg:-")):
                with self.subTest(command=command, names=(one, two)):
                    self.refused(2, ["already an output"], *command, "-o", one, "-o", two)
                    self.assertEqual(self.names(), ["deep", "here"])

    def test_names_of_one_old_file(self):
        self.write("old.png", b"old")
        os.link(self.path("old.png"), self.path("hard.png"))
        os.symlink("old.png", self.path("soft.png"))
        for command in self.COMMANDS:
            for one, two in (("old.png", "hard.png"), ("soft.png", "old.png"), ("hard.png", "soft.png")):
                self.refused(2, ["already an output"], *command, "-o", one, "-o", two, "--force")
        self.assertEqual(self.read("old.png"), b"old")

    def test_frames(self):
        os.mkdir(self.path("frames"))
        for command in self.COMMANDS[2:]:
            self.refused(2, ["already an output"], *command, "-o", "frames/frame-001.png", "--frames", "frames")
            self.write("frames/frame-000.png", b"old")
            os.symlink("frame-000.png", self.path("frames/frame-001.png"))
            self.refused(2, ["already an output"], *command, "--frames", "frames", "--force")
            self.assertEqual(self.read("frames/frame-000.png"), b"old")
            os.unlink(self.path("frames/frame-000.png"))
            os.unlink(self.path("frames/frame-001.png"))

    def test_bench(self):
        self.refused(2, ["already an output"], "bench", "rotate", "--samples", "1", "-o", "a", "--roofline", "./a")
        self.refused(2, ["both write to stdout"], "bench", "rotate", "--samples", "1", "--roofline", "-")

    def test_standard_output_is_a_file_too(self):
        with open(self.path("a.png"), "wb") as stream:
            self.refused(2, ["already an output"], "map", "-n", "8", "-o", "-", "-o", "a.png", "--force",
                         capture_output=False, stdout=stream, stderr=subprocess.PIPE)

    def test_devices_may_be_named_twice(self):
        for command in self.COMMANDS:
            self.done(*command, "-o", "/dev/null", "-o", "/dev/null")


class Sets(Case):
    """All outputs of a command appear, or none does."""

    @staticmethod
    def limit(size):
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    def test_the_second_fails(self):
        """A limit that the first output fits in and a later one does not: nothing is left, old files stay."""
        self.write("b.npy", b"old")
        self.write("b.csv", b"old")
        for command, first, second in ((["map", "-n", "64", "--size", "64", "--bare"], "a.png", "b.npy"),
                                       (["curve", "-n", "3k"], "a.npy", "b.csv")):
            self.done(*command, "-o", first)
            room = len(self.read(first)) + 100
            os.unlink(self.path(first))
            self.refused(4, [second, "File too large"], *command, "-o", first, "-o", second, "--force",
                         preexec_fn=self.limit(room))
            self.assertEqual([self.names(), self.read("b.npy"), self.read("b.csv")], [["b.csv", "b.npy"], b"old", b"old"])

    def test_a_failed_sweep_leaves_no_folder(self):
        sweeps = (["sweep", "-n", "8", "--vary", "base=1e3,1e4"], ["sweep", "curve", "-n", "8", "--vary", "base=1e3,1e4"])
        for command in sweeps:
            self.refused(4, ["frame-000.png"], *command, "--frames", "frames", preexec_fn=self.limit(1000))
            self.refused(2, [], *command, "--frames", "frames", "-d", "7")
            self.refused(3, [], *command, "--frames", "frames", "--model", self.write("c.json", b"{"))
            os.unlink(self.path("c.json"))
            self.refused(4, ["missing/frames"], *command, "--frames", "missing/frames")
            self.refused(2, ["folder"], *command, "--frames", self.write("file", b"old"))
            self.assertEqual(self.read("file"), b"old")
            os.unlink(self.path("file"))
            self.refused(4, ["/dev/full"], *command, "-o", "png:/dev/full", "--frames", "frames")
            self.assertEqual(self.names(), [])
            os.mkdir(self.path("frames"))  # one's own stays, and what is in it
            self.write("frames/frame-001.png", b"old")
            self.refused(4, ["frame-001.png", "exists"], *command, "--frames", "frames")
            self.assertEqual(os.listdir(self.path("frames")), ["frame-001.png"])
            os.unlink(self.path("frames/frame-001.png"))
            os.rmdir(self.path("frames"))

    def test_frames_and_pages_come_together(self):
        self.done("sweep", "-n", "8", "--vary", "base=1e3,1e4", "-o", "s.svg", "-o", "s.png", "--frames", "frames/")
        self.assertEqual(self.names(), ["frames", "s.png", "s.svg"])
        self.assertEqual(sorted(os.listdir(self.path("frames"))), ["frame-000.png", "frame-001.png"])

    def test_a_pipe_that_breaks_leaves_nothing(self):
        for command in (["map", "-n", "256", "--content", "gauss"], ["curve", "-n", "100k"]):
            program = subprocess.Popen([PROGRAM, *command, "-o", "a.npy", "-o", "npy:-"], cwd=self.directory,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            program.stdout.close()
            message = program.stderr.read()
            program.stderr.close()
            self.assertEqual((program.wait(600), self.names()), (4, []), message)
            self.assertIn(b"Broken pipe", message)

    def test_a_bench_that_cannot_draw_leaves_no_table(self):
        self.refused(2, ["no row"], "bench", "pool", "-n", "60", "--samples", "1", "-o", "table", "--roofline", "r.png")
        self.assertEqual(self.names(), [])


class StandardOutput(Case):
    """-o - and KIND:- of every command that draws"""

    STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "npy": b"\x93NUMPY", "csv": b"distance"}

    def test_kinds(self):
        sweep = ["--vary", "base=1e3,1e4"]
        for command, kinds in ((["map", "-n", "8"], "png svg pdf npy"), (["curve", "-n", "8"], "png svg pdf npy csv"),
                               (["sweep", "-n", "8", *sweep], "png svg pdf"),
                               (["sweep", "curve", "-n", "8", *sweep], "png svg pdf"), (["info"], "png svg pdf"),
                               (["bound", "--table", "100,200", "--resolution", "0.01"], "png svg pdf")):
            names = {kind + ":-": kind for kind in kinds.split()}
            names["-"] = "png"
            for name, kind in names.items():
                with self.subTest(command=command, name=name):
                    found = self.done(*command, "-o", name).stdout
                    self.done(*command, "-o", "file." + kind, "--force")
                    self.assertTrue(found.startswith(self.STARTS[kind]), found[:20])
                    if kind != "pdf":  # which has the time in it
                        self.assertEqual(found, self.read("file." + kind))
            for kind in set(self.STARTS) - set(kinds.split()):
                self.refused(2, ["--output", kind], *command, "-o", kind + ":-")

    def test_the_text_gives_way(self):
        self.assertIn(b"below", self.done("curve", "-n", "8k", "-o", "c.png").stdout)
        picture = read_png(self.done("curve", "-n", "8k", "-o", "-").stdout)  # and nothing after it
        self.assertGreater(picture["width"], 100)
        for command in (["curve", "-n", "8"], ["info"], ["bound", "--table", "100,200"], ["map", "-n", "8"]):
            self.refused(2, ["--json", "-o -"], *command, "--json", "-o", "-")

    def test_other_names_of_standard_output(self):
        """A pipe, here."""
        self.assertEqual(self.done("curve", "-n", "8", "-o", "csv:/dev/stdout").stdout,
                         self.done("curve", "-n", "8", "-o", "csv:-").stdout)
        self.assertEqual(self.done("info", "-o", "/dev/fd/1").stdout, self.done("info", "-o", "-").stdout)
        for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "svg:/dev/stdout"):
            self.refused(2, ["--json", "stdout"], "map", "-n", "8", "--json", "-o", name)
            self.refused(2, ["already an output"], "map", "-n", "8", "-o", "-", "-o", name)

    def test_devices_and_other_files(self):
        self.done("curve", "-n", "8", "-o", "csv:/dev/null", "-o", "/dev/null")
        self.done("curve", "-n", "8", "-o", "svg:a.csv")  # the name of a file
        self.assertTrue(self.read("svg:a.csv").startswith(b"distance"))

    def test_a_fifo(self):
        os.mkfifo(self.path("fifo"))
        for command in (["curve", "-n", "8", "-o", "csv:fifo"], ["sweep", "-n", "8", "--vary", "base=1e3,1e4", "-o", "svg:fifo"]):
            reader = subprocess.Popen(["cat", self.path("fifo")], stdout=subprocess.PIPE)
            self.done(*command, "-o", "other.png", "--force")
            data, _ = reader.communicate(timeout=600)
            self.assertTrue(data.startswith((b"distance", b"<?xml")), data[:20])
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo")).st_mode))


if __name__ == "__main__":
    unittest.main()
