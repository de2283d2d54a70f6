/* fetch.js - requests: one in flight a channel, the latest wins, a lost server is waited for */
/* SPDX-License-Identifier: MIT */

const PATIENCE = 120; /* ms: a stale answer that is nearer than this is worth its picture */
const REST = 2;        /* times what an answer took: so long a channel that gives way leaves the server to others */
const SHARE_EVERY = 500; /* ms between looks at how far a search is */
const RETRY_FIRST = 500, RETRY_MOST = 8000;
/* A server that is busy, or one that restarted with another token: its page in another tab brings that. */
const BUSY = 503, STRANGE = 403;
const OTHER_TOKEN = 'The server restarted with a new token. Open the address it printed, or paste it here; your settings are kept.';

const tab = Math.random().toString(36).slice(2, 10);
const channels = new Set();
export const connection = { lost: false, stranger: false, sentence: '', onChange: () => {} };
let retryDelay = RETRY_FIRST;

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/* The answer to one request, its body read; throws Refused with the server's sentence. */
async function answer(url, kind, signal) {
  const sent = performance.now();
  const response = await fetch(url, { signal, cache: 'no-store' });
  if (!response.ok) {
    const refused = new Refused(response.status, (await response.text()).trim());
    refused.retryAfter = Number(response.headers.get('Retry-After')) || 1;
    throw refused;
  }
  const body = await response[kind]();
  return { url, body, header: mapHeader(response), milliseconds: performance.now() - sent };
}

/* The document that `ropemap map --json` prints, its figure and size unfolded. */
function mapHeader(response) {
  const text = response.headers.get('Ropemap-Map');
  if (!text) return null;
  const { figure, size, seconds, ...map } = JSON.parse(text);
  const cached = response.headers.get('Ropemap-Cached') === '1';
  return { ...map, ...size, ...figure, seconds: seconds.total, cached };
}

export class Channel {
  constructor(name) {
    this.view = `${name}-${tab}`;
    this.current = null;
    this.next = null;
    this.restsUntil = 0;
    channels.add(this);
  }

  /* While a hand moves the map comes first: what else follows it leaves two thirds of the time. */
  get rests() {
    return performance.now() < this.restsUntil;
  }

  /* job: { url, kind: 'json' | 'text' | 'arrayBuffer', good(answer), bad(refused) } */
  ask(job) {
    if (!this.current && !connection.lost) {
      this.start(job);
      return;
    }
    this.next = job;
    if (!this.current) return;
    if (performance.now() - this.current.since > PATIENCE) this.current.abort.abort();
    else this.current.limit ??= setTimeout(() => this.next && this.current?.abort.abort(), PATIENCE);
  }

  /* Drops what is asked for, here and at the server. */
  cancel() {
    this.next = null;
    this.current?.abort.abort();
  }

  async start(job) {
    const run = { abort: new AbortController(), since: performance.now(), limit: null };
    this.current = run;
    const joint = job.url.includes('?') ? '&' : '?';
    let end;
    try {
      const got = await answer(`${job.url}${joint}view=${this.view}`, job.kind, run.abort.signal);
      found();
      this.restsUntil = performance.now() + REST * got.milliseconds;
      end = () => job.good(got);
    } catch (error) {
      end = this.failed(job, error);
    }
    clearTimeout(run.limit);
    this.current = null;
    if (this.next && !connection.lost) this.proceed();
    end?.();
  }

  failed(job, error) {
    if (error.name === 'AbortError' || error.status === 409) return null;
    if (error instanceof Refused && error.status !== BUSY && error.status !== STRANGE) {
      found();
      return this.next ? null : () => job.bad?.(error);
    }
    this.next ??= job;
    lose(error);
    return null;
  }

  proceed() {
    const job = this.next;
    this.next = null;
    if (job && !this.current) this.start(job);
  }
}

function found() {
  retryDelay = RETRY_FIRST;
  if (!connection.lost) return;
  connection.lost = false;
  connection.onChange();
  channels.forEach((channel) => channel.proceed());
}

function lose(error) {
  if (connection.lost) return;
  connection.lost = true;
  tell(error.status, error.message);
  retry(error.status === BUSY ? error.retryAfter * 1000 : retryDelay);
}

function tell(status, message) {
  connection.stranger = status === STRANGE;
  connection.sentence = status === BUSY ? message : connection.stranger ? OTHER_TOKEN : '';
}

function retry(delay) {
  connection.again = delay;
  connection.onChange();
  setTimeout(async () => {
    try {
      const response = await fetch('favicon.svg', { cache: 'no-store' });
      if (response.status < 500 && response.status !== STRANGE) {
        found();
        return;
      }
      tell(response.status, '');
    } catch {
      /* still away */
    }
    retryDelay = Math.min(retryDelay * 2, RETRY_MOST);
    retry(retryDelay);
  }, delay);
}

/* A request outside of any channel: what the page needs once. */
export async function once(url, kind) {
  return (await answer(url, kind)).body;
}

export async function postModel(text) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch('model', { method: 'POST', headers, body: text });
  if (!response.ok) throw new Refused(response.status, (await response.text()).trim());
  return response.json();
}

/* The cells of a map in a NumPy file of format 1.0, '<f4', C order: { cells: Float32Array [height * width], height, width }. */
export function parseNpy(buffer) {
  const bytes = new DataView(buffer);
  if (bytes.getUint32(0) !== 0x934e554d || bytes.getUint16(4) !== 0x5059) throw new Error('not a .npy file');
  const length = bytes.getUint16(8, true);
  const header = new TextDecoder('latin1').decode(new Uint8Array(buffer, 10, length));
  const shape = /'shape':\s*\((\d+),\s*(\d+)\)/.exec(header);
  if (!shape || !header.includes("'<f4'")) throw new Error('not a map of float32');
  const start = 10 + length;
  return { cells: new Float32Array(buffer.slice(start)), height: Number(shape[1]), width: Number(shape[2]) };
}

/* How far the server is with what a channel asked for, 0 to 1; null where it does not say. */
export async function shareOf({ view }) {
  try {
    return (await (await fetch(`progress.json?view=${view}`, { cache: 'no-store' })).json()).share;
  } catch {
    return null; /* the banner tells of a lost server */
  }
}

/* Calls say(" 42 %") with it now and then, for as long as isOver() says no. */
export async function followShare(channel, isOver, say) {
  while (!isOver()) {
    const share = await shareOf(channel);
    if (isOver()) return;
    if (share !== null) say(`\u00a0${Math.floor(100 * share)}\u00a0%`);
    await new Promise((done) => { setTimeout(done, SHARE_EVERY); });
  }
}
