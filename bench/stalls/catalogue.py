"""Every request code and every list that a peer can fill, asked at its most expensive.

A row is one packet of 64 KiB, or one frame longer than that, on a connection of its
own. Names begin with the request code, or with the part of the server that is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.driver.client import Client
from bench.stalls import largest, requests
from bench.stalls.largest import Size
from namesrv.codes import FLAG_ONEWAY
from namesrv.testing.peer import (
    Broker,
    data_version,
    frame,
    header_binary,
    json_bytes,
    lookup,
    queue_data,
    registration,
    request,
)

LENIENT_COMMENT = b"/**/"
"""The strict decoder refuses a comment, the lenient reader skips it."""
MIB = 1 << 20
_READY_TOPICS = 50_000
_ASKED_AT_ONCE = 100


@dataclass(frozen=True)
class Row:
    """One row. `payload` makes the bytes; `prepare` brings the server into the state
    before them, each time; `is_frame` says that they are one frame; `reason` is why the
    row may miss the goal."""

    name: str
    about: str
    payload: Callable[[Size], bytes]
    prepare: Callable[[Client, Size], None] | None = None
    is_frame: bool = False
    reason: str = "not known yet."


def _ask(code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    return request(code, fields or {}, body)


def _packet(
    code: int, fields: dict[str, str] | None = None, body: bytes = b""
) -> Callable[[Size], bytes]:
    return lambda size: requests.packet(_ask(code, fields, body))


def _register_big(client: Client, size: Size) -> None:
    client.exchange(largest.big_registration(size))


def _look_up_many(client: Client, size: Size) -> None:
    """Have the answers of many topics ready."""
    names = [largest.topic(n) for n in range(min(size.big_topics, _READY_TOPICS))]
    for start in range(0, len(names), _ASKED_AT_ONCE):
        some = names[start : start + _ASKED_AT_ONCE]
        client.send(*map(lookup, some))
        client.read_answers(len(some))


def _register_groups(client: Client, size: Size) -> None:
    client.exchange(largest.group_registration(size, 0))


def _lookup_rows() -> Iterator[Row]:
    everywhere = {"topic": largest.EVERYWHERE}
    zone = {**everywhere, "__ZONE_MODE": "true", "__ZONE_NAME": "z"}
    yield Row("105 hit", "a known topic", _packet(105, {"topic": largest.topic(1)}))
    yield Row("105 unknown", "an unknown topic", _packet(105, {"topic": "nobody"}))
    yield Row(
        "105 on all groups", "its ready answer is large", _packet(105, everywhere)
    )
    yield Row(
        "105 one-way on all groups",
        "no answer, although one is ready and large",
        lambda size: requests.packet(request(105, everywhere, flag=FLAG_ONEWAY)),
    )
    yield Row("105 zone on all groups", "each is made anew", _packet(105, zone))
    yield Row(
        "105 long names",
        "unknown topics with names of 30 KB",
        lambda size: requests.packet(_ask(105, {"topic": "x" * 30000})),
    )


def _list_rows() -> Iterator[Row]:
    cluster = {"cluster": "Cluster-0001"}
    yield Row("106", "all groups and clusters", _packet(106))
    yield Row("206", "all topics", _packet(206))
    yield Row("224 small", "topics of a cluster", _packet(224, cluster))
    big = {"cluster": largest.BIG_CLUSTER}
    yield Row("224 big", "topics of the largest cluster", _packet(224, big))
    yield Row(
        "224 each",
        "another cluster each time",
        lambda size: requests.packet_of(
            _ask(224, {"cluster": f"Cluster-{n % size.clusters:04d}"})
            for n in range(1000)
        ),
    )
    yield Row("304", "system topics", _packet(304))
    for code in (311, 312, 313):
        yield Row(f"{code}", "topics by flag", _packet(code))
    ids = {"clusterName": largest.BIG_CLUSTER, "brokerName": largest.IDS_BROKER}
    yield Row("901", "a group with many ids", _packet(901, ids))
    yield Row(
        "lists after a change",
        "a topic comes before each list",
        lambda size: requests.packet_of(
            one
            for n in range(1000)
            for one in (
                _ask(
                    217,
                    {"topic": f"Topic-new-{n}"},
                    json_bytes(
                        {"queueDatas": [{"brokerName": largest.BIG_BROKER, "perm": 6}]}
                    ),
                ),
                _ask(206),
                _ask(224, big),
                _ask(311),
                _ask(106),
            )
        ),
        reason="its wait was 7 ms in an earlier, quieter run.",
    )


def _kv_rows() -> Iterator[Row]:
    namespace = {"namespace": largest.KV_NAMESPACE}
    key = {**namespace, "key": "key-00001"}
    yield Row(
        "100",
        "puts of one key",
        lambda size: requests.packet_of(
            _ask(100, {**key, "value": f"{n:04d}" + "w" * 1000}) for n in range(1000)
        ),
    )
    yield Row(
        "100 long",
        "a put of the longest value",
        lambda size: _ask(100, {**key, "value": "w" * 60000}),
    )
    yield Row("101", "a value of 60 KB", _packet(101, key))
    yield Row("102", "deletes of no key", _packet(102, {**namespace, "key": "none"}))
    short = {**namespace, "key": "short"}
    yield Row(
        "100 and 102",
        "puts and deletes of one key by turns",
        lambda size: requests.packet(
            _ask(100, {**short, "value": ""}) + _ask(102, short)
        ),
        reason="128 changes join one write, which writes 90 MiB in 60 ms of a thread.",
    )
    yield Row(
        "219",
        "the whole namespace, twenty times",
        lambda size: _ask(219, namespace) * 20,
    )


def _config_rows() -> Iterator[Row]:
    yield Row(
        "318",
        "an option, another value each time",
        lambda size: requests.packet_of(
            _ask(318, {}, b"scanNotActiveBrokerInterval=%d" % (5000 + n))
            for n in range(1000)
        ),
    )
    yield Row(
        "318 short scan",
        "a scan every 10 ms",
        lambda size: _ask(318, {}, b"scanNotActiveBrokerInterval=10"),
        reason="one short request writes a file, and scans of all brokers follow.",
    )
    yield Row(
        "318 of routes",
        "an option on which each of 50,000 ready answers depends",
        lambda size: requests.packet_of(
            _ask(318, {}, b"supportActingMaster=%s" % (b"true", b"false")[n % 2])
            for n in range(1000)
        ),
        prepare=_look_up_many,
    )
    yield Row("319", "all options", _packet(319))
    yield Row("unsupported", "a code that nobody has", _packet(9999))
    yield Row(
        "responses",
        "answers that nobody asked for",
        lambda size: requests.packet(
            frame(b'{"code":0,"flag":1,"opaque":1,"extFields":{}}')
        ),
    )


def _broker_rows() -> Iterator[Row]:
    one = largest.group_broker(largest.LARGEST, 5).ext_fields
    yield Row("904", "heartbeats", _packet(904, one))
    version = json_bytes(data_version(1))
    yield Row("322", "versions", _packet(322, one, version))
    odd = b'{"counter":/**/1,"stateVersion":0,"timestamp":1}'
    yield Row("322 lenient", "versions for the lenient reader", _packet(322, one, odd))
    yield Row(
        "103 again",
        "unchanged registrations of a group",
        lambda size: requests.packet(largest.group_registration(size, 7)),
    )
    yield Row(
        "103 filters",
        "filter servers of a broker come and go beside 50,000 ready answers",
        lambda size: requests.packet_of(
            largest.group_registration(size, 9, filters=["10.5.0.1:1"] * (n % 2))
            for n in range(1000)
        ),
        prepare=_look_up_many,
        reason="each change looks at the addresses of 20,000 groups, in steps.",
    )
    yield Row(
        "103 new groups",
        "a packet of new groups, and the end of their connection",
        lambda size: requests.packet_of(
            largest.group_registration(size, size.groups + n) for n in range(1000)
        ),
    )
    yield Row(
        "103 many ids again",
        "brokers of the group with many ids change their addresses",
        lambda size: requests.packet_of(
            registration(
                largest.id_broker(n)._replace(addr=f"10.4.0.{n}:1"),
                requests.topics_body(("Topic-ids-1", "Topic-ids-2")),
            )
            for n in range(1000)
        ),
    )
    yield Row(
        "104 many ids",
        "brokers of the group with many ids leave",
        lambda size: requests.packet_of(
            _ask(104, largest.id_broker(n).ext_fields) for n in range(1000)
        ),
        reason="its wait was 8 ms in an earlier, quieter run.",
    )


def _large_registration_rows() -> Iterator[Row]:
    yield Row(
        "103 large, unchanged",
        "the repetition that the big broker sends every 30 s",
        lambda size: largest.big_registration(size),
        _register_big,
        is_frame=True,
    )
    yield Row(
        "103 large, all changed",
        "each topic has other queues",
        lambda size: largest.big_registration(size, 2, 9),
        _register_big,
        is_frame=True,
    )
    broker = requests.lasting_broker("broker-row", "10.9.0.1:10911", "Cluster-row")
    yield Row(
        "103 of 10,000 topics",
        "a usual large broker, and the end of its connection",
        lambda size: registration(broker, requests.topics_body(_names(10_000))),
        is_frame=True,
    )
    yield Row(
        "103 bare keys",
        "static topics of a Java broker: numbers as names, 2 MB",
        lambda size: _static_topics(broker, 2 * MIB),
        is_frame=True,
    )
    yield Row(
        "103 lenient",
        "a body of 2 MB for the lenient reader",
        lambda size: registration(broker, _lenient(_many_topics(2 * MIB))),
        is_frame=True,
    )
    yield Row(
        "103 lenient, longest",
        "a body of 15 MB for the lenient reader",
        lambda size: registration(broker, _lenient(_many_topics(15 * MIB))),
        is_frame=True,
    )
    yield Row(
        "103 broken at its end",
        "15 MB that turn out to be no JSON",
        lambda size: registration(broker, _many_topics(15 * MIB)[:-1]),
        is_frame=True,
    )
    yield Row(
        "103 tiny entries",
        "15 MB of the shortest entries",
        lambda size: registration(broker, _tiny_entries(15 * MIB)),
        is_frame=True,
    )
    yield Row(
        "103 deflated",
        "100,000 topics in a small frame, and the end of its connection",
        lambda size: requests.deflated_registration(
            broker._replace(name="broker-deflated"),
            (f"{name} 8 8 6 SINGLE_TAG" for name in _names(size.topics)),
        ),
        is_frame=True,
        reason="the end of its connection removes as many topics as it brought.",
    )
    yield Row(
        "103 deflated mappings",
        "mappings for the lenient reader in a small frame",
        lambda size: requests.deflated_registration(
            broker._replace(name="broker-deflated"),
            ("T1 8 8 6 SINGLE_TAG", "T2 8 8 6 SINGLE_TAG"),
            (
                b'{"bname":"b","currIdMap":{0:1},/**/"topic":"M%06d"}' % n
                for n in range(size.topics)
            ),
        ),
        is_frame=True,
        reason="each byte brings up to an entry, and the lenient reader takes 12"
        " microseconds for one with a comment.",
    )
    yield Row(
        "103 many servers",
        "15 MB of filter servers",
        lambda size: registration(
            broker,
            requests.topics_body(
                ("A", "B"),
                filters=(f"10.0.{n}:1" for n in range(MIB)),
            ),
        ),
        is_frame=True,
    )
    yield Row(
        "103 many queue ids",
        "15 MB of currIdMap",
        lambda size: registration(
            broker,
            requests.topics_body(
                ("A", "B"),
                {"M": {"bname": "b", "topic": "M", "currIdMap": _id_map(MIB)}},
            ),
        ),
        is_frame=True,
    )


def _operator_rows() -> Iterator[Row]:
    big = largest.big_broker().ext_fields
    yield Row(
        "104 of the big broker",
        "a broker leaves with all its topics",
        lambda size: _ask(104, big),
        _register_big,
        reason="one request of few bytes removes 80,000 topics; it does so in steps.",
    )
    name = {"brokerName": largest.BIG_BROKER}
    yield Row(
        "205 and 327",
        "wipe and add write permission by turns",
        lambda size: requests.packet(_ask(205, name) + _ask(327, name)),
        _register_big,
        reason="each request of 90 bytes changes 80,000 topics; it does so in steps.",
    )
    yield Row(
        "216 of a topic on all groups",
        "deletes it everywhere",
        lambda size: _ask(216, {"topic": largest.EVERYWHERE}),
        _everywhere_again,
        reason="one short request removes the topic from 20,000 groups, in steps.",
    )
    yield Row(
        "216",
        "deletes many topics",
        lambda size: requests.packet_of(
            _ask(216, {"topic": largest.topic(n)}) for n in range(1000)
        ),
        _register_big,
    )
    yield Row(
        "217 on all groups",
        "a topic for all groups in one frame",
        lambda size: _everywhere(size),
        is_frame=True,
    )
    yield Row(
        "217 lenient",
        "many queues for the lenient reader",
        lambda size: _ask(
            217,
            {"topic": "T"},
            b'{"queueDatas":[/**/' + b"{}," * (2 * MIB // 3) + b"]}",
        ),
        is_frame=True,
    )


def _header_rows() -> Iterator[Row]:
    tight = b'{"code":105,"extFields":{"topic":"T"},"x":[%s]}'
    yield Row(
        "header of 1 MB",
        "for the lenient reader",
        lambda size: frame(tight % (b"0," * (MIB // 2))),
        is_frame=True,
    )
    yield Row(
        "headers of 30 KB",
        "for the lenient reader",
        lambda size: requests.packet(frame(tight % (b"0," * 15_000))),
    )
    yield Row(
        "headers of 64 KB",
        "many ext fields",
        lambda size: frame(
            json_bytes({"code": 105, "extFields": {f"f{n}": "" for n in range(6000)}})
        ),
    )
    yield Row(
        "binary header",
        "many ext fields",
        lambda size: frame(
            header_binary(105, {f"{n}": "" for n in range(6000)}),
            b"",
            1,
        ),
    )
    yield Row(
        "small frames",
        "the shortest headers that can be read",
        lambda size: requests.packet(frame(b"{}")),
    )


def _names(count: int) -> list[str]:
    return [f"Topic-of-a-row-{number:06d}" for number in range(count)]


def _many_topics(body_bytes: int) -> bytes:
    return requests.topics_body(_names(body_bytes // 125))


def _lenient(body: bytes) -> bytes:
    return body[:1] + LENIENT_COMMENT + body[1:]


def _tiny_entries(body_bytes: int) -> bytes:
    count = body_bytes // 12
    table = ",".join(f'"{number:x}":{{}}' for number in range(count))
    start = '{"topicConfigSerializeWrapper":{"topicConfigTable":{'
    return f"{start}{table}}}}}}}".encode()


def _id_map(count: int) -> dict[int, int]:
    return {number: number for number in range(count)}


def _static_topics(broker: Broker, body_bytes: int) -> bytes:
    names = _names(body_bytes // 240)
    mappings = {
        name: {
            "bname": broker.name,
            "currIdMap": "?",
            "dirty": False,
            "epoch": 1,
            "scope": "__global__",
            "topic": name,
            "totalQueues": 8,
        }
        for name in names
    }
    body = requests.topics_body(names, mappings)
    return registration(broker, body.replace(b'"?"', b"{0:1,1:1,2:0,3:0}"))


def _everywhere(size: Size) -> bytes:
    queue_datas = [queue_data(largest.group(n), 8, 8) for n in range(size.groups)]
    body = json_bytes({"queueDatas": queue_datas})
    return _ask(217, {"topic": largest.EVERYWHERE}, body)


def _everywhere_again(client: Client, size: Size) -> None:
    client.exchange(_everywhere(size))


ROWS: tuple[Row, ...] = (
    *_lookup_rows(),
    *_list_rows(),
    *_kv_rows(),
    *_config_rows(),
    *_broker_rows(),
    *_large_registration_rows(),
    *_operator_rows(),
    *_header_rows(),
)
