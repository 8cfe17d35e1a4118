"""A hash map from two texts to a Python object, looked up without making one.

Open addressing with linear probing, at most two thirds full; removal moves the cluster
behind it back, so that there are no tombstones. The hash is seeded, because brokers
choose the names of topics. Slots borrow what a dictionary owns, where the garbage
collector sees it: a table holds connections, which lead back to the table.
"""

import os

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size

cdef enum:
    FIRST_SLOTS = 16

# Occurs in no UTF-8, so that no two pairs make the same key.
cdef bytes SEPARATOR = b"\xff"


cdef inline bytes _encoded(str text):
    return text.encode("utf-8", "surrogatepass")


cdef inline unsigned long long _word(const unsigned char* text) noexcept nogil:
    cdef unsigned long long word
    memcpy(&word, text, 8)
    return word


cdef inline unsigned long long _mix(
    unsigned long long hash, unsigned long long word
) noexcept nogil:
    hash = (hash ^ word) * <unsigned long long>0x9E3779B97F4A7C15
    return hash ^ (hash >> 32)


cdef inline unsigned long long _fold(
    unsigned long long hash, const unsigned char* text, Py_ssize_t length
) noexcept nogil:
    """Add a text and its length to a hash, eight bytes at a time."""
    cdef const unsigned char* end = text + length
    cdef unsigned long long word = 0
    hash = _mix(hash, <unsigned long long>length)
    if length < 8:
        while text < end:
            word = word << 8 | text[0]
            text += 1
        return _mix(hash, word)
    while end - text > 8:
        hash = _mix(hash, _word(text))
        text += 8
    # The last eight bytes, some of them for the second time.
    return _mix(hash, _word(end - 8))


cdef inline const unsigned char* _text_of(Slot* slot) noexcept nogil:
    """The key, where it is nearer."""
    cdef Py_ssize_t length = slot.first_length
    length += 1 + <Py_ssize_t>slot.second_length
    if length <= INLINE_BYTES:
        return &slot.inline_text[0]
    return slot.text


cdef inline bint _is_key(
    const unsigned char* text,
    const unsigned char* first,
    Py_ssize_t first_length,
    const unsigned char* second,
    Py_ssize_t second_length,
) noexcept nogil:
    """Whether a key of these lengths says this."""
    if first_length and memcmp(text, first, first_length) != 0:
        return False
    if second_length == 0:
        return True
    return memcmp(text + first_length + 1, second, second_length) == 0


cdef Slot* _aligned(void* memory) noexcept nogil:
    cdef size_t place = <size_t>memory + sizeof(Slot) - 1
    return <Slot*>(place - place % sizeof(Slot))


