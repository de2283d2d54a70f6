# test_sweep.py - `ropemap sweep`: what its pages and frames hold, and which options it takes
# SPDX-License-Identifier: MIT
import re
import unittest

from harness import Case


class Maps(Case):
    def test_sheets_and_frames(self):
        arguments = ["-n", "512", "--size", "32", "--vary", "base=1e3-1e5*10", "--vary", "head-dim=16,32", "-q"]
        self.done("sweep", *arguments, "-o", "s.png", "-o", "s.svg", "-o", "s.pdf", "--frames", "frames", "--columns",
                  "2")
        self.assertEqual(self.read("s.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.assertIn(b"head-dim 32", self.read("s.svg"))
        self.assertEqual(self.read("frames/frame-005.png")[:8], b"\x89PNG\r\n\x1a\n")
        self.refused(4, ["frame-000.png"], "sweep", *arguments, "--frames", "frames")
        before = self.read("s.png")
        self.done("sweep", *arguments, "-o", "s.png", "--force", "--columns", "2")
        self.assertEqual(self.read("s.png"), before)

    def test_what_is_wrong_is_named(self):
        two = ["sweep", "--vary", "base=1e3,1e4"]
        self.refused(2, ["--vary"], "sweep", "-o", "s.png")
        self.refused(2, ["--output"], *two)
        self.refused(2, [".npy"], *two, "-o", "s.npy")
        self.refused(2, ["twice"], *two, "-o", "s.png", "-o", "s.png")
        self.refused(2, ["--vary", "diff"], "sweep", "--vary", "diff=hf-fp32,ggml-fp32", "-o", "s.png")
        for option in ("--contour=0", "--dark", "--text-scale=1"):
            self.refused(2, [option.split("=")[0], "--frames"], *two, "-o", "s.png", option)
        self.refused(2, ["--clim", "--norm log"], *two, "-o", "s.png", "--norm", "log", "--clim=-1:1")
        self.assertEqual(self.names(), [])


class Options(Case):
    """Help, completion and manual list what is taken, and nothing else."""

    REFUSED = ("json", "bare", "dry-run", "diff", "percentile", "verbose")

    def listed(self, command):
        page = self.done(*command, "--help").stdout.decode()
        return re.findall(r"^ .{0,5} --([a-z-]+)( \S)?", page, re.M)

    def test_what_a_sweep_does_not_take(self):
        names = [name for name, _ in self.listed(["sweep"])]
        self.assertEqual(len(names), len(set(names)))
        script = self.done("completion", "bash").stdout.decode()
        branch = script[script.index("\n    sweep)"):]
        branch = branch[:branch.index("words='")]
        words = script[script.index("\n    sweep)"):].split("words='")[1].split("'")[0].split()
        manual = self.done("manual").stdout.decode()
        section = manual[manual.index('.SS "ropemap sweep"'):]
        section = section[:section.index(".SS", 1)].replace("\\-", "-")
        self.assertEqual(sorted(words), sorted("--" + name for name in names))
        self.assertEqual(sorted(re.findall(r"--([a-z-]+)", " ".join(re.findall(r"\\fB--[a-z-]+", section)))),
                         sorted(set(names) - {"help"}))
        for name in self.REFUSED:
            self.assertNotIn(name, names)
            self.assertNotIn("--%s)" % name, branch)
            self.assertNotIn("--%s|" % name, branch)
            self.refused(2, ["--%s: unknown option" % name], "sweep", "--" + name)

    def test_every_option_listed_is_known(self):
        for name, argument in self.listed(["sweep"]):
            if name != "help":
                text = self.run_program("sweep", "--%s%s" % (name, "=" if argument else "")).stderr.decode()
                self.assertNotIn("unknown option", text)


if __name__ == "__main__":
    unittest.main()
