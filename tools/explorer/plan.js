/* plan.js - the inverse: a similarity and a length are given, and bases and factors that hold it are found */
/* SPDX-License-Identifier: MIT */
import { refreshAnswer, yieldSearch } from './answer.js';
import { refreshCard, yieldLeast } from './card.js';
import { Channel, followShare } from './fetch.js';
import { grouped, plainText, powerText, tokensText } from './numbers.js';
import { explainQuery, url } from './query.js';
import { scalingWords } from './settings.js';
import { make, update } from './slider.js';
import { effective, numberOf, reach, setOptions, table } from './state.js';

const FIELDS = { keep: 'Similarity', length: 'Tokens' };
const CHANGES = { base: 'base', linear: 'linear factor', ntk: 'NTK factor', yarn: 'YaRN factor', llama3: 'Llama 3 factor' };
const PROGRAMS = { transformers: 'transformers 5', transformers_4: 'transformers 4', vllm: 'vLLM', llama_cpp: 'llama.cpp' };
const byId = (id) => document.getElementById(id);
const channel = new Channel('plan');
let round = 0, rows = [], key = '', asked = null; /* { choice, button } of what was found, for which setting, from which rule */

export function startPlan() {
  byId('plan').addEventListener('submit', (event) => {
    event.preventDefault();
    find();
  });
  byId('plan-stop').addEventListener('click', () => {
    stop();
    resume();
  });
}

function stop() {
  round++;
  channel.cancel();
  byId('plan-stop').hidden = true;
  say('');
}

/* A refusal names a field of the form. */
function say(words, refused = '') {
  const [, field, fault] = /^--(\w+): (.*)$/s.exec(refused) ?? [];
  for (const name of Object.keys(FIELDS)) byId(`plan-${name}`).setAttribute('aria-invalid', String(name === field));
  byId('plan-status').textContent = field in FIELDS ? `${FIELDS[field]}: ${fault}` : refused || words;
  byId('plan-status').className = refused ? 'error' : 'muted';
}

/* What gave way to the search. */
function resume() {
  refreshAnswer();
  refreshCard();
}

/* All but what an answer changes. */
function keyNow() {
  const { base, scaling, length, ...rest } = explainQuery();
  return JSON.stringify(rest);
}

/* The length is that of the map until one is written; what is applied says so. */
export function followPlan() {
  update(byId('plan-length'), { placeholder: grouped(reach()) });
  const ruleNow = { base: numberOf('base'), scaling: effective('scaling') };
  const other = asked && (!Object.is(ruleNow.base, asked.base) || ruleNow.scaling !== asked.scaling) && !rows.some(({ choice }) => isOwn(choice));
  if (keyNow() !== key || other) {
    stop();
    clear();
    key = keyNow();
  }
  for (const { choice, button } of rows) {
    update(button, {
      disabled: choice.held || isOwn(choice),
      textContent: isOwn(choice) ? 'in effect' : choice.held ? 'not needed' : 'Apply',
    });
  }
}

function clear() {
  byId('plan-rows').replaceChildren();
  byId('plan-table').hidden = true;
  [rows, asked] = [[], null];
}

/* One change after another: each answer is shown as it comes. */
async function find() {
  stop();
  const mine = round, list = byId('plan-rows');
  const keep = byId('plan-keep').value.trim() || '0', length = byId('plan-length').value.trim() || tokensText(reach());
  clear();
  asked = { base: numberOf('base'), scaling: effective('scaling') };
  yieldSearch();
  yieldLeast();
  byId('plan-stop').hidden = false;
  for (const change of Object.keys(CHANGES)) {
    let here = false;
    const searching = (share = '') => say(`Searching: ${CHANGES[change]} …${share}`);
    searching();
    followShare(channel, () => here || mine !== round, searching);
    const found = await ask({ ...explainQuery(), length, keep, change });
    here = true;
    if (mine !== round) return;
    if (found instanceof Error) {
      say('', found.message);
      byId('plan-stop').hidden = true;
      resume();
      return;
    }
    byId('plan-table').hidden = false;
    byId('plan-head').textContent = `keeps similarity ≥ ${grouped(found.keep ?? Number(keep))} within ${grouped(found.length)} tokens`;
    list.append(...row({ ...found.choices[0], length: found.length }, found));
    followPlan();
  }
  stop();
  resume();
}

const ask = (query) => new Promise((done) => {
  channel.ask({ url: url('/plan.json', query), kind: 'json', good: ({ body }) => done(body), bad: done });
});

/* Whole bases and five digits of a factor, rounded into the window, of more where it is too narrow for that: as the
   least is written. */
