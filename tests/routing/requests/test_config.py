"""318 and 319 as requests; `test_configuration` has the rules."""

import pytest

from namesrv.errors import StorageError
from namesrv.options import Options, java_text
from namesrv.routing.settings import configuration
from namesrv.testing.peer import Broker, read_answers, request
from tests.routing.world import RELOAD, World


def test_no_body_is_a_success_without_effect(world: World) -> None:
    answer = world.ask(318)
    assert (answer.code, answer.ext_fields, answer.body) == (0, None, b"")
    assert world.files == {}
    assert world.events == []


def test_an_update_is_answered_when_it_is_written(world: World) -> None:
    world.holds_writes = True
    assert world.send(request(318, None, b"enableTopicList=false", opaque=3)) == b""
    assert world.options.enable_topic_list is True
    world.finish_write()
    (answer,) = read_answers(world.late_output[world.connection])
    assert (answer.code, answer.header["opaque"]) == (0, 3)
    assert world.options.enable_topic_list is False
    assert world.files["data/namesrv.properties"] == b"enableTopicList=false\n"


def test_a_failed_write_changes_nothing(world: World) -> None:
    world.write_error = StorageError("write", "namesrv.properties", "disk is full")
    answer = world.ask(318, None, b"enableTopicList=false")
    assert answer.code == 1
    assert answer.remark == "cannot write namesrv.properties: disk is full"
    assert world.options.enable_topic_list is True
    world.write_error = None
    world.ask(318, None, b"enableAllTopicList=false")
    assert world.files["data/namesrv.properties"] == b"enableAllTopicList=false\n"


@pytest.mark.parametrize("body", [b"x=\\u12", b"\\uzzzz=1"])
def test_a_malformed_text(world: World, body: bytes) -> None:
    answer = world.ask(318, None, body)
    assert (answer.code, answer.remark) == (1, "string2Properties error")


def test_319_shows_javas_options(world: World) -> None:
    answer = world.ask(319)
    assert answer.code == 0 and answer.body is not None
    lines = answer.body.decode().splitlines()
    assert "listenPort=9876" in lines and "enableTopicList=true" in lines
    assert lines == sorted(lines)
    assert not any("answerCacheBytes" in line for line in lines)
    world.ask(318, None, b"enableTopicList=false")
    assert b"enableTopicList=false\n" in world.ask(319).body


def test_319_is_written_once_after_a_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(options: Options) -> str:
        made.append(java_text(options))
        return made[-1]

    monkeypatch.setattr(configuration, "java_text", counted)
    for _ in range(3):
        assert world.ask(319).body.decode() == made[0]
    world.ask(318, None, b"orderMessageEnable=true")
    assert "orderMessageEnable=true\n" in world.ask(319).body.decode()
    world.state.configuration.apply({"enableTopicList": False}, RELOAD)
    assert "enableTopicList=false\n" in world.ask(319).body.decode()
    assert len(made) == 3


def test_updates_that_change_nothing_have_no_effect(world: World) -> None:
    before = world.state.configuration_changes
    assert world.ask(318, None, b"enableTopicList=true").code == 0
    assert world.state.configuration_changes == before
    assert world.ask(318, None, b"enableTopicList=false").code == 0
    assert world.state.configuration_changes == before + 1


def test_digests_are_forgotten_again_once_for_all_changes_meanwhile(
    world: World,
) -> None:
    for number in range(1000):
        world.register(Broker(f"b{number}", addr=f"10.0.0.1:{number}"))
    world.holds_work = True
    passes = world.tables.digests_forgotten
    for number in range(50):
        text = f"scanNotActiveBrokerInterval={number + 1000}"
        assert world.ask(318, None, text.encode()).code == 0
    for _ in range(10):
        world.next_step()
    assert not world.state.unfinished
    assert world.tables.digests_forgotten == passes + 2
