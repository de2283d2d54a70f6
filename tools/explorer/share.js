/* share.js - links, commands and files of what is seen */
/* SPDX-License-Identifier: MIT */
import { cellsWanted } from './map.js';
import { address, commandLine, curveQuery, mapQuery, shownWindow, url } from './query.js';
import { make } from './slider.js';
import { state } from './state.js';

const FILES = { map: ['png', 'svg', 'pdf', 'npy'], curve: ['csv', 'png', 'svg', 'pdf'] };
const byId = (id) => document.getElementById(id);
const links = [];

export function startShare() {
  const body = byId('share-body');
  const row = (...children) => make('div', { className: 'row' }, ...children);
  body.append(row(
    copier('copy-link', 'Copy link', () => new URL(address(), location.href).href),
    copier('copy-command', 'Copy as ropemap command', commandLine)));
  for (const [kind, types] of Object.entries(FILES)) {
    for (const type of types) {
      const link = make('a', { className: 'button', id: `download-${kind}-${type}`, textContent: type.toUpperCase() });
      link.download = `ropemap-${kind}.${type}`;
      links.push({ link, kind, type });
    }
    const own = links.filter((one) => one.kind === kind).map(({ link }) => link);
    body.append(make('h2', { textContent: `Save the ${kind}` }), row(...own));
  }
  body.append(make('p', { className: 'done', id: 'share-done', role: 'status' }));
  byId('share').addEventListener('toggle', followShare);
  document.addEventListener('pointerdown', ({ target }) => !byId('share').contains(target) && close());
  byId('share').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    close();
    byId('share').querySelector('summary').focus();
  });
}

const close = () => { byId('share').open = false; };

/* The links are those of the state when the menu opens. */
function followShare() {
  byId('share-done').textContent = '';
  for (const { link, kind, type } of links) link.href = kind === 'map' ? mapFile(type) : curveFile(type);
}

const mapFile = (type) => url(`/map.${type}`, mapQuery(shownWindow(), { size: String(cellsWanted(false)) }));

function curveFile(type) {
  const axis = state.page.axis === 'linear' ? 'linear' : 'log';
  return url(`/curve.${type}`, curveQuery(type === 'csv' ? {} : { axis }));
}

function copier(id, label, text) {
  const button = make('button', { type: 'button', id, textContent: label });
  button.addEventListener('click', async () => {
    const copied = text();
    try {
      await navigator.clipboard.writeText(copied);
      byId('share-done').textContent = `Copied: ${copied}`;
    } catch {
      byId('share-done').textContent = copied;
      getSelection().selectAllChildren(byId('share-done'));
    }
  });
  return button;
}
