"""Whole answer frames, appended to an output.

Compiled only. The constant parts are cut out of frames of `wire.answer_frames`, so
that each text exists once. Each function returns 0 if memory is refused; the output
may then end with a part of a frame.
"""

from namesrv._fast.output cimport (
    Constant,
    Output,
    append,
    append_constant,
    append_int,
    constant,
    patch_big_endian,
    reserve,
)

from namesrv.wire.answer_frames import success_header, topic_not_exist_header

cdef enum:
    FRAME_PREFIX_BYTES = 8
    MOST_DIGITS = 20
    QUOTE = 34
    BACKSLASH = 92

cdef object _OPAQUE = 31415926
cdef bytes _OPAQUE_TEXT = b"31415926"
cdef str _TOPIC = "%TOPIC%"


cdef list _parts(bytes header):
    return header.split(_OPAQUE_TEXT)


cdef list _success = _parts(success_header(_OPAQUE))
cdef list _changed = _parts(success_header(_OPAQUE, '{"changed":"true"}'))
cdef list _unchanged = _parts(success_header(_OPAQUE, '{"changed":"false"}'))
cdef list _missing = _parts(topic_not_exist_header(_TOPIC, _OPAQUE))
cdef list _remark = _missing[1].split(_TOPIC.encode())

cdef Constant SUCCESS_START = constant(_success[0])
cdef Constant SUCCESS_END = constant(_success[1])
cdef Constant CHANGED_START = constant(_changed[0])
cdef Constant UNCHANGED_START = constant(_unchanged[0])
cdef Constant MISSING_START = constant(_missing[0])
cdef Constant MISSING_REMARK = constant(_remark[0])
cdef Constant MISSING_END = constant(_remark[1])


cdef bint append_success(
    Output* output, int opaque, const char* body, Py_ssize_t body_length
) noexcept nogil:
    """A frame of code 0."""
    return _append_frame(output, &SUCCESS_START, opaque, body, body_length)


cdef bint append_changed(
    Output* output, int opaque, bint changed, const char* body, Py_ssize_t body_length
) noexcept nogil:
    """A frame of code 0 with "changed" for a DataVersion (322)."""
    return _append_frame(
        output,
        &CHANGED_START if changed else &UNCHANGED_START,
        opaque,
        body,
        body_length,
    )


cdef bint append_topic_not_exist(
    Output* output, int opaque, const unsigned char* topic, Py_ssize_t length
) noexcept nogil:
    """A frame of code 17 for a printable ASCII topic."""
    cdef Py_ssize_t start = output.length
    if not reserve(
        output,
        FRAME_PREFIX_BYTES
        + MISSING_START.length
        + MISSING_REMARK.length
        + MISSING_END.length
        + 2 * length
        + MOST_DIGITS,
    ):
        return False
    output.length += FRAME_PREFIX_BYTES
    append_constant(output, &MISSING_START)
    append_int(output, opaque)
    append_constant(output, &MISSING_REMARK)
    _append_escaped(output, topic, length)
    append_constant(output, &MISSING_END)
    _patch_prefix(output, start, output.length - start - FRAME_PREFIX_BYTES)
    return True


cdef inline void _append_escaped(
    Output* output, const unsigned char* text, Py_ssize_t length
) noexcept nogil:
    """Printable ASCII inside a JSON string."""
    cdef Py_ssize_t i
    for i in range(length):
        if text[i] == QUOTE or text[i] == BACKSLASH:
            break
    else:
        append(output, <const char*>text, length)
        return
    for i in range(length):
        if text[i] == QUOTE or text[i] == BACKSLASH:
            append(output, b"\\", 1)
        append(output, <const char*>text + i, 1)


cdef bint _append_frame(
    Output* output,
    const Constant* start,
    int opaque,
    const char* body,
    Py_ssize_t body_length,
) noexcept nogil:
    cdef Py_ssize_t frame = output.length
    cdef Py_ssize_t header_length
    if not reserve(
        output,
        FRAME_PREFIX_BYTES
        + start.length
        + MOST_DIGITS
        + SUCCESS_END.length
        + body_length,
    ):
        return False
    output.length += FRAME_PREFIX_BYTES
    append_constant(output, start)
    append_int(output, opaque)
    append_constant(output, &SUCCESS_END)
    header_length = output.length - frame - FRAME_PREFIX_BYTES
    append(output, body, body_length)
    _patch_prefix(output, frame, header_length)
    return True


cdef inline void _patch_prefix(
    Output* output, Py_ssize_t frame, Py_ssize_t header_length
) noexcept nogil:
    cdef Py_ssize_t frame_length = output.length - frame - 4
    patch_big_endian(output, frame, <unsigned int>frame_length)
    patch_big_endian(output, frame + 4, <unsigned int>header_length)
