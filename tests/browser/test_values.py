#!/usr/bin/env python3
# test_values.py - every slider and every word of a list moves the map, to what the command line draws of the same state
# SPDX-License-Identifier: MIT
from browsing import PATIENCE, PIXELS, ControlCase, main

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


class Values(ControlCase):
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


main()
