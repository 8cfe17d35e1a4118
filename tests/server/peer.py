"""A peer of a server: frames to send, answers read, over one blocking connection."""

import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

from namesrv.codes import VERSION_V5_3_3, RequestCode

WAIT_SECONDS = 30.0
"""How long a server that lives may take on a busy machine."""
PAUSE_SECONDS = 0.02

Address = tuple[str, int]


def request(
    code: int,
    ext_fields: Mapping[str, str | None] | None = None,
    body: bytes = b"",
    *,
    opaque: int = 0,
    version: int = VERSION_V5_3_3,
    flag: int = 0,
) -> bytes:
    """A request as Java frames it."""
    header: dict[str, Any] = {
        "code": int(code),
        "flag": flag,
        "language": "JAVA",
        "opaque": opaque,
        "serializeTypeCurrentRPC": "JSON",
        "version": version,
    }
    if ext_fields is not None:
        header["extFields"] = ext_fields
    return frame(json.dumps(header).encode(), body)


def frame(header: bytes, body: bytes = b"", serialize_type: int = 0) -> bytes:
    """Any header and body as a frame."""
    mark = serialize_type << 24 | len(header)
    return struct.pack(">II", 4 + len(header) + len(body), mark) + header + body


def lookup(topic: str, opaque: int = 0, version: int = VERSION_V5_3_3) -> bytes:
    """GET_ROUTEINFO_BY_TOPIC."""
    code = RequestCode.GET_ROUTEINFO_BY_TOPIC
    return request(code, {"topic": topic}, opaque=opaque, version=version)


def put_kv(namespace: str, key: str, value: str, opaque: int = 0) -> bytes:
    """PUT_KV_CONFIG."""
    ext_fields = {"namespace": namespace, "key": key, "value": value}
    return request(RequestCode.PUT_KV_CONFIG, ext_fields, opaque=opaque)


def get_kv(namespace: str, key: str, opaque: int = 0) -> bytes:
    """GET_KV_CONFIG."""
    ext_fields = {"namespace": namespace, "key": key}
    return request(RequestCode.GET_KV_CONFIG, ext_fields, opaque=opaque)


class Broker(NamedTuple):
    """Who registers, and how."""

    addr: str
    name: str = "broker-a"
    id: int = 0
    cluster: str = "DefaultCluster"
    timeout_millis: int | None = None

    def registration(
        self,
        topics: Mapping[str, int],
        opaque: int = 0,
        padding_bytes: int = 0,
        *,
        has_checksum: bool = False,
    ) -> bytes:
        """REGISTER_BROKER of topics with their number of queues.

        `padding_bytes` are added as a member that nobody reads, to 1,000. Only with a
        checksum is a repetition recognised.
        """
        ext_fields: dict[str, str | None] = {
            "brokerAddr": self.addr,
            "brokerId": str(self.id),
            "brokerName": self.name,
            "clusterName": self.cluster,
            "compressed": "false",
            "enableActingMaster": "true",
            "haServerAddr": "127.0.0.1:10912",
        }
        if self.timeout_millis is not None:
            ext_fields["heartbeatTimeoutMillis"] = str(self.timeout_millis)
        body = self._body(topics, padding_bytes)
        if has_checksum:
            ext_fields["bodyCrc32"] = str(zlib.crc32(body) & 0x7FFFFFFF)
        return request(RequestCode.REGISTER_BROKER, ext_fields, body, opaque=opaque)

    def _body(self, topics: Mapping[str, int], padding_bytes: int) -> bytes:
        version = {"counter": 1, "stateVersion": 0, "timestamp": 1}
        table = {
            name: {
                "perm": 6,
                "readQueueNums": queues,
                "topicName": name,
                "topicSysFlag": 0,
                "writeQueueNums": queues,
            }
            for name, queues in topics.items()
        }
        wrapper = {"dataVersion": version, "topicConfigTable": table}
        body: dict[str, Any] = {
            "filterServerList": [],
            "topicConfigSerializeWrapper": wrapper,
        }
        if padding_bytes:
            # Not one long text: the lenient reader gets so much without an object.
            body["padding"] = [{"x": "x" * 1000}] * (padding_bytes // 1000)
        return json.dumps(body).encode()


LONG_NAME: Final = 4000


def long_routes(topics: Mapping[str, int], least_bytes: int) -> Iterator[bytes]:
    """Registrations after which the route of each topic has so many bytes at least."""
    for number in range(least_bytes // (2 * LONG_NAME) + 1):
        name = f"{number}".rjust(LONG_NAME, "b")
        yield Broker("127.0.0.1:1", name).registration(topics)


class Answer(NamedTuple):
    """What came back."""

    code: int
    opaque: int
    remark: str | None
    ext_fields: dict[str, str] | None
    body: bytes


def split_answers(data: bytes) -> list[Answer]:
    """The answers in `data`, which must hold whole ones only."""
    rest, answers = bytearray(data), []
    while rest:
        answers.append(_take_answer(rest))
    return answers


def _take_answer(data: bytearray) -> Answer:
    end = 4 + int.from_bytes(data[:4])
    assert len(data) >= end
    header_end = 8 + (int.from_bytes(data[4:8]) & 0xFFFFFF)
    header = json.loads(data[8:header_end])
    body = bytes(data[header_end:end])
    del data[:end]
    return Answer(
        header["code"],
        header["opaque"],
        header.get("remark"),
        header.get("extFields"),
        body,
    )


def wait_until(is_so: Callable[[], object]) -> None:
    """Return when `is_so()` is true, which it must become."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(PAUSE_SECONDS)


class Peer:
    """One connection to a server; every wait ends after `wait_seconds`."""

    def __init__(self, address: Address, wait_seconds: float = WAIT_SECONDS) -> None:
        self.socket = socket.create_connection(address, wait_seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        self.socket.sendall(b"".join(frames))

    def ask(self, frame: bytes) -> Answer:
        """Send one request and wait for its answer."""
        self.send(frame)
        return self.read_answer()

    def read_answer(self) -> Answer:
        """The next answer. Raises ConnectionError when the connection ends first."""
        self._fill(4)
        self._fill(4 + int.from_bytes(self._input[:4]))
        return _take_answer(self._input)

    def read_answers(self, count: int) -> list[Answer]:
        """So many answers."""
        return [self.read_answer() for _ in range(count)]

    def read_to_end(self) -> bytes:
        """Whatever comes until the server closes the connection."""
        while self._more():
            pass
        return bytes(self._input)

    def finish(self) -> None:
        """Send no more: FIN."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End with a RST, so that nothing of the connection lingers on either side."""
        if self.socket.fileno() < 0:
            return
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def _fill(self, size: int) -> None:
        while len(self._input) < size:
            if not self._more():
                raise ConnectionError("the server closed the connection")

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            return False
        self._input += data
        return bool(data)
