"""TopicConfig objects in known forms (`wire.topic_forms`), read without an object."""

from libc.string cimport memchr

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from cpython.list cimport PyList_Size

from namesrv._fast.words cimport are_equal


cdef enum:
    HOLES = 5
    MOST_FORMS = 8
    LONGEST_NAME = 1024


cdef struct Form:
    int holes[HOLES]
    const char* texts[HOLES + 1]
    Py_ssize_t lengths[HOLES + 1]
    int objects


cdef struct Config:
    # Where the name begins in the body, and its length.
    Py_ssize_t name
    int length
    # By hole; the first one is the name's.
    int numbers[HOLES]


cdef inline int load(list forms, Form* known) except -1:
    """Read known forms; the list keeps their texts."""
    cdef Py_ssize_t place
    cdef int i
    for place in range(min(PyList_Size(forms), MOST_FORMS)):
        texts, holes = forms[place]
        for i in range(HOLES):
            known[place].holes[i] = holes[i]
        for i in range(HOLES + 1):
            known[place].texts[i] = PyBytes_AsString(texts[i])
            known[place].lengths[i] = PyBytes_Size(texts[i])
        known[place].objects = sum([text.count(b"{") for text in texts])
    return <int>min(PyList_Size(forms), MOST_FORMS)


cdef inline int name_length(const char* at, const char* end) noexcept nogil:
    """Of the plain name of a member that begins here; -1 for anything else."""
    cdef Py_ssize_t most = end - at - 3, length, i
    cdef const char* quote
    cdef unsigned char byte
    if most < 1 or at[0] != b'"':
        return -1
    quote = <const char*>memchr(at + 1, b'"', min(most, LONGEST_NAME) + 1)
    if quote == NULL or quote + 1 >= end or quote[1] != b":":
        return -1
    length = quote - at - 1
    if length < 1:
        return -1
    for i in range(1, length + 1):
        byte = <unsigned char>at[i]
        if byte < 0x20 or byte > 0x7E or byte in (0x5C, 0x7B, 0x7D):
            return -1
    return <int>length


cdef inline const char* read_int32(
    const char* at, const char* end, int* number
) noexcept nogil:
    """Read an int32 as JSON has it; NULL for anything else."""
    cdef bint is_negative = at < end and at[0] == b"-"
    cdef const char* first
    cdef long long value = 0
    at += is_negative
    first = at
    while at < end and b"0" <= at[0] <= b"9" and at - first < 11:
        value = 10 * value + (at[0] - 48)
        at += 1
    if at == first or at - first > 10:
        return NULL
    if first[0] == b"0" and (is_negative or at - first > 1):
        return NULL
    if is_negative:
        value = -value
    if value != <int>value:
        return NULL
    number[0] = <int>value
    return at


cdef inline const char* read(
    const Form* form, const char* at, const char* end, const char* name, Config* config
) noexcept nogil:
    cdef int i, hole
    cdef Py_ssize_t length
    for i in range(HOLES + 1):
        length = form.lengths[i]
        if end - at < length or not are_equal(
            <const unsigned char*>at, <const unsigned char*>form.texts[i], length
        ):
            return NULL
        at += length
        if i == HOLES:
            return at
        hole = form.holes[i]
        if hole:
            at = read_int32(at, end, &config.numbers[hole])
            if at == NULL:
                return NULL
        else:
            length = config.length
            if end - at < length or not are_equal(
                <const unsigned char*>at, <const unsigned char*>name, length
            ):
                return NULL
            at += length
    return at


cdef inline const char* match(
    const char* at,
    const char* end,
    const char* name,
    Config* config,
    const Form* known,
    int count,
    int* latest,
) noexcept nogil:
    """The place behind a TopicConfig in a known form, NULL for another one."""
    cdef const char* behind
    cdef int i
    if latest[0] >= 0:
        behind = read(&known[latest[0]], at, end, name, config)
        if behind != NULL:
            return behind
    for i in range(count):
        if i != latest[0]:
            behind = read(&known[i], at, end, name, config)
            if behind != NULL:
                latest[0] = i
                return behind
    return NULL
