"""Who may do what: every request code in every mode of both options."""

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.routing.access.control import CLASSES, RequestClass
from namesrv.routing.requests import processor
from namesrv.testing.peer import (
    Broker,
    binary_request,
    registration_body,
    request,
    signed,
)
from namesrv.wire.access_keys import AccessKeys
from tests.routing.world import World

SECRETS = {"ops": "12345678", "broker-a": "s3cr=et/+"}
HERE, ELSEWHERE = "127.0.0.1:40000", "10.0.0.9:40000"
FIELDS = {
    **Broker().ext_fields,
    "topic": "T1",
    "cluster": "c1",
    "namespace": "n",
    "key": "k",
    "value": "v",
}
BODIES = {
    RequestCode.REGISTER_BROKER: registration_body(),
    RequestCode.QUERY_DATA_VERSION: b'{"counter":1,"stateVersion":0,"timestamp":1}',
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: b'{"queueDatas":[]}',
    RequestCode.UPDATE_NAMESRV_CONFIG: b"orderMessageEnable=true",
}
KINDS = {
    RequestClass.ROUTE_READ: {105, 106, 206, 224, 304, 311, 312, 313, 901},
    RequestClass.BROKER_CONTROL: {103, 104, 322, 904},
    RequestClass.ADMIN_READ: {101, 219, 319},
    RequestClass.ADMIN_WRITE: {100, 102, 205, 216, 217, 318, 327},
}
ADMIN_MODES = ("open", "loopback", "signed", "off")
BROKER_MODES = ("open", "signed")
REFUSED = 16


def narrowed(**options: Any) -> World:
    """A server with keys."""
    world = World(access_keys_file="keys", **options)
    world.state.access.keys = AccessKeys(SECRETS)
    return world


def senders() -> Iterator[tuple[str, bool]]:
    """Where from, and whether signed."""
    for address in (HERE, ELSEWHERE):
        for is_signed in (False, True):
            yield address, is_signed


def may(kind: RequestClass, admin: str, broker: str, sender: tuple[str, bool]) -> bool:
    """The rule, once more."""
    address, is_signed = sender
    mode = {RequestClass.ADMIN_WRITE: admin, RequestClass.BROKER_CONTROL: broker}
    return {
        "open": True,
        "loopback": address == HERE,
        "signed": is_signed,
        "off": False,
    }[mode.get(kind, "open")]


def test_every_request_code_has_one_class() -> None:
    assert set(CLASSES) == set(processor.HANDLERS)
    for kind, codes in KINDS.items():
        assert {code for code, its in CLASSES.items() if its is kind} == codes


@pytest.mark.parametrize("admin", ADMIN_MODES)
@pytest.mark.parametrize("broker", BROKER_MODES)
@pytest.mark.parametrize("code", sorted(processor.HANDLERS))
@pytest.mark.parametrize("encode", [request, binary_request])
def test_every_class_in_every_mode(
    code: int, admin: str, broker: str, encode: Any
) -> None:
    body = BODIES.get(RequestCode(code), b"")
    for sender in senders():
        address, is_signed = sender
        world = narrowed(admin_access=admin, broker_access=broker)
        fields = signed(FIELDS, body) if is_signed else FIELDS
        sent = encode(code, fields, body)
        answer = world.only(world.send(sent, world.connect(address)))
        allowed = may(CLASSES[code], admin, broker, sender)
        assert (answer.code != REFUSED) == allowed, (sender, answer.remark)
        if not allowed:
            assert f"request code {code} ({RequestCode(code).name}) " in str(
                answer.remark
            )
            assert answer.ext_fields is None and answer.body == b""
        assert world.has_event("request refused") == (not allowed)


@pytest.mark.parametrize("code", sorted(KINDS[RequestClass.ADMIN_WRITE]))
@pytest.mark.parametrize("flag", [0, 2])
def test_what_is_refused_changes_nothing(code: int, flag: int) -> None:
    world = narrowed(admin_access="off")
    world.register()
    before = world.topics, world.addrs, world.state.options.order_message_enable
    body = BODIES.get(RequestCode(code), b"")
    output = world.send(request(code, FIELDS, body, flag=flag))
    assert (output == b"") == (flag == 2)
    assert world.files == {}
    after = world.topics, world.addrs, world.state.options.order_message_enable
    assert after == before


