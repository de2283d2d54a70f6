/* explorer.js - the entry: starts every part of the page and tells them what has changed */
/* SPDX-License-Identifier: MIT */

/*
 * Hooks for tests:
 *   body[data-state]        "ready": the map shown is that of the present state; "busy"; "refused"
 *   window.ropemapStats     [{ state, inputAt, drawnAt, paintedAt, serverMs, roundTripMs }], one a map: drawnAt is
 *                           when the canvas had it, paintedAt the frame that took it to the screen
 *   #slider-NAME #number-NAME #reset-NAME #error-NAME   a slider (positions, base, head-dim, rotary-dim, shift, ...)
 *   #select-NAME #check-NAME #text-NAME                  other controls; scaling's parameters are NAME = scaling-KEY
 *   #cmap-NAME #clim-low #clim-high                      colours
 *   canvas#map canvas#map-other #colourbar svg#curve     pictures
 *   #crosshair-i #crosshair-j #crosshair-distance #crosshair-value, #curve-value   what is under the pointer
 *   #answer-first #answer-rest #badge #banner #refusal #spoken                      what the page says
 *   #model #model-list #model-clear #model-file #model-error                        presets and config.json
 *   #keep-a #compare-MODE (off beside split blink difference) #against-formula #split, #many-name #many-values
 *   #many-show #many-close #many canvas, #swap #flip #reset-all #home #zoom-in #zoom-out #theme #keys,
 *   #copy-link #copy-command #download-KIND-TYPE, #axis-log #axis-linear #show-bound #pin
 */
import { followSwatches, showBar, startSwatches } from './bar.js';
import { comparedScale, flip, followCompare, followNames, startCompare } from './compare.js';
import { followControls, refuseControls, startControls, tryFigures } from './controls.js';
import { cross, point, refreshValue, startCrosshair } from './crosshair.js';
import { chart, showCursor, startChart } from './curve.js';
import { followDecay, refreshDecay, startDecay } from './decay.js';
import { refreshExplain } from './explain.js';
import { once } from './fetch.js';
import { axes, draw, forget, hooks, panes, requestMap, startMap } from './map.js';
import { followMany, many, manyShown, refreshMany, startMany } from './many.js';
import { followModels, models, refuseModel, startModels } from './models.js';
import { address, readAddress } from './query.js';
import { startShare } from './share.js';
import { resetAll } from './special.js';
import { on, replaceAll, setView, state, takeTable } from './state.js';
import { say, showBadge, showCaption, showRefusal, startConnection, startTheme } from './status.js';
import { inFrame, whenQuiet } from './timing.js';
import { followSoon, followView, home, startZoom, zoomBy } from './zoom.js';

const byId = (id) => document.getElementById(id);

/* Browsers limit how often an address may change. */
const keepAddress = whenQuiet(300, () => history.replaceState(null, '', address()), 1000);

const axesSoon = inFrame(axes);
const followSoonControls = inFrame(() => {
  followControls();
  followModels();
  followSwatches();
});

function optionsChanged({ changes, inputAt, live }) {
  forget();
  requestMap({ inputAt, live });
  followSoonControls();
  if (['positions', 'rows', 'cols', 'preset', 'model'].some((name) => name in changes)) {
    followSoon();
    axesSoon();
    draw();
  }
  refreshDecay();
  refreshExplain();
  refreshMany();
  tryFigures();
  keepAddress();
}

function viewChanged({ inputAt, live }) {
  followView();
  draw();
  axesSoon();
  requestMap({ inputAt, live });
  refreshMany();
  keepAddress();
}

function pageChanged({ changes }) {
  followDecay();
  followCompare();
  if ('many' in changes || !changes) followMany();
  showScale();
  keepAddress();
}

/* The bar belongs to what is seen: the map, a difference, many maps. */
function showScale() {
  const compared = comparedScale();
  if (manyShown()) {
    if (!many.scale) return;
    showBar(many.scale, many.label);
    showCaption(many.caption);
  } else if (compared) showBar(compared.scale, compared.label);
  else if (lastHeader) showBar(lastHeader, lastHeader.value_label);
}

/* What follows a picture, once it is on the screen: none of it may delay the next one. */
let lastHeader = null, lastRoundTrip = 0;
const afterPicture = whenQuiet(30, () => {
  showScale();
  followNames();
  showBadge(lastHeader, lastRoundTrip);
  if (!manyShown()) showCaption(lastHeader);
  refreshValue();
  const { min, max } = lastHeader, range = min === null ? '' : ` From ${min.toPrecision(3)} to ${max.toPrecision(3)}.`;
  say(`${lastHeader.title}. ${lastHeader.subtitle}.${range}`);
}, 120);

function startLinks() {
  cross.onMove = (pair) => showCursor(pair ? pair.i - pair.j : null);
  chart.onHover = (distance) => {
    showCursor(distance);
    for (const pane of Object.values(panes)) if (pane.side) pane.distance(distance);
  };
  hooks.painted.push((header, milliseconds) => {
    [lastHeader, lastRoundTrip] = [header, milliseconds];
    afterPicture();
  });
  hooks.answered = () => {
    showRefusal(null);
    refuseControls(null);
    refuseModel(null);
  };
  hooks.refused = ({ message }) => {
    const named = refuseModel(message) || refuseControls(message);
    showRefusal(message);
    if (!named) say(message);
  };
  hooks.barChanged = showScale;
  hooks.resized = () => {
    followView();
    refreshMany();
  };
  many.onChange = showScale;
  models.onLearned = () => {
    followSoonControls();
    axesSoon();
  };
  byId('reset-all').addEventListener('click', () => {
    setView(null);
    resetAll();
  });
  byId('flip').addEventListener('click', flip);
  byId('keys').addEventListener('click', () => byId('keys-dialog').showModal());
  byId('home').addEventListener('click', home);
  byId('zoom-in').addEventListener('click', () => zoomBy(2));
  byId('zoom-out').addEventListener('click', () => zoomBy(0.5));
  document.addEventListener('keydown', (event) => event.key === 'Escape' && point(null));
}

async function start() {
  startConnection();
  const json = await once('options.json', 'json');
  takeTable(json);
  const told = readAddress(location.search, json.state ?? {});
  startMap();
  startControls();
  startSwatches();
  startModels();
  startZoom();
  startCrosshair();
  startChart();
  startDecay();
  startCompare();
  startMany();
  startShare();
  startLinks();
  on('options', optionsChanged);
  on('view', viewChanged);
  on('page', pageChanged);
  startTheme(draw);
  replaceAll(told);
  history.replaceState(null, '', address());
}

start().catch((error) => {
  byId('banner').hidden = false;
  byId('banner').textContent = `The page could not start: ${error.message}`;
});
