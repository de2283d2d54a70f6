# test_print_size.py - --width, --dpi and --font-size: pixels, millimetres and points of every kind of figure
# SPDX-License-Identifier: MIT
import re
import unittest
import xml.etree.ElementTree
import zlib

from harness import Case, read_png

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = {
    "map": ["map", "-n", "8k", "--size", "64"],
    "curve": ["curve", "--vary", "base=1e4,5e5", "-n", "2k"],
    "sweep": ["sweep", "--vary", "base=1e4,5e5", "-n", "4k", "--size", "64"],
    "sweep curve": ["sweep", "curve", "--vary", "base=1e4,5e5", "-n", "2k"],
    "bound": ["bound", "--table", "512,1k", "-d", "16"],
    "info": ["info", "--preset", "llama3.1-8b"],
}
CHARTS = ["curve", "sweep curve", "bound", "info"]
QUIET = {"info": []}  # has no progress
PRINTED = ["--width", "88mm", "--dpi", "300", "--font-size", "8"]


def points_of_texts(pdf):
    """Sizes of the upright texts of a PDF file in points: their matrix, which scales nothing else and flips y."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.S):
        try:
            page = zlib.decompress(match.group(1))
        except zlib.error:
            continue
        if b" Tf" in page and page.startswith(b"1 0 0 -1 0 "):
            found += [float(size) for size in re.findall(rb"([0-9.]+) 0 0 -[0-9.]+ [0-9.]+ [0-9.]+ Tm", page)]
    return found


class Figures(Case):
    def make(self, figure, *arguments, kinds=("png", "svg", "pdf")):
        outputs = [word for kind in kinds for word in ("-o", "a." + kind)]
        self.done(*FIGURES[figure], *arguments, *outputs, "--force", *QUIET.get(figure, ["-q"]))
        return [self.read("a." + kind) for kind in kinds]

    def svg(self, page):
        """Millimetres and pixels of the page's width, and pixels of the number "0", "0.0" or "1,024"."""
        root = xml.etree.ElementTree.fromstring(page)
        width = root.get("width")
        numbers = {float(text.get("font-size")) for text in root.iter(SVG + "text") if text.text in ("0", "0.0", "1,024")}
        self.assertEqual(len(numbers), 1, numbers)
        return (float(width[:-2]) if width.endswith("mm") else None, float(root.get("viewBox").split()[2]), numbers.pop())

    def test_a_column_of_a_paper(self):
        """88 mm at 300 pixels an inch are 1039 pixels, and 8 points are 8 points in each kind of file."""
        for figure in FIGURES:
            with self.subTest(figure):
                png, svg, pdf = self.make(figure, *PRINTED)
                picture = read_png(png)
                self.assertEqual(picture["width"], 1039)
                self.assertEqual(picture["density"], (11811, 11811, 1)) # 300 / 0.0254
                millimetres, pixels, number = self.svg(svg)
                self.assertEqual((millimetres, pixels), (88, 1039))
                self.assertAlmostEqual(number / pixels * 88 / 25.4 * 72, 8, delta=0.005)
                width, height = map(float, re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+)", pdf).groups())
                self.assertAlmostEqual(width, 88 / 25.4 * 72, delta=0.01)
                self.assertAlmostEqual(height / width, picture["height"] / 1039, delta=0.001)
                self.assertTrue(any(abs(size - 8) < 0.01 for size in points_of_texts(pdf)), points_of_texts(pdf))
                if figure != "info":
                    self.assertEqual(self.make(figure, *PRINTED, "--threads", "1"), [png, svg, pdf])

    def test_the_defaults_of_a_printed_width(self):
        for figure in FIGURES:
            self.assertEqual(*(self.make(figure, *words, kinds=("png",)) for words in (
                ["--width", "8.8cm"], ["--width", "88mm", "--dpi", "300", "--font-size", "7pt"])))

    def test_the_height_of_charts(self):
        for figure in CHARTS:
            png, = self.make(figure, "--width", "88mm", "--height", "50mm", kinds=("png",))
            self.assertEqual((read_png(png)["width"], read_png(png)["height"]), (1039, 591))
        self.assertEqual(read_png(self.make("curve", "--height", "500px", kinds=("png",))[0])["width"], 800)
        for figure in ("map", "sweep"):
            self.refused(2, ["--height: unknown"], *FIGURES[figure], "--height", "50mm", "-o", "b.png")

    def test_no_title(self):
        """The picture has none, and its metadata has the same."""
        for figure in ("map", "curve", "info"):
            png, svg = self.make(figure, "--width", "88mm", kinds=("png", "svg"))
            bare, page = self.make(figure, "--width", "88mm", "--no-title", kinds=("png", "svg"))
            title = re.search("<title>(.*?)</title>", svg.decode()).group(1)
            self.assertIn(title, page.decode())
            first = title[:24]  # of one line, or of two
            self.assertNotIn(">" + first, page.decode().split("</title>")[1])
            self.assertIn(">" + first, svg.decode().split("</title>")[1])
            self.assertIn("<desc>", page.decode())
            for picture in (png, bare):
                self.assertIn(b"iTXtTitle\0\0\0\0\0" + title.encode(), picture)
                self.assertIn(b"iTXtDescription", picture)

    def test_pixels(self):
        """A width and a size in pixels are what the file has; a page then has 96 of them an inch, or --dpi."""
        for figure in FIGURES:
            with self.subTest(figure):
                png, svg = self.make(figure, "--width", "900px", "--font-size", "14px", kinds=("png", "svg"))
                picture = read_png(png)
                self.assertEqual((picture["width"], picture["density"]), (900, None))
                millimetres, pixels, number = self.svg(svg)
                self.assertEqual((pixels, number), (900, 14))
                self.assertAlmostEqual(millimetres, 900 / 96 * 25.4, delta=0.01)
                png, svg = self.make(figure, "--width", "900px", "--font-size", "14px", "--dpi", "200",
                                     kinds=("png", "svg"))
                self.assertEqual(read_png(png)["density"], (7874, 7874, 1))
                self.assertAlmostEqual(self.svg(svg)[0], 900 / 200 * 25.4, delta=0.01)

    def test_a_width_alone_keeps_proportions(self):
        """The PNG shows what the page does: sizes of text by width agree within a pixel's rounding."""
        for figure in FIGURES:
            with self.subTest(figure):
                png, svg = self.make(figure, "--width", "180mm", kinds=("png", "svg"))
                picture = read_png(png)
                self.assertEqual(picture["width"], 2126) # 180 / 25.4 * 300
                _, pixels, number = self.svg(svg)
                root = xml.etree.ElementTree.fromstring(svg)
                height = float(root.get("viewBox").split()[3])
                self.assertAlmostEqual(picture["height"] / 2126, height / pixels, delta=0.02)

    def test_dpi_without_a_width(self):
        for figure in FIGURES:
            with self.subTest(figure):
                plain, page = self.make(figure, kinds=("png", "svg"))
                png, svg = self.make(figure, "--dpi", "150", kinds=("png", "svg"))
                pixels = read_png(plain)["width"]
                self.assertEqual((read_png(png)["width"], read_png(png)["density"]), (pixels, (5906, 5906, 1)))
                self.assertEqual(read_png(plain)["density"], None)
                self.assertEqual(self.svg(page)[0], None)
                self.assertAlmostEqual(self.svg(svg)[0], pixels / 150 * 25.4, delta=0.01)
                _, size, number = self.svg(self.make(figure, "--font-size", "15", "--dpi", "144", kinds=("svg",))[0])
                self.assertEqual(number, 30) # 15 points are 15/72 inch

    def test_frames(self):
        self.done(*FIGURES["sweep"], *PRINTED, "--frames", "maps", "-q")
        self.done(*FIGURES["sweep curve"], *PRINTED, "--frames", "curves", "-q")
        for name in ("maps/frame-001.png", "curves/frame-001.png"):
            self.assertEqual((read_png(self.read(name))["width"], read_png(self.read(name))["density"]),
                             (1039, (11811, 11811, 1)))

    def test_a_bare_map_keeps_its_cells(self):
        png, = self.make("map", "--bare", "--width", "2in", kinds=("png",))
        picture = read_png(png)
        self.assertEqual((picture["width"], picture["density"]), (64, (1260, 1260, 1))) # 32 an inch
        png, = self.make("map", "--bare", "--dpi", "72", kinds=("png",))
        self.assertEqual(read_png(png)["density"], (2835, 2835, 1))
        self.refused(2, ["--dpi", "--bare"], *FIGURES["map"], "--bare", "--width", "2in", "--dpi", "72", "-o", "b.png")

    def test_the_shape_of_a_curve(self):
        png, = self.make("curve", "--size", "800x400", "--width", "88mm", kinds=("png",))
        self.assertEqual((read_png(png)["width"], read_png(png)["height"]), (1039, 520))

    def test_what_has_no_room(self):
        for figure in FIGURES:
            quiet = QUIET.get(figure, ["-q"])
            self.refused(2, ["no room"], *FIGURES[figure], "--width", "30mm", "--font-size", "24", "-o", "a.png", *quiet)
            self.refused(2, ["--font-size", "0.3 points", "2 to 400"], *FIGURES[figure], "--font-size", "0.3pt", "-o",
                         "a.png", *quiet)
            for option, value in (("--dpi", "5"), ("--dpi", "x"), ("--font-size", "0"), ("--font-size", "8em"),
                                  ("--width", "88")):
                self.refused(2, [option, value], *FIGURES[figure], option, value, "-o", "a.png", *quiet)
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
