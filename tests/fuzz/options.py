#!/usr/bin/env python3
# options.py - command lines made from the tables of options: mostly valid values, sometimes one odd one
# SPDX-License-Identifier: MIT
"""
    tests/fuzz/options.py PROGRAM [--seconds N] [--runs N] [--seed N]

Reads every command's options from its help page, so that a new option takes part by itself, and runs the program
with random ones in a directory of its own. A run is at fault where it crashes, hangs, ends with a code that is not
documented, fails without a line on stderr, leaves a temporary or half-written file, changes an input, or promises
what it does not keep (JSON that does not parse). The seed is printed, and repeats the whole sequence.
"""
import argparse
import collections
import hashlib
import json
import math
import os
import random
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time

COMMANDS = ["map", "map", "map", "curve", "curve", "sweep", "sweep curve", "bound", "plan", "explain", "info", "check", "bench",
            "doctor", "pairs", "heads"]
CODES = {0, 2, 3, 4, 5, 6}
TIMEOUT = 600

# Keeps a run short; the random options follow and may override it.
SHORT = {"bound": ["--resolution", "0.01", "--limit", "500", "--bases", "100:1e5"], "explain": ["--quick"],
         "plan": ["--resolution", "0.01", "--bases", "100:1e5"],
         "bench": ["--samples", "1", "--seconds", "0.01", "-n", "64", "-d", "8", "--size", "8", "--threads", "1"]}
# What a command is nothing without.
NEEDED = {"map": ["output"], "sweep": ["vary", "output"], "sweep curve": ["vary", "output"], "bound": ["length"], "plan": ["length"],
          "pairs": ["queries", "keys"], "heads": ["queries", "keys"]}
# Options that mean something together alone: given one, the others follow.
TOGETHER = {"queries": ["keys"], "keys": ["queries"], "head": ["queries", "keys"], "batch": ["queries", "keys"],
            "state": ["queries", "keys"], "order": ["queries", "keys"], "first-position": ["queries", "keys"],
            "strict": ["queries", "keys"], "dims": ["table"], "rotary-dim": ["head-dim"], "chunk": ["causal"],
            "local": ["chunk", "causal"], "contour": ["frames"], "fail-above": ["baseline"]}
# The value that another option must have if both are given.
FORCED = {"slope": ("encoding", "alibi"), "chunk": ("encoding", "dual-chunk"), "layer-type": ("model", "m"),
          "sections": ("positions-from", "grid.npy")}
APART = [{"queries", "content"}, {"model", "preset"}, {"json", "csv"}, {"positions-from", "grid"}, {"preset", "layer-type"},
         {"profile"}, {"encoding", "content"}, {"encoding", "queries"}, {"encoding", "phase"}, {"table", "length"}, {"queries", "band"}, {"queries", "quantity"}, {"queries", "phase"},
         {"queries", "shift"}, {"quantity", "phase"}, {"band", "phase"}, {"bare", "contour"}, {"presets"},
         {"queries", "positions"}, {"queries", "rows"}, {"queries", "cols"}, {"queries", "head-dim"}, {"block"},
         {"heads"}, {"dark"}]

UNVARIED = {"vary", "lines", "output", "frames", "distances", "threads", "label", "width", "dpi", "font-size", "size", "cmap",
            "clim", "norm", "contour", "columns", "axis", "ylim", "memory", "device", "backend", "queries", "keys", "model"}
TENSOR_OPTIONS = {"order", "batch", "head", "state", "first-position"}

ODD = ["", "-", "--", "0", "-1", "1e400", "nan", "inf", "-0", "0x10", "1e-400", "9" * 40, "12x", "1k", "1G", "1e6", "0.5",
       "1:2:3:4", ":", ",", "=", "a=b", "a" * 300, "\x1b[31m", "\u202e", "%s%n", "../..", "/", "/dev/null", "/dev/full",
       "missing", "folder", "q.npy", "m", "none", "auto", "1,", ",1", "5x", "x5", "65536x1", "true", "symlog:", "gauss:"]


def write_npy(path, shape, values, descr="<f4"):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }" % (descr, ", ".join(map(str, shape)))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = {"<f4": "f", "<i8": "q"}[descr]
    with open(path, "wb") as stream:
        stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                     + struct.pack("<%d%s" % (len(values), code), *values))


