"""Which requests are audited, and what is kept of them."""

import json
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.errors import StorageError
from namesrv.routing.access.audit import LONGEST_TEXT
from namesrv.routing.access.control import CLASSES, RequestClass
from namesrv.routing.outbox import AuditEvent
from namesrv.testing.peer import (
    Broker,
    binary_request,
    data_version,
    mapping_info,
    registration,
    registration_body,
    request,
    signed,
    topic_config,
    topic_table,
)
from namesrv.wire.access_keys import AccessKeys
from tests.routing.world import World

REMOTE = "10.0.0.9:40000"
SECRET = "12345678"
BROKER = {
    "clusterName": "c1",
    "brokerName": "broker-a",
    "brokerId": "0",
    "brokerAddr": "10.0.0.1:10911",
}
FIELDS = {**BROKER, "topic": "T1", "namespace": "n", "key": "k", "value": "v"}


def audited(**options: Any) -> World:
    """A server that audits and has a key."""
    world = World(audit_log="audit.jsonl", access_keys_file="keys", **options)
    world.state.access.keys = AccessKeys({"ops": SECRET})
    return world


def only(world: World) -> AuditEvent:
    """The one event since the last call."""
    (event,) = world.audited
    world.audited.clear()
    return event


# --- what is kept ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "body", "identity"),
    [
        (100, b"", {"namespace": "n", "key": "k"}),
        (102, b"", {"namespace": "n", "key": "k"}),
        (103, registration_body(), BROKER),
        (104, b"", BROKER),
        (205, b"", {"brokerName": "broker-a"}),
        (216, b"", {"topic": "T1", "clusterName": "c1"}),
        (217, b'{"queueDatas":[]}', {"topic": "T1"}),
        (
            318,
            b"waitSecondsForService=7\norderMessageEnable=true",
            {"changes": "orderMessageEnable=true,waitSecondsForService=7"},
        ),
        (327, b"", {"brokerName": "broker-a"}),
    ],
)
@pytest.mark.parametrize("mode", ["open", "signed"])
@pytest.mark.parametrize("encode", [request, binary_request])
@pytest.mark.parametrize("flag", [0, 2])
def test_every_change_has_who_what_and_result(
    code: int,
    body: bytes,
    identity: dict[str, str],
    mode: str,
    encode: Any,
    flag: int,
) -> None:
    world = audited(admin_access=mode, broker_access=mode)
    fields = signed(FIELDS, body) if mode == "signed" else FIELDS
    world.send(encode(code, fields, body, flag=flag))
    assert only(world) == AuditEvent(
        RequestCode(code).name,
        {
            "code": code,
            "remote": REMOTE,
            "access_key": "ops" if mode == "signed" else None,
            **identity,
            "result": 0,
            "remark": None,
        },
        is_done=True,
    )


def test_every_code_that_changes_something_is_in_the_test_above() -> None:
    kinds = (RequestClass.ADMIN_WRITE, RequestClass.BROKER_CONTROL)
    codes = {code for code, kind in CLASSES.items() if kind in kinds}
    assert codes == {100, 102, 103, 104, 205, 216, 217, 318, 327} | {322, 904}


@pytest.mark.parametrize("code", sorted(CLASSES))
def test_reads_and_heartbeats_are_not_audited(code: int) -> None:
    world = audited()
    world.ask(code, FIELDS, b"{}")
    world.ask(code, None)
    kind = CLASSES[RequestCode(code)]
    is_read = kind in (RequestClass.ROUTE_READ, RequestClass.ADMIN_READ)
    expected = 0 if is_read or code in (322, 904) else 2
    assert len(world.audited) == expected


@pytest.mark.parametrize("code", sorted(CLASSES))
def test_without_the_option_nothing_is(code: int) -> None:
    world = World(admin_access="off")
    world.ask(code, FIELDS, registration_body())
    assert world.audited == []


def test_access_key_that_nobody_checked_is_not_kept() -> None:
    world = audited(admin_access="open")
    world.ask(205, signed(FIELDS))
    assert only(world).fields["access_key"] is None


