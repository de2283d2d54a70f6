# test_curve.py - `ropemap curve`, `bound`, `explain` and `manual`: against formulas and published numbers
# SPDX-License-Identifier: MIT
import json
import math
import re
import subprocess
import shutil
import unittest

from harness import Case, read_npy, write_npy


def similarity(distance, base=1e4, dim=128):
    return sum(math.cos(distance * base ** (-2 * pair / dim)) for pair in range(dim // 2)) / (dim // 2)


class Curve(Case):
    def curves(self, *arguments):
        return json.loads(self.done("curve", *arguments, "--json", "-q").stdout)

    def test_values(self):
        document = self.curves("--distances", "1000", "-b", "1e4")
        self.assertEqual([document["schema"], document["distances"]],
                         ["ropemap.curve/1", {"first": 0, "count": 1000, "step": 1}])
        for distance in (0, 1, 10, 100, 999):
            self.assertAlmostEqual(document["curves"][0]["values"][distance], similarity(distance), delta=3e-7)
        published = {1: .9779092242, 10: .7642052291, 100: .6109886834, 1000: .4922638904, 4096: .3827529545,
                     32768: .2097388208, 131072: .0477774637, 1000000: -.1825423457}
        for distance, value in published.items():
            document = self.curves("-n", "%d:1" % distance, "-b", "5e5")
            self.assertAlmostEqual(document["curves"][0]["values"][0], value, delta=3e-7)

    def test_similarity_is_a_share_of_that_at_distance_0(self):
        """Three pairs that an attention factor scales and two elements that do not rotate; of a band its share."""
        rule, factor = ["-d", "8", "--rotary-dim", "6", "--scaling", "ggml:divisors=1/1/1,attn=1.5"], 1.5
        part = lambda distance, pairs, rest: (factor ** 2 * sum(math.cos(distance * 1e4 ** (-pair / 3)) for pair in pairs) + rest) / 4
        document = self.curves(*rule, "-n", "200")
        [curve] = document["curves"]
        self.assertAlmostEqual(curve["similarity_at_zero"], (factor ** 2 * 3 + 1) / 4, delta=1e-9)
        for distance in (0, 1, 7, 199):
            self.assertAlmostEqual(curve["values"][distance], part(distance, range(3), 1) / part(0, range(3), 1), delta=3e-7)
        [band] = self.curves(*rule, "-n", "200", "--band", "1:2")["curves"]
        for distance in (0, 7, 199):
            self.assertAlmostEqual(band["values"][distance], part(distance, (1, 2), 0) / part(0, range(3), 1), delta=3e-7)
        rounded = self.curves(*rule, "-n", "9", "--phase", "hf-fp32")["curves"][0]["values"]
        self.assertAlmostEqual(rounded[8], curve["values"][8], delta=1e-5)
        self.done("curve", *rule, "-n", "9", "-q", "-o", "share.csv", "-o", "share.svg")
        self.assertEqual(self.read("share.csv").splitlines()[1], b"0,1")
        self.assertIn(b"similarity / S(0)", self.read("share.svg"))
        self.assertIsNone(self.curves("--quantity", "roformer", "-n", "4")["curves"][0]["similarity_at_zero"])

    def test_other_encodings(self):
        """Against their formulas, and where they are first below half and zero."""
        wave = lambda distance, pair: math.cos(distance * 1e4 ** (-pair / 4))
        mean = lambda distance: sum(wave(distance, pair) for pair in range(4)) / 4
        zeta = [(2 * pair + 0.4 * 8) / (1.4 * 8) for pair in range(4)]
        formulas = {
            "alibi": lambda r: 1 - r / 256, "nope": lambda r: 1.0, "sinusoidal": mean,
            "xpos": lambda r: sum(zeta[pair] ** (r / 512) * wave(r, pair) for pair in range(4)) / 4,
        }
        document = self.curves("-d", "8", "-n", "700", "--vary", "encoding=rope," + ",".join(formulas))
        for curve, (name, formula) in zip(document["curves"][1:], formulas.items()):
            expected = [formula(r) for r in range(700)]
            self.assertEqual(curve["encoding"], name)
            self.assertAlmostEqual(curve["similarity_at_zero"], 1, delta=1e-6)
            self.assertLess(max(abs(a - b) for a, b in zip(curve["values"], expected)), 3e-6, name)
            for key, threshold in (("half", 0.5), ("first_negative", 0.0)):
                below = [r for r, value in enumerate(expected) if value < threshold]
                self.assertEqual(curve[key], below[0] if below else None, (name, key))
        chunks = ["-d", "8", "--encoding", "dual-chunk", "--chunk", "64", "--local", "24"]  # a key's position begins anew after 40
        place = lambda query: query if query < 40 else min(query % 40 + 40, 64) if query < 80 else 64
        [dual] = self.curves(*chunks, "-n", "200")["curves"]
        self.assertLess(max(abs(value - mean(place(r))) for r, value in enumerate(dual["values"])), 3e-6)
        [dual] = self.curves(*chunks, "-n", "9", "--shift", "36")["curves"]  # queries from 40 on are in the next chunk
        self.assertLess(max(abs(value - mean(r)) for r, value in enumerate(dual["values"])), 3e-6)
        [far] = self.curves("-n", "1M:3:1k", "--encoding", "alibi", "--slope", "0.5")["curves"]
        self.assertEqual([far["values"], far["half"]], [[1 - 0.5 * (2**20 + step * 1024) for step in range(3)], None])
        self.assertEqual(self.done("curve", "--encoding", "alibi", "-n", "600").stdout.decode().split(":")[0], "alibi")
        self.done("curve", "--encoding", "alibi", "-n", "600", "-q", "-o", "alibi.svg", "-o", "alibi.csv")
        for words in ("ALiBi score, slope 0.00390625, d = 128", "q · k − slope × distance", "below ½ at 129", "below 0 at 257"):
            self.assertIn(words.encode(), self.read("alibi.svg"))
        self.assertIn(b"128,0.5\n", self.read("alibi.csv"))
        both = self.curves("-n", "9", "--vary", "encoding=alibi,rope", "--slope", "0.5")["curves"]  # RoPE has none
        self.assertEqual([one["values"] for one in both], [[1 - 0.5 * r for r in range(9)], self.curves("-n", "9")["curves"][0]["values"]])
        for command in (["curve"], ["sweep", "curve"]):  # scores that fall without end are no similarity
            self.done(*command, "-n", "9", "--vary", "encoding=rope,alibi", "--slope", "0.5", "-q", "-o", "both.svg", "--force")
            self.assertRegex(self.read("both.svg").decode(), r">Scores( over encoding)?, base 10,000, slope 0.5, d = 128<")
            self.assertIn(b">score<", self.read("both.svg"))
        self.refused(2, ["--slope needs --encoding alibi"], "curve", "--vary", "encoding=xpos,rope", "--slope", "0.5")

    def test_encodings_are_refused_where_they_mean_nothing(self):
        for given, words in ((["--slope", "0.1"], "--slope needs --encoding alibi"),
                             (["--encoding", "xpos", "--chunk", "64"], "--chunk needs --encoding dual-chunk"),
                             (["--encoding", "xpos", "--phase", "hf-fp32"], "--phase: only RoPE has one; leave --encoding xpos out"),
                             (["--encoding", "nope", "--band", "0:4"], "--encoding is of the similarity of equal vectors; leave --band out"),
                             (["--encoding", "dual-chunk", "--distances", "0:9:2"], "steps of 1"),
                             (["--encoding", "alibi", "--slope", "-1"], "a number above 0")):
            self.refused(2, [words], "curve", *given)
        self.write("q.npy", write_npy((6, 4), [1, 0, 0, 1] * 6))
        tensors = ["--queries", "q.npy", "--keys", "q.npy", "-n", "4"]
        self.refused(2, ["leave --queries out"], "curve", *tensors, "--encoding", "xpos")
        [mean] = self.curves(*tensors, "--encoding", "nope")["curves"]
        self.assertEqual(mean["values"], [2.0] * 4)

    def test_reach(self):
        document = self.curves("--vary", "base=1e4,5e5,1e6", "-n", "100")
        self.assertEqual([curve["first_negative"] for curve in document["curves"]], [1707, 18438, 27115])
        self.assertEqual([curve["label"] for curve in document["curves"]], ["base 10,000", "base 500,000", "base 1,000,000"])
        document = self.curves("--vary", "head-dim=64,128", "-n", "100", "--label", "narrow")
        self.assertEqual([(curve["label"], curve["first_negative"]) for curve in document["curves"]],
                         [("narrow", 725), ("d = 128", 1707)])
        text = self.done("curve", "-b", "5e5", "-n", "10").stdout.decode()
        self.assertIn("first below zero at 18,438", text)

    def test_combinations(self):
        document = self.curves("--vary", "base=1e3-1e5*10", "--vary", "head-dim=64,128", "-n", "4")
        self.assertEqual([(curve["base"], curve["head_dim"]) for curve in document["curves"]],
                         [(base, dim) for base in (1e3, 1e4, 1e5) for dim in (64, 128)])
        document = self.curves("--vary", "scaling=none", "--vary", "scaling=yarn:factor=4,original=4096", "-n", "4")
        self.assertEqual([curve["scaling"] for curve in document["curves"]],
                         ["none", "yarn:factor=4,original=4096"])
        document = self.curves("--vary", "preset=llama2-7b,llama3.1-8b", "-n", "4")
        self.assertEqual([curve["trained_length"] for curve in document["curves"]], [4096, 131072])

    def test_what_a_chart_says(self):
        """Bands are named where there are some; what is written beside a mark is whole and on no curve."""
        svg = {}
        for count in ("100", "128k"):
            self.done("curve", "--preset", "llama3.1-8b", "-n", count, "--axis", "log", "--width", "88mm", "-q", "-o", count + ".svg")
            svg[count] = self.read(count + ".svg").decode()
        self.assertIn(">llama3.1-8b<", svg["100"])
        self.assertIn(">llama3.1-8b; line: mean of a pixel, band: its range<", svg["128k"])
        for words in ("below ½ at 166", "below 0 at 85,133"):
            self.assertNotIn("rotate", re.search(r"<text[^>]*>%s<" % words, svg["128k"]).group(0))
        self.done("sweep", "curve", "--vary", "base=1e4,1e5", "--vary", "head-dim=64,128", "-n", "8k", "--width", "88mm", "-q", "-o", "s.svg")
        told = re.findall(r">([^<]*)</text>", self.read("s.svg").decode())
        self.assertEqual([words for words in told if "…" in words], [])
        self.assertTrue({"below 0 at 725", "below 0 at 1,707", "3,616", "below 0 at 7,757"} <= set(told), told)
        # Where words would lie across the curve there is the number.
        self.done("sweep", "curve", "--vary", "base=1e4,1e6", "--vary", "head-dim=64,128", "-n", "32k", "--axis", "log", "--width", "88mm", "-q", "-o", "t.svg")
        told = re.findall(r">([^<]*)</text>", self.read("t.svg").decode())
        self.assertTrue({"below ½ at 28", "below ½ at 46", "122", "197", "below 0 at 6,235", "below 0 at 27,115"} <= set(told), told)

    def test_whose_trained_length_it_is(self):
        """Each has a ring on its own curve, where that is at that distance."""
        self.done("curve", "--vary", "preset=llama2-7b,llama3-8b", "-n", "16k", "-q", "-o", "m.svg")
        values = [one["values"] for one in self.curves("--vary", "preset=llama2-7b,llama3-8b", "-n", "4096:2:4096")["curves"]]
        svg = self.read("m.svg").decode()
        rings = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', svg)]
        self.assertEqual(len(rings), 2)
        zero, one = (float(re.search(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>%s</text>' % words, svg).group(1)) for words in (r"0\.0", r"1\.0"))
        self.assertAlmostEqual((rings[0] - rings[1]) / (zero - one), values[1][1] - values[0][0], delta=2e-3)

    def test_a_model_up_to_its_trained_length(self):
        whole = ["--vary", "preset=llama2-7b,llama3-8b", "-n", "9000"]
        cut, full = (self.curves(*whole, *more)["curves"] for more in (["--until-trained"], []))
        for one, other, last in zip(cut, full, (4096, 8192)):
            self.assertEqual(one["values"], other["values"][:last + 1] + [None] * (8999 - last))
            self.assertEqual((one["half"], one["first_negative"]), (other["half"], other["first_negative"]))
        self.done("curve", *whole, "--until-trained", "-q", "-o", "cut.csv", "-o", "cut.svg")
        rows = self.read("cut.csv").decode().splitlines()
        self.assertEqual([row.split(",")[1:].count("nan") for row in (rows[4097], rows[4098], rows[8193], rows[8194])], [0, 1, 1, 2])
        svg = self.read("cut.svg").decode()
        ends = [max(float(x) for x in re.findall(r"([\d.]+) [\d.]+", path)) for path in
                re.findall(r'stroke="#(?:0072b2|d55e00)" stroke-width="2.6" d="M([^"]*)"', svg)]
        rings = sorted(float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg))
        self.assertEqual(len(rings), 2)
        for end, ring in zip(sorted(ends), rings):
            self.assertAlmostEqual(end, ring, delta=2)
        # One of images up to the side of its grid.
        mixed = ["--vary", "preset=dinov3-vits16,llama2-7b", "-n", "5000", "--until-trained", "-q"]
        found = json.loads(self.done("curve", *mixed, "-o", "mixed.svg", "--json").stdout)["curves"]
        self.assertEqual([sum(value is not None for value in one["values"]) for one in found], [14, 4097])
        self.assertIn(">distance (tokens, or patches)<", self.read("mixed.svg").decode())
        self.assertIn(">RoPE similarity<", self.read("mixed.svg").decode())  # and not the axes or the part of one of them
        self.done("curve", "--vary", "preset=phi-4-mini,llama2-7b", "-n", "99", "-q", "-o", "part.svg")
        self.assertIn(">RoPE similarity, base 10,000, d = 128<", self.read("part.svg").decode())
        self.refused(2, ["no trained length is known of"], "curve", "--axes", "16,48,64", "--until-trained", "-q", "-o", "none.png")
        self.refused(2, ["--along"], "curve", "--vary", "along=1,5", "--preset", "llama3.1-8b", "-n", "9", "-q", "-o", "none.png")  # leaks nothing
        self.refused(2, ["no trained length is known of base 10,000"], "curve", "--until-trained", "-q", "-o", "none.png")

    def test_files(self):
        self.done("curve", "--vary", "base=1e4,5e5", "-n", "300", "-q", *sum((["-o", "c." + ending] for ending in (
            "png", "svg", "pdf", "csv", "npy")), []))
        self.assertEqual(self.read("c.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.assertIn(b">500,000</text>", self.read("c.svg"))
        self.assertEqual(self.read("c.pdf")[:5], b"%PDF-")
        lines = self.read("c.csv").decode().splitlines()
        self.assertEqual(lines[0], 'distance,"base 10,000","base 500,000"')
        self.assertEqual(len(lines), 301)
        self.assertAlmostEqual(float(lines[101].split(",")[1]), similarity(100), delta=3e-7)
        cells = read_npy(self.read("c.npy"))
        self.assertAlmostEqual(cells[0][100], similarity(100), delta=3e-7)
        for arguments in (["--axis", "log"], ["--ylim", "-0.5:1"], ["--size", "800x500"], ["--band", "0:8"],
                          ["--quantity", "roformer"]):
            self.done("curve", "-n", "500", "-q", "-o", "again.png", "--force", *arguments)
        self.done("curve", "-n", "500", "-q", "-o", "again.svg", "--width", "90mm")

    def test_marks(self):
        for options, words in (([], ["below ½ at 46", "below 0 at 1,707"]),
                               (["-n", "1000:2k"], ["below 0 at 1,707"]),
                               (["--base", "5e5"], ["below ½ at 166"]),
                               (["--vary", "base=1e4,5e5"], []), (["--phase", "bf16-tables"], [])):
            self.done("curve", *options, "-q", "--force", "-o", "marks.svg")
            page = self.read("marks.svg").decode()
            self.assertEqual(re.findall("below [½0] at [0-9,]+", page), words, options)
            self.assertEqual(page.count("<circle"), len(words), options)  # a ring on the curve

    def test_steps_of_a_number_are_a_ramp(self):
        for vary, names in (("base=1e3,1e4,1e5", ["100,000", "10,000", "1,000"]), ("base=1e5,1e4,1e3", ["100,000", "10,000", "1,000"]),
                            ("base=1e4,1e3,1e5", None), ("base=1e4,1e5", None), ("preset=llama2-7b,llama3-8b,qwen3-8b", None)):
            self.done("curve", "--vary", vary, "-n", "128k", "--axis", "log", "-q", "--force", "-o", "ramp.svg")
            page = self.read("ramp.svg").decode()
            self.assertEqual("stroke-dasharray" in page or "#0072b2" in page.lower(), names is None, vary)
            if names is not None:
                self.assertIn("#440154", page.lower())
                self.assertEqual([one for one in re.findall(r">([\d,]+)</text>", page) if one in names], names, vary)

    def test_roformer(self):
        values = self.curves("--quantity", "roformer", "-n", "251")["curves"][0]["values"]
        for distance, value in ((0, 32.5), (50, 12.629452), (250, 6.548179)):
            self.assertAlmostEqual(values[distance], value, delta=1e-6)

    def test_rounding(self):
        document = self.curves("--vary", "phase=exact,hf-fp32", "--shift", "10000000", "-n", "300", "-d", "64")
        exact, rounded = (curve["values"] for curve in document["curves"])
        for distance in (0, 1, 299):
            self.assertAlmostEqual(exact[distance], similarity(distance, dim=64), delta=1e-6)
        self.assertGreater(max(abs(a - b) for a, b in zip(exact, rounded)), 1e-3)
        self.refused(2, ["--phase", "--band"], "curve", "--phase", "hf-fp32", "--band", "0:2")

    def test_tensors(self):
        rows, dim = 40, 4
        q = [math.sin(i * i) for i in range(rows * dim)]
        k = [math.cos(3 * i + 1) for i in range(rows * dim)]
        self.write("q.npy", write_npy((rows, dim), q))
        self.write("k.npy", write_npy((rows, dim), k))
        values = self.curves("--queries", "q.npy", "--keys", "k.npy", "--state", "post")["curves"][0]["values"]
        self.assertEqual(len(values), rows)
        for distance in (0, 1, 39):
            pairs = [sum(q[(j + distance) * dim + d] * k[j * dim + d] for d in range(dim))
                     for j in range(rows - distance)]
            self.assertAlmostEqual(values[distance], sum(pairs) / len(pairs), delta=1e-5)
        self.curves("--queries", "q.npy", "--keys", "k.npy", "--head", "0", "--batch", "0", "--order", "hsd",
                    "--first-position", "5", "--threads", "2", "-n", "7")

    def test_what_rotates_in_part(self):
        """The numbers printed are those drawn, fixed elements and attention factor included."""
        curve = self.curves("-d", "8", "--rotary-dim", "4", "-n", "400")["curves"][0]
        drawn = curve["values"]
        self.assertIsNone(curve["first_negative"])
        self.assertEqual(curve["half"], next(r for r, value in enumerate(drawn) if value < 0.5))

    def test_many_distances_as_npy(self):
        self.done("curve", "-n", "70000", "-o", "c.npy", "-q")
        cells = read_npy(self.read("c.npy"))
        self.assertEqual((len(cells), len(cells[0])), (1, 70000))
        self.assertAlmostEqual(cells[0][69999], similarity(69999), delta=3e-7)

    def test_many_distances_as_parts(self):
        """Each part has the mean and the ends of its values, and together they are all distances once."""
        for axis, first, step in (("linear", 0, 1), ("log", 0, 1), ("log", 7, 3), ("linear", 5, 2)):
            range_ = "%d:20011:%d" % (first, step)
            document = self.curves("-n", range_, "-b", "5e5", "--axis", axis)
            self.done("curve", "-n", range_, "-b", "5e5", "-o", "c.npy", "--force", "-q")
            values = read_npy(self.read("c.npy"))[0]
            one = document["curves"][0]
            self.assertIsNone(one["values"])
            parts = one["buckets"]
            self.assertLessEqual(len(parts["distance"]), 2001)
            self.assertGreater(len(parts["distance"]), 1000)
            following, widths = first, []
            for start, last, mean, low, high in zip(*(parts[name] for name in ("distance", "last", "mean", "low",
                                                                                 "high"))):
                self.assertEqual(start, following)
                inside = values[(start - first) // step:(last - first) // step + 1]
                self.assertAlmostEqual(low, min(inside), 6)
                self.assertAlmostEqual(high, max(inside), 6)
                self.assertAlmostEqual(mean, math.fsum(inside) / len(inside), 6)
                following = last + step
                widths.append((last + step - start) / step if axis == "linear" else (last + step) / max(start, 1))
            self.assertEqual(following, first + 20011 * step)
            if first == 0:  # a line begins where it begins
                self.assertEqual([parts[name][0] for name in ("distance", "last", "mean", "low", "high")], [0, 0, 1, 1, 1])
                del widths[:2]  # the second has the rest of the first
            if axis == "linear":
                self.assertLessEqual(max(widths) - min(widths), 1)
            else:  # the last are as wide as each other, in proportion
                self.assertLess(max(widths[-100:]) / min(widths[-100:]), 1.01)

    def test_what_cannot_vary_is_refused(self):
        for name in ("head=0,1", "layer=0,1", "distances=10,20", "queries=a,b"):
            self.refused(2, ["--vary", name.split("=")[0]], "curve", "--vary", name)
        self.refused(2, ["--label"], "curve", "--label", "a", "--label", "b")
        self.refused(2, ["--head"], "curve", "--head", "1")
        self.refused(2, ["--output", ".png"], "info", "-o", "w.txt")
        self.refused(2, ["--output", ".png"], "bound", "--table", "1k,2k", "-o", "t.txt")
        self.refused(2, ["--presets"], "info", "--presets", "-o", "p.png")

    def test_what_is_wrong_is_named(self):
        self.refused(2, ["--vary", "bass"], "curve", "--vary", "bass=1,2")
        self.refused(2, ["--base", "x"], "curve", "--vary", "base=x")
        self.refused(2, ["--vary", "empty"], "curve", "--vary", "base=1e4,,1e5")
        for wrong in ("1:0", "1:1", "1", "1:", ":1", "1:x", "9" * 80 + ":1"):
            self.refused(2, ["--ylim"], "curve", "--ylim", wrong)
            self.refused(2, ["--bases"], "bound", "--length", "64", "--bases", wrong)
        self.refused(2, ["--output", ".txt"], "curve", "-o", "c.txt")
        self.refused(2, ["--distances"], "curve", "-n", "1G")
        self.refused(2, ["--width"], "curve", "--width", "9 bananas")
        self.refused(2, ["--keys"], "curve", "--queries", "q.npy")
        self.assertEqual(self.names(), [])


class Bound(Case):
    def bound(self, *arguments):
        return json.loads(self.done("bound", *arguments, "--json", "-q").stdout)

    def test_reach(self):
        document = self.bound("-b", "5e5", "--limit", "100k")
        self.assertEqual([document["schema"], document["reach"], document["of_base"]],
                         ["ropemap.bound/1", 18438, 5e5])
        self.assertEqual(self.bound("-b", "1e4", "-d", "64", "--threads", "1")["reach"], 725)
        self.assertLess(document["value"], 0)
        self.assertIn("18,438", self.done("bound", "-b", "5e5", "-q").stdout.decode())

    def test_the_published_table(self):
        """Su Jianlin's brute force, to its printed digits."""
        table = self.bound("--table", "1k-2k", "--dims", "128", "--resolution", "1e-5")["table"]
        self.assertEqual([(row["length"], "%.1e" % row["base"]) for row in table], [(1024, "4.3e+03"), (2048, "1.2e+04")])

    def test_a_length_and_its_proof(self):
        document = self.bound("--length", "1k", "-d", "64", "--windows", "2", "--bases", "1e3:1e8")
        window = document["windows"][0]
        self.assertEqual(document["base"], window["low"])
        low, fails = window["low"], window["fails_at"]
        self.assertGreaterEqual(min(similarity(r, low * (1 + 1e-7), 64) for r in range(1024)), -1e-6)
        self.assertLess(similarity(fails, low * (1 - 1e-6), 64), 1e-6)
        text = self.done("bound", "--length", "1k", "-d", "64", "-q").stdout.decode()
        printed = float(re.search(r"least base ([\d,.]*\d)", text)[1].replace(",", ""))
        self.assertTrue(low <= printed <= low * (1 + 2e-6), printed)

    def test_bases_below_100(self):
        """The search goes on below 100; where it ends inside a window, that is reported as an edge."""
        document = self.bound("--length", "16", "-d", "64")
        self.assertAlmostEqual(document["base"], 25.632, places=3)
        self.assertEqual([document["base_is_edge"], document["windows"][0]["high_is_edge"]], [False, True])
        base = document["base"]
        self.assertGreaterEqual(min(similarity(r, base * (1 + 2e-9), 64) for r in range(16)), 0)
        self.assertLess(min(similarity(r, base * (1 - 2e-9), 64) for r in range(16)), 0)
        document = self.bound("--length", "16", "-d", "64", "--bases", "100:1e4")
        self.assertEqual([document["base"], document["base_is_edge"], document["windows"][0]["fails_at"]],
                         [100, True, None])
        text = self.done("bound", "--length", "16", "-d", "64", "--bases", "100:1e4", "-q").stdout.decode()
        self.assertIn("least base at most 100, where the search begins", text)
        text = self.done("bound", "--preset", "gemma4-26b-a4b", "--length", "1k", "-q").stdout.decode()
        self.assertIn("every base above 1 holds", text)
        # Of a rule that depends on the length, each is that of its own, as one length alone, or all of one.
        for rule in (["--preset", "phi-4-mini"], ["-d", "16", "--scaling", "dynamic:factor=4,max=100"]):
            least = lambda *more: [one["windows"][0]["low"] for one in self.bound(*rule, *more)["table"]]
            alone = [self.bound(*rule, "--length", length)["windows"][0]["low"] for length in ("50", "300", "5k")]
            self.assertEqual(least("--table", "50,300,5k"), alone)
            self.assertEqual(least("--table", "300,5k", "--length", "5k")[1], alone[2])
            self.assertNotEqual(least("--table", "300,5k", "--length", "5k")[0], alone[1])
            self.assertEqual(least("--table", "300,5k", "--length", "5k"), least("--card", "--table", "300,5k", "--length", "5k"))
        table = self.done("bound", "--table", "2,16,1k", "-d", "64", "--bases", "100:1e4", "-q").stdout.decode()
        self.assertEqual(table.count("at most 100"), 2)

    def test_one_meaning_of_similarity(self):
        """curve, bound and explain have one S(r): elements that do not rotate count."""
        for rule in (["--preset", "phi-2"], ["-d", "80", "--rotary-dim", "60"],
                     ["-d", "80", "--rotary-dim", "60", "--scaling", "yarn:factor=8,original=4096,attention=2"],
                     ["--scaling", "yarn:factor=8,original=1024"]):
            curve = json.loads(self.done("curve", *rule, "-n", "3000", "--json", "-q").stdout)["curves"][0]
            explained = json.loads(self.done("explain", *rule, "--quick", "--json", "-q").stdout)
            bound = self.bound(*rule, "-b", "1e4", "--limit", "1M")
            found = [curve["half"], curve["first_negative"]]
            self.assertEqual(found, [bound["half"], bound["reach"]])
            self.assertEqual([found[0] or 0, found[1] or 0], [explained["half"], explained["first_negative"]])
            drawn = curve["values"]
            self.assertEqual(found[0], next(r for r, value in enumerate(drawn) if value < drawn[0] / 2))
        self.assertEqual(self.bound("--preset", "phi-2", "--limit", "1M")["half"], 1536)
        explained = json.loads(self.done("explain", "--preset", "phi-2", "--quick", "--json", "-q").stdout)
        self.assertEqual([explained["half_rotated"], explained["first_negative_rotated"]], [16, 474])

    def test_every_output_is_written(self):
        names = ["t.png", "t.svg", "t.pdf"]
        self.done("bound", "--table", "16,32", "-d", "16", "-q", *sum((["-o", name] for name in names), []))
        self.assertEqual(self.names(), sorted(names))
        self.assertEqual([self.read("t.png")[:4], self.read("t.pdf")[:5]], [b"\x89PNG", b"%PDF-"])
        self.assertIn(b"<svg", self.read("t.svg"))
        self.refused(2, ["already an output"], "bound", "--table", "16,32", "-o", "u.png", "-o", "u.png")
        self.refused(4, ["t.pdf"], "bound", "--table", "16,32", "-o", "u.png", "-o", "t.pdf")
        self.assertEqual(self.names(), sorted(names))

    def test_the_decay_card(self):
        """Its numbers are those of bound; in print names of models are next to points and cover nothing."""
        document = self.bound("--card", "-d", "16", "-b", "300", "--table", "16,32")
        card, table = document["card"], document["table"]
        self.assertEqual([len(card[name]) for name in ("base", "half", "first_negative")], [121] * 3)
        self.assertEqual([one["length"] for one in table], [16, 32])
        for at in (0, 40, 77):
            one = self.bound("-d", "16", "-b", repr(card["base"][at]))
            self.assertEqual([card["half"][at], card["first_negative"][at]], [one["half"], one["reach"]])
        names = ["c.png", "c.svg", "c.pdf"]
        self.done("bound", "--card", "-b", "5e5", "--table", "16,32", "--width", "88mm", "-q",
                  *sum((["-o", name] for name in names), []))
        self.assertEqual(self.names(), sorted(names))
        svg = self.read("c.svg").decode()
        texts = [(float(x), float(y), float(size), words) for x, y, size, words in
                 re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*font-size="([\d.]+)"[^>]*text-anchor="middle"[^>]*>([^<]*)<', svg)]
        presets = {one["name"] for one in json.loads(self.done("info", "--presets", "--json").stdout)["presets"]}
        told = [one for one in texts if one[3].split(" +")[0] in presets]
        self.assertGreater(len(told), 4)
        boxes = [tuple(map(float, one)) for one in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>', svg)]
        boxes = [one for one in boxes if one[2] < 20]  # of points, not of what is clipped
        for x, y, size, words in told:  # and each is read as that of its own point
            wide = float(re.search(r'textLength="([\d.]+)"[^>]*>%s<' % re.escape(words), svg).group(1))
            gaps = sorted({(round(math.hypot(max(abs(x - left - width / 2) - (wide + width) / 2, 0), max(abs(y - 0.3 * size - top - height / 2) - (0.6 * size + height) / 2, 0)), 1), left, top)
                           for left, top, width, height in boxes})
            self.assertGreater(gaps[1][0], 1.5 * gaps[0][0], words)
        for at, (x, y, size, words) in enumerate(told):
            for other in told[:at]:
                apart = abs(x - other[0]) > 0.22 * size * (len(words) + len(other[3])) or abs(y - other[1]) > 0.9 * size
                self.assertTrue(apart, (words, other[3]))
        self.refused(2, ["--card", "--dims"], "bound", "--card", "--table", "16,32", "--dims", "16,32")
        # What never falls has no line; a line ends where the search does, without what is known beyond.
        for rotary, lines in (("64", ["below ½"]), ("32", None), ("128", ["below 0", "below ½"])):
            rule = ["--card", "-d", "128", "--rotary-dim", rotary, "--table", "16", "-q"]
            if lines is None:
                self.refused(2, ["--card: similarity is never below half", "32 of 128 elements rotate"], "bound", *rule, "-o", "none.svg")
                continue
            self.done("bound", *rule, "-o", "r.svg", "--force")
            svg = self.read("r.svg").decode()
            self.assertEqual([words for words in re.findall(r">(below [½0])<", svg)], lines)
            drawn = re.findall(r'<path clip-path[^>]*stroke="(#[0-9a-f]+)" stroke-width="2.6"([^>]*) d="M[^"]{500}', svg)
            self.assertEqual([(colour, "dash" in more) for colour, more in drawn], [("#0072b2", words == "below ½") for words in lines])
        rule = ["--card", "-d", "256", "--scaling", "linear:factor=8", "--limit", "4M", "--table", "16", "-q"]
        zeros = json.loads(self.done("bound", *rule, "--json").stdout)["card"]["first_negative"]
        first = zeros.index(None)
        self.assertTrue(any(zeros[first:]), "some are known beyond")
        self.done("bound", *rule, "-o", "e.svg")
        svg = self.read("e.svg").decode()
        line, _ = re.findall(r'<path clip-path[^>]*stroke="#0072b2" stroke-width="2.6" d="M([^"]*)"', svg)  # and the key's; the other is dashed
        self.assertNotIn("M", line)
        self.assertEqual(re.findall(r'<(?:circle|rect|g)[^>]*fill="#0072b2"', svg), [])  # dots

    def test_what_the_card_marks_is_on_its_lines(self):
        """Bases of the lines are far apart: what is marked between them stands on the line all the same."""
        self.done("bound", "--card", "-d", "16", "-b", "345", "--table", "16,100", "-q", "-o", "c.svg")
        svg = self.read("c.svg").decode()
        self.assertIn(">base 345</text>", svg)
        zero, half = [[tuple(map(float, one)) for one in re.findall(r"([\d.]+) ([\d.]+)", path)] for path in
                      re.findall(r'stroke="#(?:0072b2|d55e00)"[^>]* d="M([^"]*)"', svg)][:2]
        self.assertGreater(len(zero), 121)
        rings = [tuple(map(float, one)) for one in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
        self.assertEqual(len(rings), 2)
        boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>', svg[re.search(r'<g clip-path[^>]* fill="#0072b2">', svg).end():])
        least = [(float(x) + float(wide) / 2, float(y) + float(high) / 2) for x, y, wide, high in boxes][:1]
        for line, marked in ((zero, rings[:1]), (half, rings[1:]), (zero, least)):
            for x, y in marked:
                self.assertTrue(any(abs(at - x) < 1.0 and abs(value - y) < 0.1 for at, value in line), (x, y))

    def test_what_is_missing(self):
        self.refused(2, ["--length", "--base"], "bound")
        self.refused(2, ["--dims", "--table"], "bound", "-b", "1e4", "--dims", "64")
        self.refused(2, ["--table"], "bound", "--table", "x")
        self.refused(2, ["--resolution"], "bound", "--length", "1k", "--resolution", "0")


class Explain(Case):
    def test_five_sentences(self):
        page = self.done("explain", "-b", "1e4", "--length", "2k", "-q").stdout.decode()
        self.assertEqual(len(page.splitlines()), 5)
        for word in ("The base sets how fast similarity falls. At base 10,000 (head dim 128)", "46 tokens apart and below zero 1,707 tokens apart.",
                     "lasts longer: the first zero is at 361 tokens with a base 10x smaller, and at 7,757 tokens with one 10x larger. The first "
                     "zero is jagged: raising the base",
                     "Head dimension matters too: the first zero is at 725 tokens with d = 64, and at 2,653 tokens with d = 256 (same base, no",
                     "No scaling: pair i turns by base^(-2i/128) radians a token.", "within 2,048 tokens: ", ", though not every larger one does. Base 10,000 is too small."):
            self.assertIn(word, page)
        page = self.done("explain", "--rotary-dim", "96", "--quick", "-q").stdout.decode()
        self.assertIn("which here does not always move the first zero out: the first zero is at 30,376 tokens with a base 10x smaller, "
                      "and at 101,048 tokens", page)
        page = self.done("explain", "--base", "1e10", "--quick", "-q").stdout.decode()  # both are beyond what was searched
        self.assertIn("so similarity lasts longer: the first zero is at 1,244,024 tokens with a base 10x smaller, and nowhere below 4,194,304", page)
        page = self.done("explain", "--base", "1e14", "--quick", "-q").stdout.decode()  # no zero is met with any of three
        self.assertTrue(page.startswith("The base sets how fast similarity falls."), page)
        self.assertIn("but here none reaches zero: the first zero is nowhere below 4,194,304 tokens", page)
        # Pairs that a rule holds still are dimensions that do not rotate: here three of four, as 2 * 0.75 - 1 tells.
        document = json.loads(self.done("explain", "--preset", "gemma4-26b-a4b", "--quick", "-q", "--json").stdout)
        self.assertEqual(document["similarity_floor"], 0.5)
        for sentence, words in zip(document["sentences"], (
                "The base sets how fast similarity falls. At base 1,000,000 with proportional scaling of 0.25 of the pairs (head dim 512), "
                "two identical tokens never drop below half similarity.", "The 384 dimensions that do not rotate keep similarity at 0.5 or more",
                "Head dimension matters too", "Proportional scaling (rotated 0.25) holds 192 of 256 pairs still.")):
            self.assertIn(words, sentence)
        page = self.done("explain", "--scaling", "proportional:rotated=0.4,factor=2", "--quick", "-q").stdout.decode()
        self.assertIn("Proportional scaling (rotated 0.4, factor 2) slows 64 of 64 pairs.", page)
        page = self.done("explain", "-d", "2", "--quick", "-q").stdout.decode()
        self.assertIn("Similarity is the cosine of the one pair of dimensions", page)
        self.assertNotIn("slow pairs", page)
        # What does not rotate keeps similarity up, at every distance: (rest - turns) / (rest + turns).
        for part, floor, first, second in ((64, 0.0, "first drop below half similarity 725 tokens apart and never below zero; of the 64",
                                            "The 64 dimensions that do not rotate keep similarity at 0 or more at every distance."),
                                           (32, 0.5, "never drop below half similarity; of the 32", "keep similarity at 0.5 or more")):
            document = json.loads(self.done("explain", "--rotary-dim", part, "--quick", "-q", "--json").stdout)
            self.assertEqual(document["similarity_floor"], floor)
            self.assertIn("At base 10,000 (head dim 128), two identical tokens " + first, document["sentences"][0])
            self.assertIn(second, document["sentences"][1])
        self.assertTrue(document["sentences"][0].startswith("The base sets how fast the similarity of the rotated dimensions falls."))
        page = self.done("explain", "--preset", "phi-3.5-mini", "--length", "16k", "--quick", "-q").stdout.decode()
        self.assertIn("At base 10,000 with LongRoPE scaling by 32 at a length of 16,384 (head dim 96)", page)
        document = json.loads(self.done("explain", "-b", "1e4", "--length", "256", "--scaling",
                                        "yarn:factor=4,original=1024", "--json", "-q").stdout)
        self.assertEqual([document["schema"], len(document["sentences"]), document["first_negative_unscaled"]],
                         ["ropemap.explain/1", 5, 1707])
        self.assertGreater(document["pairs_slowed"], 0)
        self.assertIn("At base 10,000 with YaRN scaling by 4 (head dim 128)", document["sentences"][0])
        self.assertIn("YaRN scaling (factor 4, original length 1,024) slows", document["sentences"][3])
        self.assertEqual([row["base"] for row in document["bases"]], [1e3, 1e4, 1e5])
        self.assertEqual([document["bases"][1][name] for name in ("half", "first_negative")],
                         [document["half"], document["first_negative"]])

    def test_titles_name_the_scaling(self):
        for command in (["curve", "-n", 256], ["bound", "--table", "16,32", "-d", 64], ["info"]):
            self.done(*command, "--scaling", "yarn:factor=4,original=1024", "--force", "-o", "title.svg")
            page = self.read("title.svg").decode()
            self.assertRegex(page, r"<title>[^<]*, YaRN scaling by 4")
            self.assertRegex(page, r"<desc>[^<]*yarn:factor=4,original=1,?024")

    def test_the_least_base_is_that_of_bound(self):
        for rule in (["--scaling", "llama3:factor=8,low=1,high=4,original=256", "--length", "512"],
                     ["--scaling", "yarn:factor=32,original=128,untruncated=1", "-d", "64", "--length", "512"],
                     ["--scaling", "proportional:rotated=0.25", "-d", "64", "--length", "512"],
                     ["-d", "64", "--length", "16"]):
            bound = json.loads(self.done("bound", *rule, "--json", "-q").stdout)
            document = json.loads(self.done("explain", *rule, "--json", "-q").stdout)
            self.assertEqual([document["least_base"], document["least_base_is_edge"]],
                             [bound["base"], bound["base_is_edge"]])
            self.assertEqual(document["all_larger_hold"], "though not every" not in document["sentences"][4])
            if not bound["base_is_edge"]:
                least = float(re.search(r": ([\d,.]*\d)", document["sentences"][4])[1].replace(",", ""))
                self.assertAlmostEqual(least / bound["base"], 1, delta=1e-4)  # large ones are whole, rounded up
            else:
                self.assertIn("Every base above 1", document["sentences"][4])


class Manual(Case):
    def test_every_option_is_there(self):
        page = self.done("manual").stdout.decode()
        for word in ("ropemap map", "ropemap curve", "ropemap bound", r"\-\-positions\-from", "original=N",
                     ".SH \"EXIT STATUS\""):
            self.assertIn(word, page)

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "skipped: there is no man or groff")
    def test_groff_has_nothing_to_say(self):
        page = self.done("manual").stdout
        result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-Wbreak", "-z"], input=page, capture_output=True)
        self.assertEqual(result.stderr, b"")


if __name__ == "__main__":
    unittest.main()
