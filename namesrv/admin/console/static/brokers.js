// The list of broker groups, and one of them: its brokers and their addresses.

import { html, useState } from './standalone.module.js';
import { query as asQuery, segment } from './api.js';
import { useAnswer, useSeconds } from './live.js';
import { Action } from './actions.js';
import { Answered, Badge, Card, Figure, Heard, Problems, Search, Sentence, Shown, Table, brokerLink } from './parts.js';
import { BrokerTable } from './overview.js';
import { clock, count, number, role } from './words.js';

export function Brokers({ query, go }) {
  const [after, setAfter] = useState('');
  const show = (changes) => { setAfter(''); go('brokers', { ...query, ...changes }); };
  const brokers = useAnswer(`v1/brokers${asQuery({ limit: 200, prefix: query.q, cluster: query.cluster, problem: query.problem && 'any', after })}`);
  const clusters = useAnswer('v1/clusters?limit=200');
  const next = brokers.data?.next && new URLSearchParams(brokers.data.next).get('after');
  useSeconds();
  return html`<h1>Brokers</h1>
    <div class="filters">
      <${Search} label="Name begins with" value=${query.q || ''} onText=${(q) => show({ q })} />
      <label class="field"><span>Cluster</span><select value=${query.cluster || ''} onChange=${(event) => show({ cluster: event.target.value })}>
        <option value="">All clusters</option>${(clusters.data?.items || []).map(({ cluster }) => html`<option value=${cluster} selected=${cluster === query.cluster}>${cluster}</option>`)}</select></label>
      <label class="check"><input type="checkbox" checked=${!!query.problem} onChange=${(event) => show({ problem: event.target.checked ? '1' : '' })} /> Only problems</label></div>
    <${Answered} of=${brokers}>${(data) => html`
      <${Shown} rows=${data.items.length} total=${data.total} what="broker groups" hasMore=${next} isFirst=${!after} onNext=${() => setAfter(next)} onFirst=${() => setAfter('')} />
      ${data.items.length > 0 && html`<${BrokerTable} rows=${data.items} />`}`}<//>`;
}

export function Broker({ name }) {
  const broker = useAnswer(`v1/brokers/${segment(name)}?limit=200`);
  useSeconds();
  return html`<p class="crumb"><a href="#/brokers">Brokers</a></p><h1>${name}</h1>
    <${Answered} of=${broker}>${(data) => html`
    <div class="figures"><${Figure} value=${data.cluster} of="cluster" /><${Figure} value=${number(data.topics)} of="topics with queues on it" />
      <${Figure} value=${number(data.brokers.length)} of="brokers" /><${Figure} value=${data.zone_name || 'none'} of="zone" /></div>
    <${Card} id="addresses" title="Addresses" note=${html`<${Problems} of=${data.problems} />`}><${Members} of=${data.brokers} /><//>
    <${Permission} name=${name} of=${data} />`}<//>`;
}

const Members = ({ of }) => html`<${Table} label="Brokers of the group" keyOf=${(row) => row.broker_id} rows=${of} columns=${[
  ['Address', (row) => html`<code>${row.broker_addr || 'none'}</code>`],
  ['Role', (row) => role(row.broker_id)],
  ['Last heard', (row) => (row.live.length ? row.live.map((one) => html`<${Heard} millis=${one.last_heard_millis_ago} timeout=${one.heartbeat_timeout_millis} />`) : html`<${Badge} kind="warning">not live<//>`)],
  ['Connects from', (row) => row.live.map((one) => html`<code>${one.remote_address || 'HTTP'}</code>`), 'wide'],
  ['Topic table', (row) => row.live.map((one) => (one.data_version?.timestamp_millis ? `version ${number(one.data_version.counter)} of ${clock(one.data_version.timestamp_millis)}` : 'no version')), 'wide'],
]} />`;

const Permission = ({ name, of }) => html`<p class="actions">
  <${Action} label="Make read only" title=${`Take the write permission of ${name}?`} isDangerous act=${['DELETE', `v1/brokers/${segment(name)}/write_perm`]}
    done=${({ topics }) => `${count(topics, 'topic')} of ${name} changed: clients get the new route within 30 s.`}
    effect=${html`<p>${count(of.topics, 'topic')} of this group take no more messages after it, and clients write to other groups. They go on reading.</p>
    <p>Only this server does so. A registration in which the broker's topics changed ends it for these topics.</p>`} />
  <${Action} label="Make writable" title=${`Give ${name} the write permission?`} act=${['PUT', `v1/brokers/${segment(name)}/write_perm`]}
    done=${({ topics }) => `${count(topics, 'topic')} of ${name} changed: clients get the new route within 30 s.`}
    effect=${html`<p>${count(of.topics, 'topic')} of this group take messages again.</p>`} /></p>`;
