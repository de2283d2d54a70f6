/* controls.js - the controls, made from the server's table of options, which also says where each of them is */
/* SPDX-License-Identifier: MIT */
import { Check, Choice, Line } from './choice.js';
import { Channel } from './fetch.js';
import { grouped, parseNumber, parseRange, rangeText } from './numbers.js';
import { ofLength, url } from './query.js';
import { startScaling } from './scaling.js';
import { Slider, make, update } from './slider.js';
import { Limits, Rotary, Worded } from './special.js';
import { defaultText, domain, effective, isChanged, modelValues, numberOf, patchesOf, rangeEnd, setOptions, state, table } from './state.js';

const controls = new Map();

/* What a word of a list means. */
const ABOUT = { phase: {
  exact: 'No rounding',
  fp32freq: 'Frequencies rounded to float32, all else exact',
  'hf-fp32': 'As transformers: frequencies and angles in float32',
  'ggml-fp32': 'As llama.cpp: angles of neighbouring pairs by repeated float32 products',
  'bf16-tables': 'As hf-fp32, with cosines and sines rounded to bfloat16',
  'bf16-inv-freq': 'As hf-fp32, with frequencies rounded to bfloat16 (a model cast whole)',
  'bf16-angles': 'Frequencies, positions, angles, cosines and sines in bfloat16 (autocast)',
  'fp16-angles': 'The same as bf16-angles in float16, which has no position from 65,520 on',
} };

/* What the page is about stands right beneath its answer. */
const FIRST = ['base', 'positions'];

/* The options that have a control in a part of the page. */
const optionsAt = (id) => [...table.options.values()]
  .filter(({ name, commands, page }) => !FIRST.includes(name) && commands.includes('map') && page.place === id &&
    (table.tensors || !page.tensors));

export function startControls() {
  const root = document.getElementById('control-groups');
  for (const name of FIRST) place(table.options.get(name), document.getElementById('first-controls'));
  for (const { id, title } of table.places) {
    const own = optionsAt(id);
    if (!own.length) continue;
    const body = make('div', { className: 'group-body' });
    const note = make('span', { className: 'changed-note' });
    const summary = make('summary', {}, make('span', { textContent: title }), note);
    root.append(make('details', { id: `group-${id}`, className: 'group', open: id === 'rule' || isWide() && id === 'values' }, summary, body));
    for (const option of own) place(option, body);
  }
  const after = document.getElementById('group-rule');
  for (const id of ['group-compare', 'group-many']) document.getElementById(id).open = isWide();
  after?.after(document.getElementById('group-compare'), document.getElementById('group-many'));
  followControls();
}

/* Where a third column would stay empty. */
const isWide = () => matchMedia('(min-width: 108rem) and (min-height: 60rem)').matches;

function place(option, body) {
  const { name } = option;
  if (name === 'scaling') {
    controls.set(name, startScaling(body));
    return;
  }
  const control = build(option);
  controls.set(name, control);
  body.append(control.element);
}

export function labelOf(name) {
  const words = name.replace(/-/g, ' ');
  return table.options.get(name)?.page.label ?? words[0].toUpperCase() + words.slice(1);
}

function build(option) {
  const { name, help, slider, choices, flag, argument } = option, label = labelOf(name);
  const common = {
    name, label, help: sentenceOf(help), argument,
    resetLabel: `Reset ${label.toLowerCase()}`,
    reset: (event) => setOptions({ [name]: null }, { inputAt: event.timeStamp }),
    change: (text, event, live) => setOptions({ [name]: text }, { inputAt: event.timeStamp, live }),
  };
  if (name === 'rotary-dim') return new Rotary(common, slider);
  if (name === 'clim') return new Limits(common);
  if (name === 'positions') return new Slider({ ...common, scale: slider, change: changePositions });
  if (name === 'head-dim') return new Slider({ ...common, scale: slider, change: changeHeadDim });
  if (slider) return new Slider({ ...common, scale: slider, zero: parseNumber(option.initial) === 0 });
  if (flag) return new Check(common);
  const words = choices ?? wordsOf(argument);
  const free = name === 'content' && table.tensors ? 'tensors' : option.initial ? null : 'none';
  if (words && /=/.test(argument ?? '')) return new Line({ ...common, words, ...(name === 'diff' && { argument: 'base=1e4' }) });
  if (words && /\[:/.test(argument ?? '')) return new Worded({ ...common, words, none: free });
  if (name === 'encoding') common.change = changeEncoding;
  if (words) return new Choice({ ...common, words, none: free, about: ABOUT[name] });
  return new Line(common);
}

/* A help of the command line in the page's words; "q.k" keeps its letter. */
function sentenceOf(help) {
  const words = pageWords(help.replace(/, see below$/, ''));
  return /^\w\./.test(words) ? words : words[0].toUpperCase() + words.slice(1);
}

/* ones|gauss[:SEED] -> ones, gauss; null where an argument is no such list. */
function wordsOf(argument) {
  if (!argument || !/^[a-z0-9-]+(\[:[^\]]*\])?(\|[a-z0-9-]+(\[:[^\]]*\])?)+$/.test(argument)) return null;
  return argument.split('|').map((word) => word.replace(/\[.*/, ''));
}

/* The slider is the count; a first position that was given stays. */
function changePositions(text, event, live) {
  const range = parseRange(effective('positions')), count = parseNumber(text);
  const whole = range && range.first > 0 && Number.isInteger(count) && !text.includes(':');
  const full = whole ? rangeText({ ...range, count }) : text;
  setOptions({ positions: full, rows: null, cols: null }, { inputAt: event.timeStamp, live });
}

