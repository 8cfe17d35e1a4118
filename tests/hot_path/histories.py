"""What peers send in a random history of a small cluster."""

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

from namesrv.testing.peer import (
    Broker,
    binary_request,
    data_version,
    frame_parts,
    mapping_info,
    read_header,
    registration,
    registration_body,
    request,
    topic_config,
)
from namesrv.wire.registration_digest import registration_digest

NAMES = ["b1", "b2"]
CLUSTERS = ["c1", "c2"]
TOPICS = ["T1", "T2", "T3", "rmq_sys_SYNC_BROKER_MEMBER_b1"]
REMOTE_FLAGS = [
    "supportActingMaster",
    "orderMessageEnable",
    "deleteTopicWithBrokerRegistration",
    "returnOrderTopicConfigToBroker",
    "notifyMinBrokerIdChanged",
]


class Spec(NamedTuple):
    """A registration that can be sent again."""

    broker: Broker
    content: dict[str, Any]
    ext: dict[str, str | None]
    version: int

    def frame(self, opaque: int, sent_at: int, flag: int = 0) -> bytes:
        body = registration_body(**self.content, sent_at=sent_at)
        return registration(
            self.broker,
            body,
            ext=self.ext,
            opaque=opaque,
            version=self.version,
            flag=flag,
        )

    def digest(self) -> bytes:
        """What it is recognised by."""
        serialize_type, header, body = frame_parts(self.frame(0, 1))
        ext_fields = read_header(serialize_type, header)["extFields"]
        return registration_digest(self.version, ext_fields, body)


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Three times out of four the usual."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


def nearly_always(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """What breaks a registration must not come with every other one."""
    return st.sampled_from([usual] * 24 + list(others))


def own_addr(name: str, broker_id: int) -> str:
    return f"{name}-{broker_id}:1"


@st.composite
def some_brokers(draw: st.DrawFn) -> Broker:
    name = draw(mostly("b1", "b2"))
    broker_id = draw(st.sampled_from([0, 0, 0, 1, 1, 1, 2, -1]))
    addr = draw(mostly(own_addr(name, broker_id), "shared:1", own_addr("b1", 0)))
    return Broker(name, broker_id, addr, draw(mostly("c1", "c2")))


@st.composite
def some_content(draw: st.DrawFn) -> dict[str, Any]:
    topics = {
        name: topic_config(
            draw(nearly_always(name, None)),
            queues=draw(st.sampled_from([4, 8])),
            perm=draw(mostly(6, 4, 2, 7)),
            flag=draw(mostly(0, 2)),
        )
        for name in draw(st.lists(st.sampled_from(TOPICS), unique=True))
    }
    mappings = {}
    if draw(mostly(False, True)):
        mappings["T1"] = mapping_info("T1", draw(st.sampled_from([*NAMES, "other"])))
    version = data_version(
        draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(mostly(0, 1))
    )
    if draw(nearly_always(False, True)):
        del version["timestamp"]
    return {
        "topics": draw(nearly_always(topics, None)),
        "version": version,
        "mappings": mappings,
        "filters": draw(mostly([], ["f1"], ["f1", None], None)),
    }


some_ext = st.fixed_dictionaries(
    {
        "enableActingMaster": st.sampled_from(["true", "false", None]),
        "__ZONE_NAME": mostly(None, "z1", "z2", ""),
        "heartbeatTimeoutMillis": mostly(None, "1000", "10000", "0"),
    },
    optional={"haServerAddr": mostly("ha:1", None)},
)
wrong_checksums = nearly_always({}, {"bodyCrc32": "0"}, {"bodyCrc32": "1"})
some_specs = st.builds(
    Spec,
    some_brokers(),
    some_content(),
    st.builds(lambda ext, wrong: {**ext, **wrong}, some_ext, wrong_checksums),
    mostly(479, 400),
)
opaques = st.integers(-(2**31), 2**31 - 1)
forms = st.sampled_from([request, request, binary_request])
flags = mostly(0, 2)


@st.composite
def some_requests(draw: st.DrawFn) -> bytes:
    """Anything but a registration."""
    kinds = [lookups(), heartbeats(), queries(), changes(), reads]
    return draw(framed(st.one_of(*kinds, unregistrations())))


@st.composite
def some_changes(draw: st.DrawFn) -> bytes:
    """What may change a table."""
    return draw(framed(st.one_of(changes(), changes(), unregistrations())))


@st.composite
def framed(draw: st.DrawFn, wanted: Any) -> bytes:
    code, ext_fields, body = draw(wanted)
    known = {name: text for name, text in ext_fields.items() if text is not None}
    return draw(forms)(code, known, body, opaque=draw(opaques), flag=draw(flags))


@st.composite
def lookups(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    ext_fields = {
        "topic": draw(st.sampled_from([*TOPICS, "none"])),
        "acceptStandardJsonOnly": draw(mostly(None, "true", "True", "no")),
        "__ZONE_MODE": draw(mostly(None, "true", "false")),
        "__ZONE_NAME": draw(mostly(None, "z1", "Z2", " ")),
    }
    return 105, ext_fields, b""


@st.composite
def heartbeats(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    return 904, draw(some_brokers()).ext_fields, b""


@st.composite
def queries(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    version = data_version(
        draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(mostly(0, 1))
    )
    text = json.dumps(version, separators=(",", ":"))
    body = draw(mostly(text, json.dumps(version), "", "null", "{", '{"counter":1}'))
    return 322, draw(some_brokers()).ext_fields, body.encode()


@st.composite
def unregistrations(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    ext_fields = draw(some_brokers()).ext_fields
    wrong = draw(mostly({}, {"brokerName": "b2"}, {"brokerName": "unknown"}))
    return 104, {**ext_fields, **wrong}, b""


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    topic = draw(st.sampled_from([*TOPICS, "T1", "T2"]))
    kind = draw(st.sampled_from([205, 327, 216, 216, 217, 217, 100, 102, 318]))
    if kind in (205, 327):
        return kind, {"brokerName": draw(st.sampled_from([*NAMES, "none"]))}, b""
    if kind == 216:
        cluster = draw(st.sampled_from([None, "", *CLUSTERS]))
        return kind, {"topic": topic, "clusterName": cluster}, b""
    if kind == 217:
        names = draw(st.lists(st.sampled_from([*NAMES, "none"]), max_size=2))
        queues = [{"brokerName": n, "perm": 6, "readQueueNums": 2} for n in names]
        return kind, {"topic": topic}, json.dumps({"queueDatas": queues}).encode()
    if kind == 318:
        name = draw(st.sampled_from(REMOTE_FLAGS))
        value = draw(st.sampled_from(["true", "false"]))
        return kind, {}, f"{name}={value}\n".encode()
    namespace = draw(mostly("ORDER_TOPIC_CONFIG", "other"))
    value = draw(st.sampled_from(["b1:4", "b1:8;b2:1"]))
    return kind, {"namespace": namespace, "key": topic, "value": value}, b""


reads = st.sampled_from(
    [
        (106, {}, b""),
        (206, {}, b""),
        (224, {"cluster": "c1"}, b""),
        (304, {}, b""),
        (312, {}, b""),
        (901, {"clusterName": "c1", "brokerName": "b1"}, b""),
        (219, {"namespace": "ORDER_TOPIC_CONFIG"}, b""),
        (101, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1"}, b""),
        (319, {}, b""),
        (343, {}, b""),
    ]
)