def test_refused_registrations_are_not_even_read() -> None:
    world = narrowed(broker_access="signed")
    assert world.register().code == REFUSED
    assert world.register(body=b"{").code == REFUSED
    assert world.addrs == {} and world.live_keys == set()
    assert not world.connection.registered


@pytest.mark.parametrize("code", [104, 322, 904])
def test_unsigned_peers_neither_remove_a_broker_nor_keep_it(code: int) -> None:
    world = narrowed(broker_access="signed")
    body = registration_body()
    fields = signed(FIELDS, body, "broker-a", SECRETS["broker-a"])
    assert world.ask(103, fields, body).code == 0
    world.now_ms = 1000
    assert world.ask(code, FIELDS, BODIES.get(RequestCode(code), b"")).code == REFUSED
    (info,) = world.live.entries()
    assert info.last_update_timestamp == 0


def test_signed_brokers_live_as_others_do() -> None:
    world = narrowed(broker_access="signed")
    body = registration_body()
    for now_ms in (0, 1000):
        world.now_ms = now_ms
        fields = signed(FIELDS, body, "broker-a", SECRETS["broker-a"])
        assert world.ask(103, fields, body).code == 0
    world.now_ms = 2000
    assert world.ask(904, signed(FIELDS)).code == 0
    (info,) = world.live.entries()
    assert info.last_update_timestamp == 2000
    assert world.ask(104, signed(FIELDS)).code == 0
    assert world.addrs == {}


