/* card.js - the decay card: bases against what they reach, models as points, the present base to be dragged */
/* SPDX-License-Identifier: MIT */
import { answer } from './answer.js';
import { Channel } from './fetch.js';
import { mapPending } from './map.js';
import { grouped, plainText, positionText, powerText, raised } from './numbers.js';
import { explainQuery, ofLength, url } from './query.js';
import { numberOf, setOptions, table } from './state.js';
import { inFrame, whenQuiet } from './timing.js';

const MARGIN = { left: 2.6, right: 0.9, top: 1.4, bottom: 2.1 }; /* rem */
const LENGTHS = '1k-64k', STEP = 1.1, NEAR = 12; /* pixels around a model's point */
const byId = (id) => document.getElementById(id);
const channel = new Channel('card'), lengths = new Channel('card-least');
let card = null, least = [], key = '', leastKey = '', leastWanted = '', now = null, width = 0, height = 0, x = null, y = null, dragged = false, named = null;

/* Models of one base and one length are one point. */
const models = () => [...d3.group(table.presets.filter(({ trained_length: trained }) => trained),
  ({ base, trained_length: trained }) => `${base} ${trained}`).values()]
  .map((group) => ({ base: group[0].base, length: group[0].trained_length, names: group.map(({ name }) => name),
    dims: d3.sort(new Set(group.map(({ head_dim: dim }) => dim))) }));

export function startCard() {
  const element = byId('card');
  new ResizeObserver(() => draw()).observe(element);
  element.addEventListener('pointerdown', (event) => {
    dragged = true;
    element.setPointerCapture(event.pointerId);
    drag(event, true);
  });
  element.addEventListener('pointermove', (event) => (dragged ? drag(event, true) : hover(event)));
  element.addEventListener('pointerup', (event) => {
    if (dragged) drag(event, false);
    dragged = false;
  });
  element.addEventListener('pointercancel', () => { dragged = false; });
  element.addEventListener('pointerleave', () => note(null));
  element.addEventListener('keydown', (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 24, PageDown: -24 }[event.key];
    if (!way) return;
    event.preventDefault();
    take(numberOf('base') * STEP ** way, event, false);
  });
  answer.onFound = (row) => {
    now = row;
    follow();
  };
}

/* Three digits are what a hand can set. */
function take(base, event, live) {
  const near = Math.min(Math.max(base, 2), 1e10);
  setOptions({ base: plainText(Number(near.toPrecision(3))) }, { inputAt: event.timeStamp, live });
  follow();
}

const isOnCard = (base) => !x || base >= x.domain()[0] && base <= x.domain()[1];

const leastOnCard = () => least.filter(({ base }) => isOnCard(base));

const place = (event) => {
  const box = byId('card').getBoundingClientRect(), rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return [event.clientX - box.left - rem * MARGIN.left, event.clientY - box.top - rem * MARGIN.top];
};

function drag(event, live) {
  named = null;
  if (x) take(x.invert(Math.min(Math.max(place(event)[0], 0), width)), event, live);
}

function hover(event) {
  if (!x) return;
  const [left, top] = place(event), away = (model) => Math.hypot(x(model.base) - left, y(model.length) - top);
  const nearest = d3.least(models().filter(({ base }) => isOnCard(base)), away);
  note(nearest && away(nearest) < NEAR ? nearest : null);
}

/* What the pointer is at stays named while the card is drawn anew. */
function note(model = named) {
  named = model;
  const base = numberOf('base'), { names = [], dims } = model ?? {}, more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  byId('card-note').textContent = model
    ? `${names.slice(0, 3).join(', ')}${more}: base ${grouped(model.base)}, ${positionText(model.length)} tokens, d = ${dims.join(', ')}`
    : !(base > 1) || isOnCard(base) ? 'Drag to set the base.' : `Base ${powerText(base)} is beyond the card: drag to bring it back.`;
}

/* A search that was asked for comes before the card's own. */
export const yieldLeast = () => lengths.cancel();

/* A rule that depends on the length has that of the map, for all lines and points. */
function queryOfCard() {
  const { length, ...query } = explainQuery();
  return ofLength() ? { ...query, length } : query;
}

/* The card is of everything but the base, where that counts. */
export const refreshCard = whenQuiet(150, () => {
  if (document.body.dataset.baseless) return;
  follow();
  const { base, ...query } = queryOfCard();
  const address = url('/card.json', query);
  if (address !== key) {
    key = address;
    if (card) byId('card-box').dataset.state = 'former';
    least = [];
    leastKey = leastWanted = '';
    channel.ask({
      url: address, kind: 'json', bad: () => { key = ''; },
      good: ({ body }) => {
        card = body.card;
        byId('card-box').dataset.state = 'own';
        draw();
      },
    });
  }
  askLeast();
}, 600);

/* The least base of each length takes seconds: once nothing else is under way. */
const askLeast = whenQuiet(1500, () => {
  const { base, ...query } = queryOfCard();
  const address = url('/bound.json', { ...query, table: LENGTHS });
  leastWanted = address;
  if (mapPending()) askLeast();
  else if (address !== leastKey) {
    lengths.ask({
      url: address, kind: 'json', bad: () => {},
      good: ({ body }) => {
        if (address !== leastWanted) return; /* of a rule before */
        leastKey = address;
        least = body.table.filter(({ base: own, base_is_edge: edge }) => own !== null && !edge);
        draw();
      },
    });
  }
});

