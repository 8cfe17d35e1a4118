// The list of topics, one topic with its route as broker x queue, and missing topics
// with the clients that ask for them.

import { answered, askList, Badge, Card, Check, clock, count, cursor, Failed, Field, filters, html, number, permission, Problems, query as asQuery, role, Say, segment, Select, sentence, short, Shown, since, Table, tally, toBroker, toTopic, useAnswer } from './parts.js';
import { Action } from './actions.js';
import { LastEvents } from './history.js';

export const TopicTable = ({ rows }) => html`<${Table} label="Topics" rows=${rows} columns=${[
  ['Topic', (row) => toTopic(row.topic)],
  tally('Broker groups', 'broker_groups'), tally('Queues to write', 'write_queue_nums'), tally('Queues to read', 'read_queue_nums'),
  ['State', (row) => html`<${Problems} of=${row.problems} />`],
]} />`;

export function Topics({ query, go }) {
  const show = filters('topics', query, go);
  const topics = useAnswer(`v1/topics${asQuery({ limit: 200, contains: query.q, broker: query.broker, problem: query.problem && 'any', after: query.after })}`, askList);
  return html`<h1>Topics</h1><div class="filters">
      <${Field} label="Name contains" value=${query.q} set=${(q) => show({ q })} />
      <${Field} label="On broker group" value=${query.broker} set=${(broker) => show({ broker })} />
      <${Check} label="Only problems" value=${query.problem} set=${(problem) => show({ problem })} /></div>
    ${answered(topics, (data) => html`<${Shown} rows=${data.items.length} total=${data.total} what="topic" next=${cursor(data.next)} of=${query} show=${show} />
      ${data.items.length > 0 && html`<${TopicTable} rows=${data.items} />`}`)}`;
}

const VERSIONS = [['', '5.3.3'], ['401', '4.9.4'], ['300', '4.5.0']];

export function Topic({ name, query, go }) {
  const show = filters(`topics/${segment(name)}`, query, go);
  const at = `v1/topics/${segment(name)}`;
  const client = asQuery({ version: query.version, zone: query.zone });
  const why = useAnswer(`${at}/explain${client}`);
  const exists = why.data ? why.data.exists : !!why.error;
  const topic = useAnswer(exists && `${at}?limit=200`);
  const missing = useAnswer(why.data && !exists && `v1/missing${asQuery({ prefix: name })}`);
  const asked = missing.data?.topics.filter((row) => row.topic === name);
  const answer = why.data?.evidence.answer;
  const hasRoute = exists && (!answer || answer.code === 0);
  const route = useAnswer(hasRoute && `${at}/route${client}`);
  return html`<p class="crumb"><a href="#/topics">Topics</a></p><h1>${short(name)}</h1>
    ${answered(why, (data) => html`<${Why} of=${data} what="topic" />`)}
    ${topic.data && html`${!why.data?.causes.length && html`<${Summary} of=${topic.data} />`}
      <${Card} title="Route" note="for a client of this version and zone">
        <div class="filters"><${Select} label="Version" value=${query.version || ''} options=${VERSIONS} set=${(version) => show({ version })} />
          <${Field} label="Zone" value=${query.zone} set=${(zone) => show({ zone })} /></div>
        <${Queues} rows=${topic.data.queues} route=${route.data} />
        ${topic.data.next && html`<p class="dim">The first 200 of ${count(topic.data.broker_groups, 'broker group')}.</p>`}<//>`}
    ${asked?.length > 0 && html`<${Card} title="Who asks"><${Askers} rows=${asked} /><//>`}
    ${topic.error && html`<${Failed} error=${topic.error} />`}
    <${LastEvents} of=${{ topic: name }} />
    <p class="actions"><${Action} isOffered=${!!topic.data} label="Delete this topic" kind="danger" title=${`Delete ${short(name)}?`} act=${['DELETE', at]}
      done=${() => `${short(name)} is deleted here. Clients notice it within 30 s.`}
      effect=${[`${count(topic.data?.broker_groups, 'broker group')} will no longer be in its route: clients get “No route info”.`,
    'Only this server forgets it, until a broker that has it registers with a change.']} /></p>`;
}

const SURE = { certain: 'error', likely: 'warning', possible: 'note' };

// A sentence whose names in quotes are links.
const linked = (text, to) => text.split(/'([\w%|-]+)'/).map((part, place) => (place % 2 ? to(part) : part));

const Command = ({ text }) => (text === 'namesrv broker list' ? html`<a href="#/brokers">broker list</a>` : html`<code>${text}</code>`);

// The causes of an explanation, each with the next command: a similar name first, then
// the surest.
const isSimilar = ({ id }) => id === 'similar_name';
export const Why = ({ of, what }) => html`${[...of.causes].sort((a, b) => isSimilar(b) - isSimilar(a)).map((cause) => html`<${Say} key=${cause.id} kind=${SURE[cause.confidence]}
    next=${cause.next && html`${cause.confidence === 'certain' ? 'Next' : `${sentence(cause.confidence)} Next`}: <${Command} text=${cause.next} />`}>${isSimilar(cause) ? linked(cause.sentence, what === 'topic' ? toTopic : toBroker) : cause.sentence}<//>`)}
  ${!of.exists && !of.causes.length && html`<${Say} kind="warning">This ${what} is not here.<//>`}
  ${of.unknown.length > 0 && html`<details><summary>Not known (${of.unknown.length})</summary><ul>${of.unknown.map((text) => html`<li>${text}</li>`)}</ul></details>`}`;

function Summary({ of }) {
  const where = `${count(of.write_queue_nums, 'queue')} to write, ${count(of.read_queue_nums, 'queue')} to read, on ${count(of.broker_groups, 'broker group')}.`;
  return of.write_queue_nums && of.read_queue_nums ? html`<${Say} kind="ok">Clients can send and receive: ${where}<//>`
    : html`<${Say} kind="error">No client can ${of.write_queue_nums ? 'receive' : 'send'}: ${where}<//>`;
}

