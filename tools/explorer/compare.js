/* compare.js - the present map, B, against a kept one, A, or against the founding formula */
/* SPDX-License-Identifier: MIT */
import { eitherLabel } from './bar.js';
import { imageOf } from './colour.js';
import { pageWords } from './controls.js';
import { Channel, parseNpy } from './fetch.js';
import { foundingCells } from './founding.js';
import { cellsWanted, draw, drawNow, hooks, layers, panes, paintStack, requestMap } from './map.js';
import { paintLayer } from './paint.js';
import { Picture, isCells, viewOf } from './picture.js';
import { mapQuery, url } from './query.js';
import { differenceColours, learnLimits } from './scale.js';
import {
  effective, numberOf, pictureOptions, setOptions, setPage, shownView, state, table, trainedLength, unframed, windowOf,
} from './state.js';
import { apart, atZero, differing, inCommon } from './settings.js';
import { showLack } from './status.js';
import { reducedMotion } from './timing.js';

const MODES = ['off', 'beside', 'split', 'blink', 'difference'];
const FORMULA = 'exp(\u2212|i \u2212 j| \u00b7 10 / ln base)';
const KEPT = 'A is kept: change any control to make B';
const GUESS = 'A guess at how similarity falls with distance. RoPE falls far more slowly, and not smoothly.';
const BLINK = 800; /* ms: slower than three flashes a second */
const WINDOW = ['positions', 'rows', 'cols'];
const byId = (id) => document.getElementById(id);

const numbers = { a: new Channel('cells-a'), b: new Channel('cells-b') };
const picture = new Picture('map-a', { show: arrived, refuse: ({ message }) => lose(message) });
let other = null, formulaKey = '', difference = null, differenceKey = '', phase = 0, timer = null;
let lacking = false; /* A cannot be, as the server said */

/* What B is compared with: 'formula', 'a', or null. A kept setting may be all defaults, so its text may be ''. */
export const against = () => (state.page.formula ? 'formula' : typeof state.page.a === 'string' ? 'a' : null);
export const mode = () => (against() ? state.page.compare ?? 'off' : 'off');
export const optionsOfA = () => Object.fromEntries(new URLSearchParams(state.page.a ?? ''));

export function startCompare() {
  byId('keep-a').addEventListener('click', keep);
  byId('swap').addEventListener('click', swap);
  byId('against-formula').addEventListener('change', ({ target }) => {
    const compare = mode() === 'off' || !target.checked ? (target.checked ? 'beside' : null) : mode();
    setPage({ formula: target.checked, compare });
  });
  for (const name of MODES) {
    byId(`compare-${name}`).addEventListener('change', () => {
      if (name !== 'off' && !against()) setPage({ a: new URLSearchParams(state.options).toString(), compare: name });
      else setPage({ compare: name === 'off' ? null : name });
    });
  }
  byId('split').addEventListener('input', draw);
  byId('split').addEventListener('change', ({ target }) => setPage({ split: target.value }));
  hooks.compose = compose;
  hooks.trained = trained;
  hooks.painted.push((header, milliseconds, coarse) => refreshOther(coarse));
}

/* Whose trained length is marked: beside each other each pane's own, over both maps in one that of B. */
function trained(pane) {
  if (pane === panes.other) return { length: against() === 'a' ? trainedLength(optionsOfA()) : null, label: 'trained length' };
  const both = against() === 'a' && ['split', 'blink', 'difference'].includes(mode());
  return { length: trainedLength(), label: `${both ? 'B: ' : ''}trained length` };
}

/* The present setting becomes A; what changes from now on is B. */
function keep() {
  const former = mode();
  const compare = former === 'off' || state.page.formula ? 'split' : former;
  setPage({ a: new URLSearchParams(state.options).toString(), formula: false, compare });
}

