"""extFields as typed headers: exact names, and defaults for what does not convert."""

import pytest

from namesrv.wire.command import ExtFields
from namesrv.wire.headers import (
    BrokerRequestHeader,
    KVConfigRequestHeader,
    RegisterBrokerRequestHeader,
)

FULL: ExtFields = {
    "brokerName": "b",
    "brokerAddr": "a:1",
    "clusterName": "c",
    "haServerAddr": "h:1",
    "brokerId": "3",
    "heartbeatTimeoutMillis": "60000",
    "enableActingMaster": "true",
    "compressed": "true",
    "bodyCrc32": "875153388",
    "__ZONE_NAME": "z",
    "unknown": "ignored",
}


def test_a_registration_with_everything() -> None:
    assert RegisterBrokerRequestHeader.read(FULL) == RegisterBrokerRequestHeader(
        broker_name="b",
        broker_addr="a:1",
        cluster_name="c",
        ha_server_addr="h:1",
        broker_id=3,
        heartbeat_timeout_millis=60000,
        enable_acting_master=True,
        compressed=True,
        body_crc32=875153388,
        zone_name="z",
    )


@pytest.mark.parametrize("ext_fields", [{}, {name: None for name in FULL}])
def test_a_registration_with_nothing(ext_fields: dict[str, str | None]) -> None:
    assert RegisterBrokerRequestHeader.read(ext_fields) == RegisterBrokerRequestHeader(
        broker_name=None,
        broker_addr=None,
        cluster_name=None,
        ha_server_addr=None,
        broker_id=None,
        heartbeat_timeout_millis=None,
        enable_acting_master=None,
        compressed=False,
        body_crc32=0,
        zone_name=None,
    )


def test_names_are_matched_exactly() -> None:
    header = RegisterBrokerRequestHeader.read({n.upper(): v for n, v in FULL.items()})
    assert header == RegisterBrokerRequestHeader.read({"__ZONE_NAME": "z"}), (
        "only the zone is written in capitals"
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("", None),
        (" 7", None),
        ("7 ", None),
        ("7L", None),
        ("0x7", None),
        ("7.0", None),
        ("seven", None),
        ("٥", None),
    ],
)
def test_broker_ids(text: str, number: int | None) -> None:
    assert RegisterBrokerRequestHeader.read({"brokerId": text}).broker_id == number
    assert BrokerRequestHeader.read({"brokerId": text}).broker_id == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2147483647", 2**31 - 1),
        ("2147483648", 0),
        ("-1", -1),
        ("", 0),
        ("x", 0),
    ],
)
def test_checksums(text: str, number: int) -> None:
    header = RegisterBrokerRequestHeader.read({"bodyCrc32": text})
    assert header.body_crc32 == number


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), ("false", False), ("1", False), ("", False)],
)
def test_booleans(text: str, value: bool) -> None:
    header = RegisterBrokerRequestHeader.read(
        {"enableActingMaster": text, "compressed": text}
    )
    assert (header.enable_acting_master, header.compressed) == (value, value)


def test_an_absent_acting_flag_is_not_false() -> None:
    assert RegisterBrokerRequestHeader.read({}).enable_acting_master is None


def test_broker_request_header_names_the_broker() -> None:
    assert BrokerRequestHeader.read(FULL) == BrokerRequestHeader("b", "a:1", "c", 3)
    assert BrokerRequestHeader.read({}) == BrokerRequestHeader(None, None, None, None)


def test_kv_config_header_has_namespace_key_and_value() -> None:
    ext_fields: ExtFields = {"namespace": "n", "key": "k", "value": "v"}
    assert KVConfigRequestHeader.read(ext_fields) == KVConfigRequestHeader(
        "n", "k", "v"
    )
    assert KVConfigRequestHeader.read({}) == KVConfigRequestHeader(None, None, None)
