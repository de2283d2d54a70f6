#!/usr/bin/env python3
# test_serve.py - `ropemap serve`: what it answers is what the command line makes
# SPDX-License-Identifier: MIT
import gzip
import json
import math
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys
import unittest

from harness import PROGRAM, SOURCE, bound, frequencies, ones_similarity, read_npy, read_png, write_npy
from serving import ServeCase


class Answers(ServeCase):
    def setUp(self):
        super().setUp()
        self.start()

    def same(self, path, command, name, options, **query):
        """The bytes of an answer are those of the file that the command writes."""
        self.done(command, *options, "-o", name, "--force", "-q")
        answer = self.got(path, **query)
        self.assertEqual(answer.body, self.read(name), (path, query))
        return answer

    def test_maps_are_the_files_of_the_command(self):
        options = ["--base", "5e5", "--positions", "3001", "--size", "64x37"]
        query = {"base": "5e5", "positions": "3001", "size": "64x37"}
        for ending, kind in (("png", "image/png"), ("svg", "image/svg+xml"), ("pdf", "application/pdf"),
                             ("npy", "application/octet-stream")):
            answer = self.same("/map." + ending, "map", "m." + ending, options, **query)
            self.assertEqual(answer.headers["Content-Type"], kind)
        self.same("/map.png", "map", "b.png", [*options, "--bare", "--cmap", "seed"], bare="1", cmap="seed", **query)
        self.same("/map.png", "map", "d.png", [*options, "--diff", "bf16-inv-freq", "--shift", "1M"],
                  diff="bf16-inv-freq", shift="1M", **query)
        self.same("/map.npy", "map", "n.npy", [*options, "--diff", "scaling=linear:factor=4"],
                  diff="scaling=linear:factor=4", **query)
        self.same("/map.npy", "map", "w.npy", ["--preset", "qwen3-8b", "-n", "0:64k", "--rows", "65000:100", "--cols",
                                               "7:33", "--scaling", "yarn:factor=4,original=32768"],
                  preset="qwen3-8b", positions="0:64k", rows="65000:100", cols="7:33",
                  scaling="yarn:factor=4,original=32768")

    def test_the_header_describes_the_map(self):
        answer = self.got("/map.png", base="5e5", positions="4096", size="128", bare="", causal="true",
                          rows="64:1000", cols="0:2000", norm="symlog:0.1")
        cells = read_npy(self.got("/map.npy", base="5e5", positions="4096", size="128", causal="1", rows="64:1000",
                                  cols="0:2000").body)
        known = [value for row in cells for value in row if not math.isnan(value)]
        told = answer.map
        self.assertEqual((told["width"], told["height"]), (128, 128))
        self.assertEqual(told["rows"], {"first": 64, "count": 1000, "step": 1})
        self.assertEqual(told["cols"], {"first": 0, "count": 2000, "step": 1})
        self.assertAlmostEqual(told["min"], min(known), 7)
        self.assertAlmostEqual(told["max"], max(known), 7)
        self.assertEqual(told["nan_cells"], 128 * 128 - len(known))
        self.assertEqual((told["norm"], told["linear_below"], told["backend"]), ("symlog", 0.1, "cpu"))
        self.assertFalse(told["cached"])

    def test_levels_of_a_bare_picture_follow_the_header(self):
        query = {"base": "1e4", "positions": "300", "size": "50"}
        answer = self.got("/map.png", bare="1", cmap="viridis", **query)
        cells = read_npy(self.got("/map.npy", **query).body)
        picture, told = read_png(answer.body), answer.map
        palette = self.got("/options.json").json["colormaps"]["viridis"]
        self.assertEqual(["%02x%02x%02x" % colour for colour in picture["palette"][:255]], palette[:-1])
        for row, levels in zip(cells, picture["rows"]):
            for value, level in zip(row, levels):
                place = 254 * (value - told["low"]) / (told["high"] - told["low"])
                self.assertLessEqual(abs(place - level), 0.5 + 1e-4)

    def test_the_same_again_is_kept(self):
        query = {"base": "12345", "positions": "1k", "size": "64", "bare": "1"}
        first, second = self.got("/map.png", **query), self.got("/map.png", view="a-1", **query)
        self.assertEqual(first.body, second.body)
        self.assertEqual((first.map["cached"], second.map["cached"]), (False, True))
        self.assertFalse(self.got("/map.png", **{**query, "base": "12346"}).map["cached"])

    def test_one_value_is_that_of_the_oracle(self):
        similarity = ones_similarity(128, frequencies(128, 5e5))
        for i, j in ((0, 0), (5, 3), (3, 5), (131071, 7), (2**40 - 1, 2**40 - 9)):
            value = self.got("/value.json", base="5e5", i=i, j=j, positions="4k", rows="0:5", size="3", bare="1").json
            self.assertEqual((value["schema"], value["i"], value["j"], value["distance"]),
                             ("ropemap.value/1", i, j, i - j))
            self.assertLessEqual(abs(value["value"] - similarity(i, j)), bound(128))
        exact = ones_similarity(128, frequencies(128, 1e4))(3000, 1293)  # small, and of five digits on the page
        self.assertLessEqual(abs(self.got("/value.json", i=3000, j=1293).json["value"] - exact), 1e-8)
        self.assertIsNone(self.got("/value.json", causal="1", i=3, j=5).json["value"])
        self.refused_http(400, ["i is missing"], "/value.json", j=5)
        scores = [128**-0.5 * similarity(100, j) for j in range(101)]
        sum_of = sum(math.exp(score) for score in scores)
        value = self.got("/value.json", base="5e5", measure="softmax", causal="1", i=100, j=90, positions="1k").json["value"]
        self.assertAlmostEqual(value / (math.exp(scores[90]) / sum_of), 1, 4)
        self.refused_http(400, ["positions is missing"], "/value.json", measure="softmax", i=5, j=3)
        self.refused_http(400, ["j", "-1"], "/value.json", i=5, j=-1)
        self.refused_http(400, ["i", "nan"], "/value.json", i="nan", j=5)

    def test_a_rule_with_a_length_keeps_it_when_a_part_is_shown(self):
        rule = {"scaling": "dynamic:factor=4,max=4096", "positions": "64k"}
        whole = read_npy(self.got("/map.npy", size="16", rows="0:16", cols="0:16", **rule).body)
        for i, j in ((3, 1), (15, 0)):
            self.assertLessEqual(abs(self.got("/value.json", i=i, j=j, **rule).json["value"] - whole[i][j]), bound(128))
        near = read_npy(self.got("/map.npy", size="16", scaling="dynamic:factor=4,max=4096", positions="0:16").body)
        self.assertNotAlmostEqual(near[15][0], whole[15][0], 3)

    def test_curves_bounds_rules_and_sentences_are_those_of_the_commands(self):
        self.same("/curve.csv", "curve", "c.csv", ["--vary", "base=1e4,5e5", "-n", "100"], vary="base=1e4,5e5",
                  distances="100")
        self.same("/curve.svg", "curve", "c.svg", ["-b", "5e5", "-n", "2k", "--axis", "log"], base="5e5",
                  distances="2k", axis="log")
        for path, command, options, query in (
                ("/curve.json", "curve", ["-n", "50", "--quantity", "roformer"], {"distances": 50,
                                                                                  "quantity": "roformer"}),
                ("/bound.json", "bound", ["-b", "5e5", "--length", "1k"], {"base": "5e5", "length": "1k"}),
                ("/info.json", "info", ["--preset", "llama3.1-8b"], {"preset": "llama3.1-8b"})):
            wanted = json.loads(self.done(command, *options, "--json", *(["-q"] if command != "info" else [])).stdout)
            self.assertEqual(self.got(path, **query).json, wanted)
        wanted = self.done("explain", "-b", "5e5", "-q").stdout
        self.assertEqual(self.got("/explain.txt", base="5e5").body, wanted)
        self.assertEqual(self.got("/explain.txt", base="5e5", quick="1").body, b"".join(wanted.splitlines(True)[:4]))
        self.assertEqual(self.done("explain", "-b", "5e5", "-q", "--quick").stdout, b"".join(wanted.splitlines(True)[:4]))

    def test_refusals_have_the_sentence_of_the_command_line(self):
        for query in ({"base": "0"}, {"base": "nan"}, {"positions": "0"}, {"positions": "-1"}, {"positions": "1e30"},
                      {"positions": "12x"}, {"head-dim": "7"}, {"size": "0"}, {"size": "-1"}, {"size": "5x"},
                      {"cmap": "viridris"}, {"bas": "5"}, {"scaling": "yarn"}, {"clim": "1:0"}, {"pool": ""},
                      {"preset": "llama"}, {"rows": "0:9999999999999"}, {"encoding": "alibi", "content": "gauss"},
                      {"norm": "log", "clim": "-1:1"}, {"shift": "1e13"}, {"layer-type": "x"}, {"chunk": "5"},
                      {"rotary-dim": "256"}, {"method": "diagonal", "content": "gauss"}):
            options = [text for name, value in query.items() for text in ("--" + name, value)]
            result = self.run_program("map", *options, "-o", "x.png")
            wanted = result.stderr.decode()
            self.assertIn(result.returncode, (2, 3), options)
            answer = self.ask("/map.png", **query)
            self.assertEqual(answer.status, 400, (query, answer.body))
            self.assertEqual("ropemap: " + answer.text, wanted)

    def test_nothing_of_this_machine_can_be_named(self):
        for name in ("queries", "keys", "output", "positions-from", "force", "threads", "memory", "backend", "json"):
            self.refused_http(400, ["--" + name], "/map.png", **{name: "/etc/passwd"})
        for name in ("model", "queries", "output"):
            self.refused_http(400, ["--" + name], "/curve.json", vary=name + "=/etc/passwd")
            self.refused_http(400, ["--" + name], "/map.npy", diff=name + "=/etc/passwd")
        self.refused_http(400, ["--model", "not the id"], "/map.png", model="/etc/passwd")
        self.refused_http(400, ["--size", "1e9"], "/map.png", size="1e9")
        self.refused_http(400, ["--size", "2048"], "/map.png", size="2049x1")
        self.refused_http(400, ["--grid", "1024"], "/map.png", grid="4096")
        self.refused_http(400, ["--width", "4096", "map.svg"], "/map.png", width="5000mm")
        self.refused_http(400, ["--width", "high"], "/map.png", width="88mm", rows="2k", cols="1")
        self.assertEqual(self.got("/map.png", width="88mm", positions="64").body[16:20].hex(), "0000040f")  # 1,039 pixels
        self.refused_http(400, ["--width", "4096"], "/curve.png", width="5000mm", dpi="1200")
        self.refused_http(400, ["--size", "4096"], "/curve.png", size="8192")
        self.refused_http(400, ["--distances"], "/curve.json", distances="64M")
        self.refused_http(400, ["--bare"], "/map.svg", bare="1")
        self.refused_http(400, ["--causal", "maybe"], "/map.png", causal="maybe")
        self.assertEqual(self.names(), [])

    def test_a_posted_config_is_a_model(self):
        text = json.dumps({"model_type": "llama", "rope_theta": 5e5, "hidden_size": 4096, "num_attention_heads": 32,
                           "max_position_embeddings": 8192}).encode()
        kind = {"Content-Type": "application/json"}
        posted = self.got("/model", verb="POST", body=text, headers=kind).json
        self.assertEqual((posted["schema"], posted["trained_length"]), ("ropemap.model/1", 8192))
        self.assertEqual(posted["info"]["base"], 5e5)
        self.write("config.json", text)
        for path, command, name in (("/map.png", "map", "m.png"), ("/curve.csv", "curve", "c.csv")):
            self.same(path, command, name, ["--model", "config.json"], model=posted["id"])
        again = self.got("/model", verb="POST", body=text, headers=kind).json
        self.assertEqual(again["id"], posted["id"])
        for bad in (b"", b"{", b"[]", b'{"rope_theta": 0}', b"\xff\xfe{", b'{"model_type":"bert"}'):
            self.refused_http(422, ["config.json"], "/model", verb="POST", body=bad, headers=kind)
        for number in range(40):  # more than are kept: the one in use stays
            self.got("/model", verb="POST", body=text + b" " * (number + 1), headers=kind)
            self.got("/info.json", model=posted["id"], layout=("half", "interleaved")[number % 2], base=str(9 + number))

    def test_options_tell_what_the_command_takes(self):
        told = self.got("/options.json").json
        names = {option["name"] for option in told["options"]}
        self.assertTrue({"positions", "base", "head-dim", "rotary-dim", "scaling", "causal", "pool", "phase", "content",
                         "shift", "cmap", "norm", "distances", "axis", "length"} <= names)
        self.assertFalse({"output", "queries", "model", "force", "json", "threads"} & names)
        self.assertEqual(len(names), len(told["options"]))
        by_name = {option["name"]: option for option in told["options"]}
        self.assertEqual(by_name["base"]["slider"], {"low": 100, "high": 1e10, "scale": "log", "step": 0, "unit": ""})
        self.assertEqual(by_name["pool"]["choices"], ["mean", "min", "max", "absmax", "rms", "std", "mass"])
        self.assertTrue(by_name["causal"]["flag"])
        yarn = {rule["name"]: rule for rule in told["scaling"]}["yarn"]
        self.assertEqual([one["key"] for one in yarn["parameters"] if one["required"]], ["original"])
        self.assertGreaterEqual(len(told["presets"]), 30)
        self.assertTrue(all(len(colours) == 256 for colours in told["colormaps"].values()))
        for option in told["options"]:  # a slider's ends are values that its option takes
            if option["slider"] and "map" in option["commands"]:
                for end in ("low", "high"):
                    rest = {"local": {"chunk": "4M"}, "chunk": {"local": "1"}, "slope": {"encoding": "alibi"},
                            "length": {}, "rotary-dim": {"head-dim": "512"}, "sink-tokens": {"window": "9"}}.get(
                                option["name"], {})
                    if option["name"] in ("chunk", "local"):
                        rest.update(encoding="dual-chunk", causal="1")
                    if option["page"]["needs"] == "measure=softmax":
                        rest = {"measure": "softmax"}
                    query = {option["name"]: "%.17g" % option["slider"][end], "size": "8", **rest}
                    answer = self.ask("/map.png", **query)
                    self.assertEqual(answer.status, 200, (query, answer.body))


