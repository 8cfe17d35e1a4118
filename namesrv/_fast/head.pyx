"""The request header, read only as far as the hot path needs it.

`read_head` reads the forms that real clients send (docs/protocol.md, chapter on
clients) and returns None, "not mine", for all others, which `wire.command` reads. Both
read a header that is "mine" in the same way.

The JSON form: one object; printable ASCII without backslashes; no name twice; at most
MOST_HEAD_MEMBERS members in an object; values are strings, whole numbers of up to ten
digits, true, false or null; only extFields is an object; blanks, tabs and line ends
anywhere between the tokens. `code` and `opaque` are required.
"""

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size

from namesrv._fast.scan cimport (
    Kind,
    MOST_MEMBERS,
    Members,
    NULL_WORD,
    OPEN_BRACE,
    STRING,
    Text,
    big_endian,
    is_new,
    is_word,
    read_int32,
    scan_binary_text,
    scan_member,
    skip_blanks,
)

from namesrv.hot_path import (
    LONGEST_HOT_HEADER_BYTES,
    MOST_HEAD_MEMBERS,
    Head,
    check_bytes,
    check_int32,
)

cdef Py_ssize_t LONGEST_BYTES = LONGEST_HOT_HEADER_BYTES

cdef enum:
    FIXED_BYTES = 13

cdef struct Fields:
    bint has_code
    bint has_opaque

if MOST_HEAD_MEMBERS != MOST_MEMBERS:
    raise ImportError("MOST_HEAD_MEMBERS differs from what was compiled in")


def read_head(serialize_type, header):
    """Read a header of type 0 (JSON) or 1 (ROCKETMQ); None for "not mine".

    Headers of more than LONGEST_HOT_HEADER_BYTES are "not mine".
    """
    cdef HeadView view
    cdef Members members
    check_int32("serialize_type", serialize_type)
    check_bytes("header", header)
    if not view_members(
        0 if serialize_type == 0 else 1,
        <const unsigned char*>PyBytes_AsString(header),
        PyBytes_Size(header),
        &view,
        &members,
    ):
        return None
    ext_fields = _as_dict(&members) if view.has_ext_fields else None
    return Head(view.code, view.version, view.opaque, view.flag, ext_fields)


cdef bint view_head(
    int serialize_type,
    const unsigned char* header,
    Py_ssize_t length,
    HeadView* head,
) noexcept nogil:
    """Fill `head`; 0 for "not mine"."""
    cdef Members members
    return view_members(serialize_type, header, length, head, &members)


cdef bint view_members(
    int serialize_type,
    const unsigned char* header,
    Py_ssize_t length,
    HeadView* head,
    Members* members,
) noexcept nogil:
    """As `view_head`; also fill `members` with all of extFields."""
    head.topic.data = NULL
    head.accept_standard_json_only.data = NULL
    head.zone_mode.data = NULL
    head.cluster_name.data = NULL
    head.broker_addr.data = NULL
    head.version = 0
    head.flag = 0
    head.has_ext_fields = False
    members.count = 0
    if length > LONGEST_BYTES:
        return False
    if serialize_type == 0:
        return _view_json_head(header, header + length, head, members)
    return _view_binary_head(header, header + length, head, members)


cdef dict ext_fields_of(
    int serialize_type, const unsigned char* header, Py_ssize_t length
):
    """All of extFields of a header that `view_head` accepts."""
    cdef HeadView head
    cdef Members members
    view_members(serialize_type, header, length, &head, &members)
    return _as_dict(&members)


cdef dict _as_dict(Members* members):
    """Names and values as texts, None for null."""
    cdef dict ext_fields = {}
    cdef int i
    for i in range(members.count):
        value = &members.values[i]
        text = None if value.data == NULL else _python_text(value)
        ext_fields[_python_text(&members.names[i])] = text
    return ext_fields


cdef object _python_text(Text* text):
    return PyBytes_FromStringAndSize(<char*>text.data, text.length).decode("ascii")


cdef inline void _note_ext_field(
    HeadView* head, Text* name, Text* value
) noexcept nogil:
    if is_word(name, b"topic", 5):
        head.topic = value[0]
    elif is_word(name, b"brokerAddr", 10):
        head.broker_addr = value[0]
    elif is_word(name, b"clusterName", 11):
        head.cluster_name = value[0]
    elif is_word(name, b"__ZONE_MODE", 11):
        head.zone_mode = value[0]
    elif is_word(name, b"acceptStandardJsonOnly", 22):
        head.accept_standard_json_only = value[0]


