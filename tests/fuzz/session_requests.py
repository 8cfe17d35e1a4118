"""Requests of a small cluster, each made of a few bytes that choose among values.

The opaque is the request code times 1,000 and a number, so that an answer tells what
was asked.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    Broker,
    binary_request,
    data_version,
    frame,
    mapping_info,
    registration,
    registration_body,
    request,
    signed,
    topic_config,
)
from tests.fuzz.structure import split_frames
from tests.wire.test_deflated_body import E6

ASK_BYTES: Final = 3
REGISTER_BYTES: Final = 4
UNKNOWN_CODE: Final = 9
CODES: Final = (*map(int, RequestCode), UNKNOWN_CODE)
NAMES: Final = ("b1", "b2", "b3")
CLUSTERS: Final = ("c1", "c2")
SYNC_TOPIC: Final = "rmq_sys_SYNC_BROKER_MEMBER_b1"
TOPICS: Final = ("T1", "T2", "T3", "%RETRY%g", "é", 'q"t', SYNC_TOPIC, "T8")
_VERSIONS: Final = (479, 317, 401, 475)
_PERMS: Final = (6, 4, 2, 7)
_IDS: Final = (0, 0, 1, 2)
_TIMEOUTS: Final = (None, "1000", "10000", "-1")
_NAMESPACES: Final = ("ORDER_TOPIC_CONFIG", "other")
_VALUES: Final = ("b1:4", "b1:8;b2:1", "", "é\ud800")
CHANGES: Final = (
    b"supportActingMaster=true",
    b"supportActingMaster=false\norderMessageEnable=true",
    b"orderMessageEnable=false\nreturnOrderTopicConfigToBroker=false",
    b"returnOrderTopicConfigToBroker=true",
    b"deleteTopicWithBrokerRegistration=true",
    b"notifyMinBrokerIdChanged=true\nscanNotActiveBrokerInterval=10",
    b"enableTopicList=false\nenableAllTopicList=false",
    b"enableTopicList=true\nenableAllTopicList=true",
    b"needWaitForService=true\nwaitSecondsForService=100",
    b"needWaitForService=false",
    b"kvConfigPath=/x",
    b"scanNotActiveBrokerInterval=no",
    b"",
)


def _bits(value: int, *counts: int) -> Iterator[int]:
    """Numbers below each of these, out of one byte."""
    for count in counts:
        value, number = divmod(value, count)
        yield number


def broker_of(choice: int) -> Broker:
    """Mostly a broker with an address of its own."""
    name_at, id_at, cluster_at, shared = _bits(choice, 3, 4, 2, 5)
    name, broker_id = NAMES[name_at], _IDS[id_at]
    # The slave of id 1 and a master take turns at an address; one address has many.
    addr = "shared:1" if shared == 4 else f"{name}-{id_at // 2}:1"
    return Broker(name, broker_id, addr, CLUSTERS[cluster_at])


def registrations(data: bytes) -> bytes:
    """A registration for each four bytes."""
    return b"".join(
        _registration(number, *data[at : at + REGISTER_BYTES])
        for number, at in enumerate(_places(data, REGISTER_BYTES))
    )


def many_topics(data: bytes) -> bytes:
    """One registration of a broker with many topics."""
    choice, count, version = data[:3].ljust(3, b"\0")
    return _many_topics(choice, count, version)


def requests(data: bytes) -> bytes:
    """A request for each three bytes."""
    return b"".join(
        _request(number, *data[at : at + ASK_BYTES])
        for number, at in enumerate(_places(data, ASK_BYTES))
    )


def _places(data: bytes, size: int) -> range:
    return range(0, len(data) - len(data) % size, size)


@lru_cache(4096)
def _registration(
    number: int, choice: int, mask: int, version: int, wishes: int
) -> bytes:
    counter, timestamp, queues, perm, age = _bits(version, 4, 4, 2, 4, 2)
    acting, zone, timeout, oneway, more, deflates, is_wrong = _bits(
        wishes, 2, 2, 4, 2, 2, 2, 2
    )
    topics = {
        name: topic_config(name, 4 + 4 * queues, _PERMS[perm], at % 3)
        for at, name in enumerate(TOPICS)
        if mask >> at & 1
    }
    body = registration_body(
        topics,
        version=data_version(counter, timestamp + 1),
        mappings={"T3": mapping_info("T3", NAMES[counter % 3])} if more else None,
        filters=["f:1", None] if more else [],
    )
    ext: dict[str, str | None] = {
        "enableActingMaster": "true" if acting else "false",
        "__ZONE_NAME": "z1" if zone else None,
        "heartbeatTimeoutMillis": _TIMEOUTS[timeout],
        "compressed": "true" if deflates else "false",
    }
    if is_wrong:
        ext["bodyCrc32"] = "1"
    return registration(
        broker_of(choice),
        E6 if deflates else body,
        ext=ext,
        opaque=_opaque(RequestCode.REGISTER_BROKER, number),
        version=_VERSIONS[age],
        flag=2 * oneway,
    )


@lru_cache(256)
def _many_topics(choice: int, count: int, version: int) -> bytes:
    topics = {f"M{n}": topic_config(f"M{n}", 4 + version % 2) for n in range(count)}
    body = registration_body(topics, version=data_version(version, 1))
    opaque = _opaque(RequestCode.REGISTER_BROKER, 0)
    return registration(broker_of(choice), body, opaque=opaque)


@lru_cache(4096)
def _request(number: int, code_at: int, choice: int, wishes: int) -> bytes:
    code = CODES[code_at % len(CODES)]
    binary, oneway, version, zone, standard, response, bare = _bits(
        wishes, 2, 2, 4, 2, 2, 2, 2
    )
    ext: dict[str, Any] = _ext_fields(code, choice)
    if zone:
        ext |= {"__ZONE_MODE": "true", "__ZONE_NAME": "z1"}
    if standard:
        ext["acceptStandardJsonOnly"] = "true"
    form = binary_request if binary else request
    return form(
        code,
        None
        if bare
        else {n: t.encode("utf-8", "replace").decode() for n, t in ext.items()},
        _body(code, choice),
        opaque=_opaque(code, number),
        version=_VERSIONS[version],
        flag=2 * oneway + response,
    )


def _opaque(code: int, number: int) -> int:
    return code * 1000 + number % 1000


def _ext_fields(code: int, choice: int) -> dict[str, Any]:
    """Of every request that wants one of these names."""
    topic_at, namespace_at, value_at = _bits(choice, len(TOPICS), 2, len(_VALUES))
    topic, broker = TOPICS[topic_at], broker_of(choice)
    if code in (RequestCode.PUT_KV_CONFIG, RequestCode.GET_KV_CONFIG, 102, 219):
        namespace = _NAMESPACES[namespace_at]
        return {"namespace": namespace, "key": topic, "value": _VALUES[value_at]}
    if code == RequestCode.DELETE_TOPIC_IN_NAMESRV:
        clusters = [{}, {"clusterName": CLUSTERS[namespace_at]}]
        return {"topic": topic, **clusters[value_at % 2]}
    if code in (105, RequestCode.REGISTER_TOPIC_IN_NAMESRV):
        return {"topic": topic}
    return {**broker.ext_fields, "cluster": broker.cluster}


def _body(code: int, choice: int) -> bytes:
    if code == RequestCode.REGISTER_BROKER:
        return registration_body(version=data_version(choice % 4))
    if code == RequestCode.UPDATE_NAMESRV_CONFIG:
        return CHANGES[choice % len(CHANGES)]
    if code == RequestCode.QUERY_DATA_VERSION:
        counter, timestamp = choice // 24 % 4, choice // 96 % 4 + 1
        version = data_version(counter, timestamp)
        return json.dumps(version, separators=(",", ":")).encode()
    if code == RequestCode.REGISTER_TOPIC_IN_NAMESRV:
        names = NAMES[choice % 4 :][:2]
        queues = [{"brokerName": n, "perm": 6, "readQueueNums": 2} for n in names]
        return json.dumps({"queueDatas": queues}).encode()
    return b""


def signed_frames(data: bytes) -> bytes:
    """The same frames, each of which that has a JSON header signed."""
    return b"".join(
        frame(_signed_header(header, body) if kind == 0 else header, body, kind)
        for kind, header, body in split_frames(data)
    )


def _signed_header(header: bytes, body: bytes) -> bytes:
    try:
        members = json.loads(header)
        ext_fields = members["extFields"]
        members["extFields"] = signed(ext_fields, body)
        return json.dumps(members, separators=(",", ":")).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return header  # signs nothing that is not a header of texts