class Names(ServeCase):
    """Options as the page, the server and the commands name them: each is one that a command takes."""

    def known(self):
        names, commands = set(), re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}", self.done("--help").stdout.decode(), re.M)
        self.assertIn("sweep curve", commands)
        for command in commands:
            page = self.done(*command.split(), "--help").stdout.decode()
            names |= set(re.findall(r"^ .{0,5} --([a-z-]+)", page, re.M))
        return names | {"help", "version"}

    @staticmethod
    def named(text, known):
        """A list that names two options names nothing else; then where one is looked up, and in messages."""
        text = re.sub(r"/\*.*?\*/|'\./[a-z]+\.js'", "", text, flags=re.S)
        found = set()
        for words in re.findall(r"[\[{(]((?:\s*(?:['\"][a-z-]+['\"]|NULL)\s*,?)+)\s*[\]})]", text):
            words = set(re.findall(r"['\"]([a-z-]+)['\"]", words))
            found |= words if len(words & known) > 1 else set()
        found |= set(re.findall(r"\b(?:effective|numberOf|labelOf|takes|defaultText|options\.get)\('([a-z-]+)'", text))
        found |= set(re.findall(r"\b(?:state\.options|query)(?:\.|\[')([a-z][a-z-]*)", text))
        return found | set(re.findall(r"\"--([a-z-]+)", text))

    def test_every_name_is_an_options(self):
        known, total = self.known(), set()
        self.assertEqual(self.named("const X = ['dark', 'text-scale', 'width'];", known) - known, {"text-scale"})
        for folder, ending in (("explorer", ".js"), ("serve", ".c"), ("ropemap", ".c")):
            for path in sorted(pathlib.Path(SOURCE, "tools", folder).rglob("*" + ending)):
                if path.name == "plan_flags.c":
                    continue  # options of other programs
                text = path.read_text(encoding="utf-8")
                named = self.named(re.sub(r"\bquery\b", "", text) if ending == ".c" else text, known)
                self.assertEqual(named - known, set(), path)
                total |= named
        self.assertTrue({"base", "head-dim", "positions", "font-size"} <= total)

    def test_the_page_is_made_from_the_table(self):
        self.start()
        told = self.got("/options.json").json
        options = {option["name"]: option for option in told["options"]}
        places = [place["id"] for place in told["places"]]
        self.assertEqual(places, ["rule", "values", "precision", "colour", "more", "files"])
        for name, option in options.items():
            page = option["page"]
            self.assertIn(page["place"], [*places, None], name)
            if page["needs"] and page["needs"] != "model":
                other, value = page["needs"].split("=")
                self.assertIn(value, options[other]["choices"], name)
            # What is of framed figures alone is what a bare picture is refused with, or has no use for.
            if option["group"] == "output" and "map" in option["commands"]:
                value = {"contour": "0.5", "dark": "1", "font-size": "9pt"}.get(name)
                self.assertTrue(page["framed"] or value is None, name)
                if value:
                    self.refused_http(400, ["--" + name, "--bare"], "/map.png", bare="1", **{name: value})


