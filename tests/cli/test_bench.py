# test_bench.py - `ropemap bench` measures what is requested and reports it; no time is judged
# SPDX-License-Identifier: MIT
import json
import math
import os
import re
import subprocess
import unittest

from harness import PROGRAM, Case, read_png, strict_json

TINY = ["--size", "12x10", "--samples", "2", "--threads", "2", "-q"]
NAMES = ["rotate", "rotate / libm", "similarity", "pool mean", "pool max", "pool std", "diagonal", "png", "map mean",
         "map max", "softmax", "softmax bins / none", "softmax distances / none"]


class Formats(Case):
    def document(self, *arguments):
        result = self.done("bench", *arguments, "--json")
        self.assertEqual(result.stderr, b"")
        return strict_json(result.stdout)

    def test_json(self):
        document = self.document("-n", "50", "-d", "8", *TINY)
        self.assertEqual(document["schema"], "ropemap.bench/1")
        self.assertRegex(document["date"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertEqual(set(document["machine"]), {"processor", "processors", "simd"})
        self.assertIsNone(document["gpu"])
        rows = document["rows"]
        self.assertEqual(list(dict.fromkeys(row["name"] for row in rows)), NAMES)
        for row in rows:
            self.assertEqual(row["wrong"], 0, row)
            self.assertGreater(row["checked"], 0, row)
            self.assertLessEqual(row["error"], row["allowed"], row)
            self.assertEqual(row["seconds"]["samples"], 2)
            self.assertLessEqual(row["seconds"]["p5"], row["seconds"]["median"])
            self.assertLessEqual(row["seconds"]["median"], row["seconds"]["p95"])
            work = row["bytes"] if row["unit"] == "GB/s" else row["flops"]
            self.assertTrue(math.isclose(row["rate"], work / row["seconds"]["median"] / 1e9, rel_tol=1e-9), row)
            self.assertGreater(row["share"], 0)
            self.assertIsNone(row["target"])
            self.assertEqual(row["positions"], 0 if row["name"] == "png" else 50)
            self.assertEqual(row["output_bytes"] > 0, row["name"] == "png")
        rotate = [row["layout"] for row in rows if row["name"] == "rotate"]
        self.assertEqual(rotate, ["half", "interleaved"])
        self.assertEqual(rows[0]["bytes"], 2 * 4 * 50 * 8)

    def test_lists_and_layout(self):
        rows = self.document("rotate", "diagonal", "--positions", "16-64*2,5", "--head-dim", "2,6", "--layout",
                             "interleaved", *TINY)["rows"]
        shapes = [(row["name"], row["positions"], row["head_dim"], row["layout"]) for row in rows]
        wanted = [(name, n, d, "" if name == "diagonal" else "interleaved")
                  for name in ("rotate", "rotate / libm", "diagonal") for n in (16, 32, 64, 5) for d in (2, 6)]
        self.assertEqual(shapes, wanted)
        rows = self.document("-n", "40", "-d", "8", "--layout", "interleaved", *TINY)["rows"]
        self.assertEqual({row["wrong"] for row in rows}, {0})
        rows = self.document("diagonal", "-n", "1k-16k*4", *TINY)["rows"]
        self.assertEqual([row["positions"] for row in rows], [1024, 4096, 16384])

    def test_one_thread_besides_all(self):
        arguments = ["similarity", "-n", "300", "-d", "4", "--samples", "1", "-q"]
        threads = [row["threads"] for row in self.document(*arguments)["rows"]]
        self.assertEqual(threads, [1] if os.cpu_count() == 1 else [1, os.cpu_count()])
        threads = [row["threads"] for row in self.document(*arguments, "--threads", "3")["rows"]]
        self.assertEqual(threads, [3])

    def test_clocks(self):
        arguments = ["diagonal", "-n", "4k", "--threads", "1", "--samples", "5", "-q"]
        self.assertEqual(self.document(*arguments)["rows"][0]["clock"], "wall")
        row = self.document(*arguments, "--clock", "cpu")["rows"][0]
        self.assertEqual((row["clock"], row["wrong"]), ("cpu", 0))
        self.done("bench", *arguments, "--json", "-o", "wall.json")
        rows = self.document(*arguments, "--clock", "cpu", "--baseline", "wall.json")["rows"]
        self.assertEqual(rows[0]["baseline"]["verdict"], "not in the baseline")
        self.assertIn(b"CPU time of all threads", self.done("bench", *arguments, "--clock", "cpu").stdout)
        self.refused(2, ["--clock cpu", "--backend cpu"], "bench", "rotate", "--backend", "cuda", "--clock", "cpu")

    def test_seconds_bound_the_samples(self):
        row = self.document("diagonal", "-n", "10", "--seconds", "1e-9", "--threads", "1", "-q")["rows"][0]
        self.assertEqual(row["seconds"]["samples"], 5)

    def test_markdown(self):
        text = self.done("bench", "-n", "40", "-d", "4", *TINY).stdout.decode()
        table = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in table}, {17})
        self.assertTrue(re.fullmatch(r"\|(---\|)+", table[1]))
        names = [line.split("|")[1].strip() for line in table[2:]]
        self.assertEqual(list(dict.fromkeys(names)), NAMES)
        for name in NAMES:
            self.assertEqual(text.count("\n- %s: " % name), 1)

    def test_a_file(self):
        arguments = ["bench", "png", "--size", "5", "--samples", "1", "--json", "--output", "bench.json"]
        self.assertEqual(self.done(*arguments, "--quiet").stdout, b"")
        first = self.read("bench.json")
        self.assertEqual(json.loads(first)["rows"][0]["name"], "png")
        self.refused(4, ["bench.json"], *arguments, "-q")
        self.assertEqual(self.read("bench.json"), first)
        self.done(*arguments, "-q", "--force")
        self.assertEqual(self.names(), ["bench.json"])

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full here")
    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            result = self.run_program("bench", "png", "--size", "5", "--samples", "1", "-q", stdout=full,
                                      stderr=-1, capture_output=False)
        self.assertEqual(result.returncode, 4, result.stderr)


