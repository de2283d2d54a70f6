/* history.js - each gesture is a step of the browser's history: Back and Ctrl+Z undo it, Forward and Ctrl+Y redo it */
/* SPDX-License-Identifier: MIT */
import { address, readAddress } from './query.js';
import { replaceAll } from './state.js';
import { whenQuiet } from './timing.js';

const QUIET = 250; /* ms without a change end a gesture, unless a button is still down */
const byId = (id) => document.getElementById(id);
let at = 0, top = 0, held = false, dirty = false;

const commit = whenQuiet(QUIET, () => {
  if (held) return;
  const next = address();
  if (next === location.pathname + location.search + location.hash) return;
  top = ++at;
  history.pushState({ step: at }, '', next);
  follow();
});

/* After any change of the state. */
export const keep = commit;

function follow() {
  byId('undo').disabled = at === 0;
  byId('redo').disabled = at >= top;
}

/* A box that holds unsaved text undoes its own typing. */
function keyed(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase(), again = key === 'y' || key === 'z' && event.shiftKey;
  if (key !== 'z' && !again || dirty && event.target.matches?.('input[type="text"]')) return;
  event.preventDefault();
  if (again) redo();
  else undo();
}

const undo = () => at > 0 && history.back();
const redo = () => at < top && history.forward();

export function startHistory() {
  at = top = history.state?.step ?? 0;
  history.replaceState({ step: at }, '', address());
  follow();
  addEventListener('popstate', ({ state: kept }) => {
    at = kept?.step ?? 0;
    top = Math.max(top, at);
    replaceAll(readAddress(location.search, {}));
    follow();
  });
  addEventListener('pointerdown', () => { held = true; }, true);
  for (const end of ['pointerup', 'pointercancel']) {
    addEventListener(end, () => {
      held = false;
      commit();
    }, true);
  }
  document.addEventListener('input', () => { dirty = true; });
  document.addEventListener('change', () => { dirty = false; });
  document.addEventListener('keydown', keyed);
  byId('undo').addEventListener('click', undo);
  byId('redo').addEventListener('click', redo);
}
