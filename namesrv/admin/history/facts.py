"""The facts of a record as members of an answer, each with its meaning."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.client.event_sentences import Facts, sentence_of, subject_of
from namesrv.routing.history.record import Record


class EventCause(Struct):
    """Why the tables changed, and for whom."""

    kind: Annotated[
        str,
        Meta(
            description="`request`, `HTTP request`, `closed connection`, `expiry`,"
            " `lease`, `leftover`, `reload` or `comparison` (with a peer)"
        ),
    ]
    request_code: Annotated[
        int | UnsetType, Meta(description="code of the request in remoting")
    ] = UNSET
    peer: Annotated[
        str | UnsetType, Meta(description="host:port of the peer that asked for it")
    ] = UNSET
    proxy: Annotated[
        str | UnsetType, Meta(description="host:port of the proxy that named the peer")
    ] = UNSET


class TopicsByFate(Struct, omit_defaults=True):
    """Topics in which the entry of one broker group changed."""

    added: Annotated[list[str], Meta(description="new in the group")] = []
    changed: Annotated[list[str], Meta(description="other queues or permission")] = []
    removed: Annotated[list[str], Meta(description="gone from the group")] = []
    mapped: Annotated[list[str], Meta(description="another static mapping")] = []


class EventFacts(Struct):
    """One event. Members that its type does not have, or that are unknown, are left
    out."""

    number: Annotated[int, Meta(description="its number in this run, from 1")]
    at_millis: Annotated[int, Meta(description="its date, milliseconds since 1970")]
    type: Annotated[
        str,
        Meta(description="`BrokerRegistered`, `TopicRemoved`, ..."),
    ]
    cause: Annotated[EventCause, Meta(description="the reason of the change")]
    cluster: Annotated[str | UnsetType, Meta(description="cluster of the broker")] = (
        UNSET
    )
    broker: Annotated[str | UnsetType, Meta(description="name of the group")] = UNSET
    address: Annotated[
        str | UnsetType, Meta(description="host:port of broker or peer")
    ] = UNSET
    epoch: Annotated[
        int | UnsetType,
        Meta(description="epoch of the registration that it is about; 0: none is live"),
    ] = UNSET
    broker_id: Annotated[int | UnsetType, Meta(description="0 is the master")] = UNSET
    broker_ids: Annotated[
        list[int] | UnsetType, Meta(description="ids that the address had in the group")
    ] = UNSET
    ha_address: Annotated[
        str | UnsetType, Meta(description="host:port for its slaves")
    ] = UNSET
    parts: Annotated[
        list[str] | UnsetType, Meta(description="parts of the broker that changed")
    ] = UNSET
    replaces: Annotated[
        str | UnsetType, Meta(description="address that had the id before")
    ] = UNSET
    replaced_by: Annotated[
        str | UnsetType, Meta(description="address that has the id now")
    ] = UNSET
    was_live: Annotated[
        bool | UnsetType, Meta(description="whether the broker had a live entry")
    ] = UNSET
    timeout_millis: Annotated[
        int | UnsetType, Meta(description="silence after which it is removed")
    ] = UNSET
    silent_millis: Annotated[
        int | UnsetType, Meta(description="time since it was heard from")
    ] = UNSET
    registered_in: Annotated[
        str | UnsetType, Meta(description="cluster in which it is still live")
    ] = UNSET
    is_group_gone: Annotated[
        bool | UnsetType, Meta(description="whether it was the last of its group")
    ] = UNSET
    is_read_only: Annotated[
        bool | UnsetType, Meta(description="whether the group became read-only")
    ] = UNSET
    had_address: Annotated[
        bool | UnsetType, Meta(description="the group had this address already")
    ] = UNSET
    former_ids: Annotated[
        list[int] | UnsetType, Meta(description="other ids that the address had before")
    ] = UNSET
    new_on: Annotated[
        list[str] | UnsetType,
        Meta(description="groups that did not have the topic before"),
    ] = UNSET
    topic: Annotated[str | UnsetType, Meta(description="name of the topic")] = UNSET
    brokers: Annotated[
        list[str] | UnsetType, Meta(description="groups in which the topic changed")
    ] = UNSET
    topics: Annotated[
        TopicsByFate | list[str] | UnsetType, Meta(description="topics that changed")
    ] = UNSET
    topics_left_out: Annotated[
        dict[str, int] | int | UnsetType,
        Meta(description="number of topics that the record has no room for"),
    ] = UNSET
    brokers_left_out: Annotated[
        int | UnsetType,
        Meta(description="number of groups that the record has no room for"),
    ] = UNSET
    new_on_left_out: Annotated[
        int | UnsetType,
        Meta(description="number of names that new_on has no room for"),
    ] = UNSET
    is_writable: Annotated[
        bool | UnsetType, Meta(description="whether the group may be written to now")
    ] = UNSET
    count: Annotated[
        int | UnsetType, Meta(description="differences from the other NameServer")
    ] = UNSET
    sentences: Annotated[
        list[str] | UnsetType, Meta(description="the first of these differences")
    ] = UNSET
    namespace: Annotated[
        str | UnsetType, Meta(description="namespace of the key-value configuration")
    ] = UNSET
    key: Annotated[str | UnsetType, Meta(description="the key that changed")] = UNSET
    is_deleted: Annotated[
        bool | UnsetType, Meta(description="whether the key has no value any more")
    ] = UNSET
    option: Annotated[str | UnsetType, Meta(description="name of the option")] = UNSET
    old: Annotated[Any, Meta(description="its value before")] = UNSET
    new: Annotated[Any, Meta(description="its value now")] = UNSET
    language: Annotated[
        str | UnsetType, Meta(description="language of the client that asked")
    ] = UNSET
    version: Annotated[
        int | UnsetType, Meta(description="remoting version of that client")
    ] = UNSET
    subject: Annotated[
        str, Meta(description="the thing that it is about, for people")
    ] = ""
    sentence: Annotated[
        str, Meta(description="the change and its reason, for people")
    ] = ""


_decode: Final = msgspec.msgpack.Decoder(EventFacts).decode


def facts_of(record: Record) -> EventFacts:
    """The facts of a record."""
    try:
        return _decode(record.content)
    except UnicodeDecodeError:
        # A name with a lone surrogate, which is no text for a strict decoder.
        return msgspec.convert(record.facts(), EventFacts)


def put_into_words(facts: EventFacts, plain: Facts) -> None:
    """Fill in the texts for people, from the same facts as a mapping."""
    facts.subject, facts.sentence = subject_of(plain), sentence_of(plain)


def names_of(topics: TopicsByFate | list[str] | UnsetType) -> list[str]:
    """The topics that an event names, whatever happened to them."""
    if isinstance(topics, TopicsByFate):
        return topics.added + topics.changed + topics.removed + topics.mapped
    return [] if topics is UNSET else topics
