/* picture.js - one map on its way: a coarse picture where the full one takes long, then that one; the latest wins */
/* SPDX-License-Identifier: MIT */
import { imageOf } from './colour.js';
import { Channel, parseNpy } from './fetch.js';
import { CELLS_WITH_VALUES } from './paint.js';
import { rangeText } from './numbers.js';
import { mapQuery, url } from './query.js';
import { colours } from './scale.js';
import { domain, effective, isOfPatches, rangeEnd, unframed } from './state.js';
import { whenQuiet } from './timing.js';

const COARSE_SIDE = 128, SAMPLES = 256; /* cells a side of a coarse picture, and positions that they pool */
const FAST = 0.05;                      /* s of the server: below, the full picture comes first */
const REST = 160;                       /* ms without a move until the full picture is asked for */
/* What decides the work of a map, besides its size. */
const WORK = ['content', 'pool', 'measure', 'encoding', 'phase', 'diff', 'method', 'kernel', 'dtype', 'causal', 'window',
  'attention-chunk', 'sink-tokens', 'axes', 'grid'];
const CLOSED = ['mean', 'rms', 'std'];

export const isCells = ({ rows, cols }) => Math.max(rows.count, cols.count) <= CELLS_WITH_VALUES;

export const viewOf = ({ rows, cols }) => ({
  x0: cols.first, x1: rangeEnd(cols), y0: rows.first, y1: rangeEnd(rows),
});

/* ---- what a picture costs, learnt from those before it ---------------------------------------------------- */

const costs = new Map(); /* kind of work -> Map from the size, in powers of two, to seconds */

function workOf(window, options) {
  const kind = WORK.map((name) => effective(name, options)).join();
  const closed = effective('content', options) === 'ones' && CLOSED.includes(effective('pool', options));
  const positions = Math.max(window.rows.count, window.cols.count);
  return { kind, size: closed ? 0 : Math.ceil(Math.log2(positions)) };
}

/* One that took longer may have waited for other work: it counts as twice what was known at most. */
function learnCost({ kind, size }, seconds) {
  if (!costs.has(kind)) costs.set(kind, new Map());
  const known = costs.get(kind);
  known.set(size, Math.min(seconds, 2 * (known.get(size) ?? Infinity)));
}

/* Seconds; as many times four as the nearest size that is known is doubled. Unknown ones may take long. */
function costOf({ kind, size }) {
  const known = [...costs.get(kind) ?? []];
  if (!known.length) return Infinity;
  const [near, seconds] = known.sort((a, b) => Math.abs(a[0] - size) - Math.abs(b[0] - size))[0];
  return seconds * 4 ** (size - near);
}

/* ---- requests --------------------------------------------------------------------------------------------- */

/* What a picture of a window is asked with: { url, kind }. Few cells come as numbers, for their values are shown. */
function mapRequest(window, size, options) {
  const cells = isCells(window ?? domain(options));
  const query = unframed(mapQuery(window, { size: String(size) }, options));
  if (!cells) query.bare = '1';
  return { url: url(cells ? '/map.npy' : '/map.png', query), kind: 'arrayBuffer', cells };
}

function thin(range, most) {
  const stride = Math.ceil(range.count / most);
  return { first: range.first, count: Math.ceil(range.count / stride), step: range.step * stride };
}

/* Chunks and patches have places of their own, which steps would miss. */
const mayBeSampled = (options) => effective('encoding', options) !== 'dual-chunk' && !isOfPatches(options);

/* Fewer positions of the window, evenly spaced; null where there are few already. A part of a map of attention needs
   all keys for its sums, so of that only rows are sampled. */
function coarseWindow({ rows, cols }, whole, options) {
  if (Math.max(rows.count, cols.count) <= 4 * SAMPLES || !mayBeSampled(options)) return null;
  const keys = effective('measure', options) === 'softmax' && !whole ? cols : thin(cols, SAMPLES);
  return { rows: thin(rows, SAMPLES), cols: keys };
}

