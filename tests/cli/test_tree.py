#!/usr/bin/env python3
# test_tree.py - the tree keeps its shape: who may include whom, where files are, how they begin and end
# SPDX-License-Identifier: MIT
"""Reads the sources alone; the program is not run. ROPEMAP_SOURCE names the repository's root."""

import fnmatch
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(os.environ.get("ROPEMAP_SOURCE", pathlib.Path(__file__).resolve().parents[2]))

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "cuda", "host", "tests", "tools"}
CODE = {".c", ".cpp", ".h", ".cu", ".cuh", ".S", ".js", ".css"}
SCRIPT = {".py", ".sh"}

# What the files of a place may include in addition to the files of their own folder, as patterns over paths from the
# root. The first place that matches a file counts. `host/base/*` knows nothing of RoPE; each other layer of
# host/ sees the layers below it, and tools/ see the public interface only.
API = "host/ropemap.h"
(ATTENTION_API, CAPTURE_API, DECAY_API, FIGURE_API, MACHINE_API, MODEL_API, PARTS_API, VERIFY_API) = ROOM_APIS = [
    f"host/ropemap_{room}.h"
    for room in ("attention", "capture", "decay", "figure", "machine", "model", "parts", "verify")]
BASE = "host/base/*.h"
RULE = "host/rule/*.h"
DATA = "host/data/*.h"
DEVICE = "host/device/*.h"
MAP = "host/map/*.h"
CELLS = "host/map/cells.h"  # what a backend pools into
ARITH = "cuda/arith.h"
SOFTMAX = "cuda/softmax_row.h"  # the arithmetic of softmax that both backends share
PROGRAM = "tools/ropemap/*.h"  # and of its folders: options, and a room for each kind of command
GEOMETRY = "cuda/geometry.h"  # what a GPU's device needs to know how much memory its stages take
MAY_INCLUDE = [
    ("host/ropemap.h", []),
    ("host/ropemap_*.h", []),
    ("host/base/*", [API]),
    ("host/rule/*", [API, BASE]),
    ("host/model/*", [API, MODEL_API, BASE, RULE]),
    ("host/data/*", [API, CAPTURE_API, BASE, RULE, ARITH]),
    ("host/figure/*", [API, FIGURE_API, BASE]),
    ("host/device/gpu_sizes.c", [API, MACHINE_API, BASE, CELLS, GEOMETRY, "host/device/*.h"]),
    ("host/device/*", [API, ATTENTION_API, MACHINE_API, BASE, CELLS]),
    ("host/map/*", [API, PARTS_API, BASE, RULE, DATA, DEVICE, ARITH]),
    ("host/decay/*", [API, DECAY_API, BASE, RULE, DATA, DEVICE, MAP, ARITH]),
    ("host/attention/*", [API, ATTENTION_API, BASE, RULE, DATA, DEVICE, MAP, ARITH]),
    ("host/verify/*", [API, VERIFY_API, MODEL_API, BASE, RULE, DATA, ARITH]),
    ("host/cpu/backend.c", [API, MACHINE_API, BASE, "host/device/backend.h"]),
    ("host/cpu/*", [API, BASE, "host/device/backend.h", ARITH, SOFTMAX]),
    ("cuda/arith.h", []),
    ("cuda/softmax_row.h", [ATTENTION_API, ARITH]),
    ("cuda/geometry.h", [CELLS]),
    ("cuda/kernels.h", [API, ARITH, "host/base/view.h", CELLS, GEOMETRY, SOFTMAX]),
    ("cuda/*.cu*", [ARITH, "cuda/kernels.h", "cuda/*.cuh"]),
    ("cuda/context.h", ["cuda/kernels.h", "host/device/gpu_timing.h"]),
    ("cuda/*.c", [API, MACHINE_API, BASE, "cuda/context.h", "host/device/backend.h", "host/device/plugin.h"]),
    ("tools/serve/*", [API, *ROOM_APIS, PROGRAM]),
    ("tools/bench/*", [API, *ROOM_APIS, BASE, DEVICE, MAP, "host/cpu/kernels.h", PROGRAM]),
    ("tools/peers/product.c", [BASE, DEVICE, "host/cpu/kernels.h", CELLS]),
    ("tools/shards/*", [API, *ROOM_APIS, PROGRAM]),
    ("tools/ropemap/*", [API, *ROOM_APIS, PROGRAM, "tools/shards/*.h"]),
    ("tools/*/*", [API, *ROOM_APIS]),
    ("tests/*", ["host/*", "cuda/*", "tests/*", "tools/*/*.h"]),
]
# In cuda/ a file's neighbours are not all open to it.
OWN_FOLDER_CLOSED = ("cuda/*",)

