"""Registration bodies: the typed decoder agrees with the lenient reader, and the
deflated form is read within its bounds."""

import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec

from namesrv.errors import BodyInvalid, JsonInvalid, LimitExceeded
from namesrv.options import Options
from namesrv.testing.peer import mapping_info, registration_body, topic_config
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
    TopicRouteQueues,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.records import from_lenient_steps
from namesrv.wire.register_body import (
    read_data_version_steps,
    read_queue_datas_steps,
    read_register_broker_body_steps,
)
from namesrv.wire.registration_digest import registration_digest
from namesrv.wire.typed_json import decode_short, decode_steps, read_record_steps
from namesrv.work import finish
from tests.fuzz.recorded import recorded_frames
from tests.fuzz.structure import JSON_WORDS, mutate_body
from tests.fuzz.target import Target, repeated, tried
from tests.wire.java_json.test_records import REAL_BODY
from tests.wire.test_deflated_body import E6

ALLOWED: Final = (BodyInvalid, LimitExceeded)
VERSIONS: Final = (0, 317, 409, 479)
RECORDS: Final[tuple[Any, ...]] = (
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
    TopicRouteQueues,
    DataVersion,
)
_MOST_INFLATED: Final = 1 << 16
LIMITS: Final = BodyLimits.of(Options())._replace(inflated_bytes=_MOST_INFLATED)


def run(data: bytes) -> None:
    """As it is, as what is deflated, and as every record of its own."""
    tried(ALLOWED, read, repeated(data), 479, False)
    for version in VERSIONS:
        as_sent = tried(ALLOWED, read, data, version, False)
        flagged = tried(ALLOWED, read, data, version, True)
        deflated = tried(ALLOWED, read, zlib.compress(data, 1), version, False)
        for seen in (as_sent, flagged, deflated):
            assert seen[0] == "err" or type(seen[1]) is RegisterBrokerBody
        if deflated[0] == "ok" and 0 < len(data) and version >= 317:
            assert has_whole_blocks(data, with_mappings=version == 479)
        if len(data) <= _MOST_INFLATED and version >= 317:
            # What looks deflated is read like what is flagged so.
            again = tried(ALLOWED, read, zlib.compress(data, 1), version, True)
            assert again == deflated
        registration_digest(version, {"brokerName": "b"}, data)
    for record in RECORDS:
        compare_readers(record, data)
    tried(ALLOWED, lambda: finish(read_data_version_steps(data)))
    tried(ALLOWED, lambda: finish(read_queue_datas_steps(data)))


def read(body: bytes, version: int, compressed: bool) -> RegisterBrokerBody:
    return finish(
        read_register_broker_body_steps(
            body, version, compressed=compressed, limits=LIMITS
        )
    )


def has_whole_blocks(raw: bytes, *, with_mappings: bool) -> bool:
    """Whether lengths and counts of the inflated form stay within it (2.5.4)."""
    position = 0

    def number() -> int:
        nonlocal position
        position += 4
        return int.from_bytes(raw[position - 4 : position], signed=True)

    for is_counted in (False, True, False, True)[: 4 if with_mappings else 3]:
        for _ in range(number() if is_counted else 1):
            length = number()
            if length < 0 or position > len(raw):
                return False
            position += length
    return position <= len(raw)


def compare_readers(record: Any, data: bytes) -> None:
    """Whatever the typed decoder takes reads the same leniently."""
    with suppress(UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        data.decode()
        typed = finish(decode_steps(record, data))
        assert typed == decode_short(record, data)
        if typed is None:
            return
        try:
            lenient = finish(from_lenient_steps(record, read_json(data)))
        except JsonInvalid as exc:
            assert "nesting is deeper" in str(exc), exc
            return
        assert typed == lenient, (typed, lenient)
        assert finish(read_record_steps(record, data, "it")) == typed


def seeds() -> Iterable[bytes]:
    """Bodies of real brokers, plain, deflated and inflated."""
    yield from {body for _, _, body in recorded_frames() if body}
    yield REAL_BODY
    yield from (E6, zlib.decompress(E6))
    yield zlib.compress(bytes(1 << 17))
    yield registration_body(
        {"T": topic_config("T"), "st": topic_config(None)},
        mappings={"st": mapping_info("st", "b")},
        filters=["f:1", None, 5],
    )
    yield b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{1:2,"perm":"6"}}}}'


TARGET: Final = Target(
    "registrations",
    run,
    ALLOWED,
    seeds,
    mutate_body,
    (*JSON_WORDS, b"SINGLE_TAG"),
    4096,
)