/* Of the whole of an attention map, one over the sampled keys alone, which have each the share of those left out. */
function coarseOptions(range, few, options) {
  const { norm, clim } = { norm: effective('norm', options), ...colours(options), ...options };
  if (effective('measure', options) !== 'softmax' || few.cols.count === range.cols.count) return options;
  const own = { ...options, positions: rangeText(few.cols) }, times = range.cols.count / few.cols.count;
  if (effective('pool', options) !== 'mass' && clim && norm === 'log') {
    own.clim = clim.split(':').map((value) => Number((value * times).toPrecision(6))).join(':');
  }
  return own;
}

/* The layer of an answer. */
async function layerOf({ body, header }, cells, view) {
  if (!cells) return { bitmap: await createImageBitmap(new Blob([body]), { colorSpaceConversion: 'none' }), header, view };
  const values = parseNpy(body);
  const image = imageOf(values.cells, values.width, values.height, header);
  return { bitmap: await createImageBitmap(image), header, view, values };
}

/* ---- the picture ------------------------------------------------------------------------------------------ */

/* show(layer, wanted, answer): a layer came, the last of its request where !layer.coarse. refuse(refused, wanted). */
export class Picture {
  constructor(name, { show, refuse }) {
    Object.assign(this, { show, refuse, wanted: null, turn: 0, shown: 0, whole: 0 });
    this.full = new Channel(name);
    this.coarse = new Channel(`${name}-coarse`);
    this.atRest = whenQuiet(REST, () => this.wanted?.state === 'sampled' && this.askFull(this.wanted));
  }

  /* window: null for the whole map; live: a hand still moves. */
  ask({ options, window, size, live = false, inputAt = performance.now() }) {
    const asked = mapRequest(window, size, options), { wanted } = this;
    if (wanted?.url === asked.url && wanted.state !== 'bad') {
      if (!live && wanted.state === 'sampled') this.askFull(wanted);
      return;
    }
    const range = window ?? domain(options);
    this.wanted = { ...asked, size, inputAt, live, window, range, options: { ...options }, number: ++this.turn, state: 'asked', first: false };
    this.work = workOf(range, options);
    const few = costOf(this.work) > FAST && !asked.cells ? coarseWindow(range, !window, options) : null;
    if (!few) {
      this.coarse.cancel();
      this.askFull(this.wanted);
      return;
    }
    this.full.cancel();
    this.askCoarse(this.wanted, few, live);
  }

  askCoarse(mine, few, live) {
    this.coarse.ask({
      ...mapRequest(few, COARSE_SIDE, coarseOptions(mine.range, few, mine.options)),
      good: (answer) => {
        if (mine === this.wanted) {
          mine.state = 'sampled';
          if (live) this.atRest();
          else this.askFull(mine);
        }
        this.arrive(mine, answer, viewOf(few), true);
      },
      bad: () => mine === this.wanted && this.askFull(mine), /* what is wrong is said once */
    });
  }

  askFull(mine) {
    const work = this.work;
    Object.assign(mine, { state: 'asked', since: performance.now() });
    this.full.ask({
      ...mine,
      good: (answer) => {
        if (answer.header) learnCost(work, answer.header.seconds);
        this.arrive(mine, answer, viewOf(mine.range), false);
      },
      bad: (refused) => this.fail(mine, refused),
    });
  }

  async arrive(mine, answer, view, coarse) {
    const layer = await layerOf(answer, coarse ? false : mine.cells, view);
    if (mine.number < this.shown || coarse && mine.number === this.whole) {
      layer.bitmap.close();
      return;
    }
    this.shown = mine.number;
    mine.first = true;
    if (!coarse) [this.whole, mine.state] = [mine.number, 'shown'];
    this.show(Object.assign(layer, { coarse, home: !mine.window }), mine, answer);
  }

  fail(mine, refused) {
    mine.state = 'bad';
    this.refuse(refused, mine);
  }

  /* Gives the full picture up; the coarse one stays. */
  stop() {
    if (this.wanted?.state === 'asked') learnCost(this.work, Math.max((performance.now() - this.wanted.since) / 1000, FAST * 2));
    this.full.cancel();
    this.coarse.cancel();
    if (this.wanted) this.wanted.state = 'given up';
  }

  /* Forgets what was asked, so that the same is asked again. */
  forget() {
    this.wanted = null;
  }
}