# Headers of libraries, and the only places that may see them: `what` to change when a library is replaced.
LIBRARY_HEADERS = [
    ("cairo*", ["host/figure/*"]),
    ("ft2build.h", ["host/figure/*"]),
    ("freetype/*", ["host/figure/*"]),
    ("stb/*", ["host/figure/*", "tools/peers/*", "tests/*"]),
    ("libdeflate.h", ["host/data/npz.c", "host/figure/*", "tools/bench/*", "tools/shards/*", "tests/*"]),
    ("jansson.h", ["host/model/*", "host/data/*", "tools/ropemap/*", "tools/serve/*", "tools/bench/*", "tools/shards/*",
                   "tests/*"]),
    ("nettle/*", ["tools/shards/*"]),
    ("arpa/inet.h", ["tools/serve/*"]),
    ("netinet/*", ["tools/serve/*"]),
    ("event2/*", ["tools/serve/*", "tests/*"]),
    ("cmocka.h", ["tests/*"]),
    ("cuda*", ["cuda/kernels.h", "tests/emu/*"]),
    ("cublas*", ["cuda/context.h", "tests/emu/*"]),
    ("nvtx3/*", ["cuda/gpu_timing.c"]),
    ("linux/futex.h", ["tests/emu/fiber.cpp"]),
    ("sanitizer/*", ["tests/emu/fiber.cpp"]),
    ("ropemap.h", ["tests/consumer/*"]),
    ("ropemap_*.h", ["tests/consumer/*"]),
]

