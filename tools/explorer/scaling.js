/* scaling.js - the scaling rule: a list of rules, and a control for each parameter of the chosen one */
/* SPDX-License-Identifier: MIT */
import { Check, Choice, Line } from './choice.js';
import { parseNumber } from './numbers.js';
import { parameterWords, parseRule, ruleText, startRule } from './rule.js';
import { Slider, make } from './slider.js';
import { effective, setOptions, state, table, trainedLength } from './state.js';

const NEUTRAL = { low: 0, high: 10, scale: 'linear', step: 0, unit: '' };

export function startScaling(body) {
  const control = new Scaling();
  body.append(control.element);
  return control;
}

class Scaling {
  constructor() {
    const { help } = table.options.get('scaling');
    this.choice = new Choice({
      name: 'scaling', label: 'Scaling rule', help: help.replace(/, see below$/, ''),
      words: table.scaling.map((rule) => rule.name), titles: Object.fromEntries(table.scaling.map(({ name, title }) => [name, title.replace(/ scaling$/, '') || name])), resetLabel: 'Reset scaling rule',
      reset: (event) => setOptions({ scaling: null }, { inputAt: event.timeStamp }),
      change: (word, event) => this.choose(word, event),
    });
    this.about = make('p', { className: 'about', id: 'about-scaling' });
    this.parameters = make('div', { className: 'parameters', id: 'scaling-parameters' });
    this.more = make('div', { className: 'parameters' });
    const summary = make('summary', { textContent: 'Optional parameters' });
    this.rest = make('details', { className: 'rest', id: 'scaling-rest' }, summary, this.more);
    this.element = make('div', { className: 'scaling' }, this.choice.element, this.about, this.parameters, this.rest);
    this.controls = new Map();
    this.rule = null;
  }

  choose(word, event) {
    const description = table.scaling.find((rule) => rule.name === word);
    const trained = trainedLength(), pairs = parseNumber(effective('rotary-dim')) / 2;
    const context = { pairs, trained: trained ? String(trained) : null };
    const started = startRule(description, parseRule(effective('scaling')).values, context);
    const text = ruleText(started);
    setOptions({ scaling: text }, { inputAt: event.timeStamp });
  }

  set(key, text, event, live) {
    const { rule, values } = parseRule(effective('scaling'));
    if (text === null) delete values[key];
    else values[key] = text;
    setOptions({ scaling: ruleText({ rule, values }) }, { inputAt: event.timeStamp, live });
  }

  show() {
    const { rule, values } = parseRule(effective('scaling'));
    this.choice.show(rule, state.options.scaling !== undefined);
    if (rule !== this.rule) this.rebuild(rule);
    for (const [key, { control, parameter }] of this.controls) {
      const text = values[key] ?? '';
      if (control instanceof Slider && text === '') control.show('', false, parameter.required ? 'missing' : key === 'factor' ? 'not given' : 'default');
      else control.show(text, text !== '' && !parameter.required);
    }
  }

  rebuild(rule) {
    this.rule = rule;
    this.controls.clear();
    this.parameters.replaceChildren();
    this.more.replaceChildren();
    const description = table.scaling.find((one) => one.name === rule);
    this.about.textContent = description?.help.replace(/\bD\b/g, 'd') ?? ''; /* d, as everywhere on the page */
    for (const parameter of description?.parameters ?? []) {
      const control = this.build(parameter);
      this.controls.set(parameter.key, { control, parameter });
      const front = parameter.required || parameter.key === 'factor';
      (front ? this.parameters : this.more).append(control.element);
    }
    this.rest.hidden = !this.more.children.length;
  }

  build(parameter) {
    const { key, kind, words, slider } = parameter, { label, help } = parameterWords(parameter);
    const common = {
      name: `scaling-${key}`, label, help,
      resetLabel: `Leave ${label.toLowerCase()} to its default`, reset: (event) => this.set(key, null, event, false),
      change: (text, event, live) => this.set(key, text === '' ? null : text, event, live),
    };
    if (kind === 'flag') return new Check(common);
    if (words) return new Choice({ ...common, words, none: parameter.required ? null : 'default' });
    if (kind === 'list') return new Line({ ...common, argument: 'N/N/...' });
    return new Slider({ ...common, scale: slider ?? NEUTRAL, plain: true });
  }

  /* At the parameter where the sentence names one: scaling yarn: original is ... */
  refuse(sentence) {
    const said = (sentence ?? '').replace(/^--scaling \S+: (scaling \S+: )?/, '');
    let left = said || null;
    for (const [key, { control }] of this.controls) {
      const named = left !== null && new RegExp(`\\b${key}( is |=|:|, )`).test(said);
      control.refuse(named ? left : null);
      if (named) left = null;
    }
    this.choice.refuse(left);
  }
}
