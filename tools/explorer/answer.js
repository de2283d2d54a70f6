/* answer.js - the answer: what the base does, in a sentence, in three rows of a table, and why */
/* SPDX-License-Identifier: MIT */
import { Channel, followShare } from './fetch.js';
import { manyShown } from './many.js';
import { mapPending } from './map.js';
import { grouped, parseNumber, plainText } from './numbers.js';
import { explainQuery, ofLength, url } from './query.js';
import { scalingWords } from './settings.js';
import { make } from './slider.js';
import { effective, hasAxes, numberOf, ofTensors, reach, setOptions, state } from './state.js';
import { whenQuiet } from './timing.js';

const byId = (id) => document.getElementById(id);
const quick = new Channel('answer'), search = new Channel('least');
export const answer = { onFound: () => {} };
const FIRST_LOOK = 250; /* ms */
const LOOKED_AT = 4194304; /* tokens: where the server looks for a first zero */
/* Encodings of which the base is one cause: no number of RoPE's is theirs. */
const CAUSES = {
  sinusoidal: 'The base sets how fast the similarity of two sinusoidal embeddings falls',
  xpos: 'The base sets how fast similarity falls, and xPos takes more away the farther tokens are apart',
  'dual-chunk': 'The base sets how fast similarity falls within a chunk; in dual chunks no distance counts as more than a chunk',
};

/* Where the numbers of a base are not those of the map: what is said instead; else null. */
function baseless() {
  if (reach() < 2) return 'One token is at no distance from another: make the length 2 or more.';
  if (effective('encoding') === 'alibi') {
    return `ALiBi: the slope sets how fast the score falls, by ${grouped(numberOf('slope'))} a token of distance. The base plays no part.`;
  }
  if (effective('encoding') === 'nope') return 'Without positions, similarity does not depend on distance, and the base plays no part.';
  if (hasAxes()) return 'The base sets how fast similarity falls along each axis of the patches: the curve below is along the last one, the others being equal.';
  if (CAUSES[effective('encoding')]) return `${CAUSES[effective('encoding')]}: the curve below has the distances.`;
  return null;
}

/* What the map shows that the sentence and the table are not of. */
function scope() {
  const phase = effective('phase');
  return [
    manyShown() && 'These numbers are of the setting in the controls.',
    effective('diff') && 'The map is a difference.',
    state.options.grid && 'The map is of patches on a grid; these numbers are of equal distances along both axes.',
    effective('measure') !== 'softmax' && ['window', 'attention-chunk'].some((name) => numberOf(name) > 0) && 'The map masks what is too far apart; these numbers are of all distances.',
    effective('measure') === 'softmax' && 'These numbers are of similarity, before softmax; the map shows attention' + (effective('content') === 'ones' && !ofTensors() ? ' of unit vectors.' : '.'),
    phase !== 'exact' && `These numbers are exact; map and curve are rounded as ${phase} does.`,
    effective('content').startsWith('gauss') && 'The map shows random vectors.',
    ofTensors() && 'Map and curve are of real vectors.',
  ].filter(Boolean).join(' ');
}

const scopeNote = make('span', { className: 'scope' });

/* With every change of options or of the page, for the sentence need not change with it. */
export function showScope() {
  const note = scope(), text = note && ` ${note}`;
  if (scopeNote.textContent !== text) scopeNote.textContent = text;
  byId('answer').dataset.long = String(/ with |;/.test(byId('answer-first').textContent) || note !== '');
}
let length = 0;   /* that the least base is for */
let floor = -1;   /* what no distance takes similarity below */
let shown = '';   /* the address whose numbers stand there */
let asked = '';   /* the search for the least base of that length */
let least = null; /* { address, words }: the least base that was found last */

/* The sentence that leads stands out, and so do the numbers that answer. */
function marked(sentence) {
  const [, lead, rest] = /^(The base [^.]*\.)? ?(.*)$/s.exec(sentence);
  const pieces = rest.split(/(\d[\d,]*(?= tokens))/).map((piece, index) => (index % 2 ? make('b', { textContent: piece }) : piece));
  return lead ? [make('strong', { textContent: lead }), ' ', ...pieces] : pieces;
}

