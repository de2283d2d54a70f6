/* progress.js - a map that takes long: a word on what is seen meanwhile, how far it is, and a way to stop it */
/* SPDX-License-Identifier: MIT */
import { shareOf } from './fetch.js';
import { picture, resumeMap, stopMap } from './map.js';
import { update } from './slider.js';

const LATER = 350, EVERY = 400; /* ms */
const byId = (id) => document.getElementById(id);
let timer = null, watched = null, began = null;

export function startProgress() {
  byId('progress-stop').addEventListener('click', () => (picture.wanted?.state === 'given up' ? resumeMap() : stopMap()));
}

/* After a map was asked for, and when one came. */
export function followProgress() {
  const { wanted } = picture;
  if (wanted !== watched) {
    watched = wanted;
    began = null;
    clearTimeout(timer);
    timer = setTimeout(look, LATER);
  }
  if (wanted?.state === 'asked') return;
  const stopped = wanted?.state === 'given up';
  update(byId('progress'), { hidden: !stopped });
  if (stopped) say('Coarse picture; the full map was stopped', null, 'Make it');
}

function say(words, share, button) {
  byId('progress-words').textContent = words;
  byId('progress-bar').hidden = share === null;
  byId('progress-bar').value = share ?? 0;
  byId('progress-stop').textContent = button;
}

async function look() {
  clearTimeout(timer);
  const mine = picture.wanted;
  if (mine?.state !== 'asked') {
    if (mine?.state === 'sampled') timer = setTimeout(look, EVERY);
    return;
  }
  const share = await shareOf(picture.full);
  if (mine !== picture.wanted || mine.state !== 'asked') return;
  byId('progress').hidden = false;
  const words = mine.first ? 'Coarse picture; the full map is being made' : 'The map is being made';
  say(`${words}${left(share)}`, share, 'Stop');
  timer = setTimeout(look, EVERY);
}

/* What is left if the rest goes on as it has since the first look; a new stage begins anew. */
function left(share) {
  const now = performance.now();
  if (share === null || share <= 0) return '';
  if (!began || share < began.last) began = { at: now, share, last: share };
  began.last = share;
  const rate = (share - began.share) / (now - began.at);
  const percent = `: ${Math.floor(100 * share)} %`;
  if (!(rate > 0) || now - began.at < 700) return percent;
  const seconds = Math.ceil((1 - share) / rate / 1000);
  return `${percent}, about ${seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`;
}