class Start(ServeCase):
    def test_the_page_starts_with_the_command_line(self):
        self.write("config.json", b'{"model_type":"llama","rope_theta":5e5,"hidden_size":4096,"num_attention_heads":32}')
        self.start("--model", "config.json", "-b", "7e5", "-n", "128k", "--causal", "--threads", "1")
        told = self.got("/options.json").json
        model = told["state"].pop("model")
        self.assertEqual(told["state"], {"base": "7e5", "positions": "128k", "causal": "1"})
        self.assertEqual(told["models"], [{"id": model, "name": "config.json", "layer_type": None}])
        self.assertEqual(self.got("/info.json", model=model).json["base"], 5e5)
        self.assertEqual(told["threads"], 1)

    def test_tensors_are_the_content_where_nothing_else_is_asked(self):
        rows = [math.sin(1 + 0.37 * index) for index in range(40 * 8)]
        self.write("q.npy", write_npy((40, 8), rows))
        self.write("k.npy", write_npy((40, 8), rows[::-1]))
        self.start("--queries", "q.npy", "--keys", "k.npy")
        self.assertEqual(self.got("/options.json").json["tensors"],
                         {"queries": "q.npy", "keys": "k.npy", "positions": 40, "head_dim": 8,
                          "options": [["queries", "q.npy"], ["keys", "k.npy"]], "model": None})
        self.done("map", "--queries", "q.npy", "--keys", "k.npy", "-o", "m.npy")
        self.assertEqual(self.got("/map.npy").body, self.read("m.npy"))
        self.done("curve", "--queries", "q.npy", "--keys", "k.npy", "-o", "c.csv")
        self.assertEqual(self.got("/curve.csv").body, self.read("c.csv"))
        os.remove(self.path("q.npy"))  # what was opened stays open
        self.assertEqual(self.got("/map.npy", base="9").status, 200)
        self.done("map", "--head-dim", "8", "-n", "40", "-o", "o.npy")
        self.assertEqual(self.got("/map.npy", content="ones", head_dim=8, positions=40).body, self.read("o.npy"))

    def test_a_capture_is_the_content_too(self):
        path = os.path.join(SOURCE, "tests/data/captures/smollm2.safetensors")
        self.start("--capture", path)
        told = self.got("/options.json").json["tensors"]
        self.assertEqual([told["queries"], told["positions"], told["head_dim"], told["options"]], [path, 2048, 64, [["capture", path]]])
        [model] = self.got("/options.json").json["models"]  # whose rule it is
        self.assertEqual([model["id"], model["name"]], [told["model"], "SmolLM2-135M-Instruct.Q4_1"])
        info = self.got("/info.json", model=model["id"], layer_type=model["layer_type"]).json
        self.assertEqual([info["base"], info["head_dim"], info["trained_length"]], [100000, 64, 8192])
        self.done("map", "--capture", path, "--head", "2", "-n", "7:300:5", "-o", "m.npy")
        self.assertEqual(self.got("/map.npy", head=2, positions="7:300:5").body, self.read("m.npy"))
        self.assertEqual(self.ask("/map.npy?head=5").status, 400)
        self.done("map", "--head-dim", "8", "-n", "40", "-o", "o.npy")
        self.assertEqual(self.got("/map.npy", content="ones", head_dim=8, positions=40).body, self.read("o.npy"))

    def test_the_page_and_its_files(self):
        self.start()
        answer = self.ask("/?token=" + self.token, token=False)
        self.assertEqual(answer.status, 200)
        cookie = answer.headers["Set-Cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        page = gzip.decompress(answer.body).decode()
        self.assertIn("<title>", page)
        folder = os.path.join(SOURCE, "tools", "explorer")
        total = 0
        for name in sorted(os.listdir(folder)) + ["d3.js"]:
            path = "/" if name == "index.html" else "/" + name
            got = self.ask(path, token=False, headers={"Cookie": "other=1; " + cookie.split(";")[0]})
            self.assertEqual(got.status, 200, path)
            self.assertEqual(got.headers["Content-Encoding"], "gzip")
            total += len(got.body)
            if name != "d3.js":
                with open(os.path.join(folder, name), "rb") as stream:
                    self.assertEqual(gzip.decompress(got.body), stream.read(), name)
            tag = got.headers["ETag"]
            again = self.ask(path, headers={"If-None-Match": tag})
            self.assertEqual((again.status, again.body), (304, b""), path)
        self.assertLess(total, 400000)

    def test_behind_a_proxy(self):
        """Under a path that a proxy keeps or cuts off, for hosts and frames that were named, and no others."""
        self.start("--base-path", "/user/me/proxy/8080", "--proxy-host", "hub.example.org", "--proxy-host", "hub:8443",
                   "--frame-ancestor", "self", "--frame-ancestor", "http://localhost:*")
        self.assertEqual(self.about["base_path"], "/user/me/proxy/8080")
        own, hub = "127.0.0.1:%d" % self.port, "hub.example.org"
        for path in ("/", "/user/me/proxy/8080/"):
            for host in (own, hub, "HUB.example.org", "hub:8443"):
                answer = self.ask(path + "?token=" + self.token, token=False, headers={"Host": host})
                self.assertEqual(answer.status, 200, (path, host))
                self.assertIn("; Path=/user/me/proxy/8080/;", answer.headers["Set-Cookie"])
                self.assertIn("frame-ancestors 'self' http://localhost:*;", answer.headers["Content-Security-Policy"])
            self.assertEqual(self.ask(path + "info.json", headers={"Host": hub}).status, 200)
        for host in ("hub.example.org:80", "hub", "hub.example.org.evil.example", "evil.example"):
            self.assertEqual(self.ask("/?token=" + self.token, token=False, headers={"Host": host}).status, 403, host)
        for path in ("/user/me/proxy/8080", "/user/me/proxy/80801/", "/user/me/proxy/", "/x/user/me/proxy/8080/",
                     "/user/me/proxy/8080/user/me/proxy/8080/"):
            self.assertEqual(self.ask(path).status, 404, path)
        body = b'{"rope_theta": 1e4}'
        for origin, status in (("https://hub.example.org", 200), ("http://hub.example.org", 200), ("http://" + own, 200),
                               ("https://" + own, 403), ("https://evil.example", 403), ("ftp://hub.example.org", 403),
                               ("https://hub.example.org.evil.example", 403), ("null", 403), ("hub.example.org", 403)):
            answer = self.ask("/user/me/proxy/8080/model", "POST", body, headers={
                "Host": own, "Origin": origin, "Content-Type": "application/json"})
            self.assertEqual(answer.status == 403, status == 403, (origin, answer.text))
        self.assertIn("frame-ancestors 'none'", self.ask("/map.svg?size=4").headers["Content-Security-Policy"])
        page = gzip.decompress(self.ask("/").body).decode()
        self.assertNotRegex(page, r'(src|href)="/')

    def test_what_opens_a_server_is_spelled_out(self):
        for option, values in (("--base-path", ("proxy", "/proxy/", "/a//b", "/a/../b", "/a;b", "/a b", "/a\r\nX: y", "/" * 300, "")),
                               ("--proxy-host", ("*", "https://hub", "hub/", "hub,x", "", "h" * 80)),
                               ("--frame-ancestor", ("*", "none", "'self'", "localhost", "http://", "http://a; script-src *", "http://a b"))):
            for value in values:
                self.refused(2, [option], "serve", option, value)
        self.refused(2, ["--proxy-host", "up to 4"], "serve", *["--proxy-host", "a"] * 5)

    def test_a_signal_that_is_ignored(self):
        """As nohup leaves SIGHUP, and a notebook's explorer SIGINT."""
        for number in (signal.SIGHUP, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_IGN))
        process = self.start()
        for number in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        self.got("/map.png", size="16")
        self.assertEqual(self.stop(process, signal.SIGTERM), (0, b""))

    def test_it_ends_in_good_order(self):
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_DFL))
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start()
            self.got("/map.png", size="16")
            connection = self.connection()
            connection.connect()
            self.assertEqual(self.stop(process, number), (0, b""))
            connection.close()

    def test_it_ends_while_pictures_are_made(self):
        process = self.start()
        connection = self.connection()
        connection.request("GET", "/map.png?content=gauss&pool=max&positions=128k",
                           headers={"Authorization": "Bearer " + self.token})
        self.got("/map.png", size="16")
        self.assertEqual(self.stop(process)[0], 0)
        connection.close()

    def test_a_socket_file_is_its_owners_alone(self):
        process = self.start("--socket", "s")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("s")).st_mode), 0o600)
        self.assertEqual(self.about["port"], 0)
        for host, wanted in (("localhost", 200), ("localhost:8080", 200), ("127.0.0.1:9", 200), ("evil.example", 403)):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.path("s"))
                client.sendall(("GET /info.json HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                                "Connection: close\r\n\r\n" % (host, self.token)).encode())
                self.assertEqual(int(client.makefile("rb").readline().split()[1]), wanted, host)
        self.refused(4, ["--socket", "s"], "serve", "--socket", "s")  # one server's name is not another's
        process.kill()
        process.wait()
        process = self.start("--socket", "s")  # what a killed one left behind goes
        self.assertEqual(self.stop(process)[0], 0)
        self.assertEqual(self.names(), [])

    def test_what_took_the_place_of_its_socket_stays(self):
        def replace_by_file():
            self.write("s", b"kept")

        def replace_by_link():
            self.write("other", b"kept")
            os.symlink("other", self.path("s"))

        def replace_by_socket():
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(self.path("s"))

        def replace_by_folder():
            os.mkdir(self.path("s"))

        for replace in (replace_by_file, replace_by_link, replace_by_socket, replace_by_folder):
            process = self.start("--socket", "s")
            os.remove(self.path("s"))
            replace()
            before = os.lstat(self.path("s")).st_ino
            self.assertEqual(self.stop(process), (0, b""))
            self.assertEqual(os.lstat(self.path("s")).st_ino, before, replace.__name__)
            os.rmdir(self.path("s")) if replace is replace_by_folder else os.remove(self.path("s"))
        process = self.start("--socket", "s")
        os.remove(self.path("s"))
        self.assertEqual(self.stop(process), (0, b""))  # there is nothing to remove

    def test_it_refuses_to_start_on_what_it_cannot_serve(self):
        self.write("file", b"kept")
        self.refused(2, ["--port", "65536"], "serve", "--port", "65536")
        self.refused(2, ["--listen", "nowhere"], "serve", "--listen", "nowhere")
        with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as waiting:
            other.bind(self.path("full"))
            other.listen(0)
            waiting.connect(self.path("full"))  # whoever connects now waits until this one is served
            self.refused(4, ["--socket", "full"], "serve", "--socket", "full")
        self.refused(2, ["--socket", "--port"], "serve", "--socket", "s", "--port", "80")
        self.refused(4, ["--socket", "file"], "serve", "--socket", "file")
        self.refused(2, ["--socket"], "serve", "--socket", "s" * 200)
        self.refused(2, ["--keys"], "serve", "--queries", "q.npy")
        self.refused(4, ["q.npy"], "serve", "--queries", "q.npy", "--keys", "q.npy")
        self.refused(2, ["--base"], "serve", "--base", "0")
        self.refused(2, ["--output"], "serve", "--output", "x.png")
        self.assertEqual(self.read("file"), b"kept")
        self.start()
        self.refused(4, ["--port", str(self.port)], "serve", "--port", self.port)
        with open("/dev/full", "w") as full:
            closed = subprocess.run([PROGRAM, "serve"], stdout=full, stderr=subprocess.PIPE, timeout=600)
        self.assertEqual(closed.returncode, 4, closed.stderr)

    def test_an_address_for_others_is_warned_of(self):
        process = self.start("--listen", "127.0.0.2")
        answer = self.raw_at("127.0.0.2", "Host: 127.0.0.2:%d" % self.port)
        self.assertIn(b"200 OK", answer)
        code, said = self.stop(process)
        self.assertEqual(code, 0)
        self.assertIn(b"--listen", said)

    def raw_at(self, address, host):
        with socket.create_connection((address, self.port), timeout=600) as stream:
            stream.sendall(("GET /info.json HTTP/1.1\r\n%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" %
                            (host, self.token)).encode())
            got = b""
            while more := stream.recv(65536):
                got += more
            return got


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
