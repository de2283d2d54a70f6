#!/usr/bin/env python3
# test_screens.py - narrow, low, zoomed, dark and still: the page on every screen
# SPDX-License-Identifier: MIT
from browsing import BrowseCase, main

EVERYTHING = "preset=llama3.1-8b&scaling=yarn:factor=4,original=8192&encoding=xpos&clim=-1:1&x-bound=1&x-pin=base%3D7"
# Ids, or texts, of what reaches past the window's sides.
BEYOND = """
const seen = [...document.querySelectorAll('main *, header *, dialog[open] *')].filter((one) => one.checkVisibility());
return seen.filter((one) => {
  if (one.closest('.visually-hidden, svg, .skip, #swatches') || one.matches('option')) return false;
  const { left, right, width } = one.getBoundingClientRect();
  return width > 0 && (left < -1 || right > innerWidth + 1);
}).map((one) => one.id || one.className || one.outerHTML.slice(0, 80));
"""


class Screens(BrowseCase):
    def open_all(self):
        self.js("for (const one of document.querySelectorAll('#controls details')) one.open = true")

    def wide(self):
        return self.js("return document.scrollingElement.scrollWidth - document.documentElement.clientWidth")

    def assert_fits(self, words):
        """Nothing lies beyond the window's sides, and the page cannot be scrolled there."""
        self.assertEqual((self.wide(), self.js(BEYOND)), (0, []), words)

    def test_the_menu_of_share_holds_what_is_in_it(self):
        for size, state in (((1440, 900), ""), ((1440, 900), "x-a=base%3D1e5&x-compare=beside"), ((1280, 650), ""),
                            ((1000, 700), "x-a=base%3D1e5&x-compare=beside"), ((390, 844), "")):
            with self.subTest(size=size, state=state):
                self.size(*size)
                self.open("positions=64&" + state)
                self.js("document.getElementById('share').open = true")
                out = self.js("const menu = document.querySelector('#share .menu-body').getBoundingClientRect();"
                              "return [...document.querySelectorAll('#share .menu-body :is(h2, a, button, select)')].filter((one) => {"
                              "  const { left, right } = one.getBoundingClientRect(); return left < menu.left || right > menu.right; })"
                              ".map((one) => one.textContent)")
                self.assertEqual(out, [])
                self.assertLessEqual(self.js("return document.documentElement.scrollWidth - innerWidth"), 0)

    def test_a_narrow_screen(self):
        self.size(360, 740)
        self.open(EVERYTHING)
        self.open_all()
        self.assert_fits("all controls")
        self.assert_drawn()
        for mode in ("split", "beside", "difference"):
            self.click("#compare-" + mode)
            self.ready()
            self.assert_fits(mode)
        self.click("#compare-off")
        self.ready()
        # A name that comes above the map takes its axes along.
        self.click("#compare-split")
        ends = ("(() => { const map = document.getElementById('map').getBoundingClientRect(), ticks = [...document.querySelectorAll('#pane-main .axis-rows .tick')]"
                ".map((one) => one.getBoundingClientRect()); return Math.abs(ticks[0].top + ticks[0].height / 2 - map.top) < 2; })()")
        self.until(ends, "the first tick is at the map's edge")
        self.click("#compare-off")
        self.until(ends, "and without the name")
        self.click("#share > summary")
        self.assert_fits("the menu of files")
        self.click("#share > summary")
        # A slider and the map that it changes are in sight together.
        self.show("#slider-base")
        both = self.js("return ['map', 'slider-base'].map((id) => document.getElementById(id).getBoundingClientRect())"
                       ".every(({ top, bottom }) => bottom > 0 && top < innerHeight)")
        self.assertTrue(both)
        self.slide("base", 0.3)
        self.ready()
        self.size(360, 500)
        self.ready()
        self.assert_fits("a low one")

    def test_many_maps_on_a_narrow_screen(self):
        self.size(360, 740)
        self.open("positions=256&x-many=base%3D100+1000+10000+100000")
        self.until("document.querySelectorAll('#many canvas').length === 4", "four maps")
        self.assert_fits("many maps")

    def test_twice_as_large(self):
        """What a window of 1280 x 800 is at 200 %."""
        self.size(640, 400, scale=2)
        self.open(EVERYTHING)
        self.open_all()
        self.assert_fits("200 %")
        side, pixels = self.js("const { clientWidth, width } = document.getElementById('map'); return [clientWidth, width]")
        self.assertAlmostEqual(pixels, 2 * side, delta=1)
        self.assert_drawn()
        self.click("#keys")
        self.assert_fits("keys")
        self.assertTrue(self.js("const { top, bottom } = document.querySelector('dialog').getBoundingClientRect();"
                                "return top >= 0 && bottom <= innerHeight"))
        self.click("#keys-dialog button")

    def test_wide_windows_show_all_without_scrolling(self):
        for width, height in ((1366, 650), (2560, 1300)):
            self.size(width, height)
            self.open("preset=llama3.1-8b&positions=128k")
            with self.subTest(window=(width, height)):
                self.assert_fits((width, height))
                self.assertLessEqual(self.js("return document.scrollingElement.scrollHeight"), height)
                low = self.js("return ['map', 'card', 'curve', 'swatches', 'readout'].filter((id) => "
                              "document.getElementById(id).getBoundingClientRect().bottom > innerHeight)")
                self.assertEqual(low, [])
                # The answer and its base stay in sight of what lies far below.
                self.show("#reset-all")
                self.assertEqual(self.js("return ['answer-first', 'slider-base'].filter((id) => { const at = document.getElementById(id),"
                                         " { x, y, width, height } = at.getBoundingClientRect();"
                                         " return !at.contains(document.elementFromPoint(x + width / 2, y + height / 2)); })"), [])
        self.size(1000, 600)
        self.ready()
        self.assert_drawn()

    def lightness(self):
        return self.js("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)"
                       ".reduce((sum, part) => sum + Number(part), 0) / 765")

    def test_dark_and_light(self):
        self.media(prefers_color_scheme="dark")
        self.open()
        self.assertLess(self.lightness(), 0.2)
        self.assertEqual(self.find("#theme").get_attribute("aria-pressed"), "true")
        before = self.assert_drawn(["--cmap", "dark"])
        # A file is as dark as the page, on paper it is light.
        ask = "return import('/commands.js').then(({ commandLines }) => commandLines())"
        self.assertEqual(self.js(ask), "ropemap map --cmap dark --clim -1:1 --dark -o map.png")
        self.js("document.getElementById('figure-width').value = '88mm'")
        self.assertEqual(self.js(ask), "ropemap map --cmap diverging --clim -1:1 --width 88mm -o map.png")
        self.js("document.getElementById('figure-width').value = ''")
        self.click("#theme")
        self.assertGreater(self.lightness(), 0.9)
        self.assertTrue(self.assert_drawn(["--cmap", "diverging"]) != before)
        self.driver.refresh()
        self.ready()
        self.assertGreater(self.lightness(), 0.9)  # what was chosen stays
        self.click("#theme")
        self.assertLess(self.lightness(), 0.2)
        self.js("localStorage.clear()")
        self.media(prefers_color_scheme="light")
        self.open()
        self.assertGreater(self.lightness(), 0.9)
        self.media(prefers_color_scheme="dark")  # the system changes while the page is open
        self.until(lambda: self.lightness() < 0.2, "the page follows the system")

    def test_nothing_moves_where_that_is_not_wanted(self):
        self.media(prefers_reduced_motion="reduce")
        self.open("positions=1k&base=5e5&x-a=base%3D100&x-compare=blink")
        self.until("document.getElementById('pane-main-name').textContent.startsWith('B')", "B is shown")
        moving = self.js("return [...document.querySelectorAll('*')].filter((one) => "
                         "getComputedStyle(one).transitionDuration !== '0s' && getComputedStyle(one).transitionProperty !== 'none')"
                         ".map((one) => one.id || one.className)")
        self.assertEqual(moving, [])
        names = self.js("return new Promise((done) => { const seen = new Set(); const look = setInterval(() => "
                        "seen.add(document.getElementById('pane-main-name').textContent), 20);"
                        "setTimeout(() => { clearInterval(look); done([...seen]); }, 1000); })")
        self.assertEqual(len(names), 1)
        self.click("#flip")
        self.until("document.getElementById('pane-main-name').textContent.startsWith('A')", "A, on request")


main()
