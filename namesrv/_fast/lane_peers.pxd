"""Connections of lanes as C structs, lines of a lane, mailboxes between threads.

Compiled only, Linux only: no Python. A peer is in one place at a time: in one line of
its lane, in a mailbox, or in a `LanePeer` of the loop. Its holder may change it, so
that a peer needs no lock.
"""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from namesrv._fast.atomic cimport store_count
from posix.unistd cimport close, write

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t*, void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_trylock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)


cdef inline void count_one(long long* counter) noexcept nogil:
    """Count for the loop, which reads; only one thread counts."""
    store_count(counter, counter[0] + 1)


cdef struct Address:
    int family
    unsigned short port
    unsigned int scope
    unsigned char host[16]


cdef struct Peer:
    Peer* previous           # in a line
    Peer* next               # in a line or a mailbox
    int fd
    int lane
    int latest_shape
    int version              # of its last request; of a sample the type of its header
    bint has_version
    bint has_sent
    bint is_watched          # by the epoll of its lane
    bint is_counted          # among the open connections of lanes
    bint is_sample           # a header in `input`, and no connection
    bint is_new              # given to a lane by the one that accepted it
    long long read_ms        # time of the last input
    long long kept_ms        # time since which input is kept
    unsigned char* input     # not handled yet
    Py_ssize_t input_length
    Py_ssize_t asked         # bytes of `input` that are a question to the loop
    char* output             # not sent yet
    Py_ssize_t output_length
    Address address


# The peers of one kind, the one that came first at the head. A ring through `ring`.
cdef struct Line:
    Peer ring


cdef struct Mailbox:
    pthread_mutex_t lock
    Peer* first
    Peer* last
    bint is_called  # its thread was woken, and has not emptied it since
    int wake_fd


cdef inline void open_line(Line* line) noexcept nogil:
    line.ring.previous = line.ring.next = &line.ring


cdef inline Peer* head_of(Line* line) noexcept nogil:
    """The first peer, or NULL."""
    return line.ring.next if line.ring.next != &line.ring else NULL


cdef inline void put_last(Line* line, Peer* peer) noexcept nogil:
    peer.previous = line.ring.previous
    peer.next = &line.ring
    line.ring.previous.next = peer
    line.ring.previous = peer


cdef inline void leave_line(Peer* peer) noexcept nogil:
    if peer.previous == NULL:
        return  # it is in none
    peer.previous.next = peer.next
    peer.next.previous = peer.previous
    peer.previous = peer.next = NULL


cdef inline void wake(int fd) noexcept nogil:
    cdef long long one = 1
    # A full counter wakes its reader, too.
    write(fd, &one, sizeof(one))


cdef inline void leave(Mailbox* box, Peer* peer) noexcept nogil:
    """Give a peer to the thread that empties the box, without waking it."""
    peer.next = NULL
    pthread_mutex_lock(&box.lock)
    if box.first == NULL:
        box.first = peer
    else:
        box.last.next = peer
    box.last = peer
    pthread_mutex_unlock(&box.lock)


cdef inline void call(Mailbox* box) noexcept nogil:
    """Wake the thread that empties the box, once for all that it finds there."""
    cdef bint was_called
    pthread_mutex_lock(&box.lock)
    was_called = box.is_called
    box.is_called = True
    pthread_mutex_unlock(&box.lock)
    if not was_called:
        wake(box.wake_fd)


cdef inline void post(Mailbox* box, Peer* peer) noexcept nogil:
    """Give a peer to the thread that empties the box, and wake it."""
    leave(box, peer)
    call(box)


cdef inline Peer* take_all(Mailbox* box) noexcept nogil:
    """All peers in the box, linked by `next` in the order of their arrival."""
    cdef Peer* first
    pthread_mutex_lock(&box.lock)
    first = box.first
    box.first = box.last = NULL
    box.is_called = False
    pthread_mutex_unlock(&box.lock)
    return first


cdef inline Peer* new_peer(int fd, int lane) noexcept nogil:
    """A peer without input and output; NULL without memory."""
    cdef Peer* peer = <Peer*>calloc(1, sizeof(Peer))
    if peer != NULL:
        peer.fd = fd
        peer.lane = lane
    return peer


cdef inline void free_peer(Peer* peer) noexcept nogil:
    """Close its socket, if it has one still, and free its memory."""
    if peer.fd >= 0:
        close(peer.fd)
    free(peer.input)
    free(peer.output)
    free(peer)


cdef inline void close_box(Mailbox* box) noexcept nogil:
    """Free a mailbox with all that is in it."""
    cdef Peer* peer = take_all(box)
    cdef Peer* following
    while peer != NULL:
        following = peer.next
        free_peer(peer)
        peer = following
    pthread_mutex_destroy(&box.lock)
    if box.wake_fd > 0:
        close(box.wake_fd)


cdef inline void* copied(const void* data, Py_ssize_t length) noexcept nogil:
    """A copy that `free` ends; NULL for no bytes, and without memory."""
    cdef void* copy = malloc(length) if length else NULL
    if copy != NULL:
        memcpy(copy, data, length)
    return copy
