/* decay.js - the curves: of the present setting, of everything it is compared with, and RoFormer's bound */
/* SPDX-License-Identifier: MIT */
import { against, mode, optionsOfA } from './compare.js';
import { pageWords } from './controls.js';
import { chart, pointsOf, showCurves } from './curve.js';
import { Channel } from './fetch.js';
import { foundingValue } from './founding.js';
import { labelOfMany, manyOptions, manyShown, manyWanted } from './many.js';
import { mapPending, mapRefused } from './map.js';
import { grouped, parseNumber, tokensText } from './numbers.js';
import { curveQuery, ofCurve, url, withLength, withRule } from './query.js';
import { apart } from './settings.js';
import { make } from './slider.js';
import { isDark } from './status.js';
import { effective, hasAxes, numberOf, ofTensors, reach, setPage, state, trainedLength, unframed } from './state.js';
import { whenQuiet } from './timing.js';

const COLOURS = 8, PINS = 5, KEPT = 64, DASHES = ['7 3', '9 3 2 3', '2 3', '12 3'];
const BAND_SEEN = 0.01; /* of what the axis holds */
const SEARCHED = 1048576; /* tokens that the server looks through for crossings at least */
const GHOST = 3000; /* ms that the former curve stays after the last change */
const byId = (id) => document.getElementById(id);

const channel = new Channel('curve'), others = new Channel('lines'), boundChannel = new Channel('bound');
const made = new Map(); /* address -> curve, the newest KEPT */
let main = null, mainKey = '', bound = null, boundKey = '', range = { count: 2, log: true }, round = 0, ghost = null;

const axis = () => (state.page.axis === 'linear' ? 'linear' : 'log');

export function startDecay() {
  byId('axis-log').addEventListener('change', () => setPage({ axis: null }));
  byId('axis-linear').addEventListener('change', () => setPage({ axis: 'linear' }));
  byId('show-bound').addEventListener('change', (event) => setPage({ bound: event.target.checked }));
  byId('pin').addEventListener('click', () => pin());
  byId('unpin').addEventListener('click', () => setPage({ pin: [] }));
}

/* The options that a curve depends on, of which no map's pool or mask is one. */
const ownOf = (options) => Object.fromEntries(Object.entries(unframed(options)).filter(([name]) => ofCurve(name)));

/* A pin is the options that differ from the defaults, without those of the range and the picture. */
function pin() {
  const query = new URLSearchParams(ownOf(state.options)).toString();
  if (!state.page.pin.includes(query)) setPage({ pin: [...state.page.pin, query].slice(-PINS) });
}

const unpin = (query) => setPage({ pin: state.page.pin.filter((one) => one !== query) });

/* A curve of the former setting is paler than one of this. */
function fade() {
  const { state: shown } = byId('decay').dataset;
  if (main && shown !== 'refused') byId('decay').dataset.state = addressNow() === main.address ? 'ready' : 'former';
}

const addressNow = () => url('/curve.json', unframed(curveQuery({ axis: axis() })));

/* While a hand moves, the map comes first: a curve each 200 ms, and the last one. */
const soon = whenQuiet(60, () => {
  if (mapPending() || channel.rests) {
    soon();
    return;
  }
  if (mapRefused()) return;
  askMain();
  askBound();
  askLines();
}, 200);

const layGhost = whenQuiet(GHOST, () => {
  ghost = null;
  show();
});

/* The setting has changed: its former curve stays for a while as a ghost. */
export function refreshDecay() {
  ghost ??= main;
  fade();
  layGhost();
  soon();
}

/* ---- what is drawn ---------------------------------------------------------------------------------------- */

const optionsOf = (query) => Object.fromEntries(new URLSearchParams(query));

/* The pin of what is the main line anyway, if there is one. */
const pinOf = (options) => (manyShown() ? undefined : state.page.pin.find((query) => addressOf(optionsOf(query)) === addressOf(options)));

