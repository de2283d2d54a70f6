# test_frequencies.py - inverse frequencies given as numbers: --frequencies FILE.npy in every command that takes a rule
# SPDX-License-Identifier: MIT
import decimal
import json
import math
import random
import struct
import unittest

from harness import Case, bound, pooled_map, positions, rotate, write_npy

# Two pi in 60 digits (OEIS A019692).
TURN = decimal.Decimal("6.28318530717958647692528676655900576839433879875021164194988")
decimal.getcontext().prec = 80


def cosine(frequency, distance):
    """cos(frequency * distance), of the double that `frequency` is, at any distance."""
    turns = decimal.Decimal(frequency) * distance / TURN
    return math.cos(float((turns - turns.to_integral_value()) * TURN))


class Frequencies(Case):
    TABLE = [1.0, 0.75, -0.3, 0.0, 1e-9, 3.0000001, 1234.5678, -1e6]

    def setUp(self):
        super().setUp()
        self.write("t.npy", write_npy([8], self.TABLE, "<f8"))

    def curves(self, *arguments):
        return json.loads(self.done("curve", *arguments, "--json", "-q").stdout)["curves"]

    def test_a_map_at_any_distance(self):
        for first in (0, 1000003, 2**39):
            cells, document = self.map("--frequencies", "t.npy", "--rows", "%d:5" % first, "--cols", "3")
            for i in range(5):
                for j in range(3):
                    wanted = sum(cosine(f, first + i - j) for f in self.TABLE) / 8
                    self.assertAlmostEqual(cells[i][j], wanted, delta=1e-6, msg=(first, i, j))
            self.assertEqual([document["spec"][name] for name in ("base", "frequencies_from", "head_dim", "rotary_dim")],
                             [None, "t.npy", 16, 16])

    def test_which_way_a_pair_turns(self):
        source = random.Random(3)
        rows = [[source.gauss(0, 1) for _ in range(16)] for _ in range(2 * 9)]
        rows = [[struct.unpack("<f", struct.pack("<f", x))[0] for x in row] for row in rows]
        self.write("q.npy", write_npy([9, 16], sum(rows[:9], [])))
        self.write("k.npy", write_npy([9, 16], sum(rows[9:], [])))
        for layout in ("half", "interleaved"):
            def similarity(i, j):
                return math.fsum(a * b for a, b in zip(rotate(rows[i], i, self.TABLE, layout),
                                                       rotate(rows[9 + j], j, self.TABLE, layout)))
            wanted = pooled_map(similarity, positions(0, 9), positions(0, 9), 1024, 1024)
            cells, _ = self.map("--queries", "q.npy", "--keys", "k.npy", "--frequencies", "t.npy", "--layout", layout)
            longest = max(math.fsum(x * x for x in row) for row in rows)
            self.assert_cells(cells, wanted, bound(16, longest) + 1e-8)  # libm of 1e6 radians and more

    def test_every_element_type_is_exact(self):
        values = [1.0, 0.5, -0.0625, 2.0**-14]  # the same number in all of them
        whole = self.map("--frequencies", "t.npy", "-n", "9")[0]
        self.assertNotEqual(whole, [])
        cells = []
        for descr in ("<f2", ">f4", "<f8", ">f8", "<V2"):
            self.write("e.npy", write_npy([4], values, descr))
            cells.append(self.map("--frequencies", "e.npy", "-n", "99", "-q")[0])
        for other in cells[1:]:
            self.assertEqual(other, cells[0])
        self.write("e.npy", write_npy([4], values, "<V2"))
        self.assertIn(b"read as bfloat16", self.done("info", "--frequencies", "e.npy").stderr)

    def test_the_tables_of_rules(self):
        """What a base makes, given as numbers, is the same map to its last float or so; each row a head."""
        tables = [[base ** (-pair / 8) for pair in range(8)] for base in (1e4, 5e5, 1e6)]
        self.write("h.npy", write_npy([3, 8], sum(tables, []), "<f8"))
        self.write("h4.npy", write_npy([1, 3, 1, 8], sum(tables, []), "<f8"))
        columns = [tables[head][pair] for pair in range(8) for head in range(3)]
        self.write("hf.npy", write_npy([3, 8], columns, "<f8").replace(b"'fortran_order': False,", b"'fortran_order': True, "))
        arguments = ["-n", "500", "--size", "20"]
        for head, base in enumerate(("1e4", "5e5", "1e6")):
            wanted = self.map("-d", "16", "-b", base, *arguments)[0]
            for given in (["h.npy:%d" % head], ["h.npy", "--head", head], ["h4.npy:%d" % head], ["hf.npy:%d" % head]):
                cells, document = self.map("--frequencies", *given, *arguments)
                self.assert_cells(cells, wanted, 1e-6)
            self.assertEqual(document["spec"]["frequencies_from"], "hf.npy, head %d of 3" % head)
        curves = self.curves("--vary", "frequencies=h.npy:0,h.npy:1,t.npy", "-n", "50")
        self.assertEqual([curve["label"] for curve in curves],
                         ["frequencies h.npy:0", "frequencies h.npy:1", "frequencies t.npy"])
        for curve, base in zip(curves, (1e4, 5e5)):
            self.assertEqual([curve["base"], curve["first_negative"]],
                             [None, self.curves("-d", "16", "-b", base, "-n", "50")[0]["first_negative"]])
        self.assertEqual(self.curves("--frequencies", "h.npy", "--head", "1", "-n", "9")[0]["label"],
                         "frequencies of h.npy, head 1 of 3")
        self.refused(2, ["h.npy", "head 3", "3 heads"], "map", "--frequencies", "h.npy:3", "-o", "x.png")

    def test_stacks_round_a_table(self):
        """hf-fp32: the table in float32, the angle in float32."""
        def narrow(x):
            return struct.unpack("<f", struct.pack("<f", x))[0]
        cells, _ = self.map("--frequencies", "t.npy", "--phase", "hf-fp32", "--rows", "1000000:4", "--cols", "1")
        for i in range(4):
            angles = [narrow((1000000 + i) * narrow(f)) for f in self.TABLE]
            self.assertAlmostEqual(cells[i][0], sum(map(math.cos, angles)) / 8, delta=1e-6)
        self.map("--frequencies", "t.npy", "--diff", "ggml-fp32", "-n", "10")

    def test_other_commands(self):
        info = json.loads(self.done("info", "--frequencies", "t.npy", "--json").stdout)
        self.assertEqual([info["frequencies"], info["base"], info["frequencies_from"], info["divisors"]],
                         [self.TABLE, None, "t.npy", [None] * 8])
        self.assertAlmostEqual(info["wavelengths"][2], 2 * math.pi / 0.3)
        text = self.done("info", "--frequencies", "t.npy").stdout.decode()
        self.assertIn("frequencies        t.npy\n", text)
        self.assertNotIn("base", text)
        self.assertNotIn("divisor", text)
        self.done("info", "--frequencies", "t.npy", "-o", "i.png")
        table = [1e4 ** (-pair / 64) for pair in range(64)]
        self.write("f.npy", write_npy([64], table, "<f8"))
        self.write("f32.npy", write_npy([64], table))
        self.done("check", "f32.npy", "--frequencies", "f.npy")
        self.assertEqual(self.run_program("check", "f32.npy", "--frequencies", "f.npy", "-d", "256").returncode, 0)
        bound_of = json.loads(self.done("bound", "--frequencies", "f.npy", "--json").stdout)
        self.assertEqual([bound_of["reach"], bound_of["of_base"], bound_of["frequencies_from"]], [1707, None, "f.npy"])
        self.done("sweep", "-n", "64", "--vary", "frequencies=f.npy,t.npy", "-o", "s.svg")
        self.assertIn(b"frequencies f.npy", self.read("s.svg"))
        self.done("map", "-n", "64", "--frequencies", "f.npy", "-o", "m.svg")
        self.assertIn(b"frequencies of f.npy", self.read("m.svg"))
        self.done("curve", "-n", "64", "--frequencies", "f.npy", "-o", "c.svg")
        self.assertIn(b"frequencies of f.npy", self.read("c.svg"))

    def test_a_bfloat16_buffer(self):
        """A buffer that ml_dtypes saved is checked for what it is."""
        self.write("inv.npy", write_npy([32], [struct.unpack("<f", struct.pack("<I", (struct.unpack(
            "<I", struct.pack("<f", 1e4 ** (-pair / 32)))[0] + 0x8000) & 0xffff0000))[0] for pair in range(32)], "<V2"))
        result = self.run_program("check", "inv.npy", "-d", "64", "--json")
        self.assertEqual([result.returncode, json.loads(result.stdout)["verdict"]], [6, "bf16"])
        self.done("check", "inv.npy", "--frequencies", "inv.npy")

    def test_a_model_keeps_the_rest(self):
        table = [150000.0 ** (-pair / 32) for pair in range(32)]
        self.write("f.npy", write_npy([32], table, "<f8"))
        info = json.loads(self.done("info", "--preset", "gpt-oss-20b", "--frequencies", "f.npy", "--json").stdout)
        self.assertAlmostEqual(info["attention_factor"], 0.1 * math.log(32) + 1, delta=1e-7)
        self.assertEqual([info["trained_length"], info["frequencies"], info["scaling"].split(":")[0]],
                         [131072, table, "none"])
        self.refused(2, ["16 elements", "64 rotate"], "info", "--preset", "gpt-oss-20b", "--frequencies", "t.npy")

    def test_what_does_not_go_together(self):
        for option, value in (("--base", "1e4"), ("--scaling", "linear:factor=2")):
            self.refused(2, [option, "--frequencies"], "map", option, value, "--frequencies", "t.npy", "--dry-run")
        self.refused(2, ["t.npy", "8 pairs", "8 are all"], "map", "-d", "8", "--frequencies", "t.npy", "--dry-run")
        self.refused(2, ["8 pairs", "8 rotate"], "map", "--rotary-dim", "8", "--frequencies", "t.npy", "--dry-run")
        self.refused(2, ["no base to search"], "bound", "--frequencies", "t.npy", "--length", "4k")
        self.refused(2, ["no base to search"], "bound", "--frequencies", "t.npy", "--table", "4k")
        self.refused(2, ["--frequencies", "bound"], "explain", "--frequencies", "t.npy")
        self.refused(2, ["--frequencies"], "serve", "--frequencies", "t.npy")

    def test_bad_tables(self):
        for name, value in (("nan", math.nan), ("inf", math.inf), ("ninf", -math.inf)):
            self.write(name + ".npy", write_npy([3], [1.0, 0.5, value], "<f8"))
            self.refused(3, [name + ".npy", "pair 2"], "map", "--frequencies", name + ".npy", "--dry-run")
        self.write("far.npy", write_npy([2], [1.0, 1.1e6], "<f8"))
        self.refused(2, ["far.npy", "pair 1", "1000000"], "map", "--frequencies", "far.npy", "--dry-run")
        self.write("cube.npy", write_npy([2, 3, 4], [0.5] * 24))
        self.refused(3, ["cube.npy", "(2, 3, 4)", "[heads, pairs]"], "map", "--frequencies", "cube.npy", "--dry-run")
        self.write("x.npy", b"PK\3\4 and more")
        self.refused(3, ["x.npy", "numpy.load"], "map", "--frequencies", "x.npy", "--dry-run")
        self.write("w.npy", write_npy([2], [1.0, 8.0], "<f8"))
        self.assertIn(b"pair 1 turns 8 radians a token", self.done("info", "--frequencies", "w.npy").stderr)


if __name__ == "__main__":
    unittest.main()