def make_inputs(folder):
    values = [math.sin(i * i) for i in range(2 * 16 * 8)]
    write_npy(os.path.join(folder, "q.npy"), (2, 16, 8), values)
    write_npy(os.path.join(folder, "k.npy"), (2, 16, 8), values[::-1])
    write_npy(os.path.join(folder, "at.npy"), (16,), list(range(0, 48, 3)), "<i8")
    write_npy(os.path.join(folder, "grid.npy"), (3, 16), [i // 4 for i in range(16)] * 3, "<i8")
    write_npy(os.path.join(folder, "inv.npy"), (64,), [10000.0**(-i / 64) for i in range(64)])
    os.mkdir(os.path.join(folder, "m"))
    os.mkdir(os.path.join(folder, "folder"))
    config = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8, "max_position_embeddings": 64,
              "rope_theta": 5e5}
    with open(os.path.join(folder, "m/config.json"), "w") as stream:
        json.dump(config, stream)
    with open(os.path.join(folder, "old.json"), "w") as stream:
        json.dump({"schema": "ropemap.bench/1", "rows": []}, stream)
    with open(os.path.join(folder, "old.png"), "w") as stream:
        stream.write("old")


def options_of(program, command):
    """name -> the word for its value, None for a flag, as the help page lists them."""
    page = subprocess.run([program, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout
    found = {name: word.strip() or None for name, word in re.findall(r"^ .{0,5} --([a-z][a-z-]*)((?: \S+)?)", page, re.M)}
    found.pop("help")
    return found


class Lines:
    """Random command lines."""

    def __init__(self, program, seed):
        self.random = random.Random(seed)
        self.options = {command: options_of(program, command) for command in set(COMMANDS)}
        self.unknown = set()

    def number(self, low, high):
        value = self.random.choice([low, high, self.random.randint(low, high)])
        return str(value)

    def range(self, count):
        first = self.random.choice([0, 0, 1, 1000, 1 << 30])
        return self.random.choice(["%d" % self.random.randint(1, count), "%d:%d" % (first, self.random.randint(1, count)),
                                   "%d:%d:%d" % (first, self.random.randint(1, count), self.random.randint(1, 9))])

    def output(self, command):
        if command == "bench":  # a table, whatever its name
            return self.random.choice(["out.md", "out.md", "-", "old.png", "/dev/null", "folder/x"])
        kinds = {"map": "png svg pdf npy", "curve": "png svg pdf csv npy", "info": "png"}.get(command, "png svg pdf").split()
        kind = self.random.choice(kinds)
        return self.random.choice(["out%d.%s" % (self.random.randint(0, 2), kind)] * 6 + ["-", kind + ":-", "old.png",
                                                                                       "/dev/null", "folder/x." + kind])

    def vary(self, command):
        name = self.random.choice([name for name, word in self.options[command].items()
                                   if word is not None and name not in UNVARIED and (command != "sweep" or name != "diff")
                                   and (command == "sweep" or name not in TENSOR_OPTIONS)])
        values = {self.value(command, name, self.options[command][name]) for _ in range(self.random.randint(1, 3))}
        return name + "=" + ",".join(sorted(values))

    def value(self, command, name, word):
        pick = self.random.choice
        by_name = {
            "preset": lambda: pick(["llama2-7b", "qwen3-8b", "llama3.1-8b", "phi-2"]), "model": lambda: pick(["m", "m/config.json"]),
            "layer-type": lambda: "full_attention", "base": lambda: pick(["1e4", "5e5", "1.5", "1e10"]),
            "head-dim": lambda: pick(["2", "8", "64", "128"]), "rotary-dim": lambda: pick(["2", "4", "8"]),
            "length": lambda: self.number(2, 64), "threads": lambda: self.number(1, 4), "device": lambda: "0",
            "chunk": lambda: self.number(8, 64), "local": lambda: self.number(1, 7), "batch": lambda: "0",
            "head": lambda: self.number(0, 1), "first-position": lambda: pick(["0", "5", "1M"]),
            "positions-from": lambda: "at.npy", "baseline": lambda: "old.json", "roofline": lambda: "roof.png", "rows": lambda: "rows.jsonl",
            "queries": lambda: "q.npy", "keys": lambda: pick(["k.npy", "q.npy"]), "output": lambda: self.output(command),
            "shift": lambda: pick(["0", "1", "1M", "1G"]), "dpi": lambda: self.number(10, 300), "windows": lambda: self.number(1, 3),
            "columns": lambda: self.number(1, 4), "limit": lambda: self.number(1, 1000), "samples": lambda: self.number(1, 3),
            "seconds": lambda: "0.01", "resolution": lambda: pick(["0.01", "0.005"]), "slope": lambda: pick(["0.01", "1"]),
            "dtype": lambda: pick((word or "fp32").split("|")) if "|" in (word or "") else "fp32",
            "heads": lambda: pick(["1", "4:2"]), "block": lambda: "64", "vary": lambda: self.vary(command),
            "lines": lambda: self.vary(command), "frames": lambda: pick(["frames", "folder", "frames/"]),
            "diff": lambda: pick(["hf-fp32", "ggml-fp32", "bf16-tables"]), "contour": lambda: pick(["0", "0.5", "-0.5,0,0.5"]),
            "table": lambda: pick(["16,32", "8-64"]), "dims": lambda: pick(["4", "4,8"]), "bases": lambda: "100:1e5",
            "memory": lambda: pick(["64M", "1G"]), "percentile": lambda: pick(["1", "10", "40"]),
            "fail-above": lambda: pick(["5%", "5"]), "font-size": lambda: pick(["8", "12px", "9pt"]),
            "grid": lambda: self.number(1, 6), "sections": lambda: pick(["1,1,2", "interleaved:2,1,1"]),
            "norm": lambda: pick(["linear", "log", "symlog", "symlog:0.01"]), "content": lambda: pick(["ones", "gauss", "gauss:7"]),
            "scaling": lambda: pick(["none", "linear:factor=4", "ntk:factor=2", "dynamic:factor=2,max=32",
                                     "yarn:factor=4,original=32", "llama3:factor=8,original=64,low=1,high=4",
                                     "proportional:rotated=0.5"]),
        }
        by_word = {"RANGE": lambda: self.range(48), "WxH": lambda: pick(["8", "16x8", "1x32", "300x200"]),
                   "LOW:HIGH": lambda: pick(["-1:1", "0:1", "-0.5:0.25"]), "LENGTH": lambda: pick(["180mm", "8cm", "3in", "500px"]),
                   "FIRST:COUNT": lambda: pick(["0:1", "0:4", "2:2"]), "LIST": lambda: pick(["8", "8,16"]),
                   "TEXT": lambda: pick(["a label", "\u00e4\u4e2d", "x" * 200]), "N": lambda: self.number(0, 9)}
        if name in by_name and not (command == "bench" and word == "LIST" and name in ("head-dim", "positions")):
            return by_name[name]()
        if word in by_word:
            return by_word[word]()
        if "|" in word:
            return pick([choice for choice in word.split("|") if "[" not in choice])
        self.unknown.add("--%s %s of %s" % (name, word, command))
        return self.number(1, 9)

    def bent(self, value):
        """The value with one character less, more, or another."""
        at = self.random.randint(0, len(value))
        more = self.random.choice(["", "0", "9", "-", ".", ":", ",", "e", "k", "=", "x", " ", "\n", "\u00e9"])
        return value[:at] + more + value[at + self.random.randint(0, 1):]

    def line(self):
        command = self.random.choice(COMMANDS)
        options = self.options[command]
        names = list(NEEDED.get(command, []))
        names += self.random.sample(list(options), min(len(options), self.random.choice([0, 1, 2, 3, 4, 6])))
        for name in list(names):
            names += [other for other in TOGETHER.get(name, []) if other in options]
        names = list(dict.fromkeys(names))
        if self.random.random() < 0.9:
            names += [other for name, (other, _) in FORCED.items() if name in names and other in options and other not in names]
            for group in APART:
                if group <= set(names):
                    names.remove(sorted(group)[0])
        values = [[name, self.value(command, name, options[name]) if options[name] is not None else None] for name in names]
        for name, (other, value) in FORCED.items():
            for pair in values:
                if name in names and pair[0] == other:
                    pair[1] = value
        with_value = [pair for pair in values if pair[1] is not None]
        if with_value and self.random.random() < 0.4:
            pair = self.random.choice(with_value)
            pair[1] = self.random.choice(ODD) if self.random.random() < 0.5 else self.bent(pair[1])
        words = command.split() + SHORT.get(command, [])
        for name, value in values:
            words += ["--" + name] if value is None else ["--%s=%s" % (name, value)]
        if command == "check":
            words.append(self.random.choice(["inv.npy"] * 5 + ["q.npy", "missing"]))
        if command == "bench":
            words.append(self.random.choice(["rotate", "pool", "similarity", "diagonal", "png", "map", "softmax", "rank"]))
        if self.random.random() < 0.5 and "force" in options:
            words.append("--force")
        return [word.replace("\0", "") for word in words]


# ---- what a run must keep ---------------------------------------------------------------------------------------


def files_in(folder):
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as stream:
                found[os.path.relpath(path, folder)] = stream.read()
        found[os.path.relpath(place, folder) + "/"] = b""
    return found


def incomplete(name, data):
    """What a file lacks that its name promises; None: nothing."""
    kind = name.rsplit(".", 1)[-1]
    if kind == "png":
        whole = data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
    elif kind == "svg":
        whole = data.rstrip().endswith(b"</svg>")
    elif kind == "pdf":
        whole = data.startswith(b"%PDF") and data.rstrip().endswith(b"%%EOF")
    elif kind == "csv":
        whole = data.endswith(b"\n")
    elif kind == "npy":
        length = struct.unpack("<H", data[8:10])[0] if len(data) > 10 else 0
        shape = re.search(rb"'shape': \(([0-9, ]+)\)", data[:10 + length])
        count = math.prod(int(size) for size in shape[1].split(b",") if size.strip()) if shape else -1
        whole = len(data) == 10 + length + 4 * count
    else:
        whole = True
    return None if whole else "%s of %d bytes is not complete" % (name, len(data))


def faults_of(words, result, before, after):
    errors = result.stderr.decode(errors="replace")
    code = result.returncode
    if code not in CODES:
        yield "ended with %d" % code
    if "Sanitizer" in errors or "runtime error" in errors:
        yield "a sanitizer spoke"
    if code != 0 and code != 6 and not re.search(r"(?m)^ropemap: .+$", errors):
        yield "failed without a message"
    if code == 2 and errors.count("\n") != 1:
        yield "a usage error of %d lines" % errors.count("\n")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", errors):
        yield "raw control characters"
    made = {name: data for name, data in after.items() if before.get(name) != data}
    gone = set(before) - set(after)
    if gone:
        yield "%s is gone" % ", ".join(sorted(gone))
    inputs = {"q.npy", "k.npy", "at.npy", "grid.npy", "inv.npy", "m/config.json"}
    for name, data in made.items():
        if os.path.basename(name).startswith(".") and not any(word.endswith("=" + name) for word in words):
            yield "%s was left" % name
        if name in inputs and any(name in word and "--output" not in word for word in words):
            yield "the input %s was changed" % name
        if code not in (0, 6) and "--rows=" + name not in words:  # rows are kept whatever happens later
            yield "%s was made by a run that failed" % name
        elif not name.endswith("/") and words[0] != "bench" and incomplete(name, data):
            yield incomplete(name, data)
    if code == 0 and "--json" in words and not any("output=" in word for word in words if words[0] == "bench"):
        try:
            json.loads(result.stdout)
        except ValueError as reason:
            yield "JSON does not parse: %s" % reason


def run_one(program, words):
    """Faults, exit code."""
    with tempfile.TemporaryDirectory(prefix="ropemap-options-") as folder:
        make_inputs(folder)
        before = files_in(folder)
        try:
            result = subprocess.run([program, *words], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL,
                                    timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return ["ran for more than %d s" % TIMEOUT], None, ""
        found = list(faults_of(words, result, before, files_in(folder)))
        return found, result.returncode, result.stderr.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=1 << 60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    lines, codes, faults, begin = Lines(program, arguments.seed), collections.Counter(), 0, time.monotonic()
    usage = collections.Counter()
    while sum(codes.values()) < arguments.runs and time.monotonic() < begin + arguments.seconds:
        words = lines.line()
        found, code, errors = run_one(program, words)
        codes[code] += 1
        if code == 2:
            usage[re.sub(r"'.*?'|[0-9.]+", "#", errors)[:70]] += 1
        for fault in found:
            faults += 1
            print("fault: %s\n    ropemap %s\n    %s" % (fault, shlex.join(words), errors[-2000:].replace("\n", "\n    ")),
                  flush=True)
    runs = sum(codes.values())
    print("options: seed %d, %d runs, exit codes %s, %d faults" %
          (arguments.seed, runs, ", ".join("%s: %d" % pair for pair in sorted(codes.items(), key=str)), faults))
    if os.environ.get("OPTIONS_USAGE"):
        for text, count in usage.most_common(25):
            print("%5d %s" % (count, text.strip()))
    for text in sorted(lines.unknown):
        print("options: no values are known for %s; numbers were tried" % text)
    return 1 if faults or runs == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
