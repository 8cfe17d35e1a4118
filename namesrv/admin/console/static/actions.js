// The few changes: each asks before it acts, and shows its effect.

import { ask, html, keepToken, mayWrite, refresh, Say, sentence, token, useEffect, useRef, useState } from './parts.js';

function Dialog({ title, onClose, children }) {
  const dialog = useRef();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before.isConnected && before.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-label=${title} onClose=${onClose}><h2>${title}</h2>${children}</dialog>`;
}

const Failure = ({ text }) => text && html`<${Say} kind="error">${sentence(text)}<//>`;

// A button that opens a question. `act` is [method, path], `effect` the sentences on
// what will happen, and `done` makes a sentence of the answer, which is shown also if
// the action is no longer offered.
export function Action({ label, title, effect, act: [method, path], done, kind = '', isOffered = true }) {
  const [step, setStep] = useState('');
  const [failure, setFailure] = useState('');
  if (!mayWrite()) return null;
  const carryOut = async () => {
    setStep('busy');
    try {
      setFailure('');
      setStep(done(await ask(path, { method })));
      refresh();
    } catch (error) {
      setFailure(error.message);
      setStep('asked');
    }
  };
  const close = () => { setStep(''); setFailure(''); };
  const isDone = step !== 'asked' && step !== 'busy';
  return html`${isOffered && html`<button type="button" class=${kind} onClick=${() => setStep('asked')}>${label}</button>`}
    ${step && html`<${Dialog} title=${title} onClose=${close}>
      ${isDone ? html`<${Say} kind="ok">${step}<//>` : effect.map((text) => html`<p>${text}</p>`)}<${Failure} text=${failure} />
      <p class="buttons"><button type="button" autofocus onClick=${close}>${isDone ? 'Close' : 'Cancel'}</button>
        ${!isDone && html`<button type="button" class=${`solid ${kind}`} disabled=${step === 'busy'} onClick=${carryOut}>${label}</button>`}</p><//>`}`;
}

// Takes a token, or forgets it. `isShut`: the server refuses reads without one.
export function Token({ isShut, onClose }) {
  const [failure, setFailure] = useState('');
  const keep = (text, writes) => { keepToken(text, writes); refresh(); onClose(); };
  const submit = async (event) => {
    event.preventDefault();
    const text = event.target.elements.token.value.trim();
    try {
      await ask('v1/write_right', { as: text });
      keep(text, true);
    } catch (error) {
      if (error.status === 403 && isShut) keep(text, false);
      else setFailure(error.message);
    }
  };
  if (token() && !isShut) {
    return html`<${Dialog} title=${mayWrite() ? 'Changes are allowed' : 'This token reads'} onClose=${onClose}>
      <p>This tab keeps the token until it is closed.</p>
      <p class="buttons"><button type="button" autofocus onClick=${onClose}>Close</button><button type="button" class="solid" onClick=${() => keep('')}>Forget the token</button></p><//>`;
  }
  return html`<${Dialog} title=${isShut ? 'No access yet' : 'This page only reads'} onClose=${onClose}><form onSubmit=${submit}>
    <p>A write token of httpTokenFile allows to change the permission of a broker group and to delete a topic${isShut && ', a read token shows the pages'}.</p>
    <label class="field"><span>Token</span><input type="password" name="token" required autofocus autocomplete="off" /></label>
    <${Failure} text=${failure} /><p class="buttons"><button type="button" onClick=${onClose}>Cancel</button><button class="solid">Use this token</button></p></form><//>`;
}
