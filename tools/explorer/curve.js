/* curve.js - the chart of similarity against distance, linked to the map */
/* SPDX-License-Identifier: MIT */
import { grouped, positionText, valueText } from './numbers.js';
import { inFrame } from './timing.js';

const MARGIN = { left: 40, right: 12, top: 14, bottom: 24 };

/* What is drawn: curves [{ id, points, colour, main }], marks [{ at, label, kind }], bound points or null. */
const shown = { curves: [], bound: null, marks: [], count: 2, log: true, low: 0, high: 1 };
export const chart = { onHover: () => {}, description: '' };
let parts = null, width = 0, height = 0, x = null, y = null, cursorAt = null;

/* points: { from, to, mean, low, high } arrays of equal length; from and to are the distances of a bucket. */
export function pointsOf({ values, buckets }, first) {
  if (!values && !buckets) return { from: [], to: [], mean: [], low: null, high: null };
  if (values) {
    const from = values.map((_, index) => first + index);
    return { from, to: from, mean: values, low: null, high: null };
  }
  return { from: buckets.distance, to: buckets.last, mean: buckets.mean, low: buckets.low, high: buckets.high };
}

export function startChart() {
  const svg = d3.select('#curve'), plot = svg.append('g').attr('transform', `translate(${MARGIN.left},${MARGIN.top})`);
  svg.select('#curve-clip rect');
  const group = (name) => plot.append('g').attr('class', name);
  parts = { svg, plot, xAxis: group('axis x-axis'), yAxis: group('axis y-axis'), zero: plot.append('line').attr('class', 'zero') };
  parts.marks = group('marks');
  parts.lines = group('lines').attr('clip-path', 'url(#curve-clip)');
  parts.bound = parts.lines.append('path').attr('class', 'bound');
  parts.band = parts.lines.append('path').attr('class', 'band');
  parts.cursor = group('cursor').style('display', 'none');
  parts.cursor.append('line');
  parts.cursor.append('circle').attr('r', 4);
  const element = svg.node();
  new ResizeObserver(([entry]) => {
    [width, height] = [entry.contentRect.width - MARGIN.left - MARGIN.right, entry.contentRect.height - MARGIN.top - MARGIN.bottom];
    if (width > 20 && height > 20) redraw();
  }).observe(element);
  element.addEventListener('pointermove', (event) => hover(event));
  element.addEventListener('pointerleave', () => chart.onHover(null));
  element.addEventListener('keydown', (event) => keyed(event));
}

function hover(event) {
  const place = event.clientX - parts.svg.node().getBoundingClientRect().left - MARGIN.left;
  if (!x || place < -4 || place > width + 4) chart.onHover(null);
  else chart.onHover(clampDistance(Math.round(x.invert(place))));
}

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

export function showCurves(changes) {
  Object.assign(shown, changes);
  redraw();
}

const redraw = inFrame(() => {
  if (!parts || width < 20 || !shown.curves.some(({ points }) => points.mean.length)) return;
  scales();
  axes();
  drawLines();
  drawMarks();
  showCursor(cursorAt);
});

function scales() {
  let low = 0, high = 0;
  for (const { points } of shown.curves) {
    low = Math.min(low, d3.min(points.low ?? points.mean));
    high = Math.max(high, d3.max(points.high ?? points.mean));
  }
  x = shown.log ? d3.scaleLog([1, Math.max(shown.count - 1, 2)], [0, width]) : d3.scaleLinear([0, Math.max(shown.count - 1, 1)], [0, width]);
  y = d3.scaleLinear([low, high], [height, 0]).nice(4);
  d3.select('#curve-clip rect').attr('width', width).attr('height', height + 8).attr('y', -4);
}

/* Powers of two on a log axis, as lengths are; else round distances. */
function distanceTicks() {
  const last = shown.count - 1;
  if (!shown.log) {
    const step = last >= 8192 ? 2 ** Math.max(10, Math.ceil(Math.log2(last / 5))) : null;
    return step ? d3.range(0, last + 1, step) : d3.ticks(0, last, 5).filter(Number.isInteger);
  }
  const every = Math.ceil(Math.log2(last + 1) / Math.max(2, width / 60));
  return d3.range(0, Math.log2(last + 1) + 1e-9, every).map((power) => 2 ** power);
}

