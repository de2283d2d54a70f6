/* curve.js - the chart of similarity against distance, linked to the map */
/* SPDX-License-Identifier: MIT */
import { IN_K_FROM, binarySpacing, grouped, isBinary, positionText, valueText } from './numbers.js';
import { inFrame } from './timing.js';

/* In rem, as the text is. */
const MARGIN = { left: 2.9, right: 1.2, top: 1.1, bottom: 2.8 };
const BUCKETS = 1000, MARK_ROOM = 4.6, LETTER = 0.5, END_HIGH = 0.85; /* rem: of the names at the ends of lines */
const BAND = 0.4, BAND_FALLS = 0.75; /* the strength of a band, and how it falls with their number, as in files */
const LOW = -0.4; /* of a share of what is at distance 0: an axis that stays while a setting changes */

/* What is drawn: curves [{ id, label, points, colour, dash, main }], marks [{ at, label, kind }], bound points or null.
 * share: values are shares of the one at distance 0. along: the axis of patches that distances
 * are along, 'each' where curves have their own, or null. */
const shown = { curves: [], share: true, bound: null, marks: [], count: 2, log: true, along: null, low: 0, high: 1 };
export const chart = { onHover: () => {}, description: '' };
let parts = null, rem = 16, box = null, width = 0, height = 0, x = null, y = null, axesKey = '', cursorAt = null;

/* points: { from, to, mean, low, high } arrays of equal length; from and to are the distances of a bucket.
 * exact: the values of single distances from `first` on, where they are known; at(distance): of a formula, any. */
export function pointsOf({ values, buckets }, first, log) {
  if (!values && !buckets) return { from: [], to: [], mean: [], low: null, high: null };
  if (values && values.length > BUCKETS) return { ...gathered(values, first, log), exact: values, first };
  if (values) {
    const from = values.map((_, index) => first + index);
    return { from, to: from, mean: values, low: null, high: null };
  }
  return { from: buckets.distance, to: buckets.last, mean: buckets.mean, low: buckets.low, high: buckets.high };
}

/* As the server does it with more: a pixel holds many distances, and shows their mean and their range; distance 0,
   where a line begins, is alone. */
function gathered(values, first, log) {
  const points = { from: [], to: [], mean: [], low: [], high: [] }, { length } = values;
  const edge = (k) => (log ? Math.floor(length ** (k / BUCKETS)) : Math.floor((k * length) / BUCKETS));
  for (let k = 0, start = 0; k <= BUCKETS; k++) {
    const end = k === 0 ? 1 : k === BUCKETS ? length : edge(k);
    if (end <= start) continue;
    const part = values.slice(start, end);
    points.from.push(first + start);
    points.to.push(first + end - 1);
    points.mean.push(d3.mean(part) ?? null);
    points.low.push(d3.min(part) ?? null);
    points.high.push(d3.max(part) ?? null);
    start = end;
  }
  return points;
}

export function startChart() {
  const svg = d3.select('#curve'), plot = svg.append('g');
  const group = (name) => plot.append('g').attr('class', name);
  parts = { svg, plot, xAxis: group('axis x-axis'), yAxis: group('axis y-axis') };
  parts.title = plot.append('text').attr('class', 'axis-title').attr('text-anchor', 'middle');
  parts.zero = plot.append('line').attr('class', 'zero');
  parts.lines = group('lines').attr('clip-path', 'url(#curve-clip)');
  parts.bound = parts.lines.append('path').attr('class', 'bound');
  parts.marks = group('marks'); /* dots are on the lines */
  parts.cursor = group('cursor').style('display', 'none');
  parts.cursor.append('line');
  parts.cursor.append('circle').attr('r', 4);
  const element = svg.node();
  new ResizeObserver(([entry]) => {
    rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    box = entry.contentRect;
    plot.attr('transform', `translate(${rem * MARGIN.left},${rem * MARGIN.top})`);
    redraw();
  }).observe(element);
  element.addEventListener('pointermove', (event) => hover(event));
  element.addEventListener('pointerleave', () => chart.onHover(null));
  element.addEventListener('keydown', (event) => keyed(event));
}

function hover(event) {
  const place = event.clientX - parts.svg.node().getBoundingClientRect().left - rem * MARGIN.left;
  if (!x || place < -4 || place > width + 4) chart.onHover(null);
  else chart.onHover(clampDistance(Math.round(x.invert(place))));
}

