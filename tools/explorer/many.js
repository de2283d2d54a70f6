/* many.js - small maps of many values of one variable, with one colour scale */
/* SPDX-License-Identifier: MIT */
import { eitherLabel } from './bar.js';
import { imageOf } from './colour.js';
import { labelOf, pageWords } from './controls.js';
import { Channel, parseNpy } from './fetch.js';
import { resumeState } from './map.js';
import { IN_K_FROM, grouped, plainText, positionText, tokensText } from './numbers.js';
import { mapQuery, shownWindow, url } from './query.js';
import { parseRule, ruleText, startRule } from './rule.js';
import { learnLimits } from './scale.js';
import { inCommon, scalingWords, wordOf } from './settings.js';
import { make } from './slider.js';
import {
  OF_MODEL, domain, isOfPatches, effective, numberOf, rangeEnd, setOptions, setPage, state, table, trainedLength, unframed,
} from './state.js';
import { whenQuiet } from './timing.js';

const MOST = 16, SIDE_MOST = 512;
/* What a preset brings, and what it takes the place of. */
const GIVEN_WAY = [...OF_MODEL, 'model'];
const byId = (id) => document.getElementById(id);

const channels = [new Channel('many-0'), new Channel('many-1')];
export const many = { scale: null, label: '', onChange: () => {}, onRefused: () => {} };
let round = 0, refused = new Map(), form = ''; /* values that cannot be, of which form, and why */

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

