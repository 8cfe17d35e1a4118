"""Reading request bodies: registrations in their four forms, and the small ones.

The typed decoder reads strict JSON straight into records; bodies that it refuses go to
the lenient reader (protocol.md sections 1.8, 2.5).
"""

import os
from contextlib import suppress
from typing import Final

from namesrv.codes import VERSION_V3_0_11
from namesrv.errors import BodyInvalid, LimitExceeded
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicRouteQueues,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.deflated_body import DeflatedBody
from namesrv.wire.typed_json import (
    NOT_STRICT,
    decode_steps,
    read_leniently_steps,
    read_record_steps,
)
from namesrv.work import Steps

_WHAT: Final = "registration body"
_FREE_PLAIN_BYTES: Final = 1 << 18
_LEAST_OBJECT_BYTES: Final = 48
"""Least size of an object in a large plain body; Java's brokers write 70 or more."""
_TOPIC_TABLE: Final = b'"topicConfigTable":{'
_LONGEST_BEGIN: Final = 1 << 16
_MARK: Final = os.urandom(16).hex()
"""Stands for the topics of a table that is read apart. No peer knows it."""
_MARKED: Final = b'"%b":{}' % _MARK.encode()


def read_data_version_steps(data: bytes) -> Steps[DataVersion | None]:
    """Body of QUERY_DATA_VERSION (section 2.19). Raises BodyInvalid."""
    return read_record_steps(DataVersion, data, "data version")


def read_queue_datas_steps(data: bytes) -> Steps[list[QueueData | None] | None]:
    """`queueDatas` of REGISTER_TOPIC_IN_NAMESRV (section 2.13). Raises BodyInvalid."""
    route = yield from read_record_steps(TopicRouteQueues, data, "topic route")
    return None if route is None else route.queue_datas


def read_register_broker_body_steps(
    body: bytes | None, version: int, *, compressed: bool, limits: BodyLimits
) -> Steps[RegisterBrokerBody]:
    """Read a registration in the form that `version` and `compressed` call for.

    A plain body of strict JSON, as brokers send it, is one step. Raises BodyInvalid,
    and LimitExceeded for a body beyond `limits`. Source:
    `DefaultRequestProcessor#registerBroker`, protocol.md sections 2.5.2 to 2.5.4.
    """
    read, is_strict = yield from _read_form(body, version, compressed, limits)
    limits.check(read, is_strict=is_strict)
    return read


def find_topic_table(body: bytes, version: int) -> int:
    """The place behind the opening brace of the topicConfigTable, if the body seems to
    be a plain one that has it; else 0. `read_around_topics_steps` makes sure."""
    if version < VERSION_V3_0_11 or not body.startswith(b"{"):
        return 0
    place = body.find(_TOPIC_TABLE, 0, _LONGEST_BEGIN)
    return place + len(_TOPIC_TABLE) if place >= 0 else 0


def read_around_topics_steps(
    body: bytes, start: int, end: int, objects: int
) -> Steps[RegisterBrokerBody | None]:
    """Read a registration whose topics, `body[start:end - 1]`, were read apart;
    `objects` is the number of opening braces in them.

    None unless it is strict JSON and these are its topics: a table with another topic
    in this place has to be the one that the decoder finds.
    """
    before, behind = body[:start], body[end - 1 :]
    _check_density(body, before.count(b"{") + objects + behind.count(b"{"))
    decoded: RegisterBrokerBody | None = None
    with suppress(*NOT_STRICT):
        text = before + _MARKED + behind
        decoded = yield from decode_steps(RegisterBrokerBody, text)
    wrapper = decoded and decoded.topic_config_serialize_wrapper
    if not wrapper or wrapper.topic_config_table != {_MARK: TopicConfig()}:
        return None
    wrapper.topic_config_table = {}
    return decoded


def _read_form(
    body: bytes | None, version: int, compressed: bool, limits: BodyLimits
) -> Steps[tuple[RegisterBrokerBody, bool]]:
    """The registration, and whether the typed decoder has read all of it."""
    if version < VERSION_V3_0_11:
        return (yield from _read_old_form(body)), False
    if not body:
        return _empty_body(), False
    if compressed or _looks_deflated(body):
        # The inflated form has its own limits.
        return (yield from DeflatedBody(body, limits).read_steps(version)), False
    _check_density(body, body.count(b"{"))
    decoded: RegisterBrokerBody | None
    with suppress(*NOT_STRICT):
        decoded = yield from decode_steps(RegisterBrokerBody, body)
        return _unless_null(decoded), True
    decoded = yield from read_leniently_steps(RegisterBrokerBody, body, _WHAT)
    return _unless_null(decoded), False


def _unless_null(decoded: RegisterBrokerBody | None) -> RegisterBrokerBody:
    if decoded is None:
        raise BodyInvalid(_WHAT, "it is null")
    return decoded


def _empty_body() -> RegisterBrokerBody:
    version = DataVersion(timestamp=0)
    return RegisterBrokerBody(
        topic_config_serialize_wrapper=TopicConfigSerializeWrapper(data_version=version)
    )


def _read_old_form(body: bytes | None) -> Steps[RegisterBrokerBody]:
    """Before V3_0_11 the body was the bare wrapper, without filter servers."""
    if not body:
        empty = _empty_body()
        empty.filter_server_list = None
        return empty
    _check_density(body, body.count(b"{"))
    wrapper = yield from read_record_steps(TopicConfigSerializeWrapper, body, _WHAT)
    return RegisterBrokerBody(None, wrapper)


def _check_density(body: bytes, count: int) -> None:
    """Refuse bodies of very many tiny objects: typed decoding is one long step."""
    if len(body) <= _FREE_PLAIN_BYTES:
        return
    if count * _LEAST_OBJECT_BYTES > len(body):
        raise LimitExceeded(
            f"{_WHAT} of {len(body)} bytes with {count} objects",
            len(body) // _LEAST_OBJECT_BYTES,
        )


def _looks_deflated(body: bytes) -> bool:
    """A 5.x broker sends deflated bodies flagged as plain (section 2.5.4)."""
    return body[0] == 0x78 and int.from_bytes(body[:2], "big") % 31 == 0
