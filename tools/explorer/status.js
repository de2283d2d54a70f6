/* status.js - what the page says about itself: how the map was made, refusals, a lost server, the theme */
/* SPDX-License-Identifier: MIT */
import { connection } from './fetch.js';
import { update } from './slider.js';
import { whenQuiet } from './timing.js';

const byId = (id) => document.getElementById(id);
const write = (id, text) => {
  if (byId(id).textContent !== text) byId(id).textContent = text;
};

/* The badge: backend and method, and what they took where a pointer rests on it. */
export function showBadge({ backend, method, seconds, cached, reason, width, height }, milliseconds) {
  const ms = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
  const made = cached ? 'cached' : ms(seconds * 1000);
  write('badge', `${backend} · ${method}`);
  byId('badge').title = `${width} × ${height} cells, ${made}, ${ms(milliseconds)} round trip. ${reason ?? ''}`;
}

/* hint: what to do, which no file has. */
export function showCaption({ title, subtitle, hint }) {
  write('map-title', title ?? '');
  write('map-subtitle', subtitle ?? '');
  write('map-hint', hint ?? '');
}

export function showRefusal(sentence) {
  update(byId('stage').dataset, { refused: sentence === null ? '' : 'true' }); /* '' is said at a control */
  update(byId('refusal'), { hidden: !sentence });
  write('refusal', sentence ?? '');
}

/* Why what the map is compared with is not there; the map itself is. */
export function showLack(sentence) {
  update(byId('refusal'), { hidden: !sentence });
  write('refusal', sentence);
}

const speak = whenQuiet(900, () => write('spoken', speak.text ?? ''));

/* For a screen reader, once changes have come to rest. */
export function say(text) {
  speak.text = text;
  speak();
}

export function startConnection() {
  connection.onChange = () => {
    const { lost, again, sentence } = connection;
    byId('banner').hidden = !lost;
    const seconds = Math.round((again ?? 0) / 100) / 10;
    const first = sentence || `The server does not answer. Trying again in ${seconds} s; nothing here is lost.`;
    write('banner-words', lost ? first : '');
    byId('banner-token').hidden = !connection.stranger;
  };
  byId('banner-token').addEventListener('submit', (event) => {
    event.preventDefault();
    const box = byId('banner-token').firstElementChild, token = /token=([^&#]+)/.exec(box.value)?.[1] ?? box.value.trim();
    fetch(`?token=${encodeURIComponent(token)}`, { cache: 'no-store' })
      .then(({ ok }) => box.setAttribute('aria-invalid', String(!ok)), () => {});
  });
}

const dark = () => matchMedia('(prefers-color-scheme: dark)');

export const isDark = () => (document.documentElement.dataset.theme ?? (dark().matches ? 'dark' : 'light')) === 'dark';

export function startTheme(changed) {
  let kept = null;
  try {
    kept = localStorage.getItem('ropemap-theme');
  } catch {
    /* no storage: the system's choice */
  }
  if (kept) document.documentElement.dataset.theme = kept;
  const button = byId('theme');
  const follow = () => {
    button.setAttribute('aria-pressed', String(isDark()));
    changed();
  };
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem('ropemap-theme', theme);
    } catch {
      /* it lasts as long as the page */
    }
    follow();
  });
  dark().addEventListener('change', follow);
  follow();
}
