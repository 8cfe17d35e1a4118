// The frame of all pages: navigation, search, the state of the server, the token.

import { html, live, mayWrite, query as asQuery, render, Say, segment, short, start, token, useAnswer, useEffect, useRef, useState } from './parts.js';
import { Token } from './actions.js';
import { Overview } from './overview.js';
import { Missing, Topic, Topics } from './topics.js';
import { Broker, Brokers } from './brokers.js';
import { History } from './history.js';
import { Node, Peers } from './node.js';

const PAGES = {
  '': ['Overview', Overview],
  topics: ['Topics', Topics, Topic],
  brokers: ['Brokers', Brokers, Broker],
  missing: ['Missing topics', Missing],
  history: ['History', History],
  peers: ['Peers', Peers],
  node: ['This node', Node],
};

// #/topics/Orders?q=x -> ['topics', 'Orders', { q: 'x' }]
function place() {
  const [path, text] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, name = ''] = path.split('/');
  try {
    return [PAGES[page] ? page : '', decodeURIComponent(name), Object.fromEntries(new URLSearchParams(text))];
  } catch {
    return ['', '', {}];
  }
}

const go = (page, query) => { location.hash = `#/${page}${asQuery(query)}`; };

function Find() {
  const find = (event) => {
    event.preventDefault();
    const field = event.target.elements.topic;
    if (field.value.trim()) go(`topics/${segment(field.value.trim())}`, {});
    field.value = '';
  };
  return html`<form class="find" role="search" onSubmit=${find}><input name="topic" type="search" aria-label="Name of a topic" placeholder="Explain a topic …" autocomplete="off" /></form>`;
}

function State({ node, isShut }) {
  const [kind, text] = isShut ? ['error', 'No access'] : live.isLost ? ['error', 'Not reachable'] : node?.obstacle ? ['error', 'Not ready'] : ['ok', live.isStreaming ? 'Live' : 'Every 5 s'];
  return html`<span class=${`state ${kind}`} role="status" title=${node?.obstacle}>${text}</span>`;
}

// In place of a page that the server shows to nobody without a token.
const Shut = () => html`<${Say} kind="error" next=${token() ? 'It does not take the token of this tab.' : 'The button at the top takes one.'}>This server asks for a token.<//>`;

function Console() {
  const [[page, name, query], setPlace] = useState(place());
  const [isAsking, setAsking] = useState(false);
  const node = useAnswer('v1/node');
  const isShut = node.error?.status === 401;
  const main = useRef();
  const [title, List, One] = PAGES[page];
  const Page = name && One ? One : List;
  const heading = short(name) || title;
  useEffect(() => addEventListener('hashchange', () => setPlace(place())), []);
  useEffect(() => { document.title = `${heading} – ${location.host}`; }, [heading]);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) main.current.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [page, name]);
  const skip = (event) => { event.preventDefault(); main.current.focus(); };
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top"><a class="brand" href="#/"><img src="console/icon.svg" alt="" width="30" height="30" /><span>namesrv<small>${location.host}</small></span></a>
      <${Find} /><${State} node=${node.data} isShut=${isShut} />
      <button class="dim" onClick=${() => setAsking(true)}>${isShut ? 'Enter token' : mayWrite() ? 'Changes allowed' : 'Read only'}</button></header>
    <nav aria-label="Pages">${Object.entries(PAGES).map(([key, [text]]) => html`<a href=${`#/${key}`} aria-current=${key === page ? 'page' : null}>${text}</a>`)}</nav>
    <main id="main" tabindex="-1" ref=${main} aria-label=${heading}>
      <div class="page" key=${`${page}/${name}`}>${isShut ? html`<h1>${heading}</h1><${Shut} />` : html`<${Page} name=${name} query=${query} go=${go} node=${node} />`}</div></main>
    ${isAsking && html`<${Token} isShut=${isShut} onClose=${() => setAsking(false)} />`}`;
}

start();
render(html`<${Console} />`, document.getElementById('console'));
