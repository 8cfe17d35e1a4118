// The list of broker groups, and one of them with its brokers, topics and history.

import { answered, askList, Badge, Card, Check, count, cursor, Field, Figure, filters, Heard, html, number, Problems, query as asQuery, role, segment, Select, short, Shown, Table, useAnswer } from './parts.js';
import { Action } from './actions.js';
import { LastEvents } from './history.js';
import { BrokerTable } from './overview.js';
import { TopicTable, Why } from './topics.js';

export function Brokers({ query, go }) {
  const show = filters('brokers', query, go);
  const brokers = useAnswer(`v1/brokers${asQuery({ limit: 200, prefix: query.q, cluster: query.cluster, problem: query.problem && 'any', after: query.after })}`, askList);
  const clusters = useAnswer('v1/clusters?limit=200');
  return html`<h1>Brokers</h1><div class="filters">
      <${Field} label="Name begins with" value=${query.q} set=${(q) => show({ q })} />
      <${Select} label="Cluster" value=${query.cluster || ''} options=${[['', 'All clusters'], ...(clusters.data?.items || []).map((one) => [one.cluster])]} set=${(cluster) => show({ cluster })} />
      <${Check} label="Only problems" value=${query.problem} set=${(problem) => show({ problem })} /></div>
    ${answered(brokers, (data) => html`<${Shown} rows=${data.items.length} total=${data.total} what="broker group" next=${cursor(data.next)} of=${query} show=${show} />
      ${data.items.length > 0 && html`<${BrokerTable} rows=${data.items} />`}`)}`;
}

export function Broker({ name }) {
  const at = `v1/brokers/${segment(name)}`;
  const why = useAnswer(`${at}/explain`);
  const exists = why.data ? why.data.exists : !!why.error;
  const group = why.data?.group || name;
  const broker = useAnswer(exists && `v1/brokers/${segment(group)}?limit=200`);
  const topics = useAnswer(exists && `v1/topics${asQuery({ broker: group, limit: 20 })}`, askList);
  return html`<p class="crumb"><a href="#/brokers">Brokers</a></p><h1>${short(name)}</h1>
    ${answered(why, (data) => html`<${Why} of=${data} what="broker group" />`)}
    ${exists && html`${answered(broker, (data) => html`<div class="figures"><${Figure} value=${short(data.cluster)} of="cluster" /><${Figure} value=${number(data.topics)} of="topics with queues on it" />
      <${Figure} value=${data.zone_name || 'none'} of="zone" /></div>
      <${Card} title="Addresses" note=${html`<${Problems} of=${data.problems} />`}><${Members} of=${data.brokers} /><//>`)}
    <${Card} title="Topics" note=${html`<a href=${`#/topics${asQuery({ broker: group })}`}>All of them</a>`}>${answered(topics, (data) => html`<${TopicTable} rows=${data.items} />`)}<//>`}
    <${LastEvents} of=${{ broker: name }} />
    ${broker.data && html`<${Permission} name=${group} topics=${broker.data.topics} path=${`v1/brokers/${segment(group)}/write_perm`} />`}`;
}

const Members = ({ of }) => html`<${Table} label="Brokers of the group" rows=${of} columns=${[
  ['Address', (row) => html`<code>${row.broker_addr || 'none'}</code>`],
  ['Role', (row) => role(row.broker_id)],
  ['Last heard', (row) => (row.live.length ? row.live.map((one) => html`<${Heard} millis=${one.last_heard_millis_ago} timeout=${one.heartbeat_timeout_millis} />`) : html`<${Badge} kind="warning">not live<//>`)],
  ['Connects from', (row) => row.live.map((one) => html`<code>${one.remote_address || 'HTTP'}</code>`), 'wide'],
]} />`;

const changed = (name) => ({ topics }) => `${count(topics, 'topic')} of ${short(name)} changed. Clients notice it within 30 s.`;

const Permission = ({ name, topics, path }) => html`<p class="actions">
  <${Action} label="Make read only" kind="danger" title=${`Take the write permission of ${short(name)}?`} act=${['DELETE', path]} done=${changed(name)}
    effect=${[`${count(topics, 'topic')} of this group will take no more messages: clients write to other groups, and still read from this one.`,
    'Only here, and for a topic until its broker registers it with a change.']} />
  <${Action} label="Make writable" title=${`Give ${short(name)} the write permission?`} act=${['PUT', path]} done=${changed(name)} effect=${[`${count(topics, 'topic')} of this group will take messages again.`]} /></p>`;
