// Numbers, ages, permissions and events in words.

export const number = (value) => (value == null ? '–' : value.toLocaleString('en-GB'));

export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

export const short = (name) => (name?.length > 200 ? `${name.slice(0, 200)}…` : name);

export function duration(millis) {
  const units = [[172800000, 86400000, 'days'], [7200000, 3600000, 'h'], [120000, 60000, 'min'], [-Infinity, 1000, 's']];
  const [, size, unit] = units.find(([least]) => millis >= least);
  return `${Math.max(0, Math.round(millis / size))} ${unit}`;
}

export const ago = (millis) => (millis < 1000 ? 'just now' : `${duration(millis)} ago`);

export const bytes = (value) => (value < 1048576 ? `${number(Math.ceil(value / 1024))} KiB` : `${number(Math.round(value / 104857.6) / 10)} MiB`);

const pad = (value) => `${value}`.padStart(2, '0');

export function clock(millis) {
  const date = new Date(millis);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':');
  return Date.now() - millis < 43200000 ? time : `${pad(date.getDate())}.${pad(date.getMonth() + 1)}. ${time}`;
}

export const permission = (perm) => [perm & 4 && 'read', perm & 2 && 'write'].filter(Boolean).join(' and ') || 'none';

export const role = (id) => (id === 0 ? 'master' : `slave ${id}`);

// A sentence ends with a full stop and begins with a capital letter.
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

const FATES = { added: 'new', changed: 'changed', removed: 'gone', mapped: 'mapped anew' };

function topicsOf({ topics, topics_left_out: more }) {
  if (!topics && !more) return '';
  if (Array.isArray(topics)) return `: ${count(topics.length + (+more || 0), 'topic')}`;
  const parts = Object.entries(FATES).map(([fate, word]) => [(topics?.[fate]?.length || 0) + (more?.[fate] || 0), word]);
  return parts.filter(([size]) => size).map(([size, word]) => `, ${count(size, 'topic')} ${word}`).join('');
}

const EVENTS = {
  BrokerRegistered: (of) => `${broker(of)} registered`,
  BrokerChanged: (of) => `${broker(of)} changed${of.parts?.length ? ` (${of.parts.join(', ')})` : ''}`,
  BrokerReplaced: (of) => `${broker(of)} was replaced by ${of.replaced_by}`,
  BrokerUnregistered: (of) => `${broker(of)} unregistered`,
  BrokerExpired: (of) => `${broker(of)} expired${of.silent_millis ? ` after ${duration(of.silent_millis)} of silence` : ''}`,
  BrokerDisconnected: (of) => `${broker(of)} went with its connection`,
  LeftoverRemoved: (of) => `Leftovers of broker group ${of.broker || of.cluster} were removed`,
  TopicAdded: (of) => `Topic ${of.topic} was added on ${count(of.brokers.length, 'broker group')}`,
  TopicChanged: (of) => `Topic ${of.topic} was changed on ${count(of.brokers.length, 'broker group')}`,
  TopicRemoved: (of) => `Topic ${of.topic} was deleted from ${count(of.brokers.length, 'broker group')}`,
  PermissionChanged: (of) => `Broker group ${of.broker} is ${of.is_writable ? 'writable' : 'read only'} now`,
  KvChanged: (of) => `Key ${of.key} of ${of.namespace} was ${of.is_deleted ? 'deleted' : 'stored'}`,
  ConfigChanged: (of) => `Option ${of.option} is ${of.new} now, it was ${of.old}`,
};

const broker = (of) => `Broker ${of.broker} at ${of.address}`;

// A type that this page does not know is shown with its name.
const other = (of) => [of.type.replace(/(?!^)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`), of.topic || of.broker || of.address || of.peer].filter(Boolean).join(' ');

export const eventText = (of) => short((EVENTS[of.type] || other)(of) + topicsOf(of));

export const causeText = ({ kind, peer }) => `${kind}${peer ? ` of ${peer}` : ''}`;
