/* founding.js - the formula of the founding picture, exp(-|i - j| 10 / ln(base)), to show how it misled */
/* SPDX-License-Identifier: MIT */

const NOTHING = 60; /* exp(-60) is far below the last digit of a colour */

export const rateOf = (base) => 10 / Math.log(base);

export const foundingValue = (base, distance) => Math.exp(-Math.abs(distance) * rateOf(base));

/*
 * The second sum of r^|d|, from which the sum over a rectangle of pairs follows by four terms: with
 * P(n + 1) - P(n) = r^|n| and Q(n + 1) - Q(n) = P(n), both 0 at 0, in closed form.
 */
function secondSum(r) {
  const rest = 1 - r;
  return (n) => {
    if (n >= 0) return (n - (1 - r ** n) / rest) / rest;
    return (r / rest) * (-n - (r * (1 - r ** -n)) / rest);
  };
}

/* First index of cell `cell` of `cells` over `count` positions, as the server cuts them. */
const edge = (cell, cells, count) => Math.floor((cell * count) / cells);

/* Means of the formula over the cells of a window { rows, cols }: Float32Array [height * width]. */
export function foundingCells(base, { rows, cols }, side) {
  const rate = rateOf(base) * cols.step, r = Math.exp(-rate), sum = secondSum(r);
  const height = Math.min(side, rows.count), width = Math.min(side, cols.count);
  const cells = new Float32Array(height * width), offset = (rows.first - cols.first) / cols.step;
  for (let row = 0; row < height; row++) {
    const i0 = edge(row, height, rows.count) + offset, i1 = edge(row + 1, height, rows.count) + offset;
    for (let col = 0; col < width; col++) {
      const j0 = edge(col, width, cols.count), j1 = edge(col + 1, width, cols.count);
      const gap = Math.max(i0 - j1 + 1, j0 - i1 + 1, 0);
      if (gap * rate > NOTHING) continue;
      const pairs = (i1 - i0) * (j1 - j0);
      const total = pairs === 1 ? r ** Math.abs(i0 - j0)
        : sum(i1 - j0 + 1) - sum(i1 - j1 + 1) - sum(i0 - j0 + 1) + sum(i0 - j1 + 1);
      cells[row * width + col] = total / pairs;
    }
  }
  return { cells, height, width };
}
