"""A hash map from one or two texts to a pointer, looked up without the GIL.

Compiled only. Keys are texts in UTF-8.
"""

from namesrv._fast.lane_locks cimport LaneLocks
from namesrv._fast.sip_hash cimport Hash
from namesrv._fast.slot_queue cimport SlotQueue


# The second text of a single one is NULL, and never of a pair.
cdef struct Key:
    const unsigned char* first
    Py_ssize_t first_length
    const unsigned char* second
    Py_ssize_t second_length


# Two fill a cache line.
cdef struct Slot:
    const unsigned char* text  # of the owner; NULL: the slot is free
    void* owner                # a str, or bytes; the map has a reference to it
    void* value                # borrowed
    unsigned int hash
    unsigned int length


cdef class TextMap:
    cdef LaneLocks _locks
    cdef void* _memory
    cdef Slot* _slots
    cdef Py_ssize_t _mask
    cdef Py_ssize_t _count
    cdef Hash _keyed
    cdef SlotQueue _queue

    cdef void* find(self, const Key* key) noexcept nogil
    cdef unsigned int hash_of(self, const Key* key) noexcept nogil
    cdef void* find_hashed(self, const Key* key, unsigned int hash) noexcept nogil
    cdef void expect(self, unsigned int hash) noexcept nogil
    cdef Slot* seek(self, str first, str second) except NULL
    cdef Slot* place(self, str first, str second, void* value) except NULL
    cdef void set(self, Slot* slot, void* value) noexcept
    cdef int remove(self, Slot* slot) except -1
    cdef int enqueue(self, Slot* slot) except -1
    cdef void dequeue(self, Slot* slot) noexcept
    cdef Slot* oldest(self) noexcept
    cdef int _grow(self) except -1
    cdef Slot* _slot(self, const Key* key, unsigned int hash) noexcept nogil
