"""A small processor behind the hot path, over a twin's tables and over dictionaries.

Besides the requests that the hot path knows it has some that do what handlers may do:
wait, fail, break the rules, change tables, answer much, and come back into `receive`.
"""

import json
import re
import zlib
from abc import ABC, abstractmethod
from typing import Any

from namesrv.errors import HeaderInvalid
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.wire.answer_frames import answer_frame, success_header
from namesrv.wire.bodies import DataVersion, write_data_version
from namesrv.wire.command import RemotingCommand
from namesrv.wire.registration_digest import registration_digest
from tests.parity.naive import (
    NaiveAnswers,
    NaiveConnection,
    NaiveTable,
    answer_request,
)

LATER, BREAKS_RULES, SILENT, FAILS, COMES_BACK, LONG, REMOVES, MARKS = range(1, 9)
NO_BYTES, DROPS_BROKER, OTHER_CONNECTION, REMARKS, WAITS_A_TURN = range(9, 14)
LOSES_BROKER = 14
PLAYED = range(1, 15)

Key = tuple[str, str]


def version_of_body(body: bytes, header_version: int) -> DataVersion | None:
    """A DataVersion that differs where a registration's digest differs."""
    if b"without version" in body:
        return None
    said = re.sub(rb'("mappingDataVersion":\{[^}]*"timestamp":)\d+', rb"\1", body)
    return DataVersion(len(said), header_version, zlib.crc32(said))


