"""No input makes a mistake of ours, and each format has the same content."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.admin.http.messages import HttpRequest
from namesrv.admin.table import ENDPOINTS
from namesrv.testing.peer import Broker, mapping_info, registration_body, topic_table
from tests.admin.api.asking import Answer, Api

PATHS = [endpoint.path for endpoint in ENDPOINTS]
METHODS = sorted({endpoint.method for endpoint in ENDPOINTS} | {"HEAD", "OPTIONS", "X"})
ENCODED = st.one_of(
    st.sampled_from(["T", "U", "a", "c1", "ns", "k", "0", "-1", "%00", "%", "%zz"]),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace").hex("%")),
    st.binary(max_size=6).map(lambda data: "".join(f"%{byte:02X}" for byte in data)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
)
QUERIES = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["limit", "after", "prefix", "problem", "version", "zone", "cluster"]
                + ["broker_addr", "registration", "nofix"]
            ),
            ENCODED,
        ).map("=".join),
        max_size=3,
    ).map("&".join),
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda values: (
            st.lists(values, max_size=3)
            | st.dictionaries(
                st.sampled_from(["value", "topics", "broker_addr", "x"]), values
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "accept": st.sampled_from(
            ["", "*/*", "application/msgpack", "text/html", "a;q=x,/;q", ",,;"]
        ),
        "content-type": st.sampled_from(
            ["application/json", "application/msgpack", "text/plain", ";", ""]
        ),
        "if-none-match": st.text(max_size=10),
    },
)


def filled() -> Api:
    """A server with something of everything."""
    api = Api(order_message_enable=True)
    world = api.world
    body = registration_body(
        topic_table("T", "U"), mappings={"U": mapping_info("U", "a")}, filters=["f:1"]
    )
    world.register(Broker("a"), body, ext={"__ZONE_NAME": "z"})
    world.register(Broker("b", 1, "10.0.0.2:1", "c2"))
    world.ask(100, {"namespace": "ns", "key": "k", "value": "v"})
    world.ask(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:4"})
    return api


@st.composite
def requests(draw: st.DrawFn) -> HttpRequest:
    path = draw(st.sampled_from(PATHS))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + draw(ENCODED) + rest.partition("}")[2]
    return HttpRequest(
        draw(st.sampled_from(METHODS)),
        draw(st.sampled_from([path, path + "/", path[:-1]])),
        draw(QUERIES),
        draw(HEADERS),
        draw(BODIES),
    )


LIVE_PARTS = ("/metrics", "/healthz", "/readyz", "/v1/problems", "/v1/node")
"""Paths that need a server that runs."""


@given(st.lists(requests(), min_size=1, max_size=5))
def test_no_input_makes_a_500(drawn: list[HttpRequest]) -> None:
    api = filled()
    for request in drawn:
        if request.path in LIVE_PARTS:
            continue
        answer = Answer(request.path, api.handle(request))
        assert answer.status != 500, (request, answer.body)
        assert not api.world.has_event("internal error")
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json"
            assert answer.json["status"] == answer.status
            assert answer.json["detail"]


TARGETS = [
    "/version",
    "/v1/topics",
    "/v1/topics?limit=1&prefix=T",
    "/v1/topics/T",
    "/v1/topics/U",
    "/v1/topics/T/route",
    "/v1/topics/U/route?version=300",
    "/v1/topics/U/route?zone=z",
    "/v1/clusters",
    "/v1/brokers",
    "/v1/brokers/a",
    "/v1/kv",
    "/v1/kv/ns",
    "/v1/kv/ns/k",
    "/v1/config",
    "/v1/connections",
    "/v1/missing",
    "/v1/digest",
    "/v1/history",
    "/v1/peers",
    "/v1/topics/T/explain",
    "/v1/topics/U/explain?version=300&zone=z&cluster=c9",
    "/v1/brokers/a/explain",
    "/v1/brokers/10.0.0.9:1/explain?cluster=c9",
    "/v1/history",
    "/v1/history/at?time=0s",
    "/v1/history/between?from=0s&to=0s",
]


@pytest.mark.parametrize("target", TARGETS)
def test_msgpack_has_the_content_of_json(target: str) -> None:
    api = filled()
    packed = api.ask(target, accept="application/msgpack")
    text = api.ask(target)
    assert packed.content_type == "application/msgpack"
    assert packed.json == text.json
    assert packed.headers == text.headers


def test_every_negotiated_answer_to_get_is_among_these_targets() -> None:
    api = Api()
    asked = set()
    for target in TARGETS:
        place = api.application._router.find(target.partition("?")[0])
        assert place is not None
        asked.add(place.methods["GET"].path)
    paths = {e.path for e in ENDPOINTS if e.method == "GET" and e.answer is not None}
    assert asked == paths - {*LIVE_PARTS}


@pytest.mark.parametrize("target", TARGETS)
def test_an_answer_is_a_record_of_its_type(target: str) -> None:
    api = filled()
    place = api.application._router.find(target.partition("?")[0])
    assert place is not None
    kind: Any = place.methods["GET"].answer
    msgspec.json.decode(api.ask(target).body, type=kind, strict=True)
