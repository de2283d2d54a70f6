# browsing.py - the page in a browser for a test: real pointers and keys, the canvas' pixels, what went wrong
# SPDX-License-Identifier: MIT
import base64
import json
import os
import shlex
import shutil
import sys
import time
import unittest
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.environ["ROPEMAP_SOURCE"], "tests", "cli"))

from harness import read_npy, read_png  # noqa: E402
from serving import ServeCase  # noqa: E402

SKIPPED = 77  # the exit code that ctest shows as a skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
WINDOW = (960, 610)
PATIENCE = 300  # seconds until what should come is missing: for hangs alone, however busy the machine is

# What is asked of the page in one go, since each question to a browser takes its time.
PIXELS = """
const pixels = (selector) => {
  const canvas = document.querySelector(selector), { width, height } = canvas, parts = [];
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  for (let at = 0; at < data.length; at += 32768) parts.push(String.fromCharCode(...data.subarray(at, at + 32768)));
  return [width, height, btoa(parts.join(''))];
};
const mark = (selector) => {
  const canvas = document.querySelector(selector), copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).reduce((sum, pixel) => (Math.imul(sum, 31) + pixel) | 0, 0);
};
const turn = () => new Promise((next) => setTimeout(next));
const command = async () => {
  const told = document.getElementById('share-done');
  told.textContent = '';
  document.getElementById('copy-command').click();
  while (!told.textContent) await turn();
  return told.textContent;
};
const settled = async (most) => {
  const end = performance.now() + most, { dataset } = document.body;
  while (dataset.state === 'busy' && performance.now() < end) await turn();
  return dataset.state;
};
"""

try:
    import selenium
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.common.exceptions import JavascriptException, StaleElementReferenceException  # noqa: F401
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    selenium = None

drivers = []
server = {}  # that tests share: what it printed, and its process


def missing():
    """What a browser test lacks here; None: nothing."""
    if selenium is None:
        return "python3-selenium is not installed"
    if CHROMIUM is None or CHROMEDRIVER is None:
        return "chromium or chromedriver (chromium-driver) is not installed"
    return None


def start_browser(*arguments, network=True):
    """A headless browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # Containers often forbid the sandbox's namespaces and have a small /dev/shm; the pages are our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-device-scale-factor=1",
                     *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", **({"performance": "ALL"} if network else {})})
    if network:
        options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    service = webdriver.chrome.service.Service(CHROMEDRIVER)
    driver = webdriver.Chrome(service=service, options=options)
    driver.set_script_timeout(2 * PATIENCE)
    drivers.append(driver)
    resize(driver)
    return driver


def resize(driver, width=WINDOW[0], height=WINDOW[1], scale=1):
    """The window in CSS pixels, of which each is `scale` of the screen's."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})


def main():
    """Runs the tests of a file in one browser; leaves with SKIPPED where there is none."""
    lacking = missing()
    if lacking:
        print("skipped: browser tests, because %s" % lacking)
        sys.exit(SKIPPED)
    try:
        result = unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]], exit=False).result
    finally:
        for driver in drivers:
            driver.quit()
        if server:
            server["process"].kill()
            server["process"].communicate()
    sys.exit(not result.wasSuccessful())


