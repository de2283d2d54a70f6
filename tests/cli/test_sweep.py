# test_sweep.py - `ropemap sweep`: what its pages and frames hold, and which options it takes
# SPDX-License-Identifier: MIT
import json
import math
import os
import re
import unittest
import xml.etree.ElementTree

from harness import Case, read_png, write_npy

SVG = "{http://www.w3.org/2000/svg}"


class Maps(Case):
    def test_sheets_and_frames(self):
        arguments = ["-n", "512", "--size", "32", "--vary", "base=1e3-1e5*10", "--vary", "head-dim=16,32", "-q"]
        self.done("sweep", *arguments, "-o", "s.png", "-o", "s.svg", "-o", "s.pdf", "--frames", "frames", "--columns",
                  "2")
        self.assertEqual(self.read("s.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.assertIn(b"d = 32", self.read("s.svg"))
        self.assertEqual(self.read("frames/frame-005.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.refused(4, ["frame-000.png"], "sweep", *arguments, "--frames", "frames")
        before = self.read("s.png")
        self.done("sweep", *arguments, "-o", "s.png", "--force", "--columns", "2")
        self.assertEqual(self.read("s.png"), before)

    def test_headings_are_said_once(self):
        """Of two options that vary, the last heads the columns and the first the rows, whole at the width of a column."""
        for command in (["sweep", "--size", "32"], ["sweep", "curve"]):
            self.done(*command, "-n", "512", "--vary", "base=1e3,1e4,500k", "--vary", "head-dim=64,128,256", "--width",
                      "88mm", "--font-size", "8", "-o", "h.svg", "--force", "-q")
            found = [one.text for one in xml.etree.ElementTree.fromstring(self.read("h.svg")).iter(SVG + "text")]
            for text in ("d = 64", "d = 128", "d = 256", "base 1,000", "base 10,000", "base 500,000"):
                self.assertEqual(found.count(text), 1, (command, text, found))

    def test_a_frame_is_the_map_of_its_setting(self):
        """Its words included: a rounded or shifted map says so."""
        self.write("p.npy", write_npy((64,), [3 * row for row in range(64)], "<i8"))
        for options in (["--phase", "bf16-inv-freq", "--shift", "7"], ["--diff", "hf-fp32", "--shift", "1M"],
                        ["--positions-from", "p.npy"], ["--grid", "8"],
                        ["--content", "gauss:3", "--phase", "bf16-tables", "--pool", "max", "--causal"],
                        ["--scaling", "linear:factor=4", "--contour", "0.5", "--dark", "--font-size", "8pt"]):
            shown = ["-n", "64", *options, "--size", "16", "--clim=-0.5:1", "--force", "-q"]
            shown = shown[2:] if "--grid" in options or "--positions-from" in options else shown
            self.done("sweep", *shown, "--vary", "base=1e3,1e5", "--frames", "frames")
            for number, base in enumerate(("1e3", "1e5")):
                self.done("map", *shown, "--base", base, "-o", "m.png")
                self.assertTrue(self.read("frames/frame-%03d.png" % number) == self.read("m.png"), (options, base))

    def test_axes_are_those_of_all_maps(self):
        for presets, words in (("dinov3-vits16,llama2-7b", "key position or patch"), ("dinov3-vits16,qwen-image", "key patch"),
                               ("llama2-7b,llama3-8b", "key position (tokens)")):
            self.done("sweep", "--vary", "preset=" + presets, "--size", "16", "-q", "--force", "-o", "axes.svg")
            self.assertIn(">%s<" % words, self.read("axes.svg").decode())

    def test_scores_without_end_leave_the_colours_to_the_others(self):
        """Else all maps beside one of ALiBi were pale; the bar says that there is more."""
        for values, ends in (("alibi,rope", ["≤ −1.0", "1.0"]), ("rope,xpos", []), ("alibi", [])):
            self.done("sweep", "--vary", "encoding=" + values, "-n", "2k", "--size", "16", "-q", "--force", "-o", "s.svg")
            labels = re.findall(">([^<]*)</text>", self.read("s.svg").decode())
            self.assertEqual([label for label in labels if label in ("1.0", "≥ 1.0", "−1.0", "≤ −1.0")], ends, values)
        self.done("sweep", "--vary", "encoding=alibi,rope", "--slope", "0.5", "-n", "2k", "--size", "16", "-q", "--frames", "frames")
        self.done("map", "-n", "2k", "--size", "16", "-q", "--clim=-1:1", "-o", "m.png")
        self.assertTrue(self.read("frames/frame-001.png") == self.read("m.png"))
        self.refused(2, ["slope", "expected with alibi"], "sweep", "--vary", "encoding=xpos,rope", "--slope", "0.5", "-o", "no.png")

    def test_all_heads_of_tensors(self):
        self.write("q.npy", write_npy((3, 8, 4), [((7 * i) % 11 - 5) / 8 for i in range(96)]))
        self.write("k.npy", write_npy((1, 8, 4), [((5 * i) % 13 - 6) / 8 for i in range(32)]))
        files = ["--queries", "q.npy", "--keys", "k.npy", "-q"]
        self.done("sweep", *files, "--vary", "head=all", "-o", "all.png")
        self.done("sweep", *files, "--vary", "head=0,1,2", "-o", "named.png")
        self.assertEqual(self.read("all.png"), self.read("named.png"))
        for name, norm in (("usual", []), ("log", ["--norm", "log"]), ("linear", ["--norm", "linear"])):
            self.done("sweep", *files, "--vary", "head=all", "--measure", "softmax", *norm, "-o", name + ".svg")
        self.assertEqual(self.read("usual.svg"), self.read("log.svg"))
        self.assertNotEqual(self.read("usual.svg"), self.read("linear.svg"))
        self.refused(2, ["head=all", "--queries"], "sweep", "--vary", "head=all", "-o", "x.png")
        self.refused(2, ["layer=all needs --capture"], "sweep", *files, "--vary", "layer=all", "-o", "x.png")
        self.refused(2, ["'all'"], "sweep", *files, "--vary", "head=0,all", "-o", "x.png")
        many = ["--vary", "base=" + ",".join(map(str, range(100, 442)))]
        self.refused(2, ["1026 combinations; at most 1024"], "sweep", *files, *many, "--vary", "head=all", "-o",
                     "x.png")

    def test_own_colours_and_order(self):
        """Panels by attention on the first 4 keys; cells that are each map's own least and largest have the end colours."""
        self.write("q.npy", write_npy((3, 8, 4), [((7 * i) % 11 - 5) / 2 for i in range(96)]))
        self.write("k.npy", write_npy((1, 8, 4), [((5 * i) % 13 - 6) / 2 for i in range(32)]))
        files = ["--queries", "q.npy", "--keys", "k.npy", "--causal"]
        page = ["sweep", *files, "--measure", "softmax", "--vary", "head=all", "-q"]
        heads = json.loads(self.done("heads", *files, "--sort", "sink", "--json").stdout)["heads"]
        self.done(*page, "--sort", "sink", "-o", "s.svg")
        texts = [one.text for one in xml.etree.ElementTree.fromstring(self.read("s.svg")).iter(SVG + "text")]
        labels = ["head %d: sink %.3g" % (head["head"], head["sink"]) for head in heads]
        self.assertEqual([text for text in texts if text in labels], labels)
        self.done(*page, "--colors", "own", "--norm", "linear", "-o", "o.svg")
        texts = [one.text for one in xml.etree.ElementTree.fromstring(self.read("o.svg")).iter(SVG + "text")]
        self.assertIn("attention weight: each map's least (0) to largest (1)", texts)
        for head in range(3):
            largest = self.map(*files, "--measure", "softmax", "--head", head)[1]["max"]
            self.assertIn("head %d, up to %.2g" % (head, largest), texts)
        self.refused(2, ["--sort needs --measure softmax"], "sweep", *files, "--vary", "head=0,1", "--sort", "sink", "-o", "x.png")
        self.refused(2, ["--colors", "--frames"], *page, "--colors", "own", "--frames", "f")
        self.refused(2, ["--colors own", "--clim"], *page, "--colors", "own", "--clim", "0.1:1", "-o", "x.png")

    def title(self, *options):
        self.done("sweep", "-n", "64", "--size", "16", *options, "-o", "t.svg", "--force", "-q")
        found = [one.text for one in xml.etree.ElementTree.fromstring(self.read("t.svg")).iter(SVG + "text")]
        return next(text for text in found if " over " in text), found

    def test_a_title_says_what_all_have_in_common(self):
        rows = ["--vary", "base=1e3,1e5"]
        for options, words in (
                ([*rows, "--phase", "hf-fp32", "--shift", "7"],
                 "RoPE similarity over base, d = 128, hf-fp32, shifted by 7"),
                ([*rows, "--diff", "bf16-inv-freq"], "RoPE similarity over base, d = 128, bf16-inv-freq less exact"),
                ([*rows, "--scaling", "linear:factor=4"], "RoPE similarity over base, linear scaling by 4, d = 128"),
                (["--vary", "phase=exact,hf-fp32", "--shift", "9"],
                 "RoPE similarity over phase, base 10,000, d = 128, shifted by 9"),
                (["--vary", "diff=hf-fp32,bf16-inv-freq"], "RoPE similarity over diff, base 10,000, d = 128"),
                (["--vary", "shift=0,7", "--preset", "llama3-8b"],
                 "RoPE similarity over shift, llama3-8b, base 500,000, d = 128"),
                (["--vary", "encoding=rope,alibi"], "Scores over encoding, base 10,000, d = 128, slope 0.00390625"),
                (["--encoding", "alibi", "--vary", "slope=0.1,0.2"], "ALiBi score over slope, d = 128"),
                (["--vary", "encoding=alibi,xpos", "--vary", "base=100,1000", "--slope", "0.5"], "Scores over encoding and base, d = 128, slope 0.5")):
            title, found = self.title(*options)
            self.assertEqual(title, words)
            self.assertEqual("mean of q · k, difference" in found, "diff" in " ".join(options), options)
        self.assertIn("similarity", self.title("--vary", "pool=max,min")[1])  # their values have no name in common
        self.assertIn("maximum of q · k", self.title("--pool", "max", "--vary", "content=ones,gauss")[1])

    def test_what_is_wrong_is_named(self):
        two = ["sweep", "--vary", "base=1e3,1e4"]
        self.refused(2, ["--vary"], "sweep", "-o", "s.png")
        self.refused(2, ["--output"], *two)
        self.refused(2, [".npy"], *two, "-o", "s.npy")
        self.refused(2, ["already an output"], *two, "-o", "s.png", "-o", "s.png")
        self.refused(2, ["--diff", "--phase"], "sweep", "--vary", "diff=hf-fp32", "--phase", "ggml-fp32", "-o", "s.png")
        for option in ("--contour=0", "--dark"):
            self.refused(2, [option.split("=")[0], "--frames"], *two, "-o", "s.png", option)
        self.refused(2, ["--clim", "--norm log"], *two, "-o", "s.png", "--norm", "log", "--clim=-1:1")
        self.assertEqual(self.names(), [])


class Curves(Case):
    """ropemap sweep curve"""

    def texts(self, *arguments):
        self.done("sweep", "curve", *arguments, "-o", "c.svg", "--force", "-q")
        return [element.text for element in xml.etree.ElementTree.fromstring(self.read("c.svg")).iter(SVG + "text")]

    def test_words_are_said_once(self):
        texts = self.texts("-n", "4k", "--vary", "head-dim=64,128,256", "--lines", "base=1e4,5e5")
        for text in ("d = 64", "d = 128", "d = 256", "base", "10,000", "500,000", "similarity",
                     "distance (tokens)", "RoPE similarity over head dimension"):
            self.assertEqual(texts.count(text), 1, text)
        self.assertEqual(texts.count("4,096"), 3) # below each column
        self.assertEqual(texts.count("0.5") + texts.count("0.4"), 1) # next to the only row
        texts = self.texts("-n", "4k", "-b", "5e5", "--vary", "head-dim=64,128", "--vary", "scaling=none", "--vary",
                           "scaling=linear:factor=4", "--vary", "phase=exact,hf-fp32", "--columns", "4")
        self.assertIn("RoPE similarity over head dimension, scaling and phase, base 500,000", texts)
        at = next(at for at, text in enumerate(texts) if text.startswith("d = 64, linear:factor=4,")) # of two lines
        self.assertEqual(" ".join(texts[at:at + 2]), "d = 64, linear:factor=4, phase exact")
        self.assertEqual(texts.count("4,096"), 4)

    def lines(self, page, points):
        """The numbers of every path of as many points as there are distances, in the order they are drawn."""
        found = []
        for path in xml.etree.ElementTree.fromstring(page).iter(SVG + "path"):
            numbers = [float(number) for number in re.findall(r"-?[0-9.]+", path.get("d"))]
            if path.get("fill") == "none" and len(numbers) == 2 * points:
                found.append(list(zip(numbers[::2], numbers[1::2])))
        return found

    def test_points_against_the_formula(self):
        """Few distances: each is a point of the line, whose height is S(r) on one axis for all plots."""
        bases, dims, distances = (1e3, 1e5), (16, 64), range(40)
        self.done("sweep", "curve", "-n", "40", "--vary", "base=1e3,1e5", "--vary", "head-dim=16,64", "-o", "c.svg", "-q")
        lines = self.lines(self.read("c.svg"), 40)
        values = [[math.fsum(math.cos(r * base ** (-2 * pair / dim)) for pair in range(dim // 2)) / (dim // 2)
                   for r in distances] for base in bases for dim in dims]
        self.assertEqual(len(lines), len(values))
        low, high = min(map(min, values)), max(map(max, values))
        # Pixels a unit of similarity, from the two ends of the first line, hold for all.
        tops = [min(y for _, y in line) for line in lines] # S(0) = 1 in each
        span = (max(y for _, y in lines[0]) - tops[0]) / (1 - min(values[0]))
        for line, curve, top in zip(lines, values, tops):
            for (_, y), value in zip(line, curve):
                self.assertAlmostEqual(y - top, (1 - value) * span, delta=0.05)
        self.assertLess(low, high)
        self.assertAlmostEqual(tops[0], tops[1], delta=0.01)
        self.assertGreater(tops[2], tops[0])

    def test_pages_and_frames(self):
        arguments = ["sweep", "curve", "-n", "2k", "--axis", "log", "--vary", "base=1e3-1e5*10", "-q"]
        self.done(*arguments, "-o", "s.png", "-o", "s.svg", "-o", "s.pdf", "--frames", "frames")
        self.assertEqual(self.read("s.pdf")[:5], b"%PDF-")
        self.assertEqual(sorted(os.listdir(self.path("frames"))), ["frame-%03d.png" % frame for frame in range(3)])
        before = [self.read(name) for name in ("s.png", "s.svg", "s.pdf", "frames/frame-001.png")]
        self.refused(4, ["frame-000.png"], *arguments, "--frames", "frames")
        self.done(*arguments, "-o", "s.png", "-o", "s.svg", "-o", "s.pdf", "--frames", "frames", "--force", "--threads", "1")
        self.assertEqual([self.read(name) for name in ("s.png", "s.svg", "s.pdf", "frames/frame-001.png")], before)

    def test_size(self):
        self.done("sweep", "curve", "-n", "300", "--vary", "base=1e3,1e4", "--size", "640x400", "-o", "s.png", "-q")
        picture = read_png(self.read("s.png"))
        self.assertEqual((picture["width"], picture["height"]), (640, 400))

    def test_heads_of_tensors(self):
        self.write("q.npy", write_npy((2, 30, 4), [math.sin(i * i) for i in range(240)]))
        texts = self.texts("--queries", "q.npy", "--keys", "q.npy", "--vary", "head=0,1")
        for text in ("head 0", "head 1", "Mean similarity over head, base 10,000, d = 4"):
            self.assertIn(text, texts)

    def test_what_is_wrong_is_named(self):
        two = ["sweep", "curve", "--vary", "base=1e3,1e4"]
        self.refused(2, ["--vary"], "sweep", "curve", "-o", "s.png")
        self.refused(2, ["--output"], *two)
        self.refused(2, [".csv"], *two, "-o", "s.csv")
        self.refused(2, ["--lines base"], *two, "--lines", "base=1,2", "-o", "s.png")
        self.refused(2, ["--vary distances"], "sweep", "curve", "--vary", "distances=10,20", "-o", "s.png")
        self.refused(2, ["'positions'"], "sweep", "curve", "--vary", "positions=10,20", "-o", "s.png")
        self.refused(2, ["no room"], "sweep", "curve", "--vary", "base=10-1e6*1.2", "--columns", "50", "--size",
                     "400x400", "-o", "s.png")
        self.refused(2, ["bogus"], "sweep", "bogus")
        self.assertEqual(self.names(), [])


class Options(Case):
    """Help, completion and manual list what is taken, and nothing else."""

    REFUSED = {"sweep": ("json", "bare", "dry-run", "percentile", "verbose"),
               "sweep curve": ("json", "label", "bare", "positions")}

    def listed(self, command):
        page = self.done(*command.split(), "--help").stdout.decode()
        self.assertEqual(page, self.done("help", *command.split()).stdout.decode())
        return re.findall(r"^ .{0,5} --([a-z-]+)( \S)?", page, re.M)

    def check_listed(self, command):
        names = [name for name, _ in self.listed(command)]
        self.assertEqual(len(names), len(set(names)))
        branch = self.done("completion", "bash").stdout.decode().split("\n    '%s')" % command)[1].split("' ;;")[0]
        cases, words = branch.split("words='")
        words = [word for word in words.split() if word.startswith("--")]
        self.assertEqual(sorted(words), sorted("--" + name for name in names))
        section = self.done("manual").stdout.decode().replace("\\-", "-").split('.SS "ropemap %s"' % command)[1]
        section = re.findall(r"\\fB--([a-z-]+)\\fR", section.split(".S")[0])
        self.assertEqual(sorted(section), sorted(set(names) - {"help"}))
        for name in self.REFUSED[command]:
            self.assertNotIn(name, names)
            self.assertNotRegex(cases, "--%s[)|]" % name)
            self.refused(2, ["--%s: unknown option" % name], *command.split(), "--" + name)

    def test_what_is_listed(self):
        for command in self.REFUSED:
            self.check_listed(command)

    def test_every_option_listed_is_known(self):
        for command in self.REFUSED:
            for name, argument in self.listed(command):
                if name != "help":
                    text = self.run_program(*command.split(), "--%s%s" % (name, "=" if argument else "")).stderr
                    self.assertNotIn(b"unknown option", text)


if __name__ == "__main__":
    unittest.main()
