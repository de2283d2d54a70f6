#!/usr/bin/env python3
# test_compare.py - two maps split, beside, in turn and subtracted; many small ones; the founding formula
# SPDX-License-Identifier: MIT
import json
import math
import re

from browsing import PIXELS, BrowseCase, Keys, main, read_npy


class Compare(BrowseCase):
    def npy(self, *options):
        self.done("map", *options, "-o", "cells.npy", "--force", "-q")
        return read_npy(self.read("cells.npy"))

    def palette(self, name):
        table = self.got("/options.json").json
        colours = [bytes.fromhex(colour) + b"\xff" for colour in table["colormaps"][name]]
        return colours[:-1], colours[-1]

    def assert_cells(self, canvas, cells, low, high, colormap):
        """The canvas has the colours of these values, each at most one level off where rounding decides."""
        width, height, seen = self.pixels(canvas)
        self.assertEqual((height, width), (len(cells), len(cells[0])))
        colours, missing = self.palette(colormap)
        most = len(colours) - 1
        for row, values in enumerate(cells):
            for col, value in enumerate(values):
                at = 4 * (row * width + col)
                place = (value - low) / (high - low) * most if value == value else None
                allowed = [missing] if place is None else [
                    colours[min(max(level, 0), most)] for level in (math.floor(place + 0.499), math.floor(place + 0.501))]
                if seen[at:at + 4] not in allowed:
                    self.fail("%s (%d, %d): %s, not %s of %r" % (canvas, col, row, tuple(seen[at:at + 4]),
                                                                 tuple(allowed[0]), value))

    def eventually(self, check, words):
        """Runs a check until it passes: comparing needs two maps, and limits that suit both."""
        last = []

        def passes():
            try:
                check()
                return True
            except AssertionError as error:
                last[:] = [error]
                return False
        try:
            self.until(passes, words)
        except AssertionError:
            raise (last or [AssertionError(words)])[0] from None

    def keep_and_change(self):
        """A has base 100, B 5e5."""
        self.open("base=100&positions=2k&x-axis=linear")
        self.click("#keep-a")
        self.enter("#number-base", "5e5")
        self.ready()
        side = self.js("return document.getElementById('map').width")
        a, b = (self.npy("--base", base, "-n", "2k", "--size", side) for base in ("100", "5e5"))
        return a, b, -1, 1

    def test_split_beside_and_blink(self):
        a, b, low, high = self.keep_and_change()
        side = len(a)
        at = side // 2

        def halves():
            width, height, seen = self.pixels()
            keep = [(slice(0, at - 4), a), (slice(at + 4, side), b)]
            colours, _ = self.palette("diverging")
            for part, cells in keep:
                for row in (0, side // 3, side - 1):
                    for col in range(side)[part]:
                        level = round((cells[row][col] - low) / (high - low) * 254)
                        here = seen[4 * (row * width + col):4 * (row * width + col) + 4]
                        self.assertIn(here, colours[max(level - 1, 0):level + 2], (row, col))
        self.eventually(halves, "A to the left, B to the right")
        self.assertIn("base 100", self.text("pane-main-name"))
        # Both are drawn over the present positions, so those tell nothing apart.
        self.enter("#number-positions", "3k")
        self.ready()
        self.assertEqual(self.text("pane-main-name"), "A: base 100  |  B: base 500,000")
        self.enter("#number-positions", "2k")
        self.ready()
        self.click("#compare-beside")
        self.eventually(lambda: self.beside(low, high), "A beside B")
        self.click("#compare-blink")
        names = set()
        self.until(lambda: names.add(self.text("pane-main-name")) or len(names) == 2, "A and B in turn")
        self.assertEqual({name[0] for name in names}, {"A", "B"})
        pictures = {}

        def both():
            name, pixels = self.js(PIXELS + "return [document.getElementById('pane-main-name').textContent, pixels('#map')[2]]")
            pictures.setdefault(name, pixels)
            return len(pictures) == 2

        self.until(both, "both in turn")
        self.assertTrue(len(set(pictures.values())) == 2)
        self.click("#compare-off")
        self.eventually(lambda: self.assert_drawn(["--base", "5e5", "-n", "2k"]), "B alone")

    def beside(self, low, high):
        side = self.js("return document.getElementById('map').width")
        self.assertEqual(self.js("return document.getElementById('map-other').width"), side)
        for canvas, base in (("#map", "5e5"), ("#map-other", "100")):
            cells = self.npy("--base", base, "-n", "2k", "--size", side)
            self.assert_cells(canvas, cells, low, high, "diverging")

    def test_the_difference_is_that_of_the_numbers(self):
        a, b, _, _ = self.keep_and_change()
        self.click("#compare-difference")
        cells = [[y - x for x, y in zip(*rows)] for rows in zip(a, b)]
        most = max(abs(value) for row in cells for value in row)
        self.eventually(lambda: self.assert_cells("#map", cells, -most, most, "difference"), "the difference")
        self.until("document.getElementById('bar-label').textContent.includes('B \u2212 A')", "the bar is the difference's")
        self.assertEqual(self.text("map-title"), "RoPE similarity, d = 128: base 500,000 minus base 100")
        self.at(0.3, 0.8).perform()
        self.until("document.getElementById('crosshair-less').textContent !== '\u2013'", "all values are told")
        told = [float(self.text("crosshair-" + name).replace("\u2212", "-")) for name in ("value", "other", "less")]
        self.assertAlmostEqual(told[0] - told[1], told[2], delta=2e-4)
        self.assertEqual(self.text("crosshair-name"), "B")
        # The file and the command are the difference too, with the page's limits and the width that is chosen.
        self.click("#share > summary")
        self.show("#figure-width").find_element("css selector", "option[value='88mm']").click()
        href = self.js("return document.getElementById('download-map-png').getAttribute('href')")
        header = json.loads(self.got("/" + href).headers["Ropemap-Map"])
        self.assertTrue(header["difference"])
        self.assertAlmostEqual(header["figure"]["high"], most, delta=1e-6)
        self.assertAlmostEqual(header["figure"]["low"], -most, delta=1e-6)
        self.click("#copy-command")
        told = self.until("document.getElementById('share-done').textContent", "the command is told")
        for words in ("--diff base=100", "--width 88mm", "--clim -%s" % str(most)[:5]):
            self.assertIn(words, told)
        self.press(Keys.ESCAPE)
        self.click("#swap")
        flipped = [[-value for value in row] for row in cells]
        self.eventually(lambda: self.assert_cells("#map", flipped, -most, most, "difference"), "A and B swapped")

    def test_each_encoding_has_its_curve(self):
        self.open("encoding=rope&x-a=encoding%3Dnope&x-compare=split&positions=512&x-axis=linear")
        self.until("document.querySelectorAll('#curve path.curve').length === 2", "both curves")
        self.js("document.getElementById('curve').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))")
        [curve] = json.loads(self.run_program("curve", "-n", "512", "--json", "-q").stdout)["curves"]
        self.until("document.getElementById('curve-value').textContent.endsWith('B: encoding rope %.5g; A: encoding nope 1.0000')" % curve["values"][5], "both values")
        # Lines have the colours, in the order, of the file.
        strokes = self.js("return ['path.curve:not(.main)', 'path.curve.main'].map((line) => getComputedStyle(document.querySelector('#curve ' + line)).stroke)")
        drawn = self.run_program("curve", "-n", "512", "--vary", "encoding=nope,rope", "-q", "-o", "svg:-").stdout.decode()
        places = [drawn.index('stroke="#%02x%02x%02x"' % tuple(map(int, re.findall(r"\d+", stroke)))) for stroke in strokes]
        self.assertEqual(places, sorted(places))
        # Commands have RoFormer's bound as a line of its own, and say that the formula is the page's.
        self.open("positions=512&x-formula=1&x-compare=beside&x-bound=1")
        lines = self.js(PIXELS + "return command()").split("Copied: ")[-1].splitlines()
        self.assertEqual([line.split()[:2] for line in lines], [["ropemap", "map"], ["#", "exp(-10"], ["ropemap", "curve"]])
        self.assertTrue(lines[2].endswith("--quantity roformer -o bound.png"), lines[2])
        # It is that of the setting in the controls, which its name says.
        for state, name in (("base=1000&x-a=base=7e4&x-compare=split", " of B"), ("base=1000&x-many=base=5e3+7e4", " for the setting in the controls"),
                            ("base=1000&x-pin=base%3D7e4", " of this setting")):
            self.turn("positions=512&x-bound=1&" + state)
            [line] = [line for line in self.js(PIXELS + "return command()").splitlines() if line.endswith("-o bound.png")]
            self.assertIn("--base 1000 ", line)
            self.until("document.getElementById('pins').textContent.includes('shape of RoFormer’s bound%s: ')" % name, name)
        # A key is a piece of its line.
        self.turn("positions=512&base=5e5&x-pin=&x-pin=base%3D1000&x-pin=base%3D1e5&x-pin=base%3D1e7")
        looks = "(query) => [...document.querySelectorAll(query)].map((one) => getComputedStyle(one).stroke + one.getAttribute('stroke-dasharray')).sort().join()"
        self.until("(%s)('#pins .line-key line') === (%s)('#curve path.curve') && document.querySelectorAll('#pins .line-key').length === 5" % (looks, looks), "the same dashes")
        self.assertIn('stroke-dasharray="9 3 2 3"', self.js("return import('/snapshot.js').then(({ snapshotSvg }) => snapshotSvg().text.split('line-key')[4])"))
        self.open("x-many=encoding=rope+alibi&positions=2k")
        self.until("document.getElementById('pins').textContent === 'encoding rope · below ½ at 46 · below 0 at 1,707encoding alibi · below ½ at 129 · below 0 at 257'", "each has its own numbers")
        self.until("document.getElementById('bar-label').textContent === 'mean of q · k or mean of q · k − slope × distance'", "the bar is of both")
        self.assertEqual(self.js("return document.querySelector('#bar-ticks text').textContent"), "\u2264 \u22121.0")  # and says what goes past it
        self.assertEqual(self.text("map-title"), "Scores over encoding, d = 128")

    def test_what_has_no_value_has_the_colour_of_its_key(self):
        for query, name in (("measure=softmax&causal=1&positions=12", "viridis"), ("causal=1&positions=12&cmap=grey", "grey"),
                            ("causal=1&positions=300&cmap=grey", "grey")):
            self.open(query)
            missing = self.palette(name)[1]
            width, _, pixels = self.pixels()
            self.assertEqual(pixels[4 * (2 * width - 2):][:4], missing, query)  # keys after the query
            patch = self.until("document.querySelector('#bar-key span') && getComputedStyle(document.querySelector('#bar-key span')).backgroundColor", "the key")
            self.assertEqual(patch, "rgb(%d, %d, %d)" % tuple(missing[:3]), query)

    def test_what_is_measured_otherwise_has_the_colours_of_the_bar(self):
        self.expected.append("status of 4")  # no curve of softmax without tensors
        self.open("positions=256&measure=softmax&causal=1&x-a=positions%3D256&x-compare=beside")
        self.until("document.getElementById('pane-other-name').textContent === 'A: measure dot, not causal'", "what A has")
        top = self.palette("viridis")[0][-1]
        corner = "[...document.querySelector('#pane-other canvas').getContext('2d').getImageData(1, 1, 1, 1).data].join()"
        self.until("%s === '%s'" % (corner, ",".join(map(str, top))), "1 is the end of the bar in A, too")
        self.assertEqual(self.text("map-title"), "base 10,000, d = 128: RoPE similarity against Attention with RoPE")
        self.click("#compare-difference")
        self.until("document.getElementById('bar-label').textContent.startsWith('higher in A')", "the bar is of neither")

    def test_where_the_base_plays_no_part_nothing_of_it_is_offered(self):
        self.open("positions=8k&encoding=alibi&x-axis=linear")
        self.until("document.getElementById('many-name').value === 'slope'", "what ALiBi has")
        self.assertEqual(self.js("return getComputedStyle(document.querySelector('.check-label:has(#against-formula)')).display"), "none")
        self.until("[...document.querySelectorAll('#curve .x-axis text')].map((one) => one.textContent).join() === '0,2k,4k,6k'", "tokens are counted as on the map")

    def test_models_have_their_own_trained_lengths(self):
        self.open("preset=llama2-7b&positions=16k&x-a=preset%3Dllama3-8b%26positions%3D16k&x-compare=beside")
        places = ("['#pane-main', '#pane-other'].map((pane) => {"
                  "  const line = document.querySelector(pane + ' .trained-col line'), canvas = document.querySelector(pane + ' canvas');"
                  "  return line && canvas.clientWidth ? Math.round(16 * (line.getAttribute('x1') - canvas.offsetLeft) / canvas.clientWidth) : null; }).join()")
        self.until("%s === '4,8'" % places, "A's beside B's")
        self.until("document.querySelector('#pins li')?.textContent === 'A: llama3-8b · below ½ at 166 · below 0 at 18,438'", "A's numbers")
        self.open("x-many=preset=llama2-7b+llama3-8b&positions=16k")
        self.until("document.getElementById('pins').textContent === 'llama2-7b · below ½ at 46 · below 0 at 1,707 · to its trained 4kllama3-8b · below ½ at 166 · below 0 at 18,438 · to its trained 8k'", "why lines end")
        self.until("document.querySelector('.scope').textContent.includes('of the setting in the controls')", "whose numbers the answer has")
        self.click("#share > summary")
        self.assertIn("until-trained=1", self.js("return document.getElementById('download-curve-png').getAttribute('href')"))
        self.press(Keys.ESCAPE)
        self.assertIn(" --vary preset=llama2-7b,llama3-8b --until-trained ", self.js("return import('/commands.js').then(({ commandLines }) => commandLines())"))
        # What the setting in the controls has tells none of them apart.
        self.open("x-many=preset=llama2-7b+llama3-8b&positions=2k&base=1e6&head-dim=64")
        self.until("document.getElementById('pins').textContent.startsWith('llama2-7b · below ½ at 46 · below 0 at 1,707llama3-8b · ')", "their names alone")
        self.assertNotRegex(self.js("return import('/commands.js').then(({ commandLines }) => commandLines())"), "--base|--head-dim")
        # One of images ends at its side, and says what its distances are.
        self.open("x-many=preset=dinov3-vits16+llama2-7b")
        self.until("document.getElementById('pins').textContent.startsWith('dinov3-vits16 · to its 14 patches')", "its end")
        self.until("document.querySelector('#curve > g > .axis-title').textContent === 'distance (tokens, or patches)'", "both")
        self.assertEqual(self.js("return document.querySelector('.many-foot').textContent"), "key position or patch across, query position or patch down")
        for line in self.js("return import('/commands.js').then(({ commandLines }) => commandLines())").splitlines():
            self.done(*line.split()[1:], "--force", "-q")
        self.open("x-many=preset=dinov3-vits16+qwen-image&positions=14")
        self.until("document.querySelector('#curve > g > .axis-title').textContent === 'distance along w (patches)'", "patches alone")
        # A setting with a model and one without are no list.
        self.open("base=1e4&positions=2k&x-a=preset%3Dqwen3-4b-2507%26base%3D1e4&x-compare=beside")
        lines = self.js("return import('/commands.js').then(({ commandLines }) => commandLines())").splitlines()
        self.assertEqual(len(lines), 4, lines)
        for line in lines:
            self.done(*line.split()[1:], "--force", "-q")
        # The command has the colours of all of them, whatever their factors are.
        self.open("x-many=preset=llama2-7b+gpt-oss-20b&positions=2k")
        self.until("[...document.querySelectorAll('#bar-ticks text')].at(-1)?.textContent.startsWith('2')", "the factor needs more")
        self.assertIn("--clim -2:2 ", self.js("return import('/commands.js').then(({ commandLines }) => commandLines())"))
        # Of lengths each has its own part of the one line.
        self.open("x-many=positions=64+512+4k&positions=4k")
        self.until("document.getElementById('pins').textContent === 'length 64 · below ½ at 46length 512 · below ½ at 46length 4,096 · below ½ at 46 · below 0 at 1,707'", "which is which")
        self.assertEqual(self.js("return import('/commands.js').then(({ commandLines }) => commandLines().split('\\n').length)"), 1)
        # What no curve depends on names none.
        self.open("base=100&pool=absmax&causal=1&positions=2k&x-pin=base%3D1e6")
        self.until("document.getElementById('pins').textContent.startsWith('base 100base 1,000,000 · below ½ at 197 · ')", "bases alone")
        # A rule of a context has the present map's in each line, though it was saved at another, and so have its commands.
        for length, half, context in (("8k", "606", "8k"), ("2k", "72", "2k")):
            self.open("preset=llama2-7b&positions=%s&x-a=preset%%3Dphi-4-mini%%26positions%%3D4k&x-compare=beside" % length)
            self.until("document.querySelector('#pins li')?.textContent.startsWith('A: phi-4-mini · below ½ at %s')" % half, "that of A's map")
            line = self.js("return import('/commands.js').then(({ commandLines }) => commandLines())").splitlines()[-1].split()
            self.done(*line[1:line.index("-o")], "-o", "lines.csv", "--force", "-q")
            first = [row.split(",") for row in self.read("lines.csv").decode().splitlines() if row[:1].isdigit()]
            self.assertEqual([int(row[0]) for row in first if float(row[1]) < 0.5][0], int(half))
            self.click("#share > summary")
            self.assertIn("length=%s&" % context, self.js("return document.getElementById('download-curve-png').getAttribute('href')") + "&")
            self.press(Keys.ESCAPE)
        self.open("preset=phi-4-mini&positions=2k&x-many=positions=2k+8k")
        self.until("document.getElementById('pins').textContent.startsWith('length 2,048 · below ½ at 72length 8,192 · below ½ at 606')", "each its own")
        # What cannot be made says so where it is seen.
        self.expected.append("status of 4")
        self.open("x-many=scaling%3Dnone,linear:factor%3D4&positions=4k")
        self.until("document.querySelector('#many .error')?.textContent.startsWith('No map.')", "why there is no map")

    def test_what_cannot_be_compared_is_said(self):
        for mode in ("difference", "split", "beside"):
            self.expected.append("status of 4")
            self.open("preset=qwen2.5-7b&positions=8k&x-a=preset%3Dqwen-image%26positions%3D4k&x-compare=" + mode)
            self.until("document.getElementById('refusal').checkVisibility() && document.getElementById('refusal').textContent"
                       " === 'No map of A. Length: positions 0 to 8,191 go beyond 0 to 4,095, the patches of the grid'", mode)
        # A refused setting is another all the same, and one that is given as it is anyway is not.
        self.expected.append("status of 4")
        self.open("preset=llama3.1-8b&positions=2k&x-a=preset%3Dllama3.1-8b%26positions%3D2k&x-compare=split")
        self.assertIn("A is kept", self.text("pane-main-name"))
        self.enter("#number-head-dim", "7")
        self.until("document.getElementById('pane-main-name').textContent === 'A: d = 128  |  B: d = 7'", "what is refused")
        self.enter("#number-head-dim", "128")
        self.choose("encoding", "rope")
        self.choose("phase", "bf16-tables")
        self.until("document.getElementById('pane-main-name').textContent === 'A: phase exact  |  B: phase bf16-tables'", "no encoding")
        self.open("preset=qwen2.5-7b&positions=8k&x-a=preset%3Dqwen-image%26positions%3D4k&x-compare=beside")
        # It is B alone that is shown beside it, and nothing in the place of a difference.
        seen = ("(() => { const small = document.createElement('canvas').getContext('2d', { willReadFrequently: true });"
                "  small.drawImage(document.getElementById('map'), 0, 0, 8, 8); return small.getImageData(0, 0, 8, 8).data.some(Boolean); })()")
        self.until(seen, "B's map")
        self.click("#compare-difference")
        self.until("!%s && document.getElementById('refusal').checkVisibility()" % seen, "no difference")
        self.enter("#number-positions", "4k")
        self.until("%s && !document.getElementById('refusal').checkVisibility()" % seen, "the difference")
        self.enter("#number-positions", "5k")
        self.until("document.getElementById('refusal').checkVisibility()", "none again")
        self.click("#compare-off")
        self.until("%s && !document.getElementById('refusal').checkVisibility()" % seen, "B alone")

    def test_the_founding_formula(self):
        self.open("base=5e3&positions=12&cmap=seed&x-axis=linear")
        self.click("#against-formula")
        self.until("!document.getElementById('pane-other').hidden", "the formula is beside the map")
        self.ready()
        header = {"low": -1, "high": 1}
        rate = 10 / math.log(5e3)
        formula = [[math.exp(-abs(i - j) * rate) for j in range(12)] for i in range(12)]
        self.eventually(lambda: self.corner("#map-other", formula, header), "the formula's colours")
        self.eventually(lambda: self.corner("#map", self.npy("--base", "5e3", "-n", "12"), header), "the exact ones")
        self.at(0.1, 0.9).perform()
        self.until("document.getElementById('crosshair-other').textContent !== '\u2013'", "the formula's value is told")
        i, j = (int(self.js("return document.getElementById('crosshair-' + arguments[0]).value", name)) for name in "ij")
        self.assertAlmostEqual(float(self.text("crosshair-other").replace("\u2212", "-")),
                               math.exp(-abs(i - j) * rate), delta=1e-5)
        self.click("#compare-difference")
        self.until("document.getElementById('bar-label').textContent.includes('exact \u2212 formula')", "the bar is the difference's")
        # Where a pixel holds many distances the formula has a value all the same.
        self.turn("base=5e3&positions=64k&x-formula=1&x-compare=beside&x-axis=linear")
        self.until("document.querySelectorAll('#curve path.curve').length === 2", "both curves")
        self.enter("#crosshair-i", "100")
        self.enter("#crosshair-j", "90")
        self.until("document.getElementById('crosshair-other').textContent !== '\u2013' && document.getElementById('crosshair-value').textContent !== '\u2013'", "both values")
        self.until("document.getElementById('curve-value').textContent.startsWith('distance 1–')", "the curve's, of the pixel that 10 is in")
        self.assertEqual(self.js("return document.querySelector('#curve .cursor circle').style.display"), "none")  # a dot is of one distance
        for told in (self.text("crosshair-other"), re.search(r"ln base\) ([\d.e\u2212]+)", self.text("curve-value")).group(1)):
            self.assertAlmostEqual(float(told.replace("\u2212", "-")) / math.exp(-10 * rate), 1, delta=1e-3)

    def corner(self, canvas, cells, header):
        """Each cell's colour, looked at beside its text."""
        width, height, seen = self.pixels(canvas)
        colours, _ = self.palette("seed")
        count = len(cells)
        for row in range(count):
            for col in range(count):
                x, y = int((col + 0.06) * width / count) + 1, int((row + 0.06) * height / count) + 1
                level = (cells[row][col] - header["low"]) / (header["high"] - header["low"]) * 254
                level = min(max(level, 0), 254)
                at = 4 * (y * width + x)
                self.assertIn(seen[at:at + 4], colours[max(round(level) - 1, 0):round(level) + 2], (canvas, row, col))

    def test_many_values_have_one_scale(self):
        self.open("positions=512&base=1e4")
        self.choose_many("base", "100 1e4 1e6")
        self.until("document.querySelectorAll('#many canvas').length === 3 && document.body.dataset.state === 'ready'",
                   "three maps")
        self.until("document.querySelector('.scope').textContent.includes('of the setting in the controls')", "whose numbers the answer has")
        side = self.until("document.querySelector('#many canvas').width > 1 && "
                          "document.querySelector('#many canvas').width", "the maps are drawn")
        all_cells = [self.npy("--base", base, "-n", "512", "--size", side) for base in ("100", "1e4", "1e6")]
        for index, cells in enumerate(all_cells, 1):
            canvas = "#many button:nth-of-type(%d) canvas" % index
            self.eventually(lambda: self.assert_cells(canvas, cells, -1, 1, "diverging"), canvas)
        self.assertEqual(self.find("#many h3").text, "Base")
        self.assertEqual(self.js("return [...document.querySelectorAll('#many button > span:first-child')]"
                                 ".map((one) => one.textContent)"),
                         ["100", "10,000", "1,000,000"])
        # Closed while they are on their way, they keep nothing waiting, though the map itself is drawn already.
        self.js("return import('/state.js').then(({ setPage }) => { setPage({ many: 'base=200 300' });"
                "  return new Promise((next) => setTimeout(next, 121)); }).then(() => import('/state.js')).then(({ setPage }) => setPage({ many: null }))")
        self.ready()
        # A value that cannot be is explained in the form, and nothing is drawn for it.
        self.expected.append("status of 4")
        self.choose_many("base", "100 -1 banana")
        self.until("document.getElementById('many-error').textContent.includes('banana')", "a refusal")
        self.until("document.querySelectorAll('#many canvas').length === 1 && document.querySelectorAll('#pins li').length === 1", "the one that can be")
        self.choose_many("scaling", "none linear:factor=4")
        self.until("document.querySelectorAll('#many canvas').length === 2", "two maps")
        self.ready()
        self.click("#many button:nth-of-type(2)")
        self.ready()
        self.assert_drawn(["--base", "1e4", "-n", "512", "--scaling", "linear:factor=4"])

    def choose_many(self, name, values):
        self.show("#many-name").find_element("css selector", "option[value='%s']" % name).click()
        box = self.show("#many-values")
        self.js("arguments[0].select()", box)
        self.press(values)
        if self.js("return document.activeElement.id") != "many-values":
            self.enter("#many-values", values)
        else:
            self.click("#many-show")


main()