/* Where the base plays no part, another option is offered first. */
export function offerMany() {
  const select = byId('many-name'), other = { alibi: 'slope', nope: 'encoding' }[effective('encoding')];
  if (select.value !== 'base' || !other) return;
  select.value = other;
  byId('many-values').value = suggested(other).join(' ');
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
  if (!slider) return choices.filter((choice) => choice !== 'dual-chunk' || state.options.causal);
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

export { wanted as manyWanted };

function wanted() {
  const [, name, list] = /^([a-z-]+)=(.*)$/.exec(state.page.many ?? '') ?? [];
  const values = (list ?? '').split(name === 'scaling' ? /[\s;]+/ : /[\s,;]+/).filter(Boolean);
  return { name, values: values.filter((value) => !refused.has(value)).slice(0, MOST) };
}

/* The settings of the small maps: [value, options]. */
export function manyOptions() {
  const { name, values } = wanted();
  return values.map((value) => {
    const options = { ...state.options, [name]: value };
    if (name === 'preset') GIVEN_WAY.forEach((one) => delete options[one]);
    if (name === 'positions') ['rows', 'cols'].forEach((one) => delete options[one]);
    return [value, options];
  });
}

export function followMany() {
  const on = manyShown();
  document.body.dataset.many = String(on);
  if (!on && !byId('many').hidden) resumeState();
  byId('many').hidden = byId('many-close').hidden = !on;
  document.querySelector('#group-many .changed-note').textContent = on ? labelOf(wanted().name).toLowerCase() : '';
  if (!on) {
    offerMany();
    byId('many').replaceChildren();
    many.scale = null;
    round++;
    return;
  }
  if (form !== state.page.many) {
    form = state.page.many;
    refused = new Map();
  }
  const { name, values } = wanted();
  if (byId('many-name').value !== name || told() !== state.page.many) {
    byId('many-name').value = name;
    byId('many-values').value = values.join(' ');
  }
  byId('many-error').hidden = !refused.size;
  byId('many-error').textContent = reasons();
  if (refused.size) byId('group-many').open = true;
  build(name);
  refreshMany();
}

/* What a map or a line has that the others have not, in a word. */
export const labelOfMany = (value, short = false) => {
  const { name } = wanted();
  if (name === 'scaling' && short) return scalingWords(value, true).replace(/ scaling(?= by )/, '');
  return name === 'preset' ? value : wordOf(name, { ...state.options, [name]: value }).replace(`${name} `, '').replace('d = ', '');
};

const titleOf = (name) => (name === 'preset' ? 'Model' : labelOf(name));

const reasons = () => [...new Set(refused.values())].join('; ');

/* A heading, the maps with what each has, and what the axes are. */
function build(name) {
  const settings = manyOptions();
  const columns = Math.ceil(Math.sqrt(settings.length));
  byId('many').style.setProperty('--columns', columns);
  const maps = settings.map(([value, options]) => {
    const { cols } = domain(options), text = rangeEnd(cols) >= IN_K_FROM ? positionText : grouped, trained = name === 'preset' ? trainedLength(options) : null;
    const canvas = make('canvas', { width: 1, height: 1 });
    const caption = make('span', { textContent: labelOfMany(value) });
    const ends = make('span', { className: 'ends' }, make('span', { textContent: text(cols.first) }),
      make('span', { textContent: trained ? `trained to ${tokensText(trained)}` : '' }),
      make('span', { textContent: text(rangeEnd(cols)) }));
    const button = make('button', { type: 'button', title: 'Take this setting' }, caption, canvas, ends);
    button.addEventListener('click', () => {
      const rule = name === 'preset' ? Object.fromEntries(GIVEN_WAY.map((one) => [one, null])) : {};
      setPage({ many: null });
      setOptions({ ...rule, [name]: value });
    });
    return button;
  });
  const patches = new Set(settings.map(([, options]) => isOfPatches(options))), tokens = patches.has(false);
  const axes = !tokens ? 'key patch across, query patch down' : patches.has(true) ? 'key position or patch across, query position or patch down'
    : 'key position across, query position down (tokens)';
  const foot = maps.length ? axes : `No map. ${reasons()}`;
  byId('many').replaceChildren(make('h3', { className: 'many-head', textContent: titleOf(name) }), ...maps,
    make('p', { className: maps.length ? 'many-foot muted' : 'many-foot error', textContent: foot }));
}

/* All at once would keep the server from the map; two at a time do not. */
export const refreshMany = whenQuiet(120, async () => {
  if (!manyShown()) return;
  document.body.dataset.state = 'busy';
  const mine = ++round, { name } = wanted(), settings = manyOptions(), got = [];
  const side = Math.min(SIDE_MOST, Math.round((byId('many').querySelector('canvas')?.clientWidth || 200) * devicePixelRatio));
  let next = 0;
  const work = async (channel) => {
    while (next < settings.length && mine === round) {
      const index = next++, [, options] = settings[index];
      const window = name === 'positions' ? null : shownWindow();
      const address = url('/map.npy', unframed(mapQuery(window, { size: String(side) }, options)));
      got[index] = await new Promise((resolve) => {
        channel.ask({
          url: address, kind: 'arrayBuffer', bad: ({ message }) => resolve({ message }),
          good: ({ body, header }) => resolve({ ...parseNpy(body), header, grew: learnLimits(options, header) }),
        });
      });
    }
  };
  await Promise.all(channels.map(work));
  if (mine !== round) return;
  got.forEach(({ message }, index) => message && refused.set(settings[index][0], pageWords(message)));
  if (got.some(({ message }) => message)) {
    followMany();
    many.onRefused();
  } else if (got.some(({ grew }) => grew)) refreshMany();
  else paint(got, name);
});

function paint(got, name) {
  const headers = got.filter((one) => one?.header).map((one) => one.header);
  if (headers.length) {
    const shares = headers.filter(({ value_label: label }) => !label.includes('slope')); /* scores of ALiBi fall without end */
    const [first] = headers, deciding = shares.length ? shares : headers;
    many.scale = { ...first, low: d3.min(deciding, ({ low }) => low), high: d3.max(deciding, ({ high }) => high),
      min: d3.min(headers, ({ min }) => min), max: d3.max(headers, ({ max }) => max) };
    many.label = eitherLabel(headers);
    const titles = headers.map(({ title }) => title), kinds = new Set(titles.map((title) => title.split(', ')[0]));
    const [kind, ...rest] = [...(kinds.size > 1 ? [shares.length < headers.length ? 'Scores' : 'Maps'] : []), ...inCommon(titles).split(', ')];
    many.caption = { title: [`${kind} over ${titleOf(name).toLowerCase()}`, ...rest].join(', '),
      subtitle: inCommon(headers.map(({ subtitle }) => subtitle ?? '')) };
  }
  [...byId('many').querySelectorAll('button')].forEach((button, index) => {
    const one = got[index], canvas = button.querySelector('canvas');
    if (!one?.header) return;
    [canvas.width, canvas.height] = [one.width, one.height];
    canvas.getContext('2d').putImageData(imageOf(one.cells, one.width, one.height, many.scale), 0, 0);
  });
  byId('many').setAttribute('aria-label', `Maps over ${labelOf(name)}`);
  document.body.dataset.state = 'ready';
  many.onChange();
}
