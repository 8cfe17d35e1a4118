"""Eight bytes at a time, as one number.

Compiled only. Loops over single bytes, and calls of the C library for a few words, were
a fourteenth of a lookup. The first byte of a word is its lowest one; where memory has
the other order, the functions that depend on it leave the work to the loops of their
callers.
"""

cimport cython
from libc.string cimport memcpy

cdef extern from * nogil:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define namesrv_is_little_endian 1
    #define namesrv_zeros_below(word) __builtin_ctzll(word)
    #else
    #define namesrv_is_little_endian 0
    #define namesrv_zeros_below(word) 0
    #endif
    """
    bint IS_LITTLE_ENDIAN "namesrv_is_little_endian"
    int _zeros_below "namesrv_zeros_below"(unsigned long long word)

cdef enum:
    WORD_BYTES = 8


cdef inline unsigned long long word_of(const unsigned char* text) noexcept nogil:
    cdef unsigned long long word
    memcpy(&word, text, WORD_BYTES)
    return word


cdef inline bint are_equal(
    const unsigned char* one, const unsigned char* other, Py_ssize_t length
) noexcept nogil:
    """Whether two texts of this length are equal."""
    cdef Py_ssize_t last = length - WORD_BYTES
    cdef Py_ssize_t i = 0
    if last < 0:
        while i < length:
            if one[i] != other[i]:
                return False
            i += 1
        return True
    while i < last:
        if word_of(one + i) != word_of(other + i):
            return False
        i += WORD_BYTES
    # The last word may overlap the one before.
    return word_of(one + last) == word_of(other + last)


cdef inline int plain_bytes(const unsigned char* place) noexcept nogil:
    """How many of eight bytes come before the first one that is not printable, a quote
    or a backslash; it may be less where memory has the other order."""
    cdef unsigned long long ones = 0x0101010101010101
    cdef unsigned long long word = word_of(place)
    cdef unsigned long long quotes = word ^ (ones * 34)
    cdef unsigned long long slashes = word ^ (ones * 92)
    # A byte is below a limit if subtracting it borrows, and above 126 if adding 1 or
    # nothing sets its highest bit. Bytes above the first one that does may be wrong.
    cdef unsigned long long marks = (
        ((word - ones * 32) & ~word)
        | ((quotes - ones) & ~quotes)
        | ((slashes - ones) & ~slashes)
        | (word + ones)
        | word
    ) & (ones << 7)
    return _zeros_below(marks) >> 3 if marks else WORD_BYTES


cdef inline bint read_eight_digits(
    const unsigned char* place, long long* value
) noexcept nogil:
    """Read a number of eight digits; 0 if they are none, or memory has the other
    order."""
    cdef unsigned long long ones = 0x0101010101010101
    cdef unsigned long long highs = ones * 0xF0
    cdef unsigned long long word = word_of(place)
    if not IS_LITTLE_ENDIAN or (
        (word & highs) | (((word + ones * 6) & highs) >> 4)
    ) != ones * 0x33:
        return False
    # Each number takes its neighbour in: 10 * 256 + 1, 100 * 65536 + 1, and so on.
    word = ((word & (ones * 0x0F)) * 0xA01) >> 8
    word = ((word & <unsigned long long>0x00FF00FF00FF00FF) * 0x640001) >> 16
    word = (word & <unsigned long long>0x0000FFFF0000FFFF) * (
        <unsigned long long>0x271000000001
    )
    value[0] = <long long>(word >> 32)
    return True


@cython.cdivision(True)
cdef inline void write_eight_digits(char* place, unsigned int value) noexcept nogil:
    """Write a number below 10 ** 8 with leading zeros; needs IS_LITTLE_ENDIAN."""
    cdef unsigned long long fours, pairs, digits, tens
    fours = value // <unsigned int>10000
    fours |= <unsigned long long>(value % <unsigned int>10000) << 32
    # Multiplied and shifted instead of divided: exact below 10,000, and below 100.
    tens = ((fours * 10486) >> 20) & <unsigned long long>0x0000007F0000007F
    pairs = tens | ((fours - tens * 100) << 16)
    tens = ((pairs * 103) >> 10) & <unsigned long long>0x000F000F000F000F
    digits = tens | ((pairs - tens * 10) << 8)
    digits |= <unsigned long long>0x3030303030303030
    memcpy(place, &digits, WORD_BYTES)
