/* pairs.js - the wavelength of each rotated pair as a bar: held still by a click, scaled by a drag; map and curve follow */
/* SPDX-License-Identifier: MIT */
import { Channel } from './fetch.js';
import { grouped, parseNumber, plainText, raised } from './numbers.js';
import { ruleQuery, url } from './query.js';
import { update } from './slider.js';
import { effective, extent, setOptions, trainedLength } from './state.js';
import { whenQuiet } from './timing.js';

const STILL = 1e30, LEAST = 0.2; /* what a divisor may be: a pair with the largest does not rotate */
const HIGH = 150, LEFT = 58, CLICK = 4, LETTERS = 13; /* CSS pixels */
const HINT = 'Click a bar to hold its pair still, drag it to scale. Pale: turns less than once over all positions.';
const byId = (id) => document.getElementById(id);

const channel = new Channel('pairs');
const isWide = () => matchMedia('(min-width: 108rem)').matches;
let rule = null, shown = '', chosen = null, scale = null, drag = null, origin;

export function startPairs() {
  const svg = byId('pair-bars');
  byId('pairs').addEventListener('toggle', opened);
  svg.addEventListener('pointerdown', pressed);
  svg.addEventListener('pointermove', moved);
  svg.addEventListener('pointerup', released);
  svg.addEventListener('keydown', keyed);
  byId('pair-divisor').addEventListener('change', ({ target }) => give(chosen, parseNumber(target.value, 1000)));
  byId('pair-still').addEventListener('click', () => toggle(chosen));
  byId('pair-restore').addEventListener('click', () => setOptions({ scaling: origin ?? null }));
  new ResizeObserver(draw).observe(svg);
  if (isWide()) byId('pairs').open = true;
}

function opened({ target }) {
  refreshPairs();
  if (target.open && !isWide()) target.scrollIntoView({ block: 'nearest' });
}

/* Once the hand rests: while it moves, frames are the map's and the curve's. */
export const refreshPairs = whenQuiet(250, () => {
  const address = url('/info.json', ruleQuery());
  if (!byId('pairs').open || address === shown) return;
  channel.ask({
    url: address, kind: 'json', bad: () => {},
    good: ({ body }) => {
      shown = address;
      rule = body.axes.length || !body.wavelengths?.length ? null : body;
      byId('pairs').dataset.edited = String(isEdited());
      update(byId('pair-hint'), { textContent: rule ? HINT : 'No bars: the pairs follow several axes. “ropemap info” lists the wavelength of each.' });
      byId('pair-bars').toggleAttribute('hidden', !rule);
      draw();
    },
  });
});

const isEdited = () => effective('scaling').startsWith('ggml:divisors=');
const isStill = (pair) => rule.divisors[pair] >= STILL / 10;

/* The wavelength that a pair has without its divisor. */
const unscaled = (pair) => rule.wavelengths[pair] / rule.divisors[pair];

function draw() {
  const svg = d3.select('#pair-bars'), wide = svg.node().clientWidth - LEFT;
  byId('pair-controls').hidden = !rule || chosen === null;
  if (!rule || wide < 50) {
    svg.selectAll('*').remove();
    return;
  }
  const count = rule.wavelengths.length, length = extent();
  if (chosen !== null) chosen = Math.min(chosen, count - 1);
  const longest = d3.max(d3.range(count).map((pair) => (isStill(pair) ? unscaled(pair) : rule.wavelengths[pair])));
  const y = d3.scaleLog([1, Math.max(longest, length) * 2], [HIGH, 16]), step = wide / count;
  scale = { y, step, count };
  const bars = svg.selectAll('rect').data(d3.range(count));
  bars.exit().remove();
  const top = (pair) => y(isStill(pair) ? unscaled(pair) : rule.wavelengths[pair]);
  const entering = bars.enter().append('rect');
  entering.append('title');
  const every = entering.merge(bars);
  every.select('title').text((pair) => `Pair ${pair}: ${turns(pair)}`);
  every
    .attr('x', (pair) => LEFT + pair * step + step * 0.1).attr('width', step * 0.8)
    .attr('y', top).attr('height', (pair) => HIGH - top(pair))
    .attr('class', (pair) => `${isStill(pair) ? 'still' : rule.wavelengths[pair] > length ? 'long' : 'short'}${pair === chosen ? ' chosen' : ''}`);
  const trained = trainedLength(), lines = [[length, 'all positions'], ...(trained && trained !== length ? [[trained, 'trained']] : [])];
  const marks = svg.selectAll('g.level').data(lines, ([, name]) => name);
  marks.exit().remove();
  const entered = marks.enter().append('g').attr('class', 'level');
  entered.append('line');
  entered.append('text');
  const all = entered.merge(marks).attr('transform', ([at]) => `translate(0,${y(at)})`);
  all.select('line').attr('x1', LEFT).attr('x2', LEFT + wide);
  const apart = Math.abs(y(length) - y(trained ?? length)), isLow = ([at]) => at === d3.min(lines, ([one]) => one) && lines.length > 1;
  all.select('text').attr('x', LEFT + 4).attr('y', (line) => (apart < LETTERS && isLow(line) ? LETTERS - 2 : -3)).text(([at, name]) => `${name}: ${grouped(at)}`);
  axes(svg, y, wide, count, step);
  follow();
}