function swap() {
  const present = new URLSearchParams(state.options).toString(), kept = optionsOfA();
  const none = Object.fromEntries(Object.keys(state.options).map((name) => [name, null]));
  state.page.a = present;
  setOptions({ ...none, ...kept });
  setPage({});
}

/* What A is asked with: its own rule, the window and the colours of B, of which there is one bar. */
export function askedOfA() {
  const options = optionsOfA(), { header } = layers.main ?? {};
  const picture = pictureOptions();
  for (const name of [...picture, ...WINDOW]) delete options[name];
  for (const name of picture) if (state.options[name]) options[name] = state.options[name];
  if (header) {
    delete options.percentile;
    Object.assign(options, { cmap: header.colormap, norm: effective('norm'), clim: [header.low, header.high].map((limit) => Number(limit.toPrecision(9))).join(':') });
  }
  options.positions = effective('positions');
  return { options, window: windowOf(shownView()) };
}

function refreshOther(live = false) {
  if (mode() === 'off' || !layers.main) return;
  if (mode() === 'difference') {
    if (!live) refreshDifference();
  } else if (against() === 'formula') formulaLayer();
  else {
    const { options, window } = askedOfA();
    formulaKey = '';
    picture.ask({ options, window, size: cellsWanted(false), live });
  }
}

/* Made here, with the colours that the exact map has. */
async function formulaLayer() {
  const { header } = layers.main, window = windowOf(shownView()), base = numberOf('base');
  const key = JSON.stringify([base, window, cellsWanted(false), header.low, header.high, header.norm, header.colormap]);
  if (key === formulaKey || !(base > 1)) return;
  formulaKey = key;
  picture.forget();
  const values = foundingCells(base, window, Math.min(cellsWanted(false), 1024));
  const bitmap = await createImageBitmap(imageOf(values.cells, values.width, values.height, header));
  if (key === formulaKey) setOther({ bitmap, header, view: viewOf(window), values: isCells(window) ? values : null });
}

/* Scores of ALiBi fall without end, and leave the colours to what they are compared with. */
const isEndless = (options) => effective('encoding', options) === 'alibi' && effective('encoding') !== 'alibi';

function arrived(layer, mine, { header }) {
  if (against() !== 'a' || mine !== picture.wanted) layer.bitmap.close();
  else if (!layer.coarse && !isEndless(mine.options) && learnLimits(state.options, header)) {
    layer.bitmap.close();
    requestMap({});
  } else setOther(layer);
}

/* Nothing stands where A would, and why. */
function lose(message) {
  for (const layer of [other, difference]) layer?.bitmap.close();
  [other, difference, differenceKey, lacking] = [null, null, '', true];
  showLack(`No map of A. ${pageWords(message.replace(/^--(rows|cols)\b/, '--positions'))}`);
  draw();
}

function setOther(layer) {
  lacking = false;
  other?.bitmap.close();
  other = layer;
  draw();
  hooks.barChanged?.(); /* the title is of both */
}

const cellsOf = (which, asked) => new Promise((resolve) => {
  numbers[which].ask({
    url: asked, kind: 'arrayBuffer', bad: ({ message }) => resolve({ message }),
    good: ({ body, header }) => resolve({ ...parseNpy(body), header }),
  });
});

