# cython: nonecheck=False, cdivision=True
"""A hash map from one or two texts to a pointer, looked up without the GIL.

Open addressing with linear probing, at most two thirds full; removal moves the cluster
behind it back, so that there are no tombstones. Brokers choose the names of topics,
so the hash is SipHash-1-3 with a random key, as that of Python's texts: a faster one
with a secret seed has pairs of names that collide under every seed.

A single text is not copied: the map has a reference to it and points to its UTF-8,
which for ASCII are its own characters. Values are borrowed, and their owner shows them
to the garbage collector: one map holds brokers, whose connections lead back to it.
"""

import os

cimport cython
from libc.stdlib cimport calloc, free
from libc.string cimport memchr

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from cpython.exc cimport PyErr_Clear
from cpython.ref cimport Py_DECREF, Py_INCREF

from namesrv._fast.lane_locks cimport LaneLocks
from namesrv._fast.sip_hash cimport Hash, sip_hash_of
from namesrv._fast.slot_queue cimport (
    SlotQueue,
    append_slot,
    close_queue,
    is_queued,
    move_slot,
    newer_slot,
    oldest_slot,
    open_queue,
    take_slot,
)
from namesrv._fast.words cimport are_equal, word_of

cdef extern from *:
    # Without `except NULL`: a lone surrogate is no error here.
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* length)

cdef extern from * nogil:
    void fetch "__builtin_prefetch"(const void* place)

cdef enum:
    FIRST_SLOTS = 16
    # Occurs in no UTF-8, so that no two pairs make the same key.
    SEPARATOR = 0xFF

cdef bytes _SEPARATOR = bytes([SEPARATOR])


cdef inline bytes _encoded(str text):
    return text.encode("utf-8", "surrogatepass")


cdef int _read(object owner, Key* key) except -1:
    """The key that an owner has."""
    cdef Py_ssize_t length
    cdef const unsigned char* end
    key.second = NULL
    key.second_length = 0
    if type(owner) is str:
        key.first = <const unsigned char*>PyUnicode_AsUTF8AndSize(owner, &length)
        key.first_length = length
        return 0
    key.first = <const unsigned char*>PyBytes_AsString(owner)
    key.first_length = length = PyBytes_Size(owner)
    end = <const unsigned char*>memchr(key.first, SEPARATOR, length)
    if end != NULL:
        key.first_length = end - key.first
        key.second = end + 1
        key.second_length = length - key.first_length - 1
    return 0


cdef Hash _keyed(bytes key):
    """The first state for a key of 16 bytes."""
    cdef const unsigned char* text = <const unsigned char*>PyBytes_AsString(key)
    cdef unsigned long long low = word_of(text)
    cdef unsigned long long high = word_of(text + 8)
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
    return sip_hash_of(
        _keyed(key),
        <const unsigned char*>PyBytes_AsString(one),
        PyBytes_Size(one),
        <const unsigned char*>PyBytes_AsString(two),
        PyBytes_Size(two),
    )


cdef inline unsigned int _hash(Hash keyed, const Key* key) noexcept nogil:
    return <unsigned int>sip_hash_of(
        keyed, key.first, key.first_length, key.second, key.second_length
    )


cdef inline Py_ssize_t _length(const Key* key) noexcept nogil:
    """Bytes of a key with its separator."""
    if key.second == NULL:
        return key.first_length
    return key.first_length + 1 + key.second_length


cdef inline bint _is_key(const unsigned char* text, const Key* key) noexcept nogil:
    """Whether the text of a slot is a key, whose length it has."""
    if not are_equal(text, key.first, key.first_length):
        return False
    if key.second == NULL:
        return True
    text += key.first_length
    if text[0] != SEPARATOR:
        return False
    return are_equal(text + 1, key.second, key.second_length)


cdef Slot* _aligned(void* memory) noexcept nogil:
    cdef size_t place = <size_t>memory + sizeof(Slot) - 1
    return <Slot*>(place - place % sizeof(Slot))


