#!/usr/bin/env python3
# test_explore.py - trying things out: coarse pictures and progress, undo, typed pairs, limits, pairs, snapshots
# SPDX-License-Identifier: MIT
import json
import re
import signal

from browsing import BrowseCase, Keys, main

LONG = "positions=128k&content=gauss&pool=absmax"  # minutes of work on two cores
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "num_attention_heads": 32,
          "head_dim": 128, "max_position_embeddings": 32768, "rope_theta": 250000.0}


class Explore(BrowseCase):
    def address(self, name):
        return self.js("return new URLSearchParams(location.search).get(arguments[0])", name)

    def value(self, name):
        return self.js("return document.getElementById(arguments[0]).value", name).replace(",", "")

    def shows(self, name, value):
        """What a box comes to hold: in the next frame, often."""
        self.until(lambda: self.value(name) == value, "%s shows %s" % (name, value))

    # ---- maps that take long ------------------------------------------------------------------------------

    def test_a_long_map_has_a_coarse_picture_progress_and_a_stop(self):
        self.open(LONG, ready=False)
        self.until("window.ropemapStats?.length && window.ropemapStats[0].coarse", "a coarse picture comes first")
        coarse = self.pixels()[2]
        self.assertGreater(len({coarse[at:at + 4] for at in range(0, len(coarse), 4000)}), 5)
        self.until("document.getElementById('curve-value').textContent", "the curve does not wait for the map")
        self.until("document.getElementById('answer-first').textContent", "nor does the answer")
        self.until("/being made: \\d+ %/.test(document.getElementById('progress-words').textContent)", "progress is told")
        self.assertEqual(self.js("return document.body.dataset.state"), "busy")
        self.click("#progress-stop")
        self.assertEqual(self.js("return document.body.dataset.state"), "ready")
        self.until("document.getElementById('progress-words').textContent.includes('stopped')", "it says so")
        self.assertTrue(self.pixels()[2] == coarse)
        # The server has nothing left to do, and a small map is whole at once.
        self.assertEqual(self.got("/progress.json", view="map-none").json["share"], None)
        self.enter("#number-positions", "300")
        self.assert_drawn()
        self.assertTrue(self.js("return document.getElementById('progress').hidden"))

    def test_a_drag_over_a_long_map_has_pictures_and_the_whole_one_at_its_end(self):
        self.open("positions=64k&content=gauss&pool=mean")
        seen = self.js("return window.ropemapStats.length")
        self.slide("base", 0.7)
        self.ready()
        pictures = self.js("return window.ropemapStats.slice(arguments[0]).map((one) => one.coarse)", seen)
        self.assertIn(True, pictures)
        self.assertFalse(pictures[-1])
        self.assert_drawn()

    # ---- history ------------------------------------------------------------------------------------------

    def test_each_gesture_can_be_undone(self):
        self.open("positions=1k")
        self.assertFalse(self.find("#undo").is_enabled())
        self.slide("base", 0.6)
        self.until(lambda: self.address("base"), "the address follows")
        base = self.address("base")
        self.choose("pool", "max")
        self.until(lambda: self.address("pool") == "max", "the address follows")
        self.driver.back()
        self.until(lambda: self.address("pool") is None, "Back undoes the last step alone")
        self.assertEqual(self.address("base"), base)
        self.assert_drawn()
        self.js("document.body.focus()")
        self.press("z", ctrl=True)
        self.until(lambda: self.address("base") is None, "Ctrl+Z undoes the whole drag")
        self.shows("number-base", "10000")
        self.press("y", ctrl=True)
        self.until(lambda: self.address("base") == base, "Ctrl+Y makes it again")
        self.click("#redo")
        self.until(lambda: self.address("pool") == "max", "and the button the next")
        self.assert_drawn()

    def test_reset_resets_all_and_can_be_undone(self):
        query = "base=100&positions=1k&x-a=base%3D1e6&x-compare=split&x-pin=base%3D7"
        self.open(query)
        self.click("#reset-all")
        self.until("location.search === ''", "nothing is left")
        self.assertEqual(self.js("return document.querySelectorAll('#pins li').length"), 0)
        self.assertEqual(self.js("return document.body.dataset.compare"), "off")
        self.click("#undo")
        self.until("document.body.dataset.compare === 'split' && document.querySelectorAll('#pins li').length === 3",
                   "A, the pin and the mode are back")
        self.shows("number-base", "100")

    # ---- pairs of positions -------------------------------------------------------------------------------

    def test_a_pair_is_typed_and_locked_to_a_distance(self):
        self.open("positions=1M&base=5e5")
        self.enter("#crosshair-i", "700001")
        self.enter("#crosshair-j", "700000")
        exact = self.got("/value.json", base="5e5", i=700001, j=700000).json["value"]
        value = "document.getElementById('crosshair-value')"
        self.until(value + ".dataset.stale === undefined && parseFloat(%s.textContent) > 0" % value, "the value is told")
        self.assertAlmostEqual(float(self.text("crosshair-value")), exact, delta=5e-5)
        self.at(0.2, 0.3).perform()
        self.assertEqual((self.value("crosshair-i"), self.value("crosshair-j")), ("700001", "700000"))
        self.enter("#crosshair-i", "1M")
        self.until("document.getElementById('crosshair-error').checkVisibility() && document.getElementById('crosshair-error').textContent"
                   " === '1,048,576 is not on the map; give 0 to 1,048,575'", "what is not there")
        self.assertEqual(self.value("crosshair-j"), "700000")
        self.click("#lock")
        self.enter("#crosshair-i", "5000")
        self.shows("crosshair-j", "4999")
        self.enter("#crosshair-distance", "0")
        self.shows("crosshair-j", "5000")
        # What is held is what zooms in: down to the cell on the diagonal.
        self.js("document.getElementById('map').focus()")

        def narrow():
            """The rows of a window of fewer than 40; the address follows at leisure."""
            view = (self.address("rows") or "0:40").split(":")
            return view if view[1].isdigit() and int(view[1]) < 40 else None

        for _ in range(40):
            self.press("+")
            if narrow():
                break
        first, count = map(int, self.until(narrow, "the window is in the address"))
        self.assertTrue(first <= 5000 < first + count < first + 40, (first, count))
        self.press(Keys.ESCAPE)
        self.shows("crosshair-i", "")

    # ---- colours ------------------------------------------------------------------------------------------

    def test_limits_stay_until_they_are_fitted(self):
        self.open("positions=4k&base=1e4")
        ticks = "return [...document.querySelectorAll('#bar-ticks text')].map((one) => one.textContent).join()"
        before = self.js(ticks)
        self.assertIn("1.0", before)
        self.slide("base", 0.9)
        self.ready()
        self.assertEqual(self.js(ticks), before)
        self.click("#fit")
        self.ready()
        low, high = map(float, self.until(lambda: self.address("clim"), "limits are given").split(":"))
        header = self.got("/map.npy", positions="4k", base=self.address("base"), size=self.js("return document.getElementById('map').width")).map
        self.assertAlmostEqual(low, header["min"], delta=0.006)
        self.assertAlmostEqual(high, header["max"], delta=0.006)
        self.assertLess(high, 1)
        self.click("#fit")
        self.until(lambda: self.address("clim") is None, "and the full range is back")

    def test_what_has_no_value_and_no_logarithm_has_a_key(self):
        self.open("positions=1k&causal=1")
        self.until("document.getElementById('bar-key').textContent === 'no value (masked)'", "masked cells have a key")
        self.open("positions=4k&norm=log")
        self.until("document.getElementById('bar-key').textContent === '\u2264 0'", "what is not above 0 has one")
        self.assert_drawn()
        self.open("positions=16&norm=log&head-dim=2")  # cells that the page colours itself
        self.until("document.getElementById('bar-key').textContent === '\u2264 0'", "what is not above 0 has one")

    # ---- models, pairs, snapshots -------------------------------------------------------------------------

    def test_a_config_survives_reload_and_restart(self):
        self.write("own.json", json.dumps(CONFIG).encode())
        self.open("positions=1k")
        self.find("#model-file").send_keys(self.path("own.json"))
        self.until(lambda: self.value("number-base") == "250000", "the model's base is told")
        self.until("location.hash.startsWith('#config=own.json~')", "the text is in the address")
        link, port = self.js("return location.href"), self.port
        self.stop(self.process, signal.SIGKILL)
        self.expected += ["net::ERR_", "status of 4"]
        self.start("-q", "--port", port)
        self.driver.get("about:blank")
        self.driver.get(link)
        self.until("document.querySelector('form input[name=token]')", "a page asks for the token")
        self.driver.get(link.replace("?", "?token=%s&" % self.token))
        self.until("document.body?.dataset.state === 'ready'", "the page is there")
        self.shows("number-base", "250000")
        self.shows("model", "own.json")

    def test_a_token_is_pasted_into_the_page(self):
        self.open("positions=1k&base=77")
        port = self.port
        self.stop(self.process, signal.SIGKILL)
        self.expected += ["net::ERR_", "status of 4"]
        self.start("-q", "--port", port)
        self.slide("base", 0.5)
        self.until("!document.getElementById('banner-token').hidden", "the banner takes a token")
        self.enter("#banner-token input", self.about["url"])
        self.until("document.getElementById('banner').hidden", "the page goes on")
        self.assert_drawn()
        # The page of a stranger keeps the link.
        self.driver.delete_all_cookies()
        self.driver.get(self.origin + "/?base=77&positions=1k")
        self.enter("form input[name=token]", self.about["url"])
        self.until("document.body?.dataset.state === 'ready'", "the page is there")
        self.assertEqual((self.address("base"), self.address("token")), ("77", None))

    def test_a_pair_is_held_still_and_scaled(self):
        self.open("positions=1k&head-dim=8&base=100")
        self.js("document.getElementById('pairs').open = true")
        self.until("document.querySelectorAll('#pair-bars rect').length === 4", "a bar for each pair")
        self.js("document.getElementById('pair-bars').focus()")
        self.press(Keys.ARROW_RIGHT)
        self.press(" ")
        self.assert_drawn(["-n", "1k", "-d", "8", "--base", "100", "--scaling", "ggml:divisors=1/1e30/1/1"])
        self.enter("#pair-divisor", "4")
        self.assert_drawn(["-n", "1k", "-d", "8", "--base", "100", "--scaling", "ggml:divisors=1/4/1/1"])
        self.click("#pair-restore")
        self.assert_drawn(["-n", "1k", "-d", "8", "--base", "100"])

    def test_what_opens_covers_nothing_and_is_seen(self):
        self.size(1440, 900)
        self.open()
        self.until("document.getElementById('decay').dataset.state === 'ready' && document.querySelector('#answer-least button')",
                   "all that moves what is below is there")
        self.js("document.getElementById('share').open = true")
        self.assertGreaterEqual(*self.js("return ['answer', 'share-body'].map((id) => document.getElementById(id).getBoundingClientRect())"
                                         ".map(({ left, right }, at) => (at ? right : left))"))
        self.js("document.getElementById('share').open = false")
        self.js("document.getElementById('pairs').open = true")
        self.until("document.querySelectorAll('#pair-bars rect').length === 64", "a bar for each pair")
        self.until("(({ top, bottom }, words) => top >= words.top && bottom <= words.bottom + 1)(document.getElementById('pair-bars').getBoundingClientRect(),"
                   " document.getElementById('side').getBoundingClientRect())", "all of them are in sight")

    def test_what_is_compared_is_in_the_curves_the_commands_and_the_snapshot(self):
        self.open("base=5e5&positions=2k&x-a=base%3D100&x-compare=beside")
        self.until("document.querySelectorAll('#curve path.curve').length === 2", "A has a curve")
        self.assertEqual(self.js("return [...document.querySelectorAll('#pins li')].map((one) => one.textContent)"),
                         ["A: base 100 · below ½ at 5 · below 0 at 59", "B: base 500,000"])
        self.click("#share > summary")
        self.click("#copy-command")
        lines = self.until("document.getElementById('share-done').textContent", "the commands are told").split("\n")
        self.assertEqual(len(lines), 3)
        for line in lines:
            words = line[line.index("ropemap "):].split()[1:]
            self.done(*words)
        make = ("const done = arguments[0]; Promise.all([import('/snapshot.js'), import('/commands.js')]).then(async ([one, all]) => "
                "done([one.snapshotHtml(all.commandLines(), { base: '5e5' }), (await one.snapshotPng()).size]))")
        page, size = self.driver.execute_async_script(make)
        self.assertGreater(size, 10000)
        for words in ("<svg", "The base sets how fast", "below 0 at", "A: base 100", "ropemap curve", "data:image/png", "distance (tokens)", "curve,distance,last"):
            self.assertIn(words, page)
        self.assertIsNone(re.search(r"\dtokens|falls\.At", page), "words run together")
        # What is scrolled changes nothing of it, and stays where it is.
        self.assertEqual(self.js("return import('/snapshot.js').then(({ snapshotSvg }) => { const side = document.getElementById('side'), "
                                 "before = snapshotSvg().text; side.scrollTop = 120; return [before === snapshotSvg().text, side.scrollTop]; })"), [True, 120])
        self.assertNotIn("<script", page)
        self.assertNotIn("http://127", page)
        # Its headline is once to be seen, once for those who do not see; where controls were nothing is left.
        self.assertEqual(re.sub("<[^>]*>", "", page).count("The base sets how"), 1)
        self.assertIn('<div role="img" aria-label="The base sets how fast similarity falls. At base', page)
        first, table, curve = self.js("document.getElementById('side').scrollTop = 0; return ['#answer-first', '#answer-table th', '#decay h2'].map((one) => document.querySelector(one).getBoundingClientRect().top)")
        drawn = [(float(y), re.sub("<[^>]*>", "", words)) for y, words in re.findall(r'<text font[^>]* y="([^"]*)">(.*?)</text>', page)]
        sentence, head, title = (next(y for y, told in drawn if re.match(words, told)) for words in ("The base sets", "base$", "Similarity against"))
        for drawn_apart, seen_apart in ((head - sentence, table - first), (title - head, curve - table)):  # sliders; what is wanted of a base
            self.assertTrue(20 < drawn_apart < seen_apart - 40, (drawn_apart, seen_apart))

    def test_a_moved_slider_leaves_a_ghost(self):
        self.open("positions=2k")
        self.until("document.querySelectorAll('#curve path.curve').length === 1", "a curve")
        self.slide("base", 0.7)
        self.until("document.getElementById('pins').textContent.includes('before: base 10,000')", "the former curve stays")
        self.until("document.getElementById('pins').textContent === ''", "for a while")
        # A pin of no options at all is one: in the address, and in the curves' files.
        self.click("#reset-base")
        self.click("#pin")
        # What is pinned is named once while it is shown, and is no "before" afterwards.
        self.until("document.getElementById('pins').textContent.startsWith('this setting · pinned×')", "it is said to be pinned")
        self.until("document.querySelectorAll('#pins li').length === 1 && document.querySelectorAll('#curve path.curve').length === 1", "one line")
        self.enter("#number-base", "5e5")
        self.until("document.getElementById('pins').textContent.startsWith('base 500,000base 10,000 · below ½ at 46')", "now they are two")
        self.assertNotIn("before", self.text("pins"))
        self.until("location.search.includes('x-pin=')", "the pin is in the address")
        self.js("document.getElementById('share').open = true")
        self.until("/vary=base(=|%3D)5[e\\d]*,1/.test(document.getElementById('download-curve-csv').href)", "both are in the file")


main()