const short = (value) => (value === null || Math.abs(value) < 1e-3 ? valueText(value) : value.toFixed(3).replace('-', '\u2212'));

const clampDistance = (distance) => Math.min(Math.max(distance, shown.log ? 1 : 0), shown.count - 1);

function keyed(event) {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.key === 'Escape') chart.onHover(null);
  if (!way || !x) return;
  event.preventDefault();
  const from = cursorAt ?? (shown.log ? 1 : 0);
  const next = Math.round(x.invert(x(Math.max(from, shown.log ? 1 : 0)) + way * (width / 100)));
  chart.onHover(clampDistance(next === from ? from + way : next));
}

export const shownCurves = () => shown.curves;

export function showCurves(changes) {
  Object.assign(shown, changes);
  redraw();
}

const redraw = inFrame(() => {
  if (!parts || !box) return;
  width = box.width - rem * (MARGIN.left + Math.max(MARGIN.right, ...shown.curves.map(({ tag }) => (tag ? tag.length * LETTER + 0.6 : 0))));
  height = box.height - rem * (MARGIN.top + MARGIN.bottom);
  if (width < 20 || height < 20) return;
  if (shown.curves.some(({ points }) => points.mean.length)) {
    scales();
    axes();
  } else if (!x || shown.curves.length) return;
  drawLines();
  drawMarks();
  drawEnds();
  showCursor(cursorAt);
});

/* What a line is stands at its end, no two on top of each other. */
function drawEnds() {
  const ends = shown.curves.filter(({ tag, points }) => tag && points.mean.length).map(({ id, tag, colour, points }) => {
    const out = points.mean.findIndex((mean) => mean !== null && mean < y.domain()[0]); /* it leaves at the bottom */
    const last = out < 0 ? points.to.at(-1) : points.to[out], end = out < 0 ? y(points.mean.at(-1)) : height;
    return { id, tag, colour, x: Math.min(x(Math.max(last, shown.log ? 1 : 0)), width), y: end };
  });
  ends.sort((a, b) => a.y - b.y);
  const high = END_HIGH * rem, most = height - 0.3 * rem;
  ends.forEach((end, at) => { end.y = Math.max(end.y, at ? ends[at - 1].y + high : 0); });
  for (let at = ends.length - 1, limit = most; at >= 0; at--, limit -= high) ends[at].y = Math.min(ends[at].y, limit);
  parts.plot.selectAll('text.end').data(ends, ({ id }) => id).join('text').attr('class', 'end').style('fill', ({ colour }) => `color-mix(in oklab, ${colour} 40%, var(--ink))`)
    .attr('x', (end) => end.x + 5).attr('y', (end) => end.y).attr('dy', '0.34em').text(({ tag }) => tag);
}

function scales() {
  let low = 0, high = 0;
  for (const { points } of shown.curves) { /* past what float16 holds there are none */
    low = Math.min(low, d3.min(points.low ?? points.mean));
    high = Math.max(high, d3.max(points.high ?? points.mean));
  }
  if (shown.share) { /* scores of ALiBi fall without end: the others decide */
    const others = shown.curves.filter(({ points }) => d3.min(points.low ?? points.mean) >= -1);
    if (others.length) low = Math.max(low, -1);
    [low, high] = [low < LOW ? Math.min(low, -1) : LOW, Math.max(high, 1)];
  }
  const last = shown.count - 1, ends = [0, width];
  x = shown.log ? d3.scaleLog([1, Math.max(last, 2)], ends) : d3.scaleLinear([0, Math.max(last, 1)], ends);
  y = d3.scaleLinear([low, high], [height, 0]);
  if (!shown.share) y.nice(4);
  d3.select('#curve-clip rect').attr('width', width).attr('height', height + 8).attr('y', -4);
}

/* Far out distances are in powers of two, as where their count is made of such; else in round decimal numbers. */
const isInK = () => shown.count >= IN_K_FROM;
const isInPowers = () => isInK() || shown.count >= 1024 && isBinary({ first: 0, count: shown.count });

