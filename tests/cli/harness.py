# harness.py - run the program, read what it wrote, and work out what it should have written
# SPDX-License-Identifier: MIT
"""The oracle is plain Python in double precision and shares nothing with the program."""
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import zlib

PROGRAM = os.environ["ROPEMAP"]
SOURCE = os.environ["ROPEMAP_SOURCE"]
SANITIZE = os.environ.get("ROPEMAP_SANITIZE", "")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background ignores it, and so would the program


def run(*arguments, **options):
    """The finished process; stdout and stderr are bytes unless `text`."""
    options.setdefault("timeout", 600)
    options.setdefault("capture_output", True)
    return subprocess.run([PROGRAM, *map(str, arguments)], **options)


class Case(unittest.TestCase):
    """A test in its own directory, where the program runs too."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="ropemap-cli-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def names(self):
        return sorted(os.listdir(self.directory))

    def write(self, name, data):
        with open(self.path(name), "wb") as stream:
            stream.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as stream:
            return stream.read()

    def run_program(self, *arguments, **options):
        options.setdefault("cwd", self.directory)
        return run(*arguments, **options)

    def begin(self, *arguments, **options):
        """The running program, whose stderr is a pipe unless told; the end of the test kills it."""
        options.setdefault("stderr", subprocess.PIPE)
        program = subprocess.Popen([PROGRAM, *arguments], cwd=self.directory, **options)
        self.addCleanup(self.end, program)
        return program

    @staticmethod
    def end(program):
        program.kill()
        program.wait()
        if program.stderr:
            program.stderr.close()

    def done(self, *arguments, **options):
        """Runs the program and expects success."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def refused(self, code, words, *arguments, **options):
        """Runs the program and expects an exit code and one line on stderr that has every word."""
        result = self.run_program(*arguments, **options)
        text = result.stderr.decode(errors="replace")
        self.assertEqual(result.returncode, code, (arguments, text))
        self.assertTrue(text.startswith("ropemap: "), text)
        self.assertEqual(text.count("\n"), 1, text)
        for word in words:
            self.assertIn(word, text)
        return text

    def map(self, *arguments):
        """The rows of cells that `ropemap map` makes, and its JSON document."""
        result = self.done("map", *arguments, "-o", "cells.npy", "--force", "--json")
        cells = read_npy(self.read("cells.npy"))
        document = json.loads(result.stdout)
        self.assertEqual([document["size"]["height"], document["size"]["width"]], [len(cells), len(cells[0])])
        return cells, document

    def assert_cells(self, cells, expected, bound):
        """Equal within `bound`, NaN where NaN is expected."""
        self.assertEqual((len(cells), len(cells[0])), (len(expected), len(expected[0])))
        for row, (got, want) in enumerate(zip(cells, expected)):
            for col, (a, b) in enumerate(zip(got, want)):
                if math.isnan(b):
                    self.assertTrue(math.isnan(a), (row, col, a))
                else:
                    self.assertLessEqual(abs(a - b), bound, (row, col, a, b))


# ---- files ------------------------------------------------------------------------------------------------


def read_npy(data):
    """Rows of a little-endian float32 .npy file of rank 2."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    length = struct.unpack("<H", data[8:10])[0]
    header = data[10:10 + length].decode("ascii")
    assert (10 + length) % 64 == 0 and header.endswith("\n"), header
    assert "'descr': '<f4'" in header and "'fortran_order': False" in header, header
    height, width = (int(part) for part in header.split("(")[1].split(")")[0].split(","))
    values = struct.unpack("<%df" % (height * width), data[10 + length:])
    return [values[row * width:(row + 1) * width] for row in range(height)]


def strict_json(text):
    """The document; NaN and infinities, which JSON does not have, are an error."""
    def reject(name):
        raise AssertionError(name + " in JSON")

    return json.loads(text, parse_constant=reject)


def flat(values):
    """The numbers of nested lists in order."""
    return [value for item in values for value in (flat(item) if isinstance(item, list) else [item])]


def bf16(value):
    """The nearest number that bfloat16 has; ties to even."""
    bits, = struct.unpack("<I", struct.pack("<f", value))
    return struct.unpack("<f", struct.pack("<I", (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000))[0]


def llama31_frequencies():
    """Llama 3.1's rule in double precision."""
    found = []
    for pair in range(64):
        plain = 500000.0 ** (-2 * pair / 128)
        turns = 8192 * plain / (2 * math.pi)
        k = (turns - 1.0) / 3.0
        found.append(plain if turns > 4 else plain / 8 if turns < 1 else (1 - k) * plain / 8 + k * plain)
    return found