function show({ sentences, bases, length: of, similarity_floor: lowest }, search) {
  [length, floor, asked] = [of, lowest, search];
  const [first, ...others] = sentences;
  byId('answer-first').replaceChildren(...marked(first), scopeNote);
  showScope();
  byId('answer-rest').replaceChildren(...others.map((one) => make('p', { textContent: one })));
  byId('answer-more').hidden = !others.length;
  showRows(bases);
  showLeast();
  answer.onFound(bases[1]);
}

const set = (base) => setOptions({ base: plainText(base) });
function holds({ first_negative: zero }, tokens) {
  if (zero === null) return tokens > LOOKED_AT && floor < 0 ? 'to 4M' : 'yes';
  return zero >= tokens ? 'yes' : 'no';
}

function baseButton(base, words) {
  const button = make('button', { type: 'button', className: 'base', textContent: words, title: `Set the base to ${grouped(base)}` });
  button.addEventListener('click', () => set(base));
  return button;
}

/* The tokens that a base shall hold within: those of the map, or the context that the rule is of. */
const span = () => (ofLength() ? parseNumber(explainQuery().length) : reach());

/* base / 10, base, base x 10 */
function showRows(bases) {
  byId('answer-length').replaceChildren('≥ 0 within ', make('br'), grouped(span()));
  byId('answer-length').title = `At all distances below ${grouped(span())}, those within so many tokens`;
  byId('answer-rows').replaceChildren(...bases.map((row, index) => {
    const base = Number(row.base.toPrecision(12)), head = make('th', { scope: 'row' });
    head.append(index === 1 ? grouped(base) : baseButton(base, grouped(base)));
    const cells = [[row.half, 0.5], [row.first_negative, 0]].map(([value, share]) => (value !== null ? grouped(value) : floor >= share ? 'never' : '> 4M'));
    return make('tr', { className: index === 1 ? 'now' : '' }, head,
      ...[...cells, holds(row, span())].map((text) => make('td', { textContent: text })));
  }));
}

/* progress: how far the search for it is, in words. While the base is refused no answer follows the length. */
function showLeast(progress = '') {
  if (!length || asked !== leastAddress()) return;
  const found = least?.address === leastAddress(), words = found ? least.words : [`trying bases …${progress}`];
  const scaling = effective('scaling'), under = scaling === 'none' ? '' : `, with ${scalingWords(scaling, true)}`;
  byId('answer-least').dataset.state = found ? 'own' : 'busy';
  const tried = length < span() ? ' (the longest tried)' : '';
  byId('answer-least').replaceChildren(`Least base for ≥ 0 within ${grouped(length)} tokens${tried}${under}: `, ...words);
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
  const search = leastAddress();
  quick.ask({
    url: address, kind: 'json',
    good: ({ body }) => {
      shown = address;
      show(body, search);
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
    good: ({ body: { least_base_in_words: text, least_base_is_edge: edge, all_larger_hold: all } }) => {
      least = { address, words: edge ? ['any'] : text ? [baseButton(parseNumber(text), text), all ? '' : ' (some larger ones fail)'] : ['none'] };
      showLeast();
    },
  });
  const isOver = () => leastAddress() !== address || least?.address === address || !search.current;
  setTimeout(followShare, FIRST_LOOK, search, isOver, showLeast);
});

/* A search that was asked for comes before the least base. */
export const yieldSearch = () => search.cancel();

const isBaseless = () => document.body.dataset.baseless !== '';

export function refreshAnswer() {
  const other = baseless();
  document.body.dataset.baseless = !other ? '' : reach() < 2 ? 'token' : effective('encoding') in CAUSES || hasAxes() ? 'other' : 'encoding';
  if (other) {
    shown = '';
    quick.cancel();
    search.cancel();
    document.body.dataset.answer = 'own';
    const [, lead, rest] = /^(.{12,}?[.:])(?=\s|$)(.*)$/s.exec(other);
    byId('answer-first').replaceChildren(make('strong', { textContent: lead }), rest);
    return;
  }
  showScope();
  fade();
  if (least?.address !== leastAddress()) search.cancel();
  quickly();
  searchLater();
}
