"""Events of a server's history as sentences for people, from their facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Facts: TypeAlias = Mapping[str, Any]
"""An event as `/v1/history` has it."""
_COMMON: Final = ("number", "at_millis", "type", "cause")
_REMOVALS: Final = ("BrokerUnregistered", "BrokerExpired", "LeftoverRemoved")
"""The consequences follow the reason, as in "unregistered, by X; topics: 5 removed"."""
_WITH_PEER: Final = ("BrokerDisconnected", "TopicAskedInVain")
"""Their sentences name the peer themselves."""
_FATES: Final = ("added", "changed", "removed", "mapped")


def subject_of(facts: Facts) -> str:
    """The thing that an event is about: a broker, a topic, a key, an option."""
    for name in ("topic", "broker", "option"):
        if isinstance(facts.get(name), str):
            return str(facts[name])
    if str(facts.get("type")).startswith("Peer"):
        return str(facts.get("address"))
    if "namespace" in facts:
        return f"{facts['namespace']}/{facts.get('key', '')}"
    return "-"


def sentence_of(facts: Facts) -> str:
    """The change and its reason; the facts of an event of an unknown type."""
    make = _SENTENCES.get(str(facts.get("type")))
    sentence = _unknown(facts) if make is None else make(facts)
    reason = _reason(facts.get("cause") or {})
    if facts.get("type") in _WITH_PEER:
        return sentence
    rest = _rest(facts) if facts.get("type") in _REMOVALS else ""
    return f"{sentence}{reason}{rest}"


def _reason(cause: Facts) -> str:
    peer, code = cause.get("peer"), cause.get("request_code")
    if peer is None:
        return " (options were read again)" if cause.get("kind") == "reload" else ""
    over = "HTTP, as " if cause.get("kind") == "HTTP request" else ""
    through = f" behind {cause['proxy']}" if "proxy" in cause else ""
    by = f", by {peer}{through}"
    return by if code is None else f"{by} ({over}code {code})"


def _broker(facts: Facts) -> str:
    """Its address, id and cluster."""
    address = facts.get("address") or "without an address"
    ids = facts.get("broker_ids") or ()
    known = [facts["broker_id"]] if "broker_id" in facts else list(ids)
    number = f" id {', '.join(map(str, known))}" if known else ""
    cluster = f" of {facts['cluster']}" if facts.get("cluster") else ""
    return f"{address}{number}{cluster}"


def _registered(facts: Facts) -> str:
    replaced = f" in place of {facts['replaces']}" if facts.get("replaces") else ""
    return f"{_broker(facts)} registered{replaced}{_topics(facts)}"


def _changed(facts: Facts) -> str:
    parts = ", ".join(map(str, facts.get("parts") or ()))
    other = f" with another {parts}" if parts else ""
    replaced = f" in place of {facts['replaces']}" if facts.get("replaces") else ""
    return f"{_broker(facts)} registered again{other}{replaced}{_topics(facts)}"


def _replaced(facts: Facts) -> str:
    return f"{_broker(facts)} is gone, its id has {facts.get('replaced_by')} now"


def _unregistered(facts: Facts) -> str:
    return f"{_broker(facts)} unregistered"


def _expired(facts: Facts) -> str:
    silent = facts.get("silent_millis")
    if silent is None:
        return f"{_broker(facts)} did not come back after the start"
    limit = facts.get("timeout_millis")
    bound = "" if limit is None else f", longer than {_seconds(limit)}"
    return f"{_broker(facts)} was silent for {_seconds(silent)}{bound}"


def _disconnected(facts: Facts) -> str:
    peer = (facts.get("cause") or {}).get("peer")
    source = "" if peer is None else f" from {peer}"
    return f"the connection of {_broker(facts)}{source} was closed{_rest(facts)}"


def _leftover(facts: Facts) -> str:
    return f"{_broker(facts)} was left over and removed"


def _rest(facts: Facts) -> str:
    """The consequences of a removal."""
    found = _topics(facts)
    if facts.get("is_group_gone"):
        found += "; it was the last of its group"
    if facts.get("is_read_only"):
        found += "; the group is read-only without its master"
    if facts.get("registered_in"):
        found += f"; it stays in {facts['registered_in']}"
    return found


def _topic_added(facts: Facts) -> str:
    return f"topic added{_on_groups(facts)}"


def _topic_changed(facts: Facts) -> str:
    return f"topic changed{_on_groups(facts)}"


def _topic_removed(facts: Facts) -> str:
    of = f" in cluster {facts['cluster']}" if facts.get("cluster") else ""
    return f"topic deleted{of}{_on_groups(facts)}"


def _on_groups(facts: Facts) -> str:
    names = list(facts.get("brokers") or ())
    more = facts.get("brokers_left_out", 0) + max(len(names) - 5, 0)
    shown = ", ".join(map(str, names[:5]))
    return f" on {shown}{f' and {more} more' if more else ''}" if names else ""


def _permission(facts: Facts) -> str:
    done = "given" if facts.get("is_writable") else "taken away"
    return f"write permission {done}{_topics(facts)}"


def _kv(facts: Facts) -> str:
    return "key deleted" if facts.get("is_deleted") else "key has another value"


def _config(facts: Facts) -> str:
    return f"option changed from {facts.get('old')} to {facts.get('new')}"


def _asked_in_vain(facts: Facts) -> str:
    peer = (facts.get("cause") or {}).get("peer")
    kind = [str(facts[name]) for name in ("language", "version") if facts.get(name)]
    client = f"client {peer}" if peer else "a client"
    client += f" ({' '.join(kind)})" if kind else ""
    return f"{client} asked for {facts.get('topic')}; it has no route"


def _disagreed(facts: Facts) -> str:
    count = facts.get("count", 0)
    first = next(iter(facts.get("sentences") or ()), "")
    noun = "difference" if count == 1 else "differences"
    return f"the peer has other routes, {count} {noun}{f'; {first}' if first else ''}"


def _agreed(facts: Facts) -> str:
    return "the peer has the same routes again"


def _unknown(facts: Facts) -> str:
    more = {k: v for k, v in facts.items() if k not in _COMMON}
    listed = ", ".join(f"{name} {value}" for name, value in more.items())
    return f"{facts.get('type')}: {listed}"


def _topics(facts: Facts) -> str:
    """The numbers of topics, by their fate."""
    topics, left_out = facts.get("topics"), facts.get("topics_left_out")
    if isinstance(topics, Mapping) or isinstance(left_out, Mapping):
        named = topics if isinstance(topics, Mapping) else {}
        others = left_out if isinstance(left_out, Mapping) else {}
        counts = [
            (fate, len(named.get(fate) or ()) + others.get(fate, 0)) for fate in _FATES
        ]
        shown = ", ".join(f"{count} {fate}" for fate, count in counts if count)
        return f"; topics: {shown}" if shown else ""
    count = len(topics or ()) + (left_out or 0)
    return f"; topics: {count}" if count else ""


def _seconds(millis: int) -> str:
    return f"{millis / 1000:.0f} s" if millis >= 10_000 else f"{millis / 1000:.1f} s"


_SENTENCES: Final[Mapping[str, Callable[[Facts], str]]] = {
    "BrokerRegistered": _registered,
    "BrokerChanged": _changed,
    "BrokerReplaced": _replaced,
    "BrokerUnregistered": _unregistered,
    "BrokerExpired": _expired,
    "BrokerDisconnected": _disconnected,
    "LeftoverRemoved": _leftover,
    "TopicAdded": _topic_added,
    "TopicChanged": _topic_changed,
    "TopicRemoved": _topic_removed,
    "PermissionChanged": _permission,
    "KvChanged": _kv,
    "ConfigChanged": _config,
    "TopicAskedInVain": _asked_in_vain,
    "PeerDisagreed": _disagreed,
    "PeerAgreed": _agreed,
}
