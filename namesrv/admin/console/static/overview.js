// The first page: problems, totals, clusters and brokers.

import { html } from './standalone.module.js';
import { useAnswer, useSeconds } from './live.js';
import { Answered, Badge, Card, Figure, Heard, Problems, Sentence, Table, brokerLink } from './parts.js';
import { count, number } from './words.js';

export function Overview() {
  const clusters = useAnswer('v1/clusters?limit=200');
  const brokers = useAnswer('v1/brokers?limit=200');
  const topics = useAnswer('v1/topics?limit=1');
  useSeconds();
  const all = clusters.data?.items || [];
  const live = all.reduce((sum, cluster) => sum + cluster.live_brokers, 0);
  return html`<h1>Overview</h1>
    <div class="figures">
      <${Figure} value=${number(topics.data?.total)} of="topics with a route" link="#/topics" />
      <${Figure} value=${number(brokers.data?.total)} of="broker groups" link="#/brokers" />
      <${Figure} value=${clusters.data ? number(live) : '–'} of="live brokers" />
      <${Figure} value=${number(clusters.data?.total)} of="clusters" />
    </div>
    <${Card} id="clusters" title="Clusters"><${Answered} of=${clusters}>${(data) => (data.items.length
    ? html`<${Table} label="Clusters" keyOf=${(row) => row.cluster} rows=${data.items} columns=${[
      ['Cluster', (row) => html`<a href=${`#/brokers?cluster=${encodeURIComponent(row.cluster)}`}>${row.cluster}</a>`],
      ['Broker groups', (row) => number(row.broker_groups), 'number'],
      ['Live brokers', (row) => `${number(row.live_brokers)} of ${number(row.brokers)}`, 'number'],
      ['State', (row) => (row.groups_without_master ? html`<${Badge} kind="warning">${count(row.groups_without_master, 'group')} without a master<//>` : html`<${Badge} kind="ok">ok<//>`)],
    ]} />` : html`<${Sentence} kind="note" next="Brokers register every 30 s, with each server that their namesrvAddr names.">No broker has registered here yet.<//>`)}<//><//>
    <${Card} id="brokers" title="Brokers"><${Answered} of=${brokers}>${(data) => html`<${BrokerTable} rows=${data.items} />`}<//><//>`;
}

export const BrokerTable = ({ rows }) => html`<${Table} label="Broker groups" keyOf=${(row) => row.broker_name} rows=${rows} columns=${[
  ['Broker group', (row) => html`<a href=${brokerLink(row.broker_name)}>${row.broker_name}</a>`],
  ['Cluster', (row) => row.cluster, 'wide'],
  ['Last heard', (row) => html`<${Heard} millis=${row.last_heard_millis_ago} timeout=${row.heartbeat_timeout_millis} />`],
  ['Live', (row) => `${number(row.live_brokers)} of ${number(row.brokers)}`, 'number wide'],
  ['Topics', (row) => number(row.topics), 'number'],
  ['State', (row) => html`<${Problems} of=${row.problems} />`],
]} />`;
