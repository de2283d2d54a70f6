#!/usr/bin/env python3
# test_latency.py - from a hand that moves the base slider to the new map on the screen
# SPDX-License-Identifier: MIT
"""
131,072 positions, a canvas of 1024 x 1024 pixels, moves of a real pointer: while the hand moves the page asks for as
many cells as come in time, for all of them when it rests. Each move counts from its input event to the end
of the frame that has its picture, or a newer one where moves come faster than pictures. The browser holds pointer
events back until a frame begins, which is told apart. The page promises a median of 33 ms, and 60 ms for 95 of 100, on
two idle cores. The times are printed and never judged, since machines are busy; what fails is a move without a picture.
ROPEMAP_MOVES=N measures N moves of each kind; ROPEMAP_SCENES=1 measures what takes long too, where pictures are coarse
while the hand moves, and how soon each scene has its first one.
"""
import os
import re
import statistics
import time

from browsing import BrowseCase, main

MEDIAN, P95 = 33, 60  # ms
KINDS = ((50, 50), (16, 50))  # ms between moves, moves
SCENES = ["positions=%s%s" % (count, rest) for count in ("128k", "1M") for rest in (
    "", "&pool=absmax", "&content=gauss", "&content=gauss&pool=absmax")] + ["positions=128k&measure=softmax"]

WATCH = """
performance.setResourceTimingBufferSize(5000);
const seen = window.seen = { moves: [], frames: [] };
let at = 0;
addEventListener('pointermove', (event) => { at = event.timeStamp; }, true);
document.getElementById('slider-base').addEventListener('input', (event) => seen.moves.push([at, event.timeStamp]), true);
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => seen.frames.push(performance.now());
// The page tells of a picture in the frame that takes it to the screen; a message comes after that frame.
window.ropemapStats.length = 0;
window.ropemapStats.push = function (...told) {
  port2.postMessage(0);
  return Array.prototype.push.apply(this, told);
};
"""
TOLD = """
const entries = new Map(performance.getEntriesByType('resource').map((one) => {
  const address = new URL(one.name), path = address.pathname.slice(1) + address.search.replace(/&view=.*/, '');
  return [path, [one.startTime, one.requestStart, one.responseStart, one.responseEnd]];
}));
const pictures = window.ropemapStats.map((one) => ({ ...one, times: entries.get(one.asked) ?? null }));
return [window.seen.moves, window.seen.frames, pictures];
"""


def at_percent(values, percent):
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


class Latency(BrowseCase):
    def open_large(self, scene="positions=131072"):
        """A page whose canvas has 1024 x 1024 pixels."""
        height = 1250
        self.size(1920, height)
        self.open(scene + "&base=100", ready=False)
        self.until("window.ropemapStats?.length", "there is a picture")
        for _ in range(4):
            side = self.js("return document.getElementById('map').width")
            if side == 1024:
                break
            height += 1024 - side
            self.size(1920, height)
            self.until(lambda: self.js("return document.getElementById('map').width") != side, "the canvas follows")
        self.assertEqual(self.js("return document.getElementById('map').width"), 1024)

    def move(self, spacing, count):
        """Drags the knob from the left to the right, by at least a pixel each time: no map is asked for twice."""
        self.until("document.getElementById('answer-first').textContent", "the page is at rest")
        slider = self.show("#slider-base")
        wide = self.js("return document.getElementById('slider-base').clientWidth") - 20
        step = wide / count
        self.assertGreaterEqual(step, 1)
        self.js(WATCH)
        # In one chain: between two the browser takes the hand off the knob.
        chain = self.actions.move_to_element_with_offset(slider, -wide // 2, 0).click_and_hold().pause(0.5)
        for index in range(1, count + 1):
            chain.move_to_element_with_offset(slider, round(-wide / 2 + index * step), 0).pause(spacing / 1000)
        chain.perform()
        self.until("window.ropemapStats.length && window.ropemapStats.slice(-1)[0].inputAt >= window.seen.moves.slice(-1)[0][1]",
                   "the last move has a picture")
        self.actions.release().perform()
        self.js("return new Promise((done) => setTimeout(done, 100))")
        return self.js(TOLD)

    def report(self, spacing, moves, frames, pictures):
        shown = [next((frame for frame in frames if frame >= one["paintedAt"]), one["paintedAt"]) for one in pictures]
        times, held, own = [], [], 0
        for pointer, given in moves:
            index = next((at for at, one in enumerate(pictures) if one["inputAt"] >= given), None)
            if index is not None:
                times.append(shown[index] - given)
                held.append(given - pointer)
                own += pictures[index]["inputAt"] == given
        gap = statistics.median(b[0] - a[0] for a, b in zip(moves, moves[1:]))
        parts = {name: [] for name in ("until asked", "until the first byte", "of it the server", "transfer",
                                       "decode and draw", "until the frame's end")}
        for one, end in zip(pictures, shown):
            if one["times"] is None:
                continue
            start, sent, first, last = one["times"]
            for name, value in zip(parts, (start - one["inputAt"], first - start, one["serverMs"], last - first,
                                           one["drawnAt"] - last, end - one["drawnAt"])):
                parts[name].append(value)
        median, high = statistics.median(times), at_percent(times, 95)
        sides = sorted(int(re.search(r"size=(\d+)", one["asked"])[1]) for one in pictures)
        print("%d moves (%d pictures coarse, %d to %d cells a side), one each %.0f ms (asked for: %d), %d pictures of their own: median %.1f ms, 95 %% %.1f ms, "
              "most %.1f ms; promised %d and %d; load %.1f" % (len(times), sum(one["coarse"] for one in pictures), sides[0], sides[-1], gap, spacing, own, median, high, max(times),
                                                                MEDIAN, P95, os.getloadavg()[0]))
        parts["(held back before)"] = held
        for name, values in parts.items():
            print("    %-22s median %5.1f ms, 95 %% %5.1f ms" % (name, statistics.median(values), at_percent(values, 95)))
        return len(times)

    def test_a_moved_slider(self):
        for spacing, count in KINDS:
            count = int(os.environ.get("ROPEMAP_MOVES", count))
            self.leave()
            self.stop(self.process)  # a fresh server has no picture in its cache
            self.start("-q")
            self.open_large()
            self.ready()
            moves, frames, pictures = self.move(spacing, count)
            self.assertGreater(len(moves), count * 0.6)
            self.assertEqual(self.report(spacing, moves, frames, pictures), len(moves))
            self.assertEqual(pictures, sorted(pictures, key=lambda one: one["inputAt"]))  # none before an older one

    def test_scenes(self):
        if not os.environ.get("ROPEMAP_SCENES"):
            self.skipTest("ROPEMAP_SCENES=1 measures scenes that take long")
        for scene in SCENES:
            self.leave()
            self.stop(self.process)
            self.start("-q")
            self.open_large(scene)
            first = self.js("const [one] = window.ropemapStats; return [one.coarse, one.paintedAt - one.inputAt, one.serverMs]")
            end = time.monotonic() + 8  # the whole map tells what it costs, or is not waited for
            while self.js("return document.body.dataset.state") == "busy" and time.monotonic() < end:
                time.sleep(0.1)
            print("\n%s: first picture %s after %.0f ms (server %.0f)" % (
                scene, "coarse" if first[0] else "whole", first[1], first[2]))
            self.report(60, *self.move(60, 30))


main()
