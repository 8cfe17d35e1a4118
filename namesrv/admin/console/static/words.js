// Numbers, ages and states in words.

export const number = (value) => (value == null ? '–' : value.toLocaleString('en-GB'));

export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

export function duration(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

export const ago = (millis) => (millis < 1000 ? 'just now' : `${duration(millis)} ago`);

export function bytes(value) {
  if (value < 1024) return `${number(value)} B`;
  if (value < 1024 * 1024) return `${number(Math.round(value / 1024))} KiB`;
  return `${(value / 1024 / 1024).toFixed(value < 10485760 ? 1 : 0)} MiB`;
}

const pad = (value) => String(value).padStart(2, '0');

export function clock(millis) {
  const date = new Date(millis);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':');
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${time}`;
}

export function permission(perm) {
  const names = [perm & 4 && 'read', perm & 2 && 'write'].filter(Boolean);
  return names.join(' and ') || 'none';
}

export const role = (id) => (id === 0 ? 'master' : `slave ${id}`);

export const PROBLEMS = {
  no_master: 'no master',
  not_live: 'address not live',
  silent: 'silent',
  unconfirmed: 'unconfirmed',
  read_only: 'read only',
  not_writable: 'not writable',
  not_readable: 'not readable',
};
