#!/usr/bin/env python3
# test_map.py - looking into the map: pan, zoom down to single cells, the crosshair, the curve
# SPDX-License-Identifier: MIT
import math
import re

from browsing import BrowseCase, Keys, main, read_npy

from harness import bound, frequencies, ones_similarity


def number(text):
    return float(text.replace("\u2212", "-").replace(",", ""))


class Map(BrowseCase):
    def view(self):
        """The window that the address tells, as (first row, rows, first column, columns); None: the whole."""
        rows, cols = self.js("const at = new URLSearchParams(location.search); return [at.get('rows'), at.get('cols')]")
        if rows is None:
            return None
        parts = [[int(part[:-1]) * 1024 if part.endswith("k") else int(part) for part in text.split(":")]
                 for text in (rows, cols)]
        return tuple(end for part in parts for end in ([0] * (2 - len(part)) + part))

    def window(self, test, words):
        """Waits for a window of which `test` is true: the address follows at leisure."""
        self.until(lambda: self.view() is not None and test(self.view()), words)
        self.ready()
        return self.view()

    def test_axes_count_as_those_of_files(self):
        # 500 and 512 both divide a length well enough; page and file take the same.
        self.open("positions=4k")
        for positions, apart in (("4096", 512), ("3000", 500), ("1000", 100), ("512", 64), ("96", 8), ("100", 10)):
            self.turn("positions=" + positions)
            page = self.js("return [...document.querySelectorAll('#pane-main .axis-rows .tick text')].map((one) => one.textContent)")
            made = self.run_program("map", "-n", positions, "-o", self.path(positions + ".svg"))
            self.assertEqual(made.returncode, 0, made.stderr)
            with open(self.path(positions + ".svg")) as file:
                words = re.findall(r">([\d,]+)</text>", file.read())
            self.assertGreater(min(len(page), len(set(words))), 2)
            steps = sorted(math.gcd(*(int(one.replace(",", "")) for one in many)) for many in (page, words))
            self.assertEqual((steps[1] % steps[0], steps[1] % apart), (0, 0), (positions, page, words))

    def test_drag_pans(self):
        self.open("positions=4k&rows=1024:1024&cols=1024:1024")
        self.assert_drawn(["--rows", "1k:1k", "--cols", "1k:1k"])
        self.at(0.5, 0.5).click_and_hold().perform()
        self.at(0.4, 0.6).perform()
        self.at(0.25, 0.75).release().perform()
        first_row, rows, first_col, cols = self.window(lambda view: view[0] < 900, "the map is dragged")
        self.assertAlmostEqual(first_row, 1024 - 256, delta=8)
        self.assertAlmostEqual(first_col, 1024 + 256, delta=8)
        self.assertAlmostEqual(rows, 1024, delta=2)
        self.assertAlmostEqual(cols, 1024, delta=2)

    def test_wheel_zooms_to_single_cells_that_show_their_values(self):
        self.open("positions=128k&base=5e5")
        for _ in range(12):
            self.wheel(0.25, 0.75, -600, notches=4)
            self.ready()
            if (self.view() or (0, 1e9))[1] <= 8:
                break
        view = self.window(lambda view: view[1] <= 12, "the wheel zooms in")
        # What was under the pointer is still there.
        self.assertLessEqual(abs(view[0] - 0.75 * 131072), 800)
        self.assertLessEqual(abs(view[2] - 0.25 * 131072), 800)
        asked = [one for one in self.js("return window.ropemapStats.map((one) => one.state)") if "map.npy" in one]
        self.assertTrue(asked)
        cells = read_npy(self.got("/map.npy", base="5e5", positions="128k", rows="%d:%d" % view[:2],
                                  cols="%d:%d" % view[2:]).body)
        similarity = ones_similarity(128, frequencies(128, base=5e5))
        for row, col in ((0, 0), (len(cells) // 2, 1), (len(cells) - 1, len(cells[0]) - 1)):
            i, j = view[0] + row, view[2] + col
            self.assertLessEqual(abs(cells[row][col] - similarity(i, j)), bound(128))
        for _ in range(30):
            self.wheel(0.5, 0.5, 600, notches=4)
            if self.view() is None:
                break
        self.until(lambda: self.view() is None, "the wheel zooms out")
        self.assert_drawn(["-n", "128k", "--base", "5e5"])

    def test_cells_show_their_values(self):
        self.size(1000, 900)
        written = ("const real = CanvasRenderingContext2D.prototype.fillText; window.written = [];"
                   "CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {"
                   "window.written.push([text, x / this.canvas.width, y / this.canvas.height, this.fillStyle]);"
                   "real.call(this, text, x, y); }")
        script = self.cdp("Page.addScriptToEvaluateOnNewDocument", source=written)["identifier"]
        self.addCleanup(self.cdp, "Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        for query, side in (("positions=7&base=100", 7), ("positions=4k&rows=4000:9&cols=17:9", 9),
                            ("positions=8&causal=1&cmap=viridis", 8)):
            self.open(query)
            options = self.command()
            self.done("map", *options, "--size", side, "-o", "cells.npy", "--force", "-q")
            cells = read_npy(self.read("cells.npy"))
            texts = self.js("return window.written.slice(-arguments[0])", sum(v == v for row in cells for v in row)
                            if "causal" not in query else side * side)
            seen = {}
            for text, x, y, ink in texts:
                seen[int(y * side), int(x * side)] = (text, ink)
            for row, values in enumerate(cells):
                for col, value in enumerate(values):
                    text, ink = seen[row, col]
                    if value != value:
                        self.assertEqual(text, "")
                    else:
                        self.assertLessEqual(abs(number(text.replace("\u2212.", "-0.")) - value), 0.00051, text)
            self.assertEqual({ink for _, ink in seen.values()} - {"#000000", "#ffffff"}, set())

    def test_keys_zoom_and_pan(self):
        self.open("positions=4k")
        self.js("document.getElementById('map').focus()")
        self.press("+")
        self.press("+")
        rows = self.window(lambda view: view[1] < 2000, "plus zooms")
        self.assertAlmostEqual(rows[1], 4096 / 2.25, delta=2)
        self.press(Keys.ARROW_RIGHT)
        moved = self.window(lambda view: view[2] > rows[2], "an arrow pans")
        self.assertEqual(moved[0], rows[0])
        self.press(Keys.ARROW_DOWN)
        self.window(lambda view: view[0] > rows[0], "an arrow pans")
        self.press("-")
        self.window(lambda view: view[1] > rows[1], "minus zooms out")
        self.press(Keys.HOME)
        self.until(lambda: self.view() is None, "Home shows all")
        self.assert_drawn([])

    def test_buttons_and_double_click_zoom(self):
        self.size(1200, 800)
        self.open("positions=4k")
        self.click("#zoom-in")
        self.assertAlmostEqual(self.window(lambda view: True, "the button zooms in")[1], 2048, delta=2)
        self.click("#zoom-out")
        self.until(lambda: self.view() is None, "the button zooms out")
        self.double_click(0.5, 0.5)
        self.assertAlmostEqual(self.window(lambda view: view[1] < 2100, "a double click zooms")[1], 2048, delta=9)
        self.click("#home")
        self.until(lambda: self.view() is None, "the button shows all")

    def crosshair(self):
        """i, j and the value that are told of the pair under the pointer."""
        self.until("document.getElementById('crosshair-value').dataset.stale === undefined && "
                   "document.getElementById('crosshair-value').textContent !== '\u2013'", "the value is told")
        return self.box("i"), self.box("j"), number(self.text("crosshair-value"))

    def box(self, name):
        return int(number(self.js("return document.getElementById('crosshair-' + arguments[0]).value", name)))

    def test_the_crosshair_keeps_the_length_of_the_map(self):
        """A rule that depends on it has that of all positions, not of the pair's."""
        rule = {"positions": "64k", "scaling": "dynamic:factor=4,max=4096"}
        self.open("&".join("%s=%s" % one for one in rule.items()))
        self.at(0.004, 0.02).perform()
        self.until("document.getElementById('crosshair-i').value", "the pair is told")
        i, j, value = self.crosshair()
        exact, short = (self.got("/value.json", i=i, j=j, **options).json["value"]
                        for options in (rule, {"scaling": rule["scaling"]}))
        self.assertGreater(abs(exact - short), 1e-3)
        self.assertLessEqual(abs(value - exact), 5.1e-5 * max(abs(exact), 1e-3))

    def test_the_crosshair_has_the_share_of_all_keys_in_softmax(self):
        self.open("measure=softmax&causal=1")
        self.at(0.3, 0.6).perform()
        self.until("document.getElementById('crosshair-i').value", "the pair is told")
        i, j, value = self.crosshair()
        exact = self.got("/value.json", measure="softmax", causal="1", positions="4k", i=i, j=j).json["value"]
        self.assertLess(exact, 0.01)
        self.assertLessEqual(abs(value - exact), 5.1e-4 * exact)

    def test_the_crosshair_tells_the_exact_value(self):
        self.open("positions=128k&base=5e5&head-dim=64")
        similarity = ones_similarity(64, frequencies(64, base=5e5))
        for x, y in ((0.1, 0.9), (0.7, 0.2), (0.5, 0.5)):
            self.at(x, y).perform()
            self.until("document.getElementById('crosshair-i').value", "the pair is told")
            i, j, value = self.crosshair()
            self.assertAlmostEqual(i / 131072, y, delta=0.01)
            self.assertAlmostEqual(j / 131072, x, delta=0.01)
            self.assertEqual(self.box("distance"), i - j)
            exact = self.got("/value.json", base="5e5", head_dim="64", i=i, j=j).json["value"]
            self.assertLessEqual(abs(exact - similarity(i, j)), bound(64))
            self.assertLessEqual(abs(value - exact), 5.1e-5 * max(abs(exact), 1e-3))
            # The curve's cursor is at the same distance.
            self.assertIn("{:,}".format(abs(i - j)) if abs(i - j) < 2 else " ", self.text("curve-value"))
        # The map follows what changes under a pointer at rest.
        self.slide("base", 0.5)
        self.at(0.3, 0.6).perform()
        i, j, value = self.crosshair()
        base = self.command()[self.command().index("--base") + 1]
        self.assertAlmostEqual(value, self.got("/value.json", base=base, head_dim="64", i=i, j=j).json["value"], delta=5.1e-5)

    def test_shift_and_arrows_move_the_crosshair(self):
        self.open("positions=16")
        self.js("document.getElementById('map').focus()")
        self.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_DOWN, shift=True)
        self.until(lambda: self.crosshair()[:2] == (9, 6), "the pair is told")
        value = self.crosshair()[2]
        self.assertAlmostEqual(value, ones_similarity(128, frequencies(128))(9, 6), delta=5.1e-5)
        self.press(Keys.ESCAPE)
        self.until("document.getElementById('crosshair-value').textContent === '\u2013'", "Escape takes it away")

    def test_the_curve_moves_the_cursor_of_the_map(self):
        self.open("positions=4k&base=1e4&x-axis=linear")
        self.until("document.getElementById('decay').dataset.state === 'ready'", "the curve is drawn")
        curve = self.show("#curve")
        self.actions.move_to_element(curve).perform()
        text = self.until("/^distance [\\d,]+: /.test(document.getElementById('curve-value').textContent) && "
                          "document.getElementById('curve-value').textContent", "the distance is told")
        distance, value = text.removeprefix("distance ").split(": ")
        distance = int(number(distance))
        self.assertAlmostEqual(number(value), ones_similarity(128, frequencies(128))(distance, 0), delta=1e-4)
        self.assertNotEqual(self.js("return document.querySelector('#pane-main .distance-down').style.display"), "none")
        # From the map to the curve in one go: that the map was left comes a frame later, and takes nothing away.
        kept = self.driver.execute_async_script(
            "const done = arguments[0], [map, curve] = ['map', 'curve'].map((id) => document.getElementById(id)), { left, top, width } = curve.getBoundingClientRect();"
            "map.dispatchEvent(new PointerEvent('pointermove', { clientX: 10, clientY: 10 }));"
            "requestAnimationFrame(() => requestAnimationFrame(() => {"
            "  map.dispatchEvent(new PointerEvent('pointerleave'));"
            "  curve.dispatchEvent(new PointerEvent('pointermove', { clientX: left + width / 2, clientY: top + 40 }));"
            "  requestAnimationFrame(() => requestAnimationFrame(() => done(document.getElementById('curve-value').textContent))); }))")
        self.assertTrue(kept.startswith("distance "), kept)


main()
