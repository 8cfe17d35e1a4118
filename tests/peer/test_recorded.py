"""The peer kit against recorded bytes of Java brokers, clients and servers.

Nothing here asks namesrv: a mistake in both would agree.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from namesrv.testing.peer import (
    BINARY,
    Answer,
    Broker,
    Request,
    binary_request,
    data_version,
    deflated_body,
    frame,
    frame_parts,
    json_text,
    lookup,
    mapping_info,
    read_answers,
    read_header,
    read_json,
    read_route,
    registration,
    registration_body,
    split_frames,
    take_frame,
    topic_config,
)

GOLDEN: Final = Path(__file__).parent.parent / "golden"


def real_frames(direction: str) -> Iterator[bytes]:
    """All frames of real peers: `>` to a Java server, `<` from it."""
    for path in sorted(GOLDEN.glob("real/*.json")):
        for one in json.loads(path.read_text())["frames"]:
            if one.get("dir") == direction and one.get("b64"):
                yield base64.b64decode(one["b64"])


def real_requests(code: int) -> list[bytes]:
    """Real requests with this code."""
    return [data for data in real_frames(">") if Answer(data).code == code]


def step(transcript: str, note: str) -> tuple[bytes, bytes]:
    """The recorded request and answer of a step."""
    content = json.loads((GOLDEN / f"transcripts/{transcript}.json").read_text())
    (found,) = [one for one in content["steps"] if one.get("note") == note]
    return (
        base64.b64decode(found["request_b64"]),
        base64.b64decode(found["response_b64"]),
    )


def rewritten(data: bytes, *, binary: bool = False) -> bytes:
    """The kit's frame of the request that it read in `data`."""
    serialize_type, header, body = frame_parts(data)
    members = read_header(serialize_type, header)
    request = Request(
        members["code"],
        members.get("extFields"),
        body,
        members["version"],
        members["flag"],
    )
    return request.frame(members["opaque"], binary=binary)


def test_real_requests_are_rewritten_to_the_same_bytes() -> None:
    requests = list(real_frames(">"))
    assert len(requests) > 100
    assert [rewritten(data) for data in requests] == requests


def test_recorded_binary_requests_are_rewritten_to_the_same_bytes() -> None:
    data, _ = step("binary_responses", "register master")
    assert data[4] == BINARY and rewritten(data, binary=True) == data
    assert step("binary_requests", "105")[0] == binary_request(
        105, {"topic": "X"}, opaque=1
    )


def rewritten_body(body: bytes) -> bytes:
    """The kit's body of the registration that is in the JSON of `body`."""
    content = read_json(body)
    wrapper: dict[str, Any] = content["topicConfigSerializeWrapper"]
    return registration_body(
        wrapper["topicConfigTable"],
        version=wrapper["dataVersion"],
        mappings=wrapper["topicQueueMappingInfoMap"],
        filters=content["filterServerList"],
        sent_at=wrapper["mappingDataVersion"]["timestamp"],
    )


def test_real_registration_bodies_are_rewritten_to_the_same_bytes() -> None:
    bodies = [frame_parts(data)[2] for data in real_requests(103)]
    plain = [body for body in bodies if body.startswith(b"{")]
    # Brokers write the numbers of a currIdMap without quotes, the kit with them.
    static = [body for body in plain if b'"currIdMap"' in body]
    assert (len(plain), len(static)) == (43, 2)
    for body in plain:
        ours = rewritten_body(body)
        assert read_json(ours) == read_json(body)
        assert body in static or ours == body


def test_real_deflated_body_is_rewritten_to_the_same_bytes() -> None:
    bodies = [frame_parts(data)[2] for data in real_requests(103)]
    deflated = next(body for body in bodies if body and not body.startswith(b"{"))
    lines = re.findall(
        rb"[A-Za-z][\w-]+ \d+ \d+ \d SINGLE_TAG {}", zlib.decompress(deflated)
    )
    version = data_version(0, 1_795_421_045_383)
    texts = [line.decode() for line in lines]
    assert len(lines) == 12
    assert deflated_body(texts, version=version, mappings=()) == deflated


