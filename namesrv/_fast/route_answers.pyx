"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing says which topics have a route (`mark`) and which have none (`remove`); whoever
makes an answer's body puts it in. Bodies are kept within a budget of bytes, the topics
that were answered first go first. A topic that nobody marked gets code 17, which is
built and never stored.
"""

from collections import OrderedDict

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size

from namesrv._fast.output cimport (
    Output,
    append,
    append_int,
    patch_big_endian,
    reserve,
)
from namesrv._fast.text_map cimport TextMap

from namesrv.hot_path import (
    check_bool,
    check_bytes,
    check_int32,
    check_size,
    check_text,
)
from namesrv.wire.answer_frames import (
    answer_frame,
    success_header,
    topic_not_exist_header,
)

cdef tuple _NO_BODIES = (None, None)

# The constant parts of the two headers, cut out of what wire.answer_frames makes.
cdef str _OPAQUE = "31415926"
cdef list _found = success_header(int(_OPAQUE)).split(_OPAQUE.encode())
cdef bytes FOUND_START = _found[0]
cdef bytes FOUND_END = _found[1]
cdef str _TOPIC = "%TOPIC%"
cdef list _missing = topic_not_exist_header(_TOPIC, int(_OPAQUE)).split(
    _OPAQUE.encode()
)
cdef bytes MISSING_START = _missing[0]
cdef list _remark = _missing[1].split(_TOPIC.encode())
cdef bytes MISSING_REMARK = _remark[0]
cdef bytes MISSING_END = _remark[1]

cdef enum:
    FRAME_PREFIX_BYTES = 8
    MOST_DIGITS = 20


cdef inline void _append_constant(Output* output, bytes constant) noexcept:
    append(output, PyBytes_AsString(constant), PyBytes_Size(constant))


cdef int _append_whole(Output* output, bytes frame) except -1:
    reserve(output, PyBytes_Size(frame))
    _append_constant(output, frame)
    return 1


cdef class RouteAnswers:
    """Ready answers by topic; `max_bytes` bounds the bodies that are kept.

    `standard` chooses the dialect with quoted numeric keys (section 1.8).
    """

    def __init__(self, max_bytes):
        self._max_bytes = check_size("max_bytes", max_bytes)
        self._kept_bytes = 0
        self._topics = TextMap()
        self._kept = OrderedDict()

    def __len__(self):
        return len(self._topics)

    @property
    def kept_bytes(self):
        """Bytes of all bodies that are kept."""
        return self._kept_bytes

    def mark(self, topic):
        """The topic has a route, and whatever was answered before is out of date."""
        cdef void* bodies
        check_text("topic", topic)
        bodies = self._topics.find_texts(topic, "")
        if bodies != <void*>_NO_BODIES:
            self._forget(topic)
            self._topics.put(topic, "", _NO_BODIES)

    def remove(self, topic):
        """The topic has no route any more."""
        check_text("topic", topic)
        self._forget(topic)
        self._topics.pop(topic, "")

    def forget_bodies(self):
        """Everything answered so far is out of date; the topics stay."""
        for topic in list(self._kept):
            self.mark(topic)

    def put(self, topic, standard, body):
        """Keep the body of a marked topic's answer, if the budget has room for it."""
        cdef void* bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_bytes("body", body)
        bodies = self._topics.find_texts(topic, "")
        if bodies == NULL or len(body) > self._max_bytes:
            return
        legacy_body, standard_body = <tuple>bodies
        old = standard_body if standard else legacy_body
        new = (legacy_body, body) if standard else (body, standard_body)
        self._topics.put(topic, "", new)
        self._kept[topic] = None
        self._kept_bytes += len(body) - len(old or b"")
        while self._kept_bytes > self._max_bytes:
            self.mark(next(iter(self._kept)))

    def answer(self, topic, standard, opaque):
        """The whole answer frame; None when somebody must make the body first."""
        cdef void* bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_int32("opaque", opaque)
        bodies = self._topics.find_texts(topic, "")
        if bodies == NULL:
            return answer_frame(topic_not_exist_header(topic, opaque), b"")
        body = (<tuple>bodies)[1 if standard else 0]
        return None if body is None else answer_frame(success_header(opaque), body)

    cdef int append_answer(
        self,
        Output* output,
        const unsigned char* topic,
        Py_ssize_t length,
        bint standard,
        int opaque,
    ) except -1:
        """As `answer` for a printable ASCII topic; 0 when there is no body yet."""
        cdef void* bodies = self._topics.find(topic, length, NULL, 0)
        cdef Py_ssize_t start = output.length
        cdef Py_ssize_t header_length
        cdef Py_ssize_t body_length = 0
        cdef Py_ssize_t i
        if bodies == NULL:
            for i in range(length):
                if topic[i] == 34 or topic[i] == 92:
                    # A quote or a backslash, which JSON escapes.
                    text = PyBytes_FromStringAndSize(<const char*>topic, length)
                    header = topic_not_exist_header(text.decode("ascii"), opaque)
                    return _append_whole(output, answer_frame(header, b""))
            reserve(
                output,
                FRAME_PREFIX_BYTES
                + PyBytes_Size(MISSING_START)
                + PyBytes_Size(MISSING_REMARK)
                + PyBytes_Size(MISSING_END)
                + length
                + MOST_DIGITS,
            )
            output.length += FRAME_PREFIX_BYTES
            _append_constant(output, MISSING_START)
            append_int(output, opaque)
            _append_constant(output, MISSING_REMARK)
            append(output, <const char*>topic, length)
            _append_constant(output, MISSING_END)
            header_length = output.length - start - FRAME_PREFIX_BYTES
        else:
            body = (<tuple>bodies)[1 if standard else 0]
            if body is None:
                return 0
            body_length = PyBytes_Size(body)
            reserve(
                output,
                FRAME_PREFIX_BYTES
                + PyBytes_Size(FOUND_START)
                + PyBytes_Size(FOUND_END)
                + body_length
                + MOST_DIGITS,
            )
            output.length += FRAME_PREFIX_BYTES
            _append_constant(output, FOUND_START)
            append_int(output, opaque)
            _append_constant(output, FOUND_END)
            header_length = output.length - start - FRAME_PREFIX_BYTES
            append(output, PyBytes_AsString(body), body_length)
        patch_big_endian(output, start, <unsigned int>(4 + header_length + body_length))
        patch_big_endian(output, start + 4, <unsigned int>header_length)
        return 1

    cdef int _forget(self, str topic) except -1:
        cdef void* bodies = self._topics.find_texts(topic, "")
        if bodies != NULL:
            for body in <tuple>bodies:
                if body is not None:
                    self._kept_bytes -= len(body)
        self._kept.pop(topic, None)
        return 0