/* On a log axis always powers of two, as lengths are. */
function distanceTicks() {
  const last = shown.count - 1;
  if (!shown.log) return isInPowers() ? d3.range(0, last + 1, binarySpacing(last, 5)) : d3.ticks(0, last, 5).filter(Number.isInteger);
  const every = Math.ceil(Math.log2(last + 1) / Math.max(2, width / (3.6 * rem)));
  const end = Math.floor(Math.log2(last + 1) + 1e-9);
  return d3.range(end, -1, -every).map((power) => 2 ** power).filter((at) => x(at) <= width + 1);
}

/* Most curves have the scales of the one before. */
function axes() {
  const key = [x.domain(), y.domain(), shown.log, shown.along, width, height].join();
  if (key === axesKey) return;
  axesKey = key;
  const bottom = d3.axisBottom(x).tickValues(distanceTicks()).tickFormat(isInK() ? positionText : grouped).tickSize(4).tickSizeOuter(0);
  parts.xAxis.attr('transform', `translate(0,${height})`).call(bottom);
  const format = (value) => d3.format('~g')(value).replace('-', '\u2212');
  const left = d3.axisLeft(y).ticks(Math.min(height / (2.6 * rem), 7)).tickFormat(format);
  const what = shown.along === 'each' ? 'distance (tokens, or patches' : shown.along ? `distance along ${shown.along} (patches` : 'distance (tokens';
  parts.title.text(`${what}${isInK() ? ', 1k = 1,024' : ''})`).attr('x', width / 2).attr('y', height + 2.4 * rem);
  parts.yAxis.call(left.tickSize(-width).tickSizeOuter(0).tickPadding(6));
  parts.zero.attr('x2', width).attr('y1', y(0)).attr('y2', y(0));
}

function drawLines() {
  const path = d3.line().defined(({ mean }) => mean !== null).x(({ at }) => at).y(({ mean }) => tenth(y(mean)));
  const band = d3.area().defined(({ low }) => low !== null).x(({ at }) => at).y0(({ low }) => tenth(y(low))).y1(({ high }) => tenth(y(high)));
  const items = parts.lines.selectAll('path.curve').data(shown.curves, ({ id }) => id);
  items.exit().remove();
  items.enter().append('path').attr('class', 'curve').merge(items)
    .classed('main', ({ main }) => Boolean(main)).style('stroke', ({ colour }) => colour ?? null)
    .attr('stroke-dasharray', ({ dash }) => dash || null).attr('d', ({ points }) => path(columns(points)));
  parts.lines.select('path.curve.main').raise();
  const banded = shown.curves.filter(({ id, points }) => points.low && id !== 'ghost'), strength = BAND / Math.max(banded.length, 1) ** BAND_FALLS;
  parts.lines.selectAll('path.band').data(banded, ({ id }) => id).join((entering) => entering.insert('path', 'path.curve').attr('class', 'band'))
    .style('fill', ({ colour }) => colour ?? null).style('fill-opacity', strength).attr('d', ({ points }) => band(columns(points)));
  parts.bound.attr('d', shown.bound ? path(columns(shown.bound)) : null);
}

const tenth = (pixels) => Math.round(10 * pixels) / 10;

/* What is drawn of points, from the first that has a place on the axis: a log axis has none for distance 0. Buckets
   that share a pixel are one, since a browser takes its time for each corner of a line, but for the one it starts at. */
function columns({ from, to, mean, low, high }) {
  const start = shown.log ? 1 : 0, made = [];
  for (let index = Math.max(0, to.findIndex((last) => last >= start)); index < mean.length; index++) {
    const at = tenth(x(Math.max((from[index] + to[index]) / 2, start))), last = made[made.length - 1];
    const own = { at, mean: mean[index], low: low?.[index], high: high?.[index], buckets: 1 };
    if (!low || made.length < 2 || at - last.at >= 1 || own.mean === null || last.mean === null) made.push(own);
    else {
      last.mean += (own.mean - last.mean) / ++last.buckets;
      last.low = Math.min(last.low, own.low);
      last.high = Math.max(last.high, own.high);
    }
  }
  return made;
}