PHASES = ["fp32freq", "hf-fp32", "ggml-fp32", "bf16-tables", "bf16-inv-freq", "bf16-angles", "fp16-angles"]
TURNED = ["rotate as read", "map mean as read", "map max as read"]


class Phases(Case):
    ARGUMENTS = ["bench", "-n", "60", "-d", "8", "--layout", "half", *TINY]

    def document(self, *arguments):
        return strict_json(self.done(*arguments, "--json").stdout)

    def test_rows(self):
        for phase in PHASES:
            rows = self.document(*self.ARGUMENTS, "--phase", phase)["rows"]
            self.assertEqual([row["name"] for row in rows], TURNED)
            for row in rows:
                self.assertEqual((row["phase"], row["backend"], row["wrong"]), (phase, "cpu", 0), row)
                self.assertGreater(row["checked"], 0)
                self.assertEqual(row["seconds"]["samples"], 2)
        exact = self.document(*self.ARGUMENTS)["rows"]
        turning = {"rotate", "rotate / libm", "diagonal", *NAMES[NAMES.index("map mean"):]}
        for row in exact:
            self.assertEqual(row["phase"], "exact" if row["name"] in turning else "", row)
        self.assertEqual(self.document(*self.ARGUMENTS, "--phase", "exact")["rows"][0]["name"], "rotate")

    def test_tables(self):
        arguments = [*self.ARGUMENTS, "rotate", "--phase", "bf16-tables"]
        text = self.done(*arguments).stdout.decode()
        self.assertIn("| rotate as read | 60 x 8 half bf16-tables |", text)
        self.assertIn("- rotate as read: bytes = 8 n d; ceiling: memcpy", text)
        self.assertNotIn("exact", self.done(*self.ARGUMENTS, "rotate").stdout.decode())

    def test_baseline(self):
        arguments = [*self.ARGUMENTS[:-5], "rotate", "--threads", "1", "--samples", "5", "-q"]
        self.done(*arguments, "--phase", "hf-fp32", "--json", "-o", "hf.json")
        self.done(*arguments, "--json", "-o", "exact.json")
        older = json.loads(self.read("exact.json"))
        for row in older["rows"]:
            del row["phase"]
        self.write("older.json", json.dumps(older).encode())
        for phase, path, known in (("hf-fp32", "hf.json", True), ("ggml-fp32", "hf.json", False),
                                   ("hf-fp32", "older.json", False), ("exact", "older.json", True)):
            rows = self.document(*arguments, "--phase", phase, "--baseline", path)["rows"]
            verdicts = {row["baseline"]["verdict"] != "not in the baseline" for row in rows}
            self.assertEqual(verdicts, {known}, (phase, path))

    def test_refused(self):
        for name in ("similarity", "pool", "diagonal", "png"):
            self.refused(2, ["--phase", "hf-fp32", name, "rotate and map"], "bench", "map", name, "--phase", "hf-fp32")
        self.refused(2, ["--phase", "ggml-fp32", "cuda"], "bench", "rotate", "--backend", "cuda", "--phase", "ggml-fp32")
        self.refused(2, ["--phase", "hf-fp33", "did you mean hf-fp32"], "bench", "--phase", "hf-fp33")


