// Numbers, ages and names in words.

export const number = (value) => (value == null ? '–' : value.toLocaleString('en-GB'));
export const count = (value, one) => `${number(value)} ${one}${value === 1 ? '' : 's'}`;
export const short = (name) => (name?.length > 200 ? `${name.slice(0, 200)}…` : name);

const UNITS = [[1728e5, 864e5, 'days'], [72e5, 36e5, 'h'], [12e4, 6e4, 'min'], [-Infinity, 1e3, 's']];

export function duration(millis) {
  const [, size, unit] = UNITS.find(([least]) => millis >= least);
  return `${Math.max(0, Math.round(millis / size))} ${unit}`;
}

export const ago = (millis) => (millis < 1000 ? 'just now' : `${duration(millis)} ago`);
export const since = (millis) => ago(Date.now() - millis);
export const bytes = (value) => (value < 1048576 ? `${number(Math.ceil(value / 1024))} KiB` : `${number(+(value / 1048576).toFixed(1))} MiB`);

// A time of today, or the date and time of another day.
export function clock(millis) {
  const date = new Date(millis);
  return `${Date.now() - millis < 432e5 ? '' : `${date.toLocaleDateString('en-CA')} `}${date.toLocaleTimeString('en-GB')}`;
}

export const permission = (perm) => [perm & 4 && 'read', perm & 2 && 'write'].filter(Boolean).join(' and ') || 'none';
export const role = (id) => (id === 0 ? 'master' : `slave ${id}`);

// With a capital letter and a full stop.
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