function endsOf({ low, high }, change) {
  for (let digits = 5; digits < 15; digits++) {
    const inward = (edge, round) => {
      const whole = digits === 5 && edge >= (change === 'base' ? 10 : 1e4);
      const unit = whole ? 1 : 10 ** (Math.floor(Math.log10(edge)) - digits + 1);
      return Number((round(edge / unit) * unit).toPrecision(15));
    };
    const first = inward(low, Math.ceil), last = inward(high, Math.floor);
    if (first <= last && first >= low && last <= high) return [first, last];
  }
  return [low, high];
}

/* Where the present one holds already, a choice has that for its value. */
function leastText({ change, value, held, windows: [first] }) {
  if (!held) return powerText(value);
  return first.low_is_edge && change === 'base' ? 'any' : powerText(endsOf(first, change)[0]);
}

/* 26,953 to 26,973; 28,629 to ...; from 9,000,000 on: what lies between is never rounded outwards. */
function windowsText({ change, value, held, windows, all_windows: all }) {
  const parts = windows.map((window, index) => {
    const { low_is_edge: any, high_is_edge: on } = window, [start, to] = endsOf(window, change).map(powerText);
    const from = index === 0 && !held && !any ? powerText(value) : start;
    if (any || on) return any && on ? 'any' : any ? `up to ${to}` : `${from} and more`;
    return from === to ? from : `${from} to ${to}`;
  });
  return `${parts.join('; ')}${all ? '' : '; …'}`;
}

function row(choice, { original, original_is_assumed: assumed }) {
  const { change, value } = choice;
  const under = change === 'base' && value !== null ? `, ${scalingWords(choice.scaling ?? 'none', true)}` : '';
  const head = make('th', { scope: 'row', textContent: CHANGES[change] + under });
  const from = `, original length ${grouped(original)}${assumed ? ' (assumed)' : ''}`, scales = ['yarn', 'llama3'].includes(change);
  const none = `none up to ${change === 'base' ? powerText(1e16) : '10,000'}${scales ? from : ''}`;
  if (value === null) return [make('tr', {}, head, make('td', { colSpan: 3, className: 'muted', textContent: none }))];
  const button = make('button', { type: 'button', className: 'small' });
  button.addEventListener('click', () => setOptions(changesOf(choice)));
  rows.push({ choice, button });
  const needs = /original=/.test(choice.scaling) ? from : '';
  const beyond = change === 'base' && value > d3.max(table.presets, ({ base }) => base) ? ', above that of every model listed' : '';
  const [opener, lines] = choice.held ? [] : flagsOf(choice);
  return [make('tr', {}, head, make('td', {}, make('b', { textContent: leastText(choice) })),
    make('td', { className: 'muted', textContent: `${windowsText(choice)}${needs}${beyond}` }),
    make('td', { className: 'plan-do' }, button, ...(opener ? [opener] : []))), ...(lines ? [lines] : [])];
}

/* What other programs are given, as `ropemap plan` prints it: a button, and the row that it shows. */
function flagsOf({ change, flags }) {
  const parts = Object.entries(PROGRAMS).filter(([name]) => flags[name]).map(([name, label]) => {
    const code = make('code', { textContent: flags[name] }), copy = make('button', { type: 'button', className: 'small', textContent: 'Copy', 'aria-label': `Copy for ${label}` });
    copy.addEventListener('click', () => copyText(code, copy));
    return [make('dt', {}, `${label} `, copy), make('dd', {}, code)];
  });
  const id = `plan-flags-${change}`, note = flags.note ? [make('p', { className: 'muted', textContent: flags.note })] : [];
  const lines = make('tr', { id, className: 'plan-flags', hidden: true }, make('td', { colSpan: 4 }, make('dl', {}, ...parts.flat()), ...note));
  const opener = make('button', { type: 'button', className: 'small', textContent: 'Flags', title: 'For transformers, vLLM and llama.cpp', 'aria-expanded': 'false', 'aria-controls': id });
  opener.addEventListener('click', () => {
    lines.hidden = !lines.hidden;
    opener.setAttribute('aria-expanded', String(!lines.hidden));
  });
  return [opener, lines];
}

/* Selected where the browser lets nothing be copied. */
async function copyText(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  } catch {
    getSelection().selectAllChildren(code);
  }
}

const isOwn = (choice) => numberOf('base') === choice.base && effective('scaling') === choice.scaling;

/* From the setting that was asked about, so that one answer does not come on top of another; over its whole length. */
function changesOf({ base, scaling, length }) {
  const changes = { base: plainText(base), scaling, ...(length > reach() && { positions: tokensText(length), rows: null, cols: null }) };
  return Object.fromEntries(Object.entries(changes).filter(([name, text]) => text !== plainOf(name)));
}

const plainOf = (name) => (name === 'base' ? plainText(numberOf('base')) : effective(name));
