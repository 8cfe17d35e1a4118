"""Bytes as brokers, clients and servers send them.

Written from docs/protocol.md, chapters 1 and 2, for tests, benchmarks and the
simulator. It imports nothing else of namesrv: a mistake in `wire` cannot hide by being
made on both sides.
"""

from namesrv.testing.peer.answer import Answer, read_answers
from namesrv.testing.peer.broker import Broker, registration, registration_fields
from namesrv.testing.peer.connection import (
    WAIT_SECONDS,
    Address,
    Peer,
    wait_until,
)
from namesrv.testing.peer.frame import frame, frame_parts, split_frames, take_frame
from namesrv.testing.peer.header import (
    BINARY,
    LEGACY,
    NEWEST,
    V4_9,
    ExtFields,
    header_binary,
    header_json,
    read_header,
)
from namesrv.testing.peer.json_text import Json, json_bytes, json_text, read_json
from namesrv.testing.peer.registration import (
    block,
    blocks,
    data_version,
    deflated_body,
    mapping_info,
    packed_body,
    queue_data,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.testing.peer.request import (
    Request,
    binary_request,
    get_kv,
    lookup,
    put_kv,
    request,
    signed,
)
from namesrv.testing.peer.route import Route, read_route

__all__ = [
    "Address",
    "Answer",
    "BINARY",
    "Broker",
    "ExtFields",
    "Json",
    "LEGACY",
    "NEWEST",
    "Peer",
    "Request",
    "Route",
    "V4_9",
    "WAIT_SECONDS",
    "binary_request",
    "block",
    "blocks",
    "data_version",
    "deflated_body",
    "frame",
    "frame_parts",
    "get_kv",
    "header_binary",
    "header_json",
    "json_bytes",
    "json_text",
    "lookup",
    "mapping_info",
    "packed_body",
    "put_kv",
    "queue_data",
    "read_answers",
    "read_header",
    "read_json",
    "read_route",
    "registration",
    "registration_body",
    "registration_fields",
    "request",
    "signed",
    "split_frames",
    "take_frame",
    "topic_config",
    "topic_table",
    "wait_until",
]
