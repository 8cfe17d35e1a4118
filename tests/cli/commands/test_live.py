"""Commands that go on: `watch`, `--watch` and `top`; and `bench`."""

import io
import json
import re
import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from namesrv.cli.commands.bench import percentile
from namesrv.cli.commands.changes import View, changes
from namesrv.cli.commands.repeat import repeat
from namesrv.cli.commands.run import show
from namesrv.cli.commands.top import Monitor, screen, top
from namesrv.cli.commands.topics import list_topics
from namesrv.cli.commands.watch import Viewer, watch
from namesrv.cli.commands.words import read_call
from namesrv.client.addresses import Address
from namesrv.client.bodies import ClusterInfo, Route
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.errors import NameServerUnreachable, OptionsInvalid
from namesrv.testing.peer import Broker, put_kv, request
from tests.cli.commands.world import MASTER, TOPICS, World
from tests.client.stand_in import questions

NEW = Broker("broker-n", 0, "10.0.0.7:10911", "c3")
UNREGISTER_BROKER, WIPE_WRITE = 104, 205
NEWER = {"counter": 5, "timestamp": 5, "stateVersion": 0}


def waiting(*steps: Callable[[], object]) -> Callable[[float], None]:
    """A wait that carries out the next step each time; behind the last is Ctrl-C."""
    rest = iter(steps)

    def wait(seconds: float) -> None:
        step = next(rest, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return wait


def watched(
    world: World, capsys, words: str, *steps: Callable[[], object]
) -> list[str]:
    """The lines of `watch` without their times."""
    call = read_call(["watch", *words.split(), "-n", world.address])
    watch(call, waiting(*steps))
    call.close()
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
    return [line[10:] for line in lines]


def test_watch_prints_each_change_once(world: World, capsys) -> None:
    with world.server.peer() as peer:
        lines = watched(
            world,
            capsys,
            "",
            lambda: peer.ask(NEW.registration({"New": 1, "Hello": 2})),
            lambda: None,
            lambda: peer.ask(request(UNREGISTER_BROKER, NEW.ext_fields)),
        )
    assert lines == [
        f"server {world.address}: watching 2 clusters, 3 brokers and 4 topics",
        "cluster c3: new",
        "broker broker-n: 10.0.0.7:10911 with id 0 is new",
        "topic New: new",
        "cluster c3: gone",
        "broker broker-n: 10.0.0.7:10911 with id 0 is gone",
        "topic New: gone",
    ]


def test_list_of_all_topics_is_asked_for_after_a_change_and_every_ten_seconds(
    world: World,
) -> None:
    """Because a server logs it each time."""
    at = [0.0]
    with (
        questions(Address(*world.server.address)) as asked,
        world.server.peer() as peer,
    ):
        listed = counted(asked)
        viewer = Viewer(asked, now=lambda: at[0])
        assert "Orders" in viewer.view().topics
        at[0] = 9.9
        peer.ask(MASTER.registration({**TOPICS, "Later": 1}, version=NEWER))
        assert "Later" not in viewer.view().topics
        assert len(listed) == 1
        at[0] = 10.0
        assert "Later" in viewer.view().topics
        peer.ask(NEW.registration({"New": 1, "T": 1}))
        assert "New" in viewer.view().topics
        viewer.view()
    assert len(listed) == 3


def counted(asked: Questions) -> list[None]:
    """One element for each question for the list of all topics."""
    real, listed = asked.topics, list[None]()

    def topics() -> list[str]:
        listed.append(None)
        return real()

    asked.topics = topics  # type: ignore[method-assign]
    return listed


def test_watch_of_a_topic_prints_changes_of_its_route(world: World, capsys) -> None:
    more = {**TOPICS, "Later": 1}
    with world.server.peer() as peer:
        lines = watched(
            world,
            capsys,
            "Orders Later",
            lambda: peer.ask(request(WIPE_WRITE, {"brokerName": "broker-a"})),
            lambda: peer.ask(MASTER.registration(more, version=NEWER)),
        )
    assert lines == [
        f"server {world.address}: watching 2 topics, 1 known",
        "route Orders: broker-a queues 8 read, 8 write, rw, now 8 read, 8 write, r-",
        "route Orders: broker-a queues 8 read, 8 write, r-, now 8 read, 8 write, rw",
        "route Later: broker-a 10.0.0.1:10911 with id 0 is new",
        "route Later: broker-a 10.0.0.2:10911 with id 1 is new",
        "route Later: broker-a queues none, now 1 read, 1 write, rw",
    ]


def test_watch_reports_a_lost_server_once_and_its_return(
    world: World, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Viewer.view

    def lose() -> None:
        def unreachable(viewer: Viewer) -> View:
            raise NameServerUnreachable("it is gone\nand the other one")

        monkeypatch.setattr(Viewer, "view", unreachable)

    lines = watched(
        world,
        capsys,
        "",
        lose,
        lambda: None,
        lambda: monkeypatch.setattr(Viewer, "view", real),
    )
    assert lines[1:] == [
        f"server {world.address}: it is gone; and the other one",
        f"server {world.address}: answers again",
    ]


def test_watch_for_programs_prints_an_object_on_each_line(world: World, capsys) -> None:
    call = read_call(["watch", "--json", "-n", world.address])
    with world.server.peer() as peer:
        watch(call, waiting(lambda: peer.ask(NEW.registration({"New": 1, "T": 2}))))
    call.close()
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["kind"] for one in objects] == [
        *("server", "cluster", "broker", "topic", "topic"),
    ]
    assert set(objects[0]) == {"time", "kind", "name", "text"}


def test_watch_of_no_server_fails(world: World) -> None:
    assert world.run_anywhere("watch", "-n", "127.0.0.1:1").code == 3


def test_changes_of_groups() -> None:
    def info(**group: object) -> View:
        table = {"brokerAddrTable": {"b": group}, "clusterAddrTable": {}}
        return View(ClusterInfo(table), [], {})

    before = info(brokerAddrs={"0": "a:1"}, zoneName="z")
    after = info(brokerAddrs={"0": "a:2", "1": "a:1"})
    assert [str(change) for change in changes(before, after)] == [
        "broker b: id 0 was a:1, now a:2",
        "broker b: a:1 with id 1 is new",
        "broker b: zone z, now none",
    ]
    empty = info(brokerAddrs={})
    gone = View(ClusterInfo({}), [], {})
    assert [str(change) for change in changes(empty, gone)] == ["broker b: gone"]


def test_changes_of_an_order_and_of_a_route_that_goes() -> None:
    route = Route({"orderTopicConf": "b:4"})
    found = changes(View(None, [], {"T": Route({})}), View(None, [], {"T": route}))
    assert [str(change) for change in found] == ["route T: order none, now b:4"]
    found = changes(View(None, [], {"T": route}), View(None, [], {"T": None}))
    assert [str(change) for change in found] == ["route T: gone"]


def test_repeated_command_goes_on_after_a_failure(world: World, capsys) -> None:
    call = read_call(["topic", "list", "--watch", "1", "-n", world.address])
    code = repeat(call, list_topics, show, waiting(world.server.stop, lambda: None))
    assert code == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].endswith("  topic list, every 1 s")
    assert lines[1:5] == ["Hello", "Orders", "Spare", "订单"]
    assert len(lines) == 7
    assert len(err.splitlines()) == 2


