/* models.js - the model: a searchable list of presets, and a config.json that is dropped or chosen */
/* SPDX-License-Identifier: MIT */
import { giveAgain, takeConfig } from './config.js';
import { once } from './fetch.js';
import { pageWords } from './controls.js';
import { grouped, tokensText } from './numbers.js';
import { url } from './query.js';
import { scalingWords } from './settings.js';
import { make, update } from './slider.js';
import { OF_MODEL, isChanged, modelOf, patchesOf, setOptions, state, table, trainedLength } from './state.js';

const CONFIG_MOST = 65536; /* bytes, as the server takes them */
const byId = (id) => document.getElementById(id);
const input = () => byId('model');
const list = () => byId('model-list');
export const models = { onLearned: () => {}, onGiven: () => {} };
let active = -1, matches = [];

export function startModels() {
  input().addEventListener('input', () => {
    refuse('');
    open(input().value);
  });
  input().addEventListener('focus', () => input().select());
  input().addEventListener('click', () => open(''));
  input().addEventListener('keydown', keyed);
  input().addEventListener('blur', () => setTimeout(() => {
    if (document.activeElement === input()) return;
    if (!isUnknown()) close();
  }, 150));
  byId('model-clear').addEventListener('click', () => choose(isTrained() ? { positions: null } : null));
  byId('model-file').addEventListener('change', (event) => event.target.files[0] && take(event.target.files[0]));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.dataset.drop = 'true';
  });
  document.addEventListener('dragleave', (event) => event.relatedTarget === null && delete document.body.dataset.drop);
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    delete document.body.dataset.drop;
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

/* A model brings its whole rule, so what was set of a rule before goes. */
function choose(changes) {
  refuse('');
  const former = Object.fromEntries(OF_MODEL.map((name) => [name, null]));
  setOptions({ ...former, preset: null, model: null, ...changes });
  close();
}

/* As many positions as a model was trained at. One of images has all its patches, which is the default. */
const ofLength = (length) => (length ? { positions: tokensText(length), rows: null, cols: null } : {});

const isTrained = () => state.options.positions === ofLength(trainedLength()).positions;

const ALL_PATCHES = { positions: null, rows: null, cols: null };

const ofPreset = ({ name, grid, trained_length: trained }) => ({ preset: name, ...(grid ? ALL_PATCHES : ofLength(trained)) });

const words = ({ name, base, head_dim: head, scaling, trained_length: trained }) =>
  ({ name, rest: `${grouped(base)} · ${head}${scaling === 'none' ? '' : ` · ${scalingWords(scaling, true).replace(/ scaling.*/, '')}`}`,
    length: trained ? grouped(trained) : '' });

const options = () => [...list().querySelectorAll('[role=option]')];

function open(text) {
  const search = text.trim().toLowerCase().split(/\s+/);
  const found = table.presets.filter(({ name }) => search.every((part) => name.includes(part)));
  matches = d3.sort(found, ({ name }) => !name.startsWith(search[0])); /* llama before codellama */
  list().replaceChildren(...matches.map((preset, index) => {
    const { name, rest, length } = words(preset);
    const item = make('li', { id: `model-${index}`, role: 'option', 'aria-selected': 'false', title: preset.source },
      make('span', { textContent: name }), make('span', { className: 'muted', textContent: rest }),
      make('span', { className: 'muted', textContent: length }));
    item.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      choose(ofPreset(preset));
    });
    return item;
  }));
  list().prepend(make('li', { className: 'head', role: 'presentation', ariaHidden: 'true' }, ...['model', 'base · head dim · scaling', 'trained'].map((textContent) => make('span', { textContent }))));
  active = text && matches.length ? 0 : -1;
  list().hidden = !matches.length;
  input().setAttribute('aria-expanded', String(matches.length > 0));
  mark();
}

function refuse(sentence) {
  byId('model-error').textContent = sentence;
  byId('model-error').hidden = !sentence;
  input().setAttribute('aria-invalid', String(Boolean(sentence)));
}

