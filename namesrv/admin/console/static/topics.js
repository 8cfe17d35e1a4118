// The list of topics, and one topic: its route as broker x queue.

import { html, useState } from './standalone.module.js';
import { query as asQuery, segment } from './api.js';
import { useAnswer } from './live.js';
import { Action } from './actions.js';
import { Answered, Card, Failed, Problems, Search, Sentence, Shown, Table, brokerLink, topicLink } from './parts.js';
import { count, number, permission, role } from './words.js';

const ROWS = 200;

export function Topics({ query, go }) {
  const [after, setAfter] = useState('');
  const show = (changes) => { setAfter(''); go('topics', { ...query, ...changes }); };
  const path = `v1/topics${asQuery({ limit: ROWS, prefix: query.q, problem: query.problem && 'any', after })}`;
  const topics = useAnswer(path);
  const next = topics.data?.next && new URLSearchParams(topics.data.next).get('after');
  return html`<h1>Topics</h1>
    <div class="filters">
      <${Search} label="Name begins with" value=${query.q || ''} onText=${(q) => show({ q })} />
      <label class="check"><input type="checkbox" checked=${!!query.problem} onChange=${(event) => show({ problem: event.target.checked ? '1' : '' })} /> Only problems</label></div>
    <${Answered} of=${topics}>${(data) => html`
      <${Shown} rows=${data.items.length} total=${data.total} what="topics" hasMore=${next} isFirst=${!after} onNext=${() => setAfter(next)} onFirst=${() => setAfter('')} />
      ${data.items.length > 0 && html`<${Table} label="Topics" keyOf=${(row) => row.topic} rows=${data.items} columns=${[
    ['Topic', (row) => html`<a href=${topicLink(row.topic)}>${row.topic}</a>`],
    ['Broker groups', (row) => number(row.broker_groups), 'number wide'],
    ['Queues to read', (row) => number(row.read_queue_nums), 'number'],
    ['Queues to write', (row) => number(row.write_queue_nums), 'number'],
    ['State', (row) => html`<${Problems} of=${row.problems} />`],
  ]} />`}`}<//>`;
}

export function Topic({ name }) {
  const topic = useAnswer(`v1/topics/${segment(name)}?limit=200`);
  const route = useAnswer(topic.data ? `v1/topics/${segment(name)}/route` : null);
  return html`<p class="crumb"><a href="#/topics">Topics</a></p><h1>${name}</h1>
    ${topic.error?.status === 404 ? html`<${Unknown} name=${name} error=${topic.error} />` : html`<${Answered} of=${topic}>${(data) => html`<${State} of=${data} />
    <${Card} id="route" title="Route" note="Broker group by queue, as a client of version 5.3.3 gets it"><${Queues} rows=${data.queues} route=${route.data} /></>
    <p class="actions"><${Action} label="Delete this topic" isDangerous title=${`Delete ${name}?`} act=${['DELETE', `v1/topics/${segment(name)}`]}
      done=${() => `${name} is deleted here.`} effect=${html`<p>Its ${count(data.broker_groups, 'route')} will be gone, and clients get “No route info of this topic”.</p>
      <p>Only this server forgets it. A broker that still has the topic brings it back with its next registration that changes.</p>`} /></p>`}<//>`}`;
}

const Unknown = ({ name, error }) => html`<${Sentence} kind="warning" next="A client that asks for it gets “No route info of this topic”.">No broker has registered the topic ${name} here.<//>
  ${error.similar.length > 0 && html`<p>Topics with similar names:</p><ul class="names">${error.similar.map((near) => html`<li><a href=${topicLink(near)}>${near}</a></li>`)}</ul>`}`;

function State({ of }) {
  const where = `${count(of.write_queue_nums, 'queue')} to write and ${count(of.read_queue_nums, 'queue')} to read on ${count(of.broker_groups, 'broker group')}`;
  if (of.problems.length === 0) return html`<${Sentence} kind="ok">Clients can send and receive: ${where}.<//>`;
  if (of.problems.includes('not_writable')) {
    return html`<${Sentence} kind="error" next="It ends when a broker of it registers as master with write permission.">No client can send: ${where}.<//>`;
  }
  if (of.problems.includes('not_readable')) return html`<${Sentence} kind="error" next="It ends when a broker of it registers with read permission.">No client can receive: ${where}.<//>`;
  return html`<${Sentence} kind="warning" next="Clients use its slaves to read, and write to the other groups.">A broker group of it has no master: ${where}.<//>`;
}

const SIZE = 14;
const COLUMNS = 16;
const MOST = 128;

// One square for each queue: above the diagonal it may be written, below it read.
function Squares({ of }) {
  const read = of.perm & 4 ? of.read_queue_nums : 0;
  const write = of.perm & 2 && of.has_master ? of.write_queue_nums : 0;
  const all = Math.max(of.read_queue_nums, of.write_queue_nums);
  const drawn = Math.min(all, MOST);
  const columns = Math.min(Math.max(drawn, 1), COLUMNS);
  const rows = Math.max(1, Math.ceil(drawn / COLUMNS));
  return html`<svg class="queues" width=${columns * SIZE} height=${rows * SIZE} viewBox=${`0 0 ${columns * SIZE} ${rows * SIZE}`} role="img"
    aria-label=${`${count(write, 'queue')} may be written, ${count(read, 'queue')} may be read`}>${[...Array(drawn).keys()].map((queue) => html`<rect
      class=${queue < read && queue < write ? 'both' : queue < read ? 'read' : queue < write ? 'write' : 'none'} x=${(queue % COLUMNS) * SIZE + 1} y=${Math.floor(queue / COLUMNS) * SIZE + 1} width=${SIZE - 3} height=${SIZE - 3} rx="2.5" />`)}</svg>
    ${all > drawn && html`<small>and ${number(all - drawn)} more</small>`}`;
}

const Queues = ({ rows, route }) => {
  const addresses = new Map((route?.broker_datas || []).map((broker) => [broker.broker_name, broker.broker_addrs]));
  return html`<${Table} label="Queues by broker group" keyOf=${(row) => row.broker_name} rows=${rows} columns=${[
    ['Broker group', (row) => html`<a href=${brokerLink(row.broker_name)}>${row.broker_name}</a>`],
    ['Queues', (row) => html`<${Squares} of=${row} />`],
    ['Permission', (row) => permission(row.perm), 'wide'],
    ['Write', (row) => number(row.write_queue_nums), 'number wide'],
    ['Read', (row) => number(row.read_queue_nums), 'number wide'],
    ['Addresses in the route', (row) => Object.entries(addresses.get(row.broker_name) || {}).map(([id, address]) => html`<div><code>${address}</code> <span class="dim">${role(+id)}</span></div>`)],
  ]} /><p class="legend"><i class="both" /> read and write <i class="read" /> read only <i class="write" /> write only <i class="none" /> neither</p>`;
};
