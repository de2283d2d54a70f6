#!/usr/bin/env python3
# test_share.py - addresses that hold the whole state, copies and files, models and a dropped config.json
# SPDX-License-Identifier: MIT
import json
import urllib.parse
import urllib.request

from browsing import BrowseCase, Keys, drivers, main, start_browser

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "num_attention_heads": 32,
          "head_dim": 128, "max_position_embeddings": 32768, "rope_theta": 250000.0}
# The file as a hand drops it: the events, and what they carry.
DROP = """
const transfer = new DataTransfer();
transfer.items.add(new File([arguments[1]], arguments[0], { type: 'application/json' }));
for (const kind of ['dragenter', 'dragover', 'drop']) {
  const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer });
  if (document.getElementById('map').dispatchEvent(event) && kind !== 'dragenter') return kind + ' is not taken';
  if (kind === 'dragover' && getComputedStyle(document.body, '::after').content === 'none') return 'nothing shown';
}
return null;
"""


class Share(BrowseCase):
    def state(self):
        """Everything of the page that an address should hold."""
        return self.js(
            "const values = {};"
            "for (const one of document.querySelectorAll('input:not([type=file], [id^=slider-]), select'))"
            "  values[one.id] = ['checkbox', 'radio'].includes(one.type) ? one.checked : one.value;"
            "values.names = [...document.querySelectorAll('.pane-name, #pins li span')].map((one) => one.textContent);"
            "values.ticks = [...document.querySelectorAll('#pane-main .tick text')].map((one) => one.textContent);"
            "return values")

    def test_an_address_restores_everything_in_another_browser(self):
        self.open("positions=8k&preset=llama3.1-8b")
        self.slide("base", 0.55)
        self.choose("pool", "max")
        self.click("#check-causal")
        self.click("#cmap-magma")
        self.js("document.getElementById('map').focus()")
        self.press("+", Keys.ARROW_RIGHT)
        self.show("#pin")
        self.click("#pin")
        self.click("#show-bound")
        self.click("#axis-linear")
        self.click("#keep-a")
        self.slide("head-dim", 0.5)
        self.click("#share > summary")
        self.click("#copy-link")
        told = self.until("document.getElementById('share-done').textContent", "the link is told")
        self.press(Keys.ESCAPE)
        link = told[told.index("http://"):].split()[0]
        self.assertNotIn("token", link)
        self.ready()
        self.until(lambda: self.js("return location.href") == link, "the address is the link")
        self.until("document.querySelectorAll('#pins li').length === 4", "the pin and the bound are there")
        before, picture = self.state(), self.until(self.still, "the picture is at rest")
        other = start_browser(network=False)
        drivers.remove(other)
        self.addCleanup(other.quit)
        first, self.driver = self.driver, other
        try:
            other.get(link + "&token=" + self.token)
            self.ready()
            after = self.until(self.still, "the picture is at rest")
            self.assertNotIn("token", self.js("return location.href"))
            restored = self.state()
            self.assertEqual({name: value for name, value in restored.items() if value != before.get(name)}, {})
            self.assertTrue(after == picture, "another picture")
        finally:
            self.driver = first

    def still(self):
        """The picture, once it does not change; comparing agrees on limits after the first one."""
        one = self.pixels()
        for _ in range(3):
            self.js("return new Promise((done) => setTimeout(done, 130))")
            self.ready()
            next_one = self.pixels()
            if next_one != one:
                return None
        return one

    def test_the_token_leaves_the_address_and_is_needed(self):
        self.open("base=5e5")
        self.assertEqual(self.js("return location.search"), "?base=5e5")
        self.assertEqual(self.js("return document.cookie"), "")  # no script may read it
        self.driver.refresh()
        self.ready()
        self.driver.delete_all_cookies()
        self.expected.append("status of 403")
        self.driver.get(self.origin + "/")
        self.until("document.body?.textContent.includes('token')", "a stranger is told of the token")

    def test_copies_and_files_are_those_of_the_command_line(self):
        self.open("base=5e5&positions=1000&scaling=linear:factor=2&cmap=viridis")
        self.click("#share > summary")
        self.click("#copy-command")
        text = self.until("document.getElementById('share-done').textContent", "the command is told")
        words = self.words_of(text)
        self.assert_drawn(["--base", "5e5", "-n", "1000", "--scaling", "linear:factor=2", "--cmap", "viridis"])
        side = self.pixels()[0]
        for kind, commands in (("map", ["png", "svg", "pdf", "npy"]), ("curve", ["csv", "png", "svg", "pdf"])):
            for ending in commands:
                url = self.js("return document.getElementById(arguments[0]).href", "download-%s-%s" % (kind, ending))
                path, _, query = url[len(self.origin):].partition("?")
                self.assertEqual(path, "/%s.%s" % (kind, ending))
                answer = self.got(url[len(self.origin):])
                self.assertGreater(len(answer.body), 100)
                if kind == "map":
                    self.done("map", *words, "--size", side, "-o", "own." + ending, "--force", "-q")
                    self.assertTrue(self.read("own." + ending) == answer.body, ending)
        # What the server refuses is said.
        self.expected.append("status of 400")
        self.js("document.getElementById('download-map-png').setAttribute('href', 'map.png?width=5000mm')")
        self.click("#download-map-png")
        self.until("document.getElementById('share-done').textContent.startsWith('--width')", "the refusal")
        self.press(Keys.ESCAPE)

    def test_presets(self):
        self.open()
        box = self.show("#model")
        self.actions.move_to_element(box).click().perform()
        names = self.js("return [...document.querySelectorAll('#model-list [role=option]')].map((one) => one.firstChild.textContent)")
        self.assertEqual(names, [one["name"] for one in self.got("/options.json").json["presets"]])
        self.press("llama3.1")
        self.press(Keys.ENTER)
        self.ready()
        self.assertEqual(self.js("return document.getElementById('number-base').value"), "500,000")
        self.assert_drawn(["--preset", "llama3.1-8b", "-n", "128k"])
        self.click("#model-clear")
        self.assert_drawn([])
        # With the pointer, and what is set over it is said.
        self.actions.move_to_element(self.show("#model")).click().perform()
        self.click("#model-list li:nth-child(4)")
        trained = {one["name"]: one["trained_length"] for one in self.got("/options.json").json["presets"]}
        self.assert_drawn(["--preset", names[2], "-n", str(trained[names[2]])])
        self.slide("base", 0.8)
        self.ready()
        self.until("document.getElementById('model-over').textContent.includes('base')", "the page tells what is over it")
        self.actions.move_to_element(self.show("#model")).click().perform()
        self.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
        self.ready()
        self.assertEqual(self.command()[:2], ["--preset", names[1]])

    def test_a_config_is_dropped_or_chosen(self):
        text = json.dumps(CONFIG)
        self.open("base=100&positions=2k")
        self.assertIsNone(self.js(DROP, "config.json", text))
        self.until("document.getElementById('number-base').value === '250,000'", "the model's base is told")
        self.write("config.json", text.encode())
        self.assert_drawn(["--model", self.path("config.json"), "-n", "2k"] if self.takes_model() else
                          ["--base", "250000", "-n", "2k"])
        self.until("new URLSearchParams(location.search).has('model')", "the address has the model")
        # A fresh page of the same address knows it.
        self.driver.refresh()
        self.ready()
        self.assertEqual(self.js("return document.getElementById('number-base').value"), "250,000")
        self.write("other.json", json.dumps({**CONFIG, "rope_theta": 7777.0}).encode())
        self.find("#model-file").send_keys(self.path("other.json"))
        self.until("document.getElementById('number-base').value === '7,777'", "the other model's base is told")
        self.assert_drawn(["--base", "7777", "-n", "2k"])

    def takes_model(self):
        return b"--model" in self.done("map", "--help").stdout

    def test_a_bad_config_is_explained(self):
        self.open("base=5e5")
        before = self.pixels()
        self.expected += ["status of 4"]
        for name, data, words in (("config.json", b"{ not json", ["line 1"]), ("config.json", b"{}", []),
                                  ("config.json", json.dumps({**CONFIG, "rope_theta": "many"}).encode(), ["rope_theta"]),
                                  ("weights.bin", b"x" * 70000, ["weights.bin", "70,000"])):
            self.assertIsNone(self.js(DROP, name, data.decode()))
            self.until("!document.getElementById('model-error').hidden", "the file is refused")
            for word in words:
                self.until(lambda: word in self.text("model-error"), "%s, in: %s" % (word, self.text("model-error")))
        self.assertTrue(self.pixels() == before)
        self.assert_drawn(["--base", "5e5"])


main()
