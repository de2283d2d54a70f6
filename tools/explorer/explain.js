/* explain.js - the answer in words, asked for once the hand rests */
/* SPDX-License-Identifier: MIT */
import { Channel } from './fetch.js';
import { mapPending, mapRefused } from './map.js';
import { explainQuery, url } from './query.js';
import { make } from './slider.js';
import { whenQuiet } from './timing.js';

const channel = new Channel('explain');
let shown = ''; /* the address whose sentences stand there, all of them */

/* Long numbers are grouped for the eye, and those that answer stand out. */
function marked(sentence, strong) {
  const pieces = [];
  for (const piece of sentence.split(/(\d[\d.,e+-]*\d tokens|\d+ tokens)/)) {
    const text = piece.replace(/(?<![\d.])\d{4,}(?![\d.]|e)/g, (digits) => Number(digits).toLocaleString('en-US'));
    pieces.push(strong && / tokens$/.test(piece) ? make('b', { textContent: text }) : text);
  }
  return pieces;
}

const rest = whenQuiet(400, () => {
  if (mapPending()) {
    rest();
    return;
  }
  if (mapRefused()) return;
  const address = url('/explain.txt', explainQuery());
  if (address === shown) {
    delete document.getElementById('answer').dataset.stale;
    return;
  }
  const ask = (asked, then) => channel.ask({
    url: asked, kind: 'text',
    good: ({ body }) => {
      show(body.trim().split('\n'));
      then();
    },
    bad: () => show([]),
  });
  /* The last sentence, of the least base for a length, may take seconds: the others come first. */
  ask(`${address}${address.includes('?') ? '&' : '?'}quick=1`, () => ask(address, () => {
    shown = address;
  }));
});

const ROOM = '(min-width: 108rem)'; /* there the reasons have room beside the map */

function show(sentences) {
  const [first, ...others] = sentences;
  document.getElementById('answer-first').replaceChildren(...(first ? marked(first, true) : []));
  document.getElementById('answer-rest').replaceChildren(...others.map((one) => make('p', {}, ...marked(one, false))));
  const more = document.getElementById('answer-more');
  if (more.hidden && matchMedia(ROOM).matches && document.body.dataset.compare !== 'beside') more.open = true;
  more.hidden = !others.length;
  delete document.getElementById('answer').dataset.stale;
}

/* An answer under way is for what was: its second of work would be taken from the map. */
export function refreshExplain() {
  channel.cancel();
  if (shown) document.getElementById('answer').dataset.stale = 'true';
  rest();
}
