/* map.js - the map: what is seen is asked for, drawn, and moved with the hand until the new picture is here */
/* SPDX-License-Identifier: MIT */
import { paintLayer } from './paint.js';
import { Pane } from './pane.js';
import { Picture } from './picture.js';
import { shownWindow } from './query.js';
import { learnLimits } from './scale.js';
import { shownView, state, table } from './state.js';
import { inFrame, whenQuiet } from './timing.js';

const STATS_MOST = 4096;
/* Cells a side while a hand moves a slider or the map: half of them where pictures come late, twice where they would
   still be in time, for which they take four times as long. */
const LIVE_MOST = 1024, LIVE_LEAST = 256, LATE = 33, EARLY = LATE / 4; /* ms */
let liveSide = 512;

export const panes = {};
/* main: what is shown now; home: the last whole map, beneath it where the view moves out. */
export const layers = { main: null, home: null };
/* How layers are put together where maps are compared, and who is told. */
export const hooks = { compose: null, painted: [], refused: () => {}, answered: () => {}, asked: () => {} };
export const stats = (window.ropemapStats = []);
export const picture = new Picture('map', { show: arrived, refuse: refused });

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
  return Math.min(pixels, live ? liveSide : Infinity, table.limits?.side ?? 2048);
}

/* Whether the present state has no picture yet, not even a coarse one: what is less urgent waits for it. */
export const mapPending = () => picture.wanted?.state === 'asked' && !picture.wanted.first;

export const mapRefused = () => picture.wanted?.state === 'bad';

const settle = whenQuiet(220, () => requestMap({}));

/* Asks for what is to be seen now. inputAt: when the hand asked; live: it still moves. */
export function requestMap({ inputAt = performance.now(), live = false }) {
  if (!panes.main.side) return;
  const size = cellsWanted(live), former = picture.wanted;
  picture.ask({ options: state.options, window: shownWindow(), size, live, inputAt });
  if (live && size < cellsWanted(false)) settle();
  if (picture.wanted !== former) document.body.dataset.state = 'busy';
  hooks.asked();
}

function refused(sentence, mine) {
  if (mine !== picture.wanted) return;
  document.body.dataset.state = 'refused';
  hooks.refused(sentence);
}

function arrived(layer, mine, answer) {
  if (!layer.coarse && mine === picture.wanted && learnLimits(mine.options, answer.header)) {
    layer.bitmap.close();
    requestMap({ inputAt: mine.inputAt });
    return;
  }
  replace('main', layer);
  if (layer.home) layers.home = layer;
  /* Drawn at once, so that the next frame has it; that frame tells when. */
  drawNow();
  const drawnAt = performance.now();
  if (mine.live && !layer.coarse && !answer.header.cached) pace(drawnAt - mine.inputAt);
  requestAnimationFrame(() => painted(layer, mine, answer, drawnAt));
}

function pace(milliseconds) {
  if (milliseconds > LATE) liveSide = Math.max(liveSide / 2, LIVE_LEAST);
  else if (milliseconds < EARLY) liveSide = Math.min(liveSide * 2, LIVE_MOST);
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

export function drawNow() {
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

function painted({ coarse }, mine, { url, header, milliseconds }, drawnAt) {
  stats.push({
    state: mine.url, asked: url.replace(/.view=.*/, ''), coarse, inputAt: mine.inputAt, drawnAt, paintedAt: performance.now(),
    serverMs: header ? header.seconds * 1000 : null, roundTripMs: milliseconds,
  });
  if (stats.length > STATS_MOST) stats.splice(0, STATS_MOST / 2);
  performance.mark('ropemap-painted', { detail: mine.url });
  if (!coarse && mine === picture.wanted && mine.size >= cellsWanted(false)) document.body.dataset.state = 'ready';
  hooks.answered();
  hooks.painted.forEach((listener) => listener(header, milliseconds, coarse));
}

/* Once small maps are waited for no more: the state is that of the map again, which need not be drawn anew. */
export function resumeState() {
  const { state: own } = picture.wanted ?? {};
  if (own === 'shown' || own === 'bad') document.body.dataset.state = own === 'bad' ? 'refused' : 'ready';
}

/* The full map is given up, and what is seen is its coarse picture. */
export function stopMap() {
  picture.stop();
  document.body.dataset.state = 'ready';
  hooks.asked();
}

export function resumeMap() {
  picture.forget();
  requestMap({});
}

export function axes() {
  for (const pane of Object.values(panes)) pane.axes(hooks.trained?.(pane));
}
