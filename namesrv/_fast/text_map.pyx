# cython: nonecheck=False, cdivision=True
"""A hash map from two texts to a Python object, looked up without making one.

Open addressing with linear probing, at most two thirds full; removal moves the cluster
behind it back, so that there are no tombstones. Brokers choose the names of topics,
so the hash is SipHash-1-3 with a random key, as that of Python's texts: a faster one
with a secret seed has pairs of names that collide under every seed. Slots borrow from a
dictionary, where the garbage collector sees the objects: a table holds connections,
which lead back to the table.
"""

import os

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size

from namesrv._fast.lane_locks cimport LaneLocks

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
        _add_word(h, _word(text))
        text += 8
    if rest and length >= 8:
        # The last eight bytes, without those that were added.
        word |= _word(text + rest - 8) >> (8 * (8 - rest))
    else:
        for i in range(rest):
            word |= <unsigned long long>text[i] << (8 * i)
    _add_word(h, word)


cdef inline unsigned long long _hash(
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


cdef Hash _keyed(bytes key):
    """The first state for a key of 16 bytes."""
    cdef unsigned long long low = _word(<const unsigned char*>PyBytes_AsString(key))
    cdef unsigned long long high = _word(
        <const unsigned char*>PyBytes_AsString(key) + 8
    )
    cdef Hash h
    h.a = low ^ <unsigned long long>0x736F6D6570736575
    h.b = high ^ <unsigned long long>0x646F72616E646F6D
    h.c = low ^ <unsigned long long>0x6C7967656E657261
    h.d = high ^ <unsigned long long>0x7465646279746573
    return h


def sip_hash(key, first, second):
    """The hash of a key of the map as it would be with a key of 16 bytes.

    The map has a random one. Raises ValueError for another number of bytes.
    """
    cdef bytes one = first, two = second
    if len(key) != 16:
        raise ValueError(f"the key has {len(key)} bytes, and needs 16")
    return _hash(
        _keyed(key),
        <const unsigned char*>PyBytes_AsString(one),
        PyBytes_Size(one),
        <const unsigned char*>PyBytes_AsString(two),
        PyBytes_Size(two),
    )


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
    """Whether a key of these lengths equals the two texts."""
    if first_length and memcmp(text, first, first_length) != 0:
        return False
    if second_length == 0:
        return True
    return memcmp(text + first_length + 1, second, second_length) == 0


cdef Slot* _aligned(void* memory) noexcept nogil:
    cdef size_t place = <size_t>memory + sizeof(Slot) - 1
    return <Slot*>(place - place % sizeof(Slot))


cdef class TextMap:
    """With locks, lanes may `find` while they hold theirs; without, one thread may."""

    def __cinit__(self, LaneLocks locks=None):
        self._locks = LaneLocks() if locks is None else locks
        self._owned = {}
        self._memory = calloc(FIRST_SLOTS + 1, sizeof(Slot))
        if self._memory == NULL:
            raise MemoryError()
        self._slots = _aligned(self._memory)
        self._mask = FIRST_SLOTS - 1
        self._keyed = _keyed(os.urandom(16))

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
    ) noexcept nogil:
        """The value, borrowed, or NULL."""
        cdef unsigned long long hash = _hash(
            self._keyed, first, first_length, second, second_length
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
        """Store a value; it replaces an older one."""
        cdef bytes one = _encoded(first)
        cdef bytes key = one + SEPARATOR + _encoded(second)
        cdef const unsigned char* text = <const unsigned char*>PyBytes_AsString(key)
        cdef Py_ssize_t n = PyBytes_Size(one)
        cdef Py_ssize_t m = PyBytes_Size(key) - n - 1
        cdef unsigned long long hash = _hash(self._keyed, text, n, text + n + 1, m)
        cdef Slot* slot
        if (self._count + 1) * 3 > (self._mask + 1) * 2:
            self._grow()
        # The name keeps the old value for as long as its slot points to it.
        replaced = self._owned.get(key)
        self._owned[key] = value
        slot = self._slot(hash, text, n, text + n + 1, m)
        self._locks.lock_all()
        slot.value = <void*>value
        if slot.text == NULL:
            slot.text = text
            memcpy(slot.inline_text, text, min(n + 1 + m, <Py_ssize_t>INLINE_BYTES))
            slot.first_length = <unsigned int>n
            slot.second_length = <unsigned int>m
            slot.hash = hash
            self._count += 1
        self._locks.unlock_all()
        del replaced
        return 0

    cdef object pop(self, str first, str second):
        """Remove and return a value; None if there is none."""
        cdef bytes one = _encoded(first)
        cdef bytes key = one + SEPARATOR + _encoded(second)
        cdef const unsigned char* text = <const unsigned char*>PyBytes_AsString(key)
        cdef Py_ssize_t n = PyBytes_Size(one)
        cdef Py_ssize_t m = PyBytes_Size(key) - n - 1
        cdef unsigned long long hash = _hash(self._keyed, text, n, text + n + 1, m)
        cdef Slot* slot = self._slot(hash, text, n, text + n + 1, m)
        cdef Py_ssize_t hole, i, home
        if slot.text == NULL:
            return None
        hole = slot - self._slots
        i = hole
        self._locks.lock_all()
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
        self._locks.unlock_all()
        self._count -= 1
        return self._owned.pop(key)

    cdef list values(self):
        """All values, in no order."""
        return list(self._owned.values())

    cdef int _grow(self) except -1:
        cdef void* old_memory = self._memory
        cdef Slot* old = self._slots
        cdef Py_ssize_t slots = self._mask + 1
        cdef Py_ssize_t mask = slots * 2 - 1
        cdef Py_ssize_t i, place
        cdef void* memory = calloc(slots * 2 + 1, sizeof(Slot))
        cdef Slot* new = _aligned(memory)
        if memory == NULL:
            raise MemoryError()
        for i in range(slots):
            if old[i].text == NULL:
                continue
            place = <Py_ssize_t>(old[i].hash & <unsigned long long>mask)
            while new[place].text != NULL:
                place = (place + 1) & mask
            new[place] = old[i]
        self._locks.lock_all()
        self._memory = memory
        self._slots = new
        self._mask = mask
        self._locks.unlock_all()
        free(old_memory)
        return 0

    cdef Slot* _slot(
        self,
        unsigned long long hash,
        const unsigned char* first,
        Py_ssize_t first_length,
        const unsigned char* second,
        Py_ssize_t second_length,
    ) noexcept nogil:
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
