#!/usr/bin/env python3
# pasted_numpy.py - the map as people write it with numpy: rotate everything, multiply chunk by chunk, pool blocks
# SPDX-License-Identifier: MIT
import numpy as np

import peer

CHUNK = 1024  # query rows at a time, at least: [1024, 131072] scores take 512 MB


def rotate_half(x):
    half = x.shape[-1] // 2
    return np.concatenate((-x[..., half:], x[..., :half]), axis=-1)


def rope(x, base):
    dim = x.shape[-1]
    inv_freq = 1.0 / (base ** (np.arange(0, dim, 2) / dim))
    angles = np.outer(np.arange(x.shape[0]), inv_freq)
    angles = np.concatenate((angles, angles), axis=-1)
    return (x * np.cos(angles) + rotate_half(x) * np.sin(angles)).astype(np.float32)


def compute(q, k, base, height, width, pool):
    q, k = rope(q, base), rope(k, base)
    rows, cols = q.shape[0] // height, k.shape[0] // width
    reduce = np.mean if pool == "mean" else np.max
    chunk = max(rows, CHUNK - CHUNK % rows)
    bands = []
    for first in range(0, q.shape[0], chunk):
        scores = q[first : first + chunk] @ k.T
        bands.append(reduce(scores.reshape(-1, rows, width, cols), axis=(1, 3)))
    return np.concatenate(bands)


if __name__ == "__main__":
    peer.run(compute, load=lambda x: x, store=lambda x: x, angle_bits=53)
