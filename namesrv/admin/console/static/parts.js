// The parts that pages are made of.

import { html, useEffect, useRef, useState } from './standalone.module.js';
import { ago, count, duration, number, sentence, short } from './words.js';
import { segment } from './api.js';

export * from './standalone.module.js';
export * from './api.js';
export * from './live.js';
export * from './words.js';

export const topicLink = (name) => `#/topics/${segment(name)}`;
export const brokerLink = (name) => `#/brokers/${segment(name)}`;

// A name that leads to its page.
const named = (link) => (name) => html`<a href=${link(name)}>${short(name)}</a>`;
export const toTopic = named(topicLink);
export const toBroker = named(brokerLink);

const CIRCLE = 'M8 1.5a6.5 6.5 0 1 0 .01 0Z';
const SIGN = 'M8 1.5 15 14H1Z M8 6v4 M8 12v.01';
const KINDS = { error: [SIGN, 'Problem: '], warning: [SIGN, 'Warning: '], note: [`${CIRCLE} M8 7v4.5 M8 4.5v.01`, 'Note: '], ok: [`${CIRCLE} M5 8.3l2.2 2.2L11 6`, ''] };

// A state in a sentence, with what happens next.
export const Say = ({ kind, next, children }) => html`<div class=${`say ${kind}`}>
  <svg viewBox="0 0 16 16" aria-hidden="true"><path d=${KINDS[kind][0]} /></svg>
  <p><span class="hidden">${KINDS[kind][1]}</span>${children}${next && html`<span class="next">${next}</span>`}</p></div>`;

// A missing token is reported once, for the whole page.
export const Failed = ({ error }) => error.status !== 401 && html`<${Say} kind=${error.status === 404 ? 'note' : 'error'}>${sentence(error.message)}<//>`;

// The page of an answer, or its failure, or a word while it is awaited.
export const answered = (of, draw) => html`<div class="answer">${of.error && html`<${Failed} error=${of.error} />`}
  ${of.data !== undefined ? draw(of.data) : !of.error && html`<p class="dim">Asking the server …</p>`}</div>`;

export const Badge = ({ kind, children }) => html`<span class=${`badge ${kind || ''}`}>${children}</span>`;

export const Problems = ({ of }) => (of.length
  ? of.map((name) => html`<${Badge} key=${name} kind="warning">${name.replaceAll('_', ' ')}<//> `)
  : html`<${Badge} kind="ok">ok<//>`);

export const Card = ({ title, note, children }) => html`<section class="card" aria-label=${title}>
  <header><h2>${title}</h2>${note && html`<p class="dim">${note}</p>`}</header>${children}</section>`;

// A number and what it counts.
export const Figure = ({ value, of, link, children }) => html`<div class="figure">
  <b>${link ? html`<a href=${link}>${value}</a>` : value}</b><span class="dim">${of}</span>${children}</div>`;

// Columns are [title, cell of a row, class]; the first one names the row.
const keyOf = (row) => row.topic ?? row.broker_name ?? row.number ?? row.cluster ?? row.broker_id ?? row.name ?? row;

export const Table = ({ label, columns, rows }) => html`<div class="table"><table>
  <caption class="hidden">${label}</caption>
  <thead><tr>${columns.map(([title, , kind]) => html`<th scope="col" class=${kind}>${title}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>${columns.map(([, cell, kind], first) => (first
    ? html`<td class=${kind}>${cell(row)}</td>` : html`<th scope="row" class=${kind}>${cell(row)}</th>`))}</tr>`)}</tbody></table></div>`;

// A column of numbers.
export const tally = (title, name) => [title, (row) => number(row[name]), 'number wide'];

// The time since a sign of life, as a part of the silence that removes a broker.
export function Heard({ millis, timeout }) {
  if (millis == null) return html`<span class="dim">not heard from yet</span>`;
  const part = Math.min(1, millis / timeout);
  return html`<span class="heard"><svg class=${part > 0.5 ? 'warn' : ''} viewBox="0 0 100 6" preserveAspectRatio="none" role="img"
    aria-label=${`${duration(millis)} of ${duration(timeout)}`}><rect class="rail" width="100" height="6" />
    <rect width=${Math.max(3, part * 100)} height="6" /></svg>${ago(millis)}</span>`;
}

// The last minutes of a number as a line, oldest first.
export function Spark({ values, label }) {
  const most = Math.max(1, ...values);
  const points = values.map((value, place) => `${(place * 120) / Math.max(1, values.length - 1)},${(27 - (value / most) * 24).toFixed(1)}`).join(' ');
  return html`<svg class="spark" viewBox="0 0 120 28" preserveAspectRatio="none" role="img" aria-label=${label}>
    <polygon points=${`0,28 ${points} 120,28`} /><polyline points=${points} /></svg>`;
}

// A field whose text is used after a pause in typing.
export function Field({ label, value = '', set }) {
  const [text, setText] = useState(value);
  const timer = useRef();
  useEffect(() => setText(value), [value]);
  const change = ({ target }) => {
    setText(target.value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(target.value.trim()), 300);
  };
  return html`<label class="field"><span>${label}</span><input type="search" value=${text} onInput=${change} autocomplete="off" /></label>`;
}

export const Select = ({ label, value, options, set }) => html`<label class="field"><span>${label}</span>
  <select onChange=${({ target }) => set(target.value)}>${options.map(([text, name = text]) => html`<option value=${text} selected=${text === value}>${short(name)}</option>`)}</select></label>`;

export const Check = ({ label, value, set }) => html`<label class="check"><input type="checkbox" checked=${!!value} onChange=${({ target }) => set(target.checked ? '1' : '')} /> ${label}</label>`;

// How many rows are shown, and the way to the others. `of` is the query of the page.
export const Shown = ({ rows, total, what, next, of, show }) => html`<p class="shown" role="status">
  ${count(rows, what)} shown${total != null && `, of ${number(total)} on this server`}.
  ${of.after && html`<button onClick=${() => show({ after: '' })}>Back to the first</button>`}
  ${next && html`<button onClick=${() => show({ after: next })}>Next rows</button>`}</p>`;

// A page with filters: they are in its address, and a new filter begins at the first row.
export const filters = (page, query, go) => (changes) => go(page, { ...query, after: '', ...changes });

export const cursor = (link, name = 'after') => link && new URLSearchParams(link).get(name);
