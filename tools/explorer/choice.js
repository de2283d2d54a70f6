/* choice.js - controls that are no sliders: a list, a check box, a line of text */
/* SPDX-License-Identifier: MIT */
import { make, update } from './slider.js';

/* All have the methods of a slider: show(text, changed), refuse(sentence), and an element. */
class Control {
  constructor({ name, label, help, reset, resetLabel }, className) {
    this.button = make('button', { type: 'button', id: `reset-${name}`, className: 'reset', title: resetLabel });
    this.button.setAttribute('aria-label', resetLabel ?? `Reset ${label}`);
    this.button.addEventListener('click', (event) => reset(event));
    this.error = make('p', { id: `error-${name}`, className: 'error', hidden: true, role: 'alert' });
    this.help = make('p', { id: `help-${name}`, className: 'visually-hidden', textContent: help });
    this.element = make('div', { className: `control ${className}`, 'data-option': name });
  }

  describe(input, name) {
    input.setAttribute('aria-describedby', `help-${name} error-${name}`);
    this.input = input;
  }

  mark(changed) {
    update(this.element.dataset, { changed: changed ? 'true' : 'false' });
    update(this.button, { disabled: !changed });
  }

  refuse(sentence) {
    if (!sentence && !this.bad) return; /* at each picture, of each control */
    this.bad = Boolean(sentence);
    this.error.hidden = !sentence;
    this.error.textContent = sentence ?? '';
    this.input.setAttribute('aria-invalid', String(this.bad));
  }
}

/* A list of words, with a line on the chosen one where `about` has it; `none` names the choice of nothing, where the option has no default. */
export class Choice extends Control {
  constructor(options) {
    super(options, 'choice');
    const { name, label, help, words, none, change, titles = {}, about = null } = options;
    const select = make('select', { id: `select-${name}` });
    if (none) select.append(new Option(none, ''));
    for (const word of words) select.append(make('option', { value: word, textContent: titles[word] ?? word }));
    this.describe(select, name);
    select.addEventListener('change', (event) => change(select.value || null, event, false));
    const caption = make('label', { htmlFor: select.id, title: help, textContent: label });
    this.element.append(make('div', { className: 'control-head' }, caption, this.button, select), this.help, this.error);
    this.abouts = about;
    if (about) this.element.append(this.about = make('p', { className: 'about' }));
  }

  show(text, changed) {
    update(this.input, { value: text });
    if (this.abouts) update(this.about, { textContent: this.abouts[text] ?? '' });
    this.mark(changed);
  }
}

export class Check extends Control {
  constructor(options) {
    super(options, 'check');
    const { name, label, help, change } = options;
    const box = make('input', { type: 'checkbox', id: `check-${name}` });
    this.describe(box, name);
    box.addEventListener('change', (event) => change(box.checked ? '1' : null, event, false));
    const caption = make('label', { title: help }, box, make('span', { textContent: label }));
    this.element.append(caption, this.help, this.error);
  }

  show(text, changed) {
    update(this.input, { checked: text === '1' });
    this.mark(changed);
  }
}

export class Line extends Control {
  constructor(options) {
    super(options, 'line');
    const { name, label, help, argument, change, words = [] } = options;
    const list = make('datalist', { id: `words-${name}` }, ...words.map((word) => make('option', { value: word })));
    const box = make('input', {
      type: 'text', id: `text-${name}`, placeholder: argument ?? '', autocomplete: 'off', spellcheck: false,
    });
    this.describe(box, name);
    box.addEventListener('change', (event) => change(box.value.trim() || null, event, false));
    const caption = make('label', { htmlFor: box.id, title: help, textContent: label });
    this.element.append(make('div', { className: 'control-head' }, caption, this.button, box), this.help, this.error);
    if (words.length === 0) return;
    this.element.append(list);
    box.setAttribute('list', list.id);
  }

  show(text, changed, initial = '') {
    if (document.activeElement !== this.input || !this.bad) update(this.input, { value: text });
    if (initial) update(this.input, { placeholder: initial });
    this.mark(changed);
  }
}
