#!/usr/bin/env python3
# pasted_torch.py - the map as people paste it in PyTorch: rotate_half, q @ k.T chunk by chunk, view().mean or amax
# SPDX-License-Identifier: MIT
import torch

import peer

CHUNK = 1024  # query rows at a time, at least: [1024, 131072] scores take 512 MB


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


def rope(x, base):
    dim = x.shape[-1]
    inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))
    freqs = torch.outer(torch.arange(x.shape[0], dtype=torch.float32), inv_freq)
    emb = torch.cat((freqs, freqs), dim=-1)
    return x * emb.cos() + rotate_half(x) * emb.sin()


@torch.no_grad()
def compute(q, k, base, height, width, pool):
    q, k = rope(q, base), rope(k, base)
    rows, cols = q.shape[0] // height, k.shape[0] // width
    chunk = max(rows, CHUNK - CHUNK % rows)
    bands = []
    for first in range(0, q.shape[0], chunk):
        blocks = (q[first : first + chunk] @ k.T).view(-1, rows, width, cols)
        bands.append(blocks.mean(dim=(1, 3)) if pool == "mean" else blocks.amax(dim=(1, 3)))
    return torch.cat(bands)


if __name__ == "__main__":
    peer.run(compute, load=torch.from_numpy, store=lambda x: x.numpy(), angle_bits=24)