class BrowseCase(ServeCase):
    """A test with the page that a server serves; at its end nothing may have gone wrong in the browser. Tests of a
    file share a server, whose cache spares them searches that others made; one that was stopped is replaced.
    page_stays: so does the page, after a test in which nothing was to go wrong."""
    page_stays = False

    def setUp(self):
        super().setUp()
        self.expected = []  # words of the console's errors that belong to the test
        if not drivers:
            start_browser()
        self.driver = drivers[0]
        if not server or server["process"].poll() is not None:
            self.start("-q", kept=True, cwd="/")
            server.update(process=self.process, about=self.about, port=self.port, token=self.token)
        else:
            vars(self).update(server)
            self.addCleanup(self.leave)

    def start(self, *arguments, **options):
        """A page is left before its server ends."""
        process = super().start(*arguments, **options)
        self.addCleanup(self.leave)
        return process

    # ---- the page -----------------------------------------------------------------------------------------

    @property
    def origin(self):
        return "http://127.0.0.1:%d" % self.port

    def open(self, query="", token=True, ready=True):
        """The page with a state in its address."""
        parts = ["token=" + self.token] if token else []
        self.driver.get(self.origin + "/?" + "&".join(parts + ([query] if query else [])))
        if ready:
            self.ready()

    def turn(self, query):
        """Another state in the page that is open, as Back brings it: a quarter of the work of loading it."""
        self.js("history.replaceState(history.state, '', '?' + arguments[0]);"
                "dispatchEvent(new PopStateEvent('popstate', { state: history.state }))", query)
        self.ready()

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def until(self, what, words, patience=PATIENCE):
        """The value of `what()`, or of that script, as soon as it is true. A script is asked in the page, since each
        question to a browser takes its time."""
        ask = what if callable(what) else lambda: self.awaited(what)
        end = time.monotonic() + patience
        while True:
            value = ask()
            if value:
                return value
            if time.monotonic() > end:
                self.fail("%s: still not after %d s; %s" % (words, patience, self.told()))
            time.sleep(0.01)

    def awaited(self, what):
        """The value of a script once it is true, or after a second; None: its page went away. What it asks for may not
        be there yet, which is an error only after that."""
        try:
            return self.js("return (async () => { for (const end = performance.now() + 1000;;) {"
                           "  try { const value = (%s); if (value || performance.now() > end) return value; }"
                           "  catch (error) { if (performance.now() > end) throw error; }"
                           "  await new Promise((next) => setTimeout(next, 10)); } })()" % what)
        except JavascriptException as error:
            if "unloaded" not in error.msg:
                raise
            return None

    def told(self):
        """What the page says, for a failure."""
        return self.js("return [document.body?.dataset.state, ...[...document.querySelectorAll('.error, #refusal, #banner')]"
                       ".filter((one) => !one.hidden).map((one) => one.textContent), location.href].join(' | ')")

    def ready(self):
        """Waits for the map of the present state."""
        state = self.settled()
        self.assertEqual(state, "ready", self.told())

    def settled(self):
        return self.until("document.body && document.body.dataset.state !== 'busy' && document.body.dataset.state",
                          "the map is shown or refused")

    def refused_state(self):
        """Waits for a refusal and returns its sentence; the console tells it too."""
        self.expected.append("status of 4")
        self.until("document.body?.dataset.state === 'refused'", "the state is refused")
        return self.until("[...document.querySelectorAll('.error, #refusal')].find((one) => !one.hidden)?.textContent",
                          "the refusal is said")

    def size(self, width, height, scale=1):
        resize(self.driver, width, height, scale)
        self.addCleanup(resize, self.driver)

    def media(self, **features):
        """prefers_color_scheme="dark" and the like."""
        told = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.cdp("Emulation.setEmulatedMedia", features=told)
        self.addCleanup(self.cdp, "Emulation.setEmulatedMedia", features=[])

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, name):
        return self.js("return document.getElementById(arguments[0]).textContent", name)

    # ---- pointer and keys ---------------------------------------------------------------------------------

    @property
    def actions(self):
        return ActionChains(self.driver, duration=0)

    def show(self, selector):
        """The element, in an open group and in sight."""
        return self.js("const found = document.querySelector(arguments[0]);"
                       "for (let at = found; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;"
                       "found.scrollIntoView({ block: 'center' }); return found", selector)

    def click(self, selector):
        """By the pointer, at the element's middle; what covers it would get the click. What comes late may move the
        element away between the look and the click: then once more."""
        for _ in range(3):
            element = self.show(selector)
            self.js("window.aimed = arguments[0]; window.hit = null; addEventListener('pointerdown', (event) => {"
                    "window.hit = event.target; }, { capture: true, once: true })", element)
            self.actions.move_to_element(element).click().perform()
            if self.js("return (window.aimed.closest('label') ?? window.aimed).contains(window.hit)"):
                return
        self.fail("%s: something else got the click" % selector)

    def press(self, *keys, shift=False, ctrl=False):
        """Keys for what has the focus."""
        chain, held = self.actions, [Keys.SHIFT] * shift + [Keys.CONTROL] * ctrl
        for key in held:
            chain.key_down(key)
        chain.send_keys(*keys)
        for key in held:
            chain.key_up(key)
        chain.perform()

    def enter(self, selector, text):
        """Types over what a box holds."""
        box = self.show(selector)
        self.actions.move_to_element(box).click().perform()
        self.js("arguments[0].focus(); arguments[0].select()", box)  # where what came late moved it away
        self.press(text, Keys.ENTER)
        return box

    def choose(self, name, word):
        """A word of a list, by clicking it."""
        select = self.show("#select-" + name)
        select.find_element(By.CSS_SELECTOR, "option[value='%s']" % word).click()

    def slide(self, name, place):
        """The slider, dragged by its knob to a place of its track, 0 to 1; a function makes that of where it is. A
        page that is still settling may move the knob away from under the pointer: then it is grabbed again."""
        for _ in range(3):
            before = self.js("return document.getElementById(arguments[0]).value", "slider-" + name)
            self.drag_knob(name, place)
            if self.js("return document.getElementById(arguments[0]).value", "slider-" + name) != before:
                return
            time.sleep(0.3)

    def drag_knob(self, name, place):
        slider = self.show("#slider-" + name)
        wide, value, knob = self.js("const at = arguments[0]; return [at.clientWidth, Number(at.value), "
                                    "parseFloat(getComputedStyle(document.documentElement).fontSize)]", slider)
        place = place(value) if callable(place) else place
        across = lambda at: round(knob / 2 + at * (wide - knob) - wide / 2)
        chain = self.actions.move_to_element_with_offset(slider, across(value), 0).click_and_hold()
        for part in (0.5, 1.0):
            chain.move_to_element_with_offset(slider, across(value + (place - value) * part), 0)
        chain.release().perform()

    def at(self, x, y, canvas="#map"):
        """A chain of actions whose pointer is at a place of a canvas, each 0 to 1."""
        element = self.find(canvas)
        size = element.size
        return self.actions.move_to_element_with_offset(
            element, round((x - 0.5) * (size["width"] - 1)), round((y - 0.5) * (size["height"] - 1)))

    def reach(self, x, y):
        """Takes the pointer to a place of the map; where that is in the window."""
        self.at(x, y).perform()
        return self.js("const box = document.getElementById('map').getBoundingClientRect();"
                       "return [box.x + arguments[0] * (box.width - 1), box.y + arguments[1] * (box.height - 1)]", x, y)

    def double_click(self, x, y):
        """Two clicks at a place of the map, which are a double one however far apart they come."""
        place = self.reach(x, y)
        for count in (1, 2):
            for event in ("mousePressed", "mouseReleased"):
                self.cdp("Input.dispatchMouseEvent", type=event, x=place[0], y=place[1], button="left", clickCount=count)

    def wheel(self, x, y, turns, notches=1):
        """Turns the wheel over a place of the map; positive ones zoom out."""
        place = self.reach(x, y)
        for _ in range(notches):
            self.cdp("Input.dispatchMouseEvent", type="mouseWheel", x=place[0], y=place[1], deltaX=0, deltaY=turns)

    # ---- pictures -----------------------------------------------------------------------------------------

    def pixels(self, canvas="#map"):
        """Width, height and the bytes of red, green, blue and alpha of a canvas."""
        width, height, text = self.js(PIXELS + "return pixels(arguments[0])", canvas)
        return width, height, base64.b64decode(text)

    def command(self):
        """The words that "copy as ropemap command" gives."""
        return self.words_of(self.js(PIXELS + "return command()"))

    def words_of(self, text):
        words = shlex.split(text[text.index("ropemap map"):].splitlines()[0])
        self.assertEqual((words[:2], words[-2:]), (["ropemap", "map"], ["-o", "map.png"]))
        return words[2:-2]

    def drawn(self, options, side):
        """The cells that the command line draws, as colours."""
        words = ("--dark", "--contour", "--dpi", "--font", "--font-size", "--no-title")
        framed = [at for at, word in enumerate(options) if word in words]
        own = [word for at, word in enumerate(options) if at not in framed and not (at - 1 in framed and word[:1] != "-")]
        own += self.page_colours(own)
        own += [] if "--size" in own else ["--size", side]
        self.done("map", *own, "--bare", "-o", "bare.png", "--force", "-q")
        return colours_of(read_png(self.read("bare.png")))

    def page_colours(self, options):
        """What the page asks for where a state names no colours: limits that stay, one palette."""
        given = dict(zip(options, [*options[1:], ""]))
        log, softmax = given.get("--norm") == "log", given.get("--measure") == "softmax"
        signed = not log and not softmax and given.get("--pool", "mean") not in ("absmax", "rms", "std", "mass")
        cmap = [] if "--cmap" in given else ["--cmap", "difference" if "--diff" in given else "diverging" if signed else "viridis"]
        if {"--clim", "--percentile", "--diff"} & set(given) or softmax:
            return cmap
        return cmap + ["--clim", "0.0001:1" if log else "-1:1" if signed else "0:1"]

    def assert_drawn(self, options=None, words=None):
        """Waits for the map, which is what the command line draws of the same state; its bytes."""
        state, said, text, (width, height, seen) = self.js(
            PIXELS + "return settled(arguments[0]).then(async (state) => [state, [...document.querySelectorAll('.error')]"
            ".map((one) => one.textContent).join(' '), await command(), pixels('#map')])", PATIENCE * 1000)
        self.assertEqual(state, "ready", "%s: %s" % (words, said))
        options = self.words_of(text) if options is None else options
        rows = self.drawn(options, width)
        seen, wanted = base64.b64decode(seen), spread(rows, width, height)
        if seen != wanted:
            self.compare(seen, wanted, (width, height), (len(rows[0]) // 4, len(rows)),
                         "%s, %s" % (words or "map", shlex.join(map(str, options))))
        return seen

    def compare(self, seen, wanted, size, cells, words):
        """Fails unless pixels differ only where two cells meet in their middle, which may go to either."""
        (width, height), (cols, rows) = size, cells
        across = {x for x in range(width) if (2 * x + 1) * cols % (2 * width) == 0}
        down = {y for y in range(height) if (2 * y + 1) * rows % (2 * height) == 0}
        wrong = [(x, y) for y in range(height) if y not in down for x in range(width) if x not in across
                 and seen[4 * (y * width + x):4 * (y * width + x) + 4] != wanted[4 * (y * width + x):4 * (y * width + x) + 4]]
        if wrong:
            (x, y), at = wrong[0], 4 * (wrong[0][1] * width + wrong[0][0])
            self.fail("%s: %d of %d pixels differ, the first at (%d, %d): %s, not %s" % (
                words, len(wrong), width * height, x, y, tuple(seen[at:at + 4]), tuple(wanted[at:at + 4])))

    # ---- what went wrong ----------------------------------------------------------------------------------

    def requests(self):
        """URLs that the page asked for since the last time."""
        sent = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                sent.append(message["params"]["request"]["url"] if "request" in message["params"]
                            else message["params"]["url"])
        return sent

    def leave(self):
        """Nothing stood in the console that the test did not expect, and no request left the server's origin."""
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        said = [message for message in said if not any(words in message for words in self.expected)]
        others = [url for url in self.requests() if urlsplit(url).scheme not in ("data", "blob", "about", "chrome")
                  and not url.startswith(self.origin + "/")]
        if not self.page_stays or self.expected or said + others:
            self.blank()
        self.assertEqual(said + others, [])

    def blank(self):
        """No page, and nothing that one left."""
        self.driver.get("about:blank")
        self.cdp("Storage.clearDataForOrigin", origin=self.origin, storageTypes="cookies,local_storage")
        self.driver.get_log("browser")
        self.driver.get_log("performance")


class ControlCase(BrowseCase):
    """Tests of the page's controls: each sets a state in the page that is there, and compares few pixels."""
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

    def same_as_the_command(self):
        """The picture that the command line draws, or the sentence with which it refuses."""
        if self.settled() == "ready":
            return self.assert_drawn()
        sentence = self.refused_state()
        self.refused(2, [sentence.split(": ", 1)[-1].split("; ")[-1]], "map", *self.command(), "-o", "refused.png")
        return sentence


def colours_of(picture):
    """Rows of cells of a PNG with a palette, each the bytes of its four channels."""
    palette = [colour + (255,) for colour in picture["palette"]]
    tables = [bytes(colour[channel] for colour in palette).ljust(256, b"\0") for channel in range(4)]
    rows = []
    for levels in picture["rows"]:
        row = bytearray(4 * len(levels))
        for channel, table in enumerate(tables):
            row[channel::4] = levels.translate(table)
        rows.append(bytes(row))
    return rows


def spread(rows, width, height):
    """The pixels of a canvas of that size where each cell covers its part."""
    if len(rows) == height and len(rows[0]) == 4 * width:
        return b"".join(rows)
    cols = len(rows[0]) // 4
    across = [int((x + 0.5) * cols / width) for x in range(width)]
    wide = [b"".join(row[4 * col:4 * col + 4] for col in across) for row in rows]
    return b"".join(wide[int((y + 0.5) * len(rows) / height)] for y in range(height))


__all__ = ["ActionChains", "BrowseCase", "By", "ControlCase", "Keys", "main", "missing", "read_npy", "read_png", "start_browser"]
