"""Packets of attackers, and registrations of unusual brokers."""

from collections.abc import Iterable, Mapping

from namesrv.testing.peer import (
    Broker,
    data_version,
    deflated_body,
    registration,
    registration_body,
)

PACKET_BYTES = 65536
DAY_MILLIS = 86_400_000


def packet(frame: bytes, limit_bytes: int = PACKET_BYTES) -> bytes:
    """As many copies of a frame as fit into one packet, at least one."""
    return frame * max(1, limit_bytes // len(frame))


def packet_of(frames: Iterable[bytes], limit_bytes: int = PACKET_BYTES) -> bytes:
    """The first frames of a row of them that fit into one packet."""
    chosen: list[bytes] = []
    size = 0
    for frame in frames:
        size += len(frame)
        if size > limit_bytes:
            break
        chosen.append(frame)
    return b"".join(chosen)


def lasting_broker(name: str, addr: str, cluster: str, broker_id: int = 0) -> Broker:
    """A broker whose registration lasts a day."""
    return Broker(name, broker_id, addr, cluster, DAY_MILLIS)


def topic_table(names: Iterable[str], queues: int = 8) -> dict[str, object]:
    """topicConfigTable of topics that are alike, each with few bytes."""
    return {
        name: {
            "perm": 6,
            "readQueueNums": queues,
            "topicName": name,
            "topicSysFlag": 0,
            "writeQueueNums": 8,
        }
        for name in names
    }


def topics_body(
    names: Iterable[str],
    mappings: Mapping[str, object] | None = None,
    filters: Iterable[str] = (),
    *,
    queues: int = 8,
    counter: int = 1,
) -> bytes:
    """The JSON body of a registration of topics that are alike."""
    return registration_body(
        topic_table(names, queues),
        version=data_version(counter, 1_760_000_000_000),
        mappings=mappings,
        filters=list(filters),
    )


def deflated_registration(
    broker: Broker, lines: Iterable[str], mappings: Iterable[bytes] = ()
) -> bytes:
    """The frame of a registration in the deflated form of blocks."""
    body = deflated_body(lines, mappings=mappings)
    return registration(broker, body, ext={"compressed": "true"})
