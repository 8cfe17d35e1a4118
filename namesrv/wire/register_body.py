"""Reading request bodies: registrations in their four forms, and the small ones.

The typed decoder reads strict JSON straight into records; bodies that it refuses go to
the lenient reader (protocol.md sections 1.8, 2.5).
"""

from contextlib import suppress
from typing import Final

from namesrv.codes import VERSION_V3_0_11
from namesrv.errors import BodyInvalid, LimitExceeded
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
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
    _check_density(body)
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
    _check_density(body)
    wrapper = yield from read_record_steps(TopicConfigSerializeWrapper, body, _WHAT)
    return RegisterBrokerBody(None, wrapper)


def _check_density(body: bytes) -> None:
    """Refuse bodies of very many tiny objects: typed decoding is one long step."""
    if len(body) <= _FREE_PLAIN_BYTES:
        return
    count = body.count(b"{")
    if count * _LEAST_OBJECT_BYTES > len(body):
        raise LimitExceeded(
            f"{_WHAT} of {len(body)} bytes with {count} objects",
            len(body) // _LEAST_OBJECT_BYTES,
        )


def _looks_deflated(body: bytes) -> bool:
    """A 5.x broker sends deflated bodies flagged as plain (section 2.5.4)."""
    return body[0] == 0x78 and int.from_bytes(body[:2], "big") % 31 == 0