@cython.no_gc
cdef class TextMap:
    """With locks, lanes may `find` while they hold theirs; without, one thread may.

    Keys are single texts, whose `second` is None or NULL, or pairs. A `Slot*` is good
    until something is placed or removed. Some keys stand in a queue.
    """

    def __cinit__(self, LaneLocks locks=None):
        self._locks = LaneLocks() if locks is None else locks
        self._memory = calloc(FIRST_SLOTS + 1, sizeof(Slot))
        if self._memory == NULL:
            raise MemoryError()
        self._slots = _aligned(self._memory)
        self._mask = FIRST_SLOTS - 1
        self._keyed = _keyed(os.urandom(16))

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self._memory == NULL:
            return
        for i in range(self._mask + 1):
            if self._slots[i].text != NULL:
                Py_DECREF(<object>self._slots[i].owner)
        free(self._memory)
        close_queue(&self._queue)

    def __len__(self):
        return self._count

    cdef void* find(self, const Key* key) noexcept nogil:
        """The value, or NULL."""
        return self.find_hashed(key, self.hash_of(key))

    cdef unsigned int hash_of(self, const Key* key) noexcept nogil:
        """For `find_hashed` and `expect`; needs no lock."""
        return _hash(self._keyed, key)

    cdef void* find_hashed(self, const Key* key, unsigned int hash) noexcept nogil:
        """As `find`."""
        return self._slot(key, hash).value

    cdef void expect(self, unsigned int hash) noexcept nogil:
        """Have the slot of a key, its text and its value fetched from memory, for a
        `find_hashed` that follows. The processor does it beside other work."""
        cdef Slot* slot = &self._slots[<Py_ssize_t>hash & self._mask]
        if slot.hash == hash:
            fetch(slot.text)
            fetch(slot.value)

    cdef Slot* seek(self, str first, str second) except NULL:
        """The slot of a key; its value is NULL if the key is not there."""
        cdef object owner = _owner(first, second)
        cdef Key key
        _read(owner, &key)
        return self._slot(&key, _hash(self._keyed, &key))

    cdef Slot* place(self, str first, str second, void* value) except NULL:
        """The slot of a key, which gets this value if it was not there."""
        cdef object owner = _owner(first, second)
        cdef Key key
        cdef unsigned int hash
        cdef Slot* slot
        _read(owner, &key)
        hash = _hash(self._keyed, &key)
        slot = self._slot(&key, hash)
        if slot.text != NULL:
            return slot
        if (self._count + 1) * 3 > (self._mask + 1) * 2:
            self._grow()
            slot = self._slot(&key, hash)
        Py_INCREF(owner)
        self._locks.lock_all()
        slot.text = key.first
        slot.owner = <void*>owner
        slot.value = value
        slot.hash = hash
        slot.length = <unsigned int>_length(&key)
        self._locks.unlock_all()
        self._count += 1
        return slot

    cdef void set(self, Slot* slot, void* value) noexcept:
        """Give a key another value; the former one may go afterwards."""
        self._locks.lock_all()
        slot.value = value
        self._locks.unlock_all()

    cdef int remove(self, Slot* slot) except -1:
        """Remove a key that is there; its value may go afterwards."""
        cdef Slot* slots = self._slots
        cdef Py_ssize_t mask = self._mask
        cdef Py_ssize_t hole = slot - slots
        cdef Py_ssize_t i = hole
        cdef Py_ssize_t home
        cdef object owner = <object>slot.owner
        self.dequeue(slot)
        self._locks.lock_all()
        while True:
            i = (i + 1) & mask
            if slots[i].text == NULL:
                break
            home = <Py_ssize_t>slots[i].hash & mask
            if ((i - home) & mask) >= ((i - hole) & mask):
                slots[hole] = slots[i]
                move_slot(&self._queue, i, hole)
                hole = i
        slots[hole].text = NULL
        slots[hole].value = NULL
        self._locks.unlock_all()
        self._count -= 1
        Py_DECREF(owner)
        return 0

    cdef int enqueue(self, Slot* slot) except -1:
        """Append a key to the queue, if it is not there. Raises MemoryError."""
        cdef Py_ssize_t place = slot - self._slots
        if self._queue.links == NULL:
            open_queue(&self._queue, self._mask + 1)
        if not is_queued(&self._queue, place):
            append_slot(&self._queue, place)
        return 0

    cdef void dequeue(self, Slot* slot) noexcept:
        """Take a key out of the queue, if it is there."""
        cdef Py_ssize_t place = slot - self._slots
        if is_queued(&self._queue, place):
            take_slot(&self._queue, place)

    cdef Slot* oldest(self) noexcept:
        """The first key of the queue; NULL if it is empty."""
        cdef Py_ssize_t place = oldest_slot(&self._queue)
        return NULL if place < 0 else &self._slots[place]

    cdef int _grow(self) except -1:
        """Double the table. A lane sees the old one or the new one, both whole."""
        cdef Py_ssize_t slots = (self._mask + 1) * 2
        cdef void* memory = calloc(slots + 1, sizeof(Slot))
        cdef void* old_memory = self._memory
        cdef Slot* new = _aligned(memory)
        cdef SlotQueue queue
        if memory == NULL:
            raise MemoryError()
        queue.links = NULL
        queue.count = 0
        if self._queue.links != NULL:
            try:
                open_queue(&queue, slots)
            except MemoryError:
                free(memory)
                raise
        _fill(new, slots - 1, self._slots, self._mask)
        _requeue(&queue, new, slots - 1, &self._queue, self._slots)
        self._locks.lock_all()
        self._memory = memory
        self._slots = new
        self._mask = slots - 1
        self._locks.unlock_all()
        free(old_memory)
        close_queue(&self._queue)
        self._queue = queue
        return 0

    cdef Slot* _slot(self, const Key* key, unsigned int hash) noexcept nogil:
        """The slot that holds the key, or the free one where it would go."""
        cdef unsigned int length = <unsigned int>_length(key)
        cdef Py_ssize_t place = <Py_ssize_t>hash & self._mask
        cdef Slot* slot
        while True:
            slot = &self._slots[place]
            if slot.text == NULL:
                return slot
            if (
                slot.hash == hash
                and slot.length == length
                and _is_key(slot.text, key)
            ):
                return slot
            place = (place + 1) & self._mask


