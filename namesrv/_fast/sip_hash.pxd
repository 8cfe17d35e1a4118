"""SipHash-1-3, the hash of Python's texts.

Compiled only: C structs, no Python.
"""

from namesrv._fast.words cimport word_of


# The state of a SipHash.
cdef struct Hash:
    unsigned long long a
    unsigned long long b
    unsigned long long c
    unsigned long long d


cdef inline unsigned long long _rotated(
    unsigned long long word, int bits
) noexcept nogil:
    return word << bits | word >> (64 - bits)


cdef inline void _round(Hash* h) noexcept nogil:
    h.a += h.b
    h.b = _rotated(h.b, 13) ^ h.a
    h.a = _rotated(h.a, 32)
    h.c += h.d
    h.d = _rotated(h.d, 16) ^ h.c
    h.a += h.d
    h.d = _rotated(h.d, 21) ^ h.a
    h.c += h.b
    h.b = _rotated(h.b, 17) ^ h.c
    h.c = _rotated(h.c, 32)


cdef inline void _add_word(Hash* h, unsigned long long word) noexcept nogil:
    h.d ^= word
    _round(h)
    h.a ^= word


cdef inline void _add(
    Hash* h, const unsigned char* text, Py_ssize_t length
) noexcept nogil:
    """Hash a text, eight bytes at a time, then its last bytes with its length."""
    cdef const unsigned char* last = text + (length & ~<Py_ssize_t>7)
    cdef int rest = <int>(length & 7)
    cdef unsigned long long word = <unsigned long long>length << 56
    cdef int i
    while text < last:
        _add_word(h, word_of(text))
        text += 8
    if rest and length >= 8:
        # The last eight bytes, without those that were added.
        word |= word_of(text + rest - 8) >> (8 * (8 - rest))
    else:
        for i in range(rest):
            word |= <unsigned long long>text[i] << (8 * i)
    _add_word(h, word)


cdef inline unsigned long long sip_hash_of(
    Hash h,
    const unsigned char* first,
    Py_ssize_t first_length,
    const unsigned char* second,
    Py_ssize_t second_length,
) noexcept nogil:
    """SipHash-1-3 of one text; of two, with a mark between them."""
    _add(&h, first, first_length)
    if second_length:
        h.c ^= 0xEE
        _add(&h, second, second_length)
    h.c ^= 0xFF
    _round(&h)
    _round(&h)
    _round(&h)
    return h.a ^ h.b ^ h.c ^ h.d
