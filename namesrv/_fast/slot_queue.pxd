"""A queue of the slots of a table, which any of them may leave.

Compiled only: C structs, no Python. A slot is its number in the table.
"""

from libc.stdlib cimport calloc, free

cdef enum:
    OUTSIDE = 0  # the neighbour of a slot that is not in the queue
    END = 1      # stands before the oldest and behind the newest
    FIRST_SLOT = 2


cdef struct Link:
    unsigned int older
    unsigned int newer


cdef struct SlotQueue:
    Link* links  # NULL until the first slot comes
    Py_ssize_t count


cdef inline int open_queue(SlotQueue* queue, Py_ssize_t slots) except -1:
    """Make an empty queue for a table of so many slots. Raises MemoryError."""
    queue.links = <Link*>calloc(slots + FIRST_SLOT, sizeof(Link))
    queue.count = 0
    if queue.links == NULL:
        raise MemoryError()
    queue.links[END].older = END
    queue.links[END].newer = END
    return 0


cdef inline void close_queue(SlotQueue* queue) noexcept nogil:
    free(queue.links)
    queue.links = NULL


cdef inline bint is_queued(const SlotQueue* queue, Py_ssize_t slot) noexcept nogil:
    return queue.links != NULL and queue.links[slot + FIRST_SLOT].newer != OUTSIDE


cdef inline void append_slot(SlotQueue* queue, Py_ssize_t slot) noexcept nogil:
    """Add a slot as the newest; it is not in the queue."""
    cdef unsigned int place = <unsigned int>(slot + FIRST_SLOT)
    cdef unsigned int newest = queue.links[END].older
    queue.links[place].older = newest
    queue.links[place].newer = END
    queue.links[newest].newer = place
    queue.links[END].older = place
    queue.count += 1


cdef inline void take_slot(SlotQueue* queue, Py_ssize_t slot) noexcept nogil:
    """Take a slot out, which is in the queue."""
    cdef Link* link = &queue.links[slot + FIRST_SLOT]
    queue.links[link.older].newer = link.newer
    queue.links[link.newer].older = link.older
    link.older = link.newer = OUTSIDE
    queue.count -= 1


cdef inline void move_slot(
    SlotQueue* queue, Py_ssize_t source, Py_ssize_t target
) noexcept nogil:
    """Something moved to a slot that is not in the queue, and keeps its turn."""
    cdef Link* link
    cdef unsigned int place = <unsigned int>(target + FIRST_SLOT)
    if not is_queued(queue, source):
        return
    link = &queue.links[source + FIRST_SLOT]
    queue.links[place] = link[0]
    queue.links[link.older].newer = place
    queue.links[link.newer].older = place
    link.older = link.newer = OUTSIDE


cdef inline Py_ssize_t oldest_slot(const SlotQueue* queue) noexcept nogil:
    """-1 of an empty queue."""
    if queue.links == NULL:
        return -1
    return <Py_ssize_t>queue.links[END].newer - FIRST_SLOT


cdef inline Py_ssize_t newer_slot(
    const SlotQueue* queue, Py_ssize_t slot
) noexcept nogil:
    """The slot that follows one in the queue; -1 behind the newest."""
    return <Py_ssize_t>queue.links[slot + FIRST_SLOT].newer - FIRST_SLOT