class PlayedServer(ABC):
    """Answers everything from what the subclass keeps."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.generations: dict[str, int] = {}
        self.marked = 0
        self.waits = False

    def process(self, command: RemotingCommand, connection: Any, now_ms: int) -> Any:
        ext = command.ext_fields or {}
        topic = ext.get("topic") or "a"
        if command.code == 105:
            return self._route(command)
        if command.code in (904, 322, 103):
            cluster, addr = ext.get("clusterName"), ext.get("brokerAddr")
            if cluster is None or addr is None:
                return self._said(command, b"no broker was named")
            key = cluster, addr
            if command.code == 904:
                self.heard_of(key, now_ms)
                return self._said(command)
            if command.code == 322:
                return self._query(command, key, now_ms)
            return self._register(command, key, connection, now_ms)
        if command.code == LATER:
            return None
        if command.code == WAITS_A_TURN:
            self.waits = not self.waits
            if self.waits:
                return Pause.TURN
        if command.code == BREAKS_RULES:
            raise HeaderInvalid("it was not liked")
        if command.code == SILENT:
            return b""
        if command.code == FAILS:
            raise RuntimeError("a handler has a bug", now_ms)
        if command.code == COMES_BACK:
            inner = connection.receive(command.body or b"", now_ms)
            return b"<" + inner + b">"
        if command.code == OTHER_CONNECTION:
            inner = self.connections[0].receive(command.body or b"", now_ms)
            return b"[" + inner + b"]"
        if command.code == LONG:
            return self._said(command, b"l" * (OUTPUT_PAUSE_BYTES - 200))
        if command.code == REMOVES:
            self.remove(topic)
        elif command.code == MARKS:
            self.mark(topic)
        elif command.code == REMARKS:
            self.forget_oldest(2)
        elif command.code == NO_BYTES:
            return "no bytes"
        elif command.code == DROPS_BROKER:
            key = ext.get("clusterName") or "", ext.get("brokerAddr") or ""
            self.drop(key)
            connection.brokers.discard(key)
        elif command.code == LOSES_BROKER:
            self.drop((ext.get("clusterName") or "", ext.get("brokerAddr") or ""))
        return self._said(command, b"done")

    def _said(
        self, command: RemotingCommand, body: bytes = b"", ext: str = ""
    ) -> bytes:
        return answer_frame(success_header(command.opaque, ext), body)

    def _route(self, command: RemotingCommand) -> bytes:
        ext = command.ext_fields or {}
        topic = ext.get("topic")
        if topic is None or ext.get("__ZONE_MODE") is not None:
            return self._said(command, b"with care")
        wish = (ext.get("acceptStandardJsonOnly") or "").lower() == "true"
        standard = command.version >= 401 or wish
        ready = self.answers.answer(topic, standard, command.opaque)
        if ready is not None:
            return ready
        body = f"{topic} {standard} {self.generations[topic]} ".encode() * 3
        self.answers.put(topic, standard, body)
        return self._said(command, body)

    def _query(self, command: RemotingCommand, key: Key, now_ms: int) -> bytes:
        stored = self.version_of(key)
        try:
            sent = json.loads(command.body or b"")
            received = DataVersion(
                sent["counter"], sent["stateVersion"], sent["timestamp"]
            )
        except (ValueError, KeyError, TypeError, UnicodeDecodeError):
            return self._said(command, b"no version")
        if stored is None:
            return self._said(command, b"", '{"changed":"unknown"}')
        self.heard_of(key, now_ms)
        changed = "false" if received == stored else "true"
        body = write_data_version(stored).encode()
        return self._said(command, body, f'{{"changed":"{changed}"}}')

    def _register(
        self, command: RemotingCommand, key: Key, connection: Any, now_ms: int
    ) -> bytes:
        ext = command.ext_fields or {}
        body = command.body or b""
        checksum = ext.get("bodyCrc32") or "0"
        if checksum != "0" and checksum != str(zlib.crc32(body) & 0x7FFFFFFF):
            return self._said(command, b"crc32 does not match")
        digest = registration_digest(command.version, ext, body)
        version = version_of_body(body, command.version)
        self.register(key, version, digest, connection, now_ms)
        return self._said(
            command, self.current_order_topic_body(), '{"masterAddr":"m"}'
        )

    def mark(self, topic: str) -> None:
        self.marked += 1
        self.generations[topic] = self.marked
        self.answers.mark(topic)

    def remove(self, topic: str) -> None:
        self.answers.remove(topic)

    def forget_oldest(self, most: int) -> None:
        self.answers.forget_oldest(most)

    def reconnect(self, number: int) -> None:
        """Another connection in the place of one that is over."""
        self.connect(f"peer {number}")
        self.connections[number] = self.connections.pop()

    # What a subclass keeps.
    answers: Any

    @abstractmethod
    def current_order_topic_body(self) -> bytes:
        """What a registration is answered with."""

    @abstractmethod
    def connect(self, address: str) -> None:
        """A new connection, at the end of the line."""

    @abstractmethod
    def version_of(self, key: Key) -> DataVersion | None:
        """That of a broker; None for none."""

    @abstractmethod
    def heard_of(self, key: Key, now_ms: int) -> None:
        """A broker is alive."""

    @abstractmethod
    def register(
        self,
        key: Key,
        version: DataVersion | None,
        digest: bytes,
        connection: Any,
        now_ms: int,
    ) -> None:
        """A broker registers."""

    @abstractmethod
    def drop(self, key: Key) -> None:
        """A broker goes."""

    @abstractmethod
    def forget_digest(self, key: Key) -> None:
        """Its next registration is looked at whole."""


class NaiveServer(PlayedServer):
    """Over dictionaries, with connections that ask for everything."""

    def __init__(self, frame_max_bytes: int, cache_bytes: int) -> None:
        super().__init__()
        self.frame_max_bytes = frame_max_bytes
        self.answers = NaiveAnswers(cache_bytes)
        self.table = NaiveTable()
        self.versions: dict[Key, DataVersion | None] = {}
        self.order_topic_body = b""
        self.turn_taken = False
        self.ever: list[NaiveConnection] = []

    def current_order_topic_body(self) -> bytes:
        return self.order_topic_body

    def connect(self, address: str) -> None:
        self.connections.append(NaiveConnection(self, address, self.frame_max_bytes))
        self.ever.append(self.connections[-1])

    def version_of(self, key: Key) -> DataVersion | None:
        return self.versions.get(key)

    def heard_of(self, key: Key, now_ms: int) -> None:
        if key in self.table.brokers:
            self.table.brokers[key][2] = now_ms

    def register(
        self, key: Key, version: Any, digest: Any, connection: Any, now_ms: int
    ):
        self.table.put(key, connection.remote_address, 100, now_ms)
        self.versions[key] = version
        self.lose(key, connection)
        connection.brokers.add(key)

    def drop(self, key: Key) -> None:
        self.table.brokers.pop(key, None)
        self.versions.pop(key, None)
        self.lose(key, None)

    def lose(self, key: Key, owner: Any) -> None:
        """No other connection has this broker any more, closed or not."""
        for connection in self.ever:
            if connection is not owner:
                connection.brokers.lose(key)

    def forget_digest(self, key: Key) -> None:
        """Nothing is recognised here."""

    def live(self) -> dict[Key, list[Any]]:
        return self.table.brokers


class TwinServer(PlayedServer):
    """Over the tables of one twin; `cold_calls` is what its hot path did not answer."""

    def __init__(self, hot: Any, frame_max_bytes: int, cache_bytes: int) -> None:
        super().__init__()
        self.twin = hot
        self.answers = hot.RouteAnswers(cache_bytes)
        self.table = hot.BrokerLiveTable()
        self.hot = hot.HotPath(
            self.answers, self.table, self.cold_path, frame_max_bytes
        )
        self.cold_calls: list[tuple[Any, ...]] = []

    def connect(self, address: str) -> None:
        self.connections.append(self.twin.Connection(self.hot, address))

    def cold_path(
        self,
        serialize_type: int,
        header: bytes,
        body: bytes | None,
        connection: Any,
        now_ms: int,
    ) -> Any:
        self.cold_calls.append(
            (serialize_type, header, body, connection.remote_address, now_ms)
        )
        return answer_request(
            self.process, serialize_type, header, body, connection, now_ms
        )

    def current_order_topic_body(self) -> bytes:
        return self.hot.order_topic_body

    def version_of(self, key: Key) -> DataVersion | None:
        info = self.table.get(*key)
        return None if info is None else info.data_version

    def heard_of(self, key: Key, now_ms: int) -> None:
        self.table.touch(*key, now_ms)

    def register(
        self, key: Key, version: Any, digest: Any, connection: Any, now_ms: int
    ):
        info = self.twin.BrokerLiveInfo(*key, "b", 100, version, None, connection)
        info.digest = digest
        info.answer_ext_fields = '{"masterAddr":"m"}'
        old = self.table.get(*key)
        self.table.put(info, now_ms)
        connection.brokers.add(key)
        if old is not None and old.owner is not connection:
            old.owner.brokers.lose(key)

    def drop(self, key: Key) -> None:
        info = self.table.remove(*key)
        if info is not None:
            info.owner.brokers.lose(key)

    def forget_digest(self, key: Key) -> None:
        info = self.table.get(*key)
        if info is not None:
            info.digest = None

    def live(self) -> dict[Key, list[Any]]:
        return {
            info.key: [
                info.epoch,
                info.owner.remote_address,
                info.last_update_timestamp,
                info.heartbeat_timeout_millis,
            ]
            for info in self.table.entries()
        }
