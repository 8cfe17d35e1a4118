"""Frames of requests and answers, compared with the peer kit."""

import pytest

from namesrv.client.credentials import Credentials
from namesrv.client.frames import Request, read_frame, request_frame
from namesrv.errors import AnswerInvalid
from namesrv.testing.peer.frame import frame, frame_parts
from namesrv.testing.peer.header import header_binary, header_json, read_header
from namesrv.testing.peer.request import signed


def test_request_has_its_fields_and_its_body() -> None:
    made = request_frame(Request(105, {"topic": 'T"ä'}, b"body"), 7)
    serialize_type, header, body = frame_parts(made)
    members = read_header(serialize_type, header)
    assert members == {
        "code": 105,
        "extFields": {"topic": 'T"ä'},
        "flag": 0,
        "language": "PYTHON",
        "opaque": 7,
        "serializeTypeCurrentRPC": "JSON",
        "version": 479,
    }
    assert body == b"body"
    assert int.from_bytes(made[:4]) == len(made) - 4


def test_signed_request_is_that_of_an_acl_client() -> None:
    request = Credentials("ops", "12345678").signed(Request(105, {"topic": "T"}, b"b"))
    assert request.ext_fields == signed({"topic": "T"}, b"b")


@pytest.mark.parametrize("header", [header_json, header_binary])
def test_answer_in_either_encoding(header) -> None:
    is_binary = header is header_binary
    made = frame(header(22, {"value": "v"}, opaque=3, flag=1), b"body", int(is_binary))
    answer = read_frame(made[4:])
    assert (answer.code, answer.opaque, answer.is_response) == (22, 3, True)
    assert (answer.ext_fields, answer.body) == ({"value": "v"}, b"body")


def test_header_that_is_not_strict_json_is_read_as_java_reads_it() -> None:
    made = frame(b'{\'code\':\'17\',"opaque":5,"flag":1,"remark":null,}')
    answer = read_frame(made[4:])
    assert (answer.code, answer.opaque, answer.remark) == (17, 5, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"\0\0\0\x09{}",
        b"\x07\0\0\x02{}",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02{{",
        b"\0\0\0\x04\xff\xff\xff\xff",
        b"\x01\0\0\x04abcd",
        b"\0\x00\x20\x00" + b"[" * 8192,
    ],
)
def test_damaged_frame_is_refused(data: bytes) -> None:
    with pytest.raises(AnswerInvalid):
        read_frame(data)
