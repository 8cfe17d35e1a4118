"""A registration is recognised by everything that any NameServer reads of it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from namesrv.errors import BodyInvalid
from namesrv.options import Options
from namesrv.testing.peer import (
    data_version,
    mapping_info,
    registration_body,
    topic_config,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.register_body import read_register_broker_body_steps
from namesrv.wire.registration_digest import registration_digest
from namesrv.work import finish

REAL = Path(__file__).parent.parent / "golden" / "real"
FIELDS = {"brokerName": "b", "brokerId": "0", "clusterName": "c", "bodyCrc32": "1"}


def digest(
    body: bytes, fields: Mapping[str, str | None] | None = None, version: int = 479
) -> bytes:
    return registration_digest(version, FIELDS if fields is None else fields, body)


def read(body: bytes) -> Any:
    limits = BodyLimits.of(Options())
    return finish(
        read_register_broker_body_steps(body, 479, compressed=False, limits=limits)
    )


def real_registrations(name: str) -> list[tuple[dict[str, str | None], bytes]]:
    """Header fields and body of every registration in a recording of real brokers."""
    frames = json.loads((REAL / f"{name}.json").read_text())["frames"]
    sent = [frame for frame in frames if '"code":103' in frame.get("header", "")]
    return [(json.loads(f["header"])["extFields"], f["body"].encode()) for f in sent]


def without_sending_time(body: bytes) -> bytes:
    return re.sub(rb'("mappingDataVersion":[^}]*"timestamp":)[0-9]+', rb"\1", body)


@pytest.mark.parametrize(
    ("recording", "different"),
    [("acting-master-start", 1), ("acting-slave-start", 2), ("slave-start", 2)],
)
def test_real_brokers_that_repeat_themselves_are_recognised(
    recording: str, different: int
) -> None:
    sent = real_registrations(recording)
    assert len({body for _, body in sent}) == len(sent) > different
    assert len({digest(body, fields) for fields, body in sent}) == different
    assert len({without_sending_time(body) for _, body in sent}) == different


@pytest.mark.parametrize(
    "other",
    [
        registration_body(version=data_version(counter=1)),
        registration_body(version=data_version(timestamp=2)),
        registration_body(version=data_version(state_version=1)),
        registration_body({"T1": topic_config("T1"), "T2": topic_config("T2", perm=4)}),
        registration_body({"T1": topic_config("T1")}),
        registration_body(filters=["f1"]),
        registration_body(mappings={"T1": mapping_info("T1", "b")}),
        registration_body(sent_at=1).replace(b'"timestamp":1}', b'"timestamp":12}'),
        registration_body() + b" ",
        b"",
    ],
)
def test_other_bodies_differ(other: bytes) -> None:
    assert digest(other) != digest(registration_body())


@pytest.mark.parametrize("sent_at", [0, 7, 1_795_420_814_046, -1, 2**63 - 1])
def test_the_time_of_sending_does_not_count(sent_at: int) -> None:
    assert digest(registration_body(sent_at=sent_at)) == digest(registration_body())


def test_the_counter_of_the_mapping_version_counts() -> None:
    text = registration_body().decode()
    at = text.index("mappingDataVersion")
    changed = text[:at] + text[at:].replace('"counter":0', '"counter":1', 1)
    assert digest(changed.encode()) != digest(text.encode())


def test_header_fields_count_but_for_the_checksum() -> None:
    body = registration_body()
    assert digest(body, {**FIELDS, "bodyCrc32": "2"}) == digest(body)
    assert digest(body, {**FIELDS, "Signature": "2"}) == digest(body)
    without = {n: v for n, v in FIELDS.items() if n != "bodyCrc32"}
    assert digest(body, without) == digest(body)
    for changed in (
        {**FIELDS, "brokerId": "1"},
        {**FIELDS, "brokerId": None},
        {**FIELDS, "more": "x"},
        {**FIELDS, "more": None},
        {"brokerName": "b"},
        {},
    ):
        assert digest(body, changed) != digest(body)


def test_fields_are_not_glued_together() -> None:
    body = registration_body()
    assert digest(body, {"a": "b', 'c"}) != digest(body, {"a": "b", "c": "c"})
    assert digest(body, {"a": "None"}) != digest(body, {"a": None})
    assert digest(body, {"a": "\ud800"}) != digest(body, {"a": "\\ud800"})


def test_the_version_of_the_sender_counts() -> None:
    body = registration_body()
    assert digest(body, version=478) != digest(body)


def test_digest_counts_a_topic_named_like_the_timestamp() -> None:
    first, second = (
        registration_body(
            {
                "mappingDataVersion": {**topic_config("T1"), "timestamp": at},
                "T2": topic_config("T2"),
            }
        )
        for at in (1, 2)
    )
    assert digest(first) != digest(second)


@pytest.mark.parametrize(
    "layout",
    [
        lambda text: text.replace('"filterServerList":[],', ""),
        lambda text: text.replace('"filterServerList":[]', '"filterServerList": []'),
        lambda text: re.sub(r'"dataVersion":\{[^}]*\},', "", text),
        lambda text: text.replace('"stateVersion":0,"timestamp"', '"timestamp"'),
    ],
)
def test_bodies_of_another_layout_count_whole(layout: Any) -> None:
    bodies = [
        layout(registration_body(sent_at=at).decode()).encode() for at in (10, 20)
    ]
    assert digest(bodies[0]) != digest(bodies[1])


# A text in single quotes may hold everything that the place is recognised by.
HIDDEN = (
    b'{"filterServerList":[\'],"topicConfigSerializeWrapper":{"dataVersion":'
    b'{"counter":0,"stateVersion":0,"timestamp":1},"mappingDataVersion":'
    b'{"counter":0,"stateVersion":0,"timestamp":%d},"topicConfigTable":{\']}'
)


def test_a_text_that_looks_like_the_place_counts() -> None:
    assert read(HIDDEN % 1) != read(HIDDEN % 2)
    assert digest(HIDDEN % 1) != digest(HIDDEN % 2)


PIECES = [b'"', b"'", b",", b"{", b"}", b"[", b"]", b"1", b"-", b"/*", b"*/", b"\\"]
edits = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(PIECES)),
    min_size=1,
    max_size=4,
)


@given(st.sampled_from([[], ["f"], ["f", "g"]]), edits)
@example(["f"], [(24, 1, b"'"), (26, 1, b"'")])
def test_registrations_with_equal_digests_read_equal(
    filters: list[str], changes: list[tuple[int, int, bytes]]
) -> None:
    body = registration_body({}, filters=filters, sent_at=1234567)
    other = body
    for place, removed, inserted in changes:
        at = place % len(other)
        other = other[:at] + inserted + other[at + removed :]
    if digest(other) == digest(body):
        try:
            assert read(other) == read(body)
        except BodyInvalid:
            pytest.fail(f"{other!r} cannot be read, and counts as unchanged")


def test_digest_skips_only_the_timestamp() -> None:
    body = registration_body(sent_at=1234567)
    seen = {digest(body)}
    for at in range(len(body)):
        changed = body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]
        if digest(changed) in seen:
            assert body[at : at + 1].isdigit()
            assert b"1234567" in body[at - 6 : at + 7]


def run(script: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", script]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_hash_is_imported_for_the_first_registration() -> None:
    """Idle servers save its memory."""
    script = """
import sys
import namesrv.server.running.run
from namesrv.wire.registration_digest import registration_digest
print("blake3" in sys.modules, len(registration_digest(479, {}, b"{}")))
print("blake3" in sys.modules)
"""
    assert run(script).stdout == "False 20\nTrue\n"


def test_server_without_the_hash_does_not_start() -> None:
    """It would refuse all registrations."""
    script = """
import sys
sys.modules["blake3"] = None
from namesrv.cli import main
sys.exit(main(["--port", "0", "--bind", "127.0.0.1", "--no-warm-start"]))
"""
    ran = run(script)
    assert ran.returncode == 1
    text = "blake3 is not installed: install namesrv with pip, which installs it, too"
    assert ran.stderr == f"namesrv: {text}\n"
