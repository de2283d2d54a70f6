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

/* What the keys of parameters are called and mean, where the key alone does not say it. */
const WORDS = {
  factor: ['', 'How many times longer than the original length the context becomes'],
  original: ['Original length', 'Tokens that the model was trained on before scaling'],
  max: ['Maximum length', 'Tokens that the scaled model is meant for'],
  low: ['Low frequency factor', 'Pairs that turn fewer times than this over the original length are slowed by the whole factor'],
  high: ['High frequency factor', 'Pairs that turn more often than this over the original length stay as they are'],
  'beta-fast': ['', 'Turns over the original length, from which on a pair stays as it is'],
  'beta-slow': ['', 'Turns over the original length, below which a pair is slowed by the whole factor'],
  untruncated: ['Unrounded ramp', 'Leave the ends of the ramp between slowed and kept pairs unrounded (truncate: false in a config)'],
  ramp: ['Ramp formula', 'The ramp between slowed and kept pairs: as in the paper, or as in its code'],
  attention: ['Attention factor', 'Multiplies cosines and sines, so that scores are multiplied by its square'],
  attn: ['Attention factor', 'Multiplies the attention factor of the rule'],
  mscale: ['', 'Multiplies the logarithm in the attention factor, as DeepSeek does'],
  'mscale-all-dim': ['', 'The divisor of the same kind in the attention factor, as DeepSeek has it'],
  rotated: ['Rotated share', 'Share of the pairs that rotate'],
  b: ['Exponent b', 'How fast the divisor grows from pair to pair'],
  alpha: ['', 'Multiplies the base, to the power d / (d \u2212 2)'],
  scale: ['Frequency scale', 'Multiplies frequencies: 1 / factor'],
  ext: ['Extrapolation mix', 'From 0, all pairs are scaled, to 1, fast pairs stay as they are'],
  use: ['List in use', 'Which list of divisors applies: that of the length, or always one'],
  'max-freq': ['Highest frequency', 'Twice the highest frequency over \u03c0'],
  points: ['', 'Coordinates along an axis'],
  short: ['Short divisors', 'A divisor for each pair, up to the original length'],
  long: ['Long divisors', 'A divisor for each pair, beyond the original length'],
  divisors: ['', 'A divisor for each pair'],
};

/* { label, help } of a rule's parameter. */
export function parameterWords({ key, low, high }) {
  const [label, help] = WORDS[key] ?? ['', ''], plain = key.replace(/-/g, ' ');
  const range = low !== null && low !== undefined && high > low ? ` (${low} to ${high})` : '';
  return { label: label || plain[0].toUpperCase() + plain.slice(1), help: `${help || plain}${range}` };
}

/* The values with which a rule that was just chosen starts, with those of the former rule that it shares. */
export function startRule(description, former, context) {
  const values = {};
  for (const parameter of description.parameters) {
    const { key, kind, required } = parameter;
    if (former[key] !== undefined && required) values[key] = former[key];
    else if (required) values[key] = startOf(parameter, context);
    else if (kind === 'number' && key === 'factor' && former[key] !== undefined) values[key] = former[key];
  }
  if (['yarn', 'longrope'].includes(description.name)) values.factor ??= STARTS.factor; /* which follows from others, where they are given */
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
