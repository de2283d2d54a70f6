/* paint.js - draws a layer, the picture of some window, where the view shows it */
/* SPDX-License-Identifier: MIT */
import { inkOn } from './colour.js';

export const CELLS_WITH_VALUES = 34; /* a side: up to here each shows its value; 32, and two cut by the edges */
const TEXT_LEAST = 17;               /* CSS pixels a cell needs for it */

/* layer: { bitmap, view: { x0, x1, y0, y1 } in positions, ... }; view: what the canvas shows. */
export function paintLayer(context, layer, view) {
  const { width, height } = context.canvas;
  const x = ((layer.view.x0 - view.x0) / (view.x1 - view.x0)) * width;
  const y = ((layer.view.y0 - view.y0) / (view.y1 - view.y0)) * height;
  const wide = ((layer.view.x1 - layer.view.x0) / (view.x1 - view.x0)) * width;
  const high = ((layer.view.y1 - layer.view.y0) / (view.y1 - view.y0)) * height;
  context.imageSmoothingEnabled = false;
  context.drawImage(layer.bitmap, x, y, wide, high);
  if (layer.values) paintValues(context, layer, { x, y, wide, high });
}

/* .93, -.12, 1 where a cell is narrow; more where it is wide. */
function cellText(value, wide) {
  if (Number.isNaN(value)) return '';
  const size = Math.abs(value), digits = wide > 64 ? 4 : wide > 44 ? 3 : 2;
  const tiny = size < 10 ** -digits / 2;
  if (tiny && (size === 0 || wide < 64)) return '0';
  const text = size >= 1e3 || tiny ? value.toExponential(0) : value.toFixed(digits);
  const short = wide > 36 ? text : text.replace(/^(-?)0\./, '$1.').replace(/^(-?\d)\.0+$/, '$1');
  return short.replace('-', '\u2212').replace('e+', 'e');
}

function paintValues(context, { values, header }, { x, y, wide, high }) {
  const cell = wide / values.width, tall = high / values.height, ratio = devicePixelRatio;
  if (Math.min(cell, tall) < TEXT_LEAST * ratio) return;
  const ink = inkOn(header), narrow = cell / ratio;
  const size = Math.min(narrow > 36 ? cell / 3.9 : cell / 2.35, 18 * ratio);
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const { width, height } = context.canvas;
  for (let row = 0; row < values.height; row++) {
    const middle = seenMiddle(y + row * tall, tall, height, size);
    if (middle === null) continue;
    for (let col = 0; col < values.width; col++) {
      const value = values.cells[row * values.width + col], centre = seenMiddle(x + col * cell, cell, width, 2 * size);
      if (centre === null) continue;
      context.fillStyle = ink(value);
      context.fillText(cellText(value, narrow), centre, middle + size * 0.06);
    }
  }
}

/* The middle of what is seen of a cell; null where that is too little for its text. */
function seenMiddle(start, long, most, room) {
  const from = Math.max(start, 0), to = Math.min(start + long, most);
  return to - from >= Math.min(room, long) * 0.9 ? (from + to) / 2 : null;
}
