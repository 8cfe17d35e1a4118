// This server, and its agreement with its peers.

import { answered, Badge, bytes, Card, count, duration, Figure, html, number, Say, sentence, since, Spark, Table, useAnswer } from './parts.js';

const RATES = { lookups: 'Lookups of routes', unknown_topics: 'Lookups of missing topics', heartbeats: 'Heartbeats', registrations: 'Registrations', http_requests: 'Requests over HTTP', changes: 'Changes' };

export const Node = ({ node }) => html`<h1>This node</h1>${answered(node, (data) => html`
  <${Say} kind=${data.obstacle ? 'error' : 'ok'}>${sentence(data.obstacle || 'clients may come')}<//>
  <div class="figures"><${Figure} value=${data.version} of="version" /><${Figure} value=${duration(data.uptime_millis)} of="since its start" />
    <${Figure} value=${`${number(data.longest_lag_millis)} ms`} of="longest delay of the last minute" />
    <${Figure} value=${number(data.connections.total)} of=${`connections, of ${number(data.connections.limit)} at most`} />
    <${Figure} value=${number(data.connections.with_brokers)} of="with brokers" /></div>
  <${Card} title="Rates" note="in a second, over the last ten minutes"><${Table} label="Rates" rows=${Object.keys(RATES)} columns=${[
    ['Number of', (name) => RATES[name]], ['Now', (name) => number(data.rates[name].at(-1) ?? 0), 'number'],
    ['Ten minutes', (name) => html`<${Spark} values=${data.rates[name]} label=${RATES[name]} />`, 'half'],
  ]} /><//>
  <${Memory} of=${data.memory} />
  <${Card} title="Options" note="those that differ from their defaults">${data.options.length ? html`<${Table} label="Options" rows=${data.options} columns=${[
    ['Option', (row) => html`<code>${row.name}</code>`], ['Value', (row) => html`<code>${`${row.value}` || '(empty)'}</code>`],
    ['Default', (row) => html`<code>${`${row.default ?? ''}` || '(empty)'}</code>`, 'wide'], ['Meaning', (row) => html`<span class="dim">${row.meaning}</span>`, 'wide half'],
  ]} />` : html`<p>All options have their defaults.</p>`}<//>`)}`;

function Memory({ of }) {
  const own = of.parts[0].most_bytes;
  const [grown, most] = [Math.max(0, of.resident_bytes - own), Math.max(1, of.most_bytes - own)];
  return html`<${Card} title="Memory"><p><b>${of.resident_bytes == null ? 'Unknown' : bytes(of.resident_bytes)}</b> in use, and the formula allows ${bytes(of.most_bytes)}. The bar shows the growth above ${bytes(own)}: ${bytes(grown)} of ${bytes(most)}.</p>
    <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="100" height="6" /><rect width=${Math.min(100, (100 * grown) / most)} height="6" /></svg>
    <${Table} label="Parts of the formula" rows=${of.parts} columns=${[
    ['Part', (row) => row.part], ['Number', (row) => number(row.count), 'number'], ['At most', (row) => bytes(row.most_bytes), 'number']]} /><//>`;
}

const STATES = { agrees: 'ok', disagrees: 'error', down: 'warning', wrong: 'error', settling: 'note' };

export function Peers() {
  const peers = useAnswer('v1/peers');
  return html`<h1>Peers</h1><p>Other NameServers (option <code>peers</code>), whose routes are compared and never copied.</p>
    ${answered(peers, (data) => html`${data.orphan && html`<${Say} kind="error">${sentence(data.orphan)}<//>`}
    ${data.peers.length ? data.peers.map((peer) => html`<${Card} key=${peer.address} title=${peer.address} note=${html`<${Badge} kind=${STATES[peer.state]}>${peer.state}<//> for ${duration(Date.now() - peer.since_millis)}`}>
      <p>${sentence(peer.reason || (peer.state === 'agrees' ? 'it has the same routes' : count(peer.differences.length + peer.differences_left_out, 'difference')))}
        <span class="dim"> ${peer.asked_millis ? `Asked ${since(peer.asked_millis)}.` : 'Not compared.'}</span></p>
      ${peer.differences.length > 0 && html`<ul>${peer.differences.slice(0, 50).map((text) => html`<li>${sentence(text)}</li>`)}</ul>`}<//>`)
    : html`<${Say} kind="note" next="Start it with --peers HOST:PORT;HOST:PORT, or compare by namesrv diff.">This server has no peers to compare with.<//>`}`)}`;
}
