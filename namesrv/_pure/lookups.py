"""Lookups (105) that need no turn of the loop: bytes in, bytes out, and a verdict.

A lane answers only requests that are simple, and whose answer is ready: whole frames
with a lookup of a topic that has a kept body or no route. The loop answers all others.
So a lane has no rule of its own about limits, budgets or faults.
"""

from typing import Final

from namesrv._pure.head import read_head
from namesrv._pure.hot_path import HotPath
from namesrv.codes import (
    FLAG_ONEWAY,
    FLAG_RESPONSE,
    VERSION_V4_9_4,
    ZONE_MODE,
    RequestCode,
)
from namesrv.hot_path import (
    ANY_VERSION,
    LONGEST_LOOKUP_HEADER_BYTES,
    LONGEST_LOOKUP_PART_BYTES,
    MOST_LANE_SAMPLES,
    OUTPUT_PAUSE_BYTES,
    Head,
    HotCode,
    Verdict,
    check_bytes,
    check_instance,
    check_size,
)
from namesrv.wire.answer_frames import (
    answer_frame,
    success_header,
    topic_not_exist_header,
)

_LENGTH_BYTES: Final = 4
_PREFIX_BYTES: Final = 8

# In place of the bytes of a frame.
_PART: Final = 0
_UNUSUAL: Final = -1


