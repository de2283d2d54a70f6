#!/usr/bin/env python3
# test_controls.py - every control of the page moves the map, to what the command line draws of the same state
# SPDX-License-Identifier: MIT
import json

from browsing import PATIENCE, PIXELS, BrowseCase, main

# What stands beside a slider so that it matters: an address. Limits of their own would follow the slope.
BESIDE = {
    "length": "scaling=dynamic:factor=4,max=512",
    "shift": "diff=bf16-inv-freq",
    "slope": "encoding=alibi&clim=-100:0",
    "chunk": "encoding=dual-chunk&causal=1&positions=64k&local=16",
    "local": "encoding=dual-chunk&causal=1&positions=64k&chunk=16k",
    "scale": "measure=softmax&content=gauss:7&positions=400",
    "softcap": "measure=softmax&content=gauss:7&positions=400&scale=50",
    "sink-logit": "measure=softmax&content=gauss:7&positions=400",
    "window": "measure=softmax&content=gauss:7&head-dim=8&causal=1&positions=4k",
    "attention-chunk": "measure=softmax&content=gauss:7&head-dim=8&causal=1&positions=4k",
    "sink-tokens": "measure=softmax&content=gauss:7&causal=1&positions=2k&window=256",
}
# Rules with parameters that are not needed and have no place until they are told; fixed limits, since a factor
# of all values moves the limits of their own with them.
OF_RULE = {
    "dynamic": "scaling=dynamic:factor=2,max=1024",
    "yarn": "scaling=yarn:factor=8,original=1024,mscale=1,mscale-all-dim=0.5&clim=-1:4",
    "longrope": "head-dim=4&scaling=longrope:original=1024,short=1/2,long=1/32,factor=4&clim=-1:4",
    "ggml": "scaling=ggml:scale=0.25,ext=1,original=1024&clim=-1:4",
    "axial": "grid=16&scaling=axial:max-freq=16,points=8",
    "vision-2d": "grid=16&scaling=vision-2d",
}
STILL = {"yarn-max", "longrope-max", "ggml-original"}
# Where the words of a list make a difference.
OF_LIST = {"layout": "content=gauss:7&base=100&positions=400", "measure": "clim=-1:1"}
# Words for lines of text, which draw a map.
# Sections: a position alone counts on both axes, so that only the grid moves the map.
OF_LINE = {"axes": "sections:64,64", "grid": "16", "contour": "0.5,0.9", "dpi": "150", "font-size": "9pt",
           "layer-type": "sliding_attention"}
LAYERS = {"model_type": "gemma3_text", "head_dim": 64, "hidden_size": 256, "num_attention_heads": 4, "rope_theta": 1e6,
          "rope_local_base_freq": 1e4, "layer_types": ["sliding_attention", "full_attention"],
          "max_position_embeddings": 4096}


class Controls(BrowseCase):
    page_stays = True

    def setUp(self):
        super().setUp()
        self.size(960, 480)  # few pixels are soon compared

    def open(self, query=""):
        """The state, in the page that is there if one is."""
        if self.js("return location.origin") == self.origin:
            self.turn(query)
        else:
            super().open(query)

    def shown(self, kind, within="#control-groups"):
        return self.js("return [...document.querySelectorAll(arguments[0])].filter((one) => !one.closest('[hidden]'))"
                       ".map((one) => one.id.replace(/^[a-z]+-/, ''))", "%s %s" % (within, kind))

    def moved(self, name, still=False):
        """Puts a slider elsewhere, as the end of a drag does (test_explore.py has drags), which changes the picture."""
        before, after = self.js(PIXELS + """
            const slider = document.getElementById('slider-' + arguments[0]), before = mark('#map');
            slider.value = slider.value > 0.5 ? 0.35 : 0.65;
            for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind, { bubbles: true }));
            return settled(arguments[1]).then(() => [before, mark('#map')]);""", name, 1000 * PATIENCE)
        self.assertTrue(still or before != after, "%s moves nothing" % name)

    def test_every_slider_moves_the_map(self):
        known = self.got("/options.json").json["options"]
        names = [one["name"] for one in known if one["slider"] and "map" in one["commands"]]
        self.assertGreater(len(names), 8)
        self.expected.append("status of 4")  # no curve of softmax without tensors
        self.open()
        for name in sorted(names, key=lambda name: name in BESIDE):
            with self.subTest(slider=name):
                if name in BESIDE:
                    self.open(BESIDE[name])
                self.moved(name)
                self.assert_drawn(words=name)

    def test_every_parameter_of_a_rule_moves_the_map(self):
        """All of a rule at last give the picture of the command line."""
        self.open()
        for rule in sorted(self.got("/options.json").json["scaling"], key=lambda rule: rule["name"] in OF_RULE):
            if rule["name"] in OF_RULE:
                self.open(OF_RULE[rule["name"]])
            else:
                self.choose("scaling", rule["name"])
            names = [one["key"] for one in rule["parameters"] if one["slider"]]
            self.ready()
            self.assertEqual({"scaling-" + name for name in names}, set(self.shown("input[type=range]", ".scaling")))
            for name in names:
                with self.subTest(rule=rule["name"], slider=name):
                    self.moved("scaling-" + name, "%s-%s" % (rule["name"], name) in STILL)
                    if name == "attention":  # which is taken before what is worked out from mscale
                        self.click("#reset-scaling-attention")
            self.assert_drawn(words=rule["name"])

    def test_every_word_of_every_list_moves_the_map(self):
        self.expected.append("status of 4")  # no curve of softmax without tensors
        self.open("base=100&positions=400&causal=1&shift=1M")
        names = [name for name in self.shown("[id^=select-]") if name not in ("scaling", "clim")]  # those are elsewhere
        for name in sorted(names, key=lambda name: name in OF_LIST):
            if name in OF_LIST:
                self.open(OF_LIST[name])
            words = self.js("return [...document.getElementById('select-' + arguments[0]).options]"
                            ".map((one) => one.value)", name)
            pictures = set()
            for word in words[::-1]:  # the first is what it was
                with self.subTest(list=name, word=word):
                    self.choose(name, word)
                    pictures.add(self.same_as_the_command())
            # The number format is that of a GPU.
            self.assertTrue(name == "dtype" or len(pictures) > 1, "%s moves nothing" % name)

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
        self.assertEqual(self.text("curve-value"), "first below half at 46 tokens; first below zero at 1,707, beyond this plot")
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

    def same_as_the_command(self):
        """The picture that the command line draws, or the sentence with which it refuses."""
        if self.settled() == "ready":
            return self.assert_drawn()
        sentence = self.refused_state()
        self.refused(2, [sentence.split(": ", 1)[-1].split("; ")[-1]], "map", *self.command(), "-o", "refused.png")
        return sentence

    def test_softmax_has_its_own_defaults(self):
        self.open("measure=softmax&content=gauss:7&positions=400")
        shown = self.js("return ['pool', 'norm'].map((name) => document.getElementById('select-' + name).value)")
        self.assertEqual(shown, ["mass", "log"])
        # In a window, too, a row is divided by all of its keys, of which there are 4,096 here.
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