cdef const unsigned char* _ext_fields(
    const unsigned char* place,
    const unsigned char* end,
    HeadView* head,
    Members* members,
) noexcept nogil:
    """The members after a `{`; the place after its `}`, or NULL for "not mine"."""
    cdef Text name
    cdef Text value
    cdef Kind kind
    cdef const unsigned char* after = skip_blanks(place, end)
    if after < end and after[0] == 125:
        return after + 1
    while True:
        place = scan_member(place, end, &name, &value, &kind)
        if place == NULL or kind == OPEN_BRACE or not is_new(members, &name):
            return NULL
        if kind == NULL_WORD:
            value.data = NULL
        _note_ext_field(head, &name, &value)
        members.values[members.count - 1] = value
        place = skip_blanks(place, end)
        if place == end:
            return NULL
        if place[0] == 125:
            return place + 1
        if place[0] != 44:
            return NULL
        place += 1


cdef bint _note_member(
    HeadView* head, Fields* fields, Text* name, Text* value, Kind kind
) noexcept nogil:
    """Store a member that is not an object; 0 for "not mine"."""
    cdef int number = 0
    if is_word(name, b"code", 4):
        fields.has_code = True
        return read_int32(value, kind, &head.code)
    if is_word(name, b"opaque", 6):
        fields.has_opaque = True
        return read_int32(value, kind, &head.opaque)
    if is_word(name, b"version", 7):
        return read_int32(value, kind, &head.version)
    if is_word(name, b"flag", 4):
        return read_int32(value, kind, &head.flag)
    if is_word(name, b"extFields", 9):
        return kind == NULL_WORD
    if is_word(name, b"remark", 6):
        return kind == STRING or kind == NULL_WORD
    if is_word(name, b"language", 8):
        if kind == STRING or kind == NULL_WORD:
            return True
        return read_int32(value, kind, &number) and 0 <= number <= 13
    return True


cdef bint _view_json_head(
    const unsigned char* place,
    const unsigned char* end,
    HeadView* head,
    Members* members,
) noexcept nogil:
    cdef Members own
    cdef Fields fields
    cdef Text name
    cdef Text value
    cdef Kind kind
    own.count = 0
    value.data = NULL
    value.length = 0
    fields.has_code = False
    fields.has_opaque = False
    place = skip_blanks(place, end)
    if place == end or place[0] != 123:
        return False
    place += 1
    while True:
        # An empty object has no code, so it is "not mine" in any case.
        place = scan_member(place, end, &name, &value, &kind)
        if place == NULL or not is_new(&own, &name):
            return False
        if kind == OPEN_BRACE:
            if not is_word(&name, b"extFields", 9):
                return False
            head.has_ext_fields = True
            place = _ext_fields(place, end, head, members)
            if place == NULL:
                return False
        elif not _note_member(head, &fields, &name, &value, kind):
            return False
        place = skip_blanks(place, end)
        if place == end:
            return False
        if place[0] == 125:
            break
        if place[0] != 44:
            return False
        place += 1
    return fields.has_code and fields.has_opaque and skip_blanks(place + 1, end) == end


cdef bint _view_binary_head(
    const unsigned char* start,
    const unsigned char* end,
    HeadView* head,
    Members* members,
) noexcept nogil:
    cdef const unsigned char* place = start + FIXED_BYTES
    cdef unsigned int length
    if end - start < FIXED_BYTES + 8:
        return False
    head.code = <short>big_endian(start, 2)
    head.version = <short>big_endian(start + 3, 2)
    head.opaque = <int>big_endian(start + 5, 4)
    head.flag = <int>big_endian(start + 9, 4)
    length = big_endian(place, 4)
    place += 4
    if end - place < 4 or length > <size_t>(end - place - 4):
        return False
    place += length
    length = big_endian(place, 4)
    place += 4
    if length != <size_t>(end - place):
        return False
    head.has_ext_fields = length != 0
    return _binary_ext_fields(place, end, head, members)


cdef bint _binary_ext_fields(
    const unsigned char* place,
    const unsigned char* end,
    HeadView* head,
    Members* members,
) noexcept nogil:
    """Pairs of printable ASCII, none empty, no name twice; 0 for "not mine"."""
    cdef Text name
    cdef Text value
    while place < end:
        place = scan_binary_text(place, end, 2, &name)
        if place == NULL:
            return False
        place = scan_binary_text(place, end, 4, &value)
        if place == NULL or not is_new(members, &name):
            return False
        _note_ext_field(head, &name, &value)
        members.values[members.count - 1] = value
    return True
