/* settings.js - settings in words: what tells several of them apart */
/* SPDX-License-Identifier: MIT */
import { grouped, parseNumber } from './numbers.js';
import { parseRule } from './rule.js';
import { effective, numberOf, pictureOptions, table, thousandOf } from './state.js';

const SHORT = { 'head-dim': 'd =', preset: '', model: '' };
const WINDOW = ['positions', 'rows', 'cols', 'length'];

/* "YaRN scaling by 4 (original 8,192)"; short: without what is in parentheses. */
export function scalingWords(text, short = false) {
  const { rule, values: { factor, divisors, ...more } } = parseRule(text);
  if (rule === 'none') return 'no scaling';
  if (divisors) return 'a divisor per pair';
  const title = table.scaling.find(({ name }) => name === rule)?.title ?? `${rule} scaling`;
  const number = (value) => (Number.isNaN(parseNumber(value)) ? value : grouped(parseNumber(value)));
  const rest = Object.entries(more).map(([key, value]) => `${key.replace(/-/g, ' ')} ${value.includes('/') ? 'list' : number(value)}`);
  const by = rule === 'longrope' && more.max ? String(more.max / more.original) : factor;
  return `${title}${by ? ` by ${by}` : ''}${short || !rest.length ? '' : ` (${rest.join(', ')})`}`;
}

export function wordOf(name, options) {
  if (name === 'scaling') return scalingWords(effective(name, options));
  if (table.options.get(name)?.flag) return options[name] === '1' ? name : `not ${name}`;
  const text = effective(name, options), number = parseNumber(text, thousandOf(name));
  return `${SHORT[name] ?? name} ${Number.isNaN(number) ? text : grouped(number)}`.trim();
}

/* Names of options that differ between settings, but for the window and the colours. */
export function differing(settings) {
  const alike = [...pictureOptions(), ...WINDOW], names = [...new Set(settings.flatMap((one) => Object.keys(one)))];
  return names.filter((name) => !alike.includes(name) && new Set(settings.map((one) => one[name])).size > 1);
}

/* For each setting what tells it apart: "base 10,000, d = 64"; '' where nothing does. */
export function apart(settings) {
  const valueOf = (name, one) => (Number.isNaN(numberOf(name, one)) ? effective(name, one) : numberOf(name, one));
  const names = differing(settings).filter((name) => new Set(settings.map((one) => valueOf(name, one))).size > 1); /* what is given may be what is there anyway */
  return settings.map((one) => names.map((name) => wordOf(name, one)).filter(Boolean).join(', '));
}

/* What a map has at distance 0, by its header: the attention factor is in what rotates. */
export function atZero(header) {
  const { attention_factor: factor = 1, head_dim: all, rotary_dim: turns } = header?.spec ?? {};
  return factor === 1 || !all ? 1 : (factor * factor * turns + all - turns) / all;
}

/* What titles have in common: "RoPE similarity, d = 128". */
export const inCommon = ([first, ...others]) =>
  first.split(', ').filter((part) => others.every((one) => one.split(', ').includes(part))).join(', ');
