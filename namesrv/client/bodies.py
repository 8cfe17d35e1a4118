"""Bodies of answers, read with checks: a server may send anything.

Source: protocol.md sections 1.8, 2.4, 2.7, 2.8, 2.11 and 4.3. Unknown members and
members of a wrong type that nothing needs are left out.
"""

import json
import re
from typing import Any, Final

from namesrv.errors import AnswerInvalid

MOST_VALUES: Final = 4_000_000
"""Limit of commas and brackets of a body, whose values would fill the memory."""


class QueueData:
    """The queues of a topic on one broker group."""

    __slots__ = ("broker_name", "perm", "read_queues", "system_flag", "write_queues")

    def __init__(self, value: dict[str, Any]) -> None:
        self.broker_name = _text(value.get("brokerName"))
        self.perm = _whole(value.get("perm"))
        self.read_queues = _whole(value.get("readQueueNums"))
        self.write_queues = _whole(value.get("writeQueueNums"))
        self.system_flag = _whole(value.get("topicSysFlag"))


class BrokerData:
    """A broker group: `addresses` by broker id, in the order of the ids."""

    __slots__ = ("addresses", "cluster", "is_acting_master", "name", "zone")

    def __init__(self, value: dict[str, Any], name: str | None = None) -> None:
        addresses = _members(value, "brokerAddrs")
        self.cluster = _text(value.get("cluster"))
        self.name = name if name is not None else _text(value.get("brokerName"))
        pairs = ((_whole(number), _text(text)) for number, text in addresses.items())
        self.addresses = dict(sorted(pairs))
        self.is_acting_master = value.get("enableActingMaster") is True
        self.zone = _text(value.get("zoneName"))


class Route:
    """A topic's route: TopicRouteData. `value` is the JSON as it came."""

    __slots__ = ("brokers", "filter_servers", "mappings", "order", "queues", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        queues = _objects(value.get("queueDatas"), "queueDatas")
        brokers = _objects(value.get("brokerDatas"), "brokerDatas")
        self.queues = sorted(map(QueueData, queues), key=lambda one: one.broker_name)
        self.brokers = sorted(map(BrokerData, brokers), key=lambda one: one.name)
        self.order = _text(value.get("orderTopicConf"))
        filters = _members(value, "filterServerTable")
        self.filter_servers = {name: _texts(these) for name, these in filters.items()}
        self.mappings = _members(value, "topicQueueMappingByBroker")


class ClusterInfo:
    """All broker groups by name, and the names of groups of each cluster."""

    __slots__ = ("brokers", "clusters")

    def __init__(self, value: dict[str, Any]) -> None:
        table = _members(value, "brokerAddrTable")
        self.brokers = {
            name: BrokerData(_object(group, name), name)
            for name, group in sorted(table.items())
        }
        table = _members(value, "clusterAddrTable")
        self.clusters = {
            name: sorted(_texts(groups)) for name, groups in sorted(table.items())
        }


def read_route(body: bytes) -> Route:
    """The body of 105. Raises AnswerInvalid, as all of these do."""
    return Route(_read_object(body))


def read_cluster_info(body: bytes) -> ClusterInfo:
    """The body of 106."""
    return ClusterInfo(_read_object(body))


def read_topic_list(body: bytes) -> list[str]:
    """The names in the body of 206, 224 and 311 to 313, in order."""
    names = _read_object(body).get("topicList")
    if names is not None and not isinstance(names, list):
        raise AnswerInvalid("topicList is no list")
    return sorted(_texts(names))


def read_kv_table(body: bytes) -> dict[str, str]:
    """The keys and values in the body of 219, in order of the keys."""
    table = _members(_read_object(body), "table")
    return {key: _text(value) for key, value in sorted(table.items())}


def read_configuration(body: bytes) -> dict[str, str]:
    """The options in the body of 319: lines of `name=value`, without escapes.

    Only LF and CR LF end a line: `str.splitlines` would let a value forge options.
    """
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    pairs = (line.partition("=") for line in lines if "=" in line)
    return dict(sorted((name, value) for name, _, value in pairs))


def _read_object(body: bytes) -> dict[str, Any]:
    if max(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise AnswerInvalid(f"its body has more than {MOST_VALUES} values")
    try:
        value = _read_json(body.decode())
    except (ValueError, RecursionError):
        raise AnswerInvalid("its body is no JSON") from None
    return _object(value, "its body")


def _read_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        # Java writes names that are numbers without quotes.
        return json.loads(_quoted_names(text))


def _quoted_names(text: str) -> str:
    """The text with quotes around bare numbers that are names; strings stay.

    A string without an end goes to the end of the text, so that time is linear.
    """
    return re.sub(
        r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([{,]\s*+)(-?[0-9]++)(?=\s*+:)',
        lambda match: f'{match[1]}"{match[2]}"' if match[2] else match[0],
        text,
        flags=re.DOTALL,
    )


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerInvalid(f"{name} is no object")
    return value


def _members(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The object that is a member; an empty one if it is missing or null."""
    member = value.get(name)
    return {} if member is None else _object(member, name)


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list | None):
        raise AnswerInvalid(f"{name} is no list")
    return [_object(one, f"an element of {name}") for one in value or []]


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, str)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    """A number, or a text that is one; 0 for anything else."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20:
        return int(value) if value.count("-") < 2 else 0
    return 0
