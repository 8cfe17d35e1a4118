"""Limits of one body: each limit itself is allowed, one more is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from namesrv.errors import LimitExceeded
from namesrv.options import Options
from namesrv.wire.bodies import (
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from namesrv.wire.body_limits import BodyLimits

LIMITS = BodyLimits(
    inflated_bytes=1000,
    topics=3,
    name_bytes=8,
    filter_servers=2,
    mapping_queues=4,
    mapped_queues=6,
)


def mapping(topic: str = "t", queues: int = 0, **more: Any) -> TopicQueueMappingInfo:
    ids = {number: number for number in range(queues)}
    return TopicQueueMappingInfo(topic=topic, curr_id_map=ids, scope="s", **more)


def body(*configs: TopicConfig, mappings: Any = None) -> RegisterBrokerBody:
    table = {f"k{number}": config for number, config in enumerate(configs)}
    return RegisterBrokerBody(
        [], TopicConfigSerializeWrapper(None, table, mappings or {})
    )


@pytest.mark.parametrize(
    ("make", "most", "remark"),
    [
        (
            lambda n: body(*(TopicConfig(topic_name=f"{i}") for i in range(n))),
            3,
            "registration of 4 topics, the limit is 3 (maxTopicsPerRegistration)",
        ),
        (
            lambda n: body(mappings={f"{i}": mapping() for i in range(n)}),
            3,
            "registration of 4 topics, the limit is 3 (maxTopicsPerRegistration)",
        ),
        (
            lambda n: body(TopicConfig(topic_name="n" * n)),
            8,
            "topic name of 9 bytes, the limit is 8 (maxNameBytes)",
        ),
        (
            lambda n: body(mappings={"n" * n: mapping()}),
            8,
            "topic name of 9 bytes, the limit is 8 (maxNameBytes)",
        ),
        (
            lambda n: body(mappings={"t": mapping(bname="n" * n)}),
            8,
            "bname of a mapping of 9 bytes, the limit is 8 (maxNameBytes)",
        ),
        (
            lambda n: body(mappings={"t": mapping("n" * n)}),
            8,
            "topic of a mapping of 9 bytes, the limit is 8 (maxNameBytes)",
        ),
        (
            lambda n: body(mappings={"t": mapping(queues=n)}),
            4,
            "mapping of 5 queues, the limit is 4 (maxQueuesPerMapping)",
        ),
        (
            lambda n: body(mappings={"t": mapping("t", 3), "u": mapping("u", n)}),
            3,
            "mappings of 7 queues, the limit is 6 (maxMappedQueuesPerRegistration)",
        ),
        (
            lambda n: RegisterBrokerBody(["f"] * n, None),
            2,
            "3 filter servers, the limit is 2 (maxFilterServers)",
        ),
        (
            lambda n: RegisterBrokerBody([None, "f" * n], None),
            8,
            "filter server of 9 bytes, the limit is 8 (maxNameBytes)",
        ),
    ],
)
def test_limit_itself_is_allowed(
    make: Callable[[int], RegisterBrokerBody], most: int, remark: str
) -> None:
    LIMITS.check(make(most))
    with pytest.raises(LimitExceeded) as caught:
        LIMITS.check(make(most + 1))
    assert (caught.value.code, caught.value.remark) == (1, remark)


@pytest.mark.parametrize("name", ["é" * 4, "\u4e2d\u4e2dxx", "\U0001f600" * 2])
def test_names_are_measured_in_utf8(name: str) -> None:
    LIMITS.check_name("it", name)
    with pytest.raises(LimitExceeded, match="it of 9 bytes"):
        LIMITS.check_name("it", f"{name}x")


def test_lone_surrogates_have_a_length() -> None:
    with pytest.raises(LimitExceeded, match="it of 9 bytes"):
        LIMITS.check_name("it", "\ud800" * 3)


def test_null_name_passes_any_limit() -> None:
    LIMITS.check_name("it", None)
    LIMITS.check(RegisterBrokerBody(None, None))
    LIMITS.check(
        RegisterBrokerBody(None, TopicConfigSerializeWrapper(None, None, None))
    )
    LIMITS.check(body(TopicConfig(topic_name=None), mappings={"t": mapping()}))
    LIMITS.check_mapping(TopicQueueMappingInfo(curr_id_map=None, scope=None))


def test_brokers_of_an_operators_topic_have_limits() -> None:
    LIMITS.check_queue_datas([QueueData("b" * 8), None, QueueData()])
    with pytest.raises(LimitExceeded, match="topic of 4 brokers, the limit is 3"):
        LIMITS.check_queue_datas([None] * 4)
    with pytest.raises(LimitExceeded, match="broker name of 9 bytes"):
        LIMITS.check_queue_datas([QueueData("b" * 9)])


def test_limits_are_those_of_the_options() -> None:
    options = Options()
    assert BodyLimits.of(options) == BodyLimits(
        options.body_max_inflated_bytes,
        options.max_topics_per_registration,
        options.max_name_bytes,
        options.max_filter_servers,
        options.max_queues_per_mapping,
        options.max_mapped_queues_per_registration,
    )
