# cython: nonecheck=False, cdivision=True
"""Headers that differ from an earlier one only in their values.

Compiled only. A client writes all its headers alike: only the opaque and the texts in
extFields change. A header that was read in full is kept as a shape: its text, with
holes in place of those values. The next header is compared with the text between the
holes, which takes a third of the time. A hole accepts the same values as the full
reader, so that both ways read a header equally.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from namesrv._fast.head cimport HeadView, view_head
from namesrv._fast.scan cimport (
    Kind,
    NUMBER,
    OPEN_BRACE,
    STRING,
    Text,
    is_word,
    scan_int32,
    scan_member,
    scan_string,
    skip_blanks,
)
from namesrv._fast.words cimport are_equal

from namesrv.hot_path import LONGEST_HOT_HEADER_BYTES

cdef Py_ssize_t LONGEST_BYTES = LONGEST_HOT_HEADER_BYTES

cdef enum:
    LONGEST_SHAPE_BYTES = 2048
    CLOSE_BRACE = 125

cdef enum Member:
    OPAQUE
    TOPIC
    BROKER_ADDR
    CLUSTER_NAME
    ACCEPT_STANDARD
    OTHER


cdef inline int _member(Text* name) noexcept nogil:
    """Fields whose values are read; __ZONE_MODE only has to be present."""
    if is_word(name, b"topic", 5):
        return TOPIC
    if is_word(name, b"brokerAddr", 10):
        return BROKER_ADDR
    if is_word(name, b"clusterName", 11):
        return CLUSTER_NAME
    if is_word(name, b"acceptStandardJsonOnly", 22):
        return ACCEPT_STANDARD
    return OTHER


cdef inline bint _fits(
    HeadShape* shape,
    const unsigned char* place,
    const unsigned char* end,
    HeadView* head,
) noexcept nogil:
    """Read a header of this shape into `head`; 0 if it has another shape."""
    cdef Hole* hole
    cdef Text value
    cdef int i
    head[0] = shape.head
    for i in range(shape.holes_count):
        hole = &shape.holes[i]
        if end - place < hole.length or not are_equal(
            place, shape.text + hole.start, hole.length
        ):
            return False
        place += hole.length
        if hole.member == OPAQUE:
            place = scan_int32(place, end, &head.opaque)
        else:
            place = scan_string(place - 1, end, &value)
            _note_value(head, hole.member, &value)
        if place == NULL:
            return False
    return end - place == shape.tail_length and are_equal(
        place, shape.text + shape.tail_start, shape.tail_length
    )


cdef inline void _note_value(HeadView* head, int member, Text* value) noexcept nogil:
    if member == TOPIC:
        head.topic = value[0]
    elif member == BROKER_ADDR:
        head.broker_addr = value[0]
    elif member == CLUSTER_NAME:
        head.cluster_name = value[0]
    elif member == ACCEPT_STANDARD:
        head.accept_standard_json_only = value[0]


cdef class HeadShapes:
    """The most recent shapes, shared by all connections of a thread."""

    def __dealloc__(self):
        cdef int i
        for i in range(self._count):
            free(self._shapes[i].text)

    cdef bint view(
        self,
        int* latest,
        int serialize_type,
        const unsigned char* header,
        Py_ssize_t length,
        HeadView* head,
    ) noexcept nogil:
        """As `view_head`; `latest` is the index of the connection's last shape."""
        cdef int i
        if self.view_alike(latest[0], serialize_type, header, length, head):
            return True
        if serialize_type == 0 and length <= LONGEST_BYTES:
            for i in range(self._count):
                if _fits(&self._shapes[i], header, header + length, head):
                    latest[0] = i
                    return True
        if not view_head(serialize_type, header, length, head):
            return False
        if serialize_type == 0 and length <= LONGEST_SHAPE_BYTES:
            latest[0] = self._learn(latest[0], header, length)
        return True

    cdef bint view_alike(
        self,
        int latest,
        int serialize_type,
        const unsigned char* header,
        Py_ssize_t length,
        HeadView* head,
    ) noexcept nogil:
        """As `view`, for a header of the last shape only: views of before stay good."""
        if serialize_type != 0 or length > LONGEST_BYTES or latest >= self._count:
            return False
        return _fits(&self._shapes[latest], header, header + length, head)

    cdef int _learn(
        self, int latest, const unsigned char* header, Py_ssize_t length
    ) noexcept nogil:
        """Keep the shape of a header that was read in full, and return its index;
        `latest` if memory is refused."""
        cdef int at = self._next
        cdef HeadShape* shape = &self._shapes[at]
        cdef unsigned char* text = <unsigned char*>malloc(length)
        if text == NULL:
            return latest
        memcpy(text, header, length)
        if at == self._count:
            self._count = at + 1
        else:
            free(shape.text)
        self._next = (at + 1) % MOST_SHAPES
        shape.text = text
        # Texts without a hole are read from the text of the shape.
        view_head(0, text, length, &shape.head)
        _find_holes(shape, length)
        return at


cdef void _find_holes(HeadShape* shape, Py_ssize_t length) noexcept nogil:
    """Finds the values of a header that was read in full."""
    cdef const unsigned char* end = shape.text + length
    cdef const unsigned char* place = skip_blanks(shape.text, end) + 1
    cdef const unsigned char* constant = shape.text
    cdef Text name = Text(NULL, 0)
    cdef Text value = Text(NULL, 0)
    cdef Kind kind = STRING
    shape.holes_count = 0
    while True:
        place = scan_member(place, end, &name, &value, &kind)
        if kind == OPEN_BRACE:
            place = _find_ext_holes(shape, place, end, &constant)
        elif kind == NUMBER and is_word(&name, b"opaque", 6):
            _add_hole(shape, &constant, value.data, place, OPAQUE)
        place = skip_blanks(place, end)
        if place[0] == CLOSE_BRACE:
            break
        place += 1
    shape.tail_start = constant - shape.text
    shape.tail_length = end - constant


cdef const unsigned char* _find_ext_holes(
    HeadShape* shape,
    const unsigned char* place,
    const unsigned char* end,
    const unsigned char** constant,
) noexcept nogil:
    """The members after a `{`; the place after its `}`."""
    cdef const unsigned char* after = skip_blanks(place, end)
    cdef Text name = Text(NULL, 0)
    cdef Text value = Text(NULL, 0)
    cdef Kind kind = STRING
    if after[0] == CLOSE_BRACE:
        return after + 1
    while True:
        place = scan_member(place, end, &name, &value, &kind)
        if kind == STRING:
            _add_hole(shape, constant, value.data, place, _member(&name))
        place = skip_blanks(place, end)
        if place[0] == CLOSE_BRACE:
            return place + 1
        place += 1


cdef void _add_hole(
    HeadShape* shape,
    const unsigned char** constant,
    const unsigned char* value,
    const unsigned char* after,
    int member,
) noexcept nogil:
    """The opening quote of a text belongs to the part before the hole. Past the limit,
    a value is part of the text between them."""
    cdef Hole* hole = &shape.holes[shape.holes_count]
    if shape.holes_count == MOST_HOLES:
        return
    hole.start = constant[0] - shape.text
    hole.length = value - constant[0]
    hole.member = member
    constant[0] = after
    shape.holes_count += 1
