/* colour.js - values to colours as the server has them: colour maps, norms, contrast */
/* SPDX-License-Identifier: MIT */
import { raised } from './numbers.js';
import { table } from './state.js';

const tables = new Map();
const LINEAR_PART = 10 / 9, PAST = 1e-3; /* of a scale: what is that little past its end is none */

const rgbOf = (hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));

/* Uint8Array [levels + 1, 3]: colours from low to high, then that of a missing value. */
export function palette(name) {
  if (!tables.has(name)) {
    const colours = table.colormaps[name] ?? Object.values(table.colormaps)[0];
    tables.set(name, Uint8Array.from(colours.flatMap(rgbOf)));
  }
  return tables.get(name);
}

function along(norm, linearBelow, value) {
  if (norm === 'log') return value > 0 ? Math.log10(value) : value <= 0 ? -Infinity : NaN;
  if (norm !== 'symlog') return value;
  const size = Math.abs(value);
  if (size <= linearBelow) return (LINEAR_PART * value) / linearBelow;
  return Math.sign(value) * (LINEAR_PART + Math.log10(size) - Math.log10(linearBelow));
}

/* The value at a place of the scale that a map's header tells, 0 to 1; the other way round below. */
export function valueAt({ low, high, norm, linear_below: linearBelow }, place) {
  const first = along(norm, linearBelow, low), last = along(norm, linearBelow, high);
  const at = first + (last - first) * place, beyond = Math.abs(at) - LINEAR_PART;
  if (norm === 'log') return 10 ** at;
  if (norm !== 'symlog') return at;
  return beyond <= 0 ? (at / LINEAR_PART) * linearBelow : Math.sign(at) * linearBelow * 10 ** beyond;
}

/* A function from a value to its place, 0 to 1; NaN stays. */
export function placer({ low, high, norm, linear_below: linearBelow }) {
  const first = along(norm, linearBelow, low), last = along(norm, linearBelow, high);
  const scale = 1 / (last - first);
  return (value) => {
    const place = (along(norm, linearBelow, value) - first) * scale;
    return place < 0 ? 0 : place > 1 ? 1 : place;
  };
}

/* The colour of a missing value. */
export const missingColour = (name) => `#${(table.colormaps[name] ?? Object.values(table.colormaps)[0]).at(-1)}`;

export const levelsOf = (colours) => colours.length / 3 - 1;

/* Values that a logarithm leaves out have the first level to themselves, and its colour is none of the map's. */
export const hasBelow = ({ norm, min }) => norm === 'log' && typeof min === 'number' && min <= 0;
export const belowColour = ({ colormap }) => (['diverging', 'difference', 'grey'].includes(colormap) ? '#ecd99c' : '#ffffff');

function coloursOf(scale) {
  const colours = palette(scale.colormap);
  return hasBelow(scale) ? Uint8Array.from([...rgbOf(belowColour(scale).slice(1)), ...colours.subarray(3)]) : colours;
}

/* A function from a value to its level, the one after the last where it is missing. */
function leveller(scale) {
  const place = placer(scale), levels = levelsOf(palette(scale.colormap)), below = hasBelow(scale);
  return (value) => {
    const at = place(value), level = at === at ? Math.round((levels - 1) * at) : levels;
    return below && value > 0 && level === 0 ? 1 : level;
  };
}

/* Cells as pixels; scale: { low, high, norm, linear_below, colormap }. */
export function imageOf(cells, width, height, scale) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const colours = coloursOf(scale), level = leveller(scale);
  const packed = Uint32Array.from({ length: colours.length / 3 }, (_, at) => {
    const [red, green, blue] = colours.subarray(3 * at, 3 * at + 3);
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
  for (let cell = 0; cell < cells.length; cell++) pixels[cell] = packed[level(cells[cell])];
  return image;
}

/* Black or white, whichever stands out more on the colour of a value (WCAG's relative luminance). */
export function inkOn(scale) {
  const colours = coloursOf(scale), level = leveller(scale);
  const linear = (byte) => (byte <= 10 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  return (value) => {
    const at = 3 * level(value), [red, green, blue] = colours.subarray(at, at + 3);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > 0.179 ? '#000' : '#fff';
  };
}

/* Ticks of a scale: [{ place, label }], whose ends say what goes past them. */
export function scaleTicks(scale, most) {
  const { low, high, norm, linear_below: linearBelow } = scale, place = placer(scale);
  const at = (value) => along(norm, linearBelow, value), slack = PAST * (at(high) - at(low));
  const beyond = (end, value, away) => Number.isFinite(at(value ?? NaN)) && away * (at(value) - at(end)) > slack;
  const ends = [[beyond(low, scale.min, -1), low, 0, '\u2264 '], [beyond(high, scale.max, 1), high, 1, '\u2265 ']].filter(([past]) => past);
  return ends.reduce((ticks, [, value, end, sign]) => {
    const own = ticks.find((one) => one.place === end) ?? tick(value, place, '.3~g');
    const others = ticks.filter((one) => Math.abs(one.place - end) > 0.3 / most), marked = { ...own, label: sign + own.label };
    return end ? [...others, marked] : [marked, ...others];
  }, plainTicks(scale, place, most));
}

/* All to the same decimal where the scale is linear. */
function plainTicks(scale, place, most) {
  const { low, high, norm } = scale;
  if (norm === 'log' || norm === 'symlog') return decades(scale, most).map((value) => tick(value, place, '.3~g'));
  const ticks = d3.ticks(low, high, most), step = ticks.length > 1 ? ticks[1] - ticks[0] : high - low;
  const far = Math.max(Math.abs(low), Math.abs(high));
  const form = far >= 1e5 ? '.3~g' : far < 1e-3 ? '.3~e' : `.${Math.max(0, -Math.floor(Math.log10(step) + 1e-9))}f`;
  return ticks.map((value) => tick(value, place, form));
}

function tick(value, place, form) {
  const power = Math.log10(Math.abs(value)), isPower = power < -3 && Math.abs(power - Math.round(power)) < 1e-9;
  const label = isPower ? `${value < 0 ? '\u2212' : ''}${raised(Math.round(power))}` : d3.format(form)(value).replace('-', '\u2212').replace('e-', 'e\u2212').replace('e+', 'e');
  return { place: place(value), label };
}

function decades({ low, high, norm, linear_below: linearBelow }, most) {
  const largest = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high))));
  const least = Math.ceil(Math.log10(norm === 'log' ? low : linearBelow));
  const every = Math.max(1, Math.ceil((largest - least + 1) / (norm === 'log' ? most : most / 2)));
  const sizes = d3.range(largest, least - 1, -every).map((power) => 10 ** power);
  const all = norm === 'log' ? sizes : [...sizes, 0, ...sizes.map((size) => -size)];
  const shown = all.filter((value) => value >= low && value <= high);
  return shown.length > 1 || norm !== 'log' ? shown : d3.ticks(low, high, most); /* less than a power of ten */
}
