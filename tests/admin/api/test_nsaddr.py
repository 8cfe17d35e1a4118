"""`/rocketmq/nsaddr`: the addresses that clients of RocketMQ ask for."""

import pytest

from tests.admin.api.asking import Api

ADVERTISED = "ns1:9876; ns2:9876;[::1]:9876"


@pytest.mark.parametrize("path", ["nsaddr", "nsaddr-east?nofix=1", "nsaddr-a-b"])
def test_the_addresses_are_those_of_the_option(path: str) -> None:
    answer = Api(advertise=ADVERTISED).ask(f"/rocketmq/{path}", accept="text/html")
    assert answer.status == 200
    assert answer.content_type == "text/plain"
    assert answer.body == b"ns1:9876;ns2:9876;[::1]:9876"


def test_a_draining_server_leaves_itself_out() -> None:
    api = Api(advertise=ADVERTISED)
    api.world.state.drain(0)
    assert api.ask("/rocketmq/nsaddr").body == b"ns2:9876;[::1]:9876"


def test_a_draining_server_that_knows_no_other_is_unavailable() -> None:
    api = Api(advertise="ns1:9876")
    api.world.state.drain(0)
    assert api.ask("/rocketmq/nsaddr").status == 503


@pytest.mark.parametrize(
    ("bind_address", "port", "body"),
    [
        ("10.0.0.7", 9876, b"10.0.0.7:9876"),
        ("10.0.0.7,::1", 9877, b"10.0.0.7:9877;[::1]:9877"),
    ],
)
def test_without_the_option_a_fixed_address_is_known(
    bind_address: str, port: int, body: bytes
) -> None:
    api = Api(bind_address=bind_address, listen_port=port)
    assert api.ask("/rocketmq/nsaddr").body == body


@pytest.mark.parametrize(
    ("bind_address", "port"),
    [
        ("0.0.0.0", 9876),
        ("ipv4", 9876),
        ("::", 9876),
        ("10.0.0.7,0.0.0.0", 9876),
        ("10.0.0.7", 0),
    ],
)
def test_without_any_address_it_names_the_option(bind_address: str, port: int) -> None:
    answer = Api(bind_address=bind_address, listen_port=port).ask("/rocketmq/nsaddr")
    assert answer.status == 404
    assert "advertise" in answer.json["detail"]
