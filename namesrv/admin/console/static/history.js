// Events in sentences, and the differences between a moment and now.

import { answered, Card, clock, count, cursor, Field, filters, html, query as asQuery, Say, sentence, short, Shown, since, Table, toBroker, toTopic, useAnswer, useEffect, useState } from './parts.js';

const subject = ({ subject: name, topic, broker }) => (topic ? toTopic(topic) : broker ? toBroker(broker) : short(name));

export const Events = ({ of }) => (of.length ? html`<${Table} label="Events" rows=${of} columns=${[
  ['Time', (row) => html`<span class="time">${clock(row.at_millis)}</span>`],
  ['Name', subject, 'quarter'], ['Event', (row) => sentence(short(row.sentence))]]} />`
  : html`<${Say} kind="note">Nothing has changed yet.<//>`);

// The last events of one thing.
export const LastEvents = ({ of }) => {
  const history = useAnswer(`v1/history${asQuery({ ...of, limit: 10 })}`);
  return history.data?.events.length > 0 && html`<${Card} title="History"><${Events} of=${history.data.events} /><//>`;
};

export function History({ query, go }) {
  const show = filters('history', query, go);
  const history = useAnswer(`v1/history${asQuery({ limit: 100, topic: query.topic, broker: query.broker, before: query.after })}`);
  return html`<h1>History</h1>${history.data?.last > 0 && html`<${Moment} first=${history.data.first} />`}
    <div class="filters"><${Field} label="Topic" value=${query.topic} set=${(topic) => show({ topic })} />
      <${Field} label="Broker group or address" value=${query.broker} set=${(broker) => show({ broker })} /></div>
    ${answered(history, (data) => html`<${Shown} rows=${data.events.length} what="event" next=${cursor(data.next, 'before')} of=${query} show=${show} />
      <${Events} of=${data.events} />`)}`;
}

// A slider from the oldest event to now.
function Moment({ first }) {
  const oldest = useAnswer(`v1/history${asQuery({ limit: 1, before: first + 1 })}`).data?.events[0];
  const [chosen, setChosen] = useState(0);
  const [at, setAt] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setAt(chosen), 300);
    return () => clearTimeout(timer);
  }, [chosen]);
  if (!oldest) return null;
  const now = Date.now();
  const end = now + 1000 - ((now - oldest.at_millis) % 1000);
  const move = ({ target }) => setChosen(target.value < end ? +target.value : 0);
  return html`<${Card} title="Then and now" note=${chosen ? `${clock(chosen)}, ${since(chosen)}` : 'The slider shows what was different.'}>
    <label class="field all"><span>From ${clock(oldest.at_millis)} to now</span><input type="range" min=${oldest.at_millis} max=${end} step="1000"
      value=${chosen || end} aria-valuetext=${chosen ? clock(chosen) : 'now'} onInput=${move} /></label>${at > 0 && html`<${Then} at=${at} />`}<//>`;
}

const named = (addresses) => Object.entries(addresses).map(([id, address]) => html`<div><code>${address}</code> <span class="dim">id ${id}</span></div>`);
const FATES = [['added_on', 'new on'], ['changed_on', 'changed on'], ['removed_from', 'gone from']];
const fate = (row) => FATES.filter(([name]) => row[name].length).map(([name, words]) => `${words} ${row[name].join(', ')}`).join('; ');

function Then({ at }) {
  const between = (kind) => useAnswer(`v1/history/between${asQuery({ from: at, to: '0s', kind })}`);
  const [brokers, topics] = [between('brokers'), between('topics')];
  return html`${answered(brokers, (data) => (data.brokers.length ? html`<${Table} label="Broker groups that differ" rows=${data.brokers} columns=${[
    ['Broker group', (row) => short(row.broker)], ['Then', (row) => named(row.before)], ['Now', (row) => named(row.after)]]} />` : html`<p>No broker group differs.</p>`))}
    ${topics.data && (topics.data.topics.length ? html`<${Table} label="Topics that differ" rows=${topics.data.topics} columns=${[
    ['Topic', (row) => toTopic(row.topic)], ['Since then', (row) => short(fate(row))]]} />
    <p class="dim">${count(topics.data.topics.length, 'topic')}${topics.data.next ? ' and more' : ''}${topics.data.is_complete ? '' : '; the list is not complete'}.</p>` : html`<p>No topic differs.</p>`)}`;
}
