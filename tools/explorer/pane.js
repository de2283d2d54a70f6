/* pane.js - a square for a map: its canvas, its axes, and the lines above it */
/* SPDX-License-Identifier: MIT */
import { IN_K_FROM, binarySpacing, grouped, isBinary, positionText } from './numbers.js';
import { domain, isOfPatches, rangeEnd, shownView, trainedLength } from './state.js';

const TICKS_MOST = 12;
const LABEL = 90;         /* pixels that "trained length" takes at most */
const CELL_LEAST = 16;    /* pixels: a cell this wide has its tick in its middle */

function spacingFor(span, most, binary) {
  if (binary) return Math.max(binarySpacing(span, most), 1);
  const least = Math.max(span / most, 1), power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((lead) => lead * power >= least * (1 - 1e-9));
}

/* Positions `spacing` apart that get a tick from `from` to `to`. */
function tickPositions(from, to, spacing, centred) {
  const ticks = [];
  const first = centred ? from - 0.7 : from, last = centred ? to - 0.3 : to;
  for (let position = Math.ceil(first / spacing - 1e-9) * spacing + 0; position <= last + 1e-9; position += spacing) {
    ticks.push(position);
  }
  return ticks;
}

/* Far ones in k, which alone have room; a part that is shorter in round decimal numbers. */
const inPowers = (range, from, to) => to - from >= IN_K_FROM || from === range.first && to === rangeEnd(range) && isBinary(range);

/* Draws both axes of a pane, unless they have what they show: most maps have the view of the one before. */
function drawAxes(pane, step, { x0, x1, y0, y1 }) {
  const { left, bottom, side } = pane, { rows, cols } = domain();
  const sides = [
    { group: left, axis: d3.axisLeft, from: y0, to: y1, room: 38, binary: inPowers(rows, y0, y1) },
    { group: bottom, axis: d3.axisBottom, from: x0, to: x1, room: 72, binary: inPowers(cols, x0, x1) },
  ];
  const key = [side, step, ...sides.flatMap(({ from, to, binary }) => [from, to, binary])].join();
  if (key === pane.axesKey) return;
  pane.axesKey = key;
  for (const { group, axis, from, to, room, binary } of sides) {
    const cell = (side * step) / (to - from), centred = cell >= CELL_LEAST;
    const scale = d3.scaleLinear([from, to], [0, side]);
    const inSight = (position) => (Math.max(position, from) + Math.min(position + step, to)) / 2;
    const middle = (position) => scale(inSight(position));
    const place = centred ? Object.assign(middle, scale, { copy: () => middle }) : scale;
    const most = Math.min(Math.max(2, Math.floor(side / room)), TICKS_MOST);
    const spacing = spacingFor(to - from, most, binary), ticks = tickPositions(from, to, spacing, centred);
    const text = !binary || spacing < 1024 || to < IN_K_FROM ? grouped : positionText;
    group.call(axis(place).tickValues(ticks).tickFormat(text).tickSize(5).tickSizeOuter(0).tickPadding(4));
  }
}

export class Pane {
  constructor(element, onResize) {
    this.element = element;
    this.canvas = element.querySelector('canvas');
    this.context = this.canvas.getContext('2d', { alpha: true });
    this.svg = d3.select(element).select('svg.axes');
    this.left = this.svg.append('g').attr('class', 'axis axis-rows');
    this.bottom = this.svg.append('g').attr('class', 'axis axis-cols');
    this.titles = [0, 1].map(() => this.svg.append('text').attr('class', 'axis-title').attr('text-anchor', 'middle'));
    this.lines = {};
    for (const name of ['trained-row', 'trained-col', 'cross-row', 'cross-col', 'distance-up', 'distance-down']) {
      const group = this.svg.append('g').attr('class', `line ${name}`).style('display', 'none');
      group.append('line').attr('class', 'halo');
      group.append('line').attr('class', 'core');
      this.lines[name] = group;
    }
    this.label = this.svg.append('text').attr('class', 'trained-label').style('display', 'none');
    this.side = 0;
    const seen = new ResizeObserver(() => this.resize(onResize));
    seen.observe(this.canvas);
    seen.observe(element, { box: 'border-box' }); /* a name above the canvas moves it within the pane */
  }

