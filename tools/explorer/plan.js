/* plan.js - the inverse: a similarity and a length are given, and bases and factors that hold it are found */
/* SPDX-License-Identifier: MIT */
import { refreshAnswer, yieldSearch } from './answer.js';
import { refreshCard, yieldLeast } from './card.js';
import { Channel } from './fetch.js';
import { grouped, plainText, tokensText } from './numbers.js';
import { explainQuery, url } from './query.js';
import { make } from './slider.js';
import { domain, effective, rangeEnd, setOptions } from './state.js';

const CHANGES = { base: 'base', linear: 'linear factor', ntk: 'NTK factor', yarn: 'YaRN factor', llama3: 'Llama 3 factor' };
const byId = (id) => document.getElementById(id);
const channel = new Channel('plan');
let round = 0;

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
  byId('plan-status').textContent = '';
}

/* What gave way to the search. */
function resume() {
  refreshAnswer();
  refreshCard();
}

/* The length is that of the map until one is written. */
export function followPlan() {
  const { rows, cols } = domain(), length = Math.max(rangeEnd(rows), rangeEnd(cols));
  byId('plan-length').placeholder = tokensText(length);
}

/* One change after another: each answer is shown as it comes. */
async function find() {
  stop();
  const mine = round, list = byId('plan-rows');
  const keep = byId('plan-keep').value.trim() || '0', length = byId('plan-length').value.trim() || byId('plan-length').placeholder;
  list.replaceChildren();
  yieldSearch();
  yieldLeast();
  byId('plan-stop').hidden = false;
  for (const change of Object.keys(CHANGES)) {
    byId('plan-status').textContent = `Searching: ${CHANGES[change]} …`;
    const found = await ask({ ...explainQuery(), length, keep, change });
    if (mine !== round) return;
    if (found instanceof Error) {
      byId('plan-status').textContent = found.message.replace(/^--/, '');
      byId('plan-stop').hidden = true;
      resume();
      return;
    }
    list.append(row(found.choices[0], found));
  }
  stop();
  resume();
}

const ask = (query) => new Promise((done) => {
  channel.ask({ url: url('/plan.json', query), kind: 'json', good: ({ body }) => done(body), bad: done });
});

/* 4,869,100 to 4,872,530; 6,211,210 to ...; from 9,000,000 on */
function windowsText({ windows, all_windows: all }) {
  const short = (value) => grouped(Number(value.toPrecision(5)));
  const parts = windows.map(({ low, high, low_is_edge: any, high_is_edge: on }) => (any && on ? 'any'
    : any ? `up to ${short(high)}` : on ? `${short(low)} and more` : `${short(low)} to ${short(high)}`));
  return `${parts.join('; ')}${all ? '' : '; …'}`;
}

function row(choice, { original, original_is_assumed: assumed }) {
  const head = make('th', { scope: 'row', textContent: CHANGES[choice.change] });
  if (choice.value === null) return make('tr', {}, head, make('td', { colSpan: 3, className: 'muted', textContent: 'none holds' }));
  const apply = make('button', { type: 'button', className: 'small', textContent: !choice.held ? 'Apply' : isOwn(choice) ? 'in effect' : 'not needed', disabled: choice.held });
  apply.addEventListener('click', () => setOptions(changesOf(choice)));
  const needs = /original=/.test(choice.scaling) ? `, original length ${grouped(original)}${assumed ? ' (assumed)' : ''}` : '';
  return make('tr', {}, head, make('td', {}, make('b', { textContent: grouped(choice.value) })),
    make('td', { className: 'muted', textContent: `holds ${windowsText(choice)}${needs}` }), make('td', {}, apply));
}

const isOwn = (choice) => Number(effective('base')) === choice.base && effective('scaling') === choice.scaling;

const changesOf = ({ change, base, scaling }) => (change === 'base' ? { base: plainText(base) } : { scaling });