cdef class TextMap:
    def __cinit__(self):
        self._owned = {}
        self._memory = calloc(FIRST_SLOTS + 1, sizeof(Slot))
        if self._memory == NULL:
            raise MemoryError()
        self._slots = _aligned(self._memory)
        self._mask = FIRST_SLOTS - 1
        self._seed = <unsigned long long>int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        free(self._memory)

    def __len__(self):
        return self._count

    cdef void* find(
        self,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept:
        """The value, borrowed, or NULL."""
        cdef unsigned long long hash = self._hash(
            first, first_length, second, second_length
        )
        return self._slot(hash, first, first_length, second, second_length).value

    cdef void* find_texts(self, str first, str second) except? NULL:
        """As `find`."""
        cdef bytes one = _encoded(first)
        cdef bytes two = _encoded(second)
        return self.find(
            <const unsigned char*>PyBytes_AsString(one),
            PyBytes_Size(one),
            <const unsigned char*>PyBytes_AsString(two),
            PyBytes_Size(two),
        )

    cdef int put(self, str first, str second, object value) except -1:
        """Store a value, in place of the one that was there."""
        cdef bytes one = _encoded(first)
        cdef bytes key = one + SEPARATOR + _encoded(second)
        cdef const unsigned char* text = <const unsigned char*>PyBytes_AsString(key)
        cdef Py_ssize_t n = PyBytes_Size(one)
        cdef Py_ssize_t m = PyBytes_Size(key) - n - 1
        cdef unsigned long long hash = self._hash(text, n, text + n + 1, m)
        cdef Slot* slot
        if (self._count + 1) * 3 > (self._mask + 1) * 2:
            self._grow()
        # The name keeps the old value for as long as its slot points to it.
        replaced = self._owned.get(key)
        self._owned[key] = value
        slot = self._slot(hash, text, n, text + n + 1, m)
        slot.value = <void*>value
        if slot.text == NULL:
            slot.text = text
            memcpy(slot.inline_text, text, min(n + 1 + m, <Py_ssize_t>INLINE_BYTES))
            slot.first_length = <unsigned int>n
            slot.second_length = <unsigned int>m
            slot.hash = hash
            self._count += 1
        del replaced
        return 0

    cdef object pop(self, str first, str second):
        """Take a value out; None when there was none."""
        cdef bytes one = _encoded(first)
        cdef bytes key = one + SEPARATOR + _encoded(second)
        cdef const unsigned char* text = <const unsigned char*>PyBytes_AsString(key)
        cdef Py_ssize_t n = PyBytes_Size(one)
        cdef Py_ssize_t m = PyBytes_Size(key) - n - 1
        cdef unsigned long long hash = self._hash(text, n, text + n + 1, m)
        cdef Slot* slot = self._slot(hash, text, n, text + n + 1, m)
        cdef Py_ssize_t hole, i, home
        if slot.text == NULL:
            return None
        hole = slot - self._slots
        i = hole
        while True:
            i = (i + 1) & self._mask
            if self._slots[i].text == NULL:
                break
            home = <Py_ssize_t>(self._slots[i].hash & <unsigned long long>self._mask)
            if ((i - home) & self._mask) >= ((i - hole) & self._mask):
                self._slots[hole] = self._slots[i]
                hole = i
        self._slots[hole].text = NULL
        self._slots[hole].value = NULL
        self._count -= 1
        return self._owned.pop(key)

    cdef list values(self):
        """All values, in no order."""
        return list(self._owned.values())

    cdef int _grow(self) except -1:
        cdef void* old_memory = self._memory
        cdef Slot* old = self._slots
        cdef Py_ssize_t slots = self._mask + 1
        cdef Py_ssize_t i, place
        cdef void* memory = calloc(slots * 2 + 1, sizeof(Slot))
        cdef Slot* new = _aligned(memory)
        if memory == NULL:
            raise MemoryError()
        self._memory = memory
        self._slots = new
        self._mask = slots * 2 - 1
        for i in range(slots):
            if old[i].text == NULL:
                continue
            place = <Py_ssize_t>(old[i].hash & <unsigned long long>self._mask)
            while new[place].text != NULL:
                place = (place + 1) & self._mask
            new[place] = old[i]
        free(old_memory)
        return 0

    cdef unsigned long long _hash(
        self,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept:
        cdef unsigned long long hash = _fold(self._seed, first, first_length)
        if second_length:
            hash = _fold(hash, second, second_length)
        # What the last bytes changed is high up now, and places are taken from below.
        return _mix(hash, 0)

    cdef Slot* _slot(
        self,
        unsigned long long hash,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept:
        """The slot that holds the key, or the free one where it would go."""
        cdef Py_ssize_t place = <Py_ssize_t>(hash & <unsigned long long>self._mask)
        cdef Slot* slot
        while True:
            slot = &self._slots[place]
            if slot.text == NULL:
                return slot
            if (
                slot.hash == hash
                and slot.first_length == <unsigned int>first_length
                and slot.second_length == <unsigned int>second_length
                and _is_key(_text_of(slot), first, first_length, second, second_length)
            ):
                return slot
            place = (place + 1) & self._mask