/* A model's curve ends where it was trained to, or at the side of its grid. */
const endOf = (options) => (hasAxes(options) ? reach(options) - 1 : trainedLength(options));

/* Lines besides the main one, which is of `own`: { id, options, remove?, upTo? }. */
function wanted(own = state.options) {
  const lines = [];
  if (mode() !== 'off' && against() === 'a') lines.push({ id: 'a', name: 'A', options: optionsOfA() });
  if (manyShown()) {
    const all = manyOptions(), ordered = all.every(([value]) => !Number.isNaN(parseNumber(value))); /* from dark to light, as in files */
    const { name } = manyWanted(), isLength = name === 'positions';
    all.forEach(([value, options], at) => lines.push({ id: `many ${value}`, options, name: isLength ? `length ${labelOfMany(value)}` : '',
      within: isLength ? parseNumber(value) : undefined, upTo: isLength ? parseNumber(value) : name === 'preset' ? endOf(options) : null,
      tag: labelOfMany(value, true), place: ordered ? at / Math.max(all.length - 1, 1) : undefined }));
  }
  for (const query of state.page.pin) {
    if (query !== pinOf(own)) lines.push({ id: `pin ${query}`, options: optionsOf(query), remove: () => unpin(query) });
  }
  return lines;
}

/* What a line is asked with, but for its distances. A rule of a context is of that of the present map, as the map of A is,
   and where lengths are compared each of its own. */
export function lineQuery(options) {
  const here = { positions: effective('positions'), rows: state.options.rows, cols: state.options.cols };
  const isLength = manyShown() && manyWanted().name === 'positions';
  return withLength(ownOf(options), isLength ? options : { ...options, ...here });
}

/* The distances are those of the present map, for all alike. */
const addressOf = (options) => url('/curve.json', { ...lineQuery(options), distances: curveQuery({}).distances, axis: axis() });


function take(address, body) {
  const { first, count } = body.distances, [curve] = body.curves;
  curve.points = pointsOf(curve, first, axis() === 'log');
  curve.count = first + count;
  made.set(address, curve);
  if (made.size > KEPT) made.delete(made.keys().next().value);
  return curve;
}

function askMain() {
  const address = addressNow(), log = axis() === 'log';
  if (address === mainKey) return;
  mainKey = address;
  const options = { ...state.options };
  channel.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      main = Object.assign(take(address, body), { options, address });
      range = { count: main.count, log };
      byId('decay').dataset.state = 'ready';
      fade();
      show();
    },
    bad: ({ message }) => { /* no curve, and why */
      mainKey = '';
      main = ghost = null;
      chart.description = '';
      showCurves({ curves: [], marks: [], bound: null });
      byId('band-key').hidden = true;
      byId('curve-note').textContent = `No curve: ${pageWords(message.replace(/^--[\w-]+: /, ''))}`;
      byId('decay').dataset.state = 'refused';
    },
  });
}

/* One after another, so that maps find a worker. */
async function askLines() {
  const mine = ++round;
  for (const line of wanted()) {
    const address = addressOf(line.options);
    if (made.has(address)) continue;
    await new Promise((done) => {
      others.ask({
        url: address, kind: 'json', bad: done,
        good: ({ body }) => {
          take(address, body);
          show();
          done();
        },
      });
    });
    if (mine !== round) return;
  }
  show();
}

/* The bound is of the setting in the controls, and of exact RoPE. */
export function boundQuery() {
  const query = unframed(curveQuery({ axis: axis(), quantity: 'roformer' }));
  for (const name of ['phase', 'shift', 'encoding', 'slope', 'chunk', 'local', 'batch', 'head']) delete query[name];
  return withRule(query);
}

function askBound() {
  if (!state.page.bound) {
    bound = null;
    boundKey = '';
    return;
  }
  const query = boundQuery(), address = url('/curve.json', { ...query, ...(ofTensors() && { content: 'ones' }) });
  if (address === boundKey) return;
  boundKey = address;
  boundChannel.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      bound = fromOne(pointsOf(body.curves[0], body.distances.first, query.axis === 'log'));
      show();
    },
    bad: () => { boundKey = ''; },
  });
}

