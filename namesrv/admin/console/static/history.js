// Events in sentences, and the table as it was at a moment.

import { html, useEffect, useState } from './standalone.module.js';
import { query as asQuery } from './api.js';
import { useAnswer } from './live.js';
import { Answered, Card, Field, Say, Shown, Table, cursor, filters } from './parts.js';
import { ago, causeText, clock, count, eventText, number } from './words.js';

export const Events = ({ of }) => (of.length ? html`<${Table} label="Events" keyOf=${(row) => row.number} rows=${of} columns=${[
  ['Time', (row) => html`<span class="time">${clock(row.at_millis)}</span>`],
  ['Change', eventText],
  ['Cause', (row) => html`<span class="dim">${causeText(row.cause)}</span>`, 'wide'],
]} />` : html`<${Say} kind="note">Nothing has changed since the start of this server.<//>`);

export function History({ query, go }) {
  const show = filters('history', query, go);
  const history = useAnswer(`v1/history${asQuery({ limit: 100, topic: query.topic, broker: query.broker, before: query.after })}`);
  return html`<h1>History</h1>
    ${history.data?.last > 0 && html`<${Moment} of=${history.data} />`}
    <div class="filters"><${Field} label="Topic" value=${query.topic} onText=${(topic) => show({ topic })} />
      <${Field} label="Broker group or address" value=${query.broker} onText=${(broker) => show({ broker })} /></div>
    <${Answered} of=${history}>${(data) => html`<${Shown} rows=${data.events.length} what="events" next=${cursor(data.next, 'before')} of=${query} show=${show} />
      <${Events} of=${data.events} />`}<//>`;
}

// The table as of a moment that the slider chooses, beside the table of now.
function Moment({ of }) {
  const oldest = useAnswer(`v1/history${asQuery({ limit: 1, before: of.first + 1 })}`);
  const [start, setStart] = useState(0);
  const [chosen, setChosen] = useState(null);
  const [at, setAt] = useState(null);
  const first = oldest.data?.events[0]?.at_millis;
  useEffect(() => { if (first && !start) setStart(first); }, [first]);
  useEffect(() => {
    const timer = setTimeout(() => setAt(chosen), 300);
    return () => clearTimeout(timer);
  }, [chosen]);
  if (!start) return null;
  const now = Date.now();
  const value = chosen ?? now;
  return html`<${Card} title="The table at a moment" note=${chosen ? `${clock(value)}, ${ago(now - value)}` : 'now'}>
    <label class="field grow"><span>From ${clock(start)} to now</span><input type="range" min=${start} max=${now} step="1000" value=${value} aria-valuetext=${clock(value)}
      onInput=${({ target }) => setChosen(+target.value >= now - 1500 ? null : +target.value)} /></label>
    ${at ? html`<${Then} at=${at} />` : html`<p class="dim">Move the slider to see what was different.</p>`}<//>`;
}

function Then({ at }) {
  const between = useAnswer(`v1/history/between${asQuery({ from: at, to: Date.now() - (Date.now() % 5000) })}`);
  return html`<${Answered} of=${between}>${(data) => html`<pre>${JSON.stringify(data)}</pre>`}<//>`;
}
