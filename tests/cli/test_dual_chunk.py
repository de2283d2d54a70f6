# test_dual_chunk.py - dual chunk attention's positions, against the rule pair by pair
# SPDX-License-Identifier: MIT
import math
import unittest

from harness import Case, pooled_map, positions

DIM = 16


def distance(query, key, chunk, local):
    """As vLLM's DualChunkRotaryEmbedding: keys and three kinds of queries have positions of their own."""
    length = chunk - local
    after = [min(i + length, chunk) for i in range(length)]
    apart = query // length - key // length
    held = query % length if apart == 0 else after[query % length] if apart == 1 else after[length - 1]
    return held - key % length


def similarity(r):
    return sum(math.cos(r * 1e4 ** (-2 * pair / DIM)) for pair in range(DIM // 2)) / (DIM // 2)


class DualChunks(Case):
    def expect(self, pool, rows, cols, size, chunk, local):
        arguments = ["--encoding", "dual-chunk", "--causal", "--chunk", chunk, "--local", local, "-d", DIM]
        cells, document = self.map(*arguments, "--rows", "%d:%d" % rows, "--cols", "%d:%d" % cols, "--size",
                                   "%dx%d" % size, "--pool", pool)
        expected = pooled_map(lambda m, n: similarity(distance(m, n, chunk, local)) if n <= m else math.nan,
                              positions(*rows), positions(*cols), size[1], size[0], pool, causal=True)
        self.assert_cells(cells, expected, 3e-7)
        self.assertEqual([document[key] for key in ("encoding", "method", "chunk", "local", "causal")],
                         ["dual-chunk", "diagonal", chunk, local, True])

    def test_every_pool(self):
        for pool in ("mean", "min", "max", "absmax", "rms", "std"):
            self.expect(pool, (0, 100), (0, 100), (13, 7), 20, 6)
            self.expect(pool, (41, 90), (3, 77), (11, 17), 33, 30)

    def test_every_pair(self):
        self.expect("mean", (0, 40), (0, 40), (40, 40), 9, 2)

    def test_defaults(self):
        _, document = self.map("--encoding", "dual-chunk", "--causal", "-n", "1M", "--size", "8")
        self.assertEqual([document["chunk"], document["local"]], [262144, 8192])
        self.assertIn("dual chunks", document["reason"])
        _, document = self.map("-n", "100", "--size", "8")
        self.assertEqual([document["chunk"], document["local"]], [None, None])

    def test_what_does_not_go_together(self):
        asked = ["map", "--encoding", "dual-chunk", "--dry-run"]
        self.refused(2, ["causal", "dual-chunk"], *asked)
        asked.append("--causal")
        self.refused(2, ["content ones", "dual-chunk"], *asked, "--content", "gauss")
        self.refused(2, ["local", "8192", "4096"], *asked, "--chunk", "4096")
        self.refused(2, ["--chunk", "0"], *asked, "--chunk", "0")
        self.refused(2, ["--local", "x"], *asked, "--local", "x")
        self.refused(2, ["steps of 2"], *asked, "-n", "0:100:2")
        self.refused(2, ["tiled", "diagonal"], *asked, "--method", "tiled")
        self.refused(2, ["factored", "diagonal"], *asked, "--method", "factored")
        self.refused(2, ["chunk", "dual-chunk"], "map", "--chunk", "4096", "--dry-run")
        self.refused(2, ["local", "dual-chunk"], "map", "--local", "4096", "--dry-run")


if __name__ == "__main__":
    unittest.main()
