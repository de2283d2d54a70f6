/* explorer.js - the entry: starts every part of the page and tells them what has changed */
/* SPDX-License-Identifier: MIT */

/*
 * Hooks for tests:
 *   body[data-state]        "ready": the map shown is that of the present state; "busy"; "refused"
 *   window.ropemapStats     [{ state, asked, coarse, inputAt, drawnAt, paintedAt, serverMs, roundTripMs }], one a map: drawnAt is
 *                           when the canvas had it, paintedAt the frame that took it to the screen
 *   #slider-NAME #number-NAME #reset-NAME #error-NAME   a slider (positions, base, head-dim, rotary-dim, shift, ...)
 *   #select-NAME #check-NAME #text-NAME                  other controls; scaling's parameters are NAME = scaling-KEY
 *   #cmap-NAME #clim-low #clim-high                      colours
 *   canvas#map canvas#map-other #colourbar svg#curve     pictures
 *   #crosshair-i #crosshair-j #crosshair-distance #lock, #crosshair-value, #curve-value   the pair that is looked at
 *   #answer-first #answer-table #answer-rest, #card #card-note, #plan-keep #plan-length #plan-find #plan-rows #badge #banner #refusal #spoken                      what the page says
 *   #model #model-list #model-clear #model-file #model-error                        presets and config.json
 *   #keep-a #compare-MODE (off beside split blink difference) #against-formula #split, #many-name #many-values
 *   #many-show #many-close #many canvas, #swap #flip #reset-all #undo #redo #fit #home #zoom-in #zoom-out #theme #keys,
 *   #progress #progress-words #progress-stop,
 *   #copy-link #copy-command #download-KIND-TYPE, #axis-log #axis-linear #show-bound #pin
 */
import { refreshAnswer, showScope } from './answer.js';
import { followFit, followSwatches, showBar, showKey, startSwatches } from './bar.js';
import { refreshCard, startCard } from './card.js';
import { placer } from './colour.js';
import { comparedCaption, comparedScale, flip, followCompare, followNames, mode, startCompare } from './compare.js';
import { followControls, pageWords, refuseControls, startControls, tryFigures } from './controls.js';
import { cross, followReadout, letGo, refreshValue, startCrosshair } from './crosshair.js';
import { chart, showCursor, startChart } from './curve.js';
import { followDecay, refreshDecay, startDecay } from './decay.js';
import { takeHash } from './config.js';
import { once } from './fetch.js';
import { keep, startHistory } from './history.js';
import { axes, draw, forget, hooks, mapRefused, panes, picture, requestMap, startMap } from './map.js';
import { followMany, many, manyShown, offerMany, refreshMany, startMany } from './many.js';
import { followModels, modelName, modelTitle, models, refuseModel, startModels } from './models.js';
import { refreshPairs, startPairs } from './pairs.js';
import { followPlan, startPlan } from './plan.js';
import { grouped } from './numbers.js';
import { CELLS_WITH_VALUES } from './paint.js';
import { readAddress, shownWindow } from './query.js';
import { followProgress, startProgress } from './progress.js';
import { startShare } from './share.js';
import { fit } from './special.js';
import { domain, isOfPatches, movesDomain, on, replaceAll, state, takeTable } from './state.js';
import { say, showBadge, showCaption, showRefusal, startConnection, startTheme } from './status.js';
import { inFrame, whenQuiet } from './timing.js';
import { followSoon, followView, home, startZoom, zoomBy } from './zoom.js';

const FLAT = 0.15; /* of the colours */
const byId = (id) => document.getElementById(id);

const axesSoon = inFrame(axes);
const followSoonControls = inFrame(() => {
  followControls();
  followModels();
  followSwatches();
  followFit();
});

function optionsChanged({ changes, inputAt, live }) {
  forget();
  requestMap({ inputAt, live });
  followSoonControls();
  if (movesDomain(changes)) {
    followSoon();
    axesSoon();
    draw();
  }
  refreshDecay();
  refreshAnswer();
  refreshCard();
  followPlan();
  refreshPairs();
  if ('encoding' in changes) offerMany();
  refreshMany();
  tryFigures();
  keep();
}

function viewChanged({ inputAt, live }) {
  followView();
  draw();
  axesSoon();
  requestMap({ inputAt, live });
  refreshMany();
  keep();
}

function pageChanged({ changes }) {
  followDecay();
  followCompare();
  followReadout();
  showScope();
  axesSoon();
  if (!changes || 'many' in changes) followMany();
  showScale();
  keep();
}

const titled = (title) => [modelTitle(), title].filter(Boolean).join(': ');

/* Whose rule it is, and why a map has one colour. */
function caption() {
  const own = comparedCaption(lastHeader), { min, max, width } = lastHeader, place = placer(lastHeader);
  if (mode() !== 'off') {
    showCaption(own);
    return;
  }
  const title = titled(own.title), side = Math.round((shownWindow() ?? domain()).cols.count / width);
  const why = side > 1 ? `a cell pools ${grouped(side)} × ${grouped(side)} pairs; zoom in or ` : '';
  const isFlat = min !== null && width > CELLS_WITH_VALUES && place(max) - place(min) < FLAT;
  const hint = max > min ? `Nearly one colour: ${why}press “fit”` : 'One colour: all values are the same';
  const rest = (own.subtitle ?? '').split(', ').filter((part) => part !== modelName()).join(', '); /* the title has it */
  showCaption({ title, subtitle: rest, hint: isFlat ? hint : '' });
}