const [SIZE, ROW, MOST] = [14, 16, 128];

// One square for each queue.
function Squares({ of }) {
  const read = of.perm & 4 ? of.read_queue_nums : 0;
  const write = of.perm & 2 && of.has_master ? of.write_queue_nums : 0;
  const all = Math.max(of.read_queue_nums, of.write_queue_nums);
  const drawn = Math.min(all, MOST);
  const [width, height] = [Math.min(drawn, ROW) * SIZE, Math.ceil(drawn / ROW) * SIZE];
  const kind = (queue) => (queue < read && queue < write ? 'both' : queue < read ? 'read' : queue < write ? 'write' : 'none');
  return html`<svg class="queues" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${`${count(write, 'queue')} to write, ${count(read, 'queue')} to read`}>
    ${[...Array(drawn).keys()].map((queue) => html`<rect class=${kind(queue)} x=${(queue % ROW) * SIZE + 1} y=${Math.floor(queue / ROW) * SIZE + 1} width=${SIZE - 3} height=${SIZE - 3} rx="2" />`)}</svg>
    ${all > drawn && html`<small>and ${number(all - drawn)} more</small>`}`;
}

function Queues({ rows, route }) {
  const addresses = new Map((route?.broker_datas || []).map((broker) => [broker.broker_name, Object.entries(broker.broker_addrs)]));
  return html`<${Table} label="Queues by broker group" rows=${rows} columns=${[
    ['Broker group', (row) => toBroker(row.broker_name)],
    ['Queues', (row) => html`<${Squares} of=${row} />`],
    ['Permission', (row) => permission(row.perm), 'wide'],
    tally('Write', 'write_queue_nums'), tally('Read', 'read_queue_nums'),
    ['Addresses', (row) => addresses.get(row.broker_name)?.map(([id, address]) => html`<div class="time"><code>${address}</code> <span class="dim">${role(+id)}</span></div>`) || html`<span class="dim">not in the route</span>`],
  ]} /><p class="legend"><i class="both" />read and write <i class="read" />read only <i class="write" />write only <i class="none" />neither</p>`;
}

const Askers = ({ rows }) => html`<${Table} label="Missing topics" rows=${rows} columns=${[
    ['Topic', (row) => toTopic(row.topic)],
    ['Lookups', (row) => number(row.count), 'number'],
    ['First', (row) => clock(row.first_millis), 'wide'],
    ['Last', (row) => since(row.last_millis)],
    ['Clients', (row) => row.askers.map((one) => html`<div><code>${one.address}</code> <${Badge}>${one.language || 'unknown'} ${one.version}<//></div>`), 'wide'],
    ['Similar topic', (row) => row.nearest && toTopic(row.nearest)],
  ]} />`;

export function Missing() {
  const missing = useAnswer('v1/missing?limit=200');
  return html`<h1>Missing topics</h1><p>Clients ask for these topics, and no broker here has them.</p>
    ${answered(missing, (data) => (data.topics.length ? html`<${Askers} rows=${data.topics} />${data.left_out > 0 && html`<p class="dim">The list had no room for ${count(data.left_out, 'more topic')}.</p>`}` : html`<${Say} kind="ok">No client has asked for a missing topic.<//>`))}`;
}