/* B - A, cell by cell, on a scale that is as far to both sides. */
async function refreshDifference() {
  const window = windowOf(shownView()), size = Math.min(cellsWanted(false), 1024);
  const extra = { size: String(size) };
  const of = (options) => url('/map.npy', unframed(mapQuery(window, extra, options)));
  const urlB = of(state.options), urlA = of(askedOfA().options);
  const key = against() === 'formula' ? `${urlB} formula` : `${urlB} ${urlA}`; /* both name the colours */
  if (key === differenceKey) return;
  differenceKey = key;
  const formula = against() === 'formula';
  const cellsA = formula ? foundingCells(numberOf('base'), window, size) : cellsOf('a', urlA);
  const [a, b] = await Promise.all([cellsA, cellsOf('b', urlB)]);
  if (key === differenceKey && a.message && b.cells) lose(a.message);
  if (key !== differenceKey || !a.cells || !b.cells || a.cells.length !== b.cells.length) return;
  const cells = new Float32Array(b.cells.length);
  let most = 0, min = Infinity, max = -Infinity;
  for (let cell = 0; cell < cells.length; cell++) {
    cells[cell] = b.cells[cell] - a.cells[cell];
    if (cells[cell] < min) min = cells[cell];
    if (cells[cell] > max) max = cells[cell];
    if (Math.abs(cells[cell]) > most) most = Math.abs(cells[cell]);
  }
  const scale = { low: -(most || 1), high: most || 1, norm: 'linear', colormap: state.options.cmap ?? differenceColours(), linear_below: 0, min: min <= max ? min : null, max };
  const bitmap = await createImageBitmap(imageOf(cells, b.width, b.height, scale));
  lacking = false;
  difference?.bitmap.close();
  const values = isCells(window) ? { cells, width: b.width, height: b.height } : null;
  difference = { bitmap, view: viewOf(window), header: scale, values, ofA: a.header };
  draw();
  hooks.barChanged?.();
}

/* The scale of what is shown where it is not the map's own; null: it is. */
export function comparedScale() {
  const ofA = against() === 'a' && other?.header, { header } = layers.main ?? {};
  if (['beside', 'split', 'blink'].includes(mode()) && ofA && header) {
    return { scale: { ...header, min: d3.min([ofA, header], ({ min }) => min), max: d3.max([ofA, header], ({ max }) => max) }, label: eitherLabel([ofA, header]) };
  }
  if (mode() !== 'difference' || !difference) return null;
  const alike = atZero(difference.ofA) === atZero(layers.main?.header); /* else the factor alone makes scores larger */
  const [ofB, own] = [state.options, optionsOfA()].map((options) => effective('measure', options)); /* the formula is of similarity */
  const more = ofB !== (state.page.formula ? 'dot' : own) || !alike ? 'higher' : ofB === 'softmax' ? 'more attention' : 'more similar';
  const [a, b, less] = state.page.formula ? ['in the formula', 'in RoPE', 'exact \u2212 formula'] : ['in A', 'in B', 'B \u2212 A'];
  return { scale: difference.header, label: `${more} ${a}  \u2190  ${less}  \u2192  ${more} ${b}` };
}

export const headerOfA = () => (against() === 'a' ? (mode() === 'difference' ? difference?.ofA : other?.header) : null);

/* What a map is asked with so that it is the difference that is seen; null: maps that differ in more than the one
   option that --diff takes, or in the formula. */
export function differenceQuery() {
  if (against() !== 'a') return null;
  const { options: ofA } = askedOfA();
  const [name, ...more] = differing([ofA, { ...state.options, positions: ofA.positions }]);
  if (!name || more.length || name === 'model' || table.options.get(name)?.flag) return null;
  const { length } = mapQuery(windowOf(shownView()), {}, ofA), high = Number((difference?.header.high ?? 1).toPrecision(9));
  return { diff: `${name}=${effective(name, ofA)}`, clim: `${-high}:${high}`, cmap: state.options.cmap ?? differenceColours(), percentile: undefined, norm: undefined,
    ...(length && { length }) };
}