/* The bar belongs to what is seen: the map, a difference, many maps. */
function showScale() {
  const compared = comparedScale();
  if (lastHeader && !manyShown()) caption();
  if (manyShown()) {
    if (!many.scale) return;
    showBar(many.scale, many.label);
    showCaption(many.caption);
  } else if (compared) showBar(compared.scale, compared.label);
  else if (lastHeader) showBar(lastHeader, lastHeader.value_label);
  speakSoon();
}

/* What follows a picture, once it is on the screen: none of it may delay the next one. */
let lastHeader = null, lastRoundTrip = 0;
const afterPicture = whenQuiet(30, () => {
  showScale();
  showKey(manyShown() && many.scale ? many.scale : lastHeader);
  followNames();
  followReadout();
  showBadge(lastHeader, lastRoundTrip);
  if (!manyShown()) caption();
  refreshValue();
}, 120);

/* What is seen, for those who do not see it. */
const speakSoon = whenQuiet(120, () => {
  if (!lastHeader || mapRefused() || (manyShown() && !many.caption)) return;
  const { title, subtitle } = manyShown() ? many.caption : mode() === 'off' ? lastHeader : comparedCaption(lastHeader);
  const { min, max } = (manyShown() ? null : mode() === 'off' ? lastHeader : mode() === 'difference' ? comparedScale()?.scale : null) ?? { min: null };
  say([title, subtitle?.trim(), min === null ? '' : `Cells from ${min.toPrecision(3)} to ${max.toPrecision(3)}`].filter(Boolean).map((one) => `${one}.`).join(' '));
});

/* The difference of two positions is a distance of the curve, but not in the reading order of a grid. */
function startLinks() {
  let hovered = null; /* on the curve, where the pointer may be by when the map tells that it left */
  cross.onMove = (pair) => showCursor(pair && !isOfPatches() ? pair.i - pair.j : hovered);
  chart.onHover = (distance) => {
    hovered = distance;
    showCursor(distance);
    for (const pane of Object.values(panes)) if (pane.side) pane.distance(isOfPatches() ? null : distance);
  };
  hooks.painted.push((header, milliseconds, coarse) => {
    followProgress();
    if (coarse) {
      showBar(header, header.value_label);
      if (mode() === 'off' && !manyShown()) showCaption({ title: titled(header.title) });
      return;
    }
    [lastHeader, lastRoundTrip] = [header, milliseconds];
    if (!manyShown()) caption(); /* the picture's own, in its frame */
    afterPicture();
  });
  hooks.asked = followProgress;
  hooks.answered = () => {
    showRefusal(null);
    refuseControls(null);
    refuseModel(null);
  };
  hooks.refused = ({ message }) => {
    followProgress();
    followNames();
    const named = refuseModel(message) || refuseControls(message);
    showRefusal(named ? '' : pageWords(message));
    if (!named) say(message);
    else if (!lastHeader) showCaption({ title: 'No map: the control in red says why' });
  };
  hooks.barChanged = showScale;
  hooks.resized = () => {
    followView();
    refreshMany();
  };
  many.onChange = showScale;
  many.onRefused = followDecay;
  models.onGiven = () => {
    picture.forget();
    optionsChanged({ changes: { model: true } });
  };
  models.onLearned = () => {
    followSoonControls();
    followSoon();
    axesSoon();
    requestMap({});
  };
}

function startButtons() {
  byId('reset-all').addEventListener('click', () => {
    letGo();
    replaceAll({ options: {}, view: null, page: { pin: [] } });
  });
  byId('fit').addEventListener('click', fit);
  byId('flip').addEventListener('click', flip);
  byId('keys').addEventListener('click', () => byId('keys-dialog').showModal());
  byId('home').addEventListener('click', home);
  byId('zoom-in').addEventListener('click', () => zoomBy(2));
  byId('zoom-out').addEventListener('click', () => zoomBy(0.5));
  document.addEventListener('keydown', (event) => event.key === 'Escape' && letGo());
}

async function start() {
  startConnection();
  const json = await once('options.json', 'json');
  takeTable(json);
  await takeHash(location.hash);
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
  startPairs();
  startCard();
  startPlan();
  startShare();
  startProgress();
  startLinks();
  startButtons();
  on('options', optionsChanged);
  on('view', viewChanged);
  on('page', pageChanged);
  replaceAll(told);
  startTheme(() => {
    followDecay();
    draw();
    requestMap({});
    refreshMany();
  });
  startHistory();
}

start().catch((error) => {
  byId('banner').hidden = false;
  byId('banner-words').textContent = `The page could not start: ${error.message}`;
});
