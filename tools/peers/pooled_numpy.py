#!/usr/bin/env python3
# pooled_numpy.py - the mean map as an expert writes it with numpy: pool the rows first, then one small product
# SPDX-License-Identifier: MIT
import numpy as np

import peer

CHUNK = 8192  # rows at a time, so that the tables stay in cache


def pooled_rows(x, base, cells):
    """Rotates and pools [N, d] to [cells, d]: the mean of a block of scores is the product of mean rows."""
    count, dim = x.shape
    half, rows = dim // 2, count // cells
    inv_freq = 1.0 / (base ** (np.arange(0, dim, 2) / dim))
    chunk = max(rows, CHUNK - CHUNK % rows)
    means = np.empty((cells, dim), np.float32)
    for first in range(0, count, chunk):
        part = x[first : first + chunk]
        angles = np.outer(np.arange(first, first + len(part)), inv_freq)
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        a, b = part[:, :half], part[:, half:]
        to = means[first // rows : first // rows + len(part) // rows]
        (a * cos - b * sin).reshape(-1, rows, half).mean(axis=1, out=to[:, :half])
        (a * sin + b * cos).reshape(-1, rows, half).mean(axis=1, out=to[:, half:])
    return means


def compute(q, k, base, height, width, pool):
    if pool != "mean":
        raise SystemExit("pooled_numpy.py: rows can be pooled for the mean alone")
    return pooled_rows(q, base, height) @ pooled_rows(k, base, width).T


if __name__ == "__main__":
    peer.run(compute, load=lambda x: x, store=lambda x: x, angle_bits=53)
