"""Questions over HTTP: answers, refusals, servers of other kinds."""

import json
from pathlib import Path
from typing import Any

import pytest

from namesrv.client.addresses import Address
from namesrv.client.http import HttpQuestions, segment
from namesrv.client.terms import Terms, Tls
from namesrv.errors import HttpMissing, HttpRejected, NameServerUnreachable
from namesrv.testing.peer import Broker, Peer
from tests.admin.served import serving_http
from tests.client.stand_in import listening, sending
from tests.server.server_thread import ServerThread, local_options


def asked(*addresses: Address, token: str | None = None, **terms: Any) -> HttpQuestions:
    return HttpQuestions(addresses, Terms(**terms), token)


def test_answers_are_values(tmp_path: Path) -> None:
    with serving_http(tmp_path) as server:
        address = Address(*server.addresses[0])
        with Peer(address) as broker:
            broker.ask(Broker().registration({f"T{n}": 1 for n in range(5)}))
            found = asked(address).get("/v1/topics", {"limit": "2"})
            assert [item["topic"] for item in found["items"]] == ["T0", "T1"]
            pages = list(asked(address).pages("/v1/topics", {"limit": "2"}))
            assert [len(page["items"]) for page in pages] == [2, 2, 1]


def test_a_refusal_has_status_and_sentence(tmp_path: Path) -> None:
    with serving_http(tmp_path) as server:
        with pytest.raises(HttpRejected) as caught:
            asked(Address(*server.addresses[0])).get(f"/v1/topics/{segment('a/b')}")
    assert caught.value.status == 404
    assert str(caught.value).endswith("answered status 404: there is no topic 'a/b'")


def test_a_token_gives_the_right(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("read=0123456789abcdef\n")
    tokens.chmod(0o600)
    with serving_http(
        tmp_path / "data", http_access="token", http_token_file=str(tokens)
    ) as server:
        address = Address(*server.addresses[0])
        with pytest.raises(HttpRejected) as caught:
            asked(address).get("/v1/topics")
        assert caught.value.status == 401
        assert str(caught.value).endswith(
            "answered status 401: it needs a token; give one with --token-file FILE or"
            " NAMESRV_TOKEN"
        )
        with pytest.raises(HttpRejected, match="not in the file that httpTokenFile"):
            asked(address, token="another-token-of-no").get("/v1/topics")
        found = asked(address, token="0123456789abcdef").get("/v1/topics")
        assert found["total"] == 0


@pytest.mark.parametrize(
    "answer", [b"", b"\0\0\0\x10garbage", b"SSH-2.0", b"HTTP/1.1", b"HTTP/1.1 \r\n\r\n"]
)
def test_a_server_without_http(answer: bytes) -> None:
    with listening(sending(answer)) as address:
        with pytest.raises(HttpMissing) as caught:
            asked(address).get("/v1/history")
        assert str(caught.value).startswith(f"{address} does not answer HTTP")


def test_a_namesrv_without_http(tmp_path: Path) -> None:
    with ServerThread(local_options(tmp_path)) as server:
        with pytest.raises(HttpMissing):
            asked(Address(*server.address)).get("/v1/history")


def test_the_first_server_that_answers_counts(tmp_path: Path) -> None:
    with listening(sending(b"")) as java, serving_http(tmp_path) as ours:
        address = Address(*ours.addresses[0])
        questions = asked(java, address)
        assert questions.get("/v1/topics")["total"] == 0
        assert questions.address == address


def test_reasons_of_all_servers() -> None:
    with listening(sending(b"")) as one, listening(sending(b"x")) as other:
        with pytest.raises(NameServerUnreachable) as caught:
            asked(one, other).get("/v1/topics")
    assert [line.split()[0] for line in str(caught.value).split("\n")] == [
        str(one),
        str(other),
    ]


def test_another_http_server_is_a_refusal() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"
    with listening(sending(reply)) as address:
        with pytest.raises(HttpRejected):
            asked(address).get("/v1/history")


def test_a_body_that_is_cut_off_is_a_refusal() -> None:
    reply = b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"a": 1}).encode()[:-1]
    with listening(sending(reply)) as address:
        with pytest.raises(HttpRejected):
            asked(address).get("/v1/history")


def test_inside_tls(tmp_path: Path) -> None:
    with serving_http(tmp_path, tls_test_mode_enable=True) as server:
        questions = asked(Address(*server.addresses[0]), tls=Tls(trusting=True))
        found = questions.get("/v1/topics")
    assert found["total"] == 0
