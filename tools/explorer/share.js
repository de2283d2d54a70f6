/* share.js - links, commands and files of what is seen */
/* SPDX-License-Identifier: MIT */
import { asFigure, commandLines, printed, varied } from './commands.js';
import { differenceQuery, mode } from './compare.js';
import { manyShown } from './many.js';
import { cellsWanted } from './map.js';
import { address, curveQuery, mapQuery, shownWindow, url } from './query.js';
import { make } from './slider.js';
import { snapshotHtml, snapshotPng, snapshotSvg } from './snapshot.js';
import { effective, state, table } from './state.js';

const FILES = { map: ['png', 'svg', 'pdf', 'npy'], curve: ['csv', 'png', 'svg', 'pdf'] };
const TITLES = { map: 'The map alone, as a figure', curve: 'The curves alone, as a figure' };
const WIDTHS = ['', '88mm', '180mm']; /* a column of a journal, and a page of it */
const byId = (id) => document.getElementById(id);
const links = [];

/* What is seen, with everything that is compared. */
const SEEN = {
  png: snapshotPng,
  svg: () => new Blob([snapshotSvg().text], { type: 'image/svg+xml' }),
  html: () => new Blob([snapshotHtml(commandLines(), settings())], { type: 'text/html' }),
};

/* Everything that makes up what is seen, defaults too. */
function settings() {
  const own = [...table.options.values()].filter(({ name, page, commands }) => page.place && !page.framed && commands.includes('map') && effective(name));
  const page = Object.entries(state.page).filter(([, value]) => value && String(value));
  const { cmap, clim } = mapQuery(null); /* the page's own too */
  return Object.fromEntries([...own.map(({ name }) => [name, effective(name)]), ...Object.entries({ cmap, ...(clim && { clim }) }), ...Object.entries(state.options), ...page]);
}

export function startShare() {
  const body = byId('share-body');
  const row = (...children) => make('div', { className: 'row' }, ...children);
  const part = (title, ...children) => body.append(make('div', {}, make('h2', { textContent: title }), row(...children)));
  part('This setting',
    copier('copy-link', 'Copy link', () => new URL(address(), location.href).href),
    copier('copy-command', 'Copy as ropemap command', commandLines));
  byId('copy-link').title = 'Opens on this machine, while this server runs; HTML is for others';
  part('All that is seen', ...Object.keys(SEEN).map(saver));
  for (const [kind, types] of Object.entries(FILES)) {
    for (const type of types) {
      const link = make('a', { className: 'button', id: `download-${kind}-${type}`, textContent: type.toUpperCase() });
      link.addEventListener('click', (event) => {
        event.preventDefault();
        fetchFile(link.getAttribute('href'), `ropemap-${kind}.${type}`);
      });
      links.push({ link, kind, type });
    }
    const own = links.filter((one) => one.kind === kind).map(({ link }) => link);
    part(TITLES[kind], ...own);
  }
  const width = make('select', { id: 'figure-width' }, ...WIDTHS.map((value) => new Option(value || 'as on the screen', value)));
  width.addEventListener('change', followShare);
  part('Width of figures', width);
  body.append(make('p', { className: 'done', id: 'share-done', role: 'status' }));
  byId('share').addEventListener('toggle', followShare);
  document.addEventListener('click', ({ target }) => !byId('share').contains(target) && close());
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
  const part = links.find(({ kind }) => kind === 'curve').link.closest('.row').parentElement, { settings, vary } = varied();
  part.hidden = document.body.dataset.baseless === 'token';
  const title = settings.length > 1 && !vary ? 'The curve of this setting alone, as a figure' : TITLES.curve;
  part.querySelector('h2').textContent = `${title}${state.page.bound ? ', no bound' : ''}`;
  for (const { link, kind, type } of links) link.setAttribute('href', kind === 'map' ? mapFile(type) : curveFile(type));
}

/* The map, or the difference that is seen in its place; '' where there is no file of that. */
function mapFile(type) {
  if (manyShown()) return '';
  const difference = mode() === 'difference' ? differenceQuery() : {};
  const query = asFigure(type, mapQuery(shownWindow(), { size: String(cellsWanted(false)), ...difference }));
  return difference ? url(`/map.${type}`, Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))) : '';
}

/* Curves that differ in one option are in one file. */
function curveFile(type) {
  const axis = state.page.axis === 'linear' ? 'linear' : 'log', { vary, name, models, length } = varied();
  const query = curveQuery({ ...(type === 'csv' ? {} : { axis }), ...(vary && { vary, ...length }), ...(models && { 'until-trained': '1' }), ...printed(type) });
  if (vary) delete query[name];
  return url(`/curve.${type}`, query);
}

function save(blob, download) {
  const link = make('a', { href: URL.createObjectURL(blob), download });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/* What the server refuses is said here, for a browser says nothing. */
async function fetchFile(href, name) {
  const say = (words) => { byId('share-done').textContent = words; };
  if (!href) {
    say(`${manyShown() ? 'Small multiples are many maps' : 'A and B differ in more than one option'}, so that there is no file of one map; save all that is seen, or copy the commands.`);
    return;
  }
  say('');
  try {
    const answer = await fetch(href, { cache: 'no-store' });
    if (answer.ok) save(await answer.blob(), name);
    else say((await answer.text()).trim());
  } catch {
    say('The server does not answer.');
  }
}

function saver(type) {
  const button = make('button', { type: 'button', id: `save-seen-${type}`, textContent: type.toUpperCase() });
  button.title = type === 'html' ? 'One file to mail: picture, commands, settings, numbers' : '';
  button.addEventListener('click', async () => save(await SEEN[type](), `ropemap.${type}`));
  return button;
}

function copier(id, label, text) {
  const button = make('button', { type: 'button', id, textContent: label });
  button.addEventListener('click', async () => {
    const copied = text();
    try {
      await navigator.clipboard.writeText(copied);
      byId('share-done').textContent = `Copied: ${copied}${id === 'copy-link' ? '\nIt opens on this machine while this server runs; for others save HTML.' : ''}`;
    } catch {
      byId('share-done').textContent = copied;
      getSelection().selectAllChildren(byId('share-done'));
    }
  });
  return button;
}
