/* slider.js - a slider with its number box and its reset, all of one option or parameter */
/* SPDX-License-Identifier: MIT */
import { grouped, parseNumber, plainText, roundBinary, tokensText } from './numbers.js';

/* Steps per decade of a key press, and of what a hand can set. */
const ZERO_PLACE = 0.004;
const DECADE = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/* Sets what is another than it was: to a browser all that is set has changed, and takes part of a frame. */
export function update(element, properties) {
  for (const [name, value] of Object.entries(properties)) if (element[name] !== value) element[name] = value;
}

/* A number box and slider that agree. scale: { low, high, scale, step, unit } from the option table;
 * change(text, event, live) is called with what the command line takes. */
export class Slider {
  constructor({ name, label, help, scale, change, reset, resetLabel, plain = false, zero = false }) {
    this.zero = zero; /* the lowest place of a log scale is 0 */
    this.plain = plain; /* no 128k: a rule's parameters are numbers only */
    this.scale = scale;
    this.thousand = scale.step === 0 ? 1000 : 1024;
    this.log = scale.scale === 'log';
    this.binary = scale.step === 1 && scale.unit === 'tokens' || scale.step === 2;
    this.label = label;
    this.range = make('input', { type: 'range', id: `slider-${name}`, min: 0, max: 1, step: 'any' });
    this.box = make('input', {
      type: 'text', id: `number-${name}`, inputMode: 'decimal', autocomplete: 'off', spellcheck: false,
      'aria-label': `${label}, number`, 'aria-describedby': `error-${name}`,
    });
    this.button = make('button', { type: 'button', id: `reset-${name}`, className: 'reset', title: resetLabel });
    this.button.setAttribute('aria-label', resetLabel ?? `Reset ${label}`);
    this.error = make('p', { id: `error-${name}`, className: 'error', hidden: true, role: 'alert' });
    this.range.setAttribute('aria-describedby', `help-${name} error-${name}`);
    this.extra = make('span', { className: 'extra' });
    this.element = make('div', { className: 'control slider', 'data-option': name },
      make('div', { className: 'control-head' },
        make('label', { htmlFor: this.range.id, title: help, textContent: label }), this.extra, this.button, this.box),
      this.range, make('p', { id: `help-${name}`, className: 'visually-hidden', textContent: help }), this.error);
    this.range.addEventListener('input', (event) => this.moved(event, change, true));
    this.range.addEventListener('change', (event) => this.moved(event, change, false));
    this.range.addEventListener('keydown', (event) => this.keyed(event, change));
    this.box.addEventListener('change', (event) => {
      if (this.box.value.trim() === '') reset(event);
      else change(this.typed(), event, false);
    });
    this.button.addEventListener('click', (event) => reset(event));
  }

  get limits() {
    return { low: this.scale.low, high: this.high ?? this.scale.high };
  }

  /* Place on the slider, 0 to 1, and back. */
  placeOf(value) {
    const { low, high } = this.limits;
    const place = this.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.min(Math.max(Number.isFinite(place) ? place : 0, 0), 1);
  }

  valueAt(place) {
    const { low, high } = this.limits;
    if (this.zero && this.log && place < ZERO_PLACE) return 0;
    return this.rounded(this.log ? low * (high / low) ** place : low + place * (high - low), 6);
  }

  rounded(value, bits) {
    const { low, high } = this.limits;
    let near = value;
    if (this.scale.step === 2) near = 2 * Math.round((this.log ? roundBinary(value, bits) : value) / 2);
    else if (this.binary) near = this.log ? roundBinary(value, bits) : this.grain(value);
    else if (this.log) near = Number(value.toPrecision(value / 10 ** Math.floor(Math.log10(value)) < 2 ? 3 : 2));
    else near = this.grain(value);
    return Math.min(Math.max(near, low), high);
  }

  /* A linear scale in five hundred steps of a round size. */
  grain(value) {
    const { low, high } = this.limits;
    const long = high - low;
    let unit = this.binary ? 2 ** Math.ceil(Math.log2(long / 512)) : 10 ** Math.floor(Math.log10(long / 100));
    if (this.scale.step) unit = Math.max(unit, this.scale.step);
    return Number((Math.round(value / unit) * unit).toPrecision(12));
  }

