"""Small steps through a header's bytes. Compiled only: C structs, no Python.

Every step takes a place and the end; it returns the place after the part read, or NULL.
"""

from libc.string cimport memcmp

from namesrv._fast.words cimport WORD_BYTES, plain_bytes, read_eight_digits

cdef enum:
    MOST_MEMBERS = 32
    MOST_VERSION_DIGITS = 18

cdef struct Text:
    const unsigned char* data  # NULL: absent or null
    Py_ssize_t length

cdef enum Kind:
    STRING
    NUMBER
    NULL_WORD
    TRUE_WORD
    FALSE_WORD
    OPEN_BRACE

cdef struct Members:
    int count
    Text names[MOST_MEMBERS]
    Text values[MOST_MEMBERS]  # only those of extFields


cdef inline bint is_word(
    Text* text, const char* word, Py_ssize_t length
) noexcept nogil:
    return text.length == length and memcmp(text.data, word, length) == 0


cdef inline const unsigned char* skip_blanks(
    const unsigned char* place, const unsigned char* end
) noexcept nogil:
    while place < end and (
        place[0] == 32 or place[0] == 10 or place[0] == 13 or place[0] == 9
    ):
        place += 1
    return place


cdef inline const unsigned char* scan_string(
    const unsigned char* place, const unsigned char* end, Text* text
) noexcept nogil:
    """A string whose opening quote is at `place`; the place after it, or NULL."""
    cdef int plain = WORD_BYTES
    place += 1
    text.data = place
    while plain == WORD_BYTES and end - place >= WORD_BYTES:
        plain = plain_bytes(place)
        place += plain
    while place < end and 32 <= place[0] <= 126 and place[0] != 92:
        if place[0] == 34:
            text.length = place - text.data
            return place + 1
        place += 1
    return NULL


cdef inline const unsigned char* scan_number(
    const unsigned char* place, const unsigned char* end, Text* text
) noexcept nogil:
    """0, or up to ten digits without a leading 0; the place after it, or NULL."""
    cdef int digits = 0
    text.data = place
    if place[0] == 48:
        text.length = 1
        return place + 1
    if place[0] == 45:
        place += 1
        if place == end or place[0] == 48:
            return NULL
    while place < end and 48 <= place[0] <= 57 and digits < 10:
        place += 1
        digits += 1
    if digits == 0:
        return NULL
    text.length = place - text.data
    return place


cdef inline const unsigned char* scan_word(
    const unsigned char* place, const unsigned char* end, Text* text, Kind* kind
) noexcept nogil:
    text.data = place
    if end - place >= 4 and memcmp(place, b"null", 4) == 0:
        kind[0] = NULL_WORD
        text.length = 4
    elif end - place >= 4 and memcmp(place, b"true", 4) == 0:
        kind[0] = TRUE_WORD
        text.length = 4
    elif end - place >= 5 and memcmp(place, b"false", 5) == 0:
        kind[0] = FALSE_WORD
        text.length = 5
    else:
        return NULL
    return place + text.length


cdef inline const unsigned char* scan_member(
    const unsigned char* place,
    const unsigned char* end,
    Text* name,
    Text* value,
    Kind* kind,
) noexcept nogil:
    """A name, a colon and the value or its `{`; the place after it, or NULL."""
    place = skip_blanks(place, end)
    if place == end or place[0] != 34:
        return NULL
    place = scan_string(place, end, name)
    if place == NULL:
        return NULL
    place = skip_blanks(place, end)
    if place == end or place[0] != 58:
        return NULL
    place = skip_blanks(place + 1, end)
    if place == end:
        return NULL
    if place[0] == 34:
        kind[0] = STRING
        return scan_string(place, end, value)
    if place[0] == 123:
        kind[0] = OPEN_BRACE
        return place + 1
    if place[0] == 45 or 48 <= place[0] <= 57:
        kind[0] = NUMBER
        return scan_number(place, end, value)
    return scan_word(place, end, value, kind)


cdef inline bint is_new(Members* members, Text* name) noexcept nogil:
    """Remember a name; 0 if it is a duplicate or there are too many."""
    cdef int i
    if members.count == MOST_MEMBERS:
        return False
    for i in range(members.count):
        if members.names[i].length == name.length and (
            memcmp(members.names[i].data, name.data, name.length) == 0
        ):
            return False
    members.names[members.count] = name[0]
    members.count += 1
    return True


cdef inline bint read_int32(Text* text, Kind kind, int* number) noexcept nogil:
    """The number in a text of at most ten digits; 0 if it is none or too large."""
    cdef long long value = 0
    cdef Py_ssize_t i = 0
    cdef bint negative
    if kind != NUMBER:
        return False
    negative = text.data[0] == 45
    for i in range(1 if negative else 0, text.length):
        value = value * 10 + (text.data[i] - 48)
    if negative:
        value = -value
    if value < -2147483648 or value > 2147483647:
        return False
    number[0] = <int>value
    return True


cdef inline const unsigned char* scan_int32(
    const unsigned char* place, const unsigned char* end, int* number
) noexcept nogil:
    """A number as `scan_number` and `read_int32` have it; the place after it, or
    NULL."""
    cdef long long value
    cdef const unsigned char* most
    cdef Text text
    if end - place < 10 or place[0] == 48 or not read_eight_digits(place, &value):
        if place == end:
            return NULL
        place = scan_number(place, end, &text)
        if place == NULL or not read_int32(&text, NUMBER, number):
            return NULL
        return place
    most = place + 10
    place += 8
    while place < most and 48 <= place[0] <= 57:
        value = value * 10 + (place[0] - 48)
        place += 1
    if value > 2147483647:
        return NULL
    number[0] = <int>value
    return place


cdef inline unsigned int big_endian(
    const unsigned char* place, int size
) noexcept nogil:
    cdef unsigned int value = 0
    cdef int i
    for i in range(size):
        value = value << 8 | place[i]
    return value


cdef inline const unsigned char* scan_binary_text(
    const unsigned char* place, const unsigned char* end, int length_bytes, Text* text
) noexcept nogil:
    """A text with its length before it; the place after it, or NULL."""
    cdef unsigned int length
    cdef unsigned int i
    if end - place < length_bytes:
        return NULL
    length = big_endian(place, length_bytes)
    place += length_bytes
    if length == 0 or length > <size_t>(end - place):
        return NULL
    for i in range(length):
        if place[i] < 32 or place[i] > 126:
            return NULL
    text.data = place
    text.length = length
    return place + length


cdef inline bint is_true(Text* text) noexcept nogil:
    """Java's parseBoolean: "true" in any letter case."""
    cdef const char* word = b"true"
    cdef Py_ssize_t i
    if text.data == NULL or text.length != 4:
        return False
    for i in range(4):
        if (text.data[i] | 0x20) != word[i]:
            return False
    return True


cdef inline const unsigned char* scan_named_number(
    const unsigned char* place,
    const unsigned char* end,
    const char* name,
    Py_ssize_t name_length,
    long long* number,
) noexcept nogil:
    """`name`, then 0 or up to 18 digits without a leading 0; NULL for anything else."""
    cdef int digits = 0
    cdef long long value = 0
    if end - place < name_length or memcmp(place, name, name_length) != 0:
        return NULL
    place += name_length
    if place < end and place[0] == 48:
        number[0] = 0
        return place + 1
    while place < end and 48 <= place[0] <= 57 and digits < MOST_VERSION_DIGITS:
        value = value * 10 + (place[0] - 48)
        place += 1
        digits += 1
    number[0] = value
    return place if digits else NULL