class Lookups:
    """The lookups of all connections of one lane; `hot` is the state that lanes share.

    `verdict` follows from the last call of `receive`, `rest` is the input that it did
    not answer. The first `asked` bytes of the rest are lookups that the loop has to
    answer (ASK). `client_version` is that of the last lookup, ANY_VERSION without one;
    `samples` are lookups of unknown topics that were wanted (`sample_unknown`), as
    pairs of serialize type and header.

    Counted are `hits` and `unknown` as in RouteAnswers, and the bytes of requests and
    answers, `received_bytes` and `sent_bytes`.
    """

    __slots__ = (
        "_hot",
        "_longest_header",
        "_sample_stride",
        "_samples_left",
        "_until_sample",
        "asked",
        "client_version",
        "hits",
        "received_bytes",
        "rest",
        "samples",
        "sent_bytes",
        "unknown",
        "verdict",
    )

    def __init__(self, hot: HotPath) -> None:
        check_instance("hot", hot, HotPath)
        self._hot = hot
        self._longest_header = min(
            LONGEST_LOOKUP_HEADER_BYTES,
            hot.header_max_bytes,
            hot.frame_max_bytes - _PREFIX_BYTES,
        )
        self.hits = self.unknown = self.received_bytes = self.sent_bytes = 0
        self._samples_left = self._until_sample = self._sample_stride = 0
        self.client_version: int = ANY_VERSION
        self.verdict: int = Verdict.GO_ON
        self.rest = b""
        self.asked = 0
        self.samples: list[tuple[int, bytes]] = []

    def sample_unknown(self, most: int, stride: int) -> None:
        """Want every `stride`-th lookup of an unknown topic from now on, until there
        are `most`."""
        self._samples_left = check_size("most", most)
        self._sample_stride = max(check_size("stride", stride), 1)
        self._until_sample = self._sample_stride

    def receive(self, data: bytes) -> bytes:
        """Answer lookups; the bytes to send. The data begin with the rest of the last
        read."""
        check_bytes("data", data)
        output: list[bytes] = []
        self.client_version = ANY_VERSION
        self.samples = []
        answered, self.verdict = self._answer(data, output)
        self.rest = data[answered:]
        self.asked = self._to_ask(self.rest) if self.verdict == Verdict.ASK else 0
        answers = b"".join(output)
        self.received_bytes += answered
        self.sent_bytes += len(answers)
        return answers

    def _answer(self, data: bytes, output: list[bytes]) -> tuple[int, int]:
        """The bytes of the requests that were answered, and the verdict."""
        is_gated = not self._hot.hot_codes & HotCode.ROUTE
        place = size = 0
        while size < OUTPUT_PAUSE_BYTES:
            found, head = self._view(data, place)
            if head is None:
                is_over = found == _UNUSUAL
                if is_over or len(data) - place > LONGEST_LOOKUP_PART_BYTES:
                    return place, Verdict.HAND_OVER
                return place, Verdict.GO_ON
            before = self.unknown
            answer = None if is_gated else self._answer_one(head)
            if answer is None:
                return place, Verdict.ASK
            self.client_version = head.version
            if self.unknown > before and self._is_sample():
                header = data[place + _PREFIX_BYTES : place + found]
                self._note_sample(data[place + _LENGTH_BYTES], header)
            output.append(answer)
            size += len(answer)
            place += found
        return place, Verdict.PAUSE

    def _to_ask(self, rest: bytes) -> int:
        """The bytes of all plain lookups that come first."""
        place = 0
        while True:
            found, head = self._view(rest, place)
            if head is None:
                return place
            self.client_version = head.version
            place += found

    def _view(self, data: bytes, place: int) -> tuple[int, Head | None]:
        """The bytes of a frame and its head if it is a plain lookup; else _PART or
        _UNUSUAL."""
        found = _frame_bytes(data, place, self._longest_header)
        if found <= 0:
            return found, None
        header = data[place + _PREFIX_BYTES : place + found]
        head = read_head(data[place + _LENGTH_BYTES], header)
        if head is None or head.flag & FLAG_RESPONSE:
            return _UNUSUAL, None
        fields = head.ext_fields or {}
        if head.code != RequestCode.GET_ROUTEINFO_BY_TOPIC:
            return _UNUSUAL, None
        if fields.get("topic") is None or fields.get(ZONE_MODE) is not None:
            return _UNUSUAL, None
        return found, head

    def _answer_one(self, head: Head) -> bytes | None:
        """The answer, empty for a request that wants none; None if it is not ready."""
        fields = head.ext_fields or {}
        topic = fields.get("topic") or ""
        wish = fields.get("acceptStandardJsonOnly") or ""
        standard = head.version >= VERSION_V4_9_4 or wish.lower() == "true"
        is_known, body = self._hot.route_answers._find_ready(topic, standard)
        if is_known and body is None:
            return None
        if is_known:
            self.hits += 1
        else:
            self.unknown += 1
        if head.flag & FLAG_ONEWAY:
            return b""
        if body is None:
            return answer_frame(topic_not_exist_header(topic, head.opaque), b"")
        return answer_frame(success_header(head.opaque), body)

    def _is_sample(self) -> bool:
        """Whether this lookup of an unknown topic is wanted."""
        if self._samples_left == 0:
            return False
        self._until_sample -= 1
        return self._until_sample <= 0 and len(self.samples) < MOST_LANE_SAMPLES

    def _note_sample(self, serialize_type: int, header: bytes) -> None:
        self.samples.append((serialize_type, header))
        self._samples_left -= 1
        self._until_sample = self._sample_stride


def _frame_bytes(data: bytes, place: int, longest_header: int) -> int:
    """Bytes of a frame that is whole, has a header and nothing else; _PART while it is
    not whole, _UNUSUAL as soon as it is another one."""
    available = len(data) - place
    if available < _LENGTH_BYTES:
        # The first byte of other protocols is no 0; a wait for more is the loop's.
        return _UNUSUAL if data[place : place + 1] > b"\0" else _PART
    header_start = place + _PREFIX_BYTES
    header_length = int.from_bytes(data[place : place + 4]) - _LENGTH_BYTES
    if not 0 <= header_length <= longest_header:
        return _UNUSUAL
    if available < _PREFIX_BYTES:
        return _PART
    if data[place + _LENGTH_BYTES] > 1:
        return _UNUSUAL
    if int.from_bytes(data[place + 5 : header_start]) != header_length:
        return _UNUSUAL
    if available < _PREFIX_BYTES + header_length:
        return _PART
    return _PREFIX_BYTES + header_length
