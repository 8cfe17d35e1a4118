"""Several NameServers: questions to one, changes to all."""

import pytest

from namesrv.errors import NameServerUnreachable, RequestRefused
from tests.client.stand_in import answering, listening, questions

TOPICS = (0, b'{"topicList":["T"]}')


def test_question_goes_to_the_first_server_that_answers() -> None:
    with (
        listening(lambda connected: None) as dead,
        listening(answering((1500, b""))) as leaving,
        listening(answering((0, b"no JSON"))) as wrong,
        listening(answering(TOPICS)) as good,
    ):
        with questions(dead, leaving, wrong, good) as asked:
            assert asked.topics() == ["T"]
            assert asked.servers.addresses[0] == good


def test_all_reasons_are_reported_if_no_server_answers() -> None:
    with (
        listening(answering((1500, b""))) as leaving,
        listening(answering((0, b"no JSON"))) as wrong,
    ):
        with questions(leaving, wrong) as asked:
            with pytest.raises(NameServerUnreachable) as caught:
                asked.topics()
    assert str(caught.value).splitlines() == [
        f"{leaving} is shutting down and sends its clients away; ask another"
        " NameServer, or this one later",
        f"{wrong} answers wrongly: its body is no JSON",
    ]


def test_refusal_of_the_first_server_counts() -> None:
    with (
        listening(answering((1, b""))) as refusing,
        listening(answering(TOPICS)) as good,
    ):
        with questions(refusing, good) as asked:
            with pytest.raises(RequestRefused):
                asked.topics()


def test_change_goes_to_every_server() -> None:
    with (
        listening(answering((0, b""))) as good,
        listening(answering((16, b""))) as refusing,
        listening(lambda connected: None) as dead,
    ):
        with questions(good, refusing, dead) as asked:
            outcomes = asked.put_kv("ns", "k", "v")
    assert [one.server for one in outcomes] == [good, refusing, dead]
    assert [one.answer is not None for one in outcomes] == [True, False, False]
    kinds = [type(one.failure) for one in outcomes]
    assert kinds == [type(None), RequestRefused, NameServerUnreachable]
