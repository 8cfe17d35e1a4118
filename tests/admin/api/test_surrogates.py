"""Names with lone surrogates, which remoting admits, at every endpoint."""

import re
from collections.abc import Iterator
from itertools import product

import pytest
from msgspec import structs

from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.table import ENDPOINTS
from namesrv.testing.peer import Broker, registration_body, topic_table
from tests.admin.api.asking import Api
from tests.admin.api.test_inputs import LIVE_PARTS

LONE = "%ED%A0%80"
NAMES = {
    "topic": f"{LONE}abcdef",
    "cluster": f"c{LONE}",
    "name": f"{LONE}bbbb",
    "namespace": f"n{LONE}nnnn",
    "key": f"k{LONE}kkkk",
    "id": "0",
    "unit": LONE,
    "file": f"{LONE}.js",
    "broker_addr": f"h{LONE}:1",
}
BODIES = [
    b'{"value":"v"}',
    b'{"broker_addr":"10.0.0.7:1","topics":[{"topic":"T"}]}',
    b'{"orderMessageEnable":true}',
    b'{"value":"\\ud800","broker_addr":"h\\ud800:1"}',
    b'{"broker_addr":"h\\ud800:1","topics":[{"topic":"\\ud800"}]}',
    b'{"broker_addr":"10.0.0.7:1","topics":[{"topic":"\\ud800x"}],"zone_name":"\\ud8"}',
    b'{"\\ud800":1}',
    b'{"value":"\xed\xa0\x80"}',
    b"\x81\xa5value\xa3\xed\xa0\x80",
]
ENDPOINTS_IN_MEMORY = [e for e in ENDPOINTS if e.path not in LIVE_PARTS]


def odd_server() -> Api:
    """A server with a lone surrogate in each kind of name."""
    api = Api(order_message_enable=True)
    world = api.world
    broker = Broker("\ud800bbbb", 0, "h\ud800:1", "c\ud800")
    body = registration_body(topic_table("\ud800abcdef", "plain"))
    assert world.register(broker, body, ext={"__ZONE_NAME": "z\ud800"}).code == 0
    for namespace in ("n\ud800nnnn", "ORDER_TOPIC_CONFIG"):
        fields = {"namespace": namespace, "key": "k\ud800kkkk", "value": "v\ud800"}
        assert world.ask(100, fields).code == 0
    return api


def targets(endpoint: Endpoint) -> Iterator[str]:
    """Targets with the names of the server, with others that are like them, and with a
    lone surrogate in each parameter of the query."""
    known = re.sub(r"\{(\w+)\}", lambda found: NAMES[found[1]], endpoint.path)
    alike = re.sub(r"\{(\w+)\}", lambda found: f"{NAMES[found[1]]}x", endpoint.path)
    yield from (known, alike, known.replace("abcdef", "").replace("bbbb", ""))
    fields = structs.fields(endpoint.parameters) if endpoint.parameters else ()
    for field in fields:
        if f"{{{field.name}}}" not in endpoint.path:
            yield f"{known}?{field.name}={LONE}"
            yield f"{known}?{field.name}={NAMES.get(field.name, LONE)}"
    yield f"{known}?{LONE}={LONE}"
    yield f"{known}?broker_addr={NAMES['broker_addr']}&registration=0-0"


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS_IN_MEMORY, ids=lambda e: f"{e.method} {e.path}"
)
def test_no_name_makes_a_500(endpoint: Endpoint) -> None:
    accepted = ("application/json", "application/msgpack")
    bodies = BODIES if endpoint.body is not None else [b""]
    for body, accept in product(bodies, accepted):
        api = odd_server()
        media = "application/msgpack" if body[:1] == b"\x81" else "application/json"
        for target in targets(endpoint):
            answer = api.ask(
                target, endpoint.method, body, accept=accept, content_type=media
            )
            assert answer.status < 500, (target, body, answer.body)
            assert not api.world.has_event("internal error"), (target, body)
            if "msgpack" not in answer.content_type:
                answer.body.decode()
