// The frame of all pages: navigation, search, the state of the server, the token.

import { html, render, useEffect, useRef, useState } from './standalone.module.js';
import { hasToken } from './api.js';
import { live, start, useAnswer, useSeconds } from './live.js';
import { Token } from './actions.js';
import { Overview } from './overview.js';
import { Topic, Topics } from './topics.js';
import { Broker, Brokers } from './brokers.js';

const PAGES = {
  '': ['Overview', Overview],
  topics: ['Topics', Topics, Topic],
  brokers: ['Brokers', Brokers, Broker],
};

// #/topics/Orders?q=x -> { page: 'topics', name: 'Orders', query: { q: 'x' } }
function place() {
  const [path, text = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/');
  const known = page in PAGES ? page : '';
  let name = '';
  try {
    name = decodeURIComponent(rest.join('/'));
  } catch {
    // A wrong address leads to the list.
  }
  return { page: known, name, query: Object.fromEntries(new URLSearchParams(text)) };
}

export function go(page, query = {}) {
  const kept = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  location.hash = `#/${page}${kept.size ? `?${kept}` : ''}`;
}

function Ready() {
  const ready = useAnswer('v1/node');
  useSeconds();
  if (live.isLost) return html`<span class="state error" role="status">Not reachable</span>`;
  return html`<span class="state ok" role="status">${live.isStreaming ? 'Live' : 'Every 5 s'}</span>`;
}

function Find() {
  const [text, setText] = useState('');
  const find = (event) => {
    event.preventDefault();
    const name = text.trim();
    if (name) location.hash = `#/topics/${encodeURIComponent(name)}`;
    setText('');
  };
  return html`<form class="find" role="search" onSubmit=${find}>
    <label class="hidden" for="find">Name of a topic</label>
    <input id="find" type="search" value=${text} onInput=${(event) => setText(event.target.value)}
      placeholder="Explain a topic …" autocomplete="off" spellcheck="false" /></form>`;
}

function Console() {
  const [at, setAt] = useState(place());
  const [isOpen, setOpen] = useState(false);
  const main = useRef();
  const isFirst = useRef(true);
  useEffect(() => {
    const move = () => setAt(place());
    addEventListener('hashchange', move);
    return () => removeEventListener('hashchange', move);
  }, []);
  const [title, List, One] = PAGES[at.page];
  const Page = at.name && One ? One : List;
  const heading = at.name || title;
  useEffect(() => {
    document.title = `${heading} – namesrv ${location.host}`;
    if (!isFirst.current) main.current.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [at.page, at.name]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to the content</a>
    <header class="top"><a class="brand" href="#/"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path d="M9 23V9l14 14V9" /></svg>
      <span>namesrv <small>${location.host}</small></span></a>
      <${Find} /><${Ready} />
      <button type="button" class="quiet" onClick=${() => setOpen(true)}>${hasToken() ? 'Changes allowed' : 'Read only'}</button></header>
    <nav aria-label="Pages">${Object.entries(PAGES).map(([page, [text]]) => html`<a href=${`#/${page}`}
      aria-current=${page === at.page ? 'page' : null}>${text}</a>`)}</nav>
    <main id="main" tabindex="-1" ref=${main} aria-label=${heading}><${Page} key=${`${at.page}/${at.name}`} name=${at.name} query=${at.query} go=${go} /></main>
    ${isOpen && html`<${Token} onClose=${() => setOpen(false)} />`}`;
}

start();
render(html`<${Console} />`, document.getElementById('console'));