# --- the hot path ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broker", "cold_calls"), [("open", [0, 0, 0]), ("signed", [1, 1, 1])]
)
def test_what_brokers_send_is_looked_at_when_it_has_to_be_signed(
    broker: str, cold_calls: list[int]
) -> None:
    world = narrowed(broker_access=broker)
    body = registration_body()
    crc = {"bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF)}
    fields = signed({**Broker().ext_fields, **crc}, body)
    assert world.ask(103, fields, body).code == 0
    version = b'{"counter":0,"stateVersion":0,"timestamp":1}'
    counted = []
    for sent in (
        request(103, fields, body),
        request(904, signed(Broker().ext_fields)),
        request(322, signed(Broker().ext_fields, version), version),
    ):
        before = world.processor.cold_calls
        assert world.only(world.send(sent)).code == 0
        counted.append(world.processor.cold_calls - before)
    assert counted == cold_calls


@pytest.mark.parametrize("options", [{"broker_access": "signed"}, {}])
@pytest.mark.parametrize("admin", ADMIN_MODES)
def test_lookups_stay_hot(options: dict[str, str], admin: str) -> None:
    world = narrowed(admin_access=admin, **options)
    body = registration_body()
    world.ask(103, signed(FIELDS, body), body)
    world.route("T1")
    before = world.processor.cold_calls
    assert world.route("T1") is not None
    assert world.processor.cold_calls == before


def test_mask_follows_the_option() -> None:
    """As a change of the operator's file will need it."""
    world = narrowed()
    open_codes = world.state.hot.hot_codes
    world.state.options.broker_access = "signed"
    world.state.refresh_hot_path(0)
    signed_codes = world.state.hot.hot_codes
    world.state.options.broker_access = "open"
    world.state.refresh_hot_path(0)
    assert (open_codes, signed_codes) == (7, 1)
    assert world.state.hot.hot_codes == 7


# --- signatures -----------------------------------------------------------------------

RIGHT = signed(FIELDS, b"body")


@pytest.mark.parametrize(
    ("fields", "body", "remark", "reason"),
    [
        (
            {},
            b"",
            "has no AccessKey and no Signature",
            "not signed",
        ),
        (
            {**RIGHT, "AccessKey": ""},
            b"body",
            "has no AccessKey",
            "not signed",
        ),
        (
            {n: v for n, v in RIGHT.items() if n != "Signature"},
            b"body",
            "has no Signature",
            "not signed",
        ),
        (
            signed(FIELDS, b"body", secret="87654321"),
            b"body",
            "the access key is unknown or the signature wrong",
            "signature is wrong",
        ),
        (
            signed(FIELDS, b"body", "broker-b"),
            b"body",
            "the access key is unknown or the signature wrong",
            "access key is unknown",
        ),
        (
            RIGHT,
            b"another body",
            "the access key is unknown or the signature wrong",
            "signature is wrong",
        ),
        (
            {**RIGHT, "key": "other"},
            b"body",
            "the access key is unknown or the signature wrong",
            "signature is wrong",
        ),
    ],
)
@pytest.mark.parametrize("encode", [request, binary_request])
def test_wrong_signatures(
    fields: dict[str, str], body: bytes, remark: str, reason: str, encode: Any
) -> None:
    world = narrowed(admin_access="signed")
    answer = world.only(world.send(encode(100, fields, body)))
    assert answer.code == REFUSED
    assert answer.remark == (
        "request code 100 (PUT_KV_CONFIG) has to be signed (adminAccess=signed),"
        f" and {remark}"
    )
    assert world.event("request refused") == {
        "code": 100,
        "request_class": "admin-write",
        "reason": reason,
        "remote": ELSEWHERE,
        "socket": ELSEWHERE,
    }
    assert world.files == {}


def test_request_without_any_ext_fields_is_not_signed() -> None:
    world = narrowed(admin_access="signed")
    answer = world.ask(318, None, b"orderMessageEnable=true")
    assert answer.code == REFUSED
    assert not world.options.order_message_enable


@pytest.mark.parametrize(
    "fields",
    [
        {"namespace": "主题", "key": "\U0001f600", "value": "é"},
        {"namespace": "n", "key": "k", "value": "v", "Ä": "x", "ä": "y"},
        {"namespace": "n", "key": "k", "value": ""},
    ],
)
@pytest.mark.parametrize("encode", [request, binary_request])
@pytest.mark.parametrize("token", [{}, {"SecurityToken": "token"}])
@pytest.mark.parametrize("body", [b"", "键".encode()])
def test_right_signatures(
    fields: dict[str, str], encode: Any, token: dict[str, str], body: bytes
) -> None:
    world = narrowed(admin_access="signed")
    sent = encode(100, signed(fields, body, **token), body)
    assert world.only(world.send(sent)).code == 0
    assert world.files != {}


def test_keys_may_be_replaced_while_serving() -> None:
    world = narrowed(admin_access="signed")
    old, new = signed(FIELDS), signed(FIELDS, secret="new")
    assert (world.ask(100, old).code, world.ask(100, new).code) == (0, REFUSED)
    world.state.access.keys = AccessKeys({"ops": "new"})
    assert (world.ask(100, old).code, world.ask(100, new).code) == (REFUSED, 0)


def test_go_away_and_unknown_codes_come_before() -> None:
    world = narrowed(admin_access="off", broker_access="signed")
    assert world.ask(999).code == 3
    world.state.drain(0)
    assert world.ask(100, FIELDS).code == 1500


# --- loopback -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.255.0.3:1", True),
        ("[::1]:1", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("[::ffff:7f00:1]:1", True),
        ("[::ffff:10.0.0.1]:1", False),
        ("[fe80::1%eth0]:1", False),
        ("[::]:1", False),
        ("0.0.0.0:1", False),
        ("128.0.0.1:1", False),
        ("192.168.0.1:127", False),
        ("unknown", False),
        ("localhost:1", False),
    ],
)
def test_which_addresses_are_loopback(address: str, is_loopback: bool) -> None:
    world = narrowed(admin_access="loopback")
    answer = world.ask(100, FIELDS, connection=world.connect(address))
    assert (answer.code == 0) == is_loopback


@pytest.mark.parametrize(
    ("socket_address", "named_address", "is_local"),
    [
        (HERE, HERE, True),
        (HERE, "[::1]:5", True),
        (HERE, ELSEWHERE, False),
        (ELSEWHERE, HERE, False),
        (ELSEWHERE, ELSEWHERE, False),
    ],
)
def test_a_proxy_header_takes_loopback_away_and_never_gives_it(
    socket_address: str, named_address: str, is_local: bool
) -> None:
    world = narrowed(admin_access="loopback")
    connection = world.connect(socket_address)
    connection.remote_address = named_address
    assert connection.socket_address == socket_address
    assert (world.ask(205, FIELDS, connection=connection).code == 0) == is_local


# --- remote configuration -------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["adminAccess", "brokerAccess", "accessKeysFile", "auditLog"]
)
def test_no_remote_update_changes_who_may_do_what(key: str) -> None:
    world = narrowed(admin_access="signed")
    body = f"{key}=open".encode()
    answer = world.ask(318, signed({}, body), body)
    assert answer.code == REFUSED
    assert answer.remark == f"config '{key}' can not be updated remotely"
    assert world.options.admin_access == "signed" and world.files == {}