def test_proxy_is_named_beside_its_client() -> None:
    world = audited()
    world.connection.remote_address = "192.0.2.7:4321"
    world.ask(205, FIELDS)
    fields = only(world).fields
    assert (fields["remote"], fields["via"]) == ("192.0.2.7:4321", REMOTE)


def test_long_texts_are_cut() -> None:
    world = audited()
    world.ask(216, {"topic": "t" * 60000})
    assert only(world).fields["topic"] == "t" * LONGEST_TEXT


@pytest.mark.parametrize("fields", [None, {}])
def test_what_was_not_said_is_null(fields: dict[str, str] | None) -> None:
    world = audited()
    world.ask(104, fields)
    kept = only(world).fields
    assert [kept[name] for name in BROKER] == [None] * 4


def test_neither_values_nor_bodies_nor_secrets_are_kept() -> None:
    world = audited(admin_access="signed", broker_access="signed")
    for code in sorted(CLASSES):
        body = b'{"S3CRET":1}' if code != 318 else b"S3CRET=S3CRET"
        fields = {**FIELDS, "value": "S3CRET", "password": "S3CRET"}
        for sent in (signed(fields, body), signed(fields, body, secret="S3CRET")):
            world.ask(code, sent, body)
    texts = [
        {name: text for name, text in event.fields.items() if name != "remark"}
        for event in world.audited
    ]
    assert len(texts) > 15
    assert "S3CRET" not in str(texts) and SECRET not in str(world.audited)
    assert SECRET not in str(world.events)


# --- results --------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CLASSES))
def test_refusals_are_audited(code: int) -> None:
    world = audited(admin_access="off", broker_access="signed")
    answer = world.ask(code, signed(FIELDS, secret="guessed"))
    if CLASSES[code] in (RequestClass.ROUTE_READ, RequestClass.ADMIN_READ):
        assert answer.code != 16 and world.audited == []
        return
    event = only(world)
    assert (event.event, event.is_done) == (RequestCode(code).name, False)
    assert event.fields["result"] == 16
    assert event.fields["remark"] == answer.remark
    # It says who he is, and nobody knows.
    assert "access_key" not in event.fields


@pytest.mark.parametrize(
    ("body", "result"),
    [(b"listenPort=1", 16), (b"orderMessageEnable=perhaps", 1), (b"a=\\u1", 1)],
)
def test_configuration_that_is_not_taken(body: bytes, result: int) -> None:
    world = audited()
    answer = world.ask(318, None, body)
    event = only(world)
    assert event.fields["result"] == result and not event.is_done
    assert event.fields["remark"] == answer.remark
    assert "changes" not in event.fields


def test_late_answers_are_audited_when_they_come() -> None:
    world = audited()
    world.holds_writes = True
    world.send(request(100, FIELDS))
    assert world.audited == []
    world.finish_write()
    assert only(world).fields["result"] == 0


def test_file_that_cannot_be_written_is_a_result() -> None:
    world = audited()
    world.write_error = StorageError("write", "kvConfig.json", "disk full")
    answer = world.ask(100, FIELDS)
    event = only(world)
    assert answer.code == 1 and not event.is_done
    assert event.fields["remark"] == answer.remark == str(world.write_error)


def test_mistake_of_ours_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("S3CRET")

    world = audited()
    monkeypatch.setattr(world.state.kv_config, "put", fail)
    world.ask(100, FIELDS)
    assert only(world).fields["remark"] == "internal error: KeyError"


def test_who_is_sent_away_has_changed_nothing() -> None:
    world = audited()
    world.state.drain(0)
    assert world.ask(205, FIELDS).code == 1500
    assert world.audited == []


# --- registrations --------------------------------------------------------------------

CHANGES: dict[str, dict[str, Any]] = {
    "another topic": {"topics": topic_table("T1", "T2", "T3")},
    "another number of queues": {
        "topics": {"T1": topic_config("T1", 8), "T2": topic_config("T2")}
    },
    "a newer version only": {},
    "filter servers": {"filters": ["f1"]},
    "a mapping": {"mappings": {"T1": mapping_info("T1", "broker-a")}},
}


