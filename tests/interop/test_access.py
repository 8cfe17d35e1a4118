"""Java's brokers and mqadmin against a server that asks for signatures.

Both sign with RocketMQ's own `AclClientRPCHook`: mqadmin when it finds
`conf/tools.yml`, a 5.x broker when it is given credentials for its own requests.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.broker import WITH_USERS, BrokerIdentity, JavaBroker
from harness.fleet import Fleet, wait_for_brokers
from harness.mqadmin import Mqadmin
from harness.nameserver import NameServer, OurNameServer
from harness.view import View
from harness.waiting import until

CLUSTER = "AccessCluster"
OPERATOR = ("operator", "12345678")
BROKER = ("broker", "s3cr=et/+密钥")
KEYS = "".join(f"{name}={secret}\n" for name, secret in (OPERATOR, BROKER))

CHANGES = {
    "updateKvConfig -s Space -k 键 -v a/值😀": 100,
    "deleteKvConfig -s Space -k 键": 102,
    "updateNamesrvConfig -k waitSecondsForService -v 5": 318,
    "wipeWritePerm -b signed-broker": 205,
    "addWritePerm -b signed-broker": 327,
    "updateTopic -c AccessCluster -t Ordered -o true": 100,
    "deleteTopic -c AccessCluster -t Ordered": 216,
}
LOOKS = (
    "clusterList",
    "topicList",
    "getNamesrvConfig",
    "topicRoute -t SELF_TEST_TOPIC",
)
REFUSED = "CODE: 16"
REGISTERING = 103
WAIT_SECONDS = 120.0


@dataclass
class Guarded:
    """A server that takes signed requests only, and who talks to it."""

    server: NameServer
    audit: Path
    mqadmin: Mqadmin
    signed: JavaBroker
    unsigned: JavaBroker

    def run(self, line: str, key: tuple[str, str] | None) -> str:
        """What mqadmin prints when it signs with `key`."""
        tools = self.mqadmin.home / "conf" / "tools.yml"
        tools.unlink(missing_ok=True)
        if key is not None:
            tools.write_text("accessKey: {}\nsecretKey: {}\n".format(*key))
        command, *words = line.split()
        return self.mqadmin.run(command, "-n", self.server.address, *words)

    def audited(self) -> list[dict[str, Any]]:
        """The audit log so far."""
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def results(self, code: int) -> list[tuple[str | None, int]]:
        """Who asked for it so far, and what came of it."""
        return [
            (line.get("access_key"), line["result"])
            for line in self.audited()
            if line["code"] == code
        ]

    def wait_for_result(self, code: int, before: int = 0) -> None:
        """Until a result came after the first `before`: a thread writes the lines, so
        an answer, and a route, can be there earlier than theirs."""
        until(
            lambda: len(self.results(code)) > before,
            WAIT_SECONDS,
            lambda: f"a request {code} should be in the audit log",
        )


@pytest.fixture(scope="module", params=["JSON", "ROCKETMQ"])
def guarded(
    request: pytest.FixtureRequest, new_fleet: Callable[[str], Fleet]
) -> Iterator[Guarded]:
    """All of it, with headers in either encoding."""
    fleet = new_fleet(f"access-{request.param}")
    keys, audit = fleet.folder / "access.keys", fleet.folder / "audit.jsonl"
    keys.touch(0o600)
    keys.write_text(KEYS)
    properties = {
        "adminAccess": "signed",
        "brokerAccess": "signed",
        "accessKeysFile": str(keys),
        "auditLog": str(audit),
    }
    server = fleet.start(OurNameServer("namesrv", fleet.home("namesrv"), properties))
    server.finish_start()
    os.environ["ROCKETMQ_SERIALIZE_TYPE"] = request.param
    try:
        credentials = {"accessKey": BROKER[0], "secretKey": BROKER[1]}
        options = {
            **WITH_USERS,
            "innerClientAuthenticationCredentials": json.dumps(credentials),
        }
        who = BrokerIdentity(CLUSTER, "signed-broker", options=options)
        signed = fleet.broker(who, (server,))
        unsigned = fleet.broker(BrokerIdentity(CLUSTER, "unsigned-broker"), (server,))
        mqadmin = fleet.mqadmin()
    finally:
        del os.environ["ROCKETMQ_SERIALIZE_TYPE"]
    wait_for_brokers((server,), (signed,))
    yield Guarded(server, audit, mqadmin, signed, unsigned)


def test_signed_broker_is_known_and_stays(guarded: Guarded) -> None:
    until(
        lambda: ("broker", 0) in guarded.results(REGISTERING),
        WAIT_SECONDS,
        lambda: f"the broker's registration: {guarded.results(REGISTERING)}",
    )
    with View(guarded.server) as view:
        assert view.brokers() == {"signed-broker": {0: guarded.signed.address}}


def test_unsigned_broker_is_refused(guarded: Guarded) -> None:
    def refusals() -> list[dict[str, Any]]:
        name = "unsigned-broker"
        return [x for x in guarded.audited() if x.get("brokerName") == name]

    until(
        lambda: bool(refusals()),
        WAIT_SECONDS,
        lambda: "the unsigned broker should be refused",
    )
    assert {line["result"] for line in refusals()} == {16}
    with View(guarded.server) as view:
        assert "unsigned-broker" not in view.brokers()


@pytest.mark.parametrize("line", CHANGES)
def test_mqadmin_changes_what_it_signs_for(guarded: Guarded, line: str) -> None:
    before = len(guarded.results(CHANGES[line]))
    printed = guarded.run(line, OPERATOR)
    assert "Exception" not in printed, printed
    guarded.wait_for_result(CHANGES[line], before)
    assert guarded.results(CHANGES[line])[before:] == [("operator", 0)]


@pytest.mark.parametrize("line", CHANGES)
@pytest.mark.parametrize(
    "key", [None, ("operator", "wrong-secret"), ("nobody", OPERATOR[1])]
)
def test_mqadmin_changes_nothing_else(
    guarded: Guarded, line: str, key: tuple[str, str] | None
) -> None:
    before = len(guarded.results(CHANGES[line]))
    printed = guarded.run(line, key)
    assert REFUSED in printed, printed
    guarded.wait_for_result(CHANGES[line], before)
    assert set(guarded.results(CHANGES[line])[before:]) == {(None, 16)}


@pytest.mark.parametrize("line", LOOKS)
def test_mqadmin_looks_without_a_signature(guarded: Guarded, line: str) -> None:
    printed = guarded.run(line, None)
    assert "Exception" not in printed, printed


def test_no_secret_was_written(guarded: Guarded) -> None:
    written = guarded.audit.read_text()
    written += (guarded.server.home / "console.log").read_text()
    assert OPERATOR[1] not in written and BROKER[1] not in written