function axes(svg, y, wide, count, step) {
  const powers = d3.range(0, Math.log10(y.domain()[1]), 2).map((power) => 10 ** power);
  const group = (name) => {
    const found = svg.select(`g.${name}`);
    return found.empty() ? svg.append('g').attr('class', `axis ${name}`) : found;
  };
  group('waves').attr('transform', `translate(${LEFT},0)`).call(d3.axisLeft(y).tickValues(powers)
    .tickFormat((value) => (value < 1e4 ? grouped(value) : raised(Math.round(Math.log10(value))))).tickSize(4).tickSizeOuter(0));
  const every = Math.max(1, Math.ceil(count / 8)), x = d3.scaleLinear([0, count], [LEFT, LEFT + wide]);
  group('numbers').attr('transform', `translate(${step / 2},${HIGH})`).call(d3.axisBottom(x)
    .tickValues(d3.range(0, count, every)).tickFormat(d3.format('d')).tickSize(4).tickSizeOuter(0));
  const titles = [['wavelength (tokens)', `translate(11,${HIGH / 2 + 8}) rotate(-90)`],
    ['pair of dimensions, from the fastest', `translate(${LEFT + wide / 2},${HIGH + 36})`]];
  svg.selectAll('text.axis-title').data(titles).join('text').attr('class', 'axis-title').attr('text-anchor', 'middle')
    .attr('transform', ([, at]) => at).text(([words]) => words);
}

const turns = (pair) => (isStill(pair) ? 'does not rotate' : `turns once in ${grouped(Number(rule.wavelengths[pair].toPrecision(4)))} tokens`);

/* The words and boxes of the pair that is chosen. */
function follow() {
  byId('pair-bars').setAttribute('aria-label', 'Wavelength of each pair. Arrows choose a pair, space holds it still, up and down scale it');
  if (chosen === null) return;
  byId('pair-words').textContent = `Pair ${chosen}: ${turns(chosen)}`;
  byId('pair-divisor').value = isStill(chosen) ? '' : plainText(Number(rule.divisors[chosen].toPrecision(4)));
  byId('pair-still').textContent = isStill(chosen) ? 'Release' : 'Hold still';
  byId('pair-restore').hidden = !isEdited();
}

/* Another divisor for a pair: the rule becomes a list of them, with the same attention factor. */
function give(pair, divisor, live = false) {
  if (!rule || !(divisor > 0)) return;
  if (!isEdited()) origin = effective('scaling') === 'none' ? null : effective('scaling');
  const own = rule.divisors.map((one, at) => (at === pair ? Math.min(Math.max(divisor, LEAST), STILL) : one));
  rule.wavelengths[pair] = unscaled(pair) * own[pair];
  rule.divisors = own;
  const list = own.map((one) => plainText(Number(one.toPrecision(6)))).join('/');
  const factor = rule.attention_factor === 1 ? '' : `,attn=${Number(rule.attention_factor.toPrecision(9))}`;
  const none = own.every((one) => one === 1) && !factor;
  setOptions({ scaling: none ? null : `ggml:divisors=${list}${factor}` }, { live });
  draw();
}

const toggle = (pair) => give(pair, isStill(pair) ? 1 : STILL);

function pairAt(event) {
  const { left, top } = byId('pair-bars').getBoundingClientRect();
  const pair = Math.floor((event.clientX - left - LEFT) / scale.step);
  return { pair: pair >= 0 && pair < scale.count ? pair : null, y: event.clientY - top };
}

function pressed(event) {
  if (!rule || !scale) return;
  const { pair, y } = pairAt(event);
  if (pair === null) return;
  chosen = pair;
  drag = { pair, y, from: isStill(pair) ? 1 : rule.divisors[pair], moves: false };
  byId('pair-bars').setPointerCapture(event.pointerId);
  draw();
}

function moved(event) {
  if (!drag) return;
  const { y } = pairAt(event);
  drag.moves ||= Math.abs(y - drag.y) > CLICK;
  if (drag.moves) give(drag.pair, drag.from * (scale.y.invert(y) / scale.y.invert(drag.y)), true);
}

function released() {
  if (drag && !drag.moves) toggle(drag.pair);
  if (drag && !isWide()) byId('pair-controls').scrollIntoView({ block: 'nearest' });
  drag = null;
}

function keyed(event) {
  if (!rule) return;
  chosen ??= 0;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key], times = { ArrowUp: 1.25, ArrowDown: 0.8 }[event.key];
  if (way) chosen = Math.min(Math.max(chosen + way, 0), scale.count - 1);
  else if (times) give(chosen, (isStill(chosen) ? 1 : rule.divisors[chosen]) * times);
  else if (event.key === ' ') toggle(chosen);
  else return;
  event.preventDefault();
  draw();
}