/* A name that no model has stays, and says so; the nearest begin as it does. */
function isUnknown() {
  const name = input().value.trim().toLowerCase();
  if (!name || name === modelName().toLowerCase()) return false;
  const alike = ({ name: own }) => [...own].findIndex((letter, at) => letter !== name[at]);
  const near = [...table.presets].sort((a, b) => alike(b) - alike(a)).filter((one) => alike(one) > 1).slice(0, 3).map((one) => one.name);
  const most = matches.slice(0, 3).map((one) => one.name);
  refuse(matches.length ? `Which of ${matches.length}? ${most.join(', ')}${matches.length > 3 ? ', …' : ''}: choose one.`
    : `No model here is called ‘${name}’.${near.length ? ` Nearest: ${near.join(', ')}.` : ''} Or drop its config.json.`);
  list().hidden = true;
  input().setAttribute('aria-expanded', 'false');
  return true;
}

function mark() {
  options().forEach((item, index) => item.setAttribute('aria-selected', String(index === active)));
  if (active >= 0) {
    input().setAttribute('aria-activedescendant', `model-${active}`);
    options()[active]?.scrollIntoView({ block: 'nearest' });
  } else input().removeAttribute('aria-activedescendant');
}

function close() {
  list().hidden = true;
  input().setAttribute('aria-expanded', 'false');
  followModels();
}

function keyed(event) {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    if (list().hidden) open('');
    const { length } = matches;
    if (length) active = (active + (event.key === 'ArrowDown' ? 1 : -1) + length) % length;
    mark();
  } else if (event.key === 'Enter' && matches[active]) {
    choose(ofPreset(matches[active]));
    input().select();
  } else if (event.key === 'Enter') isUnknown();
  else if (event.key === 'Escape') {
    refuse('');
    close();
  }
}

/* The text of a config.json becomes a model of the server's. */
let taken = 0; /* files so far: the last one counts, whichever answer comes last */

async function take(file) {
  const error = byId('model-error'), own = ++taken;
  try {
    if (file.size > CONFIG_MOST) {
      throw new Error(`${file.name}: ${grouped(file.size)} bytes; a config.json may have ${grouped(CONFIG_MOST)}`);
    }
    const model = await takeConfig(await file.text(), file.name);
    if (own !== taken) return;
    error.hidden = true;
    const length = patchesOf({ model: model.id }) ? ALL_PATCHES : state.options.positions ? {} : ofLength(model.trained_length);
    choose({ model: model.id, ...length });
  } catch (refused) {
    if (own !== taken) return;
    error.textContent = refused.message;
    error.hidden = false;
  }
  byId('model-file').value = '';
}

/* The rule of a model that the server had before this page was opened. */
async function learn(id) {
  const known = table.models.get(id) ?? { id, name: id };
  if (known.asked || known.info) return;
  table.models.set(id, { ...known, asked: true });
  try {
    const info = await once(url('/info.json', { model: id, ...(known.layer_type && { 'layer-type': known.layer_type }) }), 'json');
    table.models.set(id, { ...known, info, trained_length: info.trained_length });
    models.onLearned();
  } catch {
    /* the map's refusal says why */
  }
}

export const modelName = () => state.options.preset ?? table.models.get(state.options.model)?.name ?? '';

const over = () => OF_MODEL.filter(isChanged);

/* Whose rule it is, as in files; '' where it is no longer quite that. */
export const modelTitle = () => (over().some((name) => !['layout', 'layer-type', 'grid'].includes(name)) ? '' : modelName());

export function followModels() {
  if (modelOf()) learn(modelOf());
  const name = modelName();
  const unknown = input().getAttribute('aria-invalid') === 'true';
  if (!unknown && (document.activeElement !== input() || list().hidden)) update(input(), { value: name });
  update(byId('model-clear'), { hidden: !name });
  update(byId('model-over'), { textContent: name && over().length ? `${over().join(', ')} changed` : '' });
}

const UNKNOWN = /^--model: '.*' is not the id of a posted/;

export function refuseModel(sentence) {
  const error = byId('model-error'), named = /^--(preset|model)\b/.test(sentence ?? '');
  const lost = UNKNOWN.test(sentence ?? '');
  if (!named && input().getAttribute('aria-invalid') === 'true') return false; /* what was typed is still refused */
  const words = lost ? 'The server does not have this config.json any more: drop it again.' : named ? pageWords(sentence) : '';
  update(error, { hidden: !named, textContent: words });
  if (lost) giveAgain(state.options.model).then((again) => again && models.onGiven(), () => {});
  return named;
}