const layer = (kind, name, data) => d3.select('#card g.plot').selectAll(`${kind}.${name}`).data(data).join(kind).attr('class', name);

const draw = inFrame(() => {
  const svg = d3.select('#card'), element = svg.node(), rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  width = element.clientWidth - rem * (MARGIN.left + MARGIN.right);
  height = element.clientHeight - rem * (MARGIN.top + MARGIN.bottom);
  if (!card || width < 40 || height < 40) return;
  x = d3.scaleLog([card.base[0], card.base.at(-1)], [0, width]);
  y = d3.scaleLog([8, 16777216], [height, 0]).clamp(true);
  const plot = svg.selectAll('g.plot').data([0]).join('g').attr('class', 'plot')
    .attr('transform', `translate(${rem * MARGIN.left},${rem * MARGIN.top})`);
  axes(plot, rem);
  for (const name of ['card-zero', 'card-half']) layer('path', name, [0]);
  const inside = models().filter(({ base }) => isOnCard(base));
  layer('circle', 'card-model', inside).attr('r', 2.25).attr('cx', (model) => x(model.base)).attr('cy', (model) => y(model.length));
  const shown = leastOnCard();
  layer('circle', 'card-least', shown).attr('r', 3).attr('cx', (one) => x(one.base)).attr('cy', (one) => y(one.length));
  names(card);
  document.querySelector('.card-key .card-least').style.visibility = shown.length ? '' : 'hidden';
  follow();
});

/* Lines through the card's bases, and through what is marked between them. */
function lines(base, fresh) {
  const path = d3.line().defined(([, value]) => value !== null).x(([at]) => x(at)).y(([, value]) => y(value));
  const through = (name, more) => path(d3.sort([...card.base.map((at, index) => [at, card[name][index]]), ...more], ([at]) => at));
  const now = (value) => (value === undefined ? [] : [[base, value]]);
  d3.select('#card .card-half').attr('d', through('half', now(fresh[0])));
  d3.select('#card .card-zero').attr('d', through('first_negative', [...leastOnCard().map((one) => [one.base, one.length]), ...now(fresh[1])]));
}

/* What a line is stands at its end. */
function names({ base, first_negative: zero, half }) {
  const ends = [[half, 'below ½'], [zero, 'below 0']].map(([values, words]) => {
    const last = base.findLastIndex((one, at) => isOnCard(one) && values[at] !== null);
    return { words, seen: last >= 0, x: x(base[last] ?? 1), y: y(values[last] ?? 1) - 5 };
  });
  ends[1].y = Math.min(ends[1].y, ends[0].seen ? ends[0].y - 12 : height);
  layer('text', 'card-name', ends.filter(({ seen }) => seen))
    .attr('x', (one) => one.x).attr('y', (one) => one.y).text(({ words }) => words);
}

function axes(plot, rem) {
  const titles = [['base', width / 2, height + 1.9 * rem, 'middle'], ['tokens', -MARGIN.left * rem, -0.65 * rem, 'start']];
  plot.selectAll('text.axis-title').data(titles).join('text').attr('class', 'axis-title')
    .attr('x', ([, at]) => at).attr('y', ([, , at]) => at).attr('text-anchor', ([, , , anchor]) => anchor).text(([words]) => words);
  const power = (value) => raised(Math.log10(value));
  plot.selectAll('g.x-axis').data([0]).join('g').attr('class', 'axis x-axis').attr('transform', `translate(0,${height})`)
    .call(d3.axisBottom(x).tickValues(d3.range(2, 9, width < 20 * rem ? 2 : 1).map((at) => 10 ** at)).tickFormat(power).tickSize(3).tickSizeOuter(0));
  plot.selectAll('g.y-axis').data([0]).join('g').attr('class', 'axis y-axis')
    .call(d3.axisLeft(y).tickValues([64, 4096, 262144, 16777216].filter((_, at) => height > 5 * rem || at % 2)).tickFormat(positionText)
      .tickSize(-width).tickSizeOuter(0).tickPadding(5));
}

/* The lines, the one to drag, and what the present base reaches: all that a moved base changes. */
const follow = inFrame(() => {
  if (!x || !card) return;
  const base = numberOf('base'), at = isOnCard(base) ? [base] : [];
  if (!dragged) note();
  layer('line', 'card-now', at).attr('x1', x).attr('x2', x).attr('y2', height);
  const fresh = at.length && now && Math.abs(now.base / base - 1) < 1e-9 ? [now.half, now.first_negative] : [];
  lines(base, fresh);
  layer('circle', 'card-at', fresh.filter((value) => value !== null)).attr('r', 4)
    .attr('cx', () => x(base)).attr('cy', (value) => y(value));
  if (fresh.length) document.querySelector('.card-key .card-at').style.visibility = fresh.every((value) => value === null) ? 'hidden' : '';
  d3.selectAll('#card text.card-name').raise();
  const element = byId('card');
  element.setAttribute('aria-valuenow', String(Math.log10(base)));
  element.setAttribute('aria-valuetext', `base ${grouped(base)}`);
});