@pytest.mark.parametrize("mode", ["open", "signed"])
def test_repeated_registrations_are_not_audited(mode: str) -> None:
    world = audited(broker_access=mode)
    for time in range(3):
        body = registration_body(sent_at=time)
        world.ask(103, signed(BROKER, body), body)
        assert len(world.audited) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_registrations_that_change_something_are(change: str) -> None:
    world = audited()
    world.register()
    world.audited.clear()
    body = registration_body(version=data_version(counter=1), **CHANGES[change])
    world.register(body=body)
    assert only(world).event == "REGISTER_BROKER"
    world.register(body=body)
    assert world.audited == []


@pytest.mark.parametrize(
    "ext",
    [
        {"haServerAddr": "10.0.0.1:1"},
        {"heartbeatTimeoutMillis": "1000"},
        {"enableActingMaster": "true"},
        {"__ZONE_NAME": "z"},
        {"brokerAddr": "10.0.0.2:10911"},
        {"brokerId": "1"},
        {"brokerName": "broker-b"},
        {"clusterName": "c2"},
    ],
)
def test_every_field_of_a_registration_counts(ext: dict[str, str]) -> None:
    world = audited()
    world.register()
    world.audited.clear()
    world.register(ext=ext)
    event = only(world)
    assert event.fields["brokerId"] == ext.get("brokerId", "0")
    world.register(ext=ext)
    assert world.audited == []


def test_registration_after_an_operators_change_is_audited() -> None:
    world = audited()
    world.register()
    world.ask(205, BROKER)
    world.audited.clear()
    world.register(body=registration_body(version=data_version(counter=1)))
    assert only(world).event == "REGISTER_BROKER"


def test_a_registration_in_steps_is_not_audited_for_what_others_change() -> None:
    world = audited()
    body = registration_body(topic_table(*(f"T{n}" for n in range(3000))))
    world.register(body=body)
    world.state.tables.forget_digests(["broker-a"])
    world.audited.clear()
    world.holds_work = True
    assert world.send(registration(Broker(), body)) == b""
    other = world.connect()
    world.register(Broker("b", 0, "b:1"), connection=other)
    assert only(world).fields["brokerName"] == "b"
    while world.state.unfinished:
        world.next_step()
    assert world.late_output.pop(world.connection) and world.audited == []


def test_registrations_that_fail_are_audited() -> None:
    world = audited()
    world.send(registration(Broker(), ext={"bodyCrc32": "1"}))
    event = only(world)
    assert (event.fields["result"], event.is_done) == (1, False)
    assert event.fields["remark"] == "crc32 not match"


@pytest.mark.parametrize("hot", [True, False])
def test_takeover_by_an_identical_registration_is_audited(hot: bool) -> None:
    world = audited(broker_access="open" if hot else "signed")
    body = registration_body()
    fields = BROKER if hot else signed(BROKER, body)
    world.ask(103, fields, body)
    world.audited.clear()
    taker = world.connect("203.0.113.66:6666")
    world.ask(103, fields, body, connection=taker)
    assert only(world).fields["remote"] == "203.0.113.66:6666"
    world.ask(103, fields, body, connection=taker)
    assert world.audited == []
    world.ask(103, fields, body)
    assert only(world).fields["remote"] == REMOTE


def test_brokers_of_the_last_run_that_come_back_are_audited() -> None:
    first = audited()
    first.register()
    world = audited()
    world.begin_warm(first.packed_routes(), 60_000)
    world.register()
    assert only(world).event == "REGISTER_BROKER"
    world.register()
    assert world.audited == []


def test_only_another_mapping_is_audited() -> None:
    """Nothing else tells two registrations without a version apart."""
    world = audited()

    def register(queues: int) -> None:
        mapping = mapping_info("T1", "broker-a", queues)
        body = json.loads(registration_body(mappings={"T1": mapping}))
        body["topicConfigSerializeWrapper"]["dataVersion"] = None
        world.register(body=json.dumps(body).encode())

    register(2)
    assert only(world).event == "REGISTER_BROKER"
    register(2)
    assert world.audited == []
    register(3)
    assert only(world).event == "REGISTER_BROKER"
