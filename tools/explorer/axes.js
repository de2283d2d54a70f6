/* axes.js - ticks that tell positions, along the left and the lower side of a map */
/* SPDX-License-Identifier: MIT */
import { positionText, grouped } from './numbers.js';

const BINARY_FROM = 8192; /* positions: from here on ticks are multiples of a power of two, labelled in k and M */
const TICKS_MOST = 12;
const CELL_LEAST = 16;    /* pixels: a cell this wide has its tick in its middle */

function spacingFor(span, most) {
  if (span >= BINARY_FROM) return 2 ** Math.max(10, Math.ceil(Math.log2(span / most)));
  const least = Math.max(span / most, 1), power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((lead) => lead * power >= least * (1 - 1e-9));
}

/* Positions that get a tick from `from` to `to`, at most `most`. */
function tickPositions(from, to, most, centred) {
  const spacing = spacingFor(to - from, most), ticks = [];
  const first = centred ? from - 0.7 : from, last = centred ? to - 0.3 : to;
  for (let position = Math.ceil(first / spacing - 1e-9) * spacing + 0; position <= last + 1e-9; position += spacing) {
    ticks.push(position);
  }
  return ticks;
}

/* Draws both axes of a pane; `left` and `bottom` are d3 selections of its groups. */
export function drawAxes({ left, bottom, side, step }, view) {
  const sides = [[left, d3.axisLeft, view.y0, view.y1, 38], [bottom, d3.axisBottom, view.x0, view.x1, 72]];
  for (const [group, axis, from, to, room] of sides) {
    const cell = (side * step) / (to - from), centred = cell >= CELL_LEAST;
    const scale = d3.scaleLinear([from, to], [0, side]);
    const inSight = (position) => (Math.max(position, from) + Math.min(position + step, to)) / 2;
    const middle = (position) => scale(inSight(position));
    const place = centred ? Object.assign(middle, scale, { copy: () => middle }) : scale;
    const most = Math.min(Math.max(2, Math.floor(side / room)), TICKS_MOST);
    const ticks = tickPositions(from, to, most, centred);
    const text = centred || to - from < BINARY_FROM ? grouped : positionText;
    group.call(axis(place).tickValues(ticks).tickFormat(text).tickSize(5).tickSizeOuter(0).tickPadding(4));
  }
}
