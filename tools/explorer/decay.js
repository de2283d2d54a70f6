/* decay.js - the curve of the present setting, those that are pinned, and RoFormer's bound */
/* SPDX-License-Identifier: MIT */
import { chart, pointsOf, showCurves } from './curve.js';
import { Channel } from './fetch.js';
import { mapPending, mapRefused } from './map.js';
import { grouped, parseNumber } from './numbers.js';
import { curveQuery, ofCurve, url } from './query.js';
import { make } from './slider.js';
import { effective, setPage, state, table, thousandOf, trainedLength, unframed } from './state.js';
import { whenQuiet } from './timing.js';

const PIN_COLOURS = ['var(--pin-1)', 'var(--pin-2)', 'var(--pin-3)', 'var(--pin-4)', 'var(--pin-5)'];
const byId = (id) => document.getElementById(id);

const channel = new Channel('curve'), boundChannel = new Channel('bound');
const pinned = new Map(); /* query of a pin -> { channel, curve, label, key } */
let main = null, mainKey = '', bound = null, boundKey = '', range = { count: 2, log: true };

const axis = () => (state.page.axis === 'linear' ? 'linear' : 'log');

export function startDecay() {
  byId('axis-log').addEventListener('change', () => setPage({ axis: null }));
  byId('axis-linear').addEventListener('change', () => setPage({ axis: 'linear' }));
  byId('show-bound').addEventListener('change', (event) => setPage({ bound: event.target.checked }));
  byId('pin').addEventListener('click', () => pin());
  byId('unpin').addEventListener('click', () => setPage({ pin: [] }));
}

/* A pin is the options that differ from the defaults, without those of the range and the picture. */
function pin() {
  const own = Object.entries(unframed(state.options)).filter(([name]) => ofCurve(name));
  const query = new URLSearchParams(own).toString();
  if (!state.page.pin.includes(query)) setPage({ pin: [...state.page.pin, query].slice(-PIN_COLOURS.length) });
}

/* While a hand moves, the map comes first: a curve each 200 ms, and the last one. */
export const refreshDecay = whenQuiet(60, () => {
  if (mapPending()) {
    refreshDecay();
    return;
  }
  if (mapRefused()) return;
  byId('curve-note').textContent = note();
  askMain();
  askBound();
  for (const [query, one] of pinned) askPin(query, one);
}, 200);

function askMain() {
  const query = unframed(curveQuery({ axis: axis() })), address = url('/curve.json', query);
  if (address === mainKey) return;
  mainKey = address;
  channel.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      [main] = body.curves;
      const { first, count } = body.distances;
      range = { count: first + count, log: query.axis === 'log' };
      main.points = pointsOf(main, first, range.log);
      byId('decay').dataset.state = 'ready';
      show();
    },
    bad: () => {
      mainKey = '';
      byId('decay').dataset.state = 'refused';
    },
  });
}

function askBound() {
  if (!state.page.bound) {
    bound = null;
    boundKey = '';
    return;
  }
  const query = unframed(curveQuery({ axis: axis(), quantity: 'roformer' }));
  delete query.phase;
  delete query.shift;
  const address = url('/curve.json', query);
  if (address === boundKey) return;
  boundKey = address;
  boundChannel.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      bound = scaled(pointsOf(body.curves[0], body.distances.first, query.axis === 'log'));
      show();
    },
    bad: () => { boundKey = ''; },
  });
}

/* RoFormer's bound holds after a factor that depends on the vectors: its shape alone is drawn, from 1 on. */
function scaled(points) {
  const unit = points.high?.[0] ?? points.mean[0];
  return { ...points, unit, mean: points.mean.map((value) => value / unit) };
}

function askPin(query, one) {
  const options = Object.fromEntries(new URLSearchParams(query));
  const { distances, length } = curveQuery({}), asked = { ...options, distances, axis: axis() };
  if (options.scaling && length) asked.length ??= length;
  const address = url('/curve.json', asked);
  if (address === one.key) return;
  one.key = address;
  one.channel.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      one.curve = { ...body.curves[0], points: pointsOf(body.curves[0], body.distances.first, asked.axis === 'log') };
      show();
    },
    bad: () => setPage({ pin: state.page.pin.filter((own) => own !== query) }),
  });
}

/* Follows the page's settings: which pins, which axis. */
export function followDecay() {
  byId('axis-log').checked = axis() === 'log';
  byId('axis-linear').checked = axis() !== 'log';
  byId('show-bound').checked = Boolean(state.page.bound);
  for (const query of pinned.keys()) if (!state.page.pin.includes(query)) pinned.delete(query);
  for (const query of state.page.pin) {
    if (!pinned.has(query)) pinned.set(query, { channel: new Channel(`pin-${pinned.size}`), key: '', curve: null });
  }
  byId('unpin').hidden = !state.page.pin.length;
  refreshDecay();
  if (main) show();
}

/* base 10,000, scaling yarn:... */
function nameOf(query) {
  const words = [...new URLSearchParams(query)].map(([name, text]) => {
    const number = parseNumber(text, thousandOf(name));
    return `${name} ${Number.isNaN(number) ? text : grouped(number)}`;
  });
  return words.join(', ') || 'defaults';
}

function show() {
  if (!main) return;
  const pins = [...pinned].map(([query, { curve }], index) => ({ query, curve, colour: PIN_COLOURS[index] }));
  const there = pins.filter(({ curve }) => curve && (curve.points.to.at(-1) + 1 === range.count));
  const trained = main.trained_length ?? trainedLength();
  const marks = [
    { at: main.half, kind: 'half', label: '½' },
    { at: main.first_negative, kind: 'zero-crossing', label: 'first < 0' },
    { at: trained, kind: 'trained', label: 'trained' },
  ].filter(({ at }) => at !== null && at !== undefined);
  chart.description = describe();
  byId('curve-note').textContent = note();
  showCurves({
    ...range, marks, bound: state.page.bound ? bound : null,
    curves: [...there.map(({ query, curve, colour }) => ({ id: query, points: curve.points, colour })),
      { id: 'main', points: main.points, main: true }],
  });
  legend(pins);
}

/* The server finds these crossings only for exact rotations and constant vectors. */
function describe() {
  if (effective('phase') !== 'exact' || (table.tensors && !state.options.content)) return '';
  const half = main.half === null ? 'never below one half here' : `below one half at ${grouped(main.half)}`;
  const zero = main.first_negative === null ? 'never below 0 here' : `below 0 at ${grouped(main.first_negative)}`;
  return `${half}, ${zero}`;
}

/* What the curve leaves out of what the map shows. */
function note() {
  const encoding = effective('encoding');
  if (state.page.bound && bound) {
    return `Dashed: the shape of RoFormer’s upper bound, drawn as 1 where it is ${d3.format('.4~g')(bound.unit)}.`;
  }
  if (encoding !== 'rope') return `The curve is that of RoPE, the map ${encoding}.`;
  if (effective('content').startsWith('gauss')) return 'The curve is that of equal vectors.';
  return effective('measure') === 'scaled' ? 'The curve is q · k of unit vectors, not divided by √D.' : '';
}

function legend(pins) {
  const list = byId('pins');
  list.replaceChildren(...pins.map(({ query, colour }) => {
    const remove = make('button', { type: 'button', textContent: '×', 'aria-label': `Unpin ${nameOf(query)}` });
    remove.addEventListener('click', () => setPage({ pin: state.page.pin.filter((one) => one !== query) }));
    const key = make('span', { className: 'pin-key' });
    key.style.background = colour;
    return make('li', {}, key, make('span', { textContent: nameOf(query) }), remove);
  }));
}
