"""Names that are long, odd or full of control characters; and frames with mutations."""

import json
import random
from pathlib import Path

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.server.warm_start.schedule import SNAPSHOT_FILE, STAMP_FILE
from namesrv.testing.peer import Broker, get_kv, lookup, put_kv, request
from tests.hostile.attacked_server import AttackedServer, send_what_is_taken
from tests.hostile.conftest import Lay

LONG = "t" * 65536
LONGEST = "t" * 4096
"""Of names and addresses (maxNameBytes)."""
ODD_NAMES = {
    "line breaks": "a\r\nINFO forged line\n",
    "terminal escapes": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "NUL and DEL": "\x00\x7f",
    "C1": "".join(map(chr, range(0x80, 0xA0))),
    "line separators": "\u2028\u2029\x85\x0b\x0c",
    "right to left": "\u202egnp.exe\u2066",
    "astral": "\U0001f600" * 100,
    "a lone surrogate": "\ud800",
    "quotes": "\"'\\{}[]=,;",
    "nothing": "",
    "blanks": "   ",
    "the longest": LONGEST[:-2],
}
SUCCESS = ResponseCode.SUCCESS


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_served_and_logged_clean(
    attacked: AttackedServer, name: str
) -> None:
    text = ODD_NAMES[name]
    with attacked.server.peer() as peer:
        broker = Broker(text, addr=text + ":1", cluster=text)
        topics = {text: 4, "also": 4}
        sent = broker.registration(topics, ext={"haServerAddr": text})
        assert peer.ask(sent).code == SUCCESS
        fields = {
            "topic": text,
            "cluster": text,
            "brokerName": text,
            "brokerAddr": text + ":1",
            "clusterName": text,
            "brokerId": text,
            "namespace": text,
            "key": text,
            "value": text,
        }
        for code in RequestCode:
            answer = peer.ask(request(code, fields, text.encode("utf-8", "replace")))
            assert not (answer.remark or "").startswith("internal error")
        fields["brokerId"] = "0"
        assert peer.ask(request(104, fields)).code == SUCCESS
        assert peer.ask(request(1, {text: text})).code == 3


def test_longest_topic_has_a_route_and_a_longer_one_is_refused(
    attacked: AttackedServer,
) -> None:
    with attacked.server.peer() as peer:
        broker = Broker(addr="127.0.0.1:1")
        assert peer.ask(lookup(LONGEST)).code == ResponseCode.TOPIC_NOT_EXIST
        assert peer.ask(broker.registration({LONGEST: 4, "also": 4})).code == SUCCESS
        route = peer.ask(lookup(LONGEST))
        assert route.code == SUCCESS
        assert json.loads(route.body)["brokerDatas"][0]["brokerName"] == "broker-a"
        names = peer.ask(request(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER))
        assert LONGEST in json.loads(names.body)["topicList"]
        refused = peer.ask(broker.registration({LONG: 4, "also": 4}))
        assert refused.code == ResponseCode.SYSTEM_ERROR
        assert "the limit is 4096 (maxNameBytes)" in (refused.remark or "")
        assert peer.ask(lookup(LONG)).code == ResponseCode.TOPIC_NOT_EXIST


def test_key_values_have_limits(attacked: AttackedServer) -> None:
    with attacked.server.peer() as peer:
        for namespace, key, value in (
            (LONG, "k", "v"),
            ("n", LONG, "v"),
            ("n", "k", LONG + "v"),
        ):
            answer = peer.ask(put_kv(namespace, key, value))
            assert answer.code == ResponseCode.SYSTEM_ERROR
            assert "the limit is" in (answer.remark or "")
        assert peer.ask(put_kv("n", "k", LONG)).code == SUCCESS
        assert peer.ask(get_kv("n", "k")).ext_fields == {"value": LONG}


def test_number_of_keys_is_limited(lay_siege: Lay) -> None:
    words = ("--kv-max-keys", "10", "--kv-max-namespaces", "3")
    attacked = lay_siege(*words)
    with attacked.server.peer() as peer:
        codes = [peer.ask(put_kv("n", str(n), "v")).code for n in range(12)]
        assert codes == [0] * 9 + [1] * 3
        codes = [peer.ask(put_kv(f"n{n}", "k", "v")).code for n in range(4)]
        assert codes == [1] * 4


def test_log_file_stays_small_in_a_flood(lay_siege: Lay) -> None:
    attacked = lay_siege()
    for number in range(1500):
        with attacked.server.peer() as peer:
            peer.send(b"\x00\x00\x00\x03", lookup(f"{number}"))
            assert peer.read_to_end() == b""
    assert len(attacked.server.log().splitlines()) < 300


def recorded_frames() -> list[bytes]:
    """What a peer may send, one of each kind."""
    fields: dict[str, str | None] = {
        "topic": "t",
        "brokerAddr": "127.0.0.1:1",
        "brokerName": "broker-a",
        "clusterName": "DefaultCluster",
        "cluster": "DefaultCluster",
        "brokerId": "0",
        "namespace": "n",
        "key": "k",
        "value": "v",
    }
    frames = [
        request(code, fields, b'{"counter":1,"stateVersion":0,"timestamp":1}')
        for code in RequestCode
    ]
    return [*frames, Broker(addr="127.0.0.1:1").registration({"t": 4, "u": 4})]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames_are_answered_or_closed(
    attacked: AttackedServer, seed: int
) -> None:
    chance = random.Random(seed)
    originals = recorded_frames()
    for _ in range(300):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
            # The length stays right more often than not, or nothing else is tried.
            place = chance.randrange(chance.choice((0, 4, 4, 8, 8)), len(data))
            data[place] = chance.randrange(256)
        with attacked.server.peer() as peer:
            try:
                peer.send(bytes(data))
                peer.finish()
            except ConnectionError:
                continue
            peer.read_to_end()
    attacked.ask_witness()


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_random_bytes_end_the_connection(attacked: AttackedServer, pieces: int) -> None:
    chance = random.Random(pieces)
    with attacked.server.peer() as peer:
        for _ in range(pieces):
            send_what_is_taken(peer, b"\xff" + chance.randbytes(100))
        assert isinstance(peer.read_to_end(), bytes)


def test_nothing_was_written_outside_the_data_directory(
    lay_siege: Lay, tmp_path: Path
) -> None:
    attacked = lay_siege()
    with attacked.server.peer() as peer:
        for name in ("../../evil", "/tmp/evil", "a/../../b", "\0"):
            peer.ask(put_kv(name, name, name))
            update = f"kvConfigPath={name}\nconfigStorePath={name}".encode()
            answer = peer.ask(request(RequestCode.UPDATE_NAMESRV_CONFIG, None, update))
            assert answer.code == ResponseCode.NO_PERMISSION
    # A file may be written just now.
    names = (path.name for path in attacked.server.data_dir.iterdir())
    found = {name.removesuffix(".tmp") for name in names}
    assert found - {SNAPSHOT_FILE, STAMP_FILE} == {"kvConfig.json", "namesrv.lock"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "log.txt"]
