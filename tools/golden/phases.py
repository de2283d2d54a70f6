#!/usr/bin/env python3
# phases.py - cosines and sines of rotary phases in 60 digits, for tests/data/phase.csv
# SPDX-License-Identifier: MIT
"""Prints base,dim,pair,position,cos,sin: cos and sin of position * base^(-2 pair / dim). Needs mpmath.

    python3 tools/golden/phases.py > tests/data/phase.csv
"""
from mpmath import cos, mp, mpf, nstr, pi, sin

BASES = (100, 10000, 500000, 1000000)
DIMS = (2, 64, 128, 4096)
NEAR = (0, 1, 2, 127, 4095, 131071)
FAR = tuple((1 << bits) + delta for bits in (20, 31, 32) for delta in (-1, 1)) + (1 << 39, (1 << 40) - 1)


def wraps(theta):
    """The positions on both sides of a whole number of turns: the first turn, and the last below 2^40."""
    period = 2 * pi / theta
    found = []
    for turns in (1, int(mpf(1 << 40) / period)):
        position = int(turns * period)
        found += [p for p in (position, position + 1) if turns > 0 and p < 1 << 40]
    return found


def main():
    mp.dps = 60
    print("base,dim,pair,position,cos,sin")
    for base in BASES:
        for dim in DIMS:
            for pair in sorted({0, 1, dim // 4, dim // 2 - 1} & set(range(dim // 2))):
                theta = mpf(base) ** (-mpf(2 * pair) / dim)
                for position in sorted(set(NEAR + FAR + tuple(wraps(theta)))):
                    angle = position * theta
                    print(base, dim, pair, position, nstr(cos(angle), 20), nstr(sin(angle), 20), sep=",")


if __name__ == "__main__":
    main()
