/* bar.js - the colour bar with its ticks, and the colour maps, each one click away */
/* SPDX-License-Identifier: MIT */
import { belowColour, hasBelow, levelsOf, missingColour, palette, scaleTicks } from './colour.js';
import { update } from './slider.js';
import { effective, setOptions, state, table } from './state.js';

const byId = (id) => document.getElementById(id);
let said = '', height = 0, last = null;

/* What values are, of maps that share a scale. */
export const eitherLabel = (headers) => [...new Set(headers.map(({ value_label: label }) => label))].join(' or ');

/* scale: { low, high, norm, linear_below, colormap }, as in a map's header; label: what the values are. */
export function showBar(scale, label) {
  last = [scale, label];
  const ticks = scaleTicks(scale, Math.min(Math.max(3, Math.round(height / 70)), 10));
  const key = JSON.stringify([scale.low, scale.high, ticks, scale.colormap, label]);
  if (key + height === said || !height) return;
  said = key + height;
  fillGradient(byId('colourbar'), scale.colormap, true);
  byId('bar-label').textContent = label.replace(/^(?=.*q · k)(?!.* or )/, label.includes('slope') ? 'score: ' : 'similarity: '); /* the word of the answer */
  byId('bar').setAttribute('aria-label', `Colours from ${scale.low} to ${scale.high}: ${label}`);
  const items = d3.select('#bar-ticks').selectAll('g').data(ticks);
  const entered = items.enter().append('g');
  entered.append('line').attr('x2', 5);
  entered.append('text').attr('x', 9).attr('dy', '0.34em');
  items.exit().remove();
  const all = entered.merge(items).attr('transform', ({ place }) => `translate(0,${(1 - place) * (height - 1) + 0.5})`);
  all.select('text').text(({ label: text }) => text);
  const wide = d3.max(all.select('text').nodes(), (text) => text.getBBox().width) ?? 0;
  byId('bar-label').style.left = `calc(0.85rem + ${Math.ceil(wide) + 14}px)`;
}

const MASKS = ['causal', 'window', 'attention-chunk'];

function whyNone() {
  if (effective('phase') !== 'fp16-angles') return 'no value (masked)';
  return MASKS.some((name) => state.options[name]) ? 'no value (masked, or beyond float16)' : 'no value (beyond float16)';
}

/* Colours beside the scale: of what has no value, and of what a logarithm leaves out. */
export function showKey(scale) {
  const keys = [[scale.nan_cells > 0, missingColour(scale.colormap), whyNone()],
    [hasBelow(scale), belowColour(scale), '\u2264 0']].filter(([there]) => there);
  byId('bar-key').replaceChildren(...keys.map(([, colour, words]) => {
    const item = document.createElement('li'), patch = document.createElement('span');
    patch.style.background = colour;
    item.append(patch, words);
    return item;
  }));
}

export function followFit() {
  const fixed = state.options.clim !== undefined || state.options.percentile !== undefined;
  update(byId('fit'), {
    textContent: fixed ? 'full' : 'fit',
    title: fixed ? 'Colours over the full range again' : 'Colours over the values of this map',
  });
}

export function fillGradient(canvas, colormap, upright) {
  const colours = palette(colormap), levels = levelsOf(colours);
  const image = new ImageData(upright ? 1 : levels, upright ? levels : 1);
  for (let level = 0; level < levels; level++) {
    const at = 4 * (upright ? levels - 1 - level : level);
    image.data.set([...colours.subarray(3 * level, 3 * level + 3), 255], at);
  }
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/* A radio group of gradients; the first is the server's own choice. */
export function startSwatches() {
  new ResizeObserver(([entry]) => {
    height = entry.contentRect.height;
    if (last) showBar(...last);
  }).observe(byId('colourbar'));
  const group = byId('swatches');
  for (const name of ['auto', ...Object.keys(table.colormaps).filter((one) => one !== 'dusk')]) { /* which auto is at night */
    const label = document.createElement('label');
    label.title = name === 'auto' ? 'colours: as ropemap chooses' : `colours: ${name}`;
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'cmap', value: name });
    radio.id = `cmap-${name}`;
    radio.setAttribute('aria-label', name);
    radio.addEventListener('change', () => setOptions({ cmap: name === 'auto' ? null : name }));
    label.append(radio);
    if (name === 'auto') label.append(Object.assign(document.createElement('span'), { textContent: 'auto' }));
    else {
      const canvas = document.createElement('canvas');
      fillGradient(canvas, name, false);
      label.append(canvas);
    }
    group.append(label);
  }
  followSwatches();
}

export function followSwatches() {
  const chosen = byId(`cmap-${state.options.cmap ?? 'auto'}`);
  if (chosen) chosen.checked = true;
  update(byId('swatch-name'), { textContent: state.options.cmap ?? '' });
}
