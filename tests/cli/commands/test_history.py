"""`history` over real sockets."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from namesrv.cli import main
from namesrv.cli.commands.history import _moved, moment_for
from namesrv.errors import OptionsInvalid
from namesrv.routing.history.record import packed
from namesrv.routing.history.segments import FIRST_LINE, frame_of, framed
from namesrv.testing.peer import Peer, request
from tests.admin.served import serving_http
from tests.cli.commands.test_process import HEAVY, imported
from tests.cli.commands.world import ALONE, MASTER, TOPICS, Ran
from tests.client.stand_in import listening, sending


class Served:
    """A server whose brokers came and went."""

    def __init__(
        self, address: tuple[str, int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.address = "{}:{}".format(*address)
        self._capsys = capsys

    def run(self, *words: str, server: str | None = None) -> Ran:
        code = main(["history", *words, "-n", server or self.address])
        out, err = self._capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())

    def value(self, *words: str) -> Any:
        return json.loads("\n".join(self.run("--json", *words).out))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with serving_http(tmp_path_factory.mktemp("data")) as server:
        with Peer(server.addresses[0]) as master, Peer(server.addresses[0]) as alone:
            master.ask(MASTER.registration(TOPICS))
            alone.ask(ALONE.registration({"Hello": 6, "Spare": 1}))
            master.ask(request(104, MASTER.ext_fields))
            yield server.addresses[0]


@pytest.fixture
def served(address: tuple[str, int], capsys: pytest.CaptureFixture[str]) -> Served:
    return Served(address, capsys)


def test_events_come_as_in_a_log(served: Served) -> None:
    ran = served.run()
    assert ran.code == 0
    heading, *lines = ran.out
    assert heading.split() == ["TIME", "NUMBER", "NAME", "EVENT"]
    assert [line.split()[2] for line in lines] == ["1", "2", "3"]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", lines[0])
    last = lines[-1].split("  ")[-1]
    assert last.startswith("10.0.0.1:10911 id 0 of c1 unregistered, by 127.0.0.1:")
    assert last.endswith("(code 104); topics: 3 removed; it was the last of its group")


def test_filters(served: Served) -> None:
    assert len(served.run("--topic", "Spare").out) == 2
    assert len(served.run("--broker", "broker-a").out) == 3
    assert len(served.run("--type", "BrokerUnregistered").out) == 2
    assert len(served.run("--since", "1h", "--topic", "Hello").out) == 4
    assert len(served.run("--since", "2020-01-01").out) == 4
    assert len(served.run("--limit", "1").out) == 2


def test_json_has_camel_case(served: Served) -> None:
    found = json.loads("\n".join(served.run("--json", "--broker", "broker-a").out))
    assert (found["first"], found["last"]) == (1, 3)
    assert [event["type"] for event in found["events"]] == [
        "BrokerRegistered",
        "BrokerUnregistered",
    ]
    assert found["events"][1]["isGroupGone"] is True
    assert found["events"][1]["cause"]["requestCode"] == 104


def test_nothing_found_is_a_sentence(served: Served) -> None:
    ran = served.run("--topic", "Nothing")
    assert (ran.code, ran.out) == (0, [])
    assert ran.err == [f"namesrv: no such event among the last 3 of {served.address}"]


@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        (["--since", "soon"], "--since is wrong: 'soon' is no moment, expected an age"),
        (["--limit", "0"], "--limit is '0', expected a whole number from 1"),
        (["--limit", "²"], "--limit is '²', expected a whole number from 1"),
    ],
)
def test_a_wrong_flag(served: Served, words: list[str], beginning: str) -> None:
    ran = served.run(*words)
    assert ran.code == 2
    assert ran.err[0].startswith(f"namesrv: {beginning}")


def test_a_wrong_type_is_the_servers_sentence(served: Served) -> None:
    ran = served.run("--type", "Expired")
    assert ran.code == 1
    assert "there is no type 'Expired' of events" in ran.err[0]


def test_a_java_server_has_no_history(served: Served) -> None:
    with listening(sending(b"")) as java:
        ran = served.run(server=str(java))
    assert ran.code == 3
    (sentence,) = ran.err
    assert sentence.startswith(f"namesrv: {java} does not answer HTTP: it is another")


def test_a_server_without_a_ring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path, history_bytes=0) as server:
        without = Served(server.addresses[0], capsys)
        assert without.run().err[0].endswith("has had no event since its start")
        with Peer(server.addresses[0]) as broker:
            broker.ask(MASTER.registration(TOPICS))
            assert without.run().err[0].endswith("its option historyBytes is 0")


def test_it_imports_nothing_heavy(address: tuple[str, int]) -> None:
    modules = imported("history", "-n", "{}:{}".format(*address))
    assert modules & HEAVY == set()


def test_routes_of_a_moment(served: Served) -> None:
    assert served.run("--at", "0s").out == [
        "BROKER    CLUSTER  ID  ADDRESS",
        "broker-b  c2        1  10.0.0.3:10911",
        "",
        "TOPIC  BROKERS",
        "Hello  broker-b",
        "Spare  broker-b",
    ]
    (registered, *_) = served.value("--broker", "broker-a")["events"]
    then = served.value("--at", str(registered["atMillis"]), "--topic", "Hello")
    assert then["topics"][0]["topic"] == "Hello"
    assert then["brokers"][0]["addresses"] == {"0": "10.0.0.1:10911"}


def test_differences(served: Served) -> None:
    (registered, *_) = served.value("--broker", "broker-a")["events"]
    first = registered["atMillis"]
    out = served.run("--between", f"{first},0s").out
    assert out[0].split() == ["NAME", "CHANGE"]
    assert "broker-a  id 0 has no address any more, it was 10.0.0.1:10911" in out
    assert out[-1] == "订单      gone from broker-a"
    assert served.run("--between", "0s").err == ["namesrv: nothing differs"]


def test_before_the_start_is_a_sentence(served: Served) -> None:
    ran = served.run("--at", "2020-01-01")
    assert ran.code == 1
    local = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
    assert re.search(
        f"404: --at is 2020-01-01 00:00:00.000, and this run began at {local}; a",
        ran.err[0],
    )
    ran = served.run("--between", "2020-01-01, 0s")
    assert "404: --between is 2020-01-01 00:00:00.000, and this run" in ran.err[0]


def test_a_topic_without_a_route_then_is_exit_code_1(
    served: Served, recorded: "Recorded"
) -> None:
    for ran in (
        served.run("--at", "0s", "--topic", "Nothing"),
        recorded.run("--at", "0s", "--topic", "Nothing"),
    ):
        assert (ran.code, ran.out) == (1, [])
        (sentence,) = ran.err
        assert re.fullmatch(
            r"namesrv: at [\d-]+ [\d:]+\.\d{3} topic Nothing had no route", sentence
        )


def test_an_empty_server_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path) as server:
        ran = Served(server.addresses[0], capsys).run("--at", "0s")
    assert (ran.code, ran.out) == (0, [])
    assert ran.err[0].endswith(" there was no broker and no topic")


def test_a_time_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    today = time.strftime("%Y-%m-%d")
    monkeypatch.setattr(time, "strftime", lambda form: today)
    for text in ("16:21", " 16:21:00"):
        assert moment_for("at", text) == moment_for("at", f"{today} 16:21:00")
    for text in ("4:21", "16:2", "16:21:00:00", "99:99"):
        with pytest.raises(OptionsInvalid, match="--at is wrong: '.*' is no moment"):
            moment_for("at", text)


def test_a_new_address_is_a_sentence() -> None:
    assert _moved(None, "10.0.0.1:1") == "is new at 10.0.0.1:1"
    assert _moved("10.0.0.1:1", "10.0.0.2:1") == "is 10.0.0.2:1, it was 10.0.0.1:1"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--at", "1h", "--between", "1h"],
            "--at and --between do not go together; leave one out",
        ),
        (["--at", "1h", "--limit", "3"], "--limit does not go with --at; leave"),
        (["--between", "1h", "--topic", "T"], "--topic does not go with --between"),
        (["--between", "1h,later"], "--between is wrong: 'later' is no moment"),
    ],
)
def test_flags_that_do_not_go_together(
    served: Served, words: list[str], sentence: str
) -> None:
    ran = served.run(*words)
    assert ran.code == 2
    assert ran.err[0].startswith(f"namesrv: {sentence}")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two runs: brokers came, and the master went in the second."""
    folder = tmp_path_factory.mktemp("recorded")
    for run in (1, 2):
        home = tmp_path_factory.mktemp("data")
        with ExitStack() as stack, serving_http(home, record_dir=str(folder)) as server:
            # They are closed after the server, which therefore removes no broker.
            master = stack.enter_context(Peer(server.addresses[0]))
            alone = stack.enter_context(Peer(server.addresses[0]))
            master.ask(MASTER.registration(TOPICS))
            alone.ask(ALONE.registration({"Hello": 6, "Spare": 1}))
            if run == 2:
                master.ask(request(104, MASTER.ext_fields))
    return folder


