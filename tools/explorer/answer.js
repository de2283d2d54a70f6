/* answer.js - the answer: what the base does, in a sentence, in three rows of a table, and why */
/* SPDX-License-Identifier: MIT */
import { Channel } from './fetch.js';
import { mapPending } from './map.js';
import { grouped, plainText } from './numbers.js';
import { explainQuery, url } from './query.js';
import { make } from './slider.js';
import { parseRule } from './rule.js';
import { effective, extent, numberOf, setOptions } from './state.js';
import { whenQuiet } from './timing.js';

const byId = (id) => document.getElementById(id);
const quick = new Channel('answer'), search = new Channel('least');
export const answer = { onFound: () => {} };
const FIRST_LOOK = 250, EVERY = 500; /* ms */
const LOOKED_AT = 4194304; /* tokens: where the server looks for a first zero */
/* Where the base plays no part: what does. */
const BASELESS = {
  alibi: () => `ALiBi: the slope sets how fast the score falls, by ${grouped(numberOf('slope'))} a token of distance. The base plays no part.`,
  nope: () => 'Without positions, similarity does not depend on distance, and the base plays no part.',
};
let length = 0;   /* that the least base is for */
let shown = '';   /* the address whose numbers stand there */
let least = null; /* { address, base, words }: the least base that was found last */

/* The sentence that leads stands out, and so do the numbers that answer. */
function marked(sentence) {
  const [, lead, rest] = /^(The base [^.]*\.)? ?(.*)$/s.exec(sentence);
  const pieces = rest.split(/(\d[\d,]*(?= tokens))/).map((piece, index) => (index % 2 ? make('b', { textContent: piece }) : piece));
  return lead ? [make('strong', { textContent: lead }), ' ', ...pieces] : pieces;
}

function show({ sentences, bases, length: reach }) {
  length = reach;
  const [first, ...others] = sentences;
  const encoding = effective('encoding'), scope = encoding === 'rope' ? '' : ` (RoPE; the map shows ${encoding}.)`;
  byId('answer-first').replaceChildren(...marked(first + scope));
  byId('answer-rest').replaceChildren(...others.map((one) => make('p', { textContent: one })));
  byId('answer-more').hidden = !others.length;
  byId('answer').dataset.long = String(/ with |;/.test(first + scope));
  showRows(bases);
  showLeast();
  answer.onFound(bases[1]);
}

const set = (base) => setOptions({ base: plainText(base) });
function holds({ first_negative: zero }, tokens) {
  if (zero === null) return tokens > LOOKED_AT ? 'within 4M' : 'yes';
  return zero >= tokens ? 'yes' : 'no';
}

function baseButton(base, words) {
  const button = make('button', { type: 'button', className: 'base', textContent: words, title: `Set the base to ${grouped(base)}` });
  button.addEventListener('click', () => set(base));
  return button;
}

/* base / 10, base, base x 10 */
function showRows(bases) {
  byId('answer-length').textContent = `≥ 0 within ${grouped(extent())}`;
  byId('answer-length').title = `At all distances below ${grouped(extent())}, those within so many tokens`;
  byId('answer-rows').replaceChildren(...bases.map((row, index) => {
    const base = Number(row.base.toPrecision(6)), head = make('th', { scope: 'row' });
    head.append(index === 1 ? grouped(base) : baseButton(base, grouped(base)));
    const cells = [row.half, row.first_negative].map((value) => (value === null ? 'none' : grouped(value)));
    return make('tr', { className: index === 1 ? 'now' : '' }, head,
      ...[...cells, holds(row, extent())].map((text) => make('td', { textContent: text })));
  }));
}

/* progress: how far the search for it is, in words. */
function showLeast(progress = '') {
  if (!length) return; /* no answer yet: the base is refused */
  const words = least?.address === leastAddress() ? least.words : [`trying bases …${progress}`];
  const { rule, values } = parseRule(effective('scaling')), by = values.factor ? ` by ${values.factor}` : '';
  byId('answer-least').replaceChildren(`Least base for ≥ 0 within ${grouped(length)} tokens${rule === 'none' ? '' : `, with ${rule} scaling${by}`}`
    + `${length < extent() ? ', the longest tried' : ''}: `, ...words);
}

/* What was found for another setting is paler than what is found for this one. */
const wanted = () => url('/answer.json', explainQuery());
const fade = () => { document.body.dataset.answer = wanted() === shown ? 'own' : 'former'; };

const quickly = whenQuiet(60, () => {
  const address = wanted();
  if (address === shown || isBaseless()) return;
  if (quick.rests) {
    quickly();
    return;
  }
  quick.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      shown = address;
      show(body);
      fade();
    },
    bad: () => {},
  });
}, 150);

/* The least base is searched for, so it does not depend on the present one. */
function leastAddress() {
  const { base, ...query } = explainQuery();
  return url('/least.json', query);
}

/* The search may take seconds, which are the map's first. */
const searchLater = whenQuiet(500, () => {
  const address = leastAddress();
  if (least?.address === address || isBaseless()) return;
  if (mapPending()) {
    searchLater();
    return;
  }
  search.ask({
    url: address, kind: 'json', bad: () => {},
    good: ({ body: { least_base: base, least_base_is_edge: edge, all_larger_hold: all } }) => {
      const rounded = Math.ceil(base);
      least = { address, base, words: edge ? ['any'] : base > 0 ? [baseButton(rounded, grouped(rounded)), all ? '' : ' (some larger ones fail)'] : ['none'] };
      showLeast();
    },
  });
  setTimeout(followSearch, FIRST_LOOK, address);
});

async function followSearch(address) {
  const isOver = () => leastAddress() !== address || least?.address === address || !search.current;
  if (isOver()) return;
  let share = null;
  try {
    share = (await (await fetch(`progress.json?view=${search.view}`, { cache: 'no-store' })).json()).share;
  } catch {
    /* the banner tells of a lost server */
  }
  if (isOver()) return;
  if (share !== null) showLeast(` ${Math.floor(100 * share)} %`);
  setTimeout(followSearch, EVERY, address);
}

/* A search that was asked for comes before the least base. */
export const yieldSearch = () => search.cancel();

const isBaseless = () => document.body.dataset.baseless === 'true';

export function refreshAnswer() {
  const other = BASELESS[effective('encoding')];
  document.body.dataset.baseless = String(Boolean(other));
  if (other) {
    shown = '';
    quick.cancel();
    search.cancel();
    document.body.dataset.answer = 'own';
    byId('answer-first').textContent = other();
    return;
  }
  fade();
  if (least?.address !== leastAddress()) search.cancel();
  quickly();
  searchLater();
}