function axes() {
  const bottom = d3.axisBottom(x).tickValues(distanceTicks()).tickFormat(positionText).tickSize(4).tickSizeOuter(0);
  parts.xAxis.attr('transform', `translate(0,${height})`).call(bottom);
  const format = (value) => d3.format('~g')(value).replace('-', '\u2212');
  parts.yAxis.call(d3.axisLeft(y).ticks(height / 36).tickFormat(format).tickSize(-width).tickSizeOuter(0).tickPadding(6));
  parts.zero.attr('x2', width).attr('y1', y(0)).attr('y2', y(0));
}

function drawLines() {
  const start = shown.log ? 1 : 0;
  const at = ({ points }, index) => x(Math.max((points.from[index] + points.to[index]) / 2, start));
  const path = (curve) => {
    const usable = d3.range(points0(curve, start), curve.points.mean.length);
    return d3.line().x((index) => at(curve, index)).y((index) => y(curve.points.mean[index]))(usable);
  };
  const items = parts.lines.selectAll('path.curve').data(shown.curves, ({ id }) => id);
  items.exit().remove();
  items.enter().append('path').attr('class', 'curve').merge(items)
    .classed('main', ({ main }) => Boolean(main)).style('stroke', ({ colour }) => colour ?? null).attr('d', path);
  parts.lines.select('path.curve.main').raise();
  const main = shown.curves.find((curve) => curve.main);
  const band = d3.area().x((index) => at(main, index)).y0((index) => y(main.points.low[index])).y1((index) => y(main.points.high[index]));
  parts.band.attr('d', main?.points.low ? band(d3.range(points0(main, start), main.points.mean.length)) : null);
  parts.bound.attr('d', shown.bound ? path({ points: shown.bound }) : null);
}

/* A log axis has no place for distance 0. */
const points0 = ({ points }, start) => Math.max(0, points.from.findIndex((from, index) => points.to[index] >= start && from >= 0));

function drawMarks() {
  const visible = shown.marks.filter(({ at }) => at >= (shown.log ? 1 : 0) && at < shown.count);
  const items = parts.marks.selectAll('g').data(visible, ({ kind }) => kind);
  items.exit().remove();
  const entered = items.enter().append('g');
  entered.append('line');
  entered.append('text').attr('y', -4);
  const all = entered.merge(items).attr('class', ({ kind }) => `mark ${kind}`).attr('transform', ({ at }) => `translate(${x(at)},0)`);
  all.select('line').attr('y2', height);
  all.select('text').text(({ label }) => label)
    .attr('text-anchor', ({ at }) => (x(at) > width * 0.8 ? 'end' : x(at) < width * 0.2 ? 'start' : 'middle'));
}

/* Index of the bucket that holds a distance. */
function bucketOf({ from }, distance) {
  return Math.max(0, d3.bisectRight(from, distance) - 1);
}

/* The cursor at a distance; null takes it away. The text of what is there goes to #curve-value. */
export function showCursor(distance) {
  cursorAt = distance;
  const output = document.getElementById('curve-value');
  const main = shown.curves.find((curve) => curve.main), size = distance === null ? null : Math.abs(distance);
  const outside = size === null || !main?.points.mean.length || !x || size >= shown.count;
  parts.cursor.style('display', outside ? 'none' : null);
  if (outside) {
    output.textContent = chart.description;
    return;
  }
  const { points } = main, index = bucketOf(points, size), mean = points.mean[index];
  const place = x(Math.max(size, shown.log ? 1 : 0));
  parts.cursor.attr('transform', `translate(${place},0)`);
  parts.cursor.select('line').attr('y2', height);
  parts.cursor.select('circle').attr('cy', y(mean));
  const [from, to] = [points.from[index], points.to[index]];
  const which = from === to ? `at ${grouped(from)}` : `from ${grouped(from)} to ${grouped(to)}`;
  const spread = from === to ? '' : `, between ${valueText(points.low[index])} and ${valueText(points.high[index])}`;
  output.textContent = `${valueText(mean)} ${which}${spread}`;
}
