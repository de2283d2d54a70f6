# test_output.py - where a map goes: pictures, several files, links, devices, pipes, full disks
# SPDX-License-Identifier: MIT
import json
import os
import resource
import stat
import subprocess
import unittest

from harness import PROGRAM, Case, read_npy, read_png, write_safetensors

COLOUR_MAPS = ["auto", "viridis", "magma", "cividis", "batlow", "diverging", "grey", "turbo", "seed", "cyclic", "dark", "difference", "dusk"]


class Pictures(Case):
    """--bare, --cmap, --clim, and the frame"""

    def picture(self, *arguments):
        self.done("map", "-o", "a.png", "--force", *arguments)
        return read_png(self.read("a.png"))

    def test_a_bare_picture_has_one_palette_pixel_a_cell(self):
        picture = self.picture("-n", "64", "--size", "20x10", "--bare")
        self.assertEqual([picture["width"], picture["height"], picture["colour"]], [20, 10, 3])
        self.assertEqual(picture["filters"], {0})

    def test_a_frame_surrounds_the_map(self):
        picture = self.picture("-n", "4k", "--size", "300")
        self.assertEqual(picture["colour"], 2)
        self.assertGreater(picture["width"], 300)
        self.assertGreater(picture["height"], 300)
        self.assertLess(max(picture["width"], picture["height"]), 1400)

    def test_fewer_positions_than_cells_are_enlarged(self):
        picture = self.picture("-n", "100")
        self.assertGreaterEqual(picture["width"], 500)
        self.assertEqual(self.picture("-n", "100", "--bare")["width"], 100)

    def test_colour_maps_differ(self):
        palettes = {}
        for name in COLOUR_MAPS:
            picture = self.picture("-n", "64", "--size", "8", "--bare", "--cmap", name)
            palettes[name] = tuple(picture["palette"])
        del palettes["auto"]
        self.assertEqual(len(set(palettes.values())), len(COLOUR_MAPS) - 1)

    def test_auto_is_diverging_where_both_signs_occur(self):
        signed = ["-n", "64k", "--size", "64", "--bare"]
        self.assertEqual(self.picture(*signed)["palette"], self.picture(*signed, "--cmap", "diverging")["palette"])
        near = ["-n", "16", "-d", "128", "-b", "1e6", "--bare"]
        self.assertEqual(self.picture(*near)["palette"], self.picture(*near, "--cmap", "viridis")["palette"])

    def test_limits(self):
        def greys(*limits):
            picture = self.picture("-n", "32", "--bare", "--cmap", "grey", *limits)
            return [[picture["palette"][index][0] for index in row] for row in picture["rows"]]

        self.done("map", "-n", "32", "-o", "a.npy", "--force")
        cells = read_npy(self.read("a.npy"))
        for low, high in ((-1.0, 1.0), (0.25, 0.75), (0.0, 2.0)):
            for line, values in zip(greys("--clim", "%g:%g" % (low, high)), cells):
                for level, value in zip(line, values):
                    share = min(max((value - low) / (high - low), 0), 1)
                    self.assertLessEqual(abs(level - 255 * share), 2)
        self.assertEqual(greys("--clim=-1:1"), greys("--clim", "-1.0:1e0"))