cdef object _owner(str first, str second):
    """An object that has the key in UTF-8: a single text itself, if it can."""
    if second is not None:
        return _encoded(first) + _SEPARATOR + _encoded(second)
    if PyUnicode_AsUTF8AndSize(first, NULL) != NULL:
        return first
    PyErr_Clear()
    return _encoded(first)


cdef Slot* _free_slot(Slot* slots, Py_ssize_t mask, unsigned int hash) noexcept:
    cdef Py_ssize_t place = <Py_ssize_t>hash & mask
    while slots[place].text != NULL:
        place = (place + 1) & mask
    return &slots[place]


cdef void _fill(
    Slot* slots, Py_ssize_t mask, const Slot* old, Py_ssize_t old_mask
) noexcept:
    """Copy all keys of a table to a larger one, which is empty."""
    cdef Py_ssize_t i
    for i in range(old_mask + 1):
        if old[i].text != NULL:
            _free_slot(slots, mask, old[i].hash)[0] = old[i]


cdef void _requeue(
    SlotQueue* queue,
    Slot* slots,
    Py_ssize_t mask,
    const SlotQueue* old_queue,
    const Slot* old,
) noexcept:
    """The queue of a table for the larger one that it was copied to."""
    cdef Py_ssize_t i = oldest_slot(old_queue)
    cdef Py_ssize_t place
    while i >= 0:
        place = <Py_ssize_t>old[i].hash & mask
        while slots[place].text != old[i].text:
            place = (place + 1) & mask
        append_slot(queue, place)
        i = newer_slot(old_queue, i)
