#!/usr/bin/env python3
# peer.py - what all peer scripts take and print: arguments, files, picture, one line of JSON
# SPDX-License-Identifier: MIT
"""A peer turns two [N, d] float32 .npy files into the pooled map of their rotated rows, and into a picture."""

import argparse
import json
import time

BEGAN = time.perf_counter()


def save_picture(cells, path, positions):
    """As a notebook would; False where matplotlib is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    figure, axes = plt.subplots(figsize=(10, 10), dpi=cells.shape[1] / 8)
    image = axes.imshow(cells, cmap="viridis", extent=(0, positions, positions, 0), interpolation="nearest")
    axes.set_xlabel("key position")
    axes.set_ylabel("query position")
    figure.colorbar(image, ax=axes, label="similarity")
    figure.savefig(path)
    return True


def run(compute, load, store, angle_bits):
    """
    compute(q, k, base, height, width, pool) → [height, width]. load makes a tensor of a float32 array, store makes
    an array of the result. angle_bits: significant bits in which the script forms its angles, 24 or 53.
    """
    import numpy as np

    parser = argparse.ArgumentParser()
    parser.add_argument("queries")
    parser.add_argument("keys")
    parser.add_argument("--base", type=float, default=10000.0)
    parser.add_argument("--size", type=int, default=2048, help="cells along each side; divides the positions")
    parser.add_argument("--pool", choices=("mean", "max"), default="mean")
    parser.add_argument("--repeat", type=int, default=1, help="compute so often; the last time is reported")
    parser.add_argument("--npy", help="where the pooled map goes")
    parser.add_argument("--png", help="where the picture goes")
    arguments = parser.parse_args()

    q, k = load(np.load(arguments.queries)), load(np.load(arguments.keys))
    if q.shape[0] % arguments.size or k.shape[0] % arguments.size:
        parser.error(f"--size {arguments.size} does not divide {q.shape[0]} and {k.shape[0]} positions")
    for _ in range(arguments.repeat):
        begin = time.perf_counter()
        cells = compute(q, k, arguments.base, arguments.size, arguments.size, arguments.pool)
        compute_seconds = time.perf_counter() - begin
    cells = store(cells)
    picture = save_picture(cells, arguments.png, q.shape[0]) if arguments.png else None
    if arguments.npy:
        np.save(arguments.npy, cells)
    answer = {"compute_seconds": compute_seconds, "seconds": time.perf_counter() - BEGAN}
    print(json.dumps({**answer, "picture": picture, "angle_bits": angle_bits}))