@pytest.fixture
def recorded(directory: Path, capsys: pytest.CaptureFixture[str]) -> "Recorded":
    return Recorded(directory, capsys)


class Recorded:
    """Runs the command on a directory."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *words: str) -> Ran:
        code = main(["history", "--directory", str(self.folder), *words])
        out, err = self._capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())

    def value(self, *words: str) -> Any:
        return json.loads("\n".join(self.run("--json", *words).out))


def test_a_directory_has_the_events_of_all_runs(recorded: Recorded) -> None:
    found = recorded.value("--broker", "broker-a")
    assert len(found["runs"]) == 2
    types = [event["type"] for event in found["events"]]
    assert types == ["BrokerRegistered", "BrokerRegistered", "BrokerUnregistered"]
    assert [event["run"] for event in found["events"]] == [
        found["runs"][0],
        found["runs"][1],
        found["runs"][1],
    ]
    _, first, mark, second, _ = recorded.run("--broker", "broker-a").out
    assert [line.split()[2] for line in (first, second)] == ["1", "1"]
    assert mark.split()[2:] == ["-", "run", found["runs"][1], "started"]
    assert first < mark < second
    assert "(code 104); topics: 3" in recorded.run("--limit", "1").out[1]
    assert (
        recorded.run("--topic", "Nothing")
        .err[0]
        .startswith("namesrv: no such event among")
    )


def test_a_directory_has_the_routes_of_a_moment(recorded: Recorded) -> None:
    assert recorded.run("--at", "0s", "--topic", "Hello").out == [
        "BROKER    CLUSTER  ID  ADDRESS",
        "broker-b  c2        1  10.0.0.3:10911",
        "",
        "TOPIC  BROKERS",
        "Hello  broker-b",
    ]
    of_first_run = recorded.value()["events"][1]["atMillis"]
    assert recorded.value("--at", str(of_first_run))["atMillis"] == of_first_run
    found = recorded.value("--between", f"{of_first_run}, 0s")
    assert [one["topic"] for one in found["topics"]] == ["Hello", "Orders", "订单"]
    assert found["topics"][0]["removedFrom"] == ["broker-a"]
    assert found["brokers"] == [
        {"broker": "broker-a", "before": {"0": "10.0.0.1:10911"}, "after": {}}
    ]


def test_before_the_recording_is_a_sentence(recorded: Recorded) -> None:
    ran = recorded.run("--at", "2020-01-01")
    assert ran.code == 1
    assert f"the recording in {recorded.folder} begins at 20" in ran.err[0]


def test_a_damaged_tail_is_skipped_with_a_sentence(
    recorded: Recorded, tmp_path: Path
) -> None:
    names = sorted(path.name for path in recorded.folder.iterdir())
    for name in names:
        (tmp_path / name).write_bytes((recorded.folder / name).read_bytes())
    path = tmp_path / names[-1]
    path.write_bytes(path.read_bytes()[:-5])
    recorded.folder = tmp_path
    ran = recorded.run("--type", "BrokerRegistered")
    assert ran.code == 0
    assert len(ran.out) == 6
    assert ran.err[0].startswith(f"namesrv: {names[-1]}: it is damaged or cut off")


def test_another_thing_than_a_file_is_skipped_with_a_sentence(
    recorded: Recorded, tmp_path: Path
) -> None:
    for path in recorded.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    os.mkfifo(tmp_path / "events-0000000008.history")
    (tmp_path / "events-0000000009.history").mkdir()
    recorded.folder = tmp_path
    ran = recorded.run("--type", "BrokerRegistered")
    assert (ran.code, len(ran.out)) == (0, 6)
    reason = "it cannot be read: it is no regular file"
    numbers = ("0000000008", "0000000009")
    assert ran.err == [f"namesrv: events-{n}.history: {reason}" for n in numbers]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"namesrv history 9\n", "it has version 9, of a newer namesrv; this one"),
        (None, "has no files of a recorder; see recordDir"),
    ],
)
def test_a_directory_that_cannot_be_read(
    recorded: Recorded, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "events-0000000001.history").write_bytes(content)
    recorded.folder = tmp_path
    ran = recorded.run()
    assert ran.code == 2
    assert sentence in ran.err[0]


def test_a_missing_directory_and_a_server_beside_it(
    recorded: Recorded, tmp_path: Path
) -> None:
    assert recorded.run("-n", "127.0.0.1:1").code == 2
    recorded.folder = tmp_path / "none"
    assert "cannot be read: No such file or directory" in recorded.run().err[0]


def test_wrong_types_and_times_of_a_directory(recorded: Recorded) -> None:
    assert "there is no type 'X' of events" in recorded.run("--type", "X").err[0]
    ran = recorded.run("--between", "1m,2m")
    assert "the first time is later than the second" in ran.err[0]


def test_dates_of_a_clock_that_was_set_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = [{"picture": name, "at_millis": 20_000_000_000} for name in PARTS]
    event = {"type": "TopicAdded", "cause": {"kind": "request"}, "brokers": ["b"]}
    dated = [(1, 40_000_000_000), (2, 25_000_000_000), (3, 30_000_000_000)]
    events = [
        {**event, "number": number, "at_millis": millis, "topic": f"T\ud800{number}"}
        for number, millis in dated
    ]
    frames = b"".join(map(frame_of, [*picture, *events]))
    (tmp_path / "events-0000000001.history").write_bytes(FIRST_LINE + frames)
    recorded = Recorded(tmp_path, capsys)
    for at_millis, count in ((24_000_000_000, 0), (26_000_000_000, 2)):
        found = recorded.value("--at", str(at_millis))
        assert len(found["topics"]) == count
    assert len(recorded.value("--at", "41000000000")["topics"]) == 3
    since = recorded.value("--since", "30000000000")["events"]
    assert [one["number"] for one in since] == [1, 3]


PARTS = ("begin", "end")


@pytest.mark.parametrize(
    "content",
    [
        *(b"\xc1", packed(7), packed({"number": "x"}), packed({"picture": "topics"})),
        b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0",
    ],
)
def test_a_map_that_no_recorder_writes_is_a_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = frame_of({"picture": "begin", "at_millis": 1})
    path = tmp_path / "events-0000000001.history"
    path.write_bytes(FIRST_LINE + begin + framed(content))
    recorded = Recorded(tmp_path, capsys)
    for words in (["--at", "0s"], ["--between", "1s,0s"], ["--limit", "9"]):
        ran = recorded.run(*words)
        assert ran.code in (0, 1)
        assert len(ran.err) == 1
        assert "namesrv: " in ran.err[0]
