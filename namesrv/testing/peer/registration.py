"""Bodies of registrations (section 2.5 of docs/protocol.md)."""

import struct
import zlib
from collections.abc import Iterable, Mapping

from namesrv.testing.peer.json_text import Json, json_bytes, json_text

Text = str | bytes


def data_version(counter: int = 0, timestamp: int = 1, state_version: int = 0) -> Json:
    """A DataVersion; `timestamp` in milliseconds."""
    return {
        "counter": counter,
        "stateVersion": state_version,
        "timestamp": timestamp,
    }


def topic_config(
    name: str | None,
    queues: int = 4,
    perm: int = 6,
    flag: int = 0,
    *,
    write_queues: int | None = None,
) -> Json:
    """A TopicConfig as a 5.x broker writes it."""
    return {
        "attributes": {},
        "order": False,
        "perm": perm,
        "readQueueNums": queues,
        "topicFilterType": "SINGLE_TAG",
        "topicName": name,
        "topicSysFlag": flag,
        "writeQueueNums": queues if write_queues is None else write_queues,
    }


def topic_table(*names: str, **more: int) -> dict[str, Json]:
    """A topicConfigTable of equal topics; `more` as in `topic_config`."""
    return {name: topic_config(name, **more) for name in names}


def queue_data(broker_name: str, read: int, write: int, perm: int = 6) -> Json:
    """A QueueData, in answers to 105 and in the body of 217."""
    return {
        "brokerName": broker_name,
        "perm": perm,
        "readQueueNums": read,
        "topicSysFlag": 0,
        "writeQueueNums": write,
    }


def mapping_info(topic: str, broker_name: str, queues: int = 2) -> Json:
    """A TopicQueueMappingInfo, by which a broker registers a static topic."""
    return {
        "bname": broker_name,
        "currIdMap": {str(number): number for number in range(queues)},
        "dirty": False,
        "epoch": 7,
        "scope": "__global__",
        "topic": topic,
        "totalQueues": queues,
    }


def registration_body(
    topics: Mapping[str, Json] | None = None,
    *,
    version: Json = None,
    mappings: Mapping[str, Json] | None = None,
    filters: Json = (),
    sent_at: int = 1,
) -> bytes:
    """The JSON of a 5.x broker with two topics, or with a topicConfigTable.

    `sent_at` is mappingDataVersion.timestamp, the time of sending in milliseconds.
    """
    if topics is None:
        # A first registration with a single topic would not count (section 3.2).
        topics = topic_table("T1", "T2")
    wrapper = {
        "dataVersion": data_version() if version is None else version,
        "mappingDataVersion": data_version(timestamp=sent_at),
        "topicConfigTable": topics,
        "topicQueueMappingDetailMap": {},
        "topicQueueMappingInfoMap": mappings or {},
    }
    body = {"filterServerList": filters, "topicConfigSerializeWrapper": wrapper}
    return json_bytes(body)


def deflated_body(
    lines: Iterable[Text],
    *,
    version: Json = None,
    filters: Json = (),
    mappings: Iterable[Text] | None = None,
) -> bytes:
    """The body of a broker that deflates (section 2.5.4); see `packed_body`."""
    version = data_version() if version is None else version
    packed = packed_body(
        lines,
        version=json_text(version),
        filters=json_text(filters),
        mappings=mappings,
    )
    return zlib.compress(packed, 9)


def packed_body(
    lines: Iterable[Text],
    *,
    version: Text,
    filters: Text = "[]",
    mappings: Iterable[Text] | None = None,
) -> bytes:
    """The blocks of such a body before they are deflated; each is a text.

    A line is a topic: `name read-queues write-queues perm filter-type`; a mapping is a
    TopicQueueMappingInfo. Newer brokers send a list of mappings even if it is empty.
    """
    packed = block(version) + blocks(lines) + block(filters)
    return packed if mappings is None else packed + blocks(mappings)


def block(text: Text) -> bytes:
    """A text behind its length."""
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">i", len(data)) + data


def blocks(texts: Iterable[Text]) -> bytes:
    """Texts behind their number."""
    written = [block(text) for text in texts]
    return struct.pack(">i", len(written)) + b"".join(written)