LONGEST_FILE = 800
LONGEST_FUNCTION = 60


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def sources(*suffixes):
    """Paths from the root of every file with one of the suffixes, sorted."""
    found = []
    for folder in ("cuda", "host", "tests", "tools"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                found.append(path.relative_to(ROOT).as_posix())
    return found


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def includes(path):
    """(line number, how, name) of every #include: how is '"' or '<'."""
    for number, line in enumerate(text(path).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(1), found.group(2)
        elif re.match(r"\s*#\s*include\s+FT_\w+_H\b", line):
            yield number, "<", "freetype/" + line.split()[1]  # the spelling that FreeType requires
        elif re.match(r"\s*#\s*include", line):
            yield number, "?", line.strip()


def allowed_for(path):
    for place, allowed in MAY_INCLUDE:
        if fnmatch.fnmatchcase(path, place):
            allowed = list(allowed)
            if not matches(path, OWN_FOLDER_CLOSED):
                allowed.append(os.path.dirname(path) + "/*")
            return allowed
    return None


def functions(path):
    """(first line number, lines, first line) of every function; the formatter puts both ends in column 0."""
    begin = None
    for number, line in enumerate(text(path).splitlines(), 1):
        if line == "}":
            if begin is not None:
                yield begin[0], number - begin[0] + 1, begin[1]
            begin = None
        elif re.match(r"[A-Za-z_]", line):
            if line.startswith('extern "C"'):
                begin = None
            elif begin is None:
                begin = (number, line)
            if line.endswith(";"):
                begin = None
        elif line.startswith("};") or (line.startswith("}") and line.endswith(";")):
            begin = None


def circles(edges):
    """Sets of two nodes or more that reach each other along the edges {node: {nodes}}, by Tarjan's algorithm."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            circle = set(stack[stack.index(node):])
            del stack[stack.index(node):]
            found.extend([circle] if len(circle) > 1 else [])

    for node in sorted(edges):
        if node not in order:
            visit(node)
    return found


class Layers(unittest.TestCase):
    def report(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_includes_reach_only_into_the_layers_below(self):
        wrong = []
        for path in sources(".c", ".cpp", ".h", ".cu", ".cuh"):
            allowed = allowed_for(path)
            if allowed is None:
                wrong.append(f"{path}: stands in no known layer")
                continue
            for number, how, name in includes(path):
                where = f"{path}:{number}: {name}"
                if how == "?":
                    wrong.append(f"{where}: a computed include hides its layer")
                elif path in ROOM_APIS and name == "ropemap.h":
                    continue  # all are installed into one folder
                elif how == '"' and not (ROOT / name).is_file():
                    wrong.append(f"{where}: includes are written from the repository's root")
                elif how == '"' and not matches(name, allowed):
                    wrong.append(f"{where}: this layer may include {', '.join(allowed)}")
                elif how == "<" and (ROOT / name).is_file():
                    wrong.append(f'{where}: our own files are included with "quotes"')
        self.report(wrong)

    def test_no_files_include_each_other_in_a_circle(self):
        """A .c and its header count as one."""
        edges = {}
        for path in sources(".c", ".cpp", ".h", ".cu", ".cuh"):
            if not path.startswith("tests/"):
                reached = {os.path.splitext(name)[0] for _, how, name in includes(path) if how == '"'}
                edges.setdefault(os.path.splitext(path)[0], set()).update(reached)
        self.report([" - ".join(sorted(circle)) for circle in circles(edges)])

    def test_a_type_has_one_meaning(self):
        """The two backends may each have their own of a name: they mirror each other."""
        begins = re.compile(r"^(?:typedef )?(?:struct|enum|union) ((?:rm|ropemap|cli)_\w+) \{", re.M)
        seen, wrong = {}, []
        for path in sources(".c", ".h", ".cu", ".cuh"):
            for name in () if path.startswith(("tests/", "cuda/")) else set(begins.findall(text(path))):
                wrong += [f"{path}: {name} is another type in {seen[name]}"] if name in seen else []
                seen[name] = path
        self.report(wrong)

    def test_each_library_is_seen_from_its_own_place_alone(self):
        wrong = []
        for path in sources(".c", ".cpp", ".h", ".cu", ".cuh"):
            for number, how, name in includes(path):
                if how != "<":
                    continue
                known = [places for header, places in LIBRARY_HEADERS if fnmatch.fnmatchcase(name, header)]
                places = known[0] if known else None
                if places is None and "/" in name and not name.startswith("sys/"):
                    wrong.append(f"{path}:{number}: <{name}>: a library that the design does not name")
                elif places is not None and not matches(path, places):
                    wrong.append(f"{path}:{number}: <{name}>: only {', '.join(places)} may see it")
        self.report(wrong)

    def test_the_public_header_and_the_shared_arithmetic_include_c_headers_only(self):
        c_headers = {"stdbool.h", "stddef.h", "stdint.h", "math.h", "float.h", "string.h", "limits.h"}
        wrong = []
        for path in (API, *ROOM_APIS, "cuda/arith.h"):
            names = {name for _, _, name in includes(path)} - ({"ropemap.h"} if path in ROOM_APIS else set())
            if not names <= c_headers:
                wrong.append(f"{path}: {', '.join(sorted(names - c_headers))}")
        self.report(wrong)

    def test_the_map_reaches_the_cpu_backend_through_one_function(self):
        wrong = []
        for path in sources(".c"):
            if path.startswith(("host/map/", "host/decay/", "host/device/")):
                for number, line in enumerate(text(path).splitlines(), 1):
                    for name in re.findall(r"\brm_cpu_\w+", line):
                        if name not in ("rm_cpu_backend", "rm_cpu_device"):
                            wrong.append(f"{path}:{number}: {name}")
        self.report(wrong)


class Tree(unittest.TestCase):
    def report(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_top_level_holds_what_the_design_names(self):
        ignored = [line.strip("/") for line in text(".gitignore").splitlines() if line.startswith("/")]
        others = [path.name for path in ROOT.iterdir() if not path.name.startswith(".")]
        self.report(sorted(set(others) - TOP_LEVEL - set(ignored)))
        self.report([f"missing: {name}" for name in sorted(TOP_LEVEL - set(others))])

    def test_every_header_has_a_guard_of_its_own(self):
        seen, wrong = {}, []
        for path in sources(".h", ".cuh"):
            found = re.search(r"#ifndef (ROPEMAP_\w+)\n#define \1\n", text(path))
            guard = found.group(1) if found else None
            if guard is None:
                wrong.append(f"{path}: expected #ifndef ROPEMAP_..., then #define of the same name")
            elif guard in seen:
                wrong.append(f"{path}: {seen[guard]} has the guard {guard} too and would hide it")
            seen[guard] = path
        self.report(wrong)

    def test_scripts_can_be_run(self):
        paths = ["tools/quickstart", "tools/check", "tools/setup", ".ci/run", "tools/peers/compare", "tools/peers/attention",
                 "tools/peers/shards"]
        self.report([path for path in paths if not os.access(ROOT / path, os.X_OK)])


class Files(unittest.TestCase):
    def report(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_every_file_says_in_its_first_lines_what_it_is(self):
        wrong = []
        for path in sources(*CODE, *SCRIPT):
            name = re.escape(pathlib.PurePosixPath(path).name)
            lines = text(path).splitlines()[:4]
            if path.endswith(tuple(SCRIPT)) and lines and lines[0].startswith("#!"):
                lines = lines[1:]
            before = "#" if path.endswith(tuple(SCRIPT)) else "/\\*"
            if not lines or not re.match(rf"{before} {name} - \S", lines[0]):
                wrong.append(f"{path}:1: expected its name and what it is, as in '/* pool.c - reduce ... */'")
            if not any("SPDX-License-Identifier: MIT" in line for line in lines[1:3]):
                wrong.append(f"{path}:2: expected 'SPDX-License-Identifier: MIT' after what it is")
        self.report(wrong)

    def test_sections_of_a_header_name_files_next_to_it(self):
        wrong = []
        for path in sources(".h"):
            for name in re.findall(r"^/\* ---- (\w+\.c)\b", text(path), re.M):
                wrong += [] if (ROOT / path).with_name(name).is_file() else [f"{path}: there is no {name} next to it"]
        self.report(wrong)

    def test_no_file_is_too_long(self):
        wrong = []
        for path in sources(*CODE, *SCRIPT):
            lines = len(text(path).splitlines())
            # A palette is a table of 256 colours, one idea however many lines.
            exempt = "palette" in path or path.startswith("tests/data/")
            if lines > LONGEST_FILE and not exempt:
                wrong.append(f"{path}: {lines} lines, at most {LONGEST_FILE}")
        self.report(wrong)

    def test_no_function_is_too_long(self):
        wrong = []
        for path in sources(".c", ".cpp", ".h", ".cu", ".cuh"):
            for number, lines, first in functions(path):
                if lines > LONGEST_FUNCTION:
                    wrong.append(f"{path}:{number}: {lines} lines, at most {LONGEST_FUNCTION}: {first}")
        self.report(wrong)

    def test_nothing_unfinished_and_nothing_the_design_forbids(self):
        # Written in halves, so that this file does not find itself.
        forbidden = [
            (r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", "unfinished work"),
            (r"#\s*if\s+0\b", "code that is switched off"),
            (r"ffast-m" r"ath|use_fast_m" r"ath|-march=nat" r"ive", "arithmetic that depends on the machine"),
            (r"\bstbi_write_p" r"ng\(", "a writer that reports success on a full disk"),
            (r"#\s*pragma\s+o" r"mp", "OpenMP, which ThreadSanitizer cannot see through"),
            (r"\bM_P" r"I\b", "a constant that strict C does not have"),
        ]
        wrong = []
        for path in [*sources(*CODE, *SCRIPT), "CMakeLists.txt", "tests/CMakeLists.txt", "CMakePresets.json"]:
            for number, line in enumerate(text(path).splitlines(), 1):
                found = [why for what, why in forbidden if re.search(what, line)]
                wrong += [f"{path}:{number}: {why}: {line.strip()}" for why in found]
        self.report(wrong)


class Myself(unittest.TestCase):
    """The rules above are tried on lines that break them, so that a rule that sees nothing is noticed."""

    def test_include_rules(self):
        for path, name, fine in (
            ("host/base/output.c", "host/base/output.h", True),
            ("host/rule/rule.c", "host/model/config.h", False),
            ("host/model/config.c", "host/rule/scaling.h", True),
            ("host/base/output.c", "host/rule/double_double.h", False),
            ("host/figure/png.c", "host/device/backend.h", False),
            ("host/figure/png.c", "host/base/alloc.h", True),
            ("host/map/plan.c", "host/ropemap_figure.h", False),
            ("host/map/plan.c", "host/cpu/kernels.h", False),
            ("host/map/plan.c", "cuda/arith.h", True),
            ("host/map/plan.c", "host/decay/cosine_sums.h", False),
            ("host/device/session.c", "host/map/job.h", False),
            ("host/verify/table.c", "host/rule/rule.h", True),
            ("host/verify/table.c", "host/map/job.h", False),
            ("host/cpu/pool.c", "host/device/backend.h", True),
            ("host/cpu/pool.c", "host/map/job.h", False),
            ("tools/ropemap/main.c", "host/base/alloc.h", False),
            ("tools/ropemap/main.c", "tools/ropemap/options/options.h", True),
            ("tools/ropemap/main.c", "tools/serve/serve.h", False),
            ("tools/serve/http.c", "tools/ropemap/options/options.h", True),
            ("tools/serve/http.c", "host/base/alloc.h", False),
            ("tools/bench/pool.c", CELLS, True),
            ("tools/ropemap/main.c", "tools/bench/bench.h", False),
            ("cuda/rotate.cu", "cuda/vector_io.cuh", True),
            ("cuda/rotate.cu", "cuda/context.h", False),
            ("cuda/vector_io.cuh", "host/device/backend.h", False),
        ):
            self.assertEqual(matches(name, allowed_for(path)), fine, f"{path} includes {name}")
        self.assertIsNone(allowed_for("elsewhere/file.c"))

    def test_circles_are_found(self):
        self.assertEqual(circles({"a": {"b"}, "b": {"c"}, "c": {"c"}, "d": {"a"}}), [])
        self.assertEqual(circles({"a": {"b", "e"}, "b": {"c"}, "c": {"a"}, "d": {"a", "d"}}), [{"a", "b", "c"}])

    def test_the_ruler_of_functions(self):
        found = list(functions("tests/consumer/consumer.c"))
        self.assertEqual([first for _, _, first in found], ["int main(int argc, char **argv) {"])
        self.assertTrue(10 < found[0][1] < 30)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] if len(sys.argv) == 1 else sys.argv)
