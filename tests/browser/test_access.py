#!/usr/bin/env python3
# test_access.py - for everybody: by keys alone, with names and roles that are read out, with contrast, with landmarks
# SPDX-License-Identifier: MIT
import base64

from browsing import BrowseCase, Keys, StaleElementReferenceException, main

CONTROLS = "button, input, select, summary, a[href], canvas[tabindex], svg[tabindex]"
# Roles that a screen reader tells of each kind of element, or type of input.
ROLES = {"button": {"button"}, "select": {"combobox", "MenuListPopup", "listbox"}, "a": {"link"},
         "summary": {"DisclosureTriangle", "button", "disclosuretriangle"}, "svg": {"image", "img", "slider"},
         "canvas": {"application"}, "range": {"slider"}, "checkbox": {"checkbox"}, "radio": {"radio"},
         "file": {"button"}, "text": {"textbox", "combobox"}}
SHOWN = """return [...document.querySelectorAll(arguments[0])].filter((at) => at.checkVisibility() && !at.disabled)
  .map((at) => [at, at.outerHTML.slice(0, 120), at.tagName === 'INPUT' ? at.type : at.tagName.toLowerCase()])"""
# Every visible text whose colour stands out too little from what is behind it: [words, ratio].
CONTRAST = """
const parse = (text) => {
  const [, r, g, b, a = '1'] = /rgba?\\(([\\d.]+)[, ]+([\\d.]+)[, ]+([\\d.]+)(?:[, /]+([\\d.]+))?\\)/.exec(text) ?? [];
  if (r !== undefined) return [r, g, b, a].map(Number);
  const parts = /color\\(srgb ([\\d.]+) ([\\d.]+) ([\\d.]+)(?: \\/ ([\\d.]+))?\\)/.exec(text);
  return parts ? [parts[1] * 255, parts[2] * 255, parts[3] * 255, Number(parts[4] ?? 1)] : [0, 0, 0, 0];
};
const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
const light = (colour) => colour.slice(0, 3).map((byte) => byte / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const poor = [];
let seen = 0;
const judge = (element, colour, words) => {
  let opacity = 1;
  for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
  const paper = behind(element), ink = parse(colour);
  seen++;
  const got = ratio(over([...ink.slice(0, 3), ink[3] * opacity], paper), paper);
  if (got < 4.5) poor.push([words.trim().slice(0, 40), element.id || element.className.baseVal || element.className, got]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, style = getComputedStyle(element);
  if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
  if (element.closest('.visually-hidden, .trained-label, :disabled, [data-stale], option')) continue;
  judge(element, element.closest('svg') ? style.fill : style.color, walker.currentNode.data);
}
for (const box of document.querySelectorAll('input[type=text], select')) {
  if (!box.checkVisibility()) continue;
  judge(box, getComputedStyle(box).color, box.value);
  if (box.placeholder) judge(box, getComputedStyle(box, '::placeholder').color, box.placeholder);
}
return [seen, poor];
"""