def test_parts_of_a_registration_are_those_of_a_real_one() -> None:
    content = json.loads(frame_parts(real_requests(103)[0])[2])
    wrapper = content["topicConfigSerializeWrapper"]
    topic = "RMQ_SYS_TRANS_HALF_TOPIC"
    assert wrapper["topicConfigTable"][topic] == topic_config(topic, 1)
    version = wrapper["dataVersion"]
    assert version == data_version(0, version["timestamp"], 0)


def test_registration_has_the_bytes_of_a_real_one() -> None:
    data = real_requests(103)[0]
    real = Answer(data)
    fields = real.ext_fields or {}
    broker = Broker(
        fields["brokerName"],
        int(fields["brokerId"]),
        fields["brokerAddr"],
        fields["clusterName"],
        int(fields["heartbeatTimeoutMillis"]),
    )
    ext = {
        "enableActingMaster": fields["enableActingMaster"],
        "haServerAddr": fields["haServerAddr"],
    }
    assert registration(broker, real.body, ext=ext, opaque=real.opaque) == data


def test_deflated_bodies_are_the_recorded_ones() -> None:
    version = data_version(5, 1_700_000_000_000)
    mapping = {**mapping_info("st", "b1"), "currIdMap": {"0": 0, "1": 3}}
    mapping["epoch"] = 1_650_000_000_000
    lines = ["C1 8 8 6 SINGLE_TAG {}"]
    lines += ['%RETRY%g 1 1 6 SINGLE_TAG {"+message.type":"NORMAL"}']
    ours = deflated_body(lines, version=version, mappings=[json_text(mapping)])
    recorded, _ = step("register_compressed", "5.x form with one mapping")
    assert zlib.decompress(ours) == zlib.decompress(frame_parts(recorded)[2])

    lines = ["D1 8 8 6 SINGLE_TAG", "D2 4 4 6 MULTI_TAG"]
    ours = deflated_body(lines, version=data_version(1, 1_700_000_000_000))
    recorded, _ = step("register_compressed", "4.9 form")
    assert zlib.decompress(ours) == zlib.decompress(frame_parts(recorded)[2])


def test_real_answers_are_read() -> None:
    answers = list(map(Answer, real_frames("<")))
    assert {answer.code for answer in answers} == {0, 1, 16, 17, 22}
    refused = next(answer for answer in answers if answer.code == 16)
    assert refused.remark == "Can not update config in black list."
    assert (refused.serialize_type, refused.ext_fields, refused.body) == (0, None, b"")


def test_answers_with_binary_headers_are_read() -> None:
    request, data = step("binary_responses", "206 binary")
    (answer,) = read_answers(data)
    assert answer.serialize_type == BINARY
    assert (answer.code, answer.opaque) == (0, Answer(request).opaque)
    assert answer.remark is None and answer.json == {"topicList": []}


def test_real_route_is_read() -> None:
    route = next(
        read_route(answer.body)
        for answer in map(Answer, real_frames("<"))
        if b'"broker-am"' in answer.body and b"brokerDatas" in answer.body
    )
    assert route.addresses == {"broker-am": {1: "127.0.0.1:30070"}}
    assert route.queues["broker-am"]["perm"] == 1


def test_numeric_keys_may_stand_without_quotes() -> None:
    text = rb'{"brokerAddrs":{0:"a:1",-1:"{2:\"b\","},"n":[{10:1}]}'
    assert read_json(text) == {
        "brokerAddrs": {"0": "a:1", "-1": '{2:"b",'},
        "n": [{"10": 1}],
    }


def test_frames_are_taken_apart_and_cut_frames_refused() -> None:
    data = lookup("T", 1) + frame(b"h", b"b", 1)
    assert [frame_parts(one)[0] for one in split_frames(data)] == [0, 1]
    with pytest.raises(ValueError, match="cut off"):
        list(split_frames(data[:-1]))
    received = bytearray()
    taken = []
    for number in range(len(data)):
        received += data[number : number + 1]
        if (one := take_frame(received)) is not None:
            taken.append(one)
    assert b"".join(taken) == data and len(taken) == 2 and not received