class Files(Case):
    """-o, --force, -q, -v"""

    small = ["map", "-n", "32", "--size", "8"]

    def test_several_outputs(self):
        result = self.done(*self.small, "-o", "a.png", "--output", "b.npy", "-oc.png", "--output=sub.d.npy", "--json")
        self.assertEqual(self.names(), ["a.png", "b.npy", "c.png", "sub.d.npy"])
        self.assertEqual(self.read("a.png"), self.read("c.png"))
        self.assertEqual(self.read("b.npy"), self.read("sub.d.npy"))
        self.assertEqual(json.loads(result.stdout)["outputs"], ["a.png", "b.npy", "c.png", "sub.d.npy"])

    def test_an_existing_file_needs_force(self):
        self.write("a.png", b"old")
        os.chmod(self.path("a.png"), 0o640)
        self.refused(4, ["a.png", "exists", "--force"], *self.small, "-o", "b.png", "-o", "a.png")
        self.assertEqual([self.names(), self.read("a.png")], [["a.png"], b"old"])
        self.done(*self.small, "-o", "a.png", "--force")
        self.assertEqual(self.read("a.png")[:4], b"\x89PNG")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a.png")).st_mode), 0o640)
        self.assertEqual(self.names(), ["a.png"])

    def test_a_link_stays(self):
        self.write("real.png", b"old")
        os.symlink("real.png", self.path("link.png"))
        self.refused(4, ["link.png", "exists"], *self.small, "-o", "link.png")
        self.done(*self.small, "-o", "link.png", "--force")
        self.assertTrue(os.path.islink(self.path("link.png")))
        self.assertEqual(self.read("real.png")[:4], b"\x89PNG")
        os.unlink(self.path("real.png"))
        self.refused(4, ["link.png", "symbolic link"], *self.small, "-o", "link.png", "--force")
        self.assertEqual(self.names(), ["link.png"])

    def test_quiet_plain_and_verbose(self):
        result = self.done(*self.small, "-q", "-o", "a.png")
        self.assertEqual([result.stdout, result.stderr], [b"", b""])
        result = self.done(*self.small, "-o", "b.png")
        self.assertEqual(result.stdout, b"")
        self.assertEqual(result.stderr.count(b"\n"), 1)
        for word in (b"32 x 32", b"8 x 8", b"mean", b"dot", b"b.png", b"cpu"):
            self.assertIn(word, result.stderr)
        result = self.done(*self.small, "--verbose", "-o", "c.png")
        for word in (b"method", b"memory", b"read", b"similarity", b"draw", b"write"):
            self.assertIn(word, result.stderr)
        result = self.done(*self.small, "--quiet", "-v", "-o", "d.png")
        self.assertEqual(result.stderr, b"")

    def test_a_name_with_control_characters_cannot_steer_the_terminal(self):
        result = self.done(*self.small, "-o", "a\x1b[31m.png")
        self.assertNotIn(b"\x1b", result.stderr)

    STEERING = ["\x1b[31m", "\x07", "\x85", "\x9b31m", "\u061c", "\u200e", "\u200f", "\u2028", "\u202a", "\u202e",
                "\u2066", "\u2069"]

    def test_nor_can_what_a_text_is_written_from_right_to_left_with(self):
        """In names of files and tensors, in values, and in texts from files; JSON has them as \\u."""
        for sign in self.STEERING:
            with self.subTest(sign=ascii(sign)):
                name = "a%sgnp.png" % sign
                result = self.done(*self.small, "-o", name, "--json", "--force")
                self.assertEqual(json.loads(result.stdout)["outputs"], [name])
                texts = [result.stdout, self.done(*self.small, "-o", name, "--force").stderr,
                         self.refused(2, ["?"], "map", "--base", "1" + sign).encode(),
                         self.refused(4, ["?"], "map", "--queries", "f" + sign, "--keys", "f" + sign, "-o", "b.png").encode()]
                self.write("kv.safetensors", write_safetensors({"q" + sign: ([2, 4], [0.5] * 8)}))
                texts.append(self.refused(2, ["q?"], "map", "--queries", "kv.safetensors:x", "--keys",
                                          "kv.safetensors:q" + sign, "-o", "b.png").encode())
                config = {"hidden_size": 64, "num_attention_heads": 8, "rope_theta": 1e4, "model_type": "llama" + sign,
                          "rope_scaling": {"rope_type": "odd" + sign, "factor": 2.0}}
                os.makedirs(self.path("m" + sign), exist_ok=True)
                self.write("m%s/config.json" % sign, json.dumps(config).encode())
                texts.append(self.run_program("info", "--model", "m" + sign).stderr)
                del config["rope_scaling"]
                self.write("m%s/config.json" % sign, json.dumps(config, ensure_ascii=False).encode())
                result = self.done("info", "--model", "m" + sign)
                texts += [result.stdout, result.stderr, self.done("info", "--model", "m" + sign, "--json").stdout]
                for text in texts:
                    self.assertNotIn(sign.encode(), text)

    def test_a_name_that_is_no_text(self):
        result = self.done(*self.small, "-o", b"\xff\xfe.png".decode(errors="surrogateescape"), "--json")
        self.assertEqual(json.loads(result.stdout)["outputs"], ["??.png"])


