/* crosshair.js - the pair of positions under the pointer, and its exact similarity */
/* SPDX-License-Identifier: MIT */
import { against, askedOfA, headerOfA, mode } from './compare.js';
import { pageWords } from './controls.js';
import { Channel } from './fetch.js';
import { foundingValue } from './founding.js';
import { layers, mapPending, mapRefused, panes } from './map.js';
import { grouped, parseNumber, valueText } from './numbers.js';
import { mapQuery, url } from './query.js';
import { atZero } from './settings.js';
import { update } from './slider.js';
import { domain, effective, numberOf, pictureOptions, setView, shownView, state, wholeView } from './state.js';
import { inFrame, whenQuiet } from './timing.js';

const channel = new Channel('value'), channelA = new Channel('value-a');
const byId = (id) => document.getElementById(id);
/* held: a pair that was typed or clicked stays where it is; lock: the distance that pairs keep, null: any. */
export const cross = { pair: null, held: false, lock: null, onMove: () => {} };
const BOXES = ['i', 'j', 'distance'];

export function startCrosshair() {
  for (const pane of Object.values(panes)) {
    pane.canvas.addEventListener('pointermove', (event) => !cross.held && point(pairAt(pane, event.offsetX, event.offsetY)));
    pane.canvas.addEventListener('pointerleave', (event) => event.pointerType !== 'touch' && !cross.held && point(null));
    pane.canvas.addEventListener('click', (event) => clicked(pairAt(pane, event.offsetX, event.offsetY)));
    pane.canvas.addEventListener('keydown', keyed);
  }
  for (const name of BOXES) byId(`crosshair-${name}`).addEventListener('change', ({ target }) => typed(name, target));
  byId('lock').addEventListener('change', ({ target }) => lock(target.checked ? (cross.pair ? cross.pair.i - cross.pair.j : 0) : null));
}

/* A click holds the pair, the next lets it go. */
function clicked(pair) {
  cross.held = !cross.held;
  cross.pair = null;
  point(pair);
}

/* A box that was changed: i and j are positions, their difference locks the pair to that distance. */
function typed(name, box) {
  const { rows, cols } = domain(), number = parseNumber(box.value.replace(/\u2212/g, '-'));
  const { i = rows.first, j = cols.first } = cross.pair ?? {};
  if (box.value.trim() === '') {
    letGo();
    return;
  }
  const { first, count, step } = name === 'i' ? rows : cols, last = first + (count - 1) * step;
  const fault = !Number.isSafeInteger(number) ? `'${box.value.trim()}' is no position; give a whole number such as 1000 or 4k`
    : name !== 'distance' && (number < first || number > last) ? `${grouped(number)} is not on the map; give ${grouped(first)} to ${grouped(last)}` : '';
  box.setAttribute('aria-invalid', String(fault !== ''));
  update(byId('crosshair-error'), { hidden: !fault, textContent: fault });
  if (fault) return;
  if (name === 'distance') {
    cross.held = true;
    lock(number);
    return;
  }
  cross.held = true;
  cross.pair = null;
  point(name === 'i' ? locked({ i: snap(rows, number), j }, true) : locked({ i, j: snap(cols, number) }, false));
  comeInSight();
}

function lock(distance) {
  const { rows } = domain(), pair = cross.pair ?? { i: rows.first + Math.max(distance ?? 0, 0), j: 0 };
  cross.lock = distance;
  byId('lock').checked = distance !== null;
  cross.pair = null;
  point(locked(pair, true));
  comeInSight();
}

/* The pair at the distance that is locked, with the same i or else the same j, where the map has one. */
function locked(pair, keepsI) {
  const { rows, cols } = domain(), distance = cross.lock;
  if (distance === null) return pair;
  const j = snap(cols, keepsI ? pair.i - distance : pair.j), i = snap(rows, j + distance);
  return { i, j: snap(cols, i - distance) };
}

function letGo() {
  cross.held = false;
  point(null);
}

/* A pair outside of the window moves it there. */
function comeInSight() {
  const { pair } = cross, { view } = state;
  if (!pair || !view) return;
  const wide = view.x1 - view.x0, high = view.y1 - view.y0, whole = wholeView();
  const inside = pair.j >= view.x0 && pair.j < view.x1 && pair.i >= view.y0 && pair.i < view.y1;
  const start = (middle, size, from, to) => Math.min(Math.max(middle - size / 2, from), to - size);
  const x0 = start(pair.j + 0.5, wide, whole.x0, whole.x1), y0 = start(pair.i + 0.5, high, whole.y0, whole.y1);
  if (!inside) setView({ x0, x1: x0 + wide, y0, y1: y0 + high });
}

const snap = (range, position) => {
  const index = Math.floor((position - range.first) / range.step);
  return range.first + Math.min(Math.max(index, 0), range.count - 1) * range.step;
};