class Access(BrowseCase):
    def open_all(self):
        """Every group and control in sight."""
        self.js("for (const one of document.querySelectorAll('details:not(#share)')) one.open = true")

    def test_every_control_has_a_name_and_a_role(self):
        self.open("scaling=yarn:factor=4,original=4096&encoding=xpos&clim=-1:1&x-compare=split&x-a=base%3D100&x-pin=base%3D7")
        self.until("document.querySelectorAll('#pins button').length", "the pin is there")
        self.open_all()
        named = []
        for element, about, kind in self.js(SHOWN, CONTROLS):
            try:
                name, role = element.accessible_name, element.aria_role
            except StaleElementReferenceException:  # an answer came, and with it a new table
                continue
            self.assertIn(role, ROLES[kind], about)
            self.assertTrue(name.strip(), about)
            self.assertNotRegex(name, r"^(input|button|slider-|number-)", about)
            named.append((role, name))
        self.assertGreater(len(named), 60)
        twice = {one for one in named if one[0] in ("slider", "textbox", "checkbox") and named.count(one) > 1}
        self.assertEqual(twice, set())

    def test_the_document_has_a_language_a_title_and_landmarks(self):
        self.open("preset=llama3.1-8b&x-compare=beside&x-formula=1")
        self.open_all()
        about = self.js(
            "const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);"
            "const points = [];"
            "for (const name of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant'])"
            "  for (const one of document.querySelectorAll(`[${name}]`))"
            "    points.push(...one.getAttribute(name).split(' ').filter((id) => !document.getElementById(id)));"
            "return { language: document.documentElement.lang, title: document.title,"
            "  twice: ids.filter((id, at) => ids.indexOf(id) !== at), nowhere: points,"
            "  marks: ['header', 'main', 'h1'].map((tag) => document.querySelectorAll(tag).length),"
            "  sections: [...document.querySelectorAll('section')].filter((one) => !one.getAttribute('aria-label')).length,"
            "  outside: [...document.body.children].filter((one) => !one.matches("
            "    'header, main, dialog, [role=alert], [role=status], .skip')).length,"
            "  pictures: [...document.querySelectorAll('img')].filter((one) => one.alt === null).length }")
        self.assertEqual(about, {"language": "en", "title": self.js("return document.title"), "twice": [], "nowhere": [],
                                 "marks": [1, 1, 1], "sections": 0, "outside": 0, "pictures": 0})
        self.assertIn("ropemap", about["title"])

    def test_text_stands_out_in_both_themes(self):
        for theme in ("light", "dark"):
            self.media(prefers_color_scheme=theme)
            self.open("preset=llama3.1-8b&base=1e6&scaling=yarn:factor=0.5,original=4096&x-formula=1&x-compare=beside",
                      ready=False)
            self.refused_state()
            self.open_all()
            self.js("document.getElementById('share').open = true")
            self.until("document.getElementById('stage').getAnimations({ subtree: true }).length === 0", "it is at rest")
            seen, poor = self.js(CONTRAST)
            self.assertGreater(seen, 80)
            self.assertEqual([one for one in poor if "pane" not in one[1]], [], theme)

    def stops(self, most=200):
        """What Tab goes through, from the start of the page to its end."""
        seen = []
        while len(seen) < most:
            self.press(Keys.TAB)
            name = self.js("const at = document.activeElement; return at === document.body ? '' : "
                           "at.id || [at.className, at.tagName, at.textContent.slice(0, 20)].join(' ')")
            if not name or name in seen[:1]:
                return seen
            seen.append(name)
        self.fail("Tab comes to no end: %s" % seen[-5:])

    def test_tab_reaches_everything_in_order(self):
        self.size(1200, 800)
        self.open("base=5e5&scaling=linear:factor=2")
        seen = self.stops()
        for name in ("model", "model-file", "theme", "map", "zoom-in", "home", "cmap-auto", "curve", "slider-positions",
                     "number-positions", "slider-base", "number-base", "reset-base", "select-scaling",
                     "slider-scaling-factor"):
            self.assertIn(name, seen)
        self.assertTrue(seen[0].startswith("skip"))
        self.assertEqual(len(seen), len(set(seen)))
        order = self.js("const all = [...document.querySelectorAll('*')];"
                        "return arguments[0].map((id) => all.indexOf(document.getElementById(id))).filter((at) => at >= 0)",
                        seen)
        self.assertEqual(order, sorted(order))

    def test_the_first_stop_leads_to_the_controls(self):
        self.open()
        self.press(Keys.TAB)
        self.assertEqual(self.js("return document.activeElement.className"), "skip")
        self.press(Keys.ENTER)
        self.press(Keys.TAB)
        self.assertTrue(self.js("return Boolean(document.activeElement.closest('#first-controls'))"))

    def test_sliders_by_keys(self):
        self.open("positions=4k")
        box = lambda name: self.js("return document.getElementById('number-' + arguments[0]).value", name)
        said = lambda name: self.js("return document.getElementById('slider-' + arguments[0])"
                                    ".getAttribute('aria-valuetext')", name)
        for name, keys, values in (
                ("base", (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.PAGE_UP, Keys.PAGE_DOWN, Keys.END,
                          Keys.HOME), ("12,000", "15,000", "12,000", "120,000", "12,000", "10,000,000,000", "100")),
                ("positions", (Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.PAGE_UP, Keys.HOME),
                 ("5,120", "4,096", "8,192", "4")),
                ("head-dim", (Keys.ARROW_LEFT, Keys.PAGE_DOWN), ("112", "56"))):
            self.js("document.getElementById('slider-' + arguments[0]).focus()", name)
            for key, value in zip(keys, values):
                self.press(key)
                self.until(lambda: box(name) == value, "%s is %s" % (name, value))
                self.assertTrue(said(name).startswith(value), said(name))
        self.assertEqual(said("positions"), "4 tokens")
        self.until("document.getElementById('spoken').textContent.includes('base 100')", "the change is spoken")

    def test_lists_radios_and_dialogs_by_keys(self):
        self.open("positions=1k")
        self.js("document.getElementById('cmap-auto').focus()")
        self.press(Keys.ARROW_RIGHT)
        self.assert_drawn(["-n", "1k", "--cmap", "viridis"])
        self.js("document.getElementById('select-scaling').focus()")
        self.press(Keys.ARROW_DOWN)
        self.until("new URLSearchParams(location.search).get('scaling')", "the rule is chosen")
        self.assertEqual(self.js("return new URLSearchParams(location.search).get('scaling')"), "linear:factor=4")
        self.js("document.getElementById('keys').focus()")
        self.press(Keys.ENTER)
        self.assertTrue(self.js("return document.getElementById('keys-dialog').open"))
        self.press(Keys.ESCAPE)
        self.assertFalse(self.js("return document.getElementById('keys-dialog').open"))
        self.assertEqual(self.js("return document.activeElement.id"), "keys")
        self.js("document.querySelector('#share summary').focus()")
        self.press(Keys.ENTER)
        self.press(Keys.TAB)
        self.assertEqual(self.js("return document.activeElement.id"), "copy-link")
        self.press(Keys.ESCAPE)
        self.assertFalse(self.js("return document.getElementById('share').open"))

    def test_the_focus_is_seen(self):
        """A picture of each kind of control differs where it has the focus that a key gave it."""
        self.open("base=5e5&scaling=linear:factor=2")
        self.open_all()
        for name in ("model", "theme", "map", "cmap-viridis", "axis-log", "pin", "curve", "slider-base", "number-base",
                     "reset-base", "select-scaling", "check-causal", "group-rule > summary", "model-file"):
            with self.subTest(control=name):
                self.show("#" + name)
                self.js("document.activeElement.blur()")
                before = self.around(name)
                # A key before makes the focus one of the keyboard's.
                self.press(Keys.SHIFT)
                self.js("document.querySelector('#' + arguments[0]).focus({ focusVisible: true })", name)
                self.assertTrue(self.around(name) != before, name)

    def around(self, name):
        box = self.js("const at = document.querySelector('#' + arguments[0]), seen = at.closest('label') ?? at;"
                      "const { x, y, width, height } = seen.getBoundingClientRect(); return [x + scrollX, y + scrollY, width, height]", name)
        clip = {"x": max(box[0] - 6, 0), "y": max(box[1] - 6, 0), "width": box[2] + 12, "height": box[3] + 12, "scale": 1}
        return base64.b64decode(self.cdp("Page.captureScreenshot", clip=clip)["data"])


main()
