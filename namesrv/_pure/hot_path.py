"""The state of the hot path that all connections share."""

import re
from collections.abc import Mapping
from typing import Final

from namesrv._pure.live_table import BrokerLiveTable
from namesrv._pure.route_answers import RouteAnswers
from namesrv.hot_path import (
    DEFAULT_HEADER_MAX_BYTES,
    ColdPath,
    HotCode,
    UnknownTopicSample,
    check_instance,
    check_size,
)
from namesrv.wire.body_checksum import body_checksum
from namesrv.wire.registration_digest import registration_digest

_CRC32_FIELD: Final = re.compile(r"[1-9][0-9]{0,9}")


class HotPath:
    """Shared by all connections: the tables, the mask, and the way to the processor.

    `hot_codes` is a HotCode mask; `order_topic_body` is the body of every answer to a
    registration, empty for none; `turn_taken` is set by a large registration in this
    turn of the loop (the server resets it).

    `digest` is that of the registration which goes to the cold path now, None unless
    its connection has computed it; the checksum matched then. The cold path takes it.

    Some lookups of unknown topics are kept as samples (`sample_unknown`).

    The connections count, from the start on: `received_bytes` and `sent_bytes` (inside
    TLS), and the requests that they answered themselves: `heartbeats` (904),
    `version_queries` (322) and `unchanged_registrations` (103). Lookups are counted by
    `route_answers`.
    """

    __slots__ = (
        "_sample_stride",
        "_samples",
        "_samples_left",
        "cold_path",
        "digest",
        "frame_max_bytes",
        "header_max_bytes",
        "heartbeats",
        "hot_codes",
        "live_table",
        "order_topic_body",
        "received_bytes",
        "route_answers",
        "sent_bytes",
        "turn_taken",
        "unchanged_registrations",
        "version_queries",
    )

    def __init__(
        self,
        route_answers: RouteAnswers,
        live_table: BrokerLiveTable,
        cold_path: ColdPath,
        frame_max_bytes: int,
        header_max_bytes: int = DEFAULT_HEADER_MAX_BYTES,
    ) -> None:
        check_instance("route_answers", route_answers, RouteAnswers)
        check_instance("live_table", live_table, BrokerLiveTable)
        self.route_answers = route_answers
        self.live_table = live_table
        self.cold_path = cold_path
        self.frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self.header_max_bytes = check_size("header_max_bytes", header_max_bytes)
        self.hot_codes: int = HotCode.NONE
        self.order_topic_body = b""
        self.turn_taken = False
        self.digest: bytes | None = None
        self.received_bytes = self.sent_bytes = 0
        self.heartbeats = self.version_queries = self.unchanged_registrations = 0
        self._samples: list[UnknownTopicSample] = []
        self._samples_left = 0
        self._sample_stride = 1

    def repeats(
        self,
        known: bytes,
        version: int,
        ext_fields: Mapping[str, str | None],
        body: bytes | memoryview | None,
    ) -> bool:
        """Whether a registration repeats one with the `known` digest.

        If only its digest is another one, the cold path gets that.
        """
        checksum = ext_fields.get("bodyCrc32") or ""
        if body is None or not _CRC32_FIELD.fullmatch(checksum):
            return False
        if int(checksum) != body_checksum(body):
            return False
        digest = registration_digest(version, ext_fields, body)
        if digest == known:
            return True
        self.digest = digest
        return False

    def take_digest(self) -> bytes | None:
        """`digest`, once."""
        digest, self.digest = self.digest, None
        return digest

    def sample_unknown(self, most: int, stride: int) -> None:
        """Keep every `stride`-th lookup of an unknown topic from now on, until there
        are `most`."""
        self._samples_left = check_size("most", most)
        self._sample_stride = max(check_size("stride", stride), 1)
        self._plan_sample()

    def note_unknown(
        self, serialize_type: int, header: bytes, remote_address: str
    ) -> None:
        """Keep a lookup that is wanted as a sample, and plan the next one."""
        self._samples.append(UnknownTopicSample(serialize_type, header, remote_address))
        self._samples_left -= 1
        self._plan_sample()

    def take_samples(self) -> list[UnknownTopicSample]:
        """The samples since the last call, oldest first."""
        samples, self._samples = self._samples, []
        return samples

    def _plan_sample(self) -> None:
        stride = self._sample_stride if self._samples_left > 0 else -1
        self.route_answers.sample_after(stride)
