"""The hot path by the words of its docstrings, slow and without any hot path: what
both twins are held against besides each other."""

import json
from typing import Any

from namesrv.carried_brokers import CarriedBrokers
from namesrv.errors import (
    ConnectionFault,
    FrameTooLong,
    FrameTooShort,
    HeaderTooLong,
    SerializeTypeUnknown,
)
from namesrv.hot_path import (
    LARGE_REGISTRATION_BYTES,
    OUTPUT_PAUSE_BYTES,
    Pause,
    check_bytes,
)
from namesrv.wire.answer_frames import answer_frame, success_header
from namesrv.wire.command import RemotingCommand, decode_command

MISSING = (
    "No topic route info in name server for the topic: {}\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)


class NaiveDecoder:
    """All bytes in one object, and the frame that came last."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = b""
        self.last: bytes | None = None

    def feed(self, piece: bytes) -> None:
        self.data += piece
        self.last = None

    def next_frame(self) -> tuple[int, bytes, bytes | None] | None:
        data = self.data
        length = int.from_bytes(data[:4])
        if len(data) >= 4 and length + 4 > self.limit:
            raise FrameTooLong(length, self.limit)
        if len(data) >= 4 and length < 4:
            raise FrameTooShort(length)
        if len(data) < 4 or len(data) < 4 + length:
            if not data:
                self.last = None
            return None
        header_length = int.from_bytes(data[5:8])
        if header_length > length - 4:
            raise HeaderTooLong(header_length, length)
        if data[4] > 1:
            raise SerializeTypeUnknown(data[4])
        whole, self.data = data[: 4 + length], data[4 + length :]
        self.last = whole
        body = whole[8 + header_length :]
        return whole[4], whole[8 : 8 + header_length], body or None

    def put_back(self) -> None:
        if self.last is not None:
            self.data, self.last = self.last + self.data, None


class NaiveAnswers:
    """topic -> {dialect: body}, and which topics were answered, the oldest first."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.topics: dict[str, dict[bool, bytes]] = {}
        self.order: list[str] = []

    def mark(self, topic: str) -> None:
        self.topics[topic] = {}
        self.order = [other for other in self.order if other != topic]

    def remove(self, topic: str) -> None:
        self.mark(topic)
        del self.topics[topic]

    def forget_oldest(self, most: int) -> None:
        for topic in self.order[:most]:
            self.mark(topic)

    def put(self, topic: str, standard: bool, body: bytes) -> None:
        if topic not in self.topics or len(body) > self.max_bytes:
            return
        self.topics[topic][standard] = body
        if topic not in self.order:
            self.order.append(topic)
        while self.kept_bytes > self.max_bytes:
            self.mark(self.order[0])

    @property
    def kept_bytes(self) -> int:
        return sum(
            map(len, {b for kept in self.topics.values() for b in kept.values()})
        )

    def answer(self, topic: str, standard: bool, opaque: int) -> bytes | None:
        if topic not in self.topics:
            # A lone surrogate cannot be sent, and becomes a question mark.
            sendable = "".join("?" if "\ud800" <= c <= "\udfff" else c for c in topic)
            remark = json.dumps(MISSING.format(sendable), ensure_ascii=False)
            header = (
                '{"code":17,"flag":1,"language":"JAVA",'
                f'"opaque":{opaque},"remark":{remark},'
                '"serializeTypeCurrentRPC":"JSON","version":479}'
            )
            return answer_frame(header.encode(), b"")
        body = self.topics[topic].get(standard)
        return None if body is None else answer_frame(success_header(opaque), body)


class NaiveTable:
    """key -> [epoch, owner, heard of, timeout]."""

    def __init__(self) -> None:
        self.brokers: dict[tuple[str, str], list[Any]] = {}
        self.epoch = 0

    def put(self, key: tuple[str, str], owner: Any, timeout: int, now_ms: int) -> None:
        self.epoch += 1
        self.brokers[key] = [self.epoch, owner, now_ms, timeout]

    def expired(self, now_ms: int) -> list[tuple[str, str]]:
        return sorted(
            key
            for key, (_, _, heard, limit) in self.brokers.items()
            if now_ms - heard > limit
        )


class NaiveConnection:
    """Reads every header in full and asks `server.process` for every answer."""

    def __init__(self, server: Any, remote_address: str, limit: int) -> None:
        self.server = server
        self.remote_address = remote_address
        self.decoder = NaiveDecoder(limit)
        self.pause: int = Pause.NONE
        self.fault: ConnectionFault | None = None
        self.finished = False
        self.brokers = CarriedBrokers()

    def receive(self, data: bytes, now_ms: int) -> bytes:
        if self.fault is not None:
            return b""
        self.decoder.feed(data)
        return b"" if self.pause else self._run(b"", now_ms)

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        if self.fault is not None:
            return b""
        self.pause = Pause.NONE
        return self._run(answer, now_ms)

    def finish(self) -> None:
        self.finished = True

    def _run(self, output: bytes, now_ms: int) -> bytes:
        try:
            while not self.pause:
                frame = self.decoder.next_frame()
                if frame is None:
                    break
                output += self._handle(*frame, now_ms)
                if len(output) >= OUTPUT_PAUSE_BYTES and not self.pause:
                    self.pause = Pause.OUTPUT
        except ConnectionFault as fault:
            self.fault = fault
        return output

    def _handle(
        self, serialize_type: int, header: bytes, body: bytes | None, now_ms: int
    ) -> bytes:
        if len(body or b"") >= LARGE_REGISTRATION_BYTES:
            self.pause = Pause.TURN
            if self.server.turn_taken:
                self.decoder.put_back()
                return b""
            self.server.turn_taken = True
        answer = answer_request(
            self.server.process, serialize_type, header, body, self, now_ms
        )
        if answer is None:
            self.pause = Pause.LATER
            return b""
        if answer is Pause.TURN:
            self.pause = Pause.TURN
            self.decoder.put_back()
            return b""
        check_bytes("answer", answer)
        return answer


def answer_request(
    process: Any,
    serialize_type: int,
    header: bytes,
    body: bytes | None,
    connection: Any,
    now_ms: int,
) -> Any:
    """What a processor does around its handlers."""
    command: RemotingCommand = decode_command(serialize_type, header, body)
    if command.is_response:
        return b""
    answer = process(command, connection, now_ms)
    return b"" if command.is_oneway and isinstance(answer, bytes) else answer
