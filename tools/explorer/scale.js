/* scale.js - the page's own colours: limits that stay while a slider moves, one palette for each kind of value */
/* SPDX-License-Identifier: MIT */
import { parseRule } from './rule.js';
import { domain, effective, numberOf, ofTensors, state } from './state.js';
import { isDark } from './status.js';

const UNSIGNED = ['absmax', 'rms', 'std', 'mass'];
const LOG_DECADES = 1e-4, SLACK = 1.001;
const KIND = ['measure', 'pool', 'encoding', 'content', 'norm'];
const reached = new Map(); /* kind of values -> the magnitude that limits reach: what a map needed */

const isSoftmax = (options) => effective('measure', options) === 'softmax';
const isSigned = (options) =>
  !isSoftmax(options) && !UNSIGNED.includes(effective('pool', options)) && effective('norm', options) !== 'log';

/* What is compared has one scale, whatever its rules multiply scores by. */
const isCompared = () => (state.page.compare ?? 'off') !== 'off';
const kindOf = (options) => [...KIND.map((name) => effective(name, options)), ofTensors(options),
  isCompared() ? 'compared' : parseRule(effective('scaling', options)).rule].join();

/* 1, 1.2, 1.5, 2, ...: no less than the value. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.2, 1.5, 2, 3, 5, 7, 10].find((lead) => lead * power * SLACK >= value);
}

/* The magnitude that limits reach: that of q.k of equal vectors, scaled where scores are, or more where a map needed it. */
const reachOf = (options) => reached.get(kindOf(options)) ??
  (effective('measure', options) === 'scaled' ? roundUp(numberOf('scale', options) || numberOf('head-dim', options) ** -0.5) : 1);

/* null: the map's own, where values have no size that is known before. */
function limits(options) {
  const norm = effective('norm', options), reach = reachOf(options);
  if (options.percentile || options.diff || isSoftmax(options) && norm !== 'log') return null;
  if (norm === 'log') return [isSoftmax(options) ? shareOf(options) : reach * LOG_DECADES, reach];
  return [isSigned(options) ? -reach : 0, reach];
}

/* A hundredth of what a key has where attention is even. */
function shareOf(options) {
  const { cols } = domain(options);
  const keys = effective('pool', options) === 'mass' ? Math.min(cols.count, 1024) : cols.count;
  return 10 ** Math.floor(Math.log10(0.1 / keys));
}

/* The light page's colours in place of the dark one's. */
export const onPaper = (cmap) => ({ dark: 'diverging', dusk: 'difference' }[cmap] ?? cmap);

export const differenceColours = () => (isDark() ? 'dusk' : 'difference');

/* Whether both colours of a palette with two have values. */
const isTwoSided = ({ clim }) => !clim || clim.split(':').every((limit, at) => (at ? limit > 0 : limit < 0));

/* What a query gets where it names no colours itself: { cmap, clim }. */
export function colours(options) {
  const own = options.clim ? null : limits(options);
  const cmap = options.cmap ?? (options.diff ? differenceColours() : isSigned(options) && isTwoSided(options) ? (isDark() ? 'dark' : 'diverging') : 'viridis');
  return { cmap, ...(own && { clim: own.map((value) => Number(value.toPrecision(12))).join(':') }) };
}

/* Limits that a map is too large for grow, once for all maps of its kind; true where they did. */
export function learnLimits(options, { min, max }) {
  const most = Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0)), kind = kindOf(options);
  if (options.clim || !limits(options) || !(most > reachOf(options) * SLACK) || !Number.isFinite(most)) return false;
  reached.set(kind, roundUp(most));
  return true;
}

/* The limits that suit a map exactly, as --clim takes them. */
export function fitted(options, { min, max, norm, low, high }) {
  const short = (value) => String(Number(value.toPrecision(3)));
  if (min === null || !(min < max)) return `${short(low)}:${short(high)}`;
  if (norm === 'log') return `${short(Math.max(min, max * LOG_DECADES))}:${short(max)}`;
  const most = Math.max(-min, max);
  return isSigned(options) && min < 0 ? `${short(-most)}:${short(most)}` : `${short(min)}:${short(max)}`;
}
