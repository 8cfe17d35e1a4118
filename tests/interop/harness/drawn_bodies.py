"""Bodies of registrations by chance, odd but legal ones and broken ones included."""

from random import Random
from typing import Any

from namesrv.testing.peer import deflated_body, json_text

V5_0_0 = 413
_PLAIN_TOPICS = 3
_BROKEN = (b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"topicConfigSerializeWrapper":5}')
_FILTER_SERVERS: tuple[list[str | None] | None, ...] = (
    [],
    [],
    [],
    None,
    ["f:1"],
    ["f:1", None, "f:2"],
)
Json = dict[str, Any]


class DrawnBodies:
    """Draws bodies for brokers that share `topics`; `counter` is of the data version
    that was drawn last."""

    def __init__(self, random: Random, topics: list[str]) -> None:
        self._random = random
        self._topics = topics
        self.counter = 0

    def broken(self) -> bytes:
        """What is no body, or only nearly one."""
        return self._random.choice(_BROKEN)

    def registration(self, broker_name: str, *, is_new: bool) -> Json:
        """A RegisterBrokerBody as JSON. `is_new`: nothing that was known of the broker
        before counts any more."""
        random = self._random
        self._draw_counter(is_new)
        chosen = random.sample(self._topics, random.randint(2, len(self._topics)))
        if random.random() < 0.05:
            chosen = chosen[:1]
        wrapper = self._wrapper(broker_name, chosen)
        if not is_new:
            self._make_odd(wrapper, chosen[0])
        body: Json = {
            "filterServerList": self._filter_servers(is_new),
            "topicConfigSerializeWrapper": wrapper,
        }
        if random.random() < 0.02:
            body["topicConfigSerializeWrapper"] = None
        if random.random() < 0.1:
            body["unknown"] = [{"a": [1, None, "x"]}]
        return body

    def deflated(self, broker_name: str, version: int, *, is_new: bool) -> bytes:
        """The compressed form, which has no flags of topics (protocol.md 2.5.4)."""
        self._draw_counter(is_new)
        chosen = self._topics[: self._random.randint(2, _PLAIN_TOPICS)]
        lines = [self._topic_line(name) for name in chosen]
        filters = self._filter_servers(is_new)
        data_version = self.data_version()
        mappings = None
        if version >= V5_0_0:
            mappings = map(json_text, self._mappings(broker_name, chosen).values())
        return deflated_body(
            lines, version=data_version, filters=filters, mappings=mappings
        )

    def data_version(self) -> Json:
        """The version that was drawn last, sometimes with a higher state version."""
        return {
            "counter": self.counter,
            "stateVersion": self._random.choice((0, 0, 0, 0, 1)),
            "timestamp": 1_700_000_000_000 + self.counter,
        }

    def flag(self, name: str) -> int:
        """The same on all brokers: of several, Java and we take another one (9.1)."""
        return max(0, self._topics.index(name) + 1 - _PLAIN_TOPICS)

    def _draw_counter(self, is_new: bool) -> None:
        if is_new or self._random.random() < 0.6:
            self.counter += 1

    def _filter_servers(self, is_new: bool) -> list[str | None] | None:
        servers = self._random.choice(_FILTER_SERVERS)
        return [] if is_new and servers is None else servers

    def _wrapper(self, broker_name: str, chosen: list[str]) -> Json:
        random = self._random
        wrapper: Json = {
            "dataVersion": self.data_version(),
            "topicConfigTable": {name: self._config(name) for name in chosen},
        }
        if random.random() < 0.8:
            wrapper["topicQueueMappingDetailMap"] = {}
            wrapper["topicQueueMappingInfoMap"] = self._mappings(broker_name, chosen)
        return wrapper

    def _make_odd(self, wrapper: Json, topic: str) -> None:
        match self._random.randrange(60):
            case 0 | 1:
                wrapper["topicQueueMappingInfoMap"] = None
            case 3 | 4:
                wrapper["topicConfigTable"] = None
            case 5:
                wrapper["topicConfigTable"] = {}
            case 6:
                wrapper["topicConfigTable"] = {topic: None}
            case 7:
                # Alone: of several, chance says which ones Java stores before it.
                config = {**self._config(topic), "topicName": None}
                wrapper["topicConfigTable"] = {topic: config}
            case 8:
                wrapper["dataVersion"] = None

    def _config(self, name: str) -> Json:
        random = self._random
        queues = random.choice((0, 1, 4, 8))
        config: Json = {
            "attributes": {},
            "order": False,
            "perm": random.choice((6, 6, 6, 4, 2, 0, 7)),
            "readQueueNums": queues,
            "topicFilterType": random.choice(("SINGLE_TAG", "MULTI_TAG", "OTHER")),
            "topicName": name,
            "topicSysFlag": self.flag(name),
            "writeQueueNums": queues,
        }
        match random.randrange(20):
            case 0:
                config["readQueueNums"] = str(queues)
            case 1:
                del config["perm"]
            case 2 if not self.flag(name):
                config["topicSysFlag"] = None
            case 3:
                config["later"] = {"of": ["a", "newer"], "version": 1.5}
            case 4:
                config["attributes"] = {"+message.type": "FIFO"}
            case 5:
                config["writeQueueNums"] = -1
            case 6:
                config["order"] = random.choice(("true", 1, None))
        return config

    def _topic_line(self, name: str) -> str:
        random = self._random
        perm, tag = random.choice((6, 4)), random.choice(("SINGLE_TAG", "MULTI_TAG"))
        more = random.choice(("", " {}", ' {"+message.type":"FIFO"}', " x", " "))
        return f"{name} {random.choice((1, 8))} 4 {perm} {tag}{more}"

    def _mappings(self, broker_name: str, chosen: list[str]) -> Json:
        if self._random.random() < 0.7:
            return {}
        return {name: self._mapping(broker_name, name) for name in chosen[:2]}

    def _mapping(self, broker_name: str, name: str) -> Json:
        random = self._random
        mapping: Json = {
            "bname": random.choice((broker_name, broker_name, None)),
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
