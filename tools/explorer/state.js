/* state.js - what the page shows: options as texts, the window of positions, and the page's own settings */
/* SPDX-License-Identifier: MIT */
import { parseNumber, parseRange } from './numbers.js';

/* options: name -> text, as on the command line; one that is missing has its default.
 * view: null for the whole map, else { x0, x1, y0, y1 } in positions, with fractions.
 * page: settings that the server does not know. */
export const state = { options: {}, view: null, page: {} };
export const table = { options: new Map(), places: [], scaling: [], presets: [], colormaps: {}, models: new Map() };

const listeners = { options: [], view: [], page: [] };
export const on = (kind, listener) => listeners[kind].push(listener);
const tell = (kind, detail) => listeners[kind].forEach((listener) => listener(detail));

export function takeTable(json) {
  Object.assign(table, json, { options: new Map(json.options.map((option) => [option.name, option])) });
  table.models = new Map((json.models ?? []).map((model) => [model.id, model]));
}

/* changes: { name: text, or null for the default }. inputAt: the time of the event that asked for it. */
export function setOptions(changes, { inputAt = performance.now(), live = false } = {}) {
  let changed = false;
  for (const [name, text] of Object.entries(changes)) {
    changed ||= (state.options[name] ?? null) !== text;
    if (text === null) delete state.options[name];
    else state.options[name] = text;
  }
  if (!changed) return;
  if (state.view && movesDomain(changes)) keepView();
  tell('options', { changes, inputAt, live });
}

export function setView(view, detail = {}) {
  state.view = view;
  tell('view', { inputAt: performance.now(), ...detail });
}

export function setPage(changes) {
  Object.assign(state.page, changes);
  tell('page', { changes });
}

/* Everything at once, as when an address is opened. */
export function replaceAll({ options, view, page }) {
  Object.assign(state, { options, view, page });
  tell('options', { changes: { ...options, positions: options.positions }, inputAt: performance.now(), live: false });
  tell('page', { changes: null });
}

/* The options of how a map is shown, which change no value. */
export const pictureOptions = () =>
  [...table.options.values()].filter(({ group }) => group === 'output').map(({ name }) => name);

/* A query without the options that change only the frame or size of a figure, which the page's pictures lack. */
export const unframed = (query) =>
  Object.fromEntries(Object.entries(query).filter(([name]) => !table.options.get(name)?.page.framed));

/* The options that make up the rule of a model. */
export const OF_MODEL = ['base', 'head-dim', 'rotary-dim', 'scaling', 'layout', 'layer-type', 'axes', 'grid'];

/* The id of the model that was posted, or whose capture the server has; undefined: none. */
export const modelOf = (options = state.options) =>
  options.model ?? (ofTensors(options) && options.preset === undefined ? table.tensors.model ?? undefined : undefined);

/* The rule of the preset or of the posted model: option name -> text. In a head of another size all of it rotates. */
export function modelValues(options = state.options) {
  const preset = table.presets.find((one) => one.name === options.preset);
  const model = preset ?? table.models.get(modelOf(options))?.info;
  if (!model) return {};
  const other = options['head-dim'] !== undefined && parseNumber(options['head-dim']) !== model.head_dim;
  return {
    base: String(model.base), 'head-dim': String(model.head_dim), layout: model.layout, scaling: model.scaling,
    ...(other ? {} : { 'rotary-dim': String(model.rotary_dim) }),
  };
}

const ONE_LADDER = ['none', 'sections', 'interleaved', 'time-last']; /* text has one distance, whatever these deal */

/* Whether distances are those of patches along one of several axes, each with frequencies of its own. */
export function hasAxes(options = state.options) {
  if (options.axes !== undefined) return !ONE_LADDER.some((deal) => options.axes.startsWith(deal));
  const { deal, grid } = table.presets.find((one) => one.name === options.preset) ?? table.models.get(modelOf(options))?.info ?? {};
  return Boolean(grid) || Boolean(deal) && !ONE_LADDER.includes(deal);
}

export const isOfPatches = (options = state.options) => options.grid !== undefined || hasAxes(options);

/* Patches along the sides of a map's grid; [] where it is of none. One number alone is of a square. */
function gridOf(options) {
  if (options.grid !== undefined) {
    const sides = options.grid.split(/[,x]/).map(Number);
    return !sides.every((side) => side >= 1) ? [] : sides.length === 1 ? [...sides, ...sides] : sides;
  }
  if (!hasAxes(options) || options.axes !== undefined) return [];
  const preset = table.presets.find((one) => one.name === options.preset), { axes } = table.models.get(modelOf(options))?.info ?? {};
  const sides = preset?.grid ?? (axes ?? []).map(({ patches }) => patches);
  return sides.every(Boolean) ? sides : [];
}

