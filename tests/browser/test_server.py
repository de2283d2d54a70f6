#!/usr/bin/env python3
# test_server.py - the page and its server: a lost one, nothing but it, how soon there is a picture, how heavy it is
# SPDX-License-Identifier: MIT
import http.server
import os
import signal
import threading

from browsing import BrowseCase, main

# At most, as the page promises: time is printed and never judged.
FIRST_PAINT = 500  # ms
WEIGHT = 400 * 1024  # bytes, as they come over the wire


class Server(BrowseCase):
    def test_a_lost_server_is_waited_for(self):
        self.open("positions=2k")
        port, before = self.port, self.pixels()
        self.stop(self.process, signal.SIGKILL)
        self.expected.append("net::ERR_CONNECTION_REFUSED")
        self.expected.append("net::ERR_")
        self.slide("base", 0.75)
        self.until("!document.getElementById('banner').hidden", "the page says that the server is away")
        self.assertIn("does not answer", self.text("banner"))
        self.assertTrue(self.pixels() == before)
        # The same port, but another token: its page in another tab brings that.
        self.expected.append("status of 403")
        self.start("-q", "--port", port)
        self.until("document.getElementById('banner').textContent.includes('new token')", "the page tells what to do")
        self.assertTrue(self.pixels() == before)
        first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        self.driver.get(self.about["url"])
        self.until("document.body?.dataset.state === 'ready'", "the new page is there")
        self.driver.close()
        self.driver.switch_to.window(first)
        self.until("document.getElementById('banner').hidden", "the page goes on")
        self.assertTrue(self.assert_drawn() != before[2])
        options = self.command()
        self.assertEqual(options[:2], ["--positions", "2k"])
        self.assertEqual(options[2], "--base")

    def test_a_busy_server_is_waited_for(self):
        self.open()
        self.process.send_signal(signal.SIGSTOP)
        self.slide("base", 0.3)
        self.slide("base", 0.6)
        self.assertEqual(self.js("return document.body.dataset.state"), "busy")
        self.process.send_signal(signal.SIGCONT)
        self.assert_drawn()

    def test_nothing_but_the_server_is_asked(self):
        self.open("preset=llama3.1-8b")
        self.slide("base", 0.6)
        self.click("#keep-a")
        self.click("#compare-difference")
        self.click("#keys")
        self.click("#keys-dialog button")
        self.until("document.getElementById('answer-first').textContent", "the answer is told")
        asked = self.requests()
        self.assertGreater(len(asked), 20)
        ours = (self.origin + "/", "data:", "blob:")
        self.assertEqual([url for url in asked if not url.startswith(ours)], [])
        # Nothing loads from elsewhere even where the page were made to.
        blocked = self.js(
            "return new Promise((done) => { document.addEventListener('securitypolicyviolation',"
            "(event) => done(event.effectiveDirective)); new Image().src = 'http://127.0.0.2:9/x.png'; })")
        self.assertEqual(blocked, "img-src")
        self.assertEqual([url for url in self.requests() if not url.startswith(ours)], ["http://127.0.0.2:9/x.png"])
        self.expected.append("Content Security Policy")

    def test_under_a_path_of_a_proxy(self):
        self.start("-q", "--base-path", "/user/me/proxy/8080")
        self.requests()
        home = self.origin + "/user/me/proxy/8080/"
        self.driver.get(home + "?token=" + self.token)
        self.ready()
        self.slide("base", 0.6)
        self.ready()
        self.assert_drawn()
        asked = self.requests()
        self.assertGreater(len(asked), 20)
        self.assertEqual([url for url in asked if not url.startswith((home, "data:", "blob:"))], [])
        self.until("location.href.startsWith('%s?')" % home, "the address follows")

    def test_in_a_frame_of_a_notebook(self):
        """The notebook has another port of the same host: only where that is allowed, is the page shown."""
        class Notebook(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<iframe src='%s' width=900 height=500></iframe>" % self.server.address.encode())

            def log_message(self, *_):
                pass
        notebook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notebook)
        self.addCleanup(notebook.server_close)
        self.addCleanup(notebook.shutdown)
        threading.Thread(target=notebook.serve_forever, daemon=True).start()
        for allowed in (False, True):
            self.start("-q", *(["--frame-ancestor", "http://localhost:*"] if allowed else []))
            notebook.address = "http://localhost:%d/?token=%s" % (self.port, self.token)
            self.driver.get("http://localhost:%d/" % notebook.server_port)
            self.driver.switch_to.frame(0)
            if allowed:
                self.ready()
            else:
                self.assertIsNone(self.js("return document.getElementById('map')"))
                self.expected.append("frame-ancestors")
            self.driver.switch_to.default_content()
            self.driver.get("about:blank")  # and with it what the page still wants
        self.requests()  # of two origins

    def test_first_paint_and_weight(self):
        painted = []
        for _ in range(3):
            self.cdp("Network.clearBrowserCache")
            self.open()
            self.until("performance.getEntriesByName('first-contentful-paint').length", "something is painted")
            painted.append(self.js(
                "return [performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                "window.ropemapStats[0].paintedAt]"))
        first, whole = min(painted)
        weight = self.js("return [...performance.getEntriesByType('navigation'), "
                         "...performance.getEntriesByType('resource')].filter((one) => !one.name.includes('view='))"
                         ".reduce((sum, one) => sum + one.transferSize, 0)")
        print("first paint %.0f ms of %d, first map %.0f ms, %.0f kB" % (first, FIRST_PAINT, whole, weight / 1024))
        self.assertLess(weight, WEIGHT)
        self.assertGreater(weight, 20000)

    def test_it_starts_with_the_options_of_the_server(self):
        self.stop(self.process)
        self.start("-q", "--base", "5e5", "-n", "3000", "--causal")
        self.open()
        self.assert_drawn(["--base", "5e5", "-n", "3000", "--causal"])
        self.open("base=77")
        self.assert_drawn(["--base", "77"])

    def test_vectors_of_the_command_line(self):
        """Answer, card, curve and commands are of the rule that the capture brings, which its map has."""
        capture = os.path.join(os.environ["ROPEMAP_SOURCE"], "tests/data/captures/smollm2.safetensors")
        self.start("-q", "--capture", capture, "--head", "2")
        self.open("x-bound=1&head=2")
        self.until("document.getElementById('answer-first').textContent.startsWith('The base sets how fast similarity falls. At base 100,000 (head dim 64)')", "its base")
        self.until("document.getElementById('number-base').value === '100,000'", "and in the control")
        self.assertTrue(self.text("answer-first").endswith(" Map and curve are of real vectors."), "what the sentence is not of")
        self.assertIn("base 100,000, d = 64", self.text("map-title"))
        self.assertEqual(self.js("return document.querySelector('#pane-main .axis-title').textContent"), "query position (tokens)")
        self.until("document.querySelector('#curve .bound').getAttribute('d')", "the bound")
        ask = "return import('/commands.js').then(({ commandLines }) => commandLines())"
        first, bound = self.js(ask).splitlines()
        self.assertTrue(first.startswith("ropemap map --capture %s --head 2 " % capture), first)
        self.done(*first.split()[1:-1], "m.npy")
        self.assertEqual(self.got("/map.npy", head=2).body, self.read("m.npy"))
        self.assertIn(" --base 100000 --head-dim 64 ", bound)
        self.done(*bound.split()[1:])
        self.turn("head=2&x-compare=split&x-a=head%3D2%26base%3D7e4")
        self.until("document.querySelectorAll('#curve path.curve').length === 2", "both curves")
        self.assertEqual(self.text("curve-value"), "")  # no name of what nothing is said of
        # Another base is its own; with vectors made up nothing is of the capture.
        self.enter("#number-base", "5000")
        self.until("document.getElementById('answer-first').textContent.includes('At base 5,000 (head dim 64)')", "the base that was set")
        self.turn("content=ones")
        self.until("document.getElementById('answer-first').textContent.includes('At base 10,000 (head dim 128)')", "no capture's")
        self.until("document.getElementById('curve-value').textContent.startsWith('first below ½ at 46 tokens')", "its curve")
        self.assertEqual(self.js(ask), "ropemap map --content ones --cmap diverging --clim -1:1 -o map.png")


main()
