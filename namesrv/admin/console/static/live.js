// Keeps what is shown up to date: by the stream of events, and by asking now and then.

import { useEffect, useState } from './standalone.module.js';
import { ask, send } from './api.js';

const PAUSE_MILLIS = 1000; // between two questions after events
const POLL_MILLIS = 5000;
const RETRY_MILLIS = 5000;
const listeners = new Set();
const eventListeners = new Set();

export const live = { isStreaming: false, isLost: false };

let due = null;
export function refresh() {
  due ??= setTimeout(() => {
    due = null;
    for (const listener of [...listeners]) listener();
  }, PAUSE_MILLIS / 4);
}

// Calls `read` with each event of the stream as [type, facts].
export const onEvent = (read) => {
  eventListeners.add(read);
  return () => eventListeners.delete(read);
};

function note(block) {
  const fields = { event: 'message', data: '' };
  for (const line of block.split('\n')) {
    const [name, value] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()];
    if (name === 'id') last = value;
    else if (name === 'data') fields.data += value;
    else if (name) fields[name] = value;
  }
  if (!fields.data) return;
  const facts = JSON.parse(fields.data);
  for (const read of eventListeners) read(fields.event, facts);
  refresh();
}

let last = '';
async function follow() {
  for (;;) {
    try {
      const headers = last ? { 'Last-Event-ID': last } : {};
      const answer = await send('v1/events', { headers });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      live.isStreaming = true;
      refresh();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value.replaceAll('\r', '');
        const blocks = text.split('\n\n');
        text = blocks.pop();
        blocks.forEach(note);
      }
    } catch (error) {
      // Without the stream the page asks every few seconds.
      if (error.status === 404) return;
    }
    live.isStreaming = false;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS));
  }
}

export function start() {
  setInterval(() => document.hidden || refresh(), POLL_MILLIS);
  document.addEventListener('visibilitychange', refresh);
  follow();
}

// The answer to a question, asked again after events and every few seconds. The last
// answer stays while the next one is on its way.
export function useAnswer(path) {
  const [state, setState] = useState({ path: null });
  useEffect(() => {
    if (!path) return undefined;
    const abort = new AbortController();
    let isBusy = false;
    const get = async () => {
      if (isBusy) return;
      isBusy = true;
      try {
        const data = await ask(path, { signal: abort.signal });
        live.isLost = false;
        setState({ path, data, at: Date.now() });
      } catch (error) {
        if (error.name === 'AbortError') return;
        live.isLost = error.status === 0;
        setState((old) => ({ ...(old.path === path && error.status === 0 ? old : {}), path, error, at: Date.now() }));
      } finally {
        isBusy = false;
      }
    };
    get();
    listeners.add(get);
    return () => {
      listeners.delete(get);
      abort.abort();
    };
  }, [path]);
  return state.path === path ? state : { path };
}

// A number that grows every second, for ages.
export function useSeconds() {
  const [, setNow] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
}