class Refusals(Case):
    small = Files.small

    def expect(self, code, words, *outputs):
        before = self.names()
        self.refused(code, words, *self.small, *outputs)
        self.assertEqual(self.names(), before)

    def test_names(self):
        os.mkdir(self.path("place"))
        os.mkdir(self.path("place.png"))
        self.expect(2, ["--output", "missing"])
        self.expect(2, ["--output", "needs a value"], "-o", "")
        self.expect(2, ["a.jpg", ".png"], "-o", "a.jpg")
        self.expect(2, ["directory", "place"], "-o", "place")
        self.expect(2, ["directory", "place.png"], "-o", "place.png", "--force")
        self.expect(2, ["directory", "new/"], "-o", "new/")
        self.expect(4, ["missing/a.png", "No such file"], "-o", "missing/a.png")
        self.expect(4, ["too long"], "-o", "x" * 300 + ".png")
        self.expect(4, ["/proc"], "-o", "/proc/ropemap.png")
        self.expect(2, ["at most"], *[word for index in range(25) for word in ("-o", "%d.png" % index)])

    def test_a_full_disk(self):
        self.expect(4, ["/dev/full", "No space left"], "-o", "/dev/full")
        self.write("old.png", b"old")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        self.refused(4, ["old.png", "File too large"], *self.small, "-o", "old.png", "--force", preexec_fn=limit)
        self.refused(4, ["new.png", "File too large"], *self.small, "-o", "new.png", preexec_fn=limit)
        self.assertEqual([self.names(), self.read("old.png")], [["old.png"], b"old"])

    def test_a_place_that_cannot_be_written_is_found_before_the_work(self):
        self.refused(4, ["missing"], "map", "-n", "1M", "--content", "gauss", "--pool", "max", "--threads", "1",
                     "-o", "missing/a.png")


class StandardOutput(Case):
    small = Files.small

    def test_a_picture(self):
        result = self.done(*self.small, "--bare", "-o", "-")
        self.assertEqual(read_png(result.stdout)["width"], 8)
        self.done(*self.small, "-o", "b.png", "--bare")
        self.assertEqual(result.stdout, self.read("b.png"))

    def test_a_reader_that_leaves(self):
        program = subprocess.Popen([PROGRAM, "map", "-n", "2k", "--content", "gauss", "-o", "-"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        self.assertEqual(len(program.stdout.read(10)), 10)
        program.stdout.close()
        message = program.stderr.read()
        program.stderr.close()
        self.assertEqual(program.wait(600), 4)
        self.assertIn(b"Broken pipe", message)

    def test_closed_or_full(self):
        def close():
            os.close(1)

        for arguments in (["map", "--help"], ["--help"], ["--version"], ["completion", "bash"],
                          ["map", "--dry-run"], [*self.small, "-o", "-"], [*self.small, "--json", "-o", "a.png"]):
            with self.subTest(arguments=arguments):
                self.refused(4, ["standard output"], *arguments, capture_output=False, stderr=subprocess.PIPE,
                             preexec_fn=close)
                with open("/dev/full", "wb") as full:
                    self.refused(4, ["standard output", "No space left"], *arguments,
                                 *["--force"] * ("-o" in arguments), capture_output=False, stdout=full,
                                 stderr=subprocess.PIPE)

    def test_closed_descriptors_are_not_mistaken_for_files(self):
        def close():
            os.closerange(0, 3)

        self.run_program(*self.small, "-o", "a.npy", capture_output=False, preexec_fn=close)
        self.assertEqual(len(read_npy(self.read("a.npy"))), 8)

    def test_a_fifo(self):
        os.mkfifo(self.path("fifo.npy"))
        reader = subprocess.Popen(["cat", self.path("fifo.npy")], stdout=subprocess.PIPE)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.done(*self.small, "-o", "fifo.npy")
        data, _ = reader.communicate(timeout=600)
        self.assertEqual(len(read_npy(data)), 8)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo.npy")).st_mode))


if __name__ == "__main__":
    unittest.main()
