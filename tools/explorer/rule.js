/* rule.js - the text of a scaling rule, RULE:KEY=VALUE,..., taken apart and put together */
/* SPDX-License-Identifier: MIT */

/* { rule, values }; a key alone, as of a flag, has the value "1". */
export function parseRule(text) {
  const colon = text.indexOf(':');
  const rule = colon < 0 ? text : text.slice(0, colon);
  const values = {};
  for (const part of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const equals = part.indexOf('=');
    if (part) values[equals < 0 ? part : part.slice(0, equals)] = equals < 0 ? '1' : part.slice(equals + 1);
  }
  return { rule, values };
}

export function ruleText({ rule, values }) {
  const parts = Object.entries(values).filter(([, value]) => value !== '').map(([key, value]) => `${key}=${value}`);
  return parts.length ? `${rule}:${parts.join(',')}` : rule;
}

/* Where a needed parameter starts: what papers and configs have most often. */
const STARTS = {
  factor: '4', low: '1', high: '4', rotated: '0.25', b: '0.6', alpha: '8', original: '8192', max: '8192',
  'max-freq': '10', points: '32',
};

/* The values with which a rule that was just chosen starts, with those of the former rule that it shares. */
export function startRule(description, former, context) {
  const values = {};
  for (const parameter of description.parameters) {
    const { key, kind, required } = parameter;
    if (former[key] !== undefined && required) values[key] = former[key];
    else if (required) values[key] = startOf(parameter, context);
    else if (kind === 'number' && key === 'factor' && former[key] !== undefined) values[key] = former[key];
  }
  if (description.name === 'yarn' && values.factor === undefined) values.factor = STARTS.factor;
  return { rule: description.name, values };
}

function startOf({ key, kind, words, slider, low }, { pairs, trained }) {
  if (kind === 'list') {
    const most = key === 'long' ? 64 : 1;
    const each = (pair) => Number((most ** (pair / Math.max(pairs - 1, 1))).toPrecision(4));
    return Array.from({ length: pairs }, (_, pair) => each(pair)).join('/');
  }
  if (words) return words[0];
  if (kind === 'flag') return '1';
  if (trained && (key === 'original' || key === 'max')) return trained;
  return STARTS[key] ?? String(slider?.low ?? low ?? 1);
}
