#!/usr/bin/env python3
# test_answer.py - what the base does, at first sight: the sentence, three bases, the card, and what a length needs
# SPDX-License-Identifier: MIT
import json
import math
import re

from browsing import BrowseCase, Keys, main

ROWS = "[...document.querySelectorAll('#answer-rows tr')].map((row) => [...row.children].map((cell) => cell.textContent))"


class Answer(BrowseCase):
    def rows(self):
        return self.until("%s.length === 3 && %s" % (ROWS, ROWS), "three bases")

    def test_the_answer_comes_first(self):
        self.size(1440, 900)
        self.open()
        self.assertEqual(self.rows(), [["1,000", "16", "361", "no"], ["10,000", "46", "1,707", "no"],
                                       ["100,000", "102", "7,757", "yes"]])
        self.assertEqual(self.text("answer-first"), "The base sets how fast similarity falls. At base 10,000 (head dim 128), two "
                         "identical tokens first drop below half similarity 46 tokens apart and below zero 1,707 tokens apart.")
        self.assertEqual(self.js("return document.querySelector('#answer-first strong').textContent"),
                         "The base sets how fast similarity falls.")
        self.until("document.getElementById('answer-least').textContent.includes(' within 4,096 tokens: 26,953 (some larger ones fail)')", "the least base")
        # All of it, the card and the inverse question are in sight, and the curve has the same numbers.
        low = self.js("return ['answer-least', 'card', 'plan-find', 'curve'].filter((id) => "
                      "document.getElementById(id).getBoundingClientRect().bottom > innerHeight)")
        self.assertEqual(low, [])
        self.until("document.getElementById('curve-value').textContent.startsWith('first below ½ at 46 tokens')", "the same number")
        self.click("#answer-rows tr:last-child button")
        self.ready()
        self.assertEqual(self.command()[:2], ["--base", "100000"])
        self.until("%s[1]?.[0] === '100,000'" % ROWS, "it is the present base")

    def test_a_refused_base_keeps_the_least_base_of_its_length(self):
        pinned = "document.getElementById('pins').textContent.includes('base 500,000')"
        self.open("positions=4k&x-pin=base%3D5e5")
        self.until(pinned, "the pin is drawn")
        self.until("document.getElementById('answer-least').textContent.includes('within 4,096 tokens: 26,953')", "it is found")
        before = self.text("answer-least")
        self.expected.append("status of 400")
        self.enter("#number-base", "0.5")
        self.until("document.body.dataset.state === 'refused'", "it is refused")
        self.enter("#number-positions", "8k")
        self.until("performance.getEntriesByType('resource').some(({ name }) => /least.json.*length=8/.test(name))", "that of another length is found")
        self.js("return new Promise((done) => setTimeout(done, 300))")
        self.assertEqual(self.text("answer-least"), before)
        self.until("!%s && document.querySelectorAll('#curve path.curve').length === 1" % pinned, "no line of that length is there, nor named")
        self.click("#reset-base")
        self.until(pinned, "now it is")
        self.until("document.getElementById('answer-least').textContent.includes('within 8,192 tokens: 83,764')", "both are of the new one")

    def test_the_least_base_is_searched_for_once(self):
        """It does not depend on the present base."""
        self.open("positions=4k&head-dim=64")
        self.until("/^Least base for ≥ 0 within 4,096 tokens: [\\d,]+( \\(some larger ones fail\\))?$/.test(document.getElementById('answer-least').textContent)", "it is found")
        found = self.text("answer-least")
        self.enter("#number-base", "2e5")
        self.until("%s[1]?.[0] === '200,000'" % ROWS, "another base")
        self.assertEqual(self.text("answer-least"), found)
        self.js("return new Promise((done) => setTimeout(done, 700))")
        self.assertEqual(self.js("return performance.getEntriesByType('resource').filter(({ name }) => name.includes('least.json')).length"), 1)

    def test_one_similarity_with_an_attention_factor(self):
        """YaRN's factor scales scores: the curve is relative to distance 0, as the answer is."""
        self.open("preset=gpt-oss-20b&positions=4k")
        self.assertEqual(self.rows()[1][1], "140")
        self.until("document.getElementById('curve-value').textContent.startsWith('first below ½ at 140 tokens')", "one number")
        self.assertIn("once for q and once for k, makes it 1.81", self.text("curve-note"))
        self.at(0.3, 0.8).perform()
        self.until("document.getElementById('crosshair-name').textContent === 'similarity (with factor 1.81)'", "the map's has the factor")
        highest = self.js("return Math.max(...[...document.querySelectorAll('#curve .y-axis .tick')].map((one) => one.__data__))")
        self.assertEqual(highest, 1)
        # A cosine is without it; what is scaled is divided besides.
        self.choose("measure", "cosine")
        self.until("document.getElementById('crosshair-name').textContent === 'similarity'", "no factor in the map")
        self.assertEqual(self.text("curve-note"), "")
        self.choose("measure", "scaled")
        self.until("document.getElementById('curve-note').textContent.endsWith('makes q · k 1.81; the map divides that by √d.')", "what the map has")

    def test_it_does_not_wait_for_the_map(self):
        self.open("positions=128k&content=gauss&pool=absmax", ready=False)
        self.assertEqual(self.rows()[1][2], "1,707")
        self.assertEqual(self.js("return document.body.dataset.state"), "busy")

    def test_a_preset_sets_the_length(self):
        self.open()
        self.enter("#model", "mistral-7b-v0.3")
        self.ready()
        self.assertEqual(self.command()[:4], ["--preset", "mistral-7b-v0.3", "--positions", "32k"])
        self.until("document.getElementById('answer-rows').textContent.includes('27,115')", "its answer, which the map does not wait for")
        self.assertEqual(self.rows()[1], ["1,000,000", "197", "27,115", "no"])
        self.assertEqual(self.text("answer-length"), "≥ 0 within 32,768")
        # A name that no model has stays and is refused.
        self.enter("#model", "gpt-99")
        self.assertIn("Nearest: gpt-", self.text("model-error"))
        self.js("document.activeElement.blur()")
        self.js("return new Promise((done) => setTimeout(done, 200))")
        self.assertEqual(self.js("return [document.getElementById('model').value, document.getElementById('number-base').value]"),
                         ["gpt-99", "1,000,000"])

        # Of those that have what is typed, one that begins with it comes first.
        self.enter("#model", "llama")
        self.until("location.search.startsWith('?preset=llama')", "no codellama")

    def test_no_number_contradicts_what_is_shown(self):
        self.open("preset=llama3.1-8b&positions=4k")
        self.until("document.getElementById('answer-first').textContent.includes('At base 500,000 with Llama 3 scaling by 8 (head dim 128)')", "the scaling")
        self.assertEqual(self.text("answer-length"), "≥ 0 within 4,096")
        # What is offered holds, though its window has no whole base.
        self.turn("preset=phi-4-mini&positions=2k")
        self.until("document.querySelector('#answer-least button')?.textContent === '9.1256'", "a base in its window")
        self.js("document.querySelector('#answer-least button').click()")
        self.until("%s[1]?.[0] === '9.1256' && %s[1].at(-1) === 'yes'" % (ROWS, ROWS), "it holds")
        # A rule of a context has the table and the least base of that context, whatever the map shows.
        self.turn("scaling=dynamic:factor=4,max=4096&positions=4k&length=32k")
        self.until("document.getElementById('answer-least').textContent === 'Least base for ≥ 0 within 32,768 tokens, "
                   "with dynamic NTK scaling by 4: 20,593 (some larger ones fail)'", "of the context", 60)
        self.assertEqual((self.text("answer-length"), self.rows()[1][3]), ("≥ 0 within 32,768", "no"))
        self.turn("preset=llama3.1-8b&positions=4k")
        # A shift changes no distance, so the least base is for those of the map.
        self.js("arguments[0].forEach((id) => { document.getElementById(id).open = true; })", ["group-values"])
        self.enter("#number-shift", "1k")
        self.until("document.getElementById('answer-least').textContent.startsWith('Least base for ≥ 0 within 4,096 tokens, with Llama 3 scaling by 8: 3,947')", "the same least base")
        self.enter("#number-shift", "0")
        # What the base does not change has no base, and no numbers of it.
        self.choose("encoding", "alibi")
        self.until("document.getElementById('answer-first').textContent.startsWith('ALiBi: the slope')", "the slope is what counts")
        self.assertEqual(self.js("return ['answer-table', 'card', 'plan', 'curve', 'slider-base'].filter((id) => document.getElementById(id).checkVisibility())"), ["curve"])
        self.until("document.getElementById('curve-value').textContent === 'first below ½ at 129 tokens; first below 0 at 257'", "the curve of ALiBi")
        self.assertEqual(self.js("return document.querySelector('#decay h2').textContent"), "Score against distance")
        # Nor are RoPE's numbers those of xPos, of which the base is one cause.
        self.choose("encoding", "xpos")
        self.until("document.getElementById('answer-first').textContent.includes('xPos takes more away')", "what xPos does")
        self.assertEqual(self.js("return ['answer-table', 'card', 'plan', 'curve', 'slider-base'].filter((id) => document.getElementById(id).checkVisibility())"), ["curve", "slider-base"])
        # Patches have a distance along each axis, and none that a reach could be of.
        self.turn("preset=qwen-image&positions=1k")
        self.until("document.getElementById('answer-first').textContent.startsWith('The base sets how fast similarity falls along each axis of the patches')", "patches")
        self.until("document.querySelector('#curve > g > .axis-title').textContent === 'distance along w (patches)'", "what its axis is")
        self.assertEqual(self.text("curve-value"), "")
        self.assertEqual(self.js("return ['answer-table', 'card', 'plan', 'curve', 'slider-base'].filter((id) => document.getElementById(id).checkVisibility())"), ["curve", "slider-base"])
        self.assertEqual(self.js("return [...document.querySelectorAll('#pane-main .axis-title')].map((one) => one.textContent)"), ["query patch", "key patch"])
        self.turn("positions=4k&preset=llama3.1-8b")
        self.until("document.querySelector('#curve > g > .axis-title').textContent === 'distance (tokens)'", "tokens again")
        self.until("document.body.dataset.answer === 'own' && document.getElementById('card').checkVisibility()", "the base counts again")
        self.enter("#number-positions", "16M")
        self.until("document.getElementById('answer-length').textContent === '≥ 0 within 16,777,216'", "the length of the map")
        self.assertEqual(self.rows()[1][3], "no")
        # What does not rotate keeps similarity above half: never is not beyond what was searched.
        self.enter("#number-rotary-dim", "24")
        self.until("%s[1]?.slice(1).join() === 'never,never,yes'" % ROWS, "never")
        self.enter("#number-rotary-dim", "128")
        # A base is as long in the table as in its box.
        self.enter("#number-base", "4869105")
        self.until("%s[1]?.[0] === '4,869,105' && %s[2][0] === '48,691,050'" % (ROWS, ROWS), "all of its digits")
        # Positions that float16 cannot hold have no curve, and the page says why.
        self.expected.append("status of 4")
        self.open("phase=fp16-angles&shift=1M&positions=2k")
        self.until("document.getElementById('curve-note').textContent.startsWith('No curve: float16 has no number')", "why there is no curve")
        self.until("document.querySelector('#answer-first .scope').textContent.includes('These numbers are exact')", "of what the answer is")
        self.assertEqual(self.text("bar-key"), "no value (beyond float16)")
        self.enter("#number-shift", "0")
        self.until("document.getElementById('curve-note').textContent.startsWith('Of key 0 and query = distance')", "the pair of the curve")
        # The note goes with the setting, though the sentence is the same.
        self.enter("#number-positions", "1k")
        self.choose("phase", "exact")
        self.until("!document.querySelector('#answer-first .scope').textContent", "exact needs no note")
        self.enter("#number-window", "256")
        self.until("document.querySelector('#answer-first .scope').textContent.includes('masks what is too far apart')", "what is not masked here")
        self.choose("measure", "softmax")
        self.until("document.querySelector('#answer-first .scope').textContent.endsWith('before softmax; the map shows attention of unit vectors.')", "the map is another")
        # A curve ends where float16 does.
        self.open("phase=fp16-angles&shift=64000&positions=4k")
        self.until("document.querySelector('#curve path.main')?.getBBox().width > 20 && document.getElementById('curve-note').textContent.startsWith('Of key 64,000')", "its curve")
        self.assertLess(self.js("return document.querySelector('#curve path.main').getBBox().width / document.querySelector('#curve .zero').getBBox().width"), 0.95)
        # A single token has no distance.
        self.open("positions=1")
        self.assertIn("make the length 2 or more", self.text("answer-first"))
        self.assertEqual(self.js("return ['answer-table', 'curve'].filter((id) => document.getElementById(id).checkVisibility())"), [])
        self.open()
        # A refused base leaves the former answer, and says that it is one.
        self.enter("#number-base", "banana")
        self.until("document.body.dataset.state === 'refused'", "the base is refused")
        self.assertEqual(self.js("return document.body.dataset.answer"), "former")

    def test_the_card(self):
        self.size(1440, 900)
        self.open()
        self.until("document.querySelectorAll('#card .card-model').length > 20", "models are points")
        heights = self.js("return [...document.querySelectorAll('#card .card-model')].map((one) => [one.__data__.length, Number(one.getAttribute('cy'))])")
        rate = lambda one, other: (one[1] - other[1]) / math.log(one[0] / other[0])
        least, middle, most = min(heights), sorted(heights)[len(heights) // 2], max(heights)
        self.assertAlmostEqual(rate(least, middle) / rate(middle, most), 1, delta=0.01)  # none is drawn elsewhere
        box = self.js("const { left, top, width, height } = document.getElementById('card').getBoundingClientRect();"
                      "return [left, top, width, height]")
        self.show("#card")
        third = int(box[2] / 3)
        chain = self.actions.move_to_element_with_offset(self.find("#card"), -third // 2, 0).click_and_hold()
        chain.move_by_offset(third, 0).release().perform()
        self.ready()
        name, base = self.command()[:2]
        self.assertEqual(name, "--base")
        self.assertGreater(float(base), 1e5)
        before = float(base)
        self.js("document.getElementById('card').focus()")
        self.press(Keys.ARROW_RIGHT)
        self.ready()
        self.assertAlmostEqual(float(self.command()[1]) / before, 1.1, delta=0.01)
        spot = self.js("const at = [...document.querySelectorAll('#card .card-model')].find((one) => one.__data__.names.includes('gemma-7b'))"
                       ".getBoundingClientRect(), box = document.getElementById('card').getBoundingClientRect();"
                       "return [at.left + at.width / 2 - box.left - box.width / 2, at.top + at.height / 2 - box.top - box.height / 2]")
        self.actions.move_to_element_with_offset(self.find("#card"), round(spot[0]), round(spot[1])).perform()
        self.until("document.getElementById('card-note').textContent.endsWith('base 10,000, 8k tokens, d = 64, 128, 256')", "what is there is told")
        key = self.js("return [...document.querySelectorAll('.card-key span')].map((one) => one.className)")
        self.until("document.querySelector('#card .card-at')", "what the present base has")
        drawn = self.js("return [...new Set([...document.querySelectorAll('#card circle')].map((one) => one.classList[0]))]")
        self.assertLessEqual(set(drawn), set(key))
        # A rule of a length has the map's in all that is drawn: the rings are on the lines, not at the end of a spike, and
        # least bases below the card are not on it.
        self.turn("preset=phi-4-mini")
        beside = ("['half', 'zero'].every((name, ring) => {"
                  "  const path = document.querySelector(`#card .card-${name}`), at = document.querySelectorAll('#card .card-at')[ring], near = [];"
                  "  for (let way = 0; at && way < path.getTotalLength(); way += 0.5) {"
                  "    const { x, y } = path.getPointAtLength(way);"
                  "    if (x < -0.5) return false;"
                  "    if (Math.abs(Math.abs(x - at.getAttribute('cx')) - 8) < 2) near.push(Math.abs(y - at.getAttribute('cy')));"
                  "  }"
                  "  return near.length > 8 && Math.max(...near) < 10;"
                  "})")
        self.until("%s[1]?.[2] === '4,854' && document.querySelectorAll('#card .card-least').length === 0 && %s" % (ROWS, beside), "one rule", 60)
        # A colour is a setting's: the card has that of the curve, which B has when it is compared.
        strokes = "['#card .card-zero', '#card .card-half', '#curve .curve.main'].map((one) => getComputedStyle(document.querySelector(one)).stroke)"
        alone = self.until("new Set(%s).size === 1 && %s[0]" % (strokes, strokes), "one colour")
        self.turn("positions=512&x-a=base%3D7e4&x-compare=split")
        self.until("new Set(%s).size === 1 && %s[0] !== '%s'" % (strokes, strokes, alone), "B's colour")

    def test_what_a_length_needs(self):
        self.open("positions=512&head-dim=32&base=0.3k&scaling=yarn:factor=1.5,original=64")  # as a hand may write it
        self.enter("#plan-keep", "0.05")
        self.enter("#plan-length", "400")
        self.click("#plan-find")
        self.until("document.querySelectorAll('#plan-rows tr').length === 10 && document.getElementById('plan-stop').hidden",
                   "every change is tried", 60)
        told = self.js("return [...document.querySelectorAll('#plan-rows tr:not(.plan-flags)')].map((row) => row.textContent)")
        self.assertTrue(told[0].startswith("base") and "Apply" in told[0], told)
        self.assertEqual(self.text("plan-head"), "keeps similarity ≥ 0.05 within 400 tokens")
        self.size(390, 844)  # nothing is cut where the column is narrow
        self.assertEqual(self.js("const { scrollWidth, clientWidth } = document.getElementById('plan-table'); return scrollWidth - clientWidth"), 0)
        self.size(960, 610)
        # The least is where the first of the windows begins, with the same digits.
        for least, windows in self.js("return [...document.querySelectorAll('#plan-rows tr')].filter((row) => row.children.length > 2)"
                                      ".map(({ children }) => [children[1].textContent, children[2].textContent])"):
            self.assertTrue(windows.startswith(least) or windows.startswith("any"), (least, windows))
        self.check_flags()
        self.click("#plan-rows tr:nth-child(3) button")
        self.ready()
        self.assertIn("--scaling", self.command())
        self.assertIn("linear:factor=", " ".join(self.command()))
        self.assertEqual(self.text("plan-rows").count("in effect"), 1)
        self.enter("#number-base", "900")
        self.until("document.querySelectorAll('#plan-rows tr').length === 0", "factors go with the base they are of")
        self.enter("#plan-keep", "2")
        self.expected.append("status of 400")
        self.click("#plan-find")
        self.until("document.getElementById('plan-status').textContent.startsWith('Similarity: ')", "it is refused")
        self.assertEqual(self.js("return document.getElementById('plan-keep').getAttribute('aria-invalid')"), "true")

        # Where every base will do the present one is not the least.
        self.turn("preset=gpt-neox-20b&positions=400")
        self.js("for (const name of ['keep', 'length']) document.getElementById(`plan-${name}`).value = ''")
        self.click("#plan-find")
        self.until("document.querySelectorAll('#plan-rows tr:not(.plan-flags)').length === 5 && document.getElementById('plan-stop').hidden", "found", 60)
        self.assertEqual(self.js("return [...document.querySelectorAll('#plan-rows tr')].map(({ children }) => "
                                 "[...children].slice(1, 3).map((one) => one.textContent).join())"), ["any,any", "1,any", "1,any"] + ["1,any, original length 2,048"] * 2)
        # Nor where one of several windows has it: the least is that of the command line with a base that does not hold.
        self.turn("positions=4k&base=1e6")
        self.click("#plan-find")
        self.until("document.querySelectorAll('#plan-rows tr:not(.plan-flags)').length === 5 && document.getElementById('plan-stop').hidden", "found", 60)
        least = json.loads(self.done("plan", "-b", "1e4", "--length", "4k", "-q", "--json").stdout)["choices"][0]["value"]
        self.assertEqual(self.js("return document.querySelector('#plan-rows b').textContent"), "{:,.0f}".format(least))

    def check_flags(self):
        """Shown when asked for, those of the command line with the same values, and each is copied as it stands."""
        told = self.done("plan", "-d", "32", "-b", "300", "--scaling", "yarn:factor=1.5,original=64", "--keep", "0.05", "--length", "400", "-q").stdout.decode()
        wanted = {}
        for part in told.split("\n\n")[2:]:
            title, *lines = part.strip().split("\n")
            wanted[title] = [re.sub(r"^\((.*)\)$", r"\1", re.sub("  +", " ", line.strip())) for line in lines]
        self.assertEqual(self.js("return document.querySelectorAll('#plan-rows .plan-flags:not([hidden])').length"), 0)
        self.js("for (const button of document.querySelectorAll('.plan-do [aria-expanded]')) button.click()")
        shown = self.js("return [...document.querySelectorAll('.plan-flags:not([hidden])')].map((row) => ["
                        "row.id.replace('plan-flags-', '') + ' ' + row.previousSibling.querySelector('b').textContent,"
                        "[...row.querySelectorAll('dt')].map((name) => name.firstChild.textContent + name.nextSibling.textContent)"
                        ".concat([...row.querySelectorAll('p')].map((note) => note.textContent))])")
        self.assertEqual(dict(shown), wanted)
        self.assertEqual(len(wanted), 5)
        self.assertLessEqual(self.js("return document.documentElement.scrollWidth - innerWidth"), 0)
        copied = self.js("const kept = []; navigator.clipboard.writeText = async (text) => kept.push(text);"
                         "for (const button of document.querySelectorAll('#plan-flags-yarn dt button')) button.click(); return kept")
        self.assertEqual(copied, self.js("return [...document.querySelectorAll('#plan-flags-yarn code')].map((code) => code.textContent)"))
        self.assertEqual(len(copied), 4)


main()
