"""Histories by seed: what brokers and operators may do, odd but legal bodies included.

A history is drawn from its seed before anything is sent, so that the same seed is the
same history for both servers and in every run. Each broker identity has a connection of
its own, as real brokers have, so that fences (docs/protocol.md 9.3) do not show. Names
begin with the seed: histories do not meet.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness.reads import ORDER_NAMESPACE, ZONE
from harness.remoting import Request

STEPS = 24
_VERSIONS = (317, 401, 479, 479, 479)
_Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A request, and whose connection it is sent over.

    `is_compared` is False where only the effect counts; `settles` says that Java
    carries it out after it has answered.
    """

    connection: str
    request: Request
    is_compared: bool = True
    settles: bool = False


@dataclass(frozen=True)
class Identity:
    """One broker process."""

    cluster: str
    name: str
    id: int
    address: str

    @property
    def ext_fields(self) -> dict[str, str]:
        return {
            "brokerAddr": self.address,
            "brokerId": str(self.id),
            "brokerName": self.name,
            "clusterName": self.cluster,
            "haServerAddr": f"{self.address}2",
        }


@dataclass
class History:
    """Steps in order, and all names in them."""

    seed: int
    steps: list[Step] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)

    def clean_up(self) -> Iterator[Step]:
        """Forget everything that the history stored."""
        for identity in self.identities:
            request = Request(104, identity.ext_fields)
            yield Step(identity.address, request, settles=True)
        for topic in self.topics:
            yield Step("operator", Request(216, {"topic": topic}), is_compared=False)
            fields = {"namespace": ORDER_NAMESPACE, "key": topic}
            yield Step("operator", Request(102, fields), is_compared=False)


def draw_history(seed: int) -> History:
    """The history of a seed."""
    return _Drawer(seed).history


