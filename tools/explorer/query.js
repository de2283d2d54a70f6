/* query.js - what is asked of the server, and the same as an address and as a command line */
/* SPDX-License-Identifier: MIT */
import { configHash } from './config.js';
import { parseNumber, parseRange, rangeText, tokensText } from './numbers.js';
import { colours } from './scale.js';
import { domain, effective, modelOf, ofTensors, rangeEnd, reach, shownView, state, table, windowOf } from './state.js';

/* A posted model is no option of a command line, but every answer takes one. */
const takes = (name, command) => name === 'model' || table.options.get(name)?.commands.includes(command);

/* Options of a command alone. */
const optionsOf = (command, options) => Object.fromEntries(Object.entries(options).filter(([name]) => takes(name, command)));

/* And of what knows nothing of the server's tensors, their rule. */
export function withRule(query, options = state.options) {
  if (!ofTensors(options)) return query;
  const model = modelOf(options), layer = table.models.get(model)?.layer_type;
  const rule = { ...(model && { model }), ...(model && layer && { 'layer-type': layer }), 'head-dim': String(table.tensors.head_dim) };
  return { ...rule, ...query };
}

/* Whether the rule is another at another length; a posted model's is not known at once. */
export const ofLength = (options = state.options) => /^(dynamic|longrope|$)/.test(effective('scaling', options));

/* Such a rule must not change when a part of the map is drawn, or its curve. */
export function withLength(query, options) {
  if (query.length === undefined && ofLength(options)) {
    const { rows, cols } = domain(options);
    const last = Math.max(rangeEnd(rows) - rows.step, rangeEnd(cols) - cols.step) + 1;
    query.length = tokensText(last + (parseNumber(options.shift ?? '0') || 0));
  }
  return query;
}

/* The options of the map in a window (null: the whole). Attention in a window is over the keys of the whole. */
export function mapQuery(window, extra = {}, options = state.options) {
  const query = { ...optionsOf('map', options), ...colours(options), ...extra };
  if (!window) return query;
  query.rows = rangeText(window.rows);
  query.cols = rangeText(window.cols);
  if (effective('measure', options) === 'softmax') query.positions ??= rangeText(domain(options).cols);
  return withLength(query, options);
}

/* The window of the view; null where it is the whole. */
export const shownWindow = () => (state.view ? windowOf(state.view) : null);

/* What is done with scores. The page's curve is of similarities before that. */
const SCORES = ['measure', 'scale', 'softcap', 'sink-logit', 'causal', 'window', 'attention-chunk', 'sink-tokens'];

/* With a content a curve is of no tensors. */
export const ofCurve = (name) => (takes(name, 'curve') || name === 'content' && table.tensors) && !SCORES.includes(name);

export function curveQuery(extra = {}, options = state.options) {
  const query = { distances: tokensText(Math.max(reach(options), 2)), ...extra };
  for (const [name, value] of Object.entries(options)) if (ofCurve(name)) query[name] ??= value;
  return withLength(query, options);
}

/* The rule alone, as the map has it. */
export const ruleQuery = () => withLength(withRule(optionsOf('info', state.options)), state.options);

/* Beyond this many tokens the least base takes many seconds to find. */
const EXPLAIN_MOST = 262144;

export function explainQuery() {
  const own = withRule(optionsOf('explain', state.options)), query = withLength(own, state.options);
  query.length ??= tokensText(Math.min(Math.max(reach(), 2), EXPLAIN_MOST));
  return query;
}

/* Relative, as is every address of the page: a proxy may serve it under a path of its own. */
export function url(path, query) {
  const text = new URLSearchParams(query).toString().replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/');
  return text ? `${path.slice(1)}?${text}` : path.slice(1);
}

/* Settings that are kept; '' is that of no options. */
const KEPT = ['a', 'pin'];

/* The page's address: options, the window as rows and cols, then what is the page's own. */
export function address() {
  const query = { ...state.options };
  if (state.view) {
    const window = windowOf(shownView());
    query.positions ??= effective('positions');
    Object.assign(query, { rows: rangeText(window.rows), cols: rangeText(window.cols) });
  }
  const search = new URLSearchParams(query);
  for (const [name, value] of Object.entries(state.page)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== false && (one !== '' || KEPT.includes(name))) search.append(`x-${name}`, one === true ? '1' : one);
    }
  }
  const text = search.toString().replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/').replace(/%3D/g, '=');
  return `${location.pathname}${text ? `?${text}` : ''}${configHash()}`;
}

/* The state that an address tells; the server's own options are the start where it says nothing. */
export function readAddress(search, start) {
  const options = {}, page = { pin: [] };
  let told = false;
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === 'x-pin') page.pin.push(value);
    else if (name.startsWith('x-')) page[name.slice(2)] = value === '1' ? true : value;
    else if (name !== 'token') [options[name], told] = [value, true];
  }
  const all = told ? options : { ...start };
  return { options: all, view: takeWindow(all), page };
}

/* Rows and columns inside of the positions, equally many, are a window into them; others are the map itself. */
function takeWindow(options) {
  const whole = parseRange(options.positions ?? ''), rows = parseRange(options.rows ?? '');
  const cols = parseRange(options.cols ?? '');
  const inside = (range) => range.first >= whole.first && rangeEnd(range) <= rangeEnd(whole);
  if (!whole || !rows || !cols || !inside(rows) || !inside(cols)) return null;
  if (Math.abs(rows.count - cols.count) > 1 || rows.step !== whole.step) return null;
  delete options.rows;
  delete options.cols;
  const span = Math.max(rows.count, cols.count) * rows.step;
  const from = (range) => Math.min(range.first, rangeEnd(whole) - span);
  return span >= whole.count * whole.step
    ? null
    : { x0: from(cols), x1: from(cols) + span, y0: from(rows), y1: from(rows) + span };
}
