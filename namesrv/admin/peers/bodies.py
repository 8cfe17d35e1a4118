"""Bodies of a peer, read within limits and in steps of the loop.

The typed decoder reads at most MOST_VALUES values at once, within 20 ms. A longer body
that is not strict JSON, as Java's list of groups, is read in steps.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from namesrv.admin.peers.remoting import check_size
from namesrv.client import bodies
from namesrv.client.bodies import BrokerData, ClusterInfo
from namesrv.errors import AnswerInvalid, JsonInvalid
from namesrv.wire.bodies import QueueData
from namesrv.wire.java_json.lenient import LenientReader
from namesrv.wire.java_json.read import LONGEST_ESCAPED_STRING
from namesrv.work import Cost, Steps, batches

MOST_VALUES: Final = 250_000
"""Commas of a body."""
MOST_OBJECTS: Final = 60_000
"""Objects of a body, and lists; a broker group has two objects."""
MOST_CLUSTERS: Final = 10_000
MOST_IDS: Final = 1000
"""Addresses of one group."""
_SHORT_BYTES: Final = 1 << 13
_GROUP_UNITS: Final = 10


class _TopicList(msgspec.Struct, rename="camel"):
    topic_list: list[str] | None = None


class _Route(msgspec.Struct, rename="camel"):
    queue_datas: list[QueueData]


def cluster_info_steps(body: bytes) -> Steps[ClusterInfo]:
    """The body of 106. Raises AnswerInvalid, as all of these do."""
    _check_values(body)
    if len(body) <= _SHORT_BYTES:
        return bodies.read_cluster_info(body)
    value = yield from _object_steps(body)
    found = ClusterInfo({})
    table = _member(value, "brokerAddrTable")
    for name, members in table.items():
        found.brokers[name] = group = _group(name, members)
        yield _GROUP_UNITS + len(group.addresses)
    clusters = _member(value, "clusterAddrTable")
    check_size(len(clusters), MOST_CLUSTERS, "clusters")
    for cluster, groups in clusters.items():
        found.clusters[cluster] = yield from _texts(groups)
        yield Cost.GROUP
    return found


def topic_list_steps(body: bytes) -> Steps[list[str]]:
    """The body of 206."""
    _check_values(body)
    try:
        return msgspec.json.decode(body, type=_TopicList).topic_list or []
    except msgspec.MsgspecError:
        value = yield from _object_steps(body)
    names = value.get("topicList")
    if names is not None and not isinstance(names, list):
        raise AnswerInvalid("topicList is no list")
    return (yield from _texts(names))


def queues_steps(body: bytes) -> Steps[list[QueueData]]:
    """The queues in the body of 105."""
    _check_values(body)
    try:
        return msgspec.json.decode(body, type=_Route).queue_datas
    except msgspec.MsgspecError:
        value = yield from _object_steps(body)
    found: list[QueueData] = []
    queues = value.get("queueDatas") or []
    if not isinstance(queues, list):
        raise AnswerInvalid("queueDatas is no list")
    for some in batches(queues, _GROUP_UNITS):
        found += [_as_kept(bodies.QueueData(_object(one))) for one in some]
        yield len(some) * _GROUP_UNITS
    return found


def _check_values(body: bytes) -> None:
    check_size(body.count(b","), MOST_VALUES, "values")
    check_size(max(map(body.count, (b"[", b"{"))), MOST_OBJECTS, "objects or lists")


def _object_steps(body: bytes) -> Steps[dict[str, Any]]:
    try:
        reader = LenientReader(str(body, "utf-8"), LONGEST_ESCAPED_STRING)
        return _object((yield from reader.read_steps()))
    except (JsonInvalid, UnicodeDecodeError):
        raise AnswerInvalid("its body is no JSON") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerInvalid("its body has no object where one belongs")
    return value


def _member(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    member = value.get(name)
    return {} if member is None else _object(member)


def _group(name: str, value: object) -> BrokerData:
    members = _object(value)
    count = len(_member(members, "brokerAddrs"))
    check_size(count, MOST_IDS, "addresses of a group")
    return BrokerData(members, name)


def _texts(values: object) -> Steps[list[str]]:
    if not isinstance(values, list):
        return []
    found: list[str] = []
    for some in batches(values, Cost.ENTRY):
        found += [one for one in some if isinstance(one, str)]
        yield len(some) * Cost.ENTRY
    return found


def _as_kept(one: bodies.QueueData) -> QueueData:
    """The queues of an answer that only the lenient reader understands."""
    return QueueData(
        one.broker_name, one.perm, one.read_queues, one.system_flag, one.write_queues
    )
