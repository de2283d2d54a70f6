/* many.js - small maps of many values of one variable, with one colour scale */
/* SPDX-License-Identifier: MIT */
import { imageOf } from './colour.js';
import { labelOf } from './controls.js';
import { Channel, parseNpy } from './fetch.js';
import { parseNumber, plainText, tokensText } from './numbers.js';
import { mapQuery, shownWindow, url } from './query.js';
import { parseRule, ruleText, startRule } from './rule.js';
import { make } from './slider.js';
import {
  OF_MODEL, effective, numberOf, setOptions, setPage, state, table, thousandOf, unframed,
} from './state.js';
import { whenQuiet } from './timing.js';

const MOST = 16, SIDE_MOST = 512;
/* What a preset brings, and what it takes the place of. */
const GIVEN_WAY = [...OF_MODEL, 'model'];
const byId = (id) => document.getElementById(id);

const channels = [new Channel('many-0'), new Channel('many-1')];
export const many = { scale: null, label: '', onChange: () => {} };
let round = 0;

export const manyShown = () => Boolean(state.page.many);

export function startMany() {
  const select = byId('many-name');
  const usable = [...table.options.values()].filter(({ name, group, commands, slider, choices, page }) =>
    commands.includes('map') && (name === 'scaling' || name === 'preset' ||
      (page.place && group !== 'output' && (slider || choices))));
  const first = ['base', 'head-dim', 'positions', 'scaling', 'preset', 'pool', 'phase'];
  usable.sort((a, b) => (first.indexOf(a.name) + 1 || 99) - (first.indexOf(b.name) + 1 || 99));
  for (const { name } of usable) select.append(new Option(name === 'preset' ? 'Model' : labelOf(name), name));
  select.addEventListener('change', () => { byId('many-values').value = suggested(select.value).join(' '); });
  byId('many-values').value = suggested(select.value).join(' ');
  byId('many-values').addEventListener('keydown', (event) => event.key === 'Enter' && show());
  byId('many-show').addEventListener('click', show);
  byId('many-close').addEventListener('click', () => setPage({ many: null }));
}

const told = () => `${byId('many-name').value}=${byId('many-values').value.trim()}`;
const show = () => setPage({ many: told() });

const inSix = (list) => list.filter((_, index) => index % Math.ceil(list.length / 6) === 0);

/* Six values to begin with, about the present one. */
function suggested(name) {
  const { slider, choices } = table.options.get(name);
  if (name === 'scaling') {
    const context = { pairs: numberOf('rotary-dim') / 2, trained: null };
    const former = parseRule(effective('scaling')).values;
    const rules = table.scaling.filter(({ parameters }) => parameters.every(({ kind }) => kind !== 'list'));
    return rules.slice(0, 6).map((rule) => ruleText(startRule(rule, former, context)));
  }
  if (name === 'preset') return inSix(table.presets).map((one) => one.name);
  if (!slider) return choices;
  const { low, step, unit } = slider, high = name === 'rotary-dim' ? numberOf('head-dim') : slider.high;
  const times = step === 2 ? 2 : unit === 'tokens' ? 8 : 10;
  const values = slider.scale === 'log'
    ? d3.range(-2, 4).map((power) => (numberOf(name) || low) * times ** power)
    : d3.range(6).map((part) => low + (part / 5) * (high - low));
  const text = (value) => {
    if (unit === 'tokens') return tokensText(Math.round(value));
    return plainText(step === 2 ? 2 * Math.round(value / 2) : value);
  };
  return values.filter((value) => value >= low && value <= high).map(text);
}

function wanted() {
  const [, name, list] = /^([a-z-]+)=(.*)$/.exec(state.page.many ?? '') ?? [];
  const values = (list ?? '').split(name === 'scaling' ? /[\s;]+/ : /[\s,;]+/).filter(Boolean);
  return { name, values: values.slice(0, MOST) };
}