function drawMarks() {
  const visible = shown.marks.filter(({ at }) => at >= (shown.log ? 1 : 0) && at < shown.count);
  const items = parts.marks.selectAll('g').data(visible, ({ kind }) => kind);
  items.exit().remove();
  const entered = items.enter().append('g');
  entered.append('line');
  entered.append('circle');
  entered.append('text');
  const places = markPlaces(visible);
  const all = entered.merge(items).attr('class', ({ kind }) => `mark ${kind}`)
    .attr('transform', ({ at }) => `translate(${x(at)},0)`);
  all.select('line').attr('y2', height);
  all.select('circle').attr('r', ({ kind }) => (kind === 'trained' ? 0 : 3)).attr('cy', ({ at }) => y(lowestAt(at)));
  all.select('text').text(({ label }) => label).attr('y', ({ kind }) => -0.3 * rem + 1.1 * rem * places.get(kind).row)
    .attr('text-anchor', ({ kind }) => places.get(kind).anchor);
}

/* The value of a single distance: that of a bucket which falls to it is its lowest. */
function lowestAt(distance) {
  const { points } = shown.curves.find(({ main }) => main) ?? shown.curves[0], index = bucketOf(points, distance);
  return points.exact?.[distance - points.first] ?? points.low?.[index] ?? points.mean[index];
}

/* Labels that would touch stand to the left and the right of their lines, a third below: kind -> { row, anchor }. */
function markPlaces(marks) {
  const places = new Map(), ends = [];
  let last = null;
  for (const { kind, at } of d3.sort(marks, ({ at: place }) => place)) {
    const place = x(at), own = { place, row: 0, anchor: place > width * 0.8 ? 'end' : place < width * 0.2 ? 'start' : 'middle' };
    if (last?.row === 0 && !last.paired && place - last.place < MARK_ROOM * rem && last.place > MARK_ROOM * rem && place < width * 0.8) {
      last.anchor = 'end';
      Object.assign(own, { anchor: 'start', paired: true });
    } else {
      const free = ends.findIndex((end) => place - end > MARK_ROOM * rem);
      own.row = free < 0 ? ends.length : free;
    }
    ends[own.row] = place;
    places.set(kind, own);
    last = own;
  }
  return places;
}

/* Index of the bucket that holds a distance. */
function bucketOf({ from }, distance) {
  return Math.max(0, d3.bisectRight(from, distance) - 1);
}

/* The cursor at a distance; null takes it away. The text of what is there goes to #curve-value. */
export function showCursor(distance) {
  cursorAt = distance;
  const output = document.getElementById('curve-value');
  const size = distance === null ? null : Math.abs(distance), reaches = ({ points }) => points.to.at(-1) >= size;
  const main = shown.curves.find((curve) => curve.main) ?? shown.curves.find(reaches) ?? shown.curves[0];
  const outside = size === null || !main?.points.mean.length || !x || size >= shown.count;
  parts.cursor.style('display', outside || shown.log && size === 0 ? 'none' : null); /* a log axis has no place for 0 */
  if (outside) {
    output.textContent = chart.description;
    return;
  }
  const { points } = main, index = bucketOf(points, size), exact = points.exact?.[size - points.first];
  const place = x(Math.max(size, shown.log ? 1 : 0));
  parts.cursor.attr('transform', `translate(${place},0)`);
  parts.cursor.select('line').attr('y2', height);
  const [from, to] = exact === undefined ? [points.from[index], points.to[index]] : [size, size];
  parts.cursor.select('circle').attr('cy', y(exact ?? points.mean[index])).style('display', from === to ? null : 'none'); /* a dot is of one distance */
  const name = shown.curves.some((curve) => curve !== main && curve.id !== 'ghost') ? `${main.label} ` : '';
  const where = from === to ? grouped(from) : `${grouped(from)}–${grouped(to)}`;
  output.textContent = `distance ${where}: ${name}${valueAt(points, size)}${elsewhere(main, size)}`;
}

/* The value of a single distance where it is known, else the mean of its pixel. */
function valueAt(points, size) {
  const index = bucketOf(points, size), exact = points.at?.(size) ?? points.exact?.[size - points.first];
  if (exact !== undefined || points.from[index] === points.to[index]) return valueText(exact ?? points.mean[index]);
  return `mean ${short(points.mean[index])} (${short(points.low[index])} to ${short(points.high[index])})`;
}

/* What the other curves have there. */
function elsewhere(main, size) {
  const parts = shown.curves.filter((curve) => curve !== main && curve.id !== 'ghost' && curve.points.to.at(-1) >= size)
    .map(({ label, points }) => `${label} ${valueAt(points, size)}`);
  return parts.length ? `; ${parts.join('; ')}` : '';
}
