#!/usr/bin/env python3
# pooled_torch.py - the mean map as an expert writes it in PyTorch: pool the rows first, then one small product
# SPDX-License-Identifier: MIT
import torch

import peer

CHUNK = 8192  # rows at a time, so that the tables stay in cache


def pooled_rows(x, base, cells):
    """Rotates and pools [N, d] to [cells, d]: the mean of a block of scores is the product of mean rows."""
    count, dim = x.shape
    half, rows = dim // 2, count // cells
    inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim))
    chunk = max(rows, CHUNK - CHUNK % rows)
    means = torch.empty(cells, dim)
    for first in range(0, count, chunk):
        part = x[first : first + chunk]
        angles = torch.outer(torch.arange(first, first + len(part), dtype=torch.float64), inv_freq)
        cos, sin = angles.cos().float(), angles.sin().float()
        a, b = part[:, :half], part[:, half:]
        to = means[first // rows : first // rows + len(part) // rows]
        to[:, :half] = (a * cos - b * sin).view(-1, rows, half).mean(dim=1)
        to[:, half:] = (a * sin + b * cos).view(-1, rows, half).mean(dim=1)
    return means


@torch.no_grad()
def compute(q, k, base, height, width, pool):
    if pool != "mean":
        raise SystemExit("pooled_torch.py: rows can be pooled for the mean alone")
    return pooled_rows(q, base, height) @ pooled_rows(k, base, width).T


if __name__ == "__main__":
    peer.run(compute, load=torch.from_numpy, store=lambda x: x.numpy(), angle_bits=53)