/* The rotated part keeps its share of the head. */
function changeHeadDim(text, event, live) {
  const changes = { 'head-dim': text }, head = parseNumber(text);
  const former = parseNumber(effective('head-dim')), rotary = parseNumber(state.options['rotary-dim'] ?? '');
  if (head > 0 && rotary > 0) changes['rotary-dim'] = String(Math.max(2, 2 * Math.round((rotary / former) * head / 2)));
  setOptions(changes, { inputAt: event.timeStamp, live });
}

/* Dual chunks have no distance to later keys. */
function changeEncoding(text, event) {
  setOptions({ encoding: text, ...(text === 'dual-chunk' && { causal: '1' }) }, { inputAt: event.timeStamp });
}

/* "model", which is given, or "encoding=alibi". */
function isMet(needs) {
  const [name, value] = needs.split('=');
  return value === undefined ? state.options[name] !== undefined : effective(name) === value;
}

/* Makes every control say what the state says. */
export function followControls() {
  const ofModel = modelValues();
  for (const [name, control] of controls) {
    const text = effective(name), changed = isChanged(name);
    if (name === 'scaling') control.show();
    else if (name === 'positions') showPositions(control, text, changed);
    else if (name === 'length' && !changed) control.show(String(contextLength()), false, 'auto');
    else if (name === 'rotary-dim' || name === 'clim') control.show(text, changed);
    else if (control instanceof Line) control.show(state.options[name] ?? '', changed, defaultText(name));
    else control.show(text, changed);
    const { needs } = table.options.get(name).page;
    if (needs) update(control.element, { hidden: !isMet(needs) });
    else if (name === 'length') update(control.element, { hidden: !changed && !ofLength() });
    const ofTheModel = !changed && ofModel[name] !== undefined;
    if (control.element?.classList.contains('of-model') !== ofTheModel) control.element?.classList.toggle('of-model');
  }
  for (const { id } of table.places) {
    const note = document.querySelector(`#group-${id} .changed-note`);
    if (!note || id === 'rule') continue;
    const changed = optionsAt(id).map(({ name }) => name).filter(isChanged);
    const words = (name) => {
      const number = numberOf(name), label = labelOf(name).toLowerCase();
      return table.options.get(name)?.flag ? label : Number.isNaN(number) ? state.options[name] : `${label} ${grouped(number)}`;
    };
    update(note, { textContent: changed.map(words).join(', ') });
  }
}

/* What the server takes where no length is given: up to the last position. */
function contextLength() {
  const { rows, cols } = domain();
  return Math.max(rangeEnd(rows), rangeEnd(cols)) + (numberOf('shift') || 0);
}

function showPositions(control, text, changed) {
  const range = parseRange(text), { rows, cols } = state.options, patches = patchesOf();
  control.high = patches > control.scale.low ? patches : undefined;
  if (rows || cols) control.show(text, changed, 'not used: rows, columns');
  else if (!range || range.first === 0 && range.step === 1) {
    control.show(text, changed);
  } else control.show(String(range.count), changed, `from ${range.first.toLocaleString('en-US')}`);
}

const isFramed = (name) => table.options.get(name).page.framed;
const figures = new Channel('figures');
let tried = '';

/* Options of saved figures alone change no picture of the page: checks them with a request for one value. */
export function tryFigures() {
  const own = ([name]) => controls.has(name) && isFramed(name);
  const given = Object.fromEntries(Object.entries(state.options).filter(own));
  const show = (sentence) => {
    for (const [name, control] of controls) {
      if (isFramed(name)) control.refuse(sentence?.startsWith(`--${name}`) ? pageWords(sentence) : null);
    }
  };
  const asked = Object.keys(given).length ? url('/value.json', { ...given, i: '0', j: '0' }) : '';
  if (asked === tried) return;
  tried = asked;
  figures.cancel();
  if (!asked) show(null);
  else figures.ask({ url: asked, kind: 'json', good: () => show(null), bad: ({ message }) => show(message) });
}

/* A sentence of the command line in the page's words: options have the names of their controls, numbers are grouped. */
export function pageWords(sentence) {
  const named = /^--([a-z-]+)(:? )/.exec(sentence ?? '');
  const rest = named ? sentence.slice(named[0].length) : sentence ?? '';
  const words = rest.replace(/--([a-z-]+)/g, (all, name) => (table.options.has(name) ? labelOf(name).toLowerCase() : all))
    .replace(/(?<![\w.,'=:-])\d{4,15}(?![\w.])/g, (number) => grouped(Number(number)));
  return named ? `${labelOf(named[1])}${named[2]}${words}` : words;
}

/* Shows a refusal at the control that it names; true where there is one in sight. */
export function refuseControls(sentence) {
  const name = /^--([a-z-]+)/.exec(sentence ?? '')?.[1];
  const told = name === 'scaling' ? sentence : sentence && pageWords(sentence);
  for (const [own, control] of controls) if (!isFramed(own)) control.refuse(own === name ? told : null);
  const control = controls.get(name === 'rows' || name === 'cols' ? 'positions' : name);
  if (control && !controls.has(name)) control.refuse(told);
  const group = control?.element?.closest('details');
  if (group) group.open = true;
  if (control) control.element.scrollIntoView({ block: 'nearest' });
  return Boolean(control?.element?.checkVisibility());
}
