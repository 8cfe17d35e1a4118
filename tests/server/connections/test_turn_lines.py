"""Whose turn it is: one share for each address, brokers first, nobody never."""

from types import SimpleNamespace
from typing import Any

import pytest

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
    lines = TurnLines()
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