def test_repeated_command_prints_json_on_a_line_each(world: World, capsys) -> None:
    call = read_call(["topic", "list", "--json", "--watch", "-n", world.address])
    repeat(call, list_topics, show, waiting(lambda: None))
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        ["Hello", "Orders", "Spare", "订单"]
    ] * 2


@pytest.mark.parametrize("seconds", ["x", "0", "-1", "nan", "inf", "3601"])
def test_time_between_two_questions_is_checked(world: World, seconds: str) -> None:
    ran = world.run("watch", f"--every={seconds}")
    assert (ran.code, ran.out) == (2, [])
    assert ran.err == [
        f"namesrv: --every is {seconds!r}, expected seconds above 0 and up to 3600"
    ]


class TestTop:
    def text(self, monitor: Monitor, lines: int = 40) -> list[str]:
        """The screen on a terminal of 100 columns, without blanks at line ends."""
        output = io.StringIO()
        console = Console(file=output, width=100, height=lines)
        console.print(screen(monitor, 2.0, lines))
        return [line.rstrip() for line in output.getvalue().splitlines()]

    def test_screen_shows_servers_brokers_and_changes(self, world: World) -> None:
        addresses = [Address(*world.server.address), Address("127.0.0.1", 1)]
        monitor = Monitor(addresses, Terms())
        monitor.ask()
        with world.server.peer() as peer:
            peer.ask(put_kv("ns", "k", "v"))
            peer.ask(NEW.registration({"[red]New": 1, "T": 1}))
            monitor.ask()
        lines = self.text(monitor)
        monitor.close()
        assert lines[0].startswith("namesrv top")
        assert lines[3].split()[:2] == [world.address, "answers"]
        assert lines[3].split()[-3:] == ["3", "4", "6"]
        assert lines[4].split() == ["127.0.0.1:1", "down"]
        # A group without a master comes first.
        assert lines[7].split() == ["c2", "broker-b", "none", "1"]
        assert lines[8].split() == ["c1", "broker-a", "10.0.0.1:10911", "1"]
        assert any(line.endswith("topic [red]New: new") for line in lines)

    def test_screen_that_is_too_small_counts_the_rest(self, world: World) -> None:
        monitor = Monitor([Address(*world.server.address)], Terms())
        monitor.ask()
        lines = self.text(monitor, 5)
        monitor.close()
        assert "and 1 more" in lines

    def test_lost_server_is_a_change(self, world: World) -> None:
        monitor = Monitor([Address(*world.server.address)], Terms())
        monitor.ask()
        world.server.stop()
        monitor.ask()
        monitor.ask()
        monitor.close()
        assert len(monitor.changes) == 1
        assert "server: nothing listens at" in monitor.changes[0]
        assert monitor.first is None
        assert "down" in self.text(monitor)[3]

    def test_it_needs_a_terminal(self) -> None:
        with pytest.raises(OptionsInvalid, match="top needs a terminal"):
            top(read_call(["top"]))

    def test_it_needs_rich(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "rich.live", None)
        with pytest.raises(OptionsInvalid) as caught:
            top(read_call(["top"]))
        assert str(caught.value) == (
            "top needs the Python package rich: install rich, or use watch"
        )

    def test_it_ends_with_an_interrupt(
        self, world: World, monkeypatch: pytest.MonkeyPatch, capsys
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        result = top(read_call(["top", "-n", world.address]), waiting())
        assert result.exit_code == 0
        assert "broker-a" in capsys.readouterr().out


class TestBench:
    def test_load_has_percentiles(self, world: World) -> None:
        ran = world.run(
            *("bench", "--seconds", "1", "--connections", "2", "--depth", "4"), "--json"
        )
        assert (ran.code, ran.err) == (0, [])
        value = json.loads("".join(ran.out))
        assert value["answers"] > 0
        assert value["codes"] == {"0": value["answers"]}
        marks = list(value["millis"].values())
        assert list(value["millis"]) == ["p50", "p90", "p99", "p99.9", "max"]
        assert marks == sorted(marks)

    def test_topics_may_be_named(self, world: World) -> None:
        ran = world.run("bench", "Hello", "Nope", "--seconds", "1")
        codes = next(line for line in ran.out if line.startswith("codes:"))
        assert re.fullmatch(r"codes: +\d+ known, \d+ unknown", codes)

    @pytest.mark.parametrize(
        "words",
        [
            ["--seconds", "31"],
            ["--seconds", "0"],
            ["--connections", "33"],
            ["--depth", "65"],
            ["--depth", "x"],
        ],
    )
    def test_load_is_bounded(self, world: World, words: list[str]) -> None:
        ran = world.run("bench", *words)
        assert (ran.code, ran.out) == (2, [])
        assert f"{words[0]} is {words[1]!r}, expected a whole number" in ran.err[0]

    def test_server_has_to_be_named(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NAMESRV_ADDR", world.address)
        assert world.run_anywhere("bench").err == [
            "namesrv: bench needs -n HOST:PORT, the server to load"
        ]

    def test_server_that_is_gone(self, world: World) -> None:
        words = ("bench", "T", "--seconds", "1", "-n", "127.0.0.1:1")
        assert world.run_anywhere(*words).code == 3

    def test_percentile_of_sorted_times(self) -> None:
        times = [float(number) for number in range(1, 101)]
        assert [percentile(times, mark) for mark in (50, 99, 99.9)] == [51, 100, 100]
        assert percentile([3.0], 50) == 3.0