function pairAt(pane, x, y) {
  const view = shownView(), { rows, cols } = domain();
  return locked({
    i: snap(rows, view.y0 + (y / pane.side) * (view.y1 - view.y0)),
    j: snap(cols, view.x0 + (x / pane.side) * (view.x1 - view.x0)),
  }, true);
}

/* Shift and arrows move the crosshair by a hundredth of the view, by one position at least. */
function keyed(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (event.key === 'Escape') letGo();
  if (!event.shiftKey || !step) return;
  event.preventDefault();
  const view = shownView(), { rows, cols } = domain();
  const from = cross.pair ?? { i: (view.y0 + view.y1) / 2, j: (view.x0 + view.x1) / 2 };
  const far = Math.max(Math.round((view.x1 - view.x0) / 100), cols.step);
  point(locked({ i: snap(rows, from.i + step[0] * far), j: snap(cols, from.j + step[1] * far) }, step[0] !== 0));
}

export { letGo };

export function point(pair) {
  if (pair && cross.pair && pair.i === cross.pair.i && pair.j === cross.pair.j) return;
  cross.pair = pair;
  show();
}

const show = inFrame(() => {
  const { pair } = cross;
  for (const pane of Object.values(panes)) if (pane.side) pane.cross(pair);
  byId('readout').dataset.held = String(cross.held);
  const texts = pair ? [pair.i, pair.j, pair.i - pair.j].map((one) => grouped(one).replace('-', '\u2212')) : ['', '', ''];
  BOXES.forEach((name, index) => {
    byId(`crosshair-${name}`).value = texts[index];
    byId(`crosshair-${name}`).setAttribute('aria-invalid', 'false');
  });
  byId('crosshair-error').hidden = true;
  cross.onMove(pair);
  showOther(pair);
  const known = pair && knownValue(pair);
  if (!pair) showValue('value', null);
  else if (known !== null) showValue('value', known);
  else {
    values.value = null;
    byId('crosshair-value').dataset.stale = 'true';
    askSoon();
  }
});

const values = { value: null, other: null }; /* of the pair: the map's own, and of what it is compared with */

/* value: a number, null where none is known, or a sentence on why there is none. */
function showValue(name, value) {
  values[name] = value;
  const text = (one) => (one === null ? '\u2013' : typeof one === 'string' ? one : valueText(one));
  byId(`crosshair-${name}`).textContent = text(value);
  delete byId(`crosshair-${name}`).dataset.stale;
  const both = Object.values(values).every((one) => typeof one === 'number');
  byId('crosshair-less').textContent = text(both ? values.value - values.other : null);
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
  ask(channel, pair, state.options, (value) => showValue('value', value));
}, 60);

/* A rule that depends on the length has that of the whole map, not the pair's; softmax is over all its keys. */
function ask(through, pair, options, show) {
  const query = { ...mapQuery(domain(options), {}, options), i: String(pair.i), j: String(pair.j) };
  query.positions = query.cols;
  for (const name of ['rows', 'cols', 'size', ...pictureOptions()]) delete query[name];
  through.ask({
    url: url('/value.json', query), kind: 'json',
    good: ({ body }) => {
      const same = cross.pair && body.i === cross.pair.i && body.j === cross.pair.j;
      if (same) show(body.value ?? NaN);
    },
    bad: ({ message }) => show(mapRefused() ? null : pageWords(message)), /* what is wrong is said once */
  });
}

/* The curve is relative to distance 0; a value of the map has the attention factor in it. */
function factorWords(header) {
  const at = header?.measure === 'cosine' ? 1 : atZero(header);
  return at === 1 ? '' : ` (with factor ${at.toPrecision(3)})`;
}

/* What is read there: the names follow what is compared. */
export function followReadout() {
  const kind = mode() === 'off' ? null : against();
  byId('crosshair-a').hidden = !kind;
  byId('crosshair-difference-of').hidden = mode() !== 'difference';
  byId('crosshair-a').firstChild.textContent = kind === 'formula' ? 'formula' : `A${factorWords(headerOfA())}`;
  const own = effective('diff') ? 'difference' : effective('measure') === 'softmax' ? 'attention' : effective('encoding') === 'alibi' ? 'score' : `similarity${factorWords(layers.main?.header)}`;
  byId('crosshair-name').textContent = kind === 'a' ? `B${factorWords(layers.main?.header)}` : kind ? 'exact' : own;
  byId('crosshair-less-name').textContent = kind === 'formula' ? 'exact \u2212 formula' : 'B \u2212 A';
  return kind;
}

/* The value of what is compared with: the formula's is made here, A's asked for. */
function showOther(pair) {
  const kind = followReadout();
  if (!kind || !pair) showValue('other', null);
  else if (kind === 'formula') showValue('other', foundingValue(numberOf('base'), pair.i - pair.j));
  else ask(channelA, pair, askedOfA().options, (value) => showValue('other', value));
}

/* After the map has changed the value under a pointer at rest is another. */
export function refreshValue() {
  if (cross.pair) show();
}
