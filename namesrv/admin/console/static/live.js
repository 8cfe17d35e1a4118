// Keeps what is shown up to date: after each event of the server, and every few seconds.

import { useEffect, useState } from './standalone.module.js';
import { ask, send } from './api.js';

// Events that come together make one question.
const PAUSE_MILLIS = 300;
const POLL_MILLIS = 5000;
const listeners = new Set();

// `isLost`: the server did not answer the last question.
export const live = { isStreaming: false, isLost: false };

let due = 0;
export function refresh() {
  due ||= setTimeout(() => {
    due = 0;
    for (const listener of [...listeners]) listener();
  }, PAUSE_MILLIS);
}

// Reads the stream for as long as it lasts. Each block of lines is an event, whose
// content the pages ask for; a block without data is a sign of life. A page in the
// background has no stream, because a browser has six connections for all its pages.
let stop;
async function read(last) {
  stop = new AbortController();
  const answer = await send(`v1/events${last && `?after=${encodeURIComponent(last)}`}`, { signal: stop.signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  live.isStreaming = true;
  refresh();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return last;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) last = /^id: ?(.*)$/m.exec(block)?.[1].trim() || last;
      if (blocks.some((block) => /^data:/m.test(block))) refresh();
    }
  } catch {
    return last;
  }
}

async function follow() {
  for (let last = ''; ;) {
    try {
      if (!document.hidden) last = await read(last);
    } catch (error) {
      if (error.status === 404) return;
    }
    live.isStreaming = false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

export function start() {
  setInterval(() => document.hidden || refresh(), POLL_MILLIS);
  document.addEventListener('visibilitychange', () => (document.hidden ? stop?.abort() : refresh()));
  follow();
}

// The answer to a question as { data } or { error }, asked again and again. The last
// answer stays while the next one is on its way, or while the server is silent.
export function useAnswer(path, get = ask) {
  const [state, setState] = useState({});
  useEffect(() => {
    if (!path) return undefined;
    const abort = new AbortController();
    let isBusy = false;
    const update = async () => {
      if (isBusy) return;
      isBusy = true;
      let found;
      try {
        found = { data: await get(path, { signal: abort.signal }) };
      } catch (error) {
        found = { error };
      }
      isBusy = false;
      if (abort.signal.aborted) return;
      live.isLost = found.error?.status === 0;
      setState((old) => (live.isLost && old.path === path ? { ...old, ...found } : { path, ...found }));
    };
    update();
    listeners.add(update);
    return () => {
      listeners.delete(update);
      abort.abort();
    };
  }, [path]);
  return state.path === path ? state : {};
}
