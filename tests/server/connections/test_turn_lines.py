"""Whose turn it is: one share for each address, brokers first, nobody never."""

from types import SimpleNamespace
from typing import Any

import pytest

from namesrv.routing.tables.busy_groups import Awaited, BusyGroups
from namesrv.server.connections.turn_lines import TurnLines


def waiting(address: str, code: int = 0) -> Any:
    connection = SimpleNamespace(socket_address=address, waiting_code=code)
    return SimpleNamespace(connection=connection, name=address)


def order(lines: TurnLines) -> list[str]:
    taken = []
    while lines:
        taken.append(vars(lines.take())["name"])
    return taken


def lines_of(*all_waiting: Any) -> TurnLines:
    lines = TurnLines(BusyGroups())
    for one in all_waiting:
        lines.put(one)
    return lines


def test_each_address_has_one_share_however_many_connections_it_has() -> None:
    many = [waiting(f"10.0.0.1:{port}") for port in range(1, 61)]
    others = [waiting("10.0.0.2:1"), waiting("[::1]:1")]
    taken = order(lines_of(*many, *others))
    assert taken[:4] == ["10.0.0.1:1", "10.0.0.2:1", "[::1]:1", "10.0.0.1:2"]
    assert taken[4:] == [f"10.0.0.1:{port}" for port in range(3, 61)]


def test_whoever_comes_again_stands_behind_the_other_addresses() -> None:
    greedy, modest = waiting("10.0.0.1:1"), waiting("10.0.0.2:1")
    lines = lines_of(greedy, modest)
    assert lines.take() is greedy
    lines.put(greedy)
    assert lines.take() is modest


@pytest.mark.parametrize("code", [103, 104, 322, 904])
def test_what_keeps_brokers_alive_comes_first(code: int) -> None:
    busy = [waiting(f"10.0.0.{host}:1", 224) for host in range(60)]
    broker = waiting("10.0.0.1:2", code)
    assert order(lines_of(*busy, broker))[0] == "10.0.0.1:2"


def test_brokers_leave_every_fourth_turn_to_the_others() -> None:
    brokers = [waiting(f"b{number}:1", 103) for number in range(6)]
    others = [waiting(f"o{number}:1") for number in range(3)]
    taken = order(lines_of(*others, *brokers))
    assert [name[0] for name in taken] == list("bbbobbboo")


def test_turns_that_nobody_else_wanted_do_not_count() -> None:
    lines = lines_of(*(waiting(f"b{number}:1", 103) for number in range(9)))
    for _ in range(4):
        lines.take()
    lines.put(waiting("o:1"))
    assert [name[0] for name in order(lines)] == list("bbbobb")


def test_nobody_has_a_turn_after_the_end() -> None:
    lines = lines_of(waiting("a:1", 103), waiting("b:1"))
    lines.clear()
    assert not lines


def put_back(busy: BusyGroups, lines: TurnLines, one: Any, awaited: Awaited) -> None:
    busy.put_back(one.connection, awaited)
    lines.put(one)


def test_lookup_of_a_hidden_route_waits_until_the_registration_ends() -> None:
    busy = BusyGroups()
    lines = TurnLines(busy)
    with busy.hold("broker-a"):
        busy.hide("broker-a")
        put_back(busy, lines, waiting("10.0.0.1:1", 105), Awaited.ROUTE)
        assert not lines
        assert not busy.readers_first
    assert lines
    assert busy.readers_first
    assert order(lines) == ["10.0.0.1:1"]
    assert not busy.readers_first


def test_large_body_waits_until_the_one_at_hand_is_applied() -> None:
    busy = BusyGroups()
    lines = TurnLines(busy)
    with busy.hold_body():
        for port in (1, 2):
            broker = waiting(f"10.0.0.1:{port}", 103)
            put_back(busy, lines, broker, Awaited.BODY)
        assert not lines
    assert order(lines) == ["10.0.0.1:1", "10.0.0.1:2"]


def test_lookups_that_waited_go_first_for_some_turns_only() -> None:
    busy = BusyGroups()
    lines = TurnLines(busy)
    put_back(busy, lines, waiting("10.0.0.1:1", 105), Awaited.ROUTE)
    turns = 0
    while busy.begin_reader_turn():
        turns += 1
    assert turns == 16
    with busy.hold("broker-a"):
        busy.hide("broker-a")
    assert busy.readers_first


def test_request_of_another_connection_is_not_left_aside() -> None:
    busy = BusyGroups()
    lines = TurnLines(busy)
    with busy.hold_body():
        busy.put_back(waiting("10.0.0.9:9").connection, Awaited.BODY)
        lines.put(waiting("10.0.0.1:1", 103))
        assert order(lines) == ["10.0.0.1:1"]


def test_lookups_whose_own_turns_are_used_up_stand_in_line_with_the_others() -> None:
    busy = BusyGroups()
    lines = TurnLines(busy)
    for port in range(3):
        put_back(busy, lines, waiting(f"10.0.0.1:{port}", 105), Awaited.ROUTE)
    while busy.begin_reader_turn():
        pass
    greedy = waiting("10.0.0.9:1", 304)
    lines.put(greedy)
    taken = []
    for _ in range(8):
        taken.append(vars(lines.take())["name"])
        if taken[-1] == "10.0.0.9:1":
            lines.put(greedy)
    assert {f"10.0.0.1:{port}" for port in range(3)} <= set(taken)
