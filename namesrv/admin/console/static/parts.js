// The parts that pages are made of.

import { html, useEffect, useRef, useState } from './standalone.module.js';
import { PROBLEMS, ago, duration, number } from './words.js';
import { segment } from './api.js';

export const topicLink = (name) => `#/topics/${segment(name)}`;
export const brokerLink = (name) => `#/brokers/${segment(name)}`;

const GLYPHS = {
  error: 'M8 1.5 15 14H1Z M8 6v4 M8 12v.01',
  warning: 'M8 1.5 15 14H1Z M8 6v4 M8 12v.01',
  note: 'M8 1.5a6.5 6.5 0 1 0 .01 0Z M8 7v4.5 M8 4.5v.01',
  ok: 'M8 1.5a6.5 6.5 0 1 0 .01 0Z M5 8.3l2.2 2.2L11 6',
};

export const Glyph = ({ kind }) => html`<svg class=${`glyph ${kind}`} viewBox="0 0 16 16" aria-hidden="true">
  <path d=${GLYPHS[kind]} /></svg>`;

export const Badge = ({ kind, children }) => html`<span class=${`badge ${kind || ''}`}>${children}</span>`;

export const Problems = ({ of }) => (of.length
  ? of.map((name) => html`<${Badge} key=${name} kind="warning">${PROBLEMS[name] || name}<//> `)
  : html`<${Badge} kind="ok">ok<//>`);

// One sentence on a state, with what happens next.
export const Sentence = ({ kind, next, children }) => html`<div class=${`sentence ${kind}`}>
  <${Glyph} kind=${kind} />
  <p><span class="hidden">${{ error: 'Problem: ', warning: 'Warning: ', note: 'Note: ', ok: '' }[kind]}</span>${children}
  ${next && html`<span class="next">${next}</span>`}</p></div>`;

export const Failed = ({ error }) => html`<${Sentence} kind=${error.status === 404 ? 'note' : 'error'}>${capital(error.message)}<//>`;

export const capital = (text) => {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
};

// The answer of a question: its failure, a word while it is awaited, or its page.
export function Answered({ of, children }) {
  if (of.data !== undefined) {
    return html`${of.error && html`<${Failed} error=${of.error} />`}${children(of.data)}`;
  }
  return of.error ? html`<${Failed} error=${of.error} />` : html`<p class="waiting">Asking the server …</p>`;
}

export const Card = ({ title, note, id, children }) => html`<section class="card" aria-labelledby=${id}>
  <header><h2 id=${id}>${title}</h2>${note && html`<p>${note}</p>`}</header>${children}</section>`;

// A number and what it counts.
export const Figure = ({ value, of, link, children }) => html`<div class="figure">
  <b>${link ? html`<a href=${link}>${value}</a>` : value}</b><span>${of}</span>${children}</div>`;

// Rows with the same columns: [title, cell of a row, class].
export const Table = ({ label, columns, rows, keyOf }) => html`<div class="table"><table>
  <caption class="hidden">${label}</caption>
  <thead><tr>${columns.map(([title, , kind]) => html`<th scope="col" class=${kind}>${title}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>${columns.map(([, cell, kind], place) => (place
    ? html`<td class=${kind}>${cell(row)}</td>`
    : html`<th scope="row" class=${kind}>${cell(row)}</th>`))}</tr>`)}</tbody></table></div>`;

// How long ago a broker was heard from, as a part of the silence that removes it.
export function Heard({ millis, timeout }) {
  if (millis == null) return html`<span class="dim">not heard from yet</span>`;
  const part = Math.min(1, millis / timeout);
  const kind = part > 0.5 ? 'warning' : 'ok';
  return html`<span class="heard"><svg class=${kind} viewBox="0 0 100 6" preserveAspectRatio="none" role="img"
    aria-label=${`${duration(millis)} of ${duration(timeout)}`}><rect class="rail" width="100" height="6" rx="3" />
    <rect width=${Math.max(3, part * 100)} height="6" rx="3" /></svg><span>${ago(millis)}</span></span>`;
}

// The last minutes of a number as a line; `values` are oldest first.
export function Spark({ values, label }) {
  const most = Math.max(1, ...values);
  const step = 120 / Math.max(1, values.length - 1);
  const points = values.map((value, place) => `${(place * step).toFixed(1)},${(27 - (value / most) * 24).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 120 28" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${points.length > 1 && html`<path class="area" d=${`M0,28 L${points.join(' L')} L120,28 Z`} /><polyline points=${points.join(' ')} />`}</svg>`;
}

// A field whose text is used after a pause in typing.
export function Search({ label, value, placeholder, onText }) {
  const [text, setText] = useState(value);
  const timer = useRef();
  useEffect(() => setText(value), [value]);
  const change = (event) => {
    const typed = event.target.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onText(typed), 250);
  };
  return html`<label class="field grow"><span>${label}</span>
    <input type="search" value=${text} placeholder=${placeholder} onInput=${change} autocomplete="off" spellcheck="false" /></label>`;
}

// How many rows are shown, and the way to the others.
export const Shown = ({ rows, total, what, hasMore, onNext, isFirst, onFirst }) => html`<p class="shown" role="status">
  <span>${rows === 0 ? `No ${what} to show` : `${number(rows)} ${what} shown`}${total != null && `; the server has ${number(total)}`}.</span>
  ${!isFirst && html`<button type="button" onClick=${onFirst}>Back to the first</button>`}
  ${hasMore && html`<button type="button" onClick=${onNext}>Next rows</button>`}</p>`;