class _Drawer:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.history = History(seed)
        self.counter = 0
        self._draw_names(f"h{seed}")
        # A group needs two topics first, and brokers in the order of their ids, or
        # most of the history would be refused.
        for identity in self.history.identities[: self.random.randint(1, 4)]:
            self._add(self._registration(identity), identity.address)
        for _ in range(STEPS):
            self._draw_step()

    def _draw_names(self, prefix: str) -> None:
        random = self.random
        clusters = [f"{prefix}-c{n}" for n in range(random.choice((1, 1, 2)))]
        groups = [f"{prefix}-{name}" for name in random.choice(("a", "ab", "abc"))]
        number = 0
        for group in groups:
            cluster = random.choice(clusters)
            for broker_id in (0, 1, 2)[: random.randint(1, 3)]:
                number += 1
                address = f"{prefix}.{number}:10911"
                identity = Identity(cluster, group, broker_id, address)
                self.history.identities.append(identity)
        self.history.topics += [f"{prefix}-t{n}" for n in range(4)]
        self.history.topics += [f"{prefix}-%RETRY%é", f"{prefix} b"]

    def _draw_step(self) -> None:
        random = self.random
        kinds = {
            self._register: 8,
            self._beat: 2,
            self._query_version: 3,
            self._leave: 1,
            self._change_permission: 2,
            self._delete_topic: 1,
            self._register_topic: 1,
            self._configure_order: 1,
            self._ask: 3,
        }
        random.choices(list(kinds), list(kinds.values()))[0]()

    def _add(self, request: Request, connection: str, **more: bool) -> None:
        self.history.steps.append(Step(connection, request, **more))

    def _register(self) -> None:
        identity = self.random.choice(self.history.identities)
        self._add(self._registration(identity), identity.address)

    def _registration(self, identity: Identity) -> Request:
        random = self.random
        body = json.dumps(self._body(identity), separators=(",", ":")).encode()
        fields = dict(identity.ext_fields)
        acting = random.choice((None, "false", "false", "true"))
        if acting is not None:
            fields["enableActingMaster"] = acting
        if random.random() < 0.2:
            fields["__ZONE_NAME"] = fields["zoneName"] = random.choice((ZONE, "z2"))
        if random.random() < 0.5:
            fields["bodyCrc32"] = str(zlib.crc32(body) & 0x7FFFFFFF)
        elif random.random() < 0.1:
            fields["bodyCrc32"] = "1"
        fields["compressed"] = "false"
        if random.random() < 0.2:
            fields["heartbeatTimeoutMillis"] = str(random.choice((120_000, 600_000)))
        return Request(103, fields, body, random.choice(_VERSIONS))

    def _body(self, identity: Identity) -> _Json:
        random = self.random
        if random.random() < 0.6:
            self.counter += 1
        chosen = random.sample(self.history.topics, random.randint(2, 6))
        if random.random() < 0.05:
            chosen = chosen[:1]
        version = {
            "counter": self.counter,
            "stateVersion": random.choice((0, 0, 0, 1)),
            "timestamp": 1_700_000_000_000 + self.counter,
        }
        wrapper: _Json = {
            "dataVersion": version,
            "topicConfigTable": {name: self._config(name) for name in chosen},
        }
        if random.random() < 0.8:
            wrapper["topicQueueMappingDetailMap"] = {}
            wrapper["topicQueueMappingInfoMap"] = self._mappings(identity, chosen)
        if random.random() < 0.04:
            wrapper["topicQueueMappingInfoMap"] = None
        if random.random() < 0.03:
            wrapper["topicConfigTable"] = None
        body: _Json = {
            "filterServerList": self._filter_servers(),
            "topicConfigSerializeWrapper": wrapper,
        }
        if random.random() < 0.1:
            body["unknown"] = [{"a": [1, None, "x"]}]
        return body

    def _filter_servers(self) -> list[str | None] | None:
        some: list[list[str | None] | None]
        some = [[], [], [], None, ["f:1"], ["f:1", None, "f:2"]]
        return self.random.choice(some)

    def _config(self, name: str) -> _Json:
        random = self.random
        queues = random.choice((0, 1, 4, 8))
        config: _Json = {
            "attributes": {},
            "order": False,
            "perm": random.choice((6, 6, 6, 4, 2, 0, 7)),
            "readQueueNums": queues,
            "topicFilterType": "SINGLE_TAG",
            "topicName": name,
            "topicSysFlag": self._flag(name),
            "writeQueueNums": queues,
        }
        match random.randrange(16):
            case 0:
                config["readQueueNums"] = str(queues)
            case 1:
                del config["perm"]
            case 2 if not self._flag(name):
                config["topicSysFlag"] = None
            case 3:
                config["later"] = {"of": ["a", "newer"], "version": 1.5}
            case 4:
                config["attributes"] = {"+message.type": "FIFO"}
        return config

    def _flag(self, name: str) -> int:
        """The same on all brokers: of several, Java and we take another one (9.1)."""
        return max(0, self.history.topics.index(name) - 2)

    def _mappings(self, identity: Identity, chosen: list[str]) -> _Json:
        random = self.random
        if random.random() < 0.7:
            return {}
        return {name: self._mapping(identity, name) for name in chosen[:2]}

    def _mapping(self, identity: Identity, name: str) -> _Json:
        random = self.random
        mapping: _Json = {
            "bname": random.choice((identity.name, identity.name, None)),
            "currIdMap": {str(n): n for n in range(random.randint(0, 3))},
            "dirty": random.choice((True, False)),
            "epoch": random.choice((0, 1, 2**53 - 1, 2**53, -(2**53), 2**62)),
            "scope": random.choice(("__global__", "s", None)),
            "topic": name,
            "totalQueues": random.choice((0, 2, "3")),
        }
        if random.random() < 0.2:
            del mapping[random.choice(list(mapping))]
        return mapping

    def _beat(self) -> None:
        identity = self.random.choice(self.history.identities)
        self._add(Request(904, identity.ext_fields), identity.address)

    def _query_version(self) -> None:
        identity = self.random.choice(self.history.identities)
        version = {
            "counter": self.random.choice((self.counter, 0)),
            "stateVersion": 0,
            "timestamp": 1_700_000_000_000 + self.counter,
        }
        body = json.dumps(version, separators=(",", ":")).encode()
        self._add(Request(322, identity.ext_fields, body), identity.address)

    def _leave(self) -> None:
        identity = self.random.choice(self.history.identities)
        request = Request(104, identity.ext_fields)
        self._add(request, identity.address, settles=True)

    def _change_permission(self) -> None:
        name = self.random.choice(self.history.identities).name
        code = self.random.choice((205, 327))
        self._add(Request(code, {"brokerName": name}), "operator")

    def _delete_topic(self) -> None:
        fields = {"topic": self.random.choice(self.history.topics)}
        if self.random.random() < 0.4:
            fields["clusterName"] = self.random.choice(self.history.identities).cluster
        self._add(Request(216, fields), "operator")

    def _register_topic(self) -> None:
        topic = self.random.choice(self.history.topics)
        queue_datas = [
            {
                "brokerName": self.random.choice(self.history.identities).name,
                "perm": 6,
                "readQueueNums": 3,
                "topicSysFlag": self._flag(topic),
                "writeQueueNums": 3,
            }
        ]
        body = json.dumps({"queueDatas": queue_datas}, separators=(",", ":")).encode()
        self._add(Request(217, {"topic": topic}, body), "operator")

    def _configure_order(self) -> None:
        topic = self.random.choice(self.history.topics)
        fields = {"namespace": ORDER_NAMESPACE, "key": topic}
        if self.random.random() < 0.6:
            value = f"{self.random.choice(self.history.identities).name}:4"
            self._add(Request(100, {**fields, "value": value}), "operator")
        else:
            self._add(Request(102, fields), "operator")

    def _ask(self) -> None:
        fields = {"topic": self.random.choice(self.history.topics)}
        if self.random.random() < 0.3:
            fields |= {"__ZONE_MODE": "true", "__ZONE_NAME": ZONE}
        version = self.random.choice(_VERSIONS)
        self._add(Request(105, fields, b"", version), "client")