/* All patches of it; 0 of none. */
export function patchesOf(options = state.options) {
  const sides = gridOf(options);
  return sides.length ? sides.reduce((one, other) => one * other) : 0;
}

export function trainedLength(options = state.options) {
  const preset = table.presets.find((one) => one.name === options.preset);
  return preset?.trained_length || table.models.get(modelOf(options))?.trained_length || null;
}

/* The text in effect; '' where there is no default that can be said. */
export function effective(name, options = state.options) {
  return options[name] ?? modelValues(options)[name] ?? defaultText(name, options);
}

/* Whether a map is of the server's queries and keys. */
export const ofTensors = (options = state.options) => Boolean(table.tensors) && !options.content;

export function defaultText(name, options = state.options) {
  if (name === 'positions' && ofTensors(options)) return String(table.tensors.positions);
  if (name === 'positions' && patchesOf(options)) return String(patchesOf(options));
  if (name === 'head-dim' && ofTensors(options)) return String(table.tensors.head_dim);
  if (name === 'rotary-dim') return effective('head-dim', options);
  if (name === 'length') return '';
  const initial = table.options.get(name)?.initial ?? '', [usual, ofSoftmax] = initial.split(', of softmax ');
  return (ofSoftmax && effective('measure', options) === 'softmax' ? ofSoftmax : usual).split(',')[0];
}

/* Whether an option is given, and not as it would be anyway. */
export function isChanged(name) {
  const given = state.options[name], own = modelValues()[name] ?? defaultText(name), thousand = thousandOf(name);
  return given !== undefined && given !== own && parseNumber(given, thousand) !== parseNumber(own, thousand);
}

/* What k is of an option's numbers: those that are counted have sliders of whole steps. */
export const thousandOf = (name) => (table.options.get(name)?.slider?.step === 0 ? 1000 : 1024);

export const numberOf = (name, options = state.options) => parseNumber(effective(name, options), thousandOf(name));

/* What the range of positions depends on. */
export const movesDomain = (changes) =>
  ['positions', 'rows', 'cols', 'preset', 'model', 'axes', 'grid', 'content'].some((name) => name in changes);

let lastDomain = null;

/* { rows, cols }: the ranges of positions of the whole map. While a text cannot be read, those before it. */
export function domain(options = state.options) {
  const both = effective('positions', options);
  const rows = parseRange(options.rows ?? both), cols = parseRange(options.cols ?? both);
  if (rows && cols) {
    if (options !== state.options) return { rows, cols };
    lastDomain = { rows, cols };
  }
  return lastDomain ?? { rows: { first: 0, count: 4096, step: 1 }, cols: { first: 0, count: 4096, step: 1 } };
}

export const rangeEnd = (range) => range.first + range.count * range.step;

/* Tokens from the start to the last position of the map. */
export function extent() {
  const { rows, cols } = domain();
  return Math.max(rangeEnd(rows), rangeEnd(cols));
}

/* Distances of the map: those below this. On a grid they are along a side, the last of the axes' own. */
export function reach(options = state.options) {
  const { rows, cols } = domain(options), sides = gridOf(options);
  const most = !sides.length ? Infinity : Math.max(2, ...(hasAxes(options) ? sides.slice(-1) : sides));
  return Math.min(Math.max(rangeEnd(rows) - cols.first, rangeEnd(cols) - rows.first), most);
}

export function wholeView() {
  const { rows, cols } = domain();
  return { x0: cols.first, x1: rangeEnd(cols), y0: rows.first, y1: rangeEnd(rows) };
}

export const shownView = () => state.view ?? wholeView();

/* A window that the new range does not hold becomes the whole. */
function keepView() {
  const whole = wholeView(), view = state.view;
  const inside = view.x0 >= whole.x0 && view.x1 <= whole.x1 && view.y0 >= whole.y0 && view.y1 <= whole.y1;
  const share = (view.x1 - view.x0) / (whole.x1 - whole.x0) - (view.y1 - view.y0) / (whole.y1 - whole.y0);
  if (!inside || Math.abs(share) > 1e-9) state.view = null;
}

/* Whole positions that cover a view: { rows, cols } as ranges. */
export function windowOf(view) {
  const { rows, cols } = domain();
  return { rows: cover(rows, view.y0, view.y1), cols: cover(cols, view.x0, view.x1) };
}

function cover(range, from, to) {
  const slack = 1e-6;
  const start = Math.max(Math.floor((from - range.first) / range.step + slack), 0);
  const end = Math.min(Math.ceil((to - range.first) / range.step - slack), range.count);
  return { first: range.first + start * range.step, count: Math.max(end - start, 1), step: range.step };
}
