# test_bad_input.py - command lines that cannot be served: exit code and message
# SPDX-License-Identifier: MIT
import os
import struct
import unittest

from harness import Case, write_npy
from serving import ServeCase

NOT_NUMBERS = ["", "x", "12x", "0x10", "1e", "e5", ".", "--", "+5", " 5", "5 ", "nan", "NaN", "inf", "-inf", "1_000",
               "1,5", "4kk", "4m", "1e5e5", "1.2.3", "0b1", "\u0663", "1" * 70]
NOT_COUNTS = NOT_NUMBERS + ["0", "-1", "-0.5", "0.3", "1.5", "1e30", "1e-1", "1e99999", "2e12", "1025G",
                            "9223372036854775808", "18446744073709551617", "0.1k", "1e-400", "99999999999999999999999"]

SOME = ["", "12x", "nan", "-1", "1e30", "0.3"]  # where the same reader serves another option


class Numbers(ServeCase):
    """An option is one row of a table, which reads a query as it reads the command line: all values come from one
    process, and the last of each option from the command line too."""

    def expect(self, option, values, served=True):
        if served:
            self.start("-q")
        for value in values:
            with self.subTest(option=option, value=value):
                words = [option, value[:64]]
                if served:
                    self.refused_http(400, words, "/map.png", **{"positions": "8", option[2:]: value})
                if not served or value == values[-1]:
                    self.refused(2, words, "map", "-n", "8", "%s=%s" % (option, value), "-o", "a.png")
        self.assertEqual(self.names(), [])

    def test_positions(self):
        self.expect("--positions", NOT_COUNTS)
        self.expect("--rows", ["1:2:3:4", ":", "1:", ":1", "1:2:", "1::2", "-1:5", "0:0", "0:1:0", "0:1:-1", "1T:4"])
        self.expect("--cols", ["1024G:1", "0:1024G:2", "1023G:2G", "0:2:1024G", "1099511627775:2", "x:2", "2:x"])

    def test_dimensions(self):
        self.expect("--head-dim", SOME + ["0", "1", "3", "127", "4098", "5k"])
        self.expect("--rotary-dim", SOME + ["1", "3", "4098"])
        self.refused(2, ["130", "128"], "map", "--rotary-dim", "130", "-o", "a.png")

    def test_base(self):
        self.expect("--base", NOT_NUMBERS + ["0", "1", "-1", "0.5", "1e400", "-1e400", "1e-400"])

    def test_scaling(self):
        self.expect("--scaling", ["", "lin", "yarn2", "linear", "linear:", "linear:factor", "linear:factor=",
                                  "linear:factor=x", "linear:factor=0", "linear:factor=nan", "linear:factor=inf",
                                  "linear:factor=-2", "linear:factor=0.5", "linear:factor=2x", "linear:facto=2",
                                  "none:factor=2", "ntk", "ntk:factor=1e999"])

    def test_content(self):
        self.expect("--content", ["", "one", "ones:1", "gauss:", "gauss:x", "gauss:-1", "gauss:0.5",
                                  "gauss:18446744073709551616", "gaus", "x" * 100])

    def test_names(self):
        for option in ("layout", "order", "state", "measure", "pool", "backend", "method", "cmap"):
            self.expect("--" + option, ["", "AUTO"], served=option != "backend")
        self.refused(2, ["did you mean absmax?"], "map", "--pool", "absmx", "-o", "a.png")
        self.refused(2, ["did you mean cosine?"], "map", "--measure=cos", "-o", "a.png")

    def test_size(self):
        self.expect("--size", ["", "x", "5x", "x5", "0x5", "5x0", "0", "-1", "5x5x5", "65536", "1x65536", "1e9x1e9",
                               "5X5", "1.5", "nan", "x" * 100])

    def test_indices(self):
        for option in ("--head", "--batch", "--first-position"):
            self.expect(option, SOME)

    def test_resources(self):
        self.expect("--threads", SOME + ["0", "1025"], served=False)
        self.expect("--memory", SOME + ["0"], served=False)

    def test_limits(self):
        self.expect("--clim", ["", ":", "1", "1:", ":1", "1:1", "2:1", "nan:1", "0:inf", "0:1e400", "0:1:2", "a:b",
                               "0;1", "1" * 70 + ":2"])

    def test_a_locale_with_a_decimal_comma_changes_nothing(self):
        environment = dict(os.environ, LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8", LC_NUMERIC="de_DE.UTF-8")
        arguments = ["map", "-n", "0.5k", "-b", "1.5e4", "--size", "8", "--clim", "-0.5:0.5", "--json"]
        german = self.done(*arguments, "-o", "a.npy", env=environment)
        self.assertIn(b'"base": 15000.0', german.stdout)
        self.done(*arguments, "-o", "b.npy", env=dict(os.environ, LC_ALL="C"))
        self.assertEqual(self.read("a.npy"), self.read("b.npy"))
        self.refused(2, ["1,5"], "map", "-b", "1,5", "-o", "c.npy", env=environment)


class Arguments(Case):
    def test_unknown_options_name_the_nearest(self):
        for given, meant in (("--bse", "--base"), ("--head_dim", "--head-dim"), ("--pos", "--positions"),
                             ("--posititons", "--positions"), ("--casual", "--causal"),
                             ("--output-file", None), ("--zzzzzz", None), ("--hlep", "--help"), ("--ouptut", "--output"),
                             ("--dryrun", "--dry-run"), ("--" + "x" * 500, None)):
            with self.subTest(given=given):
                words = [given[:60], "unknown option"] + (["did you mean %s?" % meant] if meant else ["--help"])
                self.refused(2, words, "map", given, "-o", "a.png")
        self.refused(2, ["-z", "unknown option"], "map", "-z", "-o", "a.png")
        self.refused(2, ["-z", "unknown option"], "map", "-qz", "-o", "a.png")

    def test_values(self):
        self.refused(2, ["--base", "needs a value"], "map", "-o", "a.png", "--base")
        self.refused(2, ["--positions", "needs a value"], "map", "-o", "a.png", "-n")
        self.refused(2, ["--pool", "needs a value", "mean|min|max"], "map", "-o", "a.png", "--pool")
        for option in ("model", "positions-from", "frequencies", "queries", "font", "work"):  # an unset variable
            self.refused(2, ["--" + option, "needs a value"], "map", "-o", "a.png", "--" + option, "")
        self.refused(2, ["--causal", "yes"], "map", "-o", "a.png", "--causal=yes")

    def test_operands(self):
        self.refused(2, ["extra", "unexpected"], "map", "-o", "a.png", "extra")
        self.refused(2, ["-b", "unexpected"], "map", "-o", "a.png", "--", "-b")
        self.refused(2, ["-: unexpected"], "map", "-o", "a.png", "-")
        self.done("map", "-n", "8", "-o", "a.png", "--")

    def test_commands(self):
        self.refused(2, ["no command", "map"])
        self.refused(2, ["mpa", "unknown command", "did you mean map?"], "mpa")
        self.refused(2, ["unknown command"], "")
        self.refused(2, ["unknown command", "did you mean completion?"], "help", "completions")
        self.refused(2, ["--versoin", "did you mean --version?"], "--versoin")
        self.refused(2, ["-x", "unknown option"], "-x")
        self.refused(2, ["completion", "bash"], "completion")
        self.refused(2, ["tcsh", "bash"], "completion", "tcsh")

    def test_the_message_is_one_plain_line(self):
        text = self.refused(2, ["?[31m"], "map", "--base=\x1b[31m\n", "-o", "a.png")
        self.assertNotIn("\x1b", text)
        self.refused(2, ["--base"], "map", "--base=" + "9" * 100000, "-o", "a.png")


class Files(Case):
    """Inputs of a kind that only running the program can show; their formats are tested with the readers."""

    def setUp(self):
        super().setUp()
        self.write("k.npy", write_npy([4, 8], [0.125] * 32))

    def expect(self, code, words, name):
        self.refused(code, words, "map", "--queries", name, "--keys", "k.npy", "-o", "a.png", timeout=600)
        self.refused(code, words, "map", "--queries", "k.npy", "--keys", name, "-o", "a.png", timeout=600)
        self.assertNotIn("a.png", self.names())

    def test_no_file(self):
        self.expect(4, ["missing.npy", "No such file"], "missing.npy")
        self.expect(4, ["k.npy/q.npy"], "k.npy/q.npy")

    def test_no_regular_file(self):
        os.mkdir(self.path("place.npy"))
        os.mkfifo(self.path("fifo.npy"))
        self.expect(3, ["place.npy", "directory"], "place.npy")
        self.expect(3, ["fifo.npy"], "fifo.npy")

    def test_no_tensor(self):
        self.write("empty.npy", b"")
        self.write("seven.safetensors", b"1234567")
        self.write("long.safetensors", struct.pack("<Q", 2**63) + b"{}")
        self.write("text.txt", b"hello")
        good = self.read("k.npy")
        self.write("short.npy", good[:-1])
        self.write("python.npy", good.replace(b"False", b"exit()"))
        for name in ("empty.npy", "seven.safetensors", "long.safetensors", "short.npy", "python.npy"):
            with self.subTest(name=name):
                self.expect(3, [name], name)
        self.expect(3, ["text.txt"], "text.txt")


if __name__ == "__main__":
    unittest.main()
