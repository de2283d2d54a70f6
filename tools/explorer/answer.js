/* answer.js - the answer: what the base does, in a sentence, in three rows of a table, and why */
/* SPDX-License-Identifier: MIT */
import { Channel } from './fetch.js';
import { mapPending } from './map.js';
import { grouped, plainText } from './numbers.js';
import { explainQuery, url } from './query.js';
import { make } from './slider.js';
import { setOptions } from './state.js';
import { whenQuiet } from './timing.js';

const byId = (id) => document.getElementById(id);
const quick = new Channel('answer'), whole = new Channel('explain');
export const answer = { onFound: () => {} };
let shown = ''; /* the address whose numbers stand there, the least base too */

/* The sentence that leads stands out, and so do the numbers that answer. */
function marked(sentence) {
  const [, lead, rest] = /^(The base [^.]*\.)? ?(.*)$/s.exec(sentence);
  const pieces = rest.split(/(\d[\d,]*(?= tokens))/).map((piece, index) => (index % 2 ? make('b', { textContent: piece }) : piece));
  return lead ? [make('strong', { textContent: lead }), ' ', ...pieces] : pieces;
}

function show({ sentences, bases, ...found }) {
  const [first, ...others] = sentences;
  byId('answer-first').replaceChildren(...marked(first));
  byId('answer-rest').replaceChildren(...others.map((one) => make('p', {}, ...marked(one))));
  byId('answer-more').hidden = !others.length;
  delete byId('answer').dataset.stale;
  showRows(bases, found);
  answer.onFound(bases[1]);
}

const set = (base) => setOptions({ base: plainText(base) });
const holds = ({ first_negative: zero }, length) => (zero === null || zero >= length ? 'yes' : 'no');

function baseButton(base, words) {
  const button = make('button', { type: 'button', className: 'base', textContent: words, title: `Set the base to ${grouped(base)}` });
  button.addEventListener('click', () => set(base));
  return button;
}

/* base / 10, base, base x 10 */
function showRows(bases, { length, least_base: least, least_base_is_edge: edge }) {
  byId('answer-length').textContent = `≥ 0 to ${grouped(length)}`;
  byId('answer-rows').replaceChildren(...bases.map((row, index) => {
    const base = Number(row.base.toPrecision(6)), head = make('th', { scope: 'row' });
    head.append(index === 1 ? grouped(base) : baseButton(base, grouped(base)));
    const cells = [row.half, row.first_negative].map((value) => (value === null ? 'none' : grouped(value)));
    return make('tr', { className: index === 1 ? 'now' : '' }, head,
      ...[...cells, holds(row, length)].map((text) => make('td', { textContent: text })));
  }));
  const rounded = Math.ceil(least);
  const words = least === null ? ['…'] : edge ? ['any'] : least > 0 ? [baseButton(rounded, grouped(rounded))] : ['none'];
  byId('answer-least').replaceChildren(`Least base for ${grouped(length)} tokens: `, ...words);
}

const quickly = whenQuiet(60, () => {
  const query = explainQuery(), address = url('/explain.json', query);
  if (address === shown) return;
  quick.ask({
    url: url('/answer.json', query), kind: 'json',
    good: ({ body }) => {
      if (address !== shown) show(body);
    },
    bad: () => { byId('answer').dataset.stale = 'true'; },
  });
}, 150);

/* The least base of a length may take seconds, which are the map's first. */
const wholly = whenQuiet(500, () => {
  if (mapPending()) {
    wholly();
    return;
  }
  const address = url('/explain.json', explainQuery());
  if (address === shown) return;
  whole.ask({
    url: address, kind: 'json', bad: () => {},
    good: ({ body }) => {
      shown = address;
      show(body);
    },
  });
});

/* A search that was asked for comes before the least base. */
export const yieldWhole = () => whole.cancel();

export function refreshAnswer() {
  whole.cancel();
  if (url('/explain.json', explainQuery()) !== shown) shown = '';
  quickly();
  wholly();
}