  text(value) {
    return this.scale.unit === 'tokens' && !this.plain ? tokensText(value) : plainText(value);
  }

  typed() {
    const text = this.box.value.trim();
    const value = this.plain ? parseNumber(text, this.thousand) : NaN;
    if (!Number.isNaN(value)) return plainText(value);
    return /^[\d,.]+$/.test(text) ? text.replace(/,/g, '') : text;
  }

  moved(event, change, live) {
    if (this.atKey) return;
    change(this.text(this.valueAt(Number(this.range.value))), event, live);
  }

  keyed(event, change) {
    const directions = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 8, PageDown: -8 };
    const { low, high } = this.limits;
    const value = this.valueAt(Number(this.range.value));
    let next;
    if (event.key === 'Home') next = this.zero ? 0 : low;
    else if (event.key === 'End') next = high;
    else if (directions[event.key]) next = this.stepped(this.value ?? value, directions[event.key]);
    else return;
    event.preventDefault();
    this.range.value = this.placeOf(next);
    change(this.text(next), event, event.repeat);
  }

  /* The next round value; a large step is an octave or a decade of a log scale, a tenth of a linear one. */
  stepped(value, direction) {
    const { low, high } = this.limits, up = direction > 0, large = Math.abs(direction) > 1;
    let next;
    if (this.zero && this.log && (up ? value < low : value <= low)) return up ? low : 0;
    if (!this.log) {
      const unit = this.scale.step || 10 ** Math.floor(Math.log10((high - low) / 50));
      const far = large ? Math.max(unit, this.grain((high - low) / 10)) : unit;
      next = Number((up ? value + far : value - far).toPrecision(12));
    } else if (this.binary) {
      const unit = 2 ** Math.max(Math.floor(Math.log2(up ? value : value - 1)) - 2, this.scale.step === 2 ? 1 : 0);
      if (large) next = this.rounded(up ? value * 2 : value / 2, 6);
      else next = up ? (Math.floor(value / unit) + 1) * unit : (Math.ceil(value / unit) - 1) * unit;
    } else if (large) next = value * (up ? 10 : 0.1);
    else next = nextRound(value, up);
    return Math.min(Math.max(next, low), high);
  }

  /* Shows the text in effect; changed: it is not the default. */
  show(text, changed, note = '') {
    const told = [text, changed, note, this.limits.high, this.bad].join();
    if (told === this.told) return; /* most sliders do not change when one does */
    this.told = told;
    const value = parseNumber(text, this.thousand);
    this.value = Number.isNaN(value) ? null : value;
    if (document.activeElement !== this.box || !this.bad) this.box.value = this.value === null ? text : grouped(value);
    this.box.style.width = `${Math.max(this.box.value.length, 3) + 1.2}ch`;
    if (this.value !== null) {
      const place = this.placeOf(value);
      if (Math.abs(place - this.range.value) > 1e-4 && this.placeOf(this.valueAt(Number(this.range.value))) !== place) {
        this.range.value = place;
      }
      this.range.style.setProperty('--place', place);
    }
    const unit = this.scale.unit ? ` ${this.scale.unit}` : '';
    this.range.setAttribute('aria-valuetext', `${this.box.value}${unit}${note ? `, ${note}` : ''}`);
    this.extra.textContent = note;
    this.element.dataset.changed = changed ? 'true' : 'false';
    this.button.tabIndex = changed ? 0 : -1;
    this.button.disabled = !changed;
  }

  refuse(sentence) {
    if (!sentence && !this.bad) return; /* at each picture, of each slider */
    if (this.bad && !sentence && this.value !== null) this.box.value = grouped(this.value);
    this.bad = Boolean(sentence);
    this.error.hidden = !sentence;
    this.error.textContent = sentence ?? '';
    this.box.setAttribute('aria-invalid', String(this.bad));
    this.range.setAttribute('aria-invalid', String(this.bad));
  }
}

function nextRound(value, up) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9), slack = 1e-9;
  const near = [...DECADE.map((lead) => lead * power), 10 * power, 0.8 * power];
  const ahead = near.filter((one) => (up ? one > value * (1 + slack) : one < value * (1 - slack)));
  return Number((up ? Math.min(...ahead) : Math.max(...ahead)).toPrecision(12));
}