/* RoFormer's bound holds after a factor that depends on the vectors: its shape alone is drawn, from 1 on. */
function fromOne(points) {
  const unit = points.high?.[0] ?? points.mean[0];
  return { ...points, mean: points.mean.map((value) => value / unit) };
}

/* Follows the page's settings: which pins, which axis, what is compared. */
export function followDecay() {
  byId('axis-log').checked = axis() === 'log';
  byId('axis-linear').checked = axis() !== 'log';
  byId('show-bound').checked = Boolean(state.page.bound);
  byId('unpin').hidden = !state.page.pin.length;
  soon();
  if (main) show();
}

/* A model's curve ends where its training did. */
function cut(points, upTo) {
  const end = upTo ? points.from.findIndex((from) => from > upTo) : -1;
  if (end < 0) return points;
  return { ...points, ...Object.fromEntries(['from', 'to', 'mean', 'low', 'high'].map((part) => [part, points[part]?.slice(0, end)])) };
}

/* The founding formula at the distances of the main curve. */
function formulaPoints() {
  const base = numberOf('base'), { from, to } = main.points;
  return { from, to, mean: from.map((first, index) => foundingValue(base, (first + to[index]) / 2)), low: null, high: null, at: (distance) => foundingValue(base, distance) };
}

function lines() {
  const list = wanted(main.options), pinned = pinOf(main.options);
  const own = manyShown() ? list[0]?.options ?? main.options : main.options, words = apart([own, ...list.map(({ options }) => options)].map(ownOf)); /* many are without it */
  const named = (name, word) => [name, word].filter(Boolean).join(': ') || 'this setting';
  const all = [{ id: 'main', main: true, label: named(list.some(({ name }) => name === 'A') ? 'B' : '', words[0]), points: main.points }];
  if (pinned !== undefined) Object.assign(all[0], { remove: () => unpin(pinned), ends: 'pinned' });
  list.forEach((line, index) => {
    const curve = made.get(addressOf(line.options));
    const points = curve && curve.count === range.count ? cut(curve.points, line.upTo) : null;
    const one = { ...line, label: named(line.name, words[index + 1]), points, curve, ends: points && points !== curve.points && line.within === undefined ? (curve.along ? `to its ${line.upTo + 1} patches` : `to its trained ${tokensText(line.upTo)}`) : '' };
    if (line.name === 'A') all.unshift(one); /* A comes before B everywhere */
    else all.push(one);
  });
  if (mode() !== 'off' && against() === 'formula') {
    all.unshift({ id: 'formula', label: 'exp(−10 · distance / ln base)', dash: DASHES[0], points: formulaPoints() });
  }
  if (manyShown()) all.find(({ main: own }) => own).hidden = true;
  colour(all.filter(({ hidden }) => !hidden));
  const isPinned = ghost && list.some(({ options }) => addressOf(options) === addressOf(ghost.options));
  const before = ghost && ghost !== main && !isPinned && ghost.count === range.count && apart([main.options, ghost.options].map(ownOf))[1];
  if (before) all.push({ id: 'ghost', label: `before: ${before}`, colour: 'var(--ghost)', dash: '', points: ghost.points });
  return all;
}

/* In their order, as in a file of the same curves: two solid lines, then dashes. */
function colour(all) {
  all.forEach((line, index) => {
    const { place } = line;
    line.colour = place === undefined ? `var(--pin-${(index % COLOURS) + 1})` : d3.interpolateViridis(isDark() ? 0.3 + 0.7 * place : 0.8 * place);
    line.dash ??= place !== undefined || index < 2 ? '' : DASHES[(index - 2) % DASHES.length];
  });
  /* The card is of the setting in the controls too. */
  byId('side').style.setProperty('--main', all.find((line) => line.main)?.colour ?? 'var(--ink)');
}

