/* crosshair.js - the pair of positions under the pointer, and its exact similarity */
/* SPDX-License-Identifier: MIT */
import { against, askedOfA, mode } from './compare.js';
import { Channel } from './fetch.js';
import { foundingValue } from './founding.js';
import { layers, mapPending, panes } from './map.js';
import { grouped, valueText } from './numbers.js';
import { mapQuery, url } from './query.js';
import { domain, numberOf, pictureOptions, shownView, state } from './state.js';
import { inFrame, whenQuiet } from './timing.js';

const channel = new Channel('value'), channelA = new Channel('value-a');
const byId = (id) => document.getElementById(id);
export const cross = { pair: null, onMove: () => {}, extra: null };

export function startCrosshair() {
  for (const pane of Object.values(panes)) {
    pane.canvas.addEventListener('pointermove', (event) => point(pairAt(pane, event.offsetX, event.offsetY)));
    pane.canvas.addEventListener('pointerleave', (event) => event.pointerType !== 'touch' && point(null));
    pane.canvas.addEventListener('keydown', keyed);
  }
}

const snap = (range, position) => {
  const index = Math.floor((position - range.first) / range.step);
  return range.first + Math.min(Math.max(index, 0), range.count - 1) * range.step;
};

function pairAt(pane, x, y) {
  const view = shownView(), { rows, cols } = domain();
  return {
    i: snap(rows, view.y0 + (y / pane.side) * (view.y1 - view.y0)),
    j: snap(cols, view.x0 + (x / pane.side) * (view.x1 - view.x0)),
  };
}

/* Shift and arrows move the crosshair by a hundredth of the view, by one position at least. */
function keyed(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (event.key === 'Escape') point(null);
  if (!event.shiftKey || !step) return;
  event.preventDefault();
  const view = shownView(), { rows, cols } = domain();
  const from = cross.pair ?? { i: (view.y0 + view.y1) / 2, j: (view.x0 + view.x1) / 2 };
  const far = Math.max(Math.round((view.x1 - view.x0) / 100), cols.step);
  point({ i: snap(rows, from.i + step[0] * far), j: snap(cols, from.j + step[1] * far) });
}

export function point(pair) {
  if (pair && cross.pair && pair.i === cross.pair.i && pair.j === cross.pair.j) return;
  cross.pair = pair;
  show();
}

const show = inFrame(() => {
  const { pair } = cross;
  for (const pane of Object.values(panes)) if (pane.side) pane.cross(pair);
  byId('readout').dataset.empty = pair ? '' : 'true';
  byId('crosshair-i').textContent = pair ? grouped(pair.i) : '\u2013';
  byId('crosshair-j').textContent = pair ? grouped(pair.j) : '\u2013';
  byId('crosshair-distance').textContent = pair ? grouped(pair.i - pair.j).replace('-', '\u2212') : '\u2013';
  cross.onMove(pair);
  showOther(pair);
  const known = pair && knownValue(pair);
  if (!pair) showValue('\u2013');
  else if (known !== null) showValue(valueText(known));
  else {
    byId('crosshair-value').dataset.stale = 'true';
    askSoon();
  }
});

function showValue(text) {
  const output = byId('crosshair-value');
  output.textContent = text;
  delete output.dataset.stale;
}

/* The value where the map's cells are single pairs and here already. */
function knownValue({ i, j }) {
  const layer = layers.main;
  if (!layer?.values || layer.stale) return null;
  const { view, values } = layer, { rows, cols } = domain();
  const row = (i - view.y0) / rows.step, col = (j - view.x0) / cols.step;
  const inside = row >= 0 && col >= 0 && row < values.height && col < values.width;
  return inside ? values.cells[row * values.width + col] : null;
}

/* While the map itself is on its way the value waits. */
const askSoon = whenQuiet(25, () => {
  const { pair } = cross;
  if (!pair) return;
  if (mapPending()) {
    askSoon();
    return;
  }
  ask(channel, pair, state.options, showValue);
}, 60);

/* A rule that depends on the length has that of the whole map, not the pair's. */
function ask(through, pair, options, show) {
  const query = { ...mapQuery(domain(options), {}, options), i: String(pair.i), j: String(pair.j) };
  for (const name of ['positions', 'rows', 'cols', 'size', ...pictureOptions()]) delete query[name];
  through.ask({
    url: url('/value.json', query), kind: 'json',
    good: ({ body }) => {
      const same = cross.pair && body.i === cross.pair.i && body.j === cross.pair.j;
      if (same) show(valueText(body.value));
    },
    bad: (refused) => show(refused.message),
  });
}

/* The value of what is compared with: the formula's is made here, A's asked for. */
function showOther(pair) {
  const kind = mode() === 'off' ? null : against(), output = byId('crosshair-other');
  byId('crosshair-a').hidden = !kind;
  byId('crosshair-a').firstChild.textContent = kind === 'formula' ? 'formula' : 'A';
  byId('crosshair-name').textContent = kind === 'a' ? 'B' : kind ? 'exact' : 'similarity';
  if (!kind || !pair) output.textContent = '\u2013';
  else if (kind === 'formula') output.textContent = valueText(foundingValue(numberOf('base'), pair.i - pair.j));
  else ask(channelA, pair, askedOfA().options, (text) => { output.textContent = text; });
}

/* After the map has changed the value under a pointer at rest is another. */
export function refreshValue() {
  if (cross.pair) show();
}
