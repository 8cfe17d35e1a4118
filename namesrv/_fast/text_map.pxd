"""A hash map from two texts to a Python object, looked up without making one.

Compiled only. Keys are bytes in UTF-8; a single text has an empty second part.
"""

from namesrv._fast.lane_locks cimport LaneLocks


cdef enum:
    INLINE_BYTES = 32


# Fills a cache line, so that a key that is not too long is found by reading one.
cdef struct Slot:
    unsigned long long hash
    const unsigned char* text  # of a key of _owned; NULL: the slot is free
    unsigned int first_length
    unsigned int second_length
    void* value                # borrowed from _owned
    unsigned char inline_text[INLINE_BYTES]


# The state of a SipHash.
cdef struct Hash:
    unsigned long long a
    unsigned long long b
    unsigned long long c
    unsigned long long d


cdef class TextMap:
    cdef LaneLocks _locks
    cdef dict _owned
    cdef void* _memory
    cdef Slot* _slots
    cdef Py_ssize_t _mask
    cdef Py_ssize_t _count
    cdef Hash _keyed

    cdef void* find(
        self,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept nogil
    cdef void* find_texts(self, str first, str second) except? NULL
    cdef int put(self, str first, str second, object value) except -1
    cdef object pop(self, str first, str second)
    cdef list values(self)
    cdef int _grow(self) except -1
    cdef Slot* _slot(
        self,
        unsigned long long hash,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept nogil
