/* zoom.js - wheel, drag, pinch, double click and keys change the view; both panes share it */
/* SPDX-License-Identifier: MIT */
import { cross } from './crosshair.js';
import { panes } from './map.js';
import { domain, setView, shownView, state, wholeView } from './state.js';
import { inFrame, reducedMotion } from './timing.js';

const behaviours = new Map();

export function startZoom() {
  for (const pane of Object.values(panes)) {
    const zoom = d3.zoom().filter(() => !d3.event.button).on('zoom', () => moved(pane)).on('end', () => ended());
    if (reducedMotion()) zoom.duration(0);
    behaviours.set(pane, zoom);
    d3.select(pane.canvas).call(zoom);
    pane.canvas.addEventListener('keydown', (event) => keyed(event));
  }
}

/* Makes d3's transforms say what the view says; after a change of the positions, of the size, of the view. */
export function followView() {
  const whole = wholeView(), view = shownView(), { rows, cols } = domain();
  const k = (whole.x1 - whole.x0) / (view.x1 - view.x0);
  for (const [pane, zoom] of behaviours) {
    const { side } = pane;
    if (!side) continue;
    zoom.extent([[0, 0], [side, side]]).translateExtent([[0, 0], [side, side]]);
    zoom.scaleExtent([1, Math.max(1, Math.max(rows.count, cols.count))]);
    const x = (-(view.x0 - whole.x0) / (whole.x1 - whole.x0)) * side * k;
    const y = (-(view.y0 - whole.y0) / (whole.y1 - whole.y0)) * side * k;
    pane.canvas.__zoom = d3.zoomIdentity.translate(x, y).scale(k);
    /* At home one finger scrolls the page past the map. */
    pane.canvas.style.touchAction = state.view ? 'none' : 'pan-y';
  }
}

function viewOf(transform, side) {
  const whole = wholeView(), wide = whole.x1 - whole.x0, high = whole.y1 - whole.y0;
  const x0 = whole.x0 + (-transform.x / (side * transform.k)) * wide;
  const y0 = whole.y0 + (-transform.y / (side * transform.k)) * high;
  return { x0, x1: x0 + wide / transform.k, y0, y1: y0 + high / transform.k };
}

const isWhole = (transform) => transform.k < 1 + 1e-9;

function moved(pane) {
  const { transform, sourceEvent } = d3.event;
  const view = isWhole(transform) ? null : viewOf(transform, pane.side);
  setView(view, { live: true, inputAt: sourceEvent?.timeStamp ?? performance.now(), from: pane });
}

function ended() {
  setView(state.view, { live: false });
}

/* About the pair that is held, else about the middle. */
export function zoomBy(factor) {
  const { main } = panes, { pair, held } = cross, half = domain().cols.step / 2;
  const about = held && pair ? [main.placeX(pair.j + half) - main.x, main.placeY(pair.i + half) - main.y] : undefined;
  d3.select(main.canvas).call(behaviours.get(main).scaleBy, factor, about);
}

export function home() {
  setView(null);
  followView();
}

const STEPS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey && STEPS[event.key]) return;
  if (STEPS[event.key]) {
    const zoom = behaviours.get(panes.main), far = panes.main.side / 8 / panes.main.canvas.__zoom.k;
    d3.select(panes.main.canvas).call(zoom.translateBy, ...STEPS[event.key].map((step) => step * far));
  } else if (event.key === '+' || event.key === '=') zoomBy(1.5);
  else if (event.key === '-' || event.key === '_') zoomBy(1 / 1.5);
  else if (event.key === '0' || event.key === 'Home') home();
  else return;
  event.preventDefault();
}

export const followSoon = inFrame(followView);
