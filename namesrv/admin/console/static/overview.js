// The first page: problems, totals and rates, clusters, brokers, the last changes.

import { answered, Badge, brokerLink, Card, count, Figure, Heard, html, number, Problems, query, Say, short, Spark, Table, tally, toBroker, topicLink, useAnswer } from './parts.js';
import { Events } from './history.js';

const LINKS = { broker: brokerLink, topic: topicLink, topics: () => '#/topics?problem=1', missing: () => '#/missing', peer: () => '#/peers', server: () => '#/node' };

export const Trouble = ({ of }) => html`<a class="trouble" href=${LINKS[of.subject](of.name || '')}><${Say} kind=${of.severity} next=${of.next}>${of.sentence}<//></a>`;

const RATES = [['lookups', 'lookups a second'], ['unknown_topics', 'of missing topics a second'], ['registrations', 'registrations a second'], ['changes', 'changes a second']];

export function Overview({ node }) {
  const problems = useAnswer('v1/problems?limit=20');
  const clusters = useAnswer('v1/clusters?limit=200');
  const brokers = useAnswer('v1/brokers?limit=200');
  const history = useAnswer('v1/history?limit=8');
  return html`<h1>Overview</h1>
    <section aria-label="Problems">${answered(problems, (data) => html`
      ${data.problems.map((one) => html`<${Trouble} key=${one.id + one.name + one.sentence} of=${one} />`)}
      ${!data.problems.length && html`<${Say} kind="ok">This server sees no problem.<//>`}
      <${More} of=${data} />`)}</section>
    ${answered(node, (data) => html`<div class="figures">
      <${Figure} value=${number(data.topics)} of="topics with a route" link="#/topics" />
      <${Figure} value=${number(data.broker_groups)} of="broker groups" link="#/brokers" />
      <${Figure} value=${number(data.live_brokers)} of="live brokers" />
      <${Figure} value=${number(data.connections.total)} of="open connections" link="#/node" /></div><div class="figures">
      ${RATES.map(([name, words]) => html`<${Figure} value=${number(data.rates[name].at(-1) ?? 0)} of=${words}>
        <${Spark} values=${data.rates[name]} label=${`${words}, ten minutes, at most ${number(Math.max(0, ...data.rates[name]))}`} /><//>`)}</div>`)}
    <${Card} title="Clusters">${answered(clusters, (data) => (data.items.length ? html`<${Table} label="Clusters" rows=${data.items} columns=${[
    ['Cluster', (row) => html`<a href=${`#/brokers${query({ cluster: row.cluster })}`}>${short(row.cluster)}</a>`],
    tally('Broker groups', 'broker_groups'),
    ['Live brokers', (row) => `${number(row.live_brokers)} of ${number(row.brokers)}`, 'number'],
    ['State', (row) => (row.groups_without_master ? html`<${Badge} kind="warning">${number(row.groups_without_master)} without master<//>` : html`<${Badge} kind="ok">ok<//>`)],
  ]} />` : html`<${Say} kind="note" next="Brokers register every 30 s with the servers of their namesrvAddr.">No broker is registered here.<//>`))}<//>
    <${Card} title="Brokers" note="A broker is removed when its bar is full.">
      ${answered(brokers, (data) => html`<${BrokerTable} rows=${data.items} />`)}<//>
    <${Card} title="Last changes">${answered(history, (data) => html`<${Events} of=${data.events} />`)}<//>`;
}

function More({ of }) {
  const more = of.errors + of.warnings + of.notes - of.problems.length;
  return more > 0 && html`<p class="dim">and ${count(more, 'more problem')}.</p>`;
}

export const BrokerTable = ({ rows }) => html`<${Table} label="Broker groups" rows=${rows} columns=${[
  ['Broker group', (row) => toBroker(row.broker_name)],
  ['Cluster', (row) => short(row.cluster), 'wide'],
  ['Last heard', (row) => html`<${Heard} millis=${row.last_heard_millis_ago} timeout=${row.heartbeat_timeout_millis} />`],
  ['Live', (row) => `${number(row.live_brokers)} of ${number(row.brokers)}`, 'number wide'],
  tally('Topics', 'topics'),
  ['State', (row) => html`<${Problems} of=${row.problems} />`],
]} />`;
