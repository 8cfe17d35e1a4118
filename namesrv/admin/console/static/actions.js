// The few changes: each asks before it acts, and shows its effect.

import { html, useEffect, useRef, useState } from './standalone.module.js';
import { ask, hasToken, keepToken } from './api.js';
import { refresh } from './live.js';
import { Sentence, capital } from './parts.js';

function Dialog({ title, onClose, children }) {
  const dialog = useRef();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

// A button that opens a question. `act` is [method, path]; `done` makes a sentence of
// the answer.
export function Action({ label, title, effect, act, done, isDangerous }) {
  const [step, setStep] = useState('');
  const [failure, setFailure] = useState('');
  const [result, setResult] = useState('');
  if (!hasToken()) return null;
  const carryOut = async () => {
    setStep('busy');
    try {
      const answer = await ask(act[1], { method: act[0] });
      setResult(done(answer));
      setStep('done');
      refresh();
    } catch (error) {
      setFailure(error.message);
      setStep('asked');
    }
  };
  const close = () => { setStep(''); setFailure(''); };
  return html`<button type="button" class=${isDangerous ? 'danger' : ''} onClick=${() => setStep('asked')}>${label}</button>
    ${step && html`<${Dialog} title=${title} onClose=${close}>
      ${step === 'done' ? html`<${Sentence} kind="ok">${result}<//>` : effect}
      ${failure && html`<${Sentence} kind="error">${capital(failure)}<//>`}
      <p class="buttons">${step === 'done' ? html`<button type="button" autofocus onClick=${close}>Close</button>` : html`
        <button type="button" onClick=${close} autofocus>Cancel</button>
        <button type="button" class=${isDangerous ? 'danger solid' : 'solid'} disabled=${step === 'busy'} onClick=${carryOut}>${label}</button>`}</p><//>`}`;
}

// Takes a token, or forgets it.
export function Token({ onClose }) {
  const [text, setText] = useState('');
  const [failure, setFailure] = useState('');
  const keep = async (event) => {
    event.preventDefault();
    try {
      await ask('v1/write_right', { withToken: text.trim() });
      keepToken(text.trim());
      onClose();
    } catch (error) {
      setFailure(error.message);
    }
  };
  const forget = () => { keepToken(''); onClose(); };
  return html`<${Dialog} title=${hasToken() ? 'Changes are allowed' : 'This page only reads'} onClose=${onClose}>
    <form onSubmit=${keep}>
    ${hasToken() ? html`<p>This tab sends a token with each request, and forgets it when it is closed. Each change asks before it acts.</p>`
    : html`<p>With a token of the server's file (<code>httpTokenFile</code>) a few changes are possible: the write permission of a broker, and the deletion of a topic.</p>
      <label class="field"><span>Token</span><input type="password" value=${text} required autocomplete="off" onInput=${(event) => setText(event.target.value)} /></label>`}
    ${failure && html`<${Sentence} kind="error">${capital(failure)}<//>`}
    <p class="buttons"><button type="button" onClick=${onClose}>${hasToken() ? 'Close' : 'Cancel'}</button>
    ${hasToken() ? html`<button type="button" class="solid" onClick=${forget}>Forget the token</button>` : html`<button class="solid">Use this token</button>`}</p></form><//>`;
}
