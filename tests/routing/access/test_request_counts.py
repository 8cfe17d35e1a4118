"""Counts of answers of the processor."""

from itertools import count

from namesrv.codes import FLAG_ONEWAY, RequestCode, ResponseCode
from namesrv.routing.access.request import Request
from namesrv.routing.access.request_counts import (
    BUCKETS_MICROS,
    UNKNOWN_REQUEST,
    RequestCounts,
)
from namesrv.testing.peer import request
from namesrv.wire.command import RemotingCommand
from tests.routing.world import World

LOOKUP = RequestCode.GET_ROUTEINFO_BY_TOPIC


def made(code: int) -> Request:
    command = RemotingCommand(code=code)
    return Request(command, World().connection, 0)


def test_time_is_that_between_the_beginning_and_the_answer() -> None:
    nanos = iter((1000, 251_999))
    counts = RequestCounts(lambda: next(nanos))
    asked = made(LOOKUP)
    counts.begin(asked)
    counts.note(asked, asked.answer())
    durations = counts.durations[LOOKUP]
    assert durations.total_micros == 250
    assert durations.counts[BUCKETS_MICROS.index(250)] == sum(durations.counts) == 1


def test_longest_times_have_a_bucket_of_their_own() -> None:
    nanos = count(0, 6 * 10**9)
    counts = RequestCounts(lambda: next(nanos))
    asked = made(LOOKUP)
    counts.begin(asked)
    counts.note(asked, asked.answer())
    assert counts.durations[LOOKUP].counts[-1] == 1


def test_codes_that_peers_make_up_count_as_one() -> None:
    counts = RequestCounts(lambda: 0)
    for code in (-5, 9999, 2**31 - 1):
        asked = made(code)
        counts.note(asked, asked.answer(ResponseCode.REQUEST_CODE_NOT_SUPPORTED))
    unsupported = ResponseCode.REQUEST_CODE_NOT_SUPPORTED
    assert counts.answers == {(UNKNOWN_REQUEST, unsupported): 3}
    assert list(counts.durations) == [UNKNOWN_REQUEST]


def test_answers_to_one_way_requests_count_too() -> None:
    world = World()
    world.send(request(RequestCode.GET_BROKER_CLUSTER_INFO, {}, flag=FLAG_ONEWAY) * 2)
    key = RequestCode.GET_BROKER_CLUSTER_INFO, ResponseCode.SUCCESS
    assert world.state.request_counts.answers == {key: 2}
