#!/usr/bin/env python3
# test_controls.py - what is typed, chosen and clicked draws what the command line draws of the same state, or says why not
# SPDX-License-Identifier: MIT
import json

from browsing import ControlCase, main
from harness import read_npy

# Words for lines of text, which draw a map.
# Sections: a position alone counts on both axes, so that only the grid moves the map.
OF_LINE = {"axes": "sections:64,64", "grid": "16", "contour": "0.5,0.9", "dpi": "150", "font-size": "9pt",
           "layer-type": "sliding_attention"}
LAYERS = {"model_type": "gemma3_text", "head_dim": 64, "hidden_size": 256, "num_attention_heads": 4, "rope_theta": 1e6,
          "rope_local_base_freq": 1e4, "layer_types": ["sliding_attention", "full_attention"],
          "max_position_embeddings": 4096}


class Controls(ControlCase):
    def test_every_line_of_text_draws(self):
        """One after another, so that the last map has all of them."""
        self.open("positions=256&base=100")
        whole = self.pixels()[2]
        names = [name for name in self.shown("[id^=text-]:not(.tail)") if name != "diff"]  # which is alone
        self.assertEqual([], [name for name in names if name not in OF_LINE], "a line without a word to try here")
        self.assertTrue({"font-size", "dpi", "contour", "grid"} <= set(names))
        for name in sorted(names, key=lambda name: name == "grid"):  # whose rows are not positions
            with self.subTest(line=name):
                self.enter("#text-" + name, OF_LINE[name])
                if name == "grid":
                    self.enter("#number-positions", "")
                picture = self.assert_drawn(words=name)
                self.assertEqual(picture != whole, name == "grid", name)
        for kind, ending in (("map", "png"), ("map", "svg"), ("map", "pdf"), ("map", "npy"), ("curve", "svg")):
            link = self.js("document.getElementById('share').open = true; return new Promise((next) => setTimeout(() => "
                           "next(document.getElementById(`download-${arguments[0]}-${arguments[1]}`)"
                           ".href), 50)).then((href) => new URL(href)).then((url) => url.pathname + url.search)",
                           kind, ending)
            self.assertEqual(self.ask(link).status, 200, link)

    def test_a_grid_has_as_many_positions_as_patches(self):
        shown = ("[document.getElementById('number-positions').value, ...[...document.querySelectorAll("
                 "'#pane-main .axis-title, #curve > g > .axis-title')].map((one) => one.textContent), "
                 "[...document.querySelectorAll('#pane-main .axis-cols text')].at(-1).textContent]")
        curve = "import('/curve.js').then(({ shownCurves }) => shownCurves().find(({ main }) => main).points.to.at(-1))"
        tokens = ["query position (tokens)", "key position (tokens)", "distance (tokens)"]
        patches = ["query patch", "key patch"]
        self.open("scaling=vision-2d&head-dim=32")
        is_shown = lambda *texts: self.until("JSON.stringify(%s) === '%s'" % (shown, json.dumps(texts, separators=(",", ":"))), texts)
        is_shown("4,096", *tokens, "4,096")
        self.enter("#text-grid", "6,5")  # by hand, for what a link has is drawn anew
        is_shown("30", *patches, tokens[-1], "30")
        self.until(curve + ".then((last) => last === 5)", "the longest side")
        self.assert_drawn(words="a grid")
        # The last pair has the value of the command line; its curve has none for the difference of two patches' numbers.
        self.enter("#crosshair-i", "29")
        self.enter("#crosshair-j", "3")
        self.done("map", "--scaling", "vision-2d", "-d", "32", "--grid", "6,5", "--rows", "29:1", "--cols", "3:1", "-q", "-o", "pair.npy")
        value = read_npy(self.read("pair.npy"))[0][0]
        self.until("Math.abs(document.getElementById('crosshair-value').textContent - %r) < 5e-6" % value, "its value")
        self.assertNotIn("distance", self.text("curve-value"))
        self.enter("#number-positions", "31")
        self.assertEqual(self.same_as_the_command(), "Length: positions 0 to 30 go beyond 0 to 29, the patches of the grid")
        self.open("preset=dinov3-vits16")
        is_shown("196", *patches, "distance along w (patches)", "100")
        self.until(curve + ".then((last) => last === 13)", "along w")
        self.assert_drawn(words="a model's grid")
        self.assertNotIn("-n", self.command())

    def test_the_difference_to_another_value(self):
        self.open("positions=256&base=100")
        self.enter("#text-diff", "base=1e4")
        picture = self.assert_drawn(["-n", "256", "--base", "100", "--diff", "base=1e4"])
        self.click("#reset-diff")
        self.assertTrue(self.assert_drawn(["-n", "256", "--base", "100"]) != picture)

    def test_a_figure_that_cannot_be_is_refused_at_its_control(self):
        """Though no picture of the page has it."""
        self.open("positions=256")
        self.expected.append("status of 400")
        for name, text, words in (("font-size", "large", "Font size"), ("font-size", "0.01", "Font size"),
                                  ("dpi", "5", "Dots per inch"), ("contour", "a,b", "Contour")):
            with self.subTest(name=name, text=text):
                self.enter("#text-" + name, text)
                self.until("!document.getElementById('error-%s').hidden" % name, "it is refused")
                self.assertIn(words, self.text("error-" + name))
                self.assert_drawn(words=name)
                self.assertFalse(self.js("return document.getElementById('error-' + arguments[0]).hidden", name))
                self.enter("#text-" + name, OF_LINE[name])
                self.until("document.getElementById('error-%s').hidden" % name, "it is taken")
        self.assertEqual(self.text("curve-value"), "first below ½ at 46 tokens; first below 0 at 1,707, beyond this plot")
        self.choose("phase", "hf-fp32")
        self.ready()
        self.until("document.getElementById('curve-value').textContent === ''", "nothing is said of what nobody looked for")

    def test_the_layers_of_a_model(self):
        posted = self.got("/model", verb="POST", body=json.dumps(LAYERS).encode(),
                          headers={"Content-Type": "application/json"}).json
        self.open("positions=256&model=" + posted["id"])
        whole = self.pixels()[2]
        self.assertIn("layer-type", self.shown("[id^=text-]"))  # a preset has one rule
        self.enter("#text-layer-type", OF_LINE["layer-type"])
        self.ready()
        self.assertTrue(self.pixels()[2] != whole)

    def test_a_head_of_another_size_than_the_models(self):
        for preset, head in (("llama3.1-8b", "64"), ("phi-2", "64"), ("phi-2", "80"), ("gpt-neox-20b", "32")):
            with self.subTest(preset=preset, head=head):
                self.open("positions=64&preset=%s&head-dim=%s" % (preset, head))
                rule = self.got("/info.json", preset=preset, head_dim=head).json
                self.assertEqual(self.js("return document.getElementById('number-rotary-dim').value"),
                                 str(rule["rotary_dim"]))
                self.assertEqual(self.text("map-title").count("rotated"), int(rule["rotary_dim"] != int(head)))

    def test_softmax_has_its_own_defaults(self):
        self.open("measure=softmax&content=gauss:7&positions=400")
        shown = self.js("return ['pool', 'norm'].map((name) => document.getElementById('select-' + name).value)")
        self.assertEqual(shown, ["mass", "log"])
        # In a window, too, a row is divided by all of its keys, of which there are 4,096 here.
        self.assertIn("--size", self.command())  # which the mass of a cell depends on
        self.open("measure=scaled")
        self.until("document.querySelector('#colourbar') && JSON.stringify([...document.querySelectorAll('#bar text, .bar text')].map((one) => one.textContent)).includes('0.1')", "what a score can be")
        self.assertEqual(self.command()[-1], "-0.1:0.1")
        self.open("measure=softmax")
        for _ in range(5):
            self.js("document.querySelector('.zoom-buttons button').click()")
        self.until("/from 0.0002/.test(document.body.textContent)", "the mass of a key of 4,096")
        self.assertIn("--positions", self.command())

    def test_every_flag_and_reset(self):
        self.open("positions=400&base=100")
        before = self.pixels()[2]
        for name in self.shown("input[type=checkbox][id^=check-]"):
            with self.subTest(flag=name):
                self.click("#check-" + name)
                picture = self.same_as_the_command()
                # Dark and untitled are saved figures; what is strict refuses more and draws the same.
                self.assertEqual(picture != before, name not in ("dark", "no-title", "strict"), name)
                self.click("#check-" + name)
        self.slide("base", 0.8)
        self.click("#reset-base")
        self.assertTrue(self.assert_drawn(["--positions", "400"]) != before)
        self.assertEqual(self.command()[:-4], ["--positions", "400"])

    def test_numbers_are_typed_as_on_the_command_line(self):
        self.open()
        for name, text, said in (("positions", "128k", "131,072"), ("base", "5e5", "500,000"), ("head-dim", "64", "64"),
                                 ("rotary-dim", "32", "32")):
            self.enter("#number-" + name, text)
            self.ready()
            self.assertEqual(self.js("return document.getElementById('number-' + arguments[0]).value", name), said)
        self.assert_drawn(["-n", "128k", "--base", "5e5", "--head-dim", "64", "--rotary-dim", "32"])

    def test_colours_are_one_click_away(self):
        self.open()
        offered = [name for name in self.got("/options.json").json["colormaps"] if name != "dusk"]  # which auto is at night
        for name in offered:
            self.click("#cmap-" + name)
            self.assert_drawn(["--cmap", name])
        self.click("#cmap-auto")
        self.assert_drawn([])
        self.choose("clim", "fixed")
        self.enter("#clim-low", "-0.25")
        self.enter("#clim-high", "0.5")
        self.assert_drawn(["--clim", "-0.25:0.5"])

    def test_every_scaling_rule_draws_when_it_is_chosen(self):
        self.open("positions=256&head-dim=32")
        for name in [rule["name"] for rule in self.got("/options.json").json["scaling"]]:
            with self.subTest(name=name):
                self.choose("scaling", name)
                self.assert_drawn(words=name)
        self.driver.get("about:blank")  # the limits of colours that factors made stay with the page

    def test_every_encoding_draws_when_it_is_chosen(self):
        self.open("positions=256&head-dim=32")
        for name in self.got("/options.json").json["options"]:
            for word in (name.get("choices") or name["argument"].split("|")) if name["name"] == "encoding" else []:
                with self.subTest(encoding=word):
                    self.choose("encoding", word)
                    self.assert_drawn(words=word)

    def test_what_a_hidden_control_is_refused_for_is_said(self):
        self.open("encoding=alibi")
        self.js("return import('/state.js').then(({ setOptions }) => setOptions({ scaling: 'dynamic:factor=2,original=4096' }))")
        self.assertIn("unknown key 'original'", self.refused_state())
        self.assertTrue(self.js("return document.getElementById('refusal').checkVisibility()"))

    def test_what_cannot_be_is_explained_and_the_last_picture_stays(self):
        self.open("head-dim=64&rotary-dim=32&base=5e5&positions=400")
        for name, text in (("rotary-dim", "65"), ("base", "-3"), ("positions", "many"), ("head-dim", "7")):
            before = self.pixels()
            self.enter("#number-" + name, text)
            sentence = self.refused_state()
            self.assertIn({"rotary-dim": "rotary dimensions", "positions": "length"}.get(name, name.replace("-dim", "")),
                          sentence.lower())
            self.assertEqual(self.text("error-" + name), sentence)
            box = self.find("#number-" + name)
            self.assertEqual((box.get_attribute("value"), box.get_attribute("aria-invalid")), (text, "true"))
            self.assertTrue(self.pixels() == before, name)
            self.click("#reset-" + name)
            self.ready()
            self.assertTrue(self.js("return document.getElementById('refusal').hidden && "
                                    "document.getElementById('error-' + arguments[0]).hidden", name))

    def test_a_rule_that_is_refused_is_explained_at_its_parameter(self):
        self.open("scaling=yarn:factor=4,original=4096&positions=16k")
        self.enter("#number-scaling-factor", "0.5")
        sentence = self.refused_state()
        self.assertIn("factor", sentence)
        self.assertEqual(self.text("error-scaling-factor"), sentence)
        self.enter("#number-scaling-factor", "8")
        self.assert_drawn(["-n", "16k", "--scaling", "yarn:factor=8,original=4096"])


main()
