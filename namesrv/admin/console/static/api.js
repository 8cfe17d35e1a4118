// Questions to the server. Addresses are relative to the page, so that a proxy's
// sub-path is kept. The token travels in a header and never in an address.

const TOKEN = 'namesrv.token';
const WRITES = 'namesrv.writes';
const MOST_PAGES = 50;
const store = sessionStorage;

export const token = () => store[TOKEN] || '';
export const mayWrite = () => !!token() && store[WRITES] === 'yes';
export function keepToken(text, writes) {
  store[TOKEN] = text;
  store[WRITES] = writes ? 'yes' : '';
}

// An answer that is no success; `status` is 0 if there was none.
export class Failure extends Error {
  constructor(status, detail) {
    super(detail || `the server answered with status ${status}`);
    this.status = status;
  }
}

// A name as one segment of a path, also one that would lead to a folder above.
export const segment = (name) => (/^\.\.?$/.test(name) ? name.replaceAll('.', '%2E') : encodeURIComponent(name));

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

export async function send(path, { method, signal, headers, as = token() } = {}) {
  const sent = { ...headers, ...(as && { Authorization: `Bearer ${as}` }) };
  let answer;
  try {
    answer = await fetch(path, { method, signal, headers: sent, cache: 'no-cache' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(0, 'The server does not answer. The page asks again.');
  }
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  throw new Failure(answer.status, detail);
}

export async function ask(path, options) {
  const answer = await send(path, options);
  return answer.status === 204 ? null : answer.json();
}

// The rows of a list. A page of the server may be short because of a filter.
export async function askList(path, options) {
  const most = +new URL(path, location).searchParams.get('limit');
  const list = await ask(path, options);
  for (let page = 1; list.next && list.items.length < most && page < MOST_PAGES; page += 1) {
    const more = await ask(path.split('?')[0] + list.next, options);
    list.items.push(...more.items);
    list.next = more.next;
  }
  return list;
}