function show() {
  if (!main) return;
  const all = lines(), drawn = all.filter(({ points, hidden }) => points && !hidden);
  const trained = main.trained_length ?? trainedLength();
  const whose = mode() !== 'off' && against() === 'a' ? 'B: ' : '';
  const marks = [
    { at: main.half, kind: 'half', label: `${whose}below ½` },
    { at: main.first_negative, kind: 'zero-crossing', label: `${whose}below 0` },
    { at: trained, kind: 'trained', label: `${whose}trained` },
  ].filter(({ at }) => at !== null && at !== undefined);
  const dots = marks.some(({ at, kind }) => kind !== 'trained' && at >= (range.log ? 1 : 0) && at < range.count) ? ', the dots are single distances' : '';
  const banded = drawn.filter(({ id, points }) => id !== 'ghost' && hasBand(points)), single = banded.length === 1 && banded[0].main;
  byId('band-key').hidden = !banded.length;
  byId('band-key').querySelector('.pin-key').hidden = !single;
  byId('band-words').textContent = single ? `lowest to highest in a pixel; the line is their mean${dots}`
    : `bands are lowest to highest in a pixel, lines their means${manyShown() || !dots ? '' : ', dots single distances'}`;
  if (addressNow() === main.address) { /* else they stay those of the former setting, as the line does */
    const { label } = all.find(({ main: own }) => own), alone = all.every(({ main: own, id }) => own || id === 'ghost');
    const words = manyShown() ? '' : describe();
    chart.description = words && !alone ? `${label}: ${words}` : words;
    byId('curve-note').textContent = note(all);
  }
  const settings = linesShown(), scores = settings.some((options) => effective('encoding', options) === 'alibi');
  document.querySelector('#decay h2').textContent = `${scores ? 'Score' : 'Similarity'} against distance`;
  const along = new Set(drawn.filter((line) => line.main || line.curve).map((line) => (line.main ? main : line.curve).along));
  showCurves({ ...range, along: along.size > 1 ? 'each' : [...along][0] ?? null, marks: manyShown() ? [] : marks, bound: state.page.bound ? bound : null,
    share: !ofTensors(), curves: drawn.sort((a, b) => (a.main ?? 0) - (b.main ?? 0) || (b.within ?? 0) - (a.within ?? 0)) });
  legend(all.filter(({ points, hidden }) => points && !hidden));
}

/* Whether values of one pixel differ enough to be seen apart. */
function hasBand({ low, high, mean }) {
  const tall = low && Math.max(1, d3.max(high) - d3.min(low));
  return Boolean(low) && mean.some((_, at) => high[at] - low[at] > BAND_SEEN * tall);
}

/* The server finds these crossings only for exact rotations and constant vectors. */
function describe() {
  if (effective('phase') !== 'exact' || ofTensors() || main.along) return '';
  const searched = effective('encoding') === 'rope' ? Math.min(main.count, SEARCHED) : main.count;
  const within = `within ${grouped(searched)} tokens`;
  const beyond = (at, unit = '') => `${grouped(at)}${unit}${at < main.count ? '' : ', beyond this plot'}`;
  const half = main.half === null ? `at or above ½ ${within}` : `first below ½ at ${beyond(main.half, ' tokens')}`;
  const zero = main.first_negative === null ? `at or above 0 ${within}` : `first below 0 at ${beyond(main.first_negative)}`;
  return `${half}; ${zero}`;
}

/* Which values have an attention factor in the map that their curves are without. */
function factorsNote(list) {
  const short = (value) => value.toPrecision(3);
  const all = list.filter(({ hidden, id }) => !hidden && id !== 'ghost').map((line) => ({ ...line, at: (line.main ? main : line.curve)?.similarity_at_zero ?? 1 }));
  const own = all.filter(({ at }) => Math.abs(at - 1) > 1e-6), measures = new Set(linesShown().map((options) => effective('measure', options)));
  if (!own.length || measures.has('cosine') && measures.size === 1) return ''; /* a cosine is without it too */
  const isDot = measures.has('dot') && measures.size === 1;
  if (all.length === 1) {
    return `Relative to distance 0, where the attention factor, once for q and once for k, makes ${isDot ? 'it' : 'q · k'} ${short(own[0].at)}${isDot ? ', as in the map' : '; the map divides that by √d'}.`;
  }
  return `Relative to distance 0, where the attention factor makes ${isDot ? 'the map' : 'q · k'}: ${own.map(({ label, at }) => `${label}: ${short(at)}`).join('; ')}.`;
}

