/* commands.js - the command lines that make what is seen: maps, sweeps and curves */
/* SPDX-License-Identifier: MIT */
import { against, askedOfA, differenceQuery, mode } from './compare.js';
import { boundQuery, lineQuery, linesShown } from './decay.js';
import { many, manyOptions, manyShown, manyWanted } from './many.js';
import { cellsWanted } from './map.js';
import { curveQuery, mapQuery, shownWindow } from './query.js';
import { onPaper } from './scale.js';
import { differing } from './settings.js';
import { isDark } from './status.js';
import { effective, modelValues, ofTensors, state, table, unframed } from './state.js';

const quoted = (text) => (/^[\w.,:=\/+-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

/* The server's tensors are files of its command line, and a curve without them has no content. */
function wordsOf(command, query, ...more) {
  const words = ['ropemap', command], real = ofTensors(query) && query.quantity !== 'roformer';
  if (real) for (const [name, value] of table.tensors.options) words.push(`--${name}`, quoted(value));
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || command === 'curve' && name === 'content') continue;
    if (table.options.get(name)?.flag) words.push(...(value === '1' ? [`--${name}`] : []));
    else words.push(`--${name}`, quoted(name === 'model' ? table.models.get(value)?.name ?? value : value));
  }
  return [...words, ...more].join(' ');
}

/* Options of the window, as short as they can be. */
function windowed(query) {
  const short = { ...query };
  if (short.rows && short.rows === short.cols) {
    [short.positions, short.rows, short.cols] = [short.rows];
  } else if (short.rows && short.cols) delete short.positions;
  return short;
}

/* The width that figures are printed with; numbers have none. */
export function printed(type) {
  const width = document.getElementById('figure-width').value;
  return width && !['npy', 'csv'].includes(type) ? { width } : {};
}

/* Of a map as a file: a sheet as dark as the page, or colours for paper where a printed width is chosen. */
export function asFigure(type, query, own = state.options) {
  const all = { ...query, ...printed(type) };
  if (type === 'npy' || !isDark()) return all;
  return all.width ? { ...all, cmap: own.cmap ?? onPaper(all.cmap) } : { ...all, dark: '1' };
}

const FORMULA = '# exp(-10 * distance / ln base) is drawn by the page alone: save all that is seen';

/* The mass of a cell depends on how many there are. */
const massOf = (options) => (effective('pool', options) === 'mass' ? { size: String(cellsWanted(false)) } : {});

const mapLine = (options, window, output, extra) => wordsOf('map',
  asFigure(output.split('.')[1], { ...windowed(mapQuery(window, massOf(options), options)), ...extra }, options), '-o', output);

function mapLines() {
  const window = shownWindow();
  if (manyShown()) {
    const { name, values } = manyWanted(), list = values.join(name === 'scaling' ? ';' : ',');
    if (!values.length) return [];
    const queries = manyOptions().map(([, options]) => windowed(mapQuery(name === 'positions' ? null : window, {}, options)));
    const { length } = queries.find((one) => one.length) ?? {}, query = { ...queries[0], ...(length && { length }) };
    delete query[name];
    if (many.scale && query.clim && !state.options.clim) query.clim = [many.scale.low, many.scale.high].map((limit) => Number(limit.toPrecision(9))).join(':');
    return [wordsOf('sweep', asFigure('png', query), '--vary', quoted(`${name}=${list}`), '-o', 'maps.png')];
  }
  if (mode() === 'off' || against() !== 'a') {
    return [mapLine(state.options, window, 'map.png'), ...(against() === 'formula' && mode() !== 'off' ? [FORMULA] : [])];
  }
  const ofA = askedOfA();
  if (mode() !== 'difference') {
    return [mapLine(ofA.options, window && ofA.window, 'A.png'), mapLine(state.options, window, 'B.png')];
  }
  const difference = differenceQuery();
  if (difference) return [mapLine(state.options, window, 'difference.png', difference)];
  return [mapLine(ofA.options, window && ofA.window, 'A.npy'), mapLine(state.options, window, 'B.npy'),
    'python3 -c "import numpy as n; n.save(\'difference.npy\', n.load(\'B.npy\') - n.load(\'A.npy\'))"'];
}

/* Curves that differ in one option are drawn together; else each is a command of its own. */
export function varied() {
  const all = linesShown().map(lineQuery);
  const settings = [...new Map(all.map((one) => [new URLSearchParams(one).toString(), one])).values()]; /* lengths are no settings */
  const names = differing(settings), lengths = new Set(settings.map(({ length }) => length).filter(Boolean));
  const single = names.length === 1 && names[0] !== 'scaling' && lengths.size < 2 && settings.every((one) => effective(names[0], one) !== '');
  const models = manyShown() && manyWanted().name === 'preset' && settings.length === manyWanted().values.length; /* whose lines end */
  const length = lengths.size ? { length: [...lengths][0] } : {}; /* that of each rule which has one */
  return { settings, models, length, vary: single ? `${names[0]}=${settings.map((one) => effective(names[0], one)).join(',')}` : null, name: names[0] };
}

/* The rule of a capture's model, which is no file. */
function spelled({ model, 'layer-type': layer, ...query }) {
  if (model === undefined || model !== table.tensors?.model) return { ...(model && { model }), ...(layer && { 'layer-type': layer }), ...query };
  return { ...modelValues(), ...query };
}

function curveLines() {
  const { settings, models, vary, name, length } = varied(), { distances } = curveQuery({});
  const axis = { distances, axis: state.page.axis === 'linear' ? 'linear' : 'log', ...printed('png') };
  const bound = state.page.bound ? [wordsOf('curve', { ...spelled(boundQuery()), ...printed('png') }, '-o', 'bound.png')] : [];
  if (settings.length < 2) return bound;
  if (!vary) return settings.map((one, index) => wordsOf('curve', { ...one, ...axis }, '-o', `curve-${index + 1}.png`)).concat(bound);
  const rest = { ...settings[0], ...length, ...axis };
  delete rest[name];
  return [wordsOf('curve', rest, '--vary', quoted(vary), ...(models ? ['--until-trained'] : []), '-o', 'curves.png'), ...bound];
}

/* All that is seen, a command a line. */
export const commandLines = () => [...mapLines(), ...curveLines()].join('\n');
