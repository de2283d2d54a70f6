# test_help.py - help pages, version and completion say what the program takes
# SPDX-License-Identifier: MIT
import os
import re
import shlex
import shutil
import subprocess
import unittest

from harness import SOURCE, Case

ISSUED = """model preset layer-type base head-dim rotary-dim scaling frequencies length layout positions rows cols content queries keys order head heads batch state
first-position capture layer rotary-first measure pool causal size backend device method dtype threads memory dry-run output bare width kernel dpi font-size font no-title cmap clim norm percentile contour dark json force quiet
verbose strict positions-from axes grid sections shift phase diff encoding slope chunk local help
scale softcap sink-logit window attention-chunk sink-tokens work shards keep-work steal""".split()


class Help(Case):
    def page(self, *arguments):
        result = self.done(*arguments)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode()

    def test_program(self):
        page = self.page("--help")
        self.assertEqual(page, self.page("help"))
        self.assertEqual(page, self.page("-h"))
        for word in ("map", "info", "check", "bench", "doctor", "completion", "--version", "Usage:", "Exit codes"):
            self.assertIn(word, page)

    def test_version(self):
        self.assertRegex(self.page("--version"), r"\Aropemap \d+\.\d+\.\d+\n\Z")

    def test_command(self):
        page = self.page("map", "--help")
        for arguments in (["help", "map"], ["map", "-h"], ["map", "-qh"], ["map", "-b", "5", "--help"], ["--help", "map"]):
            self.assertEqual(page, self.page(*arguments))
        self.assertEqual(sorted(set(re.findall(r"^ .{0,5} --([a-z-]+)", page, re.M))), sorted(ISSUED))
        for word in ("-b,", "-d,", "-n,", "-o,", "-q,", "-v,", "linear:factor=N", "ntk:factor=N", "half|interleaved",
                     "COUNT, FIRST:COUNT or FIRST:COUNT:STEP", "absmax", "viridis", "cosine"):
            self.assertIn(word, page)
        self.assertLessEqual(max(map(len, page.splitlines())), 100)
        self.assertIn("bash", self.page("completion", "--help"))
        self.assertIn("--json", self.page("help", "doctor"))

    def test_awkward_words_stay_away(self):
        """Sentences that readers stumbled over."""
        awkward = ("similarity that rotation leaves", "The base sets how far that is", "matters as well", "is in effect",
                   "itself does not hold", "never below", "drawn as 1 where", "The curve is that of", "Keep this as",
                   "Founding formula as", "Many values", "Vectors and values", "Saved figures", "Rotated part",
                   "takes away", "chunk before that", "a stack in use", "differs by from", "have the first and the last",
                   "limits that leave", "Pixels an inch", "pixels an inch, which", "Lines along which", "lines along which",
                   "divided by the factor, fast", "started anew", "no crosshair", "twice, ten times", "with another head",
                   "elements that rotate, even", "positions of queries and of keys")
        told = "".join(self.page("help", command) for command in ("map", "curve", "bound", "plan", "explain", "sweep"))
        told += self.page("explain", "-b", "1e4", "--length", "1k", "-q")
        folder = os.path.join(SOURCE, "tools", "explorer")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as stream:
                told += stream.read()
        told = re.sub(r"\s+", " ", told)
        self.assertIn("rotated dimensions per head (even)", told)
        self.assertEqual([words for words in awkward if words in told], [])

    def test_help_takes_no_value(self):
        for command in ("map", "info", "check", "bench", "doctor", "completion"):
            self.refused(2, ["--help takes no value ('x')"], command, "--help=x")
        self.refused(2, ["--help=x"], "--help=x")

    def test_every_option_is_tried_by_a_test(self):
        tests = ""
        for name in os.listdir(os.path.join(SOURCE, "tests", "cli")):
            if name.startswith("test_") and name.endswith(".py") and name != "test_help.py":
                with open(os.path.join(SOURCE, "tests", "cli", name), encoding="utf-8") as stream:
                    tests += stream.read()
        for option in ISSUED:
            self.assertRegex(tests, r"[\"']--%s[\"'=]" % option)


class Completion(Case):
    def complete(self, *words):
        script = self.done("completion", "bash").stdout.decode()
        script += '\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ropemap; printf "%s\\n" "${COMPREPLY[@]}"\n'
        result = subprocess.run(["bash", "-c", script, "bash", "ropemap", *words], cwd=self.directory,
                                capture_output=True, check=True, timeout=600)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode().split()

    def test_examples_can_be_pasted(self):
        """Each line is read as the shell would, up to --help: `5%%` was refused."""
        commands = re.findall(r"^  (\w+(?: curve)?)  ", self.done("--help").stdout.decode(), re.M)
        lines = 0
        for command in commands:
            page = self.done("help", *command.split()).stdout.decode()
            for line in re.findall(r"^  (ropemap .*)$", page, re.M):
                words = shlex.split(re.split(r"\s{3,}| [|&>] ", line)[0])[1:]
                self.assertEqual(self.done(*words, "--help").stdout.decode(), page, line)
                lines += 1
        self.assertGreater(lines, 25)

    def test_the_exit_code_of_saved_work_is_documented(self):
        """test_work.py has it come."""
        self.assertRegex(self.done("manual").stdout, rb"75 stopped by SIGTERM or SIGUSR1")

    @unittest.skipUnless(shutil.which("bash"), "there is no bash here")
    def test_bash(self):
        self.assertEqual(self.complete("ma"), ["map", "manual"])
        self.assertIn("--version", self.complete("--"))
        self.assertEqual(self.complete("map", "--pos"), ["--positions", "--positions-from"])
        self.assertEqual(self.complete("map", "--pool", "m"), ["mean", "min", "max", "mass"])
        self.assertEqual(self.complete("map", "--dtype", "f"), ["fp32", "fp16"])
        self.assertEqual(self.complete("map", "--backend", "cu"), ["cuda"])
        self.assertEqual(self.complete("doc"), ["doctor"])
        self.assertEqual(self.complete("sw"), ["sweep"])
        self.assertEqual(self.complete("sweep", "c"), ["curve"])
        self.assertEqual(self.complete("sweep", "curve", "--li"), ["--lines"])
        self.assertEqual(self.complete("sweep", "curve", "--axis", "l"), ["linear", "log"])
        self.assertEqual(self.complete("sweep", "--li"), [])
        self.assertEqual(self.complete("doctor", "--j"), ["--json"])
        self.assertEqual(self.complete("map", "--base", ""), [])
        self.assertEqual(self.complete("completion", "b"), ["bash"])
        self.assertIn("map", self.complete("help", ""))
        self.write("q.npy", b"")
        self.assertEqual(self.complete("map", "--queries", "q"), ["q.npy"])

    @unittest.skipUnless(shutil.which("bash"), "there is no bash here")
    def test_values_after_an_equals_sign(self):
        """The shell hands over --name=value as three words, and `=` alone where there is no value yet."""
        self.assertEqual(self.complete("map", "--pool", "=", "m"), ["mean", "min", "max", "mass"])
        self.assertIn("absmax", self.complete("map", "--pool", "="))
        self.assertEqual(self.complete("map", "--base", "=", ""), [])
        self.assertEqual(self.complete("map", "--pool", "=", "min", "--pos"), ["--positions", "--positions-from"])
        self.assertEqual(self.complete("map", "--json", "="), [])
        self.write("q.npy", b"")
        self.assertEqual(self.complete("map", "--queries", "=", "q"), ["q.npy"])


if __name__ == "__main__":
    unittest.main()