  resize(onResize) {
    const { width: side } = this.canvas.getBoundingClientRect(), { x, y } = this;
    if (side < 8) return;
    const pixels = Math.round(side * devicePixelRatio), same = side === this.side && pixels === this.canvas.width;
    this.side = side;
    this.place();
    if (same && x === this.x && y === this.y) return;
    if (!same) this.canvas.width = this.canvas.height = pixels;
    onResize(this);
  }

  /* Where the canvas is in its pane, which a name above it moves. */
  place() {
    const { side } = this;
    this.x = this.canvas.offsetLeft;
    this.y = this.canvas.offsetTop;
    this.left.attr('transform', `translate(${this.x},${this.y})`);
    this.bottom.attr('transform', `translate(${this.x},${this.y + side})`);
    this.titles[0].attr('transform', `translate(${this.element.clientLeft + 11},${this.y + side / 2}) rotate(-90)`);
    this.titles[1].attr('transform', `translate(${this.x + side / 2},${this.y + side + 36})`);
  }

  get pixels() {
    return this.canvas.width;
  }

  /* trained: the length that the model of what is shown here was trained at, or null, and what its line is called. */
  axes({ length, label } = { length: trainedLength(), label: 'trained length' }) {
    if (!this.side) return;
    const view = shownView();
    drawAxes(this, domain().cols.step, view);
    ['query', 'key'].forEach((of, index) => this.titles[index].text(isOfPatches() ? `${of} patch` : `${of} position (tokens)`));
    const inCols = length > view.x0 && length < view.x1;
    this.line('trained-col', inCols, length, view.y0, length, view.y1);
    this.line('trained-row', length > view.y0 && length < view.y1, view.x0, length, view.x1, length);
    this.label.style('display', inCols ? null : 'none').text(label);
    const at = this.placeX(length), isLeft = at - this.x < LABEL; /* no room on that side of the line */
    if (inCols) this.label.attr('x', at + (isLeft ? 5 : -5)).attr('y', this.y + 14).attr('text-anchor', isLeft ? 'start' : 'end');
  }

  placeX(position) {
    const view = shownView();
    return this.x + ((position - view.x0) / (view.x1 - view.x0)) * this.side;
  }

  placeY(position) {
    const view = shownView();
    return this.y + ((position - view.y0) / (view.y1 - view.y0)) * this.side;
  }

  /* A line from one pair of positions (column, row) to another, cut at the square. */
  line(name, shown, x1, y1, x2, y2) {
    const group = this.lines[name];
    group.style('display', shown ? null : 'none');
    if (!shown) return;
    const ends = { x1: this.placeX(x1), y1: this.placeY(y1), x2: this.placeX(x2), y2: this.placeY(y2) };
    for (const [end, at] of Object.entries(ends)) group.selectAll('line').attr(end, at);
  }

  /* The crosshair at the middle of a pair; null takes it away. */
  cross(pair) {
    const view = shownView(), half = domain().cols.step / 2;
    const seen = pair !== null && pair.i + half > view.y0 && pair.i + half < view.y1 &&
      pair.j + half > view.x0 && pair.j + half < view.x1;
    this.line('cross-row', seen, view.x0, pair?.i + half, view.x1, pair?.i + half);
    this.line('cross-col', seen, pair?.j + half, view.y0, pair?.j + half, view.y1);
  }

  /* The two diagonals of a distance; null takes them away. */
  distance(distance) {
    const view = shownView();
    for (const [name, offset] of [['distance-down', distance], ['distance-up', -distance]]) {
      const from = Math.max(view.x0, view.y0 - offset), to = Math.min(view.x1, view.y1 - offset);
      this.line(name, distance !== null && from < to, from, from + offset, to, to + offset);
    }
  }
}
