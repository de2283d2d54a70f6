/* numbers.js - numbers as people write and read them: 128k, 1M, 5e5, 131,072, 1/256 */
/* SPDX-License-Identifier: MIT */

const POWERS = { '': 0, k: 1, K: 1, M: 2, G: 3 };

/* The number that a text means, or NaN. Commas between digits are for the eye; k is 1,024 of what is counted and
   1,000 of a base and other numbers. */
export function parseNumber(text, thousand = 1024) {
  const parts = String(text).split('/');
  if (parts.length === 2) return parseNumber(parts[0], thousand) / parseNumber(parts[1], thousand);
  const match = /^\s*([+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kKMG]?)\s*$/.exec(String(text));
  return match ? Number(match[1].replace(/,/g, '')) * thousand ** POWERS[match[2]] : NaN;
}

/* COUNT, FIRST:COUNT or FIRST:COUNT:STEP; null where it is none of these. */
export function parseRange(text) {
  const parts = String(text).split(':').map((part) => parseNumber(part));
  if (parts.length > 3 || parts.some((part) => !Number.isSafeInteger(part))) return null;
  const [first, count, step] = parts.length === 1 ? [0, parts[0], 1] : [parts[0], parts[1], parts[2] ?? 1];
  return first >= 0 && count >= 1 && step >= 1 ? { first, count, step } : null;
}

export function rangeText({ first, count, step }) {
  if (step > 1) return `${tokensText(first)}:${tokensText(count)}:${step}`;
  return first > 0 ? `${tokensText(first)}:${tokensText(count)}` : tokensText(count);
}

/* As the command line takes it: 128k where that is exact. */
export function tokensText(count) {
  if (count > 0 && count % 1048576 === 0) return `${count / 1048576}M`;
  return count > 0 && count % 1024 === 0 ? `${count / 1024}k` : String(count);
}

/* As short as the command line takes it: 500000, 2.5e8. */
export function plainText(value) {
  const size = Math.abs(value), whole = Number.isInteger(value) && size < 1e15 && value % 1e5 !== 0;
  if (size < 1e7 || whole) return String(Number(value.toPrecision(12)));
  return value.toExponential().replace('e+', 'e');
}

const grouping = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 }); /* one that is made anew takes long */

export const grouped = (value) => (Math.abs(value) >= 1e15 ? String(value) : grouping.format(value));

/* 10⁶, 10⁻⁵ */
export const raised = (power) => `10${[...String(power)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit] ?? '⁻').join('')}`;

/* 26,953, but 1.4352 × 10¹³: a number to read that may be huge. */
export function powerText(value) {
  if (value < 1e10) return grouped(value);
  const power = Math.floor(Math.log10(value) + 1e-12), lead = Number((value / 10 ** power).toPrecision(5));
  return lead === 1 ? raised(power) : `${lead} × ${raised(power)}`;
}

/* A similarity to read: four decimals, more digits where it is small, a true minus sign. */
export function valueText(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return 'no value';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e4 || size < 1e-3 ? value.toExponential(3) : value.toPrecision(5);
  return text.replace('-', '\u2212').replace('e-', 'e\u2212').replace('e+', 'e');
}

export const IN_K_FROM = 8192; /* positions: an axis that ends below it has them in full, one as long always powers of two */

const isPower = (value) => Number.isInteger(Math.log2(value));

/* Whether the axis of a range has powers of two, as in files: both ends are multiples of one that is no less than a
   sixteenth of it (a quarter where it does not begin at 0), or its positions are one apart. Short ranges of round
   decimal numbers stay decimal. */
export function isBinary({ first, count, step = 1 }) {
  const span = count * step, part = 2 ** Math.max(Math.ceil(Math.log2(span / (first === 0 ? 16 : 4))), 0);
  if (span < 1024 && (span % 10 === 0 || first % 10 === 0 && first % 1024 !== 0)) return false;
  return first % part === 0 && span % part === 0 || step > 1 && isPower(step) && first % step === 0;
}

/* Between ticks: a power of two of which `most` cover a span; whole millions, as labels have them, where it is some. */
export const binarySpacing = (span, most) => 2 ** Math.max(span >= 2 ** 22 ? 20 : 0, Math.ceil(Math.log2(span / most)));

/* A position on an axis: 96k, 2M, else all its digits. */
export function positionText(position) {
  if (position >= 1048576 && position % 1048576 === 0) return `${grouped(position / 1048576)}M`;
  return position >= 1024 && position % 1024 === 0 ? `${grouped(position / 1024)}k` : grouped(position);
}

/* Rounded to `bits` binary digits, so that powers of two are met. */
export function roundBinary(value, bits) {
  const unit = 2 ** Math.max(Math.ceil(Math.log2(value + 1)) - bits, 0);
  return Math.round(value / unit) * unit;
}
