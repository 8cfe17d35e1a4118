"""Whole request frames, few enough kinds of each to repeat and to meet.

They are made once, by chance with a fixed seed, since drawing each member of each
request by itself takes hypothesis longer than everything else together.
"""

import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.testing.peer import binary_request, frame, registration_body, request
from tests.parity.headers import HEADERS
from tests.parity.played import PLAYED, version_of_body
from tests.parity.streams import edge_frames

LONG = "a-topic-of-a-name-with-more-than-forty-bytes"
TOPICS = ["a", "b", LONG, 'a"b', "a\\b", "é", "a b", "", LONG + "-2"]
KEYS = [("c", "a"), ("c", "b"), ("cb", ""), ("ca", "b")]
OPAQUES = [0, 1, -1, 10, 99, 123_456, 2**31 - 1, -(2**31)]
FLAGS = [0] * 12 + [1, 2, 2, 3, 4, -1]
FORMS = [request, request, binary_request]
WISHES = [None, None, None, "true", "TRUE", "tRuE", "truf", "\x54rue ", "false", ""]
BODIES = [
    *(registration_body(sent_at=sent_at) for sent_at in (1, 2, 300)),
    *(b"x", b"y" * 40, b"without version", b""),
]


def version_text(counter: Any, state_version: Any, timestamp: Any) -> bytes:
    """A DataVersion as a broker writes it, and near that."""
    return (
        f'{{"counter":{counter},"stateVersion":{state_version},'
        f'"timestamp":{timestamp}}}'
    ).encode()


def near(body: bytes, counter: int, state_version: int, timestamp: int) -> bytes:
    """What `played` makes of a body, with something added to each number."""
    known = version_of_body(body, 479)
    assert known is not None and known.timestamp is not None
    return version_text(
        known.counter + counter,
        known.state_version + state_version,
        known.timestamp + timestamp,
    )


# The versions that `played` gives to a broker, and others.
KNOWN_VERSIONS = [near(b, 0, more, 0) for b in BODIES[:5] for more in (0, 317 - 479)]
VERSIONS = [
    *KNOWN_VERSIONS * 3,
    *(version_text(len(body) + 1, 479, zlib.crc32(body)) for body in BODIES[:5]),
    *(version_text(len(body), 478, zlib.crc32(body)) for body in BODIES[:5]),
    *(version_text(len(body), 479, zlib.crc32(body) + 1) for body in BODIES[:5]),
    *(
        version_text(0, 0, 0),
        version_text(10**18 - 1, 0, 0),
        version_text(10**18, 0, 0),
    ),
    *(version_text(1, 10**17, 10**19), version_text("-1", 0, 0)),
    *(version_text("01", 0, 0), version_text("00", 0, 0), version_text("1.0", 0, 0)),
    *(version_text('"1"', "null", "true"), version_text("", 0, 0)),
    *(version_text(" 1", 0, 0), version_text(0, 0, "0 "), version_text("+1", 0, 0)),
    *(KNOWN_VERSIONS[0] + tail for tail in (b" ", b"}", b"\n", b"\0")),
    *(KNOWN_VERSIONS[0][:end] for end in range(0, len(KNOWN_VERSIONS[0]), 5)),
    *(b" " + KNOWN_VERSIONS[0], b"null", b"{}", b"[]", b"\xff"),
    b'{"timestamp":1,"counter":2,"stateVersion":3}',
]


def sent(
    chance: Random,
    code: int,
    ext: dict[str, Any],
    body: bytes = b"",
    version: int = 479,
) -> bytes:
    known = {name: text for name, text in ext.items() if text is not None}
    choose = chance.choice
    return choose(FORMS)(
        code, known, body, opaque=choose(OPAQUES), version=version, flag=choose(FLAGS)
    )


def lookup(chance: Random) -> bytes:
    ext = {
        "topic": chance.choice(TOPICS),
        "acceptStandardJsonOnly": chance.choice(WISHES),
        "__ZONE_MODE": chance.choice([None] * 9 + ["true", ""]),
    }
    version = chance.choice([0, 317, 400, 401, 402, 479, -1])
    return sent(chance, 105, ext, version=version)


def broker_request(chance: Random) -> bytes:
    cluster, addr = chance.choice(KEYS)
    ext = {
        "clusterName": chance.choice([cluster] * 12 + [None]),
        "brokerAddr": chance.choice([addr] * 12 + [None]),
    }
    code = chance.choice([904, 322, 322])
    return sent(chance, code, ext, chance.choice(VERSIONS))


def registration(chance: Random) -> bytes:
    cluster, addr = chance.choice(KEYS[:2])
    body = chance.choice(BODIES)
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF)
    ext = {
        "clusterName": cluster,
        "brokerAddr": addr,
        "bodyCrc32": chance.choice(
            [checksum] * 12
            + ["0", "1", None, "0" + checksum, "", str(zlib.crc32(body))]
        ),
    }
    return sent(chance, 103, ext, body, chance.choice([479, 479, 317]))


def played(chance: Random) -> bytes:
    cluster, addr = chance.choice(KEYS)
    ext = {
        "topic": chance.choice(TOPICS),
        "clusterName": cluster,
        "brokerAddr": addr,
    }
    inner = [chance.choice([lookup, broker_request])(chance) for _ in range(2)]
    body = b"".join(inner[: chance.choice([0, 1, 1, 2, 2])])
    cut = chance.choice([0, 0, 1, 7, 30])
    return sent(chance, chance.choice(PLAYED), ext, body[: max(0, len(body) - cut)])


def large(chance: Random) -> bytes:
    size = LARGE_REGISTRATION_BYTES + chance.choice([-1, 0, 1])
    return sent(chance, chance.choice([103, 105, 904, 1]), {"topic": "a"}, bytes(size))


def pool(count: int, make: Callable[[Random], bytes]) -> list[bytes]:
    chance = Random(count)
    return [make(chance) for _ in range(count)]


def one_of(frames: list[bytes]) -> st.SearchStrategy[bytes]:
    """Any of them, whose text is not part of the strategy's own."""
    return st.integers(0, len(frames) - 1).map(lambda at: frames[at])


USUAL = one_of(pool(300, lookup) + pool(200, broker_request) + pool(200, registration))
RARE = one_of(pool(150, played) + pool(20, large))
RAW = st.builds(
    lambda header, body: frame(header[1], body, header[0]),
    HEADERS,
    one_of(VERSIONS),
)
GOOD_STREAMS = st.lists(USUAL, min_size=3, max_size=15)
STREAMS = st.lists(
    st.integers(0, 19).flatmap(
        lambda n: (
            RAW if n == 0 else edge_frames() if n == 1 else RARE if n < 5 else USUAL
        )
    ),
    min_size=1,
    max_size=8,
)
