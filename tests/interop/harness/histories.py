"""Histories by seed: what brokers and operators may do, odd but legal bodies included.

A history is drawn from its seed before anything is sent, so that the same seed is the
same history for both servers and in every run. Each broker process has a connection of
its own, as real brokers have, so that fences (docs/protocol.md 9.3) do not show. Names
begin with the seed: histories do not meet.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from harness.drawn_bodies import DrawnBodies
from harness.reads import ORDER_NAMESPACE, WITHOUT_FIELDS, ZONE
from namesrv.testing.peer import Request, json_bytes

STEPS = 24
_VERSIONS = (317, 401, 479, 479, 479)
_ODD_VERSIONS = (-1, 0, 36, 37, 412, 413, 612, 700)
_IDS = ((0, 1, 2), (0, 1, 2), (0, 1, 5), (1, 2, 3), (0, 17, 33), (-1, 0, 2**40))
# Without brokerName Java could never list system topics again (9.12).
_LEFT_OUT_OF_REGISTRATIONS = ("brokerId", "haServerAddr", "clusterName")


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
    """Steps in order, and all names in them.

    `displaced` are the addresses whose place in their group another one took: Java
    keeps a live entry of theirs, we do not (9.3). With `shares_names` the groups have
    brokers of several clusters.
    """

    seed: int
    steps: list[Step] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    namespace: str = ""
    keys: list[str] = field(default_factory=list)
    displaced: set[str] = field(default_factory=set)
    shares_names: bool = False

    def clean_up(self) -> Iterator[Step]:
        """Forget everything that the history stored."""
        for identity in self.identities:
            # Java queues them: the last one has to be over before any registers again.
            settles = self.shares_names and identity is self.identities[-1]
            request = Request(104, identity.ext_fields)
            yield Step(identity.address, request, settles=settles)
        # A group that clusters share stays in one of them with Java, unless the last
        # broker goes from there (9.3).
        for identity in self.identities if self.shares_names else ():
            request = Request(103, identity.ext_fields)
            yield Step(identity.address, request)
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
        self.history = History(seed, shares_names=self.random.random() < 0.2)
        self._draw_names(f"h{seed}")
        self.bodies = DrawnBodies(self.random, self.history.topics)
        # A group needs two topics first, and brokers in the order of their ids, or
        # most of the history would be refused.
        for identity in self.history.identities[: self.random.randint(1, 4)]:
            self._add(self._registration(identity), identity.address)
        steps = self._steps()
        for _ in range(STEPS):
            self.random.choices(list(steps), list(steps.values()))[0]()

    def _draw_names(self, prefix: str) -> None:
        random, history = self.random, self.history
        clusters = [f"{prefix}-c{n}" for n in range(random.choice((1, 1, 2, 3)))]
        groups = [f"{prefix}-{name}" for name in random.choice(("a", "ab", "abc"))]
        for group in groups:
            cluster = random.choice(clusters)
            for broker_id in random.choice(_IDS)[: random.randint(1, 3)]:
                if history.shares_names:
                    cluster = random.choice(clusters)
                address = f"{prefix}.{len(history.identities) + 1}:10911"
                identity = Identity(cluster, group, broker_id, address)
                history.identities.append(identity)
        history.topics += [f"{prefix}-t{n}" for n in range(4)]
        history.topics += [f"{prefix}-%RETRY%é", f"{prefix} b"]
        history.namespace = f"{prefix}-ns"
        history.keys += ["k", "ключ", "", "a b"]

    def _steps(self) -> dict[Callable[[], None], int]:
        return {
            self._register: 8,
            self._register_deflated: 2,
            self._register_oddly: 1,
            self._switch_roles: 1,
            self._beat: 2,
            self._query_version: 3,
            # Of a shared name Java and we keep another cluster when it goes (9.3).
            self._leave: 0 if self.history.shares_names else 1,
            self._change_permission: 2,
            self._delete_topic: 1,
            self._register_topic: 1,
            self._configure_order: 1,
            self._change_key: 1,
            self._ask: 3,
            self._list: 2,
            self._disable_lists: 1,
        }

    def _add(self, request: Request, connection: str, **more: bool) -> None:
        self.history.steps.append(Step(connection, request, **more))

    def _register(self) -> None:
        identity = self.random.choice(self.history.identities)
        self._add(self._registration(identity), identity.address)

    def _register_deflated(self) -> None:
        random = self.random
        identity = random.choice(self.history.identities)
        version = random.choice((317, 401, 479))
        is_new = identity.address in self.history.displaced
        body = self.bodies.deflated(identity.name, version, is_new=is_new)
        fields = self._fields(identity, body) | {"compressed": "true"}
        self._add(Request(103, fields, body, version), identity.address)

    def _register_oddly(self) -> None:
        random = self.random
        identity = random.choice(self.history.identities)
        request = self._registration(identity)
        fields, body, version = (
            dict(request.ext_fields or {}),
            request.body,
            request.version,
        )
        match random.randrange(4):
            case 0:
                body = self.bodies.broken()
                fields["bodyCrc32"] = "0"
            case 1:
                version = random.choice(_ODD_VERSIONS)
            case 2:
                del fields[random.choice(_LEFT_OUT_OF_REGISTRATIONS)]
            case 3:
                fields["brokerId"] = random.choice(("x", "", f"+{abs(identity.id)}"))
        self._add(Request(103, fields, body, version), identity.address)

    def _switch_roles(self) -> None:
        """A broker registers with the id of another one of its group, at its own
        address: a slave becomes master."""
        random, history = self.random, self.history
        number = random.randrange(len(history.identities))
        identity = history.identities[number]
        taken = [
            other
            for other in history.identities
            if other.name == identity.name and other.address != identity.address
        ]
        if not taken:
            return
        other = random.choice(taken)
        # Both: if the other one comes back, this one is displaced.
        history.displaced |= {identity.address, other.address}
        identity = replace(identity, id=other.id)
        history.identities[number] = identity
        self._add(self._registration(identity), identity.address)

    def _registration(self, identity: Identity) -> Request:
        random = self.random
        # What Java still knows of a displaced one would count as unchanged.
        is_new = identity.address in self.history.displaced
        body = json_bytes(self.bodies.registration(identity.name, is_new=is_new))
        fields = self._fields(identity, body) | {"compressed": "false"}
        return Request(103, fields, body, random.choice(_VERSIONS))

    def _fields(self, identity: Identity, body: bytes) -> dict[str, str]:
        random = self.random
        fields = dict(identity.ext_fields)
        acting = random.choice((None, "false", "true", "true"))
        if acting is not None:
            fields["enableActingMaster"] = acting
        if random.random() < 0.2:
            zone = random.choice((ZONE, ZONE.upper(), "z2", ""))
            fields["__ZONE_NAME"] = fields["zoneName"] = zone
        if random.random() < 0.5:
            fields["bodyCrc32"] = str(zlib.crc32(body) & 0x7FFFFFFF)
        elif random.random() < 0.1:
            fields["bodyCrc32"] = "1"
        if random.random() < 0.2:
            fields["heartbeatTimeoutMillis"] = str(random.choice((120_000, 600_000)))
        return fields

    def _some_fields(self, fields: dict[str, str]) -> dict[str, str]:
        """Now and then without one of them."""
        if self.random.random() < 0.1:
            fields = dict(fields)
            del fields[self.random.choice(list(fields))]
        return fields

    def _beat(self) -> None:
        identity = self.random.choice(self.history.identities)
        fields = self._some_fields(identity.ext_fields)
        self._add(Request(904, fields), identity.address)

    def _query_version(self) -> None:
        identity = self.random.choice(self.history.identities)
        version = self.bodies.data_version()
        version["counter"] = self.random.choice((version["counter"], 0))
        body = self.random.choice(
            (json_bytes(version), json_bytes(version), b"", b"{}", b"{")
        )
        fields = self._some_fields(identity.ext_fields)
        is_compared = identity.address not in self.history.displaced
        request = Request(322, fields, body)
        self._add(request, identity.address, is_compared=is_compared)

    def _leave(self) -> None:
        identity = self.random.choice(self.history.identities)
        # Without a name Java removes half of it, and we nothing (9.2).
        name = {"brokerName": identity.name}
        fields = self._some_fields(identity.ext_fields) | name
        if self.random.random() < 0.1:
            fields["brokerId"] = str(identity.id + 7)
        self._add(Request(104, fields), identity.address, settles=True)

    def _change_permission(self) -> None:
        name = self.random.choice(self.history.identities).name
        code = self.random.choice((205, 327))
        self._add(Request(code, self._some_fields({"brokerName": name})), "operator")

    def _delete_topic(self) -> None:
        fields = {"topic": self.random.choice(self.history.topics)}
        if self.random.random() < 0.4:
            fields["clusterName"] = self.random.choice(self.history.identities).cluster
        self._add(Request(216, fields), "operator")

    def _register_topic(self) -> None:
        random = self.random
        topic = random.choice(self.history.topics)
        names = [random.choice(self.history.identities).name for _ in range(2)]
        names = random.choice(
            (names, names[:1], [*names, "nobody"], ["nobody", *names])
        )
        queue_datas = [
            {
                "brokerName": name,
                "perm": random.choice((6, 4, 2)),
                "readQueueNums": 3,
                "topicSysFlag": self.bodies.flag(topic),
                "writeQueueNums": random.choice((3, "4")),
            }
            for name in names
        ]
        bodies = [json_bytes({"queueDatas": queue_datas})] * 6
        bodies += [b'{"queueDatas":[null]}', b"{}", b"{", b""]
        fields = self._some_fields({"topic": topic})
        self._add(Request(217, fields, random.choice(bodies)), "operator")

    def _configure_order(self) -> None:
        topic = self.random.choice(self.history.topics)
        fields = {"namespace": ORDER_NAMESPACE, "key": topic}
        if self.random.random() < 0.6:
            value = f"{self.random.choice(self.history.identities).name}:4"
            self._add(Request(100, {**fields, "value": value}), "operator")
        else:
            self._add(Request(102, fields), "operator")

    def _change_key(self) -> None:
        random = self.random
        key = random.choice(self.history.keys)
        fields = {"namespace": self.history.namespace, "key": key}
        code = random.choice((100, 100, 100, 101, 102, 219))
        if code == 100:
            fields["value"] = random.choice(("v", "", 'q"\\/\n\x01', "中/😀"))
        self._add(Request(code, self._some_fields(fields)), "operator")

    def _ask(self) -> None:
        random = self.random
        fields = {"topic": random.choice(self.history.topics)}
        if random.random() < 0.3:
            zone = random.choice((ZONE, "Z2", " ", "elsewhere"))
            mode = random.choice(("true", "True", "1"))
            fields |= {"__ZONE_MODE": mode, "__ZONE_NAME": zone}
        if random.random() < 0.2:
            fields["acceptStandardJsonOnly"] = random.choice(("true", "false"))
        version = random.choice(_VERSIONS)
        self._add(Request(105, self._some_fields(fields), b"", version), "client")

    def _disable_lists(self) -> None:
        """For a while; histories after this one want them."""
        for word in ("false", "true"):
            text = f"enableTopicList={word}\nenableAllTopicList={word}\n"
            self._add(Request(318, {}, text.encode()), "operator")
            for _ in range(2):
                self._list()

    def _list(self) -> None:
        """Lists and groups."""
        random = self.random
        identity = random.choice(self.history.identities)
        group = {"clusterName": identity.cluster, "brokerName": identity.name}
        requests = [Request(code) for code in WITHOUT_FIELDS]
        requests.append(Request(224, self._some_fields({"cluster": identity.cluster})))
        requests.append(Request(901, self._some_fields(group)))
        self._add(random.choice(requests), "client")
