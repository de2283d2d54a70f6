/* settings.js - settings in words: what tells several of them apart */
/* SPDX-License-Identifier: MIT */
import { grouped, parseNumber } from './numbers.js';
import { effective, pictureOptions, thousandOf } from './state.js';

const SHORT = { 'head-dim': 'd =', preset: '', model: '' };
const WINDOW = ['positions', 'rows', 'cols', 'length'];

export function wordOf(name, options) {
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
  const names = differing(settings);
  return settings.map((one) => names.map((name) => wordOf(name, one)).filter(Boolean).join(', '));
}
