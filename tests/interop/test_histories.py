"""Histories by chance, played to our server and to Java's: answers must be equal.

`make interop ARGS=tests/interop/test_histories.py` with INTEROP_HISTORIES=5000 and
INTEROP_FIRST_SEED=1000 in the environment plays more, and others.
"""

import os
from collections.abc import Callable

import pytest

from harness.differential import play
from harness.fleet import Fleet
from harness.histories import draw_history
from harness.nameserver import NameServer

HISTORIES = int(os.environ.get("INTEROP_HISTORIES", "300"))
FIRST_SEED = int(os.environ.get("INTEROP_FIRST_SEED", "0"))
OPTIONS: dict[str, dict[str, str]] = {
    "plain": {},
    "acting": {"supportActingMaster": "true", "orderMessageEnable": "true"},
    "deleting": {
        "deleteTopicWithBrokerRegistration": "true",
        "returnOrderTopicConfigToBroker": "false",
    },
}
SHOWN = 3


@pytest.fixture(params=OPTIONS)
def servers(
    request: pytest.FixtureRequest, new_fleet: Callable[[str], Fleet]
) -> tuple[NameServer, NameServer]:
    options = {**OPTIONS[request.param], "scanNotActiveBrokerInterval": "5000"}
    fleet = new_fleet(f"histories-{request.param}")
    ours, java = fleet.our_server("ours", options), fleet.java_server("java", options)
    ours.finish_start()
    java.finish_start()
    return ours, java


def test_histories_have_the_same_answers(
    servers: tuple[NameServer, NameServer], request: pytest.FixtureRequest
) -> None:
    number = list(OPTIONS).index(request.node.callspec.params["servers"])
    found: list[str] = []
    for seed in range(FIRST_SEED + number, FIRST_SEED + HISTORIES, len(OPTIONS)):
        found += play(draw_history(seed), *servers)
        if len(found) >= SHOWN:
            break
    assert not found, "\n".join(found[:SHOWN])


def test_history_of_a_seed_is_always_the_same() -> None:
    assert draw_history(7) == draw_history(7)
    assert draw_history(7) != draw_history(8)
