/* config.js - the text of a dropped config.json: it travels in the address, behind the #, which no server sees */
/* SPDX-License-Identifier: MIT */
import { postModel } from './fetch.js';
import { state, table } from './state.js';

const through = async (bytes, stream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

async function pack(text) {
  const bytes = await through(new TextEncoder().encode(text), new CompressionStream('deflate-raw'));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.replace(/-/g, '+').replace(/_/g, '/')), (sign) => sign.charCodeAt(0));
  return new TextDecoder().decode(await through(bytes, new DecompressionStream('deflate-raw')));
}

/* Gives a text to the server; its model, which the page knows from then on. */
export async function takeConfig(text, name) {
  const model = await postModel(text);
  const known = { ...model, name, text, packed: await pack(text) };
  table.models.set(model.id, known);
  return known;
}

/* "#config=NAME~TEXT" of the models in use; '' where there is none. */
export function configHash() {
  const ids = [state.options.model, new URLSearchParams(state.page.a ?? '').get('model')].filter(Boolean);
  const parts = [...new Set(ids)].map((id) => table.models.get(id)).filter((model) => model?.packed)
    .map(({ name, packed }) => `config=${encodeURIComponent(name)}~${packed}`);
  return parts.length ? `#${parts.join('&')}` : '';
}

/* Those that an address brings are the server's again before anything is asked of them. */
export async function takeHash(hash) {
  for (const part of hash.slice(1).split('&').filter((one) => one.startsWith('config='))) {
    const [name, packed] = part.slice('config='.length).split('~');
    try {
      await takeConfig(await unpack(packed), decodeURIComponent(name));
    } catch {
      /* the map's refusal says what is missing */
    }
  }
}

/* After a restart: true where the server has the model again. */
export async function giveAgain(id) {
  const { text, name, given = 0 } = table.models.get(id) ?? {};
  if (!text || performance.now() - given < 2000) return false;
  Object.assign(await takeConfig(text, name), { given: performance.now() });
  return true;
}
