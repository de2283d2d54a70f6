/* map.js - the map: asks for the visible window, draws it, moves the old picture until the new one is here */
/* SPDX-License-Identifier: MIT */
import { imageOf } from './colour.js';
import { Channel, parseNpy } from './fetch.js';
import { CELLS_WITH_VALUES, paintLayer } from './paint.js';
import { Pane } from './pane.js';
import { mapQuery, shownWindow, url } from './query.js';
import { domain, rangeEnd, shownView, state, table, unframed, windowOf } from './state.js';
import { inFrame, whenQuiet } from './timing.js';

const STATS_MOST = 4096;
const LIVE_SIDE = 1024; /* cells a side at most while a hand moves a slider or the map */

export const panes = {};
/* main: what is shown now; home: the last whole map, beneath it where the view moves out. */
export const layers = { main: null, home: null };
/* What comparing changes: the limits in common, and how layers are put together. */
export const hooks = { limits: () => ({}), compose: null, painted: [], refused: () => {}, answered: () => {} };
export const stats = (window.ropemapStats = []);

const channel = new Channel('map');
let wanted = null, shownAt = 0, turn = 0;

export function startMap() {
  panes.main = new Pane(document.getElementById('pane-main'), () => resized());
  panes.other = new Pane(document.getElementById('pane-other'), () => resized());
}

function resized() {
  axes();
  drawNow(); /* a canvas of another size is empty, and the next frame is too late */
  requestMap({});
  hooks.resized?.();
}

/* Cells a side that are asked for; at most what the server takes. */
export function cellsWanted(live) {
  const pixels = panes.main.pixels || 512;
  return Math.min(pixels, live ? LIVE_SIDE : Infinity, table.limits?.side ?? 2048);
}

export function isCells(window) {
  return Math.max(window.rows.count, window.cols.count) <= CELLS_WITH_VALUES;
}

export const viewOf = ({ rows, cols }) => ({
  x0: cols.first, x1: rangeEnd(cols), y0: rows.first, y1: rangeEnd(rows),
});

/* What a picture of a window is asked with: { url, kind }. Few cells come as numbers, for their values are shown. */
export function mapRequest(window, size, extra, options) {
  const cells = isCells(window ?? domain(options));
  const query = unframed(mapQuery(window, { ...extra, size: String(size) }, options));
  if (!cells) query.bare = '1';
  return { url: url(cells ? '/map.npy' : '/map.png', query), kind: cells ? 'arrayBuffer' : 'blob', cells };
}

/* The layer of an answer. */
export async function layerOf({ body, header }, cells, view) {
  if (!cells) return { bitmap: await createImageBitmap(body, { colorSpaceConversion: 'none' }), header, view };
  const values = parseNpy(body);
  const image = imageOf(values.cells, values.width, values.height, header);
  return { bitmap: await createImageBitmap(image), header, view, values };
}

/* Whether a map is on its way: what is less urgent waits for it. */
export const mapPending = () => wanted?.state === 'asked';

export const mapRefused = () => wanted?.state === 'bad';

const settle = whenQuiet(220, () => requestMap({}));

/* Asks for what is to be seen now. inputAt: when the hand asked; live: it still moves. */
export function requestMap({ inputAt = performance.now(), live = false }) {
  if (!panes.main.side) return;
  const window = shownWindow(), size = cellsWanted(live);
  const asked = mapRequest(window, size, hooks.limits(), state.options);
  if (live && size < cellsWanted(false)) settle();
  if (wanted?.url === asked.url && wanted.state !== 'bad') return;
  wanted = { url: asked.url, inputAt, state: 'asked' };
  document.body.dataset.state = 'busy';
  const mine = wanted, number = ++turn, view = viewOf(window ?? windowOf(shownView()));
  channel.ask({
    ...asked,
    good: (answer) => arrived({ answer, asked, mine, number, view, home: !window }),
    bad: (refused) => {
      mine.state = 'bad';
      document.body.dataset.state = 'refused';
      hooks.refused(refused);
    },
  });
}

async function arrived({ answer, asked, mine, number, view, home }) {
  const layer = await layerOf(answer, asked.cells, view);
  if (number < shownAt) {
    layer.bitmap.close();
    return;
  }
  shownAt = number;
  replace('main', layer);
  if (home) layers.home = layer;
  /* Drawn at once, so that the next frame has it; that frame tells when. */
  drawNow();
  const drawnAt = performance.now();
  requestAnimationFrame(() => painted(mine, answer, drawnAt));
}

/* Bitmaps hold memory outside of the heap; one that no layer needs is let go at once. */
function replace(name, layer) {
  const old = layers[name];
  layers[name] = layer;
  if (old && !Object.values(layers).includes(old)) old.bitmap.close();
}

export function forget() {
  layers.home = null;
}

function drawNow() {
  const view = shownView();
  for (const pane of Object.values(panes)) {
    if (pane.side) pane.context.clearRect(0, 0, pane.pixels, pane.pixels);
  }
  if (layers.main) {
    if (hooks.compose) hooks.compose(view);
    else paintStack(panes.main.context, layers.main, view);
  }
}

export const draw = inFrame(drawNow);

/* A layer, and beneath it the whole map where it does not reach. */
export function paintStack(context, layer, view) {
  const { view: has } = layer;
  const covers = has.x0 <= view.x0 && has.x1 >= view.x1 && has.y0 <= view.y0 && has.y1 >= view.y1;
  if (!covers && layer === layers.main && layers.home && layers.home !== layer) {
    paintLayer(context, layers.home, view);
  }
  paintLayer(context, layer, view);
}

function painted(mine, { header, milliseconds }, drawnAt) {
  stats.push({
    state: mine.url, inputAt: mine.inputAt, drawnAt, paintedAt: performance.now(),
    serverMs: header ? header.seconds * 1000 : null, roundTripMs: milliseconds,
  });
  if (stats.length > STATS_MOST) stats.splice(0, STATS_MOST / 2);
  performance.mark('ropemap-painted', { detail: mine.url });
  mine.state = 'shown';
  if (mine === wanted) document.body.dataset.state = 'ready';
  hooks.answered();
  hooks.painted.forEach((listener) => listener(header, milliseconds));
}

export function axes() {
  for (const pane of Object.values(panes)) pane.axes();
}