/* What the curve leaves out of what the map shows. */
function note(all) {
  const before = linesShown().some((options) => effective('measure', options) === 'softmax') ? 'The curve is similarity, before softmax. ' : '';
  if (effective('phase') === 'fp32freq') return `${before}Rounded frequencies alone: what comes of it depends on the distance alone.`;
  const chunks = linesShown().some((options) => effective('encoding', options) === 'dual-chunk');
  if (effective('phase') !== 'exact' || chunks) {
    const shift = parseNumber(state.options.shift ?? '0') || 0, of = grouped(shift);
    return `${before}Of key ${of} and query ${shift ? `${of} + distance` : '= distance'}: ${chunks ? 'dual chunks depend' : 'what is rounded depends'} on both positions.`;
  }
  if (before) return before;
  if (effective('content').startsWith('gauss')) return 'The curve assumes identical tokens.';
  const factors = factorsNote(all);
  if (factors) return factors;
  return effective('measure') === 'scaled' ? 'The curve is q · k of unit vectors, not divided by √d.' : '';
}

/* The settings of the lines that are drawn, but for the ghost and the formula. */
export function linesShown() {
  const list = wanted(), ofA = list.filter(({ name }) => name === 'A'), others = list.filter(({ name }) => name !== 'A');
  return [...ofA.map(({ options }) => options), ...(manyShown() ? [] : [state.options]), ...others.map(({ options }) => options)];
}

/* How far a line that is not the main one reaches; what that one does stands below the chart. */
function reachOf(curve, within = Infinity) {
  return [['below ½', curve?.half], ['below 0', curve?.first_negative]].filter(([, at]) => at && at < within).map(([what, at]) => `${what} at ${grouped(at)}`);
}

/* Whose the bound is, where others have curves too. */
const ofWhom = () => (manyShown() ? ' for the setting in the controls' : mode() !== 'off' && against() === 'a' ? ' of B' : state.page.pin.length ? ' of this setting' : '');

/* A piece of the line, with its dashes. */
function keyOf(colour, dash) {
  const key = d3.create('svg').attr('class', 'line-key').attr('aria-hidden', 'true');
  key.append('line').attr('x2', '100%').attr('y1', 3).attr('y2', 3).attr('stroke-dasharray', dash || null).style('stroke', colour);
  return key.node();
}

let said = '';

function legend(all) {
  const ofBound = state.page.bound && bound ? [{ label: `shape of RoFormer’s bound${ofWhom()}: how it falls, not how high it is`, colour: 'var(--bound)', dash: '4 3' }] : [];
  const items = all.length + ofBound.length === 1 && !all[0]?.remove && !manyShown() ? [] : [...all, ...ofBound];
  const key = JSON.stringify(items.map(({ label, colour, curve, within, ends }) => [label, colour, reachOf(curve, within), ends]));
  if (key === said) return;
  said = key;
  byId('pins').replaceChildren(...items.map(({ label, colour, dash, main: own, remove, curve, within, ends }) => {
    const key = keyOf(colour, dash);
    const text = [label, ...reachOf(curve, within), ...(ends ? [ends] : [])].join(' · ');
    const item = make('li', { className: own ? 'own' : '' }, key, make('span', { textContent: text }));
    if (!remove) return item;
    const button = make('button', { type: 'button', textContent: '×', 'aria-label': `Unpin ${label}` });
    button.addEventListener('click', remove);
    item.append(button);
    return item;
  }));
}
