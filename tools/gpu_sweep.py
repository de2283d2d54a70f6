# gpu_sweep.py - the same maps by two backends through the command line, held against each other as 8-bit pictures
# SPDX-License-Identifier: MIT
"""
Every pool x method that serves it x causal or not x type of rows, at several shapes. Two maps agree when a cell is
NaN in both or in neither and, where the values of the first range over more than 1e-4 of the largest, drawn with 255
levels at most 0.1 % of the pixels differ, and those by one level. Standard library alone.
"""
import array
import concurrent.futures
import itertools
import json
import math
import os
import re
import struct
import time

POOLS = ["mean", "min", "max", "absmax", "rms", "std"]
FACTORED = ["mean", "rms", "std"]  # what pooled rows serve
DTYPES = ["fp32", "tf32", "bf16", "fp16"]
LEVELS = 254  # the last of a picture's levels
SHARE = 0.001
LEAST_RANGE = 1e-4

# Odd, prime and of two ranges, up to the last position, partly rotated with steps.
SHAPES = {
    "odd": ["-d", "64", "-n", "509", "--size", "127x101"],
    "prime": ["-d", "128", "--layout", "interleaved", "--rows", "40:1021", "--cols", "0:769", "--size", "61x113"],
    "far": ["-d", "64", "-b", "1e6", "-n", "%d:1021" % (2**40 - 1021), "--size", "101"],
    "steps": ["-d", "96", "--rotary-dim", "32", "--rows", "5:509:3", "--cols", "1:521:3", "--size", "97x89"],
}
TINY_SHAPES = {"tiny": ["-d", "16", "-n", "67", "--size", "31"]}


def combinations():
    """(pool, method, causal, dtype); only the tiled method multiplies rounded rows."""
    for pool, causal in itertools.product(POOLS, (False, True)):
        methods = (["factored"] if pool in FACTORED else []) + ["diagonal", "tiled"]
        for method in methods:
            for dtype in DTYPES if method == "tiled" else DTYPES[:1]:
                yield pool, method, causal, dtype


def cases(scale):
    """(name, arguments) of each map: all shapes of each combination, or one in turn, or a few tiny ones."""
    shapes = list((TINY_SHAPES if scale == "tiny" else SHAPES).items())
    for index, (pool, method, causal, dtype) in enumerate(combinations()):
        if scale == "tiny" and index % 7 != 0:
            continue
        for shape, where in shapes if scale == "full" else [shapes[index % len(shapes)]]:
            content = "ones" if method == "diagonal" else "gauss"
            arguments = [*where, "--content", content, "--pool", pool, "--method", method, "--dtype", dtype]
            name = "%s %s %s %s%s" % (shape, pool, method, dtype, " causal" if causal else "")
            yield name, arguments + (["--causal"] if causal else [])


def read_npy(path):
    """The floats of a little-endian float32 .npy file."""
    with open(path, "rb") as stream:
        data = stream.read()
    length, = struct.unpack("<H", data[8:10])
    if data[:8] != b"\x93NUMPY\x01\x00" or not re.search(rb"'descr': '<f4'", data[10:10 + length]):
        raise ValueError("%s: no .npy of '<f4'" % path)
    return array.array("f", data[10 + length:])


def levels_of(cells):
    """As pictures are drawn: from the least value to the largest."""
    finite = [cell for cell in cells if math.isfinite(cell)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    scale = LEVELS / (high - low) if high > low else 0.0
    levels = [int((cell - low) * scale + 0.5) if math.isfinite(cell) else repr(cell) for cell in cells]
    return levels, high - low > LEAST_RANGE * max(abs(low), abs(high))


def difference(first, second):
    """None where two maps agree, else what differs."""
    if len(first) != len(second):
        return "%d cells, not %d" % (len(second), len(first))
    (levels, wide), (others, _) = levels_of(first), levels_of(second)
    one, more = 0, 0
    for level, other in zip(levels, others):
        if level != other:
            if isinstance(level, str) or isinstance(other, str):
                return "%s where the other is %s" % (other, level)
            one, more = (one + 1, more) if abs(level - other) == 1 else (one, more + 1)
    if wide and (more > 0 or one > SHARE * len(levels)):
        return "%d of %d pixels differ by one level, %d by more" % (one, len(levels), more)
    return None


def compare(run, folder, case, sides):
    """Makes a map once with each side's arguments; None where they agree, else what is wrong."""
    name, arguments = case
    cells = []
    for side, (backend, extra) in enumerate(sides):
        path = os.path.join(folder, "%s-%d.npy" % (name.replace(" ", "-"), side))
        done = run(["map", *arguments, "--backend", backend, *extra, "--json", "--force", "-o", path])
        if done.returncode != 0:
            return "exit code %d: %s" % (done.returncode, done.stderr.strip()[:200])
        document = json.loads(done.stdout)
        if document["backend"] != backend or document["fell_back"]:
            return "ran on %s: %s" % (document["backend"], document["backend_reason"])
        cells.append(read_npy(path))
        os.unlink(path)
    return difference(*cells)


def sweep(run, folder, scale, sides, seconds):
    """(maps compared, maps there are, [what is wrong]); begins no map after `seconds`."""
    wanted, wrong, compared = list(cases(scale)), [], 0
    until = time.monotonic() + seconds

    def work(case):
        return (case, compare(run, folder, case, sides)) if time.monotonic() < until else (case, False)

    with concurrent.futures.ThreadPoolExecutor(max(1, min(8, (os.cpu_count() or 1) // 2))) as pool:
        for case, answer in pool.map(work, wanted):
            compared += answer is not False
            if answer:
                wrong.append("%s: %s" % (case[0], answer))
    return compared, len(wanted), wrong