export function followMany() {
  const on = manyShown();
  document.body.dataset.many = on ? 'true' : 'false';
  byId('many').hidden = !on;
  byId('many-close').hidden = !on;
  if (!on) {
    byId('many').replaceChildren();
    many.scale = null;
    round++;
    return;
  }
  const { name, values } = wanted();
  if (byId('many-name').value !== name || told() !== state.page.many) {
    byId('many-name').value = name;
    byId('many-values').value = values.join(' ');
  }
  build(name, values);
  refreshMany();
}

function build(name, values) {
  const columns = Math.ceil(Math.sqrt(values.length));
  byId('many').style.setProperty('--columns', columns);
  byId('many').replaceChildren(...values.map((value) => {
    const number = parseNumber(value, thousandOf(name));
    const words = Number.isNaN(number) ? value : number.toLocaleString('en-US');
    const canvas = make('canvas', { width: 1, height: 1 }), caption = make('span', { textContent: words });
    const button = make('button', { type: 'button', title: 'Take this value' }, canvas, caption);
    button.addEventListener('click', () => {
      const rule = name === 'preset' ? Object.fromEntries(GIVEN_WAY.map((one) => [one, null])) : {};
      setPage({ many: null });
      setOptions({ ...rule, [name]: value });
    });
    return button;
  }));
}

/* All at once would keep the server from the map; two at a time do not. */
export const refreshMany = whenQuiet(120, async () => {
  if (!manyShown()) return;
  document.body.dataset.state = 'busy';
  const mine = ++round, { name, values } = wanted(), got = [];
  const [first] = byId('many').children;
  const side = Math.min(SIDE_MOST, Math.round((first?.querySelector('canvas').clientWidth || 200) * devicePixelRatio));
  let next = 0;
  const work = async (channel) => {
    while (next < values.length && mine === round) {
      const index = next++, options = { ...state.options, [name]: values[index] };
      if (name === 'preset') GIVEN_WAY.forEach((one) => delete options[one]);
      const window = name === 'positions' ? null : shownWindow();
      const address = url('/map.npy', unframed(mapQuery(window, { size: String(side) }, options)));
      got[index] = await new Promise((resolve) => {
        channel.ask({
          url: address, kind: 'arrayBuffer', bad: ({ message }) => resolve({ message }),
          good: ({ body, header }) => resolve({ ...parseNpy(body), header }),
        });
      });
    }
  };
  await Promise.all(channels.map(work));
  if (mine === round) paint(got, name);
});

function paint(got, name) {
  const headers = got.filter((one) => one?.header).map((one) => one.header);
  if (headers.length) {
    const fixed = state.options.clim, [first] = headers;
    const low = Math.min(...headers.map((header) => (fixed ? header.low : header.min)));
    const high = Math.max(...headers.map((header) => (fixed ? header.high : header.max)));
    const even = first.colormap === 'diverging' && low < 0 && !fixed, most = Math.max(-low, high);
    many.scale = { ...first, low: even ? -most : low, high: even ? most : high };
    if (first.norm === 'log') Object.assign(many.scale, { low: Math.min(...headers.map((header) => header.low)) });
    many.label = first.value_label;
    many.caption = { title: `${name === 'preset' ? 'Models' : labelOf(name)}, side by side`, subtitle: first.subtitle };
  }
  [...byId('many').children].forEach((button, index) => {
    const one = got[index], canvas = button.querySelector('canvas');
    button.dataset.refused = one?.header ? '' : 'true';
    if (one?.header) {
      [canvas.width, canvas.height] = [one.width, one.height];
      canvas.getContext('2d').putImageData(imageOf(one.cells, one.width, one.height, many.scale), 0, 0);
    } else if (one) button.lastChild.textContent = one.message;
  });
  byId('many').setAttribute('aria-label', `Maps over ${labelOf(name)}`);
  document.body.dataset.state = 'ready';
  many.onChange();
}