def write_npy(shape, values, descr="<f4"):
    """Bytes of a .npy file in C order."""
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }" % (descr, ", ".join(map(str, shape)))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    if descr[1:] == "V2":  # bfloat16: the upper halves of floats
        values = [struct.unpack("<I", struct.pack("<f", value))[0] >> 16 for value in values]
    code = {"f2": "e", "f4": "f", "f8": "d", "i8": "q", "V2": "H"}[descr[1:]]
    order = ">" if descr[0] == ">" else "<"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(
        "%s%d%s" % (order, len(values), code), *values)


def write_safetensors(tensors, metadata=None):
    """Bytes of a .safetensors file of F32 tensors: name -> (shape, values)."""
    header, body = {} if metadata is None else {"__metadata__": metadata}, b""
    for name, (shape, values) in tensors.items():
        data = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def read_png(data):
    """A dictionary: width, height, colour type, density (pHYs), palette (list of RGB), and rows of bytes where filters are 0."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + length
    assert chunks[-1] == (b"IEND", b"")
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    assert depth == 8
    pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    stride = width * {0: 1, 2: 3, 3: 1}[colour] + 1
    assert len(pixels) == stride * height
    rows = [pixels[row * stride:(row + 1) * stride] for row in range(height)]
    palette = b"".join(body for kind, body in chunks if kind == b"PLTE")
    density = [struct.unpack(">IIB", body) for kind, body in chunks if kind == b"pHYs"] # pixels a metre
    return {"width": width, "height": height, "colour": colour, "density": density[0] if density else None, "filters": {row[0] for row in rows},
            "rows": [row[1:] for row in rows],
            "palette": [tuple(palette[index:index + 3]) for index in range(0, len(palette), 3)]}


# ---- the oracle -------------------------------------------------------------------------------------------


def frequencies(rotated, base=10000.0, linear=1.0, ntk=1.0):
    """Radians a token for each pair."""
    if ntk != 1.0:
        base *= ntk**(rotated / (rotated - 2))
    return [base**(-2.0 * pair / rotated) / linear for pair in range(rotated // 2)]


def rotate(vector, position, theta, layout="half"):
    """The vector at that position; elements past the pairs stay."""
    out = list(vector)
    pairs = len(theta)
    for pair, angle in enumerate(theta):
        a, b = (pair, pair + pairs) if layout == "half" else (2 * pair, 2 * pair + 1)
        cos, sin = math.cos(position * angle), math.sin(position * angle)
        out[a] = vector[a] * cos - vector[b] * sin
        out[b] = vector[a] * sin + vector[b] * cos
    return out


def ones_similarity(head_dim, theta):
    """S(i - j) of unit vectors with equal entries: rotated pairs give a cosine, the others one."""
    still = head_dim - 2 * len(theta)
    return lambda i, j: (2 * math.fsum(math.cos((i - j) * angle) for angle in theta) + still) / head_dim


def positions(first, count, step=1):
    return [first + index * step for index in range(count)]


def pool_values(values, pool):
    if not values:
        return math.nan
    if pool == "mean":
        return math.fsum(values) / len(values)
    if pool == "min":
        return min(values)
    if pool == "max":
        return max(values)
    if pool == "absmax":
        return max(map(abs, values))
    if pool == "rms":
        return math.sqrt(math.fsum(value * value for value in values) / len(values))
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean)**2 for value in values) / len(values))


def pooled_map(similarity, rows, cols, height, width, pool="mean", causal=False):
    """Cell c of W covers indices floor(c N / W) up to floor((c + 1) N / W); a side has at most N cells."""
    height, width = min(height, len(rows)), min(width, len(cols))
    table = [[similarity(i, j) for j in cols] for i in rows]
    cells = []
    for cell_row in range(height):
        down = range(cell_row * len(rows) // height, (cell_row + 1) * len(rows) // height)
        line = []
        for cell_col in range(width):
            across = range(cell_col * len(cols) // width, (cell_col + 1) * len(cols) // width)
            line.append(pool_values([table[i][j] for i in down for j in across
                                     if not causal or cols[j] <= rows[i]], pool))
        cells.append(line)
    return cells


def bound(head_dim, scale=1.0):
    """
    What float32 may lose of q.k where |q||k| <= scale. A rotated element is off by 2e-7 of its pair's length for
    the phase and 3 roundings of 6e-8, so each vector by 4e-7 of its length; a product of two by 8e-7 and, in the sum
    of head_dim products, by head_dim roundings. Pooling rounds to float32 once more. Extremes, means and root mean
    squares move by no more than what goes in; a standard deviation by twice that.
    """
    return 2 * scale * (8e-7 + (head_dim + 2) * 2.0**-24)
