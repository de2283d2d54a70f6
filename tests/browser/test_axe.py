#!/usr/bin/env python3
# test_axe.py - axe-core finds nothing serious, where a package that brings it is installed
# SPDX-License-Identifier: MIT
import importlib.util
import pathlib
import sys

import browsing
from browsing import BrowseCase, main

STATES = ("", "preset=llama3.1-8b&scaling=yarn:factor=4,original=8192&x-bound=1&x-pin=base%3D7",
          "positions=1k&x-a=base%3D100&x-compare=split", "x-formula=1&x-compare=beside", "positions=256&x-many=base%3D100+1000",
          "rotary-dim=7")


def axe_source():
    """The text of axe.min.js of PyPI's axe-core-python or axe-selenium-python; None without them."""
    for package in ("axe_core_python", "axe_selenium_python"):
        found = importlib.util.find_spec(package)
        for place in found.submodule_search_locations if found else ():
            for file in pathlib.Path(place).rglob("axe*.js"):
                return file.read_text(encoding="utf-8")
    return None


class Axe(BrowseCase):
    def test_no_state_has_a_serious_finding(self):
        source = axe_source()
        for theme in ("light", "dark"):
            self.media(prefers_color_scheme=theme)
            for state in STATES:
                with self.subTest(theme=theme, state=state):
                    self.open(state, ready=False)
                    self.expected += ["status of 4"]
                    self.settled()
                    self.js("for (const one of document.querySelectorAll('#controls details')) one.open = true;"
                            "return Promise.all(document.getAnimations().map((one) => one.finished))")
                    self.js(source)
                    version, passed, found = self.js(
                        "return axe.run().then(({ passes, violations }) => [axe.version, passes.length,"
                        "violations.map((one) => [one.impact, one.id, one.help,"
                        "one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))])])")
                    print("axe %s, %s, '%s': %d rules hold, %d do not" % (version, theme, state, passed, len(found)))
                    for one in found:
                        print("   ", *one)
                    self.assertGreater(passed, 20)
                    self.assertEqual([one for one in found if one[0] in ("serious", "critical")], [])


if browsing.missing() is None and axe_source() is None:
    print("skipped: axe, because neither axe-core-python nor axe-selenium-python is importable by %s" % sys.executable)
    sys.exit(browsing.SKIPPED)
main()