class Baseline(Case):
    """What is compared is made up, but for the times that it is compared with."""

    def setUp(self):
        super().setUp()
        self.arguments = ["bench", "diagonal", "pool", "-n", "40", "-d", "4", "--size", "5", "--threads", "1", "-q"]
        self.done(*self.arguments, "--samples", "5", "--json", "-o", "old.json")
        self.old = json.loads(self.read("old.json"))

    def earlier(self, factor, **changes):
        """The document with times multiplied, and other fields changed."""
        document = json.loads(json.dumps(self.old))
        for row in document["rows"]:
            for name in ("median", "p5", "p95"):
                row["seconds"][name] *= factor
            row.update({name: value for name, value in changes.items() if name in row})
            row["seconds"].update({name: value for name, value in changes.items() if name in row["seconds"]})
        return self.write("made.json", json.dumps(document).encode())

    def compare(self, path, *arguments, code=0):
        result = self.run_program(*self.arguments, "--samples", "5", "--baseline", path, *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout.decode(), result.stderr.decode()

    def verdicts(self, path, *arguments, code=0):
        document = json.loads(self.compare(path, "--json", *arguments, code=code)[0])
        return [row["baseline"]["verdict"] for row in document["rows"]]

    def test_verdicts(self):
        rows = len(self.old["rows"])
        self.assertEqual(self.verdicts(self.earlier(1e-6)), ["slower"] * rows)
        self.assertEqual(self.verdicts(self.earlier(1e6), "--fail-above", "5%"), ["faster"] * rows)
        self.assertEqual(self.verdicts(self.earlier(1e-6, p95=1e6), "--fail-above", "0"), ["within the noise"] * rows)
        self.assertEqual(self.verdicts(self.earlier(1e-6, samples=4), "--fail-above", "5"), ["too few samples"] * rows)
        for other in ({"positions": 41}, {"threads": 2}, {"backend": "cuda"}, {"dtype": "bf16"}, {"block": 1}):
            self.assertEqual(self.verdicts(self.earlier(1e-6, **other), "--fail-above", "5"),
                             ["not in the baseline"] * rows)

    def test_exit_code(self):
        path = self.earlier(1e-3)
        output, text = self.compare(path, "--fail-above", "5%", code=6)
        self.assertRegex(text, r"\Aropemap: --fail-above: 4 of 4 rows are slower by more than 5 %, the worst .* by .* %\n\Z")
        self.assertIn("| compared with the baseline |", output)
        self.assertEqual(output.count("| slower |"), 4)
        self.compare(path)
        self.compare(path, "--fail-above", "1e30")

    def test_bad_documents(self):
        good = json.dumps(self.old)
        for code, data in ((3, b""), (3, b"{"), (3, b"[]"), (3, b"{\"schema\": \"ropemap.map/1\", \"rows\": []}"),
                           (3, b"{\"schema\": \"ropemap.bench/1\"}"), (3, good.replace("median", "medium").encode()),
                           (3, good.replace("\"name\"", "\"bench\"").encode()), (3, good.encode("utf-16"))):
            self.refused(code, ["bad.json"], *self.arguments, "--baseline", self.write("bad.json", data))
        self.refused(4, ["none.json"], *self.arguments, "--baseline", "none.json")
        self.refused(3, ["/dev/zero"], *self.arguments, "--baseline", "/dev/zero")
        self.refused(3, [self.directory], *self.arguments, "--baseline", self.directory)


class Rows(Case):
    """Rows are written when they are finished: whatever happens later, they are there."""

    def rows(self, name="rows"):
        lines = [json.loads(line) for line in self.read(name).splitlines()]
        self.assertEqual((lines[0]["schema"], set(lines[0]["machine"])),
                         ("ropemap.bench/1", {"processor", "processors", "simd"}))
        return lines[1:]

    def test_lines_are_the_rows_of_the_document(self):
        document = json.loads(self.done("bench", "-n", "40", "-d", "4", *TINY, "--json", "--rows", "rows").stdout)
        self.assertEqual(self.rows(), document["rows"])
        self.assertEqual({row["failure"] for row in document["rows"]}, {None})
        self.refused(4, ["--rows", "rows"], "bench", "png", *TINY, "--rows", "rows")
        self.done("bench", "png", *TINY, "--rows", "rows", "--force")
        self.assertEqual(len(self.rows()), 1)
        self.refused(2, ["tile"], "bench", "tile", *TINY, "--backend", "cpu", "--rows", "none")
        self.assertEqual(self.names(), ["rows"])

    def test_a_run_that_is_killed_keeps_its_rows(self):
        """The second row takes minutes: the first is read while it runs, and lies in the file when it is killed."""
        program = subprocess.Popen([PROGRAM, "bench", "rotate", "-n", "20,512k", "-d", "64", "--layout", "half",
                                    "--threads", "1", "--samples", "1000", "-q", "--rows", "rows"],
                                   stdout=subprocess.PIPE, cwd=self.directory)
        line = b""
        while not line.startswith(b"| rotate | 20 x 64 half |"):
            line = program.stdout.readline()
            self.assertTrue(line, "the program ended without a row")
        program.kill()
        program.communicate()
        rows = self.rows()
        self.assertEqual([(row["name"], row["positions"], row["seconds"]["samples"]) for row in rows],
                         [("rotate", 20, 1000)])


class Rank(Case):
    """What has most headroom below its own bound comes first."""

    def shares(self, text):
        table = [line.split("|")[1:] for line in text.decode().splitlines() if line.startswith("| ") and "%" in line]
        return [float(cells[0].split("%")[0]) for cells in table], [cells[2].strip() for cells in table]

    def test_a_run(self):
        text = self.done("bench", "rank", "rotate", "pool", "-n", "60", "-d", "8", *TINY).stdout
        shares, names = self.shares(text)
        self.assertEqual((shares, sorted(names)),
                         (sorted(shares), ["pool max", "pool mean", "pool std", "rotate", "rotate"]))

    def test_what_was_recorded(self):
        document = json.loads(self.done("bench", "rotate", "diagonal", "-n", "60", "-d", "8", *TINY, "--json", "--rows",
                                        "rows").stdout)
        for row, share in zip(document["rows"], (0.5, 0.25, 7.0, 8.0, 0.125)):
            row["share"] = share
        lines = [{**document, "rows": None}, *document["rows"]]
        del lines[0]["rows"]
        cut = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n{\"half a"
        record = {"schema": "ropemap.gpu-check/1", "bench": document}
        for data in (json.dumps(document).encode(), cut, json.dumps(record).encode()):
            text = self.done("bench", "rank", "--baseline", self.write("old", data)).stdout
            self.assertEqual(self.shares(text), ([12.5, 25.0, 50.0], ["diagonal", "rotate", "rotate"]))
        self.refused(3, ["old"], "bench", "rank", "--baseline", self.write("old", cut.replace(b"60", b"6,0", 3)))
        self.refused(3, ["old"], "bench", "rank", "--baseline", self.write("old", json.dumps(lines[0]).encode()))
        for option in (["--json"], ["--rows", "a"], ["--roofline", "a"], ["--fail-above", "5"]):
            self.refused(2, ["measures nothing"], "bench", "rank", "--baseline", "old", *option)


class Roofline(Case):
    def test_picture(self):
        arguments = ["bench", "rotate", "similarity", "-n", "60", "-d", "8", *TINY]
        self.done(*arguments, "--roofline", "roof.png")
        picture = read_png(self.read("roof.png"))
        self.assertGreater(picture["width"], picture["height"])
        self.assertEqual(self.refused(4, ["roof.png"], *arguments, "--roofline", "roof.png").count("\n"), 1)
        self.refused(2, ["--roofline", "no row"], "bench", "pool", "-n", "60", *TINY, "--roofline", "b.png")


class Refused(Case):
    def test_values(self):
        for words, arguments in (
            (["rotat", "did you mean rotate"], ["rotat"]),
            (["--positions", "'0'"], ["-n", "0"]),
            (["--positions"], ["-n", ""]),
            (["--positions"], ["-n", "64-16"]),
            (["--positions"], ["-n", "4k*2"]),
            (["--positions"], ["-n", "4k-8k*1"]),
            (["--positions"], ["-n", "4,,5"]),
            (["--positions"], ["-n", "17M"]),
            (["--positions", "64 numbers"], ["-n", ",".join(["1"] * 65)]),
            (["--head-dim", "odd"], ["-d", "63"]),
            (["--head-dim"], ["-d", "4098"]),
            (["--layout"], ["--layout", "halves"]),
            (["--size"], ["--size", "0x5"]),
            (["--size"], ["--size", "70000"]),
            (["--threads"], ["--threads", "0"]),
            (["--samples"], ["--samples", "0"]),
            (["--seconds", "out of range"], ["--seconds", "0"]),
            (["--seconds"], ["--seconds", "nan"]),
            (["--rows", "--output"], ["--rows", "a", "-o", "a"]),
            (["--frobnicate"], ["--frobnicate"]),
            (["--dtype", "fp31"], ["--dtype", "fp32,fp31"]),
            (["--dtype", "at most 4"], ["--dtype", "fp32,fp16,bf16,tf32,fp32"]),
            (["--dtype", "cuda"], ["--backend", "cpu", "--dtype", "fp16"]),
            (["--heads 0:1", "'0'"], ["--heads", "0:1"]),
            (["--heads"], ["--heads", "8:2:1"]),
            (["--heads", "cuda"], ["--backend", "cpu", "--heads", "8:2"]),
            (["--block", "too small"], ["--block", "8"]),
            (["--block", "cuda"], ["--backend", "cpu", "--block", "256"]),
            (["--backend"], ["--backend", "metal"]),
            (["--device"], ["--device", "-1"]),
            (["--profile", "cuda"], ["--backend", "cpu", "--profile"]),
            (["tile"], ["--backend", "cpu", "tile"]),
            (["png"], ["--backend", "cuda", "png"]),
            (["a: already an output"], ["--roofline", "a", "-o", "a"]),
            (["--fail-above", "--baseline"], ["--fail-above", "5%"]),
            (["--fail-above", "negative"], ["--fail-above", "-5%"]),
            (["--fail-above"], ["--fail-above", "%"]),
        ):
            self.refused(2, words, "bench", *arguments)

    def test_help(self):
        page = self.done("bench", "--help").stdout.decode()
        for word in ("rotate, similarity, pool, diagonal, png, map, tile, softmax", "--heads", "--positions", "--json", "FROM-TO*FACTOR"):
            self.assertIn(word, page)
        self.assertLessEqual(max(map(len, page.splitlines())), 100)


if __name__ == "__main__":
    unittest.main()
