"""A connection over tables that a test fills, and a processor that it plays."""

import zlib
from typing import Any

from namesrv.hot_path import HotCode
from namesrv.testing.peer import Answer, Broker, read_answers, request
from namesrv.wire.bodies import DataVersion
from namesrv.wire.registration_digest import registration_digest

ALL_HOT = int(HotCode.ROUTE | HotCode.HEARTBEAT | HotCode.REGISTRATION)
LEGACY_BODY = b'{"legacy":1}'
STANDARD_BODY = b'{"standard":1}'
DATA_VERSION = b'{"counter":5,"stateVersion":0,"timestamp":1700000000000}'

BROKER = Broker()


class ColdPath:
    """Plays the processor: remembers what it was asked, answers what it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bytes, bytes | None]] = []
        self.answers: list[Any] = []

    def __call__(
        self, serialize_type: int, header: bytes, body: bytes | None, *rest: Any
    ) -> bytes | None:
        self.asked.append((serialize_type, header, body))
        answer = self.answers.pop(0) if self.answers else b"<cold>"
        if isinstance(answer, Exception):
            raise answer
        return answer


class Peer:
    """A connection whose tables hold one topic and one broker."""

    def __init__(self, hot: Any, hot_codes: int = ALL_HOT) -> None:
        self.hot = hot
        self.cold = ColdPath()
        self.answers = hot.RouteAnswers(1 << 20)
        self.answers.mark("T")
        self.answers.put("T", False, LEGACY_BODY)
        self.answers.put("T", True, STANDARD_BODY)
        self.live = hot.BrokerLiveTable()
        self.path = hot.HotPath(self.answers, self.live, self.cold, 1 << 24)
        self.path.hot_codes = hot_codes
        self.connection = hot.Connection(self.path, "10.0.0.9:4000")
        self.other = hot.Connection(self.path, "10.0.0.8:4000")
        self.info = self.register()

    def register(self, broker: Broker = BROKER, body: bytes | None = None) -> Any:
        """A live broker that registered with this body from the other connection."""
        version = DataVersion(5, 0, 1_700_000_000_000)
        info = self.hot.BrokerLiveInfo(
            broker.cluster, broker.addr, broker.name, 100, version, "ha", self.other
        )
        if body is not None:
            fields = dict(registration_fields(broker, body))
            info.digest = registration_digest(479, fields, body)
            info.answer_ext_fields = "{}"
        self.live.put(info, 10)
        return info

    def send(self, *frames: bytes, now_ms: int = 1000) -> bytes:
        return self.connection.receive(b"".join(frames), now_ms)

    def answer(self, data: bytes) -> Answer | None:
        """The one answer, None when it was left to the cold path."""
        self.cold.asked.clear()
        output = self.send(data)
        if self.cold.asked:
            assert output == b"<cold>"
            return None
        (answer,) = read_answers(output)
        return answer


def registration_fields(broker: Broker, body: bytes) -> dict[str, str]:
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF)
    return {**broker.ext_fields, "bodyCrc32": checksum}


def lookup(topic: str = "T", opaque: int = 0, **more: Any) -> bytes:
    return request(105, {"topic": topic}, opaque=opaque, **more)


def heartbeat(broker: Broker = BROKER, **more: Any) -> bytes:
    return request(904, broker.ext_fields, **more)


def repeated(broker: Broker, body: bytes, **more: Any) -> bytes:
    return request(103, registration_fields(broker, body), body, **more)