/* The title of what is seen: a header's is that of B alone. */
export function comparedCaption(header) {
  if (mode() === 'off') return header;
  const ofA = headerOfA(), titles = [ofA ?? header, header].map(({ title }) => title), common = inCommon(titles).split(', ').filter(Boolean);
  const rest = titles.map((title) => title.split(', ').filter((part) => !common.includes(part)).join(', '));
  const words = against() !== 'a' ? [FORMULA, 'exact'] : ofA && rest.every(Boolean) ? rest : apart([optionsOfA(), state.options]);
  const [a, b] = words.map((one) => one.split(', ').filter((part) => !common.includes(part)).join(', '));
  const shared = inCommon([ofA ?? header, header].map(({ subtitle }) => subtitle ?? '')).split(', ').filter((part) => part && part !== state.options.preset); /* B's own name */
  const both = [...common, ...shared].join(', '), whole = (part) => (part.includes(', ') ? `(${part})` : part);
  const apartWords = against() === 'a' && !a ? '' : mode() === 'difference' ? `: ${whole(b || 'B')} minus ${whole(a || 'A')}` : `: ${whole(a || 'A')} against ${whole(b || 'B')}`;
  return { title: both + apartWords, subtitle: '\u00a0' }; /* the names of A and B stand there */
}

function compose(view) {
  const { context } = panes.main, now = mode();
  if (now === 'difference' && difference) {
    paintLayer(context, difference, view);
    return;
  }
  if (now === 'difference' && lacking) return;
  if (now === 'blink' && phase === 1 && other) paintLayer(context, other, view);
  else paintStack(context, layers.main, view);
  if (now === 'beside' && other && panes.other.side) paintLayer(panes.other.context, other, view);
  if (now === 'split' && other) paintSplit(context, view);
}

/* A to the left of the line, B to the right. */
function paintSplit(context, view) {
  const { width, height } = context.canvas, at = Math.round(Number(byId('split').value) * width);
  context.save();
  context.beginPath();
  context.rect(0, 0, at, height);
  context.clip();
  context.clearRect(0, 0, at, height);
  paintLayer(context, other, view);
  context.restore();
  context.fillStyle = '#0008';
  context.fillRect(at - 2 * devicePixelRatio, 0, 4 * devicePixelRatio, height);
  context.fillStyle = '#fff';
  context.fillRect(at - devicePixelRatio / 2, 0, Math.max(1, devicePixelRatio), height);
}

/* Shows A or B in turn; where motion is not wanted, only on request. */
export function flip() {
  phase = 1 - phase;
  drawNow(); /* with its name, in one frame */
  names();
}

function names() {
  const now = mode(), [a, b] = against() === 'a' ? apart([optionsOfA(), state.options]) : ['', ''];
  const formula = state.page.formula;
  const nameA = formula ? `formula: ${FORMULA}` : `A${a ? `: ${a}` : ''}`;
  const nameB = formula ? 'exact' : `B${b ? `: ${b}` : ''}`;
  const main = {
    off: '', beside: nameB, split: `${nameA}  |  ${nameB}`, blink: phase ? nameA : nameB,
    difference: formula ? 'exact \u2212 formula' : 'B \u2212 A',
  }[now];
  byId('pane-main-name').hidden = !main;
  byId('pane-main-name').textContent = against() === 'a' && !a && main ? KEPT : main;
  byId('pane-other-name').textContent = nameA;
  byId('a-words').textContent = against() === 'a' ? (a ? `A: ${a}` : KEPT) : formula ? GUESS : '';
}

/* Follows the page's settings. */
export function followCompare() {
  const now = mode();
  document.body.dataset.compare = now;
  byId(`compare-${now}`).checked = true;
  byId('against-formula').checked = Boolean(state.page.formula);
  byId('pane-other').hidden = now !== 'beside';
  byId('split').hidden = now !== 'split';
  if (state.page.split) byId('split').value = state.page.split;
  byId('swap').hidden = against() !== 'a';
  byId('flip').hidden = now !== 'blink';
  document.querySelector('#group-compare .changed-note').textContent = now === 'off' ? '' : now;
  clearInterval(timer);
  phase = 0;
  if (now === 'blink' && !reducedMotion()) timer = setInterval(flip, BLINK);
  if (now !== 'difference') differenceKey = '';
  if (lacking) showLack('');
  lacking = false;
  names();
  refreshOther();
  draw();
}

export const followNames = names;
