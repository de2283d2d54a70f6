# test_pages.py - maps as SVG and PDF pages: what is in them, how wide they are, and that their bytes repeat
# SPDX-License-Identifier: MIT
import base64
import os
import re
import unittest
import xml.etree.ElementTree
import zlib

from harness import Case, read_npy, read_png

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
SMALL = ["-n", "256", "--size", "16", "--causal", "--cmap", "viridis"]


def streams(pdf):
    """The streams of a PDF file, inflated where they are deflated."""
    found = []
    for match in re.finditer(rb"<<((?:(?!>>\nstream).)*)>>\nstream\r?\n", pdf, re.S):
        body = pdf[match.end():pdf.index(b"endstream", match.end())]
        found.append(zlib.decompressobj().decompress(body) if b"/FlateDecode" in match.group(1) else body)
    return found


class Pages(Case):
    """-o FILE.svg, -o FILE.pdf, --width"""

    def colours(self, *arguments):
        """Rows of RGB, one for each cell of the map."""
        self.done("map", *arguments, "--bare", "-o", "bare.png", "--force")
        picture = read_png(self.read("bare.png"))
        return [[picture["palette"][index] for index in row] for row in picture["rows"]]

    def page(self, *arguments):
        self.done("map", *arguments, "-o", "a.svg", "--force")
        return xml.etree.ElementTree.fromstring(self.read("a.svg"))

    def test_svg(self):
        root = self.page(*SMALL)
        self.assertEqual(root.tag, SVG + "svg")
        width, height = (float(root.get(side)) for side in ("width", "height"))
        self.assertEqual(root.get("viewBox"), "0 0 %g %g" % (width, height))
        texts = [element.text for element in root.iter(SVG + "text")]
        for text in ("query position (tokens)", "key position (tokens)", "masked", "0", "224"):
            self.assertIn(text, texts)
        self.assertTrue(any(text.startswith("RoPE similarity, base 10,000") for text in texts), texts)
        for element in root.iter(SVG + "text"):
            x, y = float(element.get("x")), float(element.get("y"))
            self.assertTrue(0 < x < width and 0 < y < height, element.text)
            length = float(element.get("textLength", 0)) # where a reader has another font
            if not element.get("transform"):
                start = x - length * {None: 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
                self.assertTrue(0 <= start and start + length <= width, element.text)
        self.assertEqual(root.find(SVG + "title").text, texts[-2])

    def test_svg_image(self):
        expected = self.colours(*SMALL)
        for more in ([], ["--bare"]):
            images = list(self.page(*SMALL, *more).iter(SVG + "image"))
            self.assertEqual(len(images), 1 if more else 2)
            head, data = images[0].get(HREF).split(",")
            self.assertEqual(head, "data:image/png;base64")
            self.assertEqual(images[0].get("image-rendering"), "pixelated")
            picture = read_png(base64.b64decode(data, validate=True))
            self.assertEqual([picture["colour"], picture["filters"]], [3, {0}])
            factor = picture["width"] // 16
            self.assertEqual([picture["width"], picture["height"]], [16 * factor] * 2)
            for at, row in enumerate(picture["rows"]):
                self.assertEqual([picture["palette"][index] for index in row],
                                 [colour for colour in expected[at // factor] for _ in range(factor)])

    def test_pdf(self):
        expected = self.colours(*SMALL)
        self.done("map", *SMALL, "-o", "a.pdf")
        pdf = self.read("a.pdf")
        self.assertTrue(pdf.startswith(b"%PDF-1.4\n") and pdf.rstrip().endswith(b"%%EOF"))
        self.assertEqual(len(re.findall(rb"/Type /Page\b", pdf)), 1)
        for word in (b"/FontFile2", b"DejaVuSans", b"/ToUnicode", b"/Title (RoPE similarity"):
            self.assertIn(word, pdf)
        self.assertNotIn(b"/Interpolate true", pdf)
        found = streams(pdf)
        self.assertTrue(any(re.search(rb"\)\s*T[jJ]|\]\s*TJ", stream) for stream in found)) # text is shown as text
        factors = []
        for factor in range(1, 100):
            rows = [b"".join(bytes(colour) * factor for colour in row) for row in expected]
            factors += [factor] if b"".join(row * factor for row in rows) in found else []
        self.assertEqual(len(factors), 1)

    def test_bytes_repeat_anywhere(self):
        names = ["a.svg", "a.pdf"]
        first = None
        for locale, zone in (("C", ""), ("C", "Asia/Tokyo"), ("de_DE.UTF-8", "UTC")): # a locale that may be missing
            self.done("map", *SMALL, "--width", "88.5mm", "-o", names[0], "-o", names[1], "--force",
                      env={**os.environ, "LC_ALL": locale, "TZ": zone})
            files = [self.read(name) for name in names]
            first = first or files
            self.assertEqual(files, first)

    def test_width(self):
        for length, millimetres in (("180mm", 180), ("18cm", 180), ("3.5in", 88.9), ("255pt", 89.958),
                                    ("1024px", 270.933), ("60mm", 60), ("5080mm", 5080), ("2e2mm", 200)):
            root = self.page(*SMALL, "--width", length)
            self.assertRegex(root.get("width"), r"\A[0-9.]+mm\Z")
            self.assertAlmostEqual(float(root.get("width")[:-2]), millimetres, delta=0.006)
            _, _, width, height = map(float, root.get("viewBox").split())
            self.assertAlmostEqual(float(root.get("height")[:-2]), millimetres * height / width, delta=0.006)
        bare = self.page(*SMALL, "--bare", "--width", "1mm")  # whose text would need more room
        self.assertEqual(float(bare.get("width")[:-2]), 1)
        self.done("map", *SMALL, "--width=60mm", "-o", "a.pdf", "-o", "a.png")
        box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ", self.read("a.pdf")).group(1)
        self.assertAlmostEqual(float(box), 60 / 25.4 * 72, delta=0.01)

    def test_widths_that_are_none(self):
        for length in ("", "180", "mm", "180 mm", "180MM", "180m", "-5mm", "0mm", "0.5mm", "5081mm", "nanmm", "1e400mm",
                       "10in0", "9" * 100 + "mm", "1,5mm"):
            self.refused(2, ["--width"], "map", *SMALL, "--width", length, "-o", "a.svg")
        for outputs in (["-o", "a.npy"], ["--dry-run"]):
            self.refused(2, ["--width", ".png", ".svg", ".pdf"], "map", *SMALL, "--width", "60mm", *outputs)
        self.assertEqual(self.names(), [])

    def test_all_kinds_at_once(self):
        names = ["a.npy", "a.pdf", "a.png", "a.svg", "b.svg"]
        self.done("map", *SMALL, *(word for name in names for word in ("-o", name)))
        self.assertEqual(self.names(), names)
        self.assertEqual(self.read("a.svg"), self.read("b.svg"))
        self.assertEqual(len(read_npy(self.read("a.npy"))), 16)
        self.refused(4, ["a.pdf", "exists"], "map", *SMALL, "-o", "a.pdf")
        self.refused(2, ["a.eps", ".svg", ".pdf"], "map", *SMALL, "-o", "a.eps")


if __name__ == "__main__":
    unittest.main()
