// Questions to the server. Addresses are relative to the page, so that a proxy's
// sub-path is kept; the token travels in a header and never in an address.

const KEY = 'namesrv.token';
let token = sessionStorage.getItem(KEY) || '';

export const hasToken = () => token !== '';

export function keepToken(text) {
  token = text;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

// An answer that is no success. `status` is 0 if there was none.
export class Failure extends Error {
  constructor(status, body) {
    super(body.detail || `the server answered with status ${status}`);
    this.status = status;
    this.similar = body.similar || [];
  }
}

export const segment = (name) => (/^\.\.?$/.test(name) ? name.replaceAll('.', '%2E') : encodeURIComponent(name));

export const query = (values) => {
  const kept = Object.entries(values).filter(([, value]) => value !== '' && value != null);
  return kept.length ? `?${kept.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}` : '';
};

export async function send(path, { method = 'GET', signal, headers = {}, withToken = token } = {}) {
  const sent = withToken ? { ...headers, Authorization: `Bearer ${withToken}` } : headers;
  let answer;
  try {
    answer = await fetch(path, { method, signal, headers: sent, cache: 'no-cache' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(0, { detail: 'The server does not answer. The page asks again by itself.' });
  }
  if (answer.ok) return answer;
  throw new Failure(answer.status, await answer.json().catch(() => ({})));
}

export async function ask(path, options) {
  const answer = await send(path, options);
  return answer.status === 204 ? null : answer.json();
}
