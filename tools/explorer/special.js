/* special.js - controls of options that are more than a number or a word */
/* SPDX-License-Identifier: MIT */
import { Choice } from './choice.js';
import { layers } from './map.js';
import { parseNumber } from './numbers.js';
import { fitted } from './scale.js';
import { Slider, make, update } from './slider.js';
import { effective, setOptions, state } from './state.js';

/* The rotated part of a head: the slider is a fraction, the box the even dimension. */
export class Rotary extends Slider {
  constructor(common, scale) {
    super({ ...common, scale: { ...scale, low: 2 }, change: (text, event, live) => {
      common.change(text === effective('head-dim') ? null : text, event, live);
    } });
  }

  show(text, changed) {
    const head = parseNumber(effective('head-dim')), rotary = parseNumber(text);
    this.high = head > 2 ? head : 4;
    const share = rotary > 0 && rotary <= head ? `${Math.round((100 * rotary) / head)} %` : '';
    super.show(text, changed, share);
  }
}

/* A word that may be followed by a number: gauss:SEED, symlog:V. */
export class Worded extends Choice {
  constructor(options) {
    super({ ...options, change: (word, event) => options.change(word, event, false) });
    const pattern = [...(options.argument ?? '').matchAll(/([a-z0-9-]+)\[:([^\]]*)\]/g)];
    this.suffixes = new Map(pattern.map(([, word, suffix]) => [word, suffix]));
    this.tail = make('input', { type: 'text', id: `text-${options.name}`, autocomplete: 'off', className: 'tail' });
    this.tail.addEventListener('change', (event) => {
      const word = this.input.value, text = this.tail.value.trim();
      options.change(text ? `${word}:${text}` : word, event, false);
    });
    this.input.after(this.tail);
  }

  show(text, changed) {
    const [word, suffix = ''] = text.split(':'), name = this.suffixes.get(word);
    super.show(word, changed);
    const words = (name ?? '').toLowerCase();
    update(this.tail, { hidden: name === undefined, ariaLabel: words, placeholder: words });
    if (document.activeElement !== this.tail) update(this.tail, { value: suffix });
  }
}

/* Colour limits: the full range of the kind of values, or two numbers, which start as the map's are. */
export class Limits extends Choice {
  constructor(common) {
    super({ ...common, words: ['full range', 'fixed'], change: (word, event) => common.change(
      word === 'fixed' ? present() : null, event, false) });
    const box = (id, label) =>
      make('input', { type: 'text', id, inputMode: 'decimal', className: 'tail', 'aria-label': label });
    this.low = box('clim-low', 'lowest colour at');
    this.high = box('clim-high', 'highest colour at');
    for (const input of [this.low, this.high]) {
      input.addEventListener('change', (event) =>
        common.change(`${this.low.value.trim()}:${this.high.value.trim()}`, event, false));
    }
    this.input.after(this.low, this.high);
  }

  show(text, changed) {
    const given = state.options.clim;
    super.show(given === undefined ? 'full range' : 'fixed', changed);
    const [low = '', high = ''] = (given ?? '').split(':');
    for (const [box, value] of [[this.low, low], [this.high, high]]) {
      update(box, { hidden: given === undefined });
      if (document.activeElement !== box) update(box, { value });
    }
  }
}

const present = () => fitted(state.options, layers.main?.header ?? { min: null, low: 0, high: 1 });

/* The button beneath the bar: the limits of the map that is seen, from now on; or the full range again. */
export function fit() {
  setOptions({ clim: state.options.clim ? null : present(), percentile: null });
}
